// What is selected: a layer with its arithmetic, a block with its sums, or the whole network.

import { copyText } from "./copy.js";
import { button, el } from "./dom.js";
import { get, set, watch } from "./store.js";
import {
  bytesText, figureText, full, peakText, percent, plural, savedText, secondsText,
  shapeText, short,
} from "./text.js";
import { enclosing } from "./tree.js";

const TITLES = {
  shape: "Size", size: "Size", parameters: "Parameters", MACs: "Cost", operations: "Cost",
  FLOPs: "Cost", memory: "Memory", saved: "Memory", gradients: "Memory", optimizer: "Memory",
  inference: "Memory", training: "Memory", field: "Receptive field", jump: "Receptive field",
  centre: "Receptive field",
};
const SHARES = [["params", "parameters", short], ["macs", "MACs", short],
  ["flops", "FLOPs", short], ["activation_bytes", "bytes of outputs", bytesText],
  ["saved", "saved for backward", bytesText], ["seconds", "measured time", secondsText]];
const TOP = 5;

export function panelView(tree, extras) {
  const { network } = tree;
  const element = el("div", { class: "panel" });

  function draw() {
    const item = tree.items.get(get("selected") ?? "");
    if (!item || item === tree.root) element.replaceChildren(...overview());
    else if (item.layer) element.replaceChildren(...layerParts(item));
    else element.replaceChildren(...blockParts(item));
  }

  function way(item) {
    const names = enclosing(item).map((outer) => link(outer, outer.name));
    return el("nav", { class: "way", "aria-label": "Enclosing blocks" },
      [button(network.name, () => set("selected", null)), ...names]
        .flatMap((one) => [one, el("span", { "aria-hidden": "true" }, "›")]));
  }

  const link = (item, words) => button(words, () => set("selected", item.id), { class: "link" });

  function heading(item, about) {
    return el("div", { class: "title" }, el("h2", {}, item.name), el("p", {}, about),
      button("Copy link", () => copyText(linkTo(item), "Link"), { class: "small" }));
  }

  function layerParts(item) {
    const { layer } = item;
    const reads = layer.inputs.map((m) => network.nodes[m]);
    const readers = layer.readers.map((m) => network.nodes[m]);
    const about = [layer.op, layer.window].filter(Boolean).join(" ");
    const facts = [
      ["path", layer.path],
      ["reads", named(reads)],
      ["read by", named(readers)],
      ["in the spec", layer.line ? `line ${layer.line} of ${network.file}` : null],
      ["weights", layer.sharedWith === null ? null
        : ["those of ", named([network.nodes[layer.sharedWith]])]],
      ["figures", layer.declared ? "declared in the spec, not computed" : null],
      ["frozen", layer.frozen ? `${full(layer.frozen)} parameters` : null],
      ["times", layer.seconds === null ? null : secondsText(layer.seconds)],
    ].filter(([, value]) => value !== null && value.length !== 0);
    if (layer.stop) {
      return [way(item), heading(item, layer.op),
        el("pre", { class: "finding error", tabindex: 0 }, layer.stop.text.join("\n"))];
    }
    return [way(item), heading(item, about), changes(layer), factList(facts),
      ...(layer.isGone ? [] : [shares(item)]), ...arithmetic(layer)].filter(Boolean);
  }

  function named(layers) {
    return layers.flatMap((layer, n) => {
      const item = tree.owner.get(layer.n);
      return [n ? ", " : "", item ? link(item, layer.path) : layer.path,
        ` ${shapeText(layer.shape)}`];
    });
  }

  const factList = (facts) => el("dl", { class: "facts" }, facts.map(([label, value]) =>
    [el("dt", {}, label), el("dd", {}, value)]));

  // What a layer takes, as bars that show its share of the network.
  function shares(item) {
    const rows = SHARES.filter(([key]) => key in network.totals || sumOf(key) !== null)
      .map(([key, words, write]) => {
        const value = item.figures[key];
        const whole = network.totals[key] ?? sumOf(key);
        if (value === null || value === undefined) return null;
        if (!whole && !isUnknown(key)) return null;
        const bar = el("span", { class: "bar", "aria-hidden": "true" });
        bar.style.width = `${(100 * value) / whole}%`;
        bar.hidden = !value || isUnknown(key);
        return el("tr", {}, el("th", { scope: "row" }, words),
          el("td", { class: "number" }, figureText(value, (known) => (known ? write(known) : "–"),
            item.unknown.has(key))),
          el("td", { class: "number" }, isUnknown(key) ? "?" : percent(value, whole)),
          el("td", { class: "track" }, bar));
      });
    return el("table", { class: "shares" },
      el("caption", {}, "Share of the network"), el("tbody", {}, rows));
  }

  const isUnknown = (key) => tree.root.unknown.has(key);

  const sumOf = (key) => tree.root.figures[key];

  function arithmetic(layer) {
    const groups = new Map();
    for (const [label, how] of layer.explained()) {
      const title = TITLES[label] ?? label;
      if (!groups.has(title)) groups.set(title, []);
      groups.get(title).push([label, how]);
    }
    return [...groups].map(([title, lines]) => el("section", { class: "steps" },
      el("h3", {}, title),
      el("dl", {}, lines.map(([label, how]) => [el("dt", {}, label), el("dd", {}, steps(how))])),
      title === "Receptive field" && extras.field
        ? button("Draw it on the input", () => extras.field(), { class: "small" }) : null));
  }

  // A result stands out from the numbers that it is computed from.
  function steps(how) {
    const at = Math.max(how.lastIndexOf(" = "), how.lastIndexOf(" → "));
    if (at < 0) return how;
    return [how.slice(0, at + 3), el("b", {}, how.slice(at + 3))];
  }

  function changes(layer) {
    const { change } = layer;
    if (!change) return null;
    const words = { added: "This layer is new.", removed: "This layer is gone.",
      changed: "This layer changed.", field: "It sees another part of the input.",
      renamed: `It was called ${change.before}.` }[change.kind];
    return el("div", { class: `change is-${change.kind}` }, el("p", {}, words),
      change.figures.length ? el("dl", { class: "facts" }, change.figures.map(([name, old, now]) =>
        [el("dt", {}, name), el("dd", {}, `${old} → ${now}`)])) : null);
  }

  function blockParts(item) {
    const first = item.layers[0];
    const last = item.layers[item.layers.length - 1];
    const shapes = first && last
      ? `${shapeText(network.nodes[first.inputs[0]]?.shape ?? first.shape)} → ${
        shapeText(last.shape)}` : "";
    const about = `${item.times ? `${item.times} copies, ` : ""}${
      plural(item.layers.length, "layer")}, ${shapes}`;
    return [way(item), heading(item, about), shares(item),
      el("section", {}, el("h3", {}, "Inside"), breakdown(item.children, "macs", item.figures))];
  }

  // The parts of a block, with their shares of it.
  function breakdown(items, key, whole) {
    const rows = items.map((child) => {
      const bar = el("span", { class: "bar", "aria-hidden": "true" });
      bar.style.width = `${whole[key] ? (100 * (child.figures[key] ?? 0)) / whole[key] : 0}%`;
      return el("tr", {}, el("th", { scope: "row" }, link(child, child.name)),
        ["params", "macs"].map((name) => el("td", { class: "number" }, figureText(
          child.figures[name], (value) => (value ? short(value) : "–"), child.unknown.has(name)))),
        el("td", { class: "track" }, bar));
    });
    return el("table", { class: "shares" }, el("caption", { class: "unseen" }, "Parts"),
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "part"),
        el("th", { scope: "col", class: "number" }, "parameters"),
        el("th", { scope: "col", class: "number" }, "MACs"),
        el("th", { scope: "col" }, el("span", { class: "unseen" }, "share of MACs")))),
      el("tbody", {}, rows));
  }

  function overview() {
    const { totals, memory, unknown } = network;
    const total = (key, write) => figureText(totals[key], write, unknown.has(key));
    const facts = [
      ["input", Object.entries(network.inputs).map(([name, shape]) =>
        `${name === "input" ? "" : `${name} `}${shapeText(shape)}`).join(", ")],
      ["parameters", `${total("params", full)}, ${total("param_bytes", bytesText)}`],
      ["MACs", total("macs", full)],
      ["FLOPs", total("flops", full)],
      ["activations", `${full(totals.activations)}, ${bytesText(totals.activation_bytes)}`],
      ["inference peak", memory ? peakText(memory.inference) : null],
      ["training peak", memory?.training ? `${peakText(memory.training)} with ${
        memory.training.optimizer}, of which ${savedText(memory.training)} are saved for
 backward` : null],
      ["receptive field", network.field ? `${network.field.size} at ${network.field.at}` : null],
      ["without gates", ungated(network)],
      ["frozen", totals.frozen_params ? `${full(totals.frozen_params)} parameters` : null],
      ["batch", network.batch > 1 ? full(network.batch) : null],
      ["dtype", network.dtype === "float32" ? null : network.dtype],
      ["published", published(network)],
      ["spec", network.variant ? `${network.file}, ${network.variant}` : network.file],
      ["set to", Object.entries(network.parameters).map(([name, value]) => `${name} ${value}`)
        .join(", ") || null],
    ].filter(([, value]) => value !== null);
    return [el("div", { class: "title" }, el("h2", {}, network.name)), factList(facts),
      mostExpensive("macs", "Most MACs", "MACs"),
      mostExpensive("params", "Most parameters", "parameters"),
      memory ? mostExpensive("saved", "Most saved for backward", "saved") : null,
      network.times ? mostExpensive("seconds", `Most time (${network.times})`, null) : null,
    ].filter(Boolean);
  }

  // What a layer does: its operator, its window and its shapes.
  function about(layer) {
    const shapes = layer.inputs.map((m) => shapeText(network.nodes[m].shape));
    const words = [layer.op, layer.window].filter(Boolean).join(" ");
    return `${words}, ${shapes.join(", ")} → ${shapeText(layer.shape)}`;
  }

  // The layers that take most of something, each with the arithmetic that says why. Copies are one.
  function mostExpensive(key, title, label) {
    const write = { saved: bytesText, seconds: secondsText }[key] ?? short;
    const alike = new Map();
    for (const layer of network.nodes.filter((one) => one[key])) {
      const why = layer.explained().find(([name]) => name === label)?.[1] ?? "";
      const like = why ? `${layer.op} ${layer.window} ${layer[key]} ${why}` : layer.path;
      if (!alike.has(like)) alike.set(like, { why, layers: [] });
      alike.get(like).layers.push(layer);
    }
    const found = [...alike.values()].sort((a, b) => b.layers[0][key] - a.layers[0][key])
      .slice(0, TOP);
    if (!found.length) return null;
    const whole = network.totals[key] ?? sumOf(key);
    const rows = found.map(({ why, layers }) => {
      const [layer, ...copies] = layers;
      const share = isUnknown(key) ? "" : `, ${percent(layer[key], whole)}`;
      return el("li", {}, el("span", {}, link(tree.owner.get(layer.n), layer.path),
        copies.length ? ` and ${copies.length} like it` : ""),
      el("span", { class: "sum" }, figureText(layer[key], write, layer.unknown.has(key)), share,
        copies.length ? " each" : ""),
      el("span", { class: "why" }, about(layer), why ? [": ", steps(why)] : null));
    });
    const others = network.nodes.filter((layer) => layer.unknown.has(key));
    return el("section", { class: "most" }, el("h3", {}, title), el("ol", {}, rows),
      others.length ? el("p", { class: "note" }, "Not declared, so not in this order: ",
        named(others)) : null);
  }

  watch(["selected"], draw);
  draw();
  return { element, draw };
}

// The field without gates, such as squeeze-and-excite, if it is another one.
function ungated({ field, field_without_gates: without }) {
  return without && without.size !== field?.size ? `${without.size} at ${without.at}` : null;
}

// The source of the network, with its year unless that is in it.
function published({ source, year }) {
  const known = year && !source?.includes(year) ? [source, year] : [source];
  return known.filter(Boolean).join(", ") || null;
}

// The address of the page with an item in it.
export function linkTo(item) {
  return `${location.href.replace(/#.*/, "")}#${encodeURI(item.id)}`;
}
