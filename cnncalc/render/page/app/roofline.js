// The roofline: how many operations each layer makes for a byte, against how many it makes.

import { KERNELS } from "./data.js";
import { el } from "./dom.js";
import { scatter } from "./scatter.js";
import { get, set, watch } from "./store.js";
import { bytesText, percent, plural, short } from "./text.js";

export function rooflineView(tree) {
  const { network } = tree;
  const layers = network.nodes.filter((layer) => layer.macs > 0 && layer.moved > 0);
  const plot = el("div", {});
  const limits = { peak: null, width: null };
  const verdict = el("p", { class: "note", role: "status" });

  const intensity = (layer) => layer.macs / layer.moved;
  const ridge = () => (limits.peak && limits.width
    ? (limits.peak * 1e12) / 2 / (limits.width * 1e9) : null);

  function draw() {
    const at = ridge();
    const points = layers.map((layer) => ({
      id: tree.owner.get(layer.n).id,
      x: intensity(layer),
      y: layer.macs,
      look: `kernel-${layer.kernel}${at && intensity(layer) < at ? " bound" : ""}`,
      words: `${layer.path}: ${intensity(layer).toPrecision(3)} MACs for each byte, ${
        short(layer.macs)} MACs, ${bytesText(layer.moved)} moved`,
      act: () => set("selected", tree.owner.get(layer.n).id),
    }));
    const ys = layers.map((layer) => layer.macs);
    const lines = at ? [{ look: "ridge", points: [[at, Math.min(...ys) / 10],
      [at, Math.max(...ys) * 10]] }] : [];
    plot.replaceChildren(scatter(`Roofline of ${network.name}`,
      ["MACs for each byte moved", "MACs"], points, lines));
    say(at);
    mark();
  }

  function say(at) {
    if (!at) {
      verdict.textContent = "Give a device's figures to see which layers its memory limits.";
      return;
    }
    const below = layers.filter((layer) => intensity(layer) < at);
    const share = percent(below.reduce((sum, layer) => sum + layer.macs, 0),
      network.totals.macs);
    verdict.textContent = `Below ${at.toPrecision(3)} MACs for each byte, memory is the limit: ${
      plural(below.length, "layer")} of ${layers.length}, with ${share} of the MACs.`;
  }

  function mark() {
    for (const point of plot.querySelectorAll("[data-id]")) {
      point.classList.toggle("selected", point.dataset.id === get("selected"));
    }
  }

  function field(label, key) {
    const input = el("input", { type: "number", min: 0, step: "any", on: { input: () => {
      limits[key] = Number(input.value) > 0 ? Number(input.value) : null;
      draw();
    } } });
    return el("label", { class: "choice" }, el("span", {}, label), input);
  }

  const used = [...new Set(layers.map((layer) => layer.kernel))].sort((a, b) => a - b);
  const legend = el("div", { class: "legend" }, used.map((n) => el("span", { class: "kind" },
    el("i", { class: `swatch kernel-${n}`, "aria-hidden": "true" }), KERNELS[n])));
  const element = el("div", { class: "roofline" },
    el("p", { class: "note" }, "Each point is a layer with MACs. The bytes are the fewest that it ",
      "must move: it reads its inputs and weights, and writes its output."),
    el("div", { class: "tools" }, field("peak TFLOP/s", "peak"), field("memory GB/s", "width")),
    legend, plot, verdict);
  watch(["selected"], mark);
  draw();
  return { element };
}
