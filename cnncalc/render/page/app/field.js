// The receptive field, drawn on the input: what a position of a layer sees, padding included.

import { tell } from "./copy.js";
import { button, el, svg } from "./dom.js";
import { get, watch } from "./store.js";
import { plural, shapeText } from "./text.js";

const WIDTH = 520; // of the drawing, in its own units
const MAP = 180; // of the map of positions
const LINES = 64; // positions of an axis that are drawn apart
const IS_INPUT = "This is the input. Choose a layer to see what its positions see.";
const IS_VECTOR = "A vector has no positions: each of its values is computed from all that was "
  + "flattened or pooled.";

export function fieldView(tree) {
  const { network } = tree;
  let layer = null;
  let which = 0;
  let gated = true;
  let position = [];
  let picture = null;
  let stageOf = {}; // what the drawing was made for, and how it is moved to another position
  const stage = el("div", { class: "stage" });
  const facts = el("p", { class: "facts", role: "status" });
  const about = el("h3", {});
  const options = el("div", { class: "tools" });
  const places = el("div", { class: "tools places" });

  const fields = () => (gated || !layer.ungated.length ? layer.fields : layer.ungated);
  const sizes = () => layer.shape.slice(1);

  function use(wanted) {
    if (!wanted || wanted.isGone) return;
    const same = layer === wanted;
    layer = wanted;
    which = Math.min(which, Math.max(fields().length - 1, 0));
    if (!same) position = sizes().map((size) => Math.floor((size - 1) / 2));
    draw();
  }

  function draw() {
    about.textContent = `${layer.path}, ${shapeText(layer.shape)}`;
    const seen = fields()[which];
    options.replaceChildren(...choices());
    places.replaceChildren();
    if (!seen) {
      stage.replaceChildren();
      facts.textContent = layer.op === "input" ? IS_INPUT : IS_VECTOR;
      return;
    }
    places.replaceChildren(...inputsOf());
    drawStage(seen);
  }

  function choices() {
    const made = [];
    if (layer.fields.length > 1) {
      made.push(...layer.fields.map((field, n) => button(network.nodes[field.of].path,
        () => { which = n; draw(); }, { "aria-pressed": String(n === which) })));
    }
    if (layer.ungated.length) {
      made.push(el("label", { class: "choice" }, el("input", { type: "checkbox", checked: gated,
        on: { change: (event) => { gated = event.target.checked; draw(); } } }), "with gates"));
    }
    return made;
  }

  // A number for each axis of the layer, so that a position can be typed.
  function inputsOf() {
    const names = axisNames(sizes().length);
    return sizes().map((size, axis) => {
      const input = el("input", { type: "number", min: 0, max: size - 1, value: position[axis],
        on: { input: () => {
          position[axis] = Math.min(Math.max(Math.round(Number(input.value) || 0), 0), size - 1);
          drawStage(fields()[which], input);
        } } });
      return el("label", { class: "choice" }, el("span", {}, `${names[axis]} of ${size}`), input);
    });
  }

  // Draw the field of the position; a number that is being typed stays as it is.
  function drawStage(seen, typed = null) {
    const input = network.nodes[seen.of];
    const spans = spansAt(seen, position, sizes());
    facts.textContent = wordsOf(seen, spans, input);
    if (spans.some((span) => span === undefined)) {
      stage.replaceChildren();
      stageOf = {};
      return;
    }
    if (stageOf.seen !== seen || stageOf.layer !== layer || stageOf.picture !== picture) {
      const [drawing, moveField] = onInput(seen, input);
      const [map, moveChosen] = positions();
      stage.replaceChildren(drawing, map);
      stageOf = { seen, layer, picture, moveField, moveChosen };
    }
    stageOf.moveField(spans);
    stageOf.moveChosen();
    const inputs = places.querySelectorAll("input");
    inputs.forEach((one, axis) => { if (one !== typed) one.value = position[axis]; });
  }

  // The input with its padding and the field on it, and a function that moves the field.
  function onInput(seen, input) {
    const [height, width] = plane(input.shape.slice(1), 1);
    const reach = plane(reachOf(seen, input.shape.slice(1), sizes()), [0, 0]);
    const left = Math.max(-Math.min(reach[1][0], 0), 0);
    const right = Math.max(reach[1][1] - width + 1, 0);
    const top = Math.max(-Math.min(reach[0][0], 0), 0);
    const bottom = Math.max(reach[0][1] - height + 1, 0);
    const flat = input.shape.length === 2;
    const tall = flat ? (width + left + right) / 8 : height + top + bottom;
    const scale = WIDTH / Math.max(width + left + right, tall);
    const y0 = flat ? 0 : top * scale;
    const h = (flat ? tall : height) * scale;
    const place = { x: left * scale, y: y0, w: width * scale, h };
    const field = svg("rect", { class: "seen" });
    const clip = svg("svg", { class: "input", viewBox: `-2 -2 ${
      ((width + left + right) * scale + 4).toFixed(1)} ${(tall * scale + 4).toFixed(1)}`,
    role: "img", "aria-label": `Receptive field of ${layer.path} on ${input.path}` },
    svg("rect", { class: "padding", width: (width + left + right) * scale, height: tall * scale }),
    svg("rect", { class: "image", x: place.x, y: place.y, width: place.w, height: place.h }),
    picture ? drawn(picture, place) : raster(place),
    field);
    clip.addEventListener("pointermove", (event) => {
      const box = clip.getBoundingClientRect();
      const unit = ((width + left + right) * scale + 4) / box.width;
      const x = ((event.clientX - box.x) * unit - 2) / scale - left;
      const y = ((event.clientY - box.y) * unit - 2) / scale - top;
      aim(seen, flat ? [x] : [y, x]);
    });
    return [clip, (spans) => {
      const rect = rectOf(spans, flat, { left, top, scale, tall });
      for (const [name, value] of Object.entries(rect)) field.setAttribute(name, value);
    }];
  }

  function aim(seen, point) {
    const first = seen.axes.length - point.length;
    point.forEach((value, n) => {
      const axis = seen.axes[first + n];
      if (!Array.isArray(axis) || axis[0] === null) return;
      position[axis[0]] = nearest(axis, value, sizes()[axis[0]]);
    });
    drawStage(seen);
  }

  function drawn(bitmap, place) {
    const holder = svg("foreignObject", { x: place.x, y: place.y, width: place.w,
      height: place.h });
    const [width, height] = [Math.round(place.w * 2), Math.round(place.h * 2)];
    const canvas = el("canvas", { width, height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    holder.append(canvas);
    return holder;
  }

  // The map of positions, and a function that marks the chosen one.
  function positions() {
    const [height, width] = plane(sizes(), 1);
    const scale = MAP / Math.max(height, width);
    const w = width * scale;
    const h = height * scale;
    const lines = [];
    if (width <= LINES) for (let n = 1; n < width; n += 1) lines.push(`M${n * scale} 0V${h}`);
    if (height <= LINES) for (let n = 1; n < height; n += 1) lines.push(`M0 ${n * scale}H${w}`);
    const size = Math.max(scale, 5);
    const chosen = svg("rect", { class: "chosen", width: size, height: size });
    const map = svg("svg", { class: "map", viewBox: `-3 -3 ${w + 6} ${h + 6}`, tabindex: 0,
      role: "application",
      "aria-label": `Positions of ${layer.path}; arrow keys choose one` },
    svg("rect", { class: "back", width: w, height: h }),
    svg("path", { class: "gridline", d: lines.join("") }),
    chosen);
    map.style.width = `${MAP + 6}px`;
    const at = (event) => {
      const box = map.getBoundingClientRect();
      const unit = (w + 6) / box.width;
      choose(((event.clientY - box.y) * unit - 3) / scale,
        ((event.clientX - box.x) * unit - 3) / scale);
    };
    map.addEventListener("pointermove", at);
    map.addEventListener("pointerdown", at);
    map.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1],
        ArrowLeft: [0, -1] };
      if (!(event.key in moves)) return;
      event.preventDefault();
      const [row, column] = plane(position, 0);
      choose(row + moves[event.key][0], column + moves[event.key][1]);
    });
    const place = el("div", { class: "mapplace" }, el("p", {}, "positions of the layer"), map);
    return [place, () => {
      const [row, column] = plane(position, 0);
      chosen.setAttribute("x", column * scale + (scale - size) / 2);
      chosen.setAttribute("y", row * scale + (scale - size) / 2);
    }];
  }

  function choose(row, column) {
    const count = sizes().length;
    const clip = (value, axis) => Math.min(Math.max(Math.floor(value), 0), sizes()[axis] - 1);
    if (count >= 2) position[count - 2] = clip(row, count - 2);
    position[count - 1] = clip(column, count - 1);
    drawStage(fields()[which]);
  }

  // --- the user's own picture

  async function take(file) {
    if (!file) return;
    try {
      picture = await createImageBitmap(file);
    } catch {
      tell("this is no picture");
      return;
    }
    draw();
    tell("the picture stays on this page");
  }

  const chooser = el("input", { type: "file", accept: "image/*", class: "unseen", tabindex: -1,
    "aria-label": "Picture", on: { change: () => take(chooser.files[0]) } });
  const element = el("div", { class: "field" }, about, options, stage, places, facts,
    el("p", { class: "note" }, "Drop a picture here, or ",
      button("choose one", () => chooser.click(), { class: "link" }), chooser,
      ". It stays on this page. Move over the input or the positions, or over layers in the ",
      "graph."));
  element.addEventListener("dragover", (event) => {
    event.preventDefault();
    element.classList.add("dropping");
  });
  element.addEventListener("dragleave", () => element.classList.remove("dropping"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("dropping");
    take(event.dataTransfer.files[0]);
  });

  const layerOf = (id) => {
    const item = tree.items.get(id ?? "");
    return item?.parent ? item.layers[item.layers.length - 1] : null;
  };
  const started = () => layerOf(get("selected"))
    ?? network.byPath.get(network.field?.at) ?? network.nodes[network.nodes.length - 1];
  watch(["selected"], (id) => use(layerOf(id) ?? started()));
  watch(["hovered"], (id) => {
    if (element.offsetParent) use(layerOf(id) ?? started());
  });
  use(started());
  return { element };
}

function axisNames(count) {
  return { 1: ["position"], 2: ["row", "column"], 3: ["frame", "row", "column"] }[count]
    ?? [...Array(count).keys()].map((n) => `axis ${n + 1}`);
}

// The last two of some axes; one that is missing is `none`.
function plane(values, none) {
  const last = values.slice(-2);
  return last.length === 2 ? last : [none, last[0] ?? none];
}

// What a position sees of each axis: first and last; null for nothing, undefined for unknown.
export function spansAt(seen, position, sizes) {
  return seen.axes.map((axis, n) => {
    if (axis === "all") return "all";
    if (!Array.isArray(axis)) return undefined;
    const [moving] = axis;
    return spanOf(axis, moving === null ? 0 : position[moving], moving === null ? 1
      : sizes[moving]);
  });
}

function spanOf([, advance, spans], j, count) {
  if (advance === null) {
    const group = Math.ceil(count / spans.length);
    return spans[Math.floor(j / group)] ?? null;
  }
  const span = spans[j % spans.length];
  const moved = advance * Math.floor(j / spans.length);
  return span && [span[0] + moved, span[1] + moved];
}

// How far all positions together reach along each axis of the input.
function reachOf(seen, inputSizes, sizes) {
  return seen.axes.map((axis, n) => {
    const size = inputSizes[n];
    if (!Array.isArray(axis)) return [0, size - 1];
    const count = axis[0] === null ? 1 : sizes[axis[0]];
    let low = 0;
    let high = size - 1;
    for (const j of ends(axis, count)) {
      const span = spanOf(axis, j, count);
      if (span) [low, high] = [Math.min(low, span[0]), Math.max(high, span[1])];
    }
    return [Math.max(low, -size), Math.min(high, 2 * size)];
  });
}

// The positions at both ends, a period each: others reach no further.
function ends([, , spans], count) {
  const all = [];
  for (let j = 0; j < Math.min(spans.length, count); j += 1) all.push(j);
  for (let j = Math.max(count - spans.length, 0); j < count; j += 1) all.push(j);
  return all;
}

function nearest(axis, value, count) {
  let best = 0;
  let least = Infinity;
  for (let j = 0; j < count; j += 1) {
    const span = spanOf(axis, j, count);
    const distance = span ? Math.abs((span[0] + span[1] + 1) / 2 - value) : Infinity;
    if (distance < least) [best, least] = [j, distance];
  }
  return best;
}

// The rectangle of a field in the drawing.
function rectOf(spans, flat, { left, top, scale, tall }) {
  const [rows, columns] = plane(spans, [0, 0]);
  const whole = (span, size, before) => {
    if (span === "all") return [0, size];
    return span ? [(span[0] + before) * scale, (span[1] - span[0] + 1) * scale] : [0, 0];
  };
  const [x, w] = whole(columns, WIDTH, left);
  const [y, h] = flat ? [0, tall * scale] : whole(rows, tall * scale, top);
  return { x, y, width: w, height: h };
}

// A quiet pattern where there is no picture.
function raster({ x, y, w, h }) {
  const lines = [];
  for (let n = 1; n < 8; n += 1) {
    lines.push(`M${x + (n * w) / 8} ${y}v${h}`, `M${x} ${y + (n * h) / 8}h${w}`);
  }
  return svg("path", { class: "gridline", d: lines.join("") });
}

const signed = (value) => String(value).replace("-", "−");

function wordsOf(seen, spans, input) {
  const sizes = input.shape.slice(1);
  const names = axisNames(sizes.length);
  const parts = spans.map((span, n) => {
    const unknown = seen.axes[n]?.unknown;
    if (unknown) return `${names[n]}s are not followed: ${unknown}`;
    if (span === "all") return `all ${plural(sizes[n], names[n])}`;
    if (!span) return `no ${names[n]}`;
    const [low, high] = span;
    const padded = Math.max(0, -low) + Math.max(0, high - sizes[n] + 1);
    const inside = padded ? `, ${padded} of them in the padding` : "";
    return `${plural(high - low + 1, names[n])} (${signed(low)} to ${signed(high)}${inside})`;
  });
  return `It sees ${parts.join(" and ")} of ${input.path} ${shapeText(input.shape)}.`;
}
