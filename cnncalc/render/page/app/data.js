// Reads the data of the page: networks whose layers are objects.

import { pathsOf, unpacked } from "./packed.js";
import { full } from "./text.js";

export const pageData = JSON.parse(document.getElementById("data").textContent);

export const KERNELS = [
  "convolution", "1×1 convolution", "depthwise convolution", "matrix product", "pooling",
  "normalisation", "of each value", "join", "moves values", "other",
];

const FIGURES = [
  "params", "macs", "flops", "activations", "activation_bytes", "saved", "peak", "moved",
  "buffers", "frozen", "seconds",
];

// Return the network with a list of layers; those that only an older one has come last.
export function readNetwork(data) {
  const network = { ...data, nodes: [], byPath: new Map(), unknown: new Set(data.unknown) };
  if (!data.layers) return network;
  network.nodes = layersOf(data);
  if (data.diff) addChanges(network, data);
  const error = data.diagnostics.find((one) => one.severity === "error");
  if (!data.complete && error) addStop(network, error);
  for (const layer of network.nodes) {
    if (!network.byPath.has(layer.path)) network.byPath.set(layer.path, layer);
  }
  for (const layer of network.nodes) {
    for (const m of layer.inputs) network.nodes[m].readers.push(layer.n);
  }
  for (const name of Object.keys(data.outputs)) {
    const output = network.byPath.get(name);
    if (output) output.isOutput = true;
  }
  return network;
}

function layersOf(data) {
  const { arithmetic, ...packed } = data.layers;
  const columns = unpackedAll(packed);
  const paths = pathsOf(data.layers);
  const explained = explanations(data, columns.explained, unpackedAll(arithmetic), paths);
  return paths.map((path, n) => layerOf(data, columns, n, path, explained));
}

const unpackedAll = (columns) => Object.fromEntries(
  Object.entries(columns).map(([name, column]) => [name, unpacked(column)]));

// A function that returns the quantities of a layer, each with its arithmetic.
function explanations({ tables }, explained, arithmetic, paths) {
  const { sentences, texts } = tables.arithmetic;
  const reached = {};
  const numbers = explained.map((which) => tables.explained[which].map((label) => {
    reached[label] = (reached[label] ?? -1) + 1;
    return [label, arithmetic[label][reached[label]]];
  }));
  const written = (text) => {
    if (!Array.isArray(text)) return text;
    const [sentence, ...values] = text;
    return sentences[sentence].replace(/[#@]/g, (sign) => {
      const value = values.shift();
      return sign === "#" ? full(value) : paths[value];
    });
  };
  return (n) => numbers[n].map(([label, number]) => [label, written(texts[number])]);
}

function layerOf(data, columns, n, path, explained) {
  const { tables } = data;
  const column = (name) => columns[name]?.[n];
  const layer = {
    n,
    path,
    name: path.split(".").pop(),
    op: tables.ops[column("op")],
    window: tables.windows[column("window")] ?? "",
    kernel: column("kernel"),
    shape: tables.shapes[column("shape")],
    inputs: tables.reads[column("reads")].map((distance) => n - distance),
    readers: [],
    goneInputs: [],
    isGone: false,
    rides: column("rides") === 1,
    line: column("line"),
    declared: column("declared") === 1,
    sharedWith: column("shared_with"),
    fields: tables.seen[column("seen")].map((m) => tables.fields[m]),
    ungated: tables.seen[column("ungated")].map((m) => tables.fields[m]),
    fieldText: column("field_text"),
    explained: () => explained(n),
  };
  for (const name of FIGURES) layer[name] = column(name) ?? null;
  layer.unknown = new Set(tables.unknown[column("unknown")]);
  const values = layer.shape.reduce((product, size) => product * size, 1);
  layer.bytes = values * column("width") * data.batch;
  return layer;
}

// Add a layer that stands for the first wrong one, after the last one that is right.
function addStop(network, error) {
  const last = network.nodes[network.nodes.length - 1];
  if (!last) return;
  const layer = { ...last, n: network.nodes.length, path: error.code, name: error.code,
    op: error.line ? `error at line ${error.line}` : "error", window: "", kernel: null,
    inputs: [last.n], readers: [], goneInputs: [], rides: false, isGone: true, stop: error,
    fields: [], ungated: [], explained: () => [], line: error.line, sharedWith: null,
    declared: false, unknown: new Set() };
  for (const name of FIGURES) layer[name] = 0;
  network.nodes.push(layer);
}

// Mark the layers that changed, and add those that are gone.
function addChanges(network, data) {
  for (const change of data.diff.layers) network.nodes[change.layer].change = change;
  const { tables } = data;
  for (const gone of data.diff.removed) {
    const parts = gone.path.split(".");
    const layer = {
      ...network.nodes[0],
      ...gone,
      n: network.nodes.length,
      name: parts[parts.length - 1],
      op: tables.ops[gone.op],
      window: tables.windows[gone.window],
      shape: tables.shapes[gone.shape],
      readers: [],
      goneInputs: [],
      rides: gone.rides === 1,
      isGone: true,
      change: { kind: "removed", figures: [] },
      fields: [],
      ungated: [],
      explained: () => [],
      line: null,
      sharedWith: null,
      unknown: new Set(),
    };
    layer.oldFigures = { params: gone.params, macs: gone.macs };
    for (const name of FIGURES) layer[name] = 0;
    network.nodes.push(layer);
  }
  const known = network.nodes.length - data.diff.removed.length;
  data.diff.removed.forEach((gone, n) => {
    const number = known + n;
    for (const reader of gone.readers) network.nodes[reader].goneInputs.push(number);
  });
}
