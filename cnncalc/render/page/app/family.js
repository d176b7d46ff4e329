// The family: networks of one file, or of one page, side by side.

import { el, plainTable } from "./dom.js";
import { scatter } from "./scatter.js";
import { full, short } from "./text.js";

export function familyView(network, networks, change) {
  const several = networks.length > 1;
  const members = several
    ? networks.filter((one) => one.layers).map((one) => ({ title: one.name, name: one.name,
      params: one.totals.params, macs: one.totals.macs / one.batch, own: one === network,
      act: () => change(networks.indexOf(one)) }))
    : network.family.map((one) => ({ ...one, act: one.page && !one.own
      ? () => { location.href = one.page; } : null }));
  const points = members.map((one) => ({ x: one.params, y: one.macs, text: one.title,
    look: one.own ? "own" : "other", size: one.own ? 7 : 5, act: one.act,
    words: `${one.title}: ${full(one.params)} parameters, ${short(one.macs)} MACs` }));
  const rows = members.map((one) => [named(one), full(one.params), full(one.macs)]);
  const title = several ? "Networks of this page" : `Networks of ${network.file}`;
  const element = el("div", { class: "family" }, el("h3", {}, title),
    scatter(title, ["parameters", "MACs for one image"], points),
    plainTable(title, ["network", "parameters", "MACs"], [false, true, true], rows));
  return { element };
}

function named(one) {
  if (one.own) return el("b", {}, one.title);
  if (one.page) return el("a", { href: one.page }, one.title);
  if (one.act) {
    return el("button", { type: "button", class: "link", on: { click: one.act } }, one.title);
  }
  return one.title;
}
