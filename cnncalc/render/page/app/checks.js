// What was checked: findings, budgets and published figures with their errata.

import { el, plainTable } from "./dom.js";
import { set } from "./store.js";
import { plural } from "./text.js";

const SIGNS = { kept: "✓", exceeded: "✗", missed: "✗", differs: "✗" };

export function checksCount(network) {
  return network.diagnostics.length + (network.budgets?.length ?? 0)
    + (network.published?.length ?? 0);
}

export function checksView(network, tree) {
  const parts = [];
  if (network.diagnostics.length) parts.push(findings(network));
  if (network.budgets?.length) parts.push(budgets(network, tree));
  if (network.published?.length) parts.push(published(network, tree));
  if (network.not_compared) {
    parts.push(el("p", { class: "note" }, `${plural(network.not_compared,
      "published figure")} hold for other settings, and are not compared.`));
  }
  return { element: el("div", { class: "checks" }, parts) };
}

function findings(network) {
  const errors = network.diagnostics.some((one) => one.severity === "error");
  const title = errors && network.layers
    ? "The network is shown up to the first wrong layer" : "Findings";
  return el("section", {}, el("h3", {}, title), network.diagnostics.map((one) =>
    el("pre", { class: `finding ${one.severity}`, tabindex: 0 }, one.text.join("\n"))));
}

function budgets(network, tree) {
  const rows = network.budgets.map((one) => [
    verdict(one.verdict === "kept", `${SIGNS[one.verdict]} ${one.verdict}`),
    linked(one.at, one.subject, tree), one.limit, one.ours]);
  return el("section", {}, el("h3", {}, "Budgets"), plainTable("Budgets",
    ["verdict", "figure", "limit", "computed"], [false, false, true, true], rows));
}

function published(network, tree) {
  const rows = network.published.map((one) => [
    verdict(one.agrees, one.agrees ? "✓ agrees" : "≠ differs"),
    linked(one.at, one.at ? `${one.what} at ${one.at}` : one.what, tree),
    one.printed, one.ours,
    [one.source ?? "", one.erratum
      ? el("p", { class: "erratum" }, el("b", {}, "Erratum: "), one.erratum) : null]]);
  return el("section", {}, el("h3", {}, "Published figures"), plainTable("Published figures",
    ["", "figure", "published", "computed", "source"], [false, false, true, true, false], rows));
}

const verdict = (good, words) => el("span", { class: good ? "good" : "bad" }, words);

function linked(path, words, tree) {
  const item = path && tree?.items.get(path);
  if (!item) return words;
  return el("button", { type: "button", class: "link",
    on: { click: () => set("selected", item.id) } }, words);
}
