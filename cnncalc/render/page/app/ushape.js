// Places a network that goes down to small maps and up again as a U, with its skips across.

import { joinedEnds, labels } from "./edges.js";
import { SIZES, textWidth } from "./measure.js";

const ACROSS = 130; // between the arms, at least
const DEEP = 4; // times smaller are the smallest maps, at least

// Say where a U turns: the lowest box, and the pairs of boxes with a skip; null if it is no U.
export function turnOf(network, cells, edges) {
  const sizes = cells.map((cell) => sizeOf(cell.layers[cell.layers.length - 1]));
  if (sizes.length < 7 || sizes.includes(0)) return null;
  const bottom = sizes.lastIndexOf(Math.min(...sizes));
  if (sizes[bottom] * DEEP > sizes[0] || sizes[bottom] * 2 > sizes[sizes.length - 1]) return null;
  const inside = edges.filter(({ from, to }) => Number.isInteger(from) && Number.isInteger(to));
  for (let n = 1; n < cells.length; n += 1) {
    if (!inside.some((edge) => edge.from === n - 1 && edge.to === n)) return null;
  }
  const pairs = inside.filter((edge) => edge.from < bottom && edge.to > bottom)
    .sort((a, b) => a.from - b.from || b.to - a.to);
  const nested = pairs.filter((edge, n) => !n || edge.from > pairs[n - 1].from);
  const falls = nested.every((edge, n) => !n || edge.to < nested[n - 1].to);
  const near = inside.every((edge) => edge.to - edge.from < 4
    || (edge.from < bottom && edge.to > bottom));
  return nested.length > 1 && falls && near && edges.every((edge) => edge.from !== "in")
    ? { bottom, pairs: nested.map(({ from, to }) => [from, to]) } : null;
}

function sizeOf(layer) {
  const [, ...axes] = layer.shape;
  return axes.length ? axes.reduce((product, size) => product * size, 1) ** (1 / axes.length) : 0;
}

// Place the boxes: down the left arm, through the lowest box, and up the right arm.
export function placeAsU(boxes, edges, { bottom, pairs }) {
  const left = boxes.slice(0, bottom);
  const right = boxes.slice(bottom + 1);
  const widest = (arm) => Math.max(...arm.map((box) => box.w));
  const texts = edges.map((edge) => textWidth(edge.text, "shape"));
  const between = Math.max(ACROSS, boxes[bottom].w + 60, Math.max(...texts) + 70);
  const middle = { left: widest(left) / 2, right: widest(left) + between + widest(right) / 2 };
  const foot = down(boxes, bottom, pairs);
  for (const box of left) box.x = middle.left - box.w / 2;
  for (const box of right) box.x = middle.right - box.w / 2;
  const lowest = boxes[bottom];
  lowest.x = widest(left) + (between - lowest.w) / 2;
  lowest.y = foot;
  const top = Math.min(...boxes.map((box) => box.y)) - SIZES.output - SIZES.gap;
  for (const box of boxes) box.y -= top;
  const labelled = labels(edges);
  for (const edge of edges) route(boxes, edge, bottom, labelled.has(edge));
  const w = Math.max(...boxes.map((box) => box.x + box.w)) + 40;
  return { boxes, edges, ports: { in: new Map(), out: new Map() }, w,
    h: Math.max(...boxes.map((box) => box.y + box.h)) + 8 };
}

// Stack both arms so that the boxes of each pair are at one height; return where they end.
function down(boxes, bottom, pairs) {
  let at = 0;
  let [lastLeft, lastRight] = [null, null];
  for (const [from, to] of pairs) {
    const lines = lastLeft === null ? [boxes[from].h / 2, 0]
      : [distance(boxes, lastLeft, from, 1), distance(boxes, lastRight, to, -1)];
    at += Math.max(...lines);
    if (lastLeft !== null) {
      spread(boxes, lastLeft, from, at, 1);
      spread(boxes, lastRight, to, at, -1);
    }
    setLine(boxes[from], at, false);
    setLine(boxes[to], at, Boolean(boxes[to].inside));
    if (lastLeft === null) {
      stack(boxes, from, -1, -1);
      stack(boxes, to, boxes.length, 1, true);
    }
    [lastLeft, lastRight] = [from, to];
  }
  const ends = [stackDown(boxes, lastLeft, bottom, 1), stackDown(boxes, lastRight, bottom, -1)];
  return Math.max(...ends);
}

const lineOf = (box) => (box.inside && box.up ? box.h + 20 : box.h / 2);

function setLine(box, at) {
  box.y = at - lineOf(box);
}

// From the line of a box to that of another one in the same arm.
function distance(boxes, a, b, step) {
  let sum = boxes[a].h - lineOf(boxes[a]) + lineOf(boxes[b]) + SIZES.gap;
  for (let n = a + step; n !== b; n += step) sum += boxes[n].h + SIZES.gap;
  return sum;
}

// Place the boxes between two lines, with equal gaps.
function spread(boxes, a, b, at, step) {
  const start = boxes[a].y + boxes[a].h;
  const end = at - lineOf(boxes[b]);
  const inner = [];
  for (let n = a + step; n !== b; n += step) inner.push(boxes[n]);
  const heights = inner.reduce((sum, box) => sum + box.h, 0);
  const gap = (end - start - heights) / (inner.length + 1);
  let y = start + gap;
  for (const box of inner) {
    box.y = y;
    y += box.h + gap;
  }
}

// Stack boxes upwards, from the one beside `from` on.
function stack(boxes, from, end, step) {
  let top = boxes[from].y;
  for (let n = from + step; n !== end; n += step) {
    top -= boxes[n].h + SIZES.gap;
    boxes[n].y = top;
  }
}

function stackDown(boxes, from, bottom, step) {
  let y = boxes[from].y + boxes[from].h + SIZES.gap;
  for (let n = from + step; n !== bottom; n += step) {
    boxes[n].y = y;
    y += boxes[n].h + SIZES.gap;
  }
  return y;
}

// Let an edge go down, across or up, and put its label beside it.
function route(boxes, edge, bottom, labelled) {
  const from = boxes[edge.from];
  if (edge.to === "out") {
    const [x, y] = joinedEnds.top(from, edge.source);
    Object.assign(edge, { points: [[x, y], [x, y - SIZES.gap]], label: null, isUp: true });
    return;
  }
  const to = boxes[edge.to];
  const side = (box, end) => [box.x + (end === "right" ? box.w : 0), box.y + box.h / 2];
  const arm = (n) => Math.sign(n - bottom);
  if (arm(edge.from) < 0 && arm(edge.to) > 0) {
    const into = Boolean(to.inside);
    edge.points = [side(from, "right"), into ? joinedEnds.bottom(to, edge.source, "in")
      : side(to, "left")];
    edge.bend = into ? "into" : "across";
  } else if (arm(edge.to) === 0) {
    Object.assign(edge, { points: [joinedEnds.bottom(from, edge.source), side(to, "left")],
      bend: "turn" });
  } else if (arm(edge.from) === 0) {
    Object.assign(edge, { bend: "into", points: [side(from, "right"),
      joinedEnds.bottom(to, edge.source, "in")] });
  } else if (arm(edge.from) < 0) {
    edge.points = [joinedEnds.bottom(from, edge.source), joinedEnds.top(to, edge.source, "in")];
    if (edge.to - edge.from > 1) around(edge, from, to, -1);
  } else {
    edge.points = [joinedEnds.top(from, edge.source), joinedEnds.bottom(to, edge.source, "in")];
    if (edge.to - edge.from > 1) around(edge, from, to, 1);
  }
  const [[x0, y0], [x1, y1]] = [edge.points[0], edge.points[edge.points.length - 1]];
  const width = textWidth(edge.text, "shape");
  edge.label = labelled || edge.bend === "across" || edge.bend === "into" ? [(x0 + x1) / 2,
    (y0 + y1) / 2] : null;
  if (!edge.label) return;
  if (edge.bend === "across") edge.label[1] -= 9;
  else if (edge.bend) edge.label = null;
  else edge.label[0] += width / 2 + 8;
}

// Pass the boxes between at the outer side of the arm.
function around(edge, from, to, side) {
  const x = side > 0 ? Math.max(from.x + from.w, to.x + to.w) + 26
    : Math.min(from.x, to.x) - 26;
  const [start, end] = edge.points;
  edge.points = [start, [x, (2 * start[1] + end[1]) / 3], [x, (start[1] + 2 * end[1]) / 3], end];
}
