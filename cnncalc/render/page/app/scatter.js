// A scatter plot with logarithmic axes, whose points can be focused and chosen.

import { el, svg } from "./dom.js";
import { short } from "./text.js";

const W = 640;
const H = 400;
const EDGE = { left: 78, right: 20, top: 16, bottom: 48 };

// Draw points {x, y, words, look, act, text}. `lines` are further paths of {points, look}, for all
// of which there is room if they are `whole`.
export function scatter(label, [xWords, yWords], points, lines = []) {
  const shown = points.filter((one) => one.x > 0 && one.y > 0);
  if (!shown.length) return el("p", { class: "note" }, "There is nothing to plot.");
  const ends = lines.filter((line) => line.whole).flatMap((line) => line.points);
  const xs = axis([...shown.map((one) => one.x), ...ends.map(([x]) => x)], EDGE.left,
    W - EDGE.right);
  const ys = axis([...shown.map((one) => one.y), ...ends.map(([, y]) => y)], H - EDGE.bottom,
    EDGE.top);
  const tip = el("p", { class: "tip", role: "status" }, "Move over a point, or to it with Tab.");
  const free = room();
  const inOrder = [...shown].sort((a, b) => (b.size ?? 0) - (a.size ?? 0));
  const marks = inOrder.map((one) => point(one, xs, ys, tip, free)).reverse();
  const plot = svg("svg", { class: "scatter", viewBox: `0 0 ${W} ${H}`, role: "group",
    "aria-label": label }, grid(xs, ys), axisNames(xWords, yWords),
  lines.map((line) => polyline(line, xs, ys)), marks);
  return el("figure", {}, plot, tip);
}

function axis(values, from, to) {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const low = Math.log10(least) - 0.12;
  const high = Math.log10(most) + 0.12;
  const room = Math.max(high - low, 0.3);
  const at = (value) => from + ((Math.log10(value) - low) / room) * (to - from);
  return { at, low, high: low + room, from, to };
}

function ticks({ low, high }) {
  const found = [];
  const steps = high - low > 4 ? [1] : high - low > 1.6 ? [1, 3] : [1, 2, 5];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
    for (const step of steps) {
      const value = step * 10 ** power;
      const place = Math.log10(value);
      if (place >= low && place <= high) found.push(value);
    }
  }
  return found.length > 8 ? found.filter((_, n) => n % 2 === 0) : found;
}

function grid(xs, ys) {
  const small = (value) => (value < 1 ? String(Number(value.toPrecision(2)))
    : short(value).replace(/\.0+(?= )/, ""));
  const parts = [];
  for (const value of ticks(xs)) {
    const x = xs.at(value);
    parts.push(svg("path", { class: "gridline", d: `M${x} ${EDGE.top}V${H - EDGE.bottom}` }),
      svg("text", { x, y: H - EDGE.bottom + 16, "text-anchor": "middle" }, small(value)));
  }
  for (const value of ticks(ys)) {
    const y = ys.at(value);
    parts.push(svg("path", { class: "gridline", d: `M${EDGE.left} ${y}H${W - EDGE.right}` }),
      svg("text", { x: EDGE.left - 8, y: y + 4, "text-anchor": "end" }, small(value)));
  }
  return svg("g", { "aria-hidden": "true" }, parts);
}

function axisNames(xWords, yWords) {
  return svg("g", { class: "axisnames", "aria-hidden": "true" },
    svg("text", { x: (EDGE.left + W - EDGE.right) / 2, y: H - 8, "text-anchor": "middle" }, xWords),
    svg("text", { transform: `translate(12 ${(EDGE.top + H - EDGE.bottom) / 2}) rotate(-90)`,
      "text-anchor": "middle" }, yWords));
}

function polyline({ points, look }, xs, ys) {
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);
  const places = points.map(([x, y]) => [clip(xs.at(x), EDGE.left, W - EDGE.right),
    clip(ys.at(y), EDGE.top, H - EDGE.bottom)]);
  return svg("polyline", { class: look, points: places.map((at) => at.join(",")).join(" ") });
}

// A function that says whether a label still has room, and takes it.
function room() {
  const taken = [];
  return (x, y, width) => {
    const box = { left: x, right: x + width, top: y - 7, bottom: y + 7 };
    const clear = taken.every((other) => box.right < other.left || box.left > other.right
      || box.bottom < other.top || box.top > other.bottom);
    if (clear) taken.push(box);
    return clear;
  };
}

function point(one, xs, ys, tip, free) {
  const say = () => { tip.textContent = one.words; };
  const x = xs.at(one.x);
  const y = ys.at(one.y);
  const width = (one.text?.length ?? 0) * 6.4;
  const flip = x + width > W - 10;
  const named = one.text && free(flip ? x - 9 - width : x + 9, y, width);
  return svg("g", { class: `point ${one.look}`, role: "button", tabindex: 0,
    "aria-label": one.words, "data-id": one.id ?? null, on: { pointerenter: say, focus: say,
      click: () => one.act?.(), keydown: (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          one.act?.();
        }
      } } },
  svg("circle", { class: "reach", cx: x, cy: y, r: 12 }),
  svg("circle", { cx: x, cy: y, r: one.size ?? 5 }),
  named ? svg("text", { x: x + (flip ? -9 : 9), y: y + 4,
    "text-anchor": flip ? "end" : "start" }, one.text) : null);
}
