// The index of a gallery: every network with its figures, a search and a sort.

import { pageData } from "./data.js";
import { choice, el } from "./dom.js";
import { scatter } from "./scatter.js";
import { full, plural, shapeText, short } from "./text.js";
import { themeButton } from "./theme.js";

const SORTS = { name: "name", year: "year", params: "parameters", macs: "MACs",
  activations: "activations" };

function begin() {
  const { networks } = pageData;
  let wanted = "";
  let sort = "name";
  const count = el("p", { class: "note", role: "status" });
  const list = el("ul", { class: "cards" });
  const plot = el("div", {});

  function draw() {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const found = networks.filter((one) => {
      const text = `${one.name} ${one.title} ${one.spec} ${one.year ?? ""}`.toLowerCase();
      return words.every((word) => text.includes(word));
    });
    found.sort((a, b) => (sort === "name" ? a.name.localeCompare(b.name)
      : (b[sort] ?? 0) - (a[sort] ?? 0)));
    count.textContent = plural(found.length, "network");
    list.replaceChildren(...found.map(card));
    plot.replaceChildren(scatter("Parameters against MACs", ["parameters", "MACs"],
      found.map((one) => ({ x: one.params, y: one.macs, look: "other", size: 4,
        words: `${one.title}: ${full(one.params)} parameters, ${short(one.macs)} MACs`,
        act: () => { location.href = `${one.name}.html`; } }))));
  }

  const search = el("input", { type: "search", placeholder: "Search: resnet, 2015 …",
    "aria-label": "Search networks", on: { input: () => { wanted = search.value; draw(); } } });
  document.body.className = "gallery";
  document.body.append(
    el("header", {}, el("h1", {}, "Networks"), el("span", { class: "space" }), themeButton()),
    el("main", { id: "main", tabindex: -1 },
      el("div", { class: "tools" }, search,
        choice("Sort by", Object.entries(SORTS), sort, (key) => { sort = key; draw(); }), count),
      el("details", { class: "plotted" }, el("summary", {}, "Parameters against MACs"), plot),
      list));
  draw();
}

function card(one) {
  const facts = [["parameters", short(one.params)], ["MACs", short(one.macs)],
    ["input", shapeText(one.input)]];
  return el("li", {}, el("a", { href: `${one.name}.html` },
    el("b", {}, one.title), el("span", { class: "name" }, [one.name, one.year].filter(Boolean)
      .join(", ")),
    el("dl", {}, facts.map(([label, value]) =>
      el("div", {}, el("dt", {}, label), el("dd", {}, String(value)))))));
}

begin();
