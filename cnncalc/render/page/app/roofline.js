// The roofline: how fast each layer is on a device, and what keeps it from being faster.

import { KERNELS } from "./data.js";
import { BOUNDS, describedDevice, readDevice } from "./devices.js";
import { choice, el, plainTable } from "./dom.js";
import { scatter } from "./scatter.js";
import { get, set, watch } from "./store.js";
import { bytesText, percent, plural, secondsText, short } from "./text.js";

const SHOWN = 10; // of the slowest layers
const OWN = "own";
const MEANING = { compute: "computing", memory: "moving bytes", launch: "starting kernels" };

export function rooflineView(tree) {
  const { network } = tree;
  const devices = (network.devices ?? []).map(readDevice);
  const layers = network.nodes.filter((layer) => layer.macs > 0 && layer.moved > 0);
  const plot = el("div", {});
  const legend = el("div", { class: "legend" });
  const verdict = el("p", { class: "note", role: "status" });
  const slowest = el("div", {});
  const figures = { peak: null, width: null };
  const own = el("span", { class: "own" }, field("peak TFLOP/s", "peak"),
    field("memory GB/s", "width"));
  let device = devices[0] ?? null;

  const intensity = (layer) => (2 * layer.macs) / layer.moved;
  const itemOf = (layer) => tree.owner.get(layer.n);

  function draw() {
    own.hidden = device !== null && device.name !== undefined;
    const plotted = device?.name ? reached() : needed();
    plot.replaceChildren(plotted);
    drawLegend();
    verdict.textContent = device?.name ? predicted() : limited();
    slowest.replaceChildren(...(device?.name ? [slowestLayers()] : []));
    mark();
  }

  // What each layer reaches on the device, below the roof of its peaks.
  function reached() {
    const timed = layers.filter((layer) => device.secondsOf(layer));
    const points = timed.map((layer) => {
      const rate = (2 * layer.macs) / device.secondsOf(layer);
      const bound = device.boundOf(layer);
      return { id: itemOf(layer).id, x: intensity(layer), y: rate, look: `bound-${bound}`,
        words: `${layer.path}: ${secondsText(device.secondsOf(layer))}, ${short(rate)}FLOP/s, ${
          intensity(layer).toPrecision(3)} FLOP for each byte; bound by ${bound}`,
        act: () => set("selected", itemOf(layer).id) };
    });
    const xs = [...points.map((one) => one.x), device.ridge];
    const roof = (x) => [x, Math.min(device.operations, x * device.bandwidth)];
    const line = [Math.min(...xs) / 1.5, device.ridge, Math.max(...xs) * 1.5].map(roof);
    return scatter(`Roofline of ${network.name} on ${device.name}`,
      ["FLOP for each byte moved", "FLOP/s"], points,
      [{ look: "roof", points: line, whole: true }]);
  }

  // How many operations each layer needs, without a device.
  function needed() {
    const points = layers.map((layer) => ({ id: itemOf(layer).id, x: intensity(layer),
      y: 2 * layer.macs,
      look: `kernel-${layer.kernel}${device && intensity(layer) < device.ridge ? " bound" : ""}`,
      words: `${layer.path}: ${intensity(layer).toPrecision(3)} FLOP for each byte, ${
        short(layer.macs)} MACs, ${bytesText(layer.moved)} moved`,
      act: () => set("selected", itemOf(layer).id) }));
    const ys = points.map((one) => one.y);
    const lines = device ? [{ look: "ridge", points: [[device.ridge, Math.min(...ys) / 10],
      [device.ridge, Math.max(...ys) * 10]] }] : [];
    return scatter(`Roofline of ${network.name}`, ["FLOP for each byte moved", "FLOP"], points,
      lines);
  }

  function drawLegend() {
    const kinds = device?.name
      ? BOUNDS.map((bound) => [`bound-${bound}`, `bound by ${bound}`])
      : [...new Set(layers.map((layer) => layer.kernel))].sort((a, b) => a - b)
        .map((n) => [`kernel-${n}`, KERNELS[n]]);
    legend.replaceChildren(...kinds.map(([look, words]) => el("span", { class: "kind" },
      el("i", { class: `swatch ${look}`, "aria-hidden": "true" }), words)));
  }

  function predicted() {
    const [low, high] = device.interval.map(secondsText);
    const parts = BOUNDS.map((bound, n) => [device.shares[n], MEANING[bound]])
      .sort(([a], [b]) => b - a).filter(([share]) => share >= 0.005)
      .map(([share, words]) => `${Math.round(100 * share)} % for ${words}`);
    const batch = network.batch > 1 ? `A batch of ${network.batch}` : "An image";
    const took = `${batch} takes about ${secondsText(device.seconds)} on ${device.name}`;
    return `${took}, likely ${low} to ${high} (${device.basis}): ${parts.join(", ")}. The ridge is `
      + `at ${device.ridge.toPrecision(3)} FLOP for each byte: left of it, memory is the limit.`;
  }

  function limited() {
    if (!device) return "Give a device's figures to see which layers its memory limits.";
    const below = layers.filter((layer) => intensity(layer) < device.ridge);
    const share = percent(below.reduce((sum, layer) => sum + layer.macs, 0), network.totals.macs);
    return `Below ${device.ridge.toPrecision(3)} FLOP for each byte, memory is the limit: ${
      plural(below.length, "layer")} of ${layers.length}, with ${share} of the MACs.`;
  }

  function slowestLayers() {
    const timed = network.nodes.filter((layer) => device.secondsOf(layer))
      .sort((a, b) => device.secondsOf(b) - device.secondsOf(a)).slice(0, SHOWN);
    const rows = timed.map((layer) => [
      el("button", { type: "button", class: "link",
        on: { click: () => set("selected", itemOf(layer).id) } }, layer.path),
      secondsText(device.secondsOf(layer)), percent(device.secondsOf(layer), device.seconds),
      device.boundOf(layer)]);
    return el("section", {}, el("h3", {}, "Slowest layers"), plainTable("Slowest layers",
      ["layer", "time", "share", "bound by"], [false, true, true, false], rows));
  }

  function mark() {
    for (const point of plot.querySelectorAll("[data-id]")) {
      point.classList.toggle("selected", point.dataset.id === get("selected"));
    }
  }

  function field(label, key) {
    const input = el("input", { type: "number", min: 0, step: "any", on: { input: () => {
      figures[key] = Number(input.value) > 0 ? Number(input.value) : null;
      useOwn();
    } } });
    return el("label", { class: "choice" }, el("span", {}, label), input);
  }

  function useOwn() {
    const { peak, width } = figures;
    device = peak && width ? describedDevice(peak, width) : null;
    draw();
  }

  function use(key) {
    if (key === OWN) useOwn();
    else {
      device = devices[Number(key)];
      draw();
    }
  }

  const options = [...devices.map((one, n) => [n, one.name]), [OWN, "by its figures"]];
  const element = el("div", { class: "roofline" },
    el("p", { class: "note" }, "Each point is a layer with MACs; a MAC is two FLOP. The bytes are ",
      "the fewest that it must move: it reads its inputs and weights, and writes its output."),
    el("div", { class: "tools" }, choice("device", options, device ? 0 : OWN, use), own),
    legend, plot, verdict, slowest);
  watch(["selected"], mark);
  draw();
  return { element };
}
