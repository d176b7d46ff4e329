// What changed since an older network: the sums, the budgets, and each layer.

import { el, plainTable } from "./dom.js";
import { set } from "./store.js";
import { full, plural, shapeText } from "./text.js";

const SIGNS = { added: "+", removed: "−", changed: "~" };
const ALWAYS = ["params", "macs"];

export function differencesView(tree) {
  const { network } = tree;
  const { diff } = network;
  const changed = network.nodes.filter((layer) => layer.change && SIGNS[layer.change.kind]);
  const others = network.nodes.filter((layer) => layer.change && !SIGNS[layer.change.kind]);
  const parts = [el("h3", {}, diff.heading)];
  if (diff.parameters.length) {
    parts.push(el("p", {}, diff.parameters.map(([name, old, now]) => `${name} ${old} → ${now}`)
      .join(", ")));
  }
  const moved = diff.totals.filter(([name, old, now]) => old !== now || ALWAYS.includes(name));
  parts.push(plainTable("Totals", ["figure", "old", "new", "change"], [false, true, true, true],
    moved));
  if (diff.budgets.length) {
    parts.push(plainTable("Budgets", ["budget", "limit", "old", "new", "verdict"],
      [false, true, true, true, false], diff.budgets));
  }
  parts.push(el("h3", {}, "Layers"));
  const rows = changed.map((layer) => [SIGNS[layer.change.kind], linkTo(layer), words(layer)]);
  if (rows.length) parts.push(plainTable("Layers", ["", "layer", "what changed"], [], rows));
  parts.push(el("p", { class: "note" }, `${plural(diff.alike, "layer")} unchanged${
    others.length ? `, of which ${full(others.length)} have another path or see another field` : ""
  }.`));
  return { element: el("div", { class: "differences" }, parts) };

  function linkTo(layer) {
    const item = tree.owner.get(layer.n);
    return el("button", { type: "button", class: `link is-${layer.change.kind}`,
      on: { click: () => set("selected", item.id) } }, layer.path);
  }
}

function words(layer) {
  const { change } = layer;
  if (change.figures.length) {
    return change.figures.map(([name, old, now]) => `${name} ${old} → ${now}`).join("; ");
  }
  const { params, macs } = layer.oldFigures ?? layer;
  const parts = [`${layer.op} ${shapeText(layer.shape)}`];
  if (params) parts.push(`${full(params)} parameters`);
  if (macs) parts.push(`${full(macs)} MACs`);
  return parts.join(", ");
}
