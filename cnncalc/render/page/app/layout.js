// Places the boxes of a graph: each open block by itself, and then as one box in its parent.

import { joined, labels, upsideDown } from "./edges.js";
import { SIZES, textWidth } from "./measure.js";
import { shapeText } from "./text.js";
import { cellsOf } from "./tree.js";
import { placeAsU, turnOf } from "./ushape.js";

const HOLD = 50; // more than all that pulls a port to its box

// Place a block that is open. `isOpen` says which boxes are, and `words` what is written on each.
// With `up`, it is turned upside down.
export function place(network, block, isOpen, words, up = false) {
  const cells = cellsOf(block);
  const home = new Map();
  cells.forEach((cell, at) => cell.layers.forEach((layer) => home.set(layer.n, at)));
  const edges = edgesBetween(network, cells, home);
  const inner = Boolean(block.parent);
  const turn = inner ? null : turnOf(network, cells, edges);
  const boxes = cells.map((cell, n) =>
    boxOf(network, block, cell, isOpen, words, up || (turn !== null && n > turn.bottom)));
  const lines = merged(boxes, edges);
  if (turn) return placeAsU(boxes, lines, turn);
  const arranged = arrange(boxes, lines, inner);
  if (up) upsideDown(arranged);
  return inner ? framed(block, arranged, words, up) : arranged;
}

function boxOf(network, block, cell, isOpen, words, up) {
  if (cell.kind === "box" && isOpen(cell.item)) {
    const inside = place(network, cell.item, isOpen, words, up);
    return { cell, w: inside.w, h: inside.h, inside, up };
  }
  const said = words(cell, block);
  const strips = cell.kind === "stack" ? cell.items.length - 1 : 0;
  const left = cell.kind === "box" ? SIZES.sign : 0;
  const texts = [textWidth(said.name) + left, textWidth(said.about, "about") + left];
  if (said.value) texts[1] += 16 + textWidth(said.value, "about");
  if (said.times) texts[0] += SIZES.times + textWidth(said.times);
  for (const strip of said.strips) texts.push(textWidth(strip, "about"));
  const widest = Math.max(...texts) + 22;
  return { cell, said, w: Math.ceil(Math.min(Math.max(widest, 120), 250)),
    h: SIZES.card + strips * SIZES.strip };
}

// One edge for each tensor that a box reads from another one, or from outside of the block.
function edgesBetween(network, cells, home) {
  const edges = new Map();
  const add = (source, from, to) => {
    const key = `${source} ${from} ${to}`;
    if (!edges.has(key)) edges.set(key, { source, from, to });
  };
  cells.forEach((cell, to) => {
    for (const layer of cell.layers) {
      for (const m of [...layer.inputs, ...layer.goneInputs]) {
        const from = home.get(m);
        if (from === undefined) add(m, "in", to);
        else if (from !== to) add(m, from, to);
      }
      if (layer.readers.some((reader) => !home.has(reader)) || layer.isOutput) {
        add(layer.n, to, "out");
      }
    }
  });
  const list = [...edges.values()];
  for (const edge of list) {
    const layer = network.nodes[edge.source];
    Object.assign(edge, { bytes: layer.bytes, isGone: layer.isGone, sources: [edge.source],
      text: shapeText(layer.shape) });
  }
  return list;
}

// Let one edge stand for all tensors that a closed box reads from another one.
function merged(boxes, edges) {
  const kept = new Map();
  for (const edge of edges) {
    const [from, to] = [boxes[edge.from], boxes[edge.to]];
    const apart = !from || !to || from.inside || to.inside || edge.isGone;
    const key = apart ? `${edge.source} ${edge.from} ${edge.to}` : `${edge.from} ${edge.to}`;
    const known = kept.get(key);
    if (known) {
      known.sources.push(edge.source);
      known.bytes += edge.bytes;
      known.text = `${known.sources.length} tensors`;
    } else kept.set(key, edge);
  }
  return [...kept.values()];
}

// Whether the inputs of the network run from the right to the left.
function areReversed(graph, boxes) {
  const places = boxes.flatMap((box, n) =>
    (box.cell.layers[0].op === "input" ? [graph.node(`n${n}`).x] : []));
  return places.length > 1 && places[0] > places[places.length - 1];
}

function mirror(graph) {
  const { width } = graph.graph();
  const turned = (at) => { at.x = width - at.x; };
  graph.nodes().forEach((name) => turned(graph.node(name)));
  for (const key of graph.edges()) {
    const edge = graph.edge(key);
    edge.points.forEach(turned);
    if (edge.x !== undefined) turned(edge);
  }
}

function arrange(boxes, edges, inner) {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: "TB", nodesep: SIZES.side, ranksep: SIZES.gap, edgesep: 14,
    marginx: 0, marginy: 0, ranker: boxes.length > 250 ? "longest-path" : "network-simplex" });
  graph.setDefaultEdgeLabel(() => ({}));
  boxes.forEach((box, n) => graph.setNode(`n${n}`, { width: box.w, height: box.h }));
  const labelled = labels(edges);
  const ports = new Set();
  for (const edge of edges) {
    const from = nameOf(edge.from, edge, ports, graph, inner);
    const to = nameOf(edge.to, edge, ports, graph, inner);
    const size = labelled.has(edge)
      ? { width: textWidth(edge.text, "shape") + 8, height: 14, labelpos: "r", labeloffset: 4 }
      : {};
    graph.setEdge(from, to, { ...size, weight: weightOf(edge) }, `${edge.source}`);
  }
  if (ports.size) holdPorts(graph, boxes, ports);
  dagre.layout(graph);
  if (areReversed(graph, boxes)) mirror(graph);
  boxes.forEach((box, n) => {
    const at = graph.node(`n${n}`);
    Object.assign(box, { x: at.x - box.w / 2, y: at.y - box.h / 2 });
  });
  for (const edge of edges) {
    const found = graph.edge(nameOf(edge.from, edge), nameOf(edge.to, edge), `${edge.source}`);
    const between = found.points.slice(1, -1).map(({ x, y }) => [x, y]);
    edge.points = between;
    edge.label = labelled.has(edge) ? [found.x, found.y] : null;
    edge.ports = [portX(graph, edge, "from"), portX(graph, edge, "to")];
  }
  const height = tightened(boxes, edges);
  return joined(boxes, edges, { width: graph.graph().width, height });
}

// Move boxes up to the ports, and the foot of the block up to the boxes; return the height.
function tightened(boxes, edges) {
  const top = Math.min(...boxes.map((box) => box.y));
  const up = top - (edges.some((edge) => edge.from === "in") ? SIZES.near : 0);
  for (const box of boxes) box.y -= up;
  const foot = Math.max(...boxes.map((box) => box.y + box.h));
  const height = foot + (edges.some((edge) => edge.to === "out") ? SIZES.near : 0);
  for (const edge of edges) {
    edge.points = edge.points.map(([x, y]) => [x, y - up])
      .filter(([, y]) => y > 0 && y < height);
    if (edge.label) edge.label[1] -= up;
  }
  return height;
}

// Keep the ports of a block at its top and at its foot, whatever is between them.
function holdPorts(graph, boxes, ports) {
  const small = { width: 1, height: 1 };
  graph.setNode("top", small);
  graph.setNode("foot", small);
  for (const port of ports) {
    if (port.startsWith("in")) graph.setEdge("top", port, { weight: HOLD });
    else graph.setEdge(port, "foot", { weight: HOLD });
  }
  boxes.forEach((_, n) => {
    if (!graph.inEdges(`n${n}`).length) graph.setEdge("top", `n${n}`, { weight: 0, minlen: 2 });
    if (!graph.outEdges(`n${n}`).length) graph.setEdge(`n${n}`, "foot", { weight: 0, minlen: 2 });
  });
}

// A straight way is worth more to the main path, where the next box reads the one before.
const weightOf = (edge) => (edge.to === edge.from + 1 ? 4 : 1);

function nameOf(end, edge, ports, graph, inner) {
  if (typeof end === "number") return `n${end}`;
  const name = `${end}${edge.source}`;
  if (ports && !ports.has(name)) {
    ports.add(name);
    graph.setNode(name, { width: inner ? SIZES.port : SIZES.output * 3, height: 1 });
  }
  return name;
}

function portX(graph, edge, end) {
  return typeof edge[end] === "number" ? null : graph.node(nameOf(edge[end], edge)).x;
}

// Put an open block into a frame with a head.
function framed(block, arranged, words, up) {
  const { boxes, edges, ports } = arranged;
  const said = words({ kind: "box", id: block.id, item: block, layers: block.layers });
  const title = said.times ? `${said.name} ${said.times}` : said.name;
  const least = textWidth(title) + textWidth(said.value, "about") + 64;
  const w = Math.max(arranged.w + 2 * SIZES.pad, Math.min(least, 320));
  const dx = (w - arranged.w) / 2;
  const dy = SIZES.head + 4;
  const h = arranged.h + dy + 4;
  for (const box of boxes) Object.assign(box, { x: box.x + dx, y: box.y + dy });
  const [entry, exit] = up ? [h, SIZES.head] : [SIZES.head, h];
  for (const edge of edges) {
    edge.points = edge.points.map(([x, y]) => [x + dx, y + dy]);
    if (edge.from === "in") edge.points.unshift([edge.points[0][0], entry]);
    if (edge.to === "out") edge.points.push([edge.points[edge.points.length - 1][0], exit]);
    if (edge.label) edge.label = [edge.label[0] + dx, edge.label[1] + dy];
  }
  for (const side of [ports.in, ports.out]) {
    for (const [source, x] of side) side.set(source, x + dx);
  }
  return { boxes, edges, ports, w, h, said };
}
