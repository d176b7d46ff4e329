// Colours boxes by a figure: a scale of nine steps, or one colour for each kind.

import { KERNELS } from "./data.js";
import { bytesText, figureText, full, secondsText, short } from "./text.js";

const STEPS = 8;

// What boxes can be coloured by: how the figure is read, added up and written.
export const COLOURS = {
  macs: { words: "MACs", write: short },
  params: { words: "parameters", write: short },
  flops: { words: "FLOPs", write: short },
  activation_bytes: { words: "bytes of outputs", write: bytesText },
  saved: { words: "bytes saved for backward", write: bytesText },
  peak: { words: "bytes in memory at inference", write: bytesText },
  field: { words: "receptive field", write: (value) => (value === Infinity ? "all" : full(value)) },
  seconds: { words: "measured time", write: secondsText },
  kernel: { words: "kind of kernel", kinds: KERNELS },
  change: { words: "change", kinds: ["added", "removed", "changed", "field", "renamed", "same"] },
  none: { words: "nothing", kinds: [] },
};

// The colours that have something to say about a network.
export function coloursOf(network) {
  return Object.keys(COLOURS).filter((key) => {
    if (key === "seconds") return Boolean(network.times);
    if (key === "change") return Boolean(network.diff);
    if (key === "saved" || key === "peak") return Boolean(network.memory);
    return true;
  });
}

// A figure of a layer as a number; null if it has none.
export function figureOf(layer, key) {
  if (key === "field") {
    const seen = layer.fields[0];
    if (!seen) return null;
    return seen.size.reduce((most, size) => {
      if (size === null || most === null) return null;
      return Math.max(most, size === "all" ? Infinity : size);
    }, 0);
  }
  return layer[key];
}

// The figure of all layers of a box.
export function figureOfAll(layers, key) {
  if (key === "field") {
    const last = [...layers].reverse().find((layer) => layer.fields.length);
    return last ? figureOf(last, key) : null;
  }
  const known = layers.map((layer) => layer[key]).filter((value) => value !== null);
  if (!known.length) return null;
  if (key === "peak") return known.reduce((a, b) => Math.max(a, b), 0);
  return known.reduce((a, b) => a + b, 0);
}

// The figure of all layers of a box as a text, if it says something.
export function writtenOf(layers, key) {
  const { write } = COLOURS[key];
  const value = write ? figureOfAll(layers, key) : null;
  const isUnknown = layers.some((layer) => layer.unknown.has(key));
  return value || isUnknown ? figureText(value, write, isUnknown) : "";
}

// The step of a value on the scale, from 0 to 8; the scale follows the square root.
export function stepOf(value, most) {
  if (!value || !most) return 0;
  if (value === Infinity) return STEPS;
  return Math.max(1, Math.min(STEPS, Math.round(STEPS * Math.sqrt(value / most))));
}

// The kind of a box: that of the layers with the most to compute.
export function kindOf(layers, key) {
  if (key === "change") {
    const kinds = new Set(layers.map((layer) => layer.change?.kind ?? "same"));
    for (const layer of layers) if (layer.op === "input" && !layer.change) kinds.add("same");
    if (kinds.size === 1) return [...kinds][0];
    kinds.delete("same");
    kinds.delete("renamed");
    if (kinds.size === 0) return "renamed";
    return kinds.size === 1 && kinds.has("field") ? "field" : "changed";
  }
  if (layers[0]?.op === "input") return null;
  let best = layers[0];
  for (const layer of layers) if ((layer.flops ?? 0) > (best.flops ?? 0)) best = layer;
  return best.kernel === null ? null : KERNELS[best.kernel];
}

// The class of a box, which a style sheet gives its colour.
export function classOf(layers, key, most) {
  if (key === "none" || layers[0]?.op === "input") return "plain";
  const { kinds } = COLOURS[key];
  if (kinds) {
    const kind = kindOf(layers, key);
    return kind === null ? "plain" : `${key}-${kinds.indexOf(kind)}`;
  }
  return `heat-${stepOf(figureOfAll(layers, key), most)}`;
}
