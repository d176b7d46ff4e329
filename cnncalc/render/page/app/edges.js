// The edges of a block: which of them carry labels, and where they begin and end.

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

// Let each edge begin and end at its boxes, or at the ports inside boxes that are open.
export function joined(boxes, edges, size) {
  const w = size.width;
  const h = size.height;
  const ports = { in: new Map(), out: new Map() };
  for (const edge of edges) {
    const [fromX, toX] = edge.ports;
    if (edge.from === "in") ports.in.set(edge.source, fromX);
    if (edge.to === "out") ports.out.set(edge.source, toX);
    edge.points.unshift(edge.from === "in" ? [fromX, 0] : bottomOf(boxes[edge.from], edge.source));
    edge.points.push(edge.to === "out" ? [toX, h] : topOf(boxes[edge.to], edge.source));
  }
  return { boxes, edges, ports, w, h };
}

function bottomOf(box, source) {
  const x = box.inside?.ports.out.get(source) ?? box.w / 2;
  return [box.x + x, box.y + box.h];
}

function topOf(box, source) {
  const x = box.inside?.ports.in.get(source) ?? box.w / 2;
  return [box.x + x, box.y];
}
