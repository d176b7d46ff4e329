// Draws placed boxes and edges as SVG.

import { svg } from "./dom.js";
import { fitted, SIZES, textWidth } from "./measure.js";

const THIN = 1.2;
const THICK = 7;

// Draw a graph that is placed. `act` has what happens on a box, and `look` how it looks.
export function drawing(placed, look) {
  const most = largest(placed);
  const edges = svg("g", { class: "edges", "aria-hidden": "true" });
  const frames = svg("g", { class: "frames" });
  const boxes = svg("g", { class: "boxes" });
  const labels = svg("g", { class: "labels", "aria-hidden": "true" });
  const parts = { edges, frames, boxes, labels, most, look, order: [] };
  addPart(parts, placed, 0, 0);
  const pad = 24;
  return {
    order: parts.order,
    width: placed.w + 2 * pad,
    height: placed.h + 2 * pad + SIZES.output,
    group: svg("g", { transform: `translate(${pad} ${pad})` }, frames, edges, labels, boxes),
  };
}

function largest(placed) {
  let most = 1;
  for (const edge of placed.edges) most = Math.max(most, edge.bytes);
  for (const box of placed.boxes) if (box.inside) most = Math.max(most, largest(box.inside));
  return most;
}

function addPart(parts, placed, dx, dy) {
  for (const edge of placed.edges) addEdge(parts, edge, dx, dy);
  for (const box of placed.boxes) {
    const x = dx + box.x;
    const y = dy + box.y;
    if (box.inside) {
      addFrame(parts, box, x, y);
      addPart({ ...parts, inner: true }, box.inside, x, y);
    } else addBox(parts, box, x, y);
  }
}

function addEdge(parts, edge, dx, dy) {
  const points = edge.points.map(([x, y]) => [x + dx, y + dy]);
  const share = Math.sqrt(edge.bytes / parts.most);
  const width = THIN + (THICK - THIN) * share;
  const gone = edge.isGone;
  parts.edges.append(svg("path", { class: `edge${gone ? " gone" : ""}`,
    d: curve(points, edge.bend), "stroke-width": width.toFixed(1),
    "data-sources": edge.sources.join(" ") }));
  if (edge.to !== "out") parts.edges.append(arrow(points, width, gone, edge.bend));
  else if (!parts.inner) addOutput(parts, points[points.length - 1], edge);
  if (edge.label) {
    const [x, y] = edge.label;
    parts.labels.append(svg("text", { class: "shape", x: (x + dx).toFixed(1),
      y: (y + dy + 3.5).toFixed(1), "text-anchor": "middle" }, edge.text));
  }
}

// The end of the network, where a tensor leaves it.
function addOutput(parts, [x, y], edge) {
  const top = edge.isUp ? y - SIZES.output : y;
  parts.labels.append(svg("g", { class: "output" },
    svg("rect", { x: x - 26, y: top, width: 52, height: SIZES.output, rx: 9 }),
    svg("text", { x, y: top + 12.5, "text-anchor": "middle" }, "output")));
}

// A smooth line that leaves and enters boxes at a right angle.
export function curve(points, bend) {
  const place = ([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  let path = `M${place(points[0])}`;
  for (let n = 1; n < points.length; n += 1) {
    const [x0, y0] = points[n - 1];
    const [x1, y1] = points[n];
    if (Math.abs(x0 - x1) < 0.5 || Math.abs(y0 - y1) < 0.5) path += `L${place(points[n])}`;
    else {
      const [xm, ym] = [(x0 + x1) / 2, (y0 + y1) / 2];
      if (!bend && Math.abs(x1 - x0) > 1.2 * Math.abs(y1 - y0)) {
        path += stepped(x0, y0, x1, y1);
        continue;
      }
      const [a, b] = {
        across: [[xm, y0], [xm, y1]], into: [[x1, y0], [x1, y0]], turn: [[x0, y1], [x0, y1]],
      }[bend] ?? [[x0, ym], [x1, ym]];
      path += `C${place(a)} ${place(b)} ${place(points[n])}`;
    }
  }
  return path;
}

// Down, aside and down again, with round corners.
function stepped(x0, y0, x1, y1) {
  const ym = (y0 + y1) / 2;
  const r = Math.min(9, Math.abs(y1 - y0) / 2);
  const [sx, sy] = [Math.sign(x1 - x0) * r, Math.sign(y1 - y0) * r];
  const at = (...numbers) => numbers.map((number) => number.toFixed(1)).join(" ");
  return `L${at(x0, ym - sy)}Q${at(x0, ym, x0 + sx, ym)}L${at(x1 - sx, ym)}Q${
    at(x1, ym, x1, ym + sy)}L${at(x1, y1)}`;
}

function arrow(points, width, gone, bend) {
  const [x, y] = points[points.length - 1];
  const [x0, y0] = points[points.length - 2];
  const size = 4 + width / 2;
  const aside = bend === "across" || bend === "turn" ? Math.sign(x - x0) : 0;
  const up = y < y0 ? -1 : 1;
  const d = aside
    ? `M${x} ${y}l${-aside * size * 1.3} ${-size}v${2 * size}z`
    : `M${x.toFixed(1)} ${y.toFixed(1)}l${-size} ${-up * size * 1.3}h${2 * size}z`;
  return svg("path", { d, class: `arrow${gone ? " gone" : ""}` });
}

function addFrame(parts, box, x, y) {
  const { item } = box.cell;
  const { said } = box.inside;
  const { look } = parts;
  const head = svg("g", { ...look.attributes(box.cell, true), class: "head" },
    svg("rect", { class: "bar", width: box.w, height: SIZES.head, rx: 8 }),
    svg("path", { class: "sign", d: `M12 ${SIZES.head / 2}h9` }),
    title(said, box.w - 40, 28, 17));
  say(head, said.details);
  parts.frames.append(svg("g", { class: "frame", transform: `translate(${x} ${y})` },
    svg("rect", { class: "back", width: box.w, height: box.h, rx: 8 }), head));
  parts.order.push({ id: item.id, cell: box.cell, x, y, w: box.w, h: SIZES.head, element: head,
    open: true });
}

// Name a box for screen readers: what is written on it, and more about it.
function say(element, details) {
  const written = [...element.querySelectorAll("text")];
  for (const text of written.slice(1)) text.before(" ");
  element.setAttribute("aria-label",
    [written.map((text) => text.textContent).join(" "), details].filter(Boolean).join(", "));
}

// The name at the left, how often it is repeated, and the value at the right.
function title(said, room, x, y) {
  const value = said.value
    ? svg("text", { class: "value", x: x + room, y, "text-anchor": "end" }, said.value) : null;
  const taken = said.value ? textWidth(said.value, "about") + 8 : 0;
  const times = said.times ? SIZES.times + textWidth(said.times) : 0;
  const name = svg("text", { class: "name", x, y }, fitted(said.name, room - taken - times));
  if (said.times) name.append(" ", svg("tspan", { class: "times", dx: 4 }, said.times));
  return [name, value];
}

function addBox(parts, box, x, y) {
  const { cell, said } = box;
  const { look } = parts;
  const isBlock = cell.kind === "box";
  const group = svg("g", { class: `box ${isBlock ? "block" : "stack"}`,
    transform: `translate(${x} ${y})` });
  if (said.times) {
    group.append(svg("rect", { class: "copy", x: 5, y: 5, width: box.w, height: box.h, rx: 7 }));
  }
  const main = svg("g", { ...look.attributes(cell, false), class: `card ${said.look}` },
    face(box.w, isBlock ? box.h : SIZES.card, true, isBlock || cell.items.length === 1),
    ...cardTexts(box, isBlock));
  say(main, said.details);
  group.append(main);
  parts.order.push({ id: cell.id, cell, x, y, w: box.w, h: box.h, element: main });
  if (!isBlock) addStrips(parts, group, box, x, y);
  parts.boxes.append(group);
}

// A box whose corners are round at its top, at its foot, or at both.
function face(w, h, top, foot) {
  const r = 6;
  const [a, b] = [top ? r : 0, foot ? r : 0];
  return svg("path", { class: "face", d: `M0 ${a}${corner(a, a, -a)}H${w - a}${corner(a, a, a)}`
    + `V${h - b}${corner(b, -b, b)}H${b}${corner(b, -b, -b)}z` });
}

const corner = (r, x, y) => (r ? `a${r} ${r} 0 0 1 ${x} ${y}` : "");

function cardTexts(box, isBlock) {
  const { said } = box;
  const left = 10 + (isBlock ? SIZES.sign : 0);
  const room = box.w - left - 10;
  const times = said.times ? SIZES.times + textWidth(said.times) : 0;
  const name = svg("text", { class: "name", x: left, y: 16 }, fitted(said.name, room - times));
  if (said.times) name.append(" ", svg("tspan", { class: "times", dx: 4 }, said.times));
  const value = said.value
    ? svg("text", { class: "value", x: box.w - 10, y: 30, "text-anchor": "end" }, said.value)
    : null;
  const taken = said.value ? textWidth(said.value, "about") + 8 : 0;
  const about = svg("text", { class: "about", x: left, y: 30 },
    fitted(said.about, room - taken, "about"));
  const sign = isBlock
    ? svg("path", { class: "sign", d: `M10 ${SIZES.card / 2}h9m-4.5 -4.5v9` }) : null;
  return [sign, name, about, value];
}

function addStrips(parts, group, box, x, y) {
  const { look } = parts;
  const { cell, said } = box;
  cell.items.slice(1).forEach((item, n) => {
    const top = SIZES.card + n * SIZES.strip;
    const strip = svg("g", { ...look.strip(item), class: `strip ${said.stripLooks[n]}`,
      transform: `translate(0 ${top})` },
    face(box.w, SIZES.strip, false, n === cell.items.length - 2),
    svg("text", { class: "about", x: 10, y: 11.5 }, fitted(said.strips[n], box.w - 20, "about")));
    say(strip, said.stripDetails[n]);
    group.append(strip);
    parts.order.push({ id: item.id, cell: { kind: "strip", id: item.id, items: [item],
      layers: [item.layer] }, x, y: y + top, w: box.w, h: SIZES.strip, element: strip });
  });
}
