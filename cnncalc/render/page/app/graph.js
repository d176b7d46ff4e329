// The graph: its boxes open and close, can be selected, and are moved and zoomed as a whole.

import { classOf, COLOURS, coloursOf, figureOfAll, writtenOf } from "./colour.js";
import { announce, button, choice, el, svg } from "./dom.js";
import { drawing } from "./drawing.js";
import { place } from "./layout.js";
import { movable } from "./moving.js";
import { get, set, watch } from "./store.js";
import { full, plural, shapeText, short } from "./text.js";
import { cellsOf, enclosing, nameIn } from "./tree.js";

const SHOWN = 34; // boxes that are shown at first, if there are blocks to fold
const PAD = 24; // around the graph, as it is drawn

export function graphView(tree) {
  const { network } = tree;
  const open = new Set(firstOpen(tree));
  const plane = svg("svg", { class: "plane", role: "group", "aria-label":
    `Graph of ${network.name}. Arrow keys move, Enter opens and closes blocks.` });
  const moving = el("div", { class: "moving" }, plane);
  const pane = el("div", { class: "pane" }, moving);
  const legend = el("div", { class: "legend" });
  const moved = movable(pane, moving);
  const { view } = moved;
  let drawn = null;
  let scaleOf = 0;

  const isOpen = (item) => open.has(item.id);

  function words(cell, block) {
    const colour = get("colour");
    const written = writtenOf(cell.layers, colour);
    const look = `${classOf(cell.layers, colour, scaleOf)}${changeOf(cell)}`;
    if (cell.kind === "box") {
      const { item } = cell;
      return { name: item.name, about: plural(item.layers.length, "layer"), value: written,
        times: item.times ? `×${item.times}` : "", strips: [], stripLooks: [], look,
        details: item.path === item.name ? "" : item.path };
    }
    const [first, ...others] = cell.items.map((one) => one.layer);
    return {
      name: nameIn(block, cell.items[0]),
      about: aboutLayer(first),
      value: writtenOf([first], colour),
      times: "",
      details: detailsOf(first),
      strips: others.map(aboutLayer),
      stripDetails: others.map(detailsOf),
      stripLooks: others.map((layer) =>
        `${classOf([layer], colour, scaleOf)}${changeOf({ layers: [layer] })}`),
      look: `${classOf([first], colour, scaleOf)}${changeOf({ layers: [first] })}`,
    };
  }

  function attributes(cell, isFrame) {
    const isBlock = cell.kind === "box";
    return {
      role: "button",
      tabindex: -1,
      "data-id": cell.id,
      "aria-expanded": isBlock ? String(isFrame) : null,
    };
  }

  const strip = (item) => ({ role: "button", tabindex: -1, "data-id": item.id });

  function draw() {
    scaleOf = largestShown();
    const placed = place(network, tree.root, isOpen, words);
    drawn = drawing(placed, { attributes, strip });
    plane.replaceChildren(drawn.group);
    plane.setAttribute("width", drawn.width);
    plane.setAttribute("height", drawn.height);
    plane.setAttribute("viewBox", `0 0 ${drawn.width} ${drawn.height}`);
    drawn.byId = new Map(drawn.order.map((one) => [one.id, one]));
    drawn.order[0]?.element.setAttribute("tabindex", "0");
    mark();
    drawLegend();
  }

  function largestShown() {
    const colour = get("colour");
    let most = 0;
    const look = (block) => {
      for (const cell of cellsOf(block)) {
        if (cell.kind === "box" && isOpen(cell.item)) look(cell.item);
        else {
          const parts = cell.kind === "box" ? [cell.layers] : cell.layers.map((one) => [one]);
          for (const part of parts) {
            const value = figureOfAll(part, colour);
            if (Number.isFinite(value)) most = Math.max(most, value);
          }
        }
      }
    };
    if (COLOURS[colour].write) look(tree.root);
    return most;
  }

  function drawLegend() {
    const colour = get("colour");
    const { kinds, write } = COLOURS[colour];
    legend.replaceChildren();
    if (write && scaleOf) {
      legend.append(el("span", {}, "0"), el("span", { class: "scale", "aria-hidden": "true" },
        [...Array(9).keys()].map((n) => el("i", { class: `swatch heat-${n}` }))),
      el("span", {}, write(scaleOf)));
    } else if (kinds?.length) {
      const used = new Set(drawn.order.map((one) => classOf(one.cell.layers, colour, 0)));
      kinds.forEach((kind, n) => {
        if (!used.has(`${colour}-${n}`)) return;
        legend.append(el("span", { class: "kind" },
          el("i", { class: `swatch ${colour}-${n}`, "aria-hidden": "true" }), kind));
      });
    }
  }

  function fit(all = false) {
    const [first] = drawn.order;
    moved.fit({ ...drawn, entry: first ? first.x + first.w / 2 + PAD : 0 }, all);
  }

  // --- selecting, opening and closing

  pane.addEventListener("click", (event) => {
    if (moved.wasDragged()) return;
    const target = event.target.closest("[data-id]");
    if (!target) return;
    const { id } = target.dataset;
    const found = drawn.byId.get(id);
    const onSign = found.cell.kind === "box"
      && event.clientX - target.getBoundingClientRect().x < 26 * view.scale;
    if (onSign || (found.cell.kind === "box" && get("selected") === id)) toggle(id);
    set("selected", id);
    focus(id);
  });

  pane.addEventListener("dblclick", (event) => {
    const target = event.target.closest("[data-id]");
    if (target && drawn.byId.get(target.dataset.id)?.cell.kind !== "box") return;
    event.preventDefault();
  });

  function toggle(id) {
    const at = drawn.byId.get(id);
    const before = at ? [at.x * view.scale + view.x, at.y * view.scale + view.y] : null;
    if (open.has(id)) open.delete(id);
    else open.add(id);
    draw();
    const now = drawn.byId.get(id);
    if (before && now) {
      view.x = before[0] - now.x * view.scale;
      view.y = before[1] - now.y * view.scale;
      moved.apply();
    }
    announce(`${open.has(id) ? "opened" : "closed"} ${tree.items.get(id)?.name ?? ""}`);
    focus(id);
  }

  function focus(id) {
    const found = drawn.byId.get(id);
    if (!found) return;
    for (const one of drawn.order) one.element.setAttribute("tabindex", "-1");
    found.element.setAttribute("tabindex", "0");
    found.element.focus({ preventScroll: true });
  }

  plane.addEventListener("keydown", (event) => {
    const target = event.target.closest("[data-id]");
    if (!target || event.altKey || event.ctrlKey || event.metaKey) return;
    const { id } = target.dataset;
    const moves = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] };
    if (event.key in moves) {
      const next = neighbour(id, ...moves[event.key]);
      if (next) {
        focus(next.id);
        reveal(next);
      }
    } else if (event.key === "Enter" || event.key === " ") {
      if (get("selected") === id && drawn.byId.get(id).cell.kind === "box") toggle(id);
      else set("selected", id);
    } else if (event.key === "+" || event.key === "=") moved.zoom(1.25);
    else if (event.key === "-") moved.zoom(0.8);
    else if (event.key === "0") fit(true);
    else return;
    event.preventDefault();
  });

  // The nearest box in a direction.
  function neighbour(id, dx, dy) {
    const from = drawn.byId.get(id);
    const middle = (one) => [one.x + one.w / 2, one.y + one.h / 2];
    const [x0, y0] = middle(from);
    let best = null;
    let least = Infinity;
    for (const one of drawn.order) {
      const [x, y] = middle(one);
      const along = (x - x0) * dx + (y - y0) * dy;
      const aside = Math.abs((x - x0) * dy) + Math.abs((y - y0) * dx);
      if (one === from || along < 4) continue;
      const cost = along + 2.5 * aside;
      if (cost < least) [best, least] = [one, cost];
    }
    return best;
  }

  // Move the graph so that a box is in sight.
  function reveal(found, centred = false) {
    const left = (found.x + PAD) * view.scale + view.x;
    const top = (found.y + PAD) * view.scale + view.y;
    const right = left + found.w * view.scale;
    const bottom = top + found.h * view.scale;
    const { clientWidth: w, clientHeight: h } = pane;
    if (!centred && left > 0 && top > 0 && right < w && bottom < h) return;
    moved.pan(w / 2 - (left + right) / 2, h / 2 - (top + bottom) / 2);
  }

  // What is drawn of an item: its box, or those of the layers of a block without a box.
  function drawnOf(id) {
    const own = drawn.byId.get(id);
    if (own) return [own];
    const layers = tree.items.get(id)?.layers ?? [];
    return layers.map(({ n }) => drawn.byId.get(tree.owner.get(n).id)).filter(Boolean);
  }

  function mark() {
    const selected = get("selected");
    const hovered = get("hovered");
    const pressed = new Set(drawnOf(selected));
    const pointed = new Set(drawnOf(hovered));
    for (const one of drawn.order) {
      one.element.classList.toggle("selected", pressed.has(one));
      one.element.classList.toggle("hovered", pointed.has(one));
      one.element.setAttribute("aria-pressed", String(pressed.has(one)));
    }
    const sources = new Set(tree.items.get(hovered ?? selected)?.layers.map((one) => one.n) ?? []);
    for (const edge of plane.querySelectorAll(".edge")) {
      const own = edge.dataset.sources.split(" ").map(Number);
      edge.classList.toggle("lit", own.some((source) => sources.has(source)));
    }
  }

  plane.addEventListener("pointerover", (event) => {
    set("hovered", event.target.closest("[data-id]")?.dataset.id ?? null);
  });
  plane.addEventListener("pointerleave", () => set("hovered", null));

  // Open what encloses an item, and show it.
  function show(id, centred = false) {
    const item = tree.items.get(id);
    if (!item) return;
    let changed = false;
    for (const outer of enclosing(item)) {
      if (!open.has(outer.id)) {
        open.add(outer.id);
        changed = true;
      }
    }
    if (changed) draw();
    const [found] = drawnOf(id);
    if (found) reveal(found, centred);
  }

  watch(["selected"], (id) => {
    if (id) show(id);
    mark();
  });
  watch(["hovered"], mark);
  watch(["colour"], () => draw());

  function openAll(all) {
    open.clear();
    if (all) for (const item of tree.items.values()) if (item.children.length) open.add(item.id);
    draw();
    fit(true);
    announce(all ? "all blocks are open" : "all blocks are closed");
  }

  const colours = choice("Colour by", coloursOf(network).map((key) => [key, COLOURS[key].words]),
    get("colour"), (key) => set("colour", key));
  watch(["colour"], (key) => { colours.querySelector("select").value = key; });
  const tools = el("div", { class: "tools", role: "toolbar", "aria-label": "Graph" },
    colours, legend, el("span", { class: "space" }),
    button("Open all", () => openAll(true)), button("Close all", () => openAll(false)),
    button("−", () => moved.zoom(0.8), { "aria-label": "zoom out", title: "zoom out" }),
    button("+", () => moved.zoom(1.25), { "aria-label": "zoom in", title: "zoom in" }),
    button("Fit", () => fit(true), { title: "show the whole graph" }));
  const element = el("section", { class: "graph", "aria-label": "Graph" }, tools, pane);
  return { element, draw, fit, show, pan: moved.pan, open, count: () => drawn.order.length };
}

function changeOf(cell) {
  if (cell.layers.length === 1 && cell.layers[0].stop) return " is-stop";
  const kinds = new Set(cell.layers.map((layer) => layer.change?.kind).filter(Boolean));
  if (!kinds.size) return "";
  if (cell.layers.every((layer) => layer.change?.kind === "removed")) return " is-removed";
  if (cell.layers.every((layer) => layer.change?.kind === "added")) return " is-added";
  return kinds.has("added") || kinds.has("removed") || kinds.has("changed") ? " is-changed" : "";
}

function aboutLayer(layer) {
  if (layer.op === "input") return shapeText(layer.shape);
  return [layer.op, layer.window].filter(Boolean).join(" ");
}

function detailsOf(layer) {
  const parts = [layer.path, `output ${shapeText(layer.shape)}`];
  if (layer.params) parts.push(`${full(layer.params)} parameters`);
  if (layer.macs) parts.push(`${short(layer.macs)} MACs`);
  return parts.join(", ");
}

// Open the blocks in which something changed.
function openChanges(tree) {
  const open = new Set();
  for (const layer of tree.network.nodes) {
    if (!["added", "removed", "changed"].includes(layer.change?.kind)) continue;
    for (const outer of enclosing(tree.owner.get(layer.n))) open.add(outer.id);
    if (open.size > 2 * SHOWN) break;
  }
  return open;
}

// Open blocks level by level, as long as few boxes are shown.
function firstOpen(tree) {
  const open = new Set();
  if (tree.network.diff) return openChanges(tree);
  let level = cellsOf(tree.root).filter((cell) => cell.kind === "box").map((cell) => cell.item);
  let count = cellsOf(tree.root).length;
  while (level.length) {
    const more = level.reduce((sum, item) => sum + cellsOf(item).length, 0);
    if (count + more > SHOWN) break;
    count += more;
    const next = [];
    for (const item of level) {
      open.add(item.id);
      next.push(...cellsOf(item).filter((cell) => cell.kind === "box").map((cell) => cell.item));
    }
    level = next;
  }
  return open;
}
