// Memory over time, at inference and in training, with the tensors alive under the cursor.

import { el, plainTable } from "./dom.js";
import { summed, unpacked } from "./packed.js";
import { set } from "./store.js";
import { bytesText, peakText, percent, plural, savedText } from "./text.js";
import { colourNamed, onTheme } from "./theme.js";

const WORDS = { params: "parameters", buffers: "buffers", gradients: "gradients of parameters",
  optimizer: "optimizer state", inputs: "inputs", outputs: "outputs",
  saved: "saved for backward", activation_gradients: "gradients of activations",
  casts: "copies of another type", temporary: "temporary" };
const SHOWN = 12; // tensors of those that are alive

export function memoryView(tree) {
  const { network } = tree;
  const modes = Object.keys(network.memory);
  let mode = modes[0];
  let run = readRun(network.memory[mode]);
  let plot = null;
  let at = run.peakStep;
  const canvas = el("div", { class: "timeline", tabindex: 0, role: "img" });
  const alive = el("div", { class: "alive" });
  const legend = el("div", { class: "legend" });
  const facts = el("p", { class: "note" });
  const picks = el("div", { class: "picks", role: "group", "aria-label": "Run" },
    modes.map((name) => el("button", { type: "button", "data-mode": name,
      on: { click: () => use(name) } }, name)));

  function use(name) {
    mode = name;
    run = readRun(network.memory[mode]);
    at = run.peakStep;
    draw();
  }

  function draw() {
    for (const one of picks.children) {
      one.setAttribute("aria-pressed", String(one.dataset.mode === mode));
    }
    const { optimizer, saved } = network.memory[mode];
    const by = mode === "training" ? ` with ${optimizer}` : "";
    const held = saved
      ? ` Backward holds ${savedText(network.memory[mode])} at the end of the forward pass.` : "";
    facts.textContent = `The peak of ${mode}${by} is ${peakText(network.memory[mode])}, ${stepWords(
      network, run, run.peakStep)}.${held} Tensors only: what the allocator and libraries add `
      + "comes on top.";
    legend.replaceChildren(...run.parts.map((part) => el("span", { class: "kind" },
      el("i", { class: `swatch part-${part}`, "aria-hidden": "true" }), WORDS[part] ?? part)));
    drawPlot();
    show(run.peakStep);
  }

  function drawPlot() {
    plot?.destroy();
    plot = null;
    const width = canvas.clientWidth;
    if (!width) return;
    plot = new uPlot(options(width), [run.xs, ...stacked(run)], canvas);
    canvas.setAttribute("aria-label", `Memory over ${plural(run.xs.length, "step")} of ${mode}; `
      + "arrow keys move the cursor");
  }

  function options(width) {
    const ink = colourNamed("faint");
    const grid = { stroke: colourNamed("line"), width: 1 };
    const series = [...run.parts].reverse().map((part) => ({ label: WORDS[part] ?? part,
      fill: colourNamed(`part-${part}`), stroke: colourNamed(`part-${part}`), width: 0,
      points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }));
    return {
      width,
      height: 280,
      legend: { show: false },
      scales: { x: { time: false }, y: { range: (_, low, high) => [0, high * 1.05 || 1] } },
      cursor: { y: false, drag: { x: true, y: false }, points: { show: false } },
      axes: [
        { stroke: ink, grid, ticks: grid, size: 34, values: (_, marks) => marks.map((x) =>
          (Number.isInteger(x) ? phaseAt(run, x) : "")) },
        { stroke: ink, grid, ticks: grid, size: 86,
          values: (_, marks) => marks.map((value) => (value ? bytesText(value) : "0")) },
      ],
      series: [{}, ...series],
      hooks: { setCursor: [(made) => {
        if (made.cursor.idx !== null && made.cursor.left >= 0) show(made.cursor.idx);
      }] },
    };
  }

  // List the tensors that are alive at the busiest moment of a step.
  function show(step) {
    at = step;
    const found = run.aliveAt(step);
    const total = found.reduce((sum, one) => sum + one.bytes, 0);
    const grouped = byLayer(found);
    const rows = grouped.slice(0, SHOWN).map((one) => [named(one.layer),
      el("span", {}, el("i", { class: `swatch part-${one.part}`, "aria-hidden": "true" }),
        `${WORDS[one.part] ?? one.part}${one.count > 1 ? ` (${one.count})` : ""}`),
      bytesText(one.bytes), percent(one.bytes, total)]);
    const rest = grouped.slice(SHOWN).reduce((sum, one) => sum + one.bytes, 0);
    if (rest) {
      rows.push([`${grouped.length - SHOWN} more`, "", bytesText(rest), percent(rest, total)]);
    }
    alive.replaceChildren(el("h3", {}, `${bytesText(total)} alive, ${
      stepWords(network, run, step)}`),
    plainTable("Tensors alive", ["layer", "what", "size", "share"], [false, false, true, true],
      rows));
  }

  function named(n) {
    const item = n === null ? null : tree.owner.get(n);
    if (!item) return n === null ? "–" : network.nodes[n].path;
    return el("button", { type: "button", class: "link",
      on: { click: () => set("selected", item.id) } }, item.path);
  }

  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (!step) return;
    event.preventDefault();
    show(Math.min(Math.max(at + step, 0), run.xs.length - 1));
    plot?.setCursor({ left: plot.valToPos(at, "x"), top: 10 }, false);
  });

  const element = el("div", { class: "memory" }, el("div", { class: "tools" }, picks),
    facts, legend, canvas, alive);
  new ResizeObserver(() => {
    if (canvas.clientWidth && plot?.width !== canvas.clientWidth) drawPlot();
  }).observe(canvas);
  onTheme(() => drawPlot());
  draw();
  return { element, shown: drawPlot };
}

// Read a run: its steps, and what is alive at the busiest moment of each.
function readRun(data) {
  const tensors = tensorsOf(data);
  const { made, freed, bytes, part, layer, kept } = tensors;
  const phases = unpacked(data.steps[0]);
  const [layers, after] = data.steps.slice(1).map(summed);
  const order = [...data.parts];
  const rank = Object.keys(WORDS);
  order.sort((a, b) => rank.indexOf(a) - rank.indexOf(b));
  const xs = phases.map((_, n) => n);
  const sums = Object.fromEntries(order.map((name) => [name, new Array(xs.length).fill(0)]));
  const isAlive = (n, moment) => made[n] < moment && (freed[n] === null || freed[n] >= moment);
  addUp(tensors, data.parts, sums, after);
  const totals = xs.map((x) => order.reduce((sum, name) => sum + sums[name][x], 0));
  const peakStep = totals.indexOf(Math.max(...totals));

  function aliveAt(step) {
    const found = [];
    for (let n = 0; n < made.length; n += 1) {
      if (isAlive(n, after[step])) {
        found.push({ layer: layer[n], bytes: bytes[n], part: data.parts[part[n]],
          kept: kept[n] === 1 });
      }
    }
    return found.sort((a, b) => b.bytes - a.bytes);
  }

  return { xs, phases, layers, parts: order, sums, totals, peakStep, aliveAt };
}

function tensorsOf({ tensors }) {
  const made = summed(tensors[0]);
  const freed = unpacked(tensors[1]).map((later, n) => (later === null ? null : made[n] + later));
  const [bytes, part] = tensors.slice(2, 4).map(unpacked);
  return { made, freed, bytes, part, layer: summed(tensors[4]), kept: unpacked(tensors[5]) };
}

// Add the bytes of every tensor to the steps in whose busiest moment it is alive.
function addUp({ made, freed, bytes, part }, parts, sums, after) {
  const first = (event) => lowest(after, event + 1);
  for (let n = 0; n < made.length; n += 1) {
    const start = first(made[n]);
    const end = freed[n] === null ? after.length : first(freed[n]);
    const column = sums[parts[part[n]]];
    for (let step = start; step < end; step += 1) column[step] += bytes[n];
  }
}

// The first place in a rising list whose value is at least this.
function lowest(list, value) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The sums from the bottom up, the topmost first, so that each is drawn over the one above.
function stacked(run) {
  const below = new Array(run.xs.length).fill(0);
  const series = run.parts.map((part) => run.sums[part].map((value, n) => {
    below[n] += value;
    return below[n];
  }));
  return series.reverse();
}

function byLayer(tensors) {
  const found = new Map();
  for (const one of tensors) {
    const key = `${one.layer} ${one.part}`;
    const known = found.get(key);
    if (known) {
      known.bytes += one.bytes;
      known.count += 1;
    } else found.set(key, { ...one, count: 1 });
  }
  return [...found.values()].sort((a, b) => b.bytes - a.bytes);
}

function stepWords(network, run, step) {
  const phase = run.phases[step];
  const layer = run.layers[step];
  if (phase === "start") return "before the first layer";
  if (phase === "optimizer") return "in the optimizer's step";
  return `in the ${phase} pass${layer === null ? "" : ` of ${network.nodes[layer].path}`}`;
}

function phaseAt(run, x) {
  const phase = run.phases[x];
  if (phase === undefined) return "";
  return phase === run.phases[0] || run.phases.indexOf(phase) === x ? phase : String(x);
}
