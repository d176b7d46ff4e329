// The edges of a block: which of them carry labels, and where they begin and end.


import { textWidth } from "./measure.js";

const LABELLED = 160; // edges in a block; if there are more, they have no labels

// The edges that carry a label: one for each tensor, that to the nearest reader.
export function labels(edges) {
  if (edges.length > LABELLED) return new Set();
  const best = new Map();
  for (const edge of edges) {
    if (edge.from === "in") continue;
    const known = best.get(edge.source);
    const far = (one) => (one.to === "out" ? Infinity : one.to);
    if (!known || far(edge) < far(known)) best.set(edge.source, edge);
  }
  return new Set([...best.values()].filter((edge) => edge.to !== "out"));
}

// Where a tensor enters or leaves a box at its top or its foot: at a port, if the box is open.
function end(box, source, direction) {
  return [box.x + (box.inside?.ports[direction].get(source) ?? box.w / 2), box.y];
}

export const joinedEnds = {
  top: (box, source, direction = "out") => end(box, source, direction),
  bottom(box, source, direction = "out") {
    const [x, y] = end(box, source, direction);
    return [x, y + box.h];
  },
};

// Let each edge begin at the foot of a box, and end at the top of another one.
export function joined(boxes, edges, size) {
  const w = size.width;
  const h = size.height;
  const ports = { in: new Map(), out: new Map() };
  for (const edge of edges) {
    const [fromX, toX] = edge.ports;
    if (edge.from === "in") ports.in.set(edge.source, fromX);
    if (edge.to === "out") ports.out.set(edge.source, toX);
    edge.points.unshift(edge.from === "in" ? [fromX, 0]
      : joinedEnds.bottom(boxes[edge.from], edge.source));
    edge.points.push(edge.to === "out" ? [toX, h]
      : joinedEnds.top(boxes[edge.to], edge.source, "in"));
    if (edge.points.length === 3 && !isAligned(edge.points)) edge.points.splice(1, 1);
    if (edge.label && edge.points.length === 2) beside(edge);
  }
  return { boxes, edges, ports, w, h };
}

// Whether the point between two ends is above or below one of them.
function isAligned([[x0], [x1], [x2]]) {
  return Math.min(Math.abs(x0 - x1), Math.abs(x2 - x1)) < 3;
}

// Put the label of a line that goes straight down at its side.
function beside(edge) {
  const [[x0, y0], [x1, y1]] = edge.points;
  if (Math.abs(x1 - x0) < 24) {
    edge.label = [(x0 + x1) / 2 + textWidth(edge.text, "shape") / 2 + 8, (y0 + y1) / 2];
  }
}

// Turn a block upside down, for the arm of a U that goes up.
export function upsideDown(arranged) {
  const { boxes, edges, h } = arranged;
  for (const box of boxes) box.y = h - box.y - box.h;
  for (const edge of edges) {
    edge.points = edge.points.map(([x, y]) => [x, h - y]);
    if (edge.label) edge.label[1] = h - edge.label[1];
  }
  return arranged;
}

