// Puts the page of one network or several together.

import { checksView, checksCount } from "./checks.js";
import { pageData, readNetwork } from "./data.js";
import { differencesView } from "./differences.js";
import { choice, el } from "./dom.js";
import { familyView } from "./family.js";
import { fieldView } from "./field.js";
import { graphView } from "./graph.js";
import { followLinks } from "./links.js";
import { memoryView } from "./memory.js";
import { panelView } from "./panel.js";
import { rooflineView } from "./roofline.js";
import { searchBox } from "./search.js";
import { forgetViews, get, set, watchAlways } from "./store.js";
import { tableView } from "./table.js";
import { tabsOf } from "./tabs.js";
import { figureText, peakText, shapeText, short } from "./text.js";
import { themeButton } from "./theme.js";
import { buildTree } from "./tree.js";
import { resizer } from "./resizer.js";

const networks = pageData.networks.map(readNetwork);
let tree = null;
let stop = null;

function showNetwork(n) {
  const network = networks[n];
  const main = document.getElementById("main");
  document.title = network.name;
  forgetViews();
  set("network", network);
  set("selected", null);
  main.replaceChildren(el("p", { class: "unseen" }));
  document.getElementById("facts").replaceChildren(...headline(network));
  const place = document.getElementById("searchplace");
  place.replaceChildren();
  if (!network.layers) {
    main.replaceChildren(checksView(network, null).element);
    tree = null;
    return;
  }
  tree = buildTree(network);
  place.append(searchBox(tree));
  if (network.diff) set("colour", "change");
  const graph = graphView(tree);
  const tabs = tabsOf(viewsOf(network, graph));
  const side = el("aside", { class: "side", "aria-label": "Details" }, tabs.list, tabs.panels);
  main.replaceChildren(graph.element, resizer(main, () => graph.fit()), side);
  tabs.show(network.complete ? "layer" : "checks");
  if (narrow.matches) tabs.show("graph");
  graph.draw();
  graph.fit();
  stop = { graph, tabs };
  window.page = { graph, tree, tabs };
}

const narrow = matchMedia("(max-width: 800px)");

function viewsOf(network, graph) {
  const views = [
    ["graph", "Graph", () => ({ element: el("span", {}) })],
    ["layer", "Layer", () => panelView(tree, { field: () => stop.tabs.show("field") })],
    ["table", "Table", () => tableView(tree)],
    ["field", "Field", () => fieldView(tree)],
  ];
  if (network.memory) views.push(["memory", "Memory", () => memoryView(tree)]);
  views.push(["roofline", "Roofline", () => rooflineView(tree)]);
  if (network.diff) views.push(["diff", "Changes", () => differencesView(tree)]);
  if (checksCount(network)) {
    views.push(["checks", `Checks (${checksCount(network)})`, () => checksView(network, tree)]);
  }
  if (network.family.length > 1 || networks.length > 1) {
    views.push(["family", "Family", () => familyView(network, networks, change)]);
  }
  return views;
}

function headline(network) {
  if (!network.layers) return [];
  const { totals, memory, unknown } = network;
  const soFar = network.complete ? "" : " so far";
  const facts = [
    ["input", Object.values(network.inputs).map(shapeText).join(", ")],
    [`parameters${soFar}`, figureText(totals.params, short, unknown.has("params"))],
    [`MACs${soFar}`, figureText(totals.macs, short, unknown.has("macs"))],
    ["memory, inference", memory ? peakText(memory.inference) : null],
    ["memory, training", memory?.training ? peakText(memory.training) : null],
    ["receptive field", (network.field_without_gates ?? network.field)?.size ?? null],
  ];
  return facts.filter(([, value]) => value).map(([label, value]) =>
    el("div", {}, el("dt", {}, label), el("dd", {}, value)));
}

const shownNumber = () => networks.indexOf(get("network"));

function change(n) {
  if (n !== shownNumber()) showNetwork(n);
}

function begin() {
  const several = networks.length > 1;
  const name = several
    ? choice("Network", networks.map((one, n) => [n, one.name]), 0, (n) => change(Number(n)))
    : el("h1", {}, networks[0].name);
  if (several) {
    name.prepend(el("h1", { class: "unseen" }, "Networks"));
    watchAlways(["network"], () => { name.querySelector("select").value = shownNumber(); });
  }
  const home = pageData.home ? el("a", { href: pageData.home, class: "home" }, "All networks")
    : null;
  const skip = el("a", { href: "#main", class: "skip", on: { click: (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  } } }, "Skip to the network");
  document.body.append(skip,
    el("header", {}, home, name, el("dl", { id: "facts", class: "headline" }),
      el("div", { id: "searchplace" }), themeButton()),
    el("main", { id: "main", tabindex: -1 }),
    el("div", { id: "said", class: "unseen", role: "status" }),
    el("div", { id: "toast", "aria-hidden": "true" }));
  const follow = followLinks(() => tree ?? { items: new Map() }, (item) => {
    set("selected", item.id);
    stop.graph.show(item.id, true);
    if (!narrow.matches) stop.tabs.show("layer");
  });
  showNetwork(0);
  follow();
  watchAlways(["selected"], (id) => {
    if (id && stop.tabs.current() === "graph" && !narrow.matches) stop.tabs.show("layer");
  });
  narrow.addEventListener("change", () => {
    if (!narrow.matches && stop?.tabs.current() === "graph") stop.tabs.show("layer");
    stop?.graph.fit();
  });
}

begin();
