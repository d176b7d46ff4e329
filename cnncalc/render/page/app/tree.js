// The network as a tree: its blocks, what is repeated in them, and the boxes that a graph shows.

const SUMMED = ["params", "macs", "flops", "activations", "activation_bytes", "saved", "moved",
  "buffers", "frozen", "seconds"];
const FLAT = 2; // a block of so few boxes is not a box itself
const FLAT_JOIN = 14; // the same for a join with its branches

export function buildTree(network) {
  const tree = { network, items: new Map(), owner: new Map() };
  tree.placeOf = (n) => tree.items.get(network.nodes[n].isGone
    ? `removed:${network.nodes[n].path}` : network.nodes[n].path);
  const root = block(tree, "", null);
  for (const layer of network.nodes) {
    if (!layer.isGone) addLayer(tree, root, layer);
  }
  simplify(tree, root);
  for (const layer of network.nodes) {
    if (layer.isGone) addRemoved(tree, root, layer);
  }
  findRuns(tree, root);
  measure(tree, root);
  tree.root = root;
  return tree;
}

function block(tree, path, parent) {
  const item = { kind: "block", id: path, path, name: lastPart(path), parent, children: [],
    layers: [] };
  tree.items.set(path, item);
  parent?.children.push(item);
  return item;
}

function addLayer(tree, root, layer) {
  const parts = layer.path.split(".");
  let parent = root;
  let path = "";
  for (const part of parts.slice(0, -1)) {
    path = path ? `${path}.${part}` : part;
    parent = blockAt(tree, path, parent);
  }
  const own = tree.items.get(layer.path);
  if (own?.kind === "block") { // a join, after its branches
    tree.items.delete(own.id);
    own.id = `${layer.path}.*`;
    own.joins = true;
    tree.items.set(own.id, own);
    parent = own;
  }
  const item = { kind: "layer", id: layer.path, path: layer.path, name: lastPart(layer.path),
    parent, layer, children: [], layers: [] };
  tree.items.set(item.id, item);
  parent.children.push(item);
}

function blockAt(tree, path, parent) {
  const known = tree.items.get(path);
  if (known?.kind === "block") return known;
  return tree.items.get(`${path}.*`) ?? block(tree, path, parent);
}

function lastPart(path) {
  const parts = path.split(".");
  const last = parts[parts.length - 1];
  return /^\d+$/.test(last) && parts.length > 1 ? `${parts[parts.length - 2]}.${last}` : last;
}

// A block that holds one other block alone is the same as that block.
function simplify(tree, item) {
  for (const child of item.children) simplify(tree, child);
  if (item.kind !== "block" || item.children.length !== 1 || !item.parent) return;
  const [only] = item.children;
  if (only.kind !== "block") return;
  item.children = only.children;
  item.joins = only.joins;
  item.named = true;
  for (const child of item.children) child.parent = item;
  tree.items.set(only.id, item);
}

// A layer that is gone stands in the block where it was, if that is still there.
function addRemoved(tree, root, layer) {
  const parent = placeOfRemoved(tree, root, layer);
  const item = { kind: "layer", id: `removed:${layer.path}`, path: layer.path, name: layer.name,
    parent, layer, children: [], layers: [] };
  tree.items.set(item.id, item);
  const after = layer.inputs.map((m) => tree.placeOf(m)).filter((one) => one?.parent === parent);
  const place = after.length
    ? Math.max(...after.map((one) => parent.children.indexOf(one))) + 1
    : parent.children.findIndex((child) => firstLayer(child) > Math.max(-1, ...layer.inputs));
  parent.children.splice(place < 0 ? parent.children.length : place, 0, item);
}

// The block that it was in, else that of the layer that it read, else one that was around it.
function placeOfRemoved(tree, root, layer) {
  const parts = layer.path.split(".");
  const found = [];
  for (let n = parts.length - 1; n > 0; n -= 1) {
    const path = parts.slice(0, n).join(".");
    const item = tree.items.get(`${path}.*`) ?? tree.items.get(path);
    if (item?.kind === "block") found.push([n, item]);
  }
  if (found[0]?.[0] === parts.length - 1) return found[0][1];
  const read = layer.inputs.map((m) => tree.placeOf(m)).find(Boolean);
  return read?.parent ?? found[0]?.[1] ?? root;
}

function firstLayer(item) {
  if (item.kind === "layer") return item.layer.isGone ? -1 : item.layer.n;
  return item.children.map(firstLayer).find((n) => n >= 0) ?? -1;
}

function leaves(item) {
  return item.kind === "layer" ? [item.layer] : item.children.flatMap(leaves);
}

// Copies that a spec repeats, and that do the same, become one item.
function findRuns(tree, item) {
  for (const child of item.children) findRuns(tree, child);
  const kept = [];
  let at = 0;
  while (at < item.children.length) {
    let end = at + 1;
    const first = item.children[at];
    if (isCopy(first)) {
      const like = signature(first);
      while (end < item.children.length && isNextCopy(first, item.children[end], end - at)
        && signature(item.children[end]) === like) end += 1;
    }
    const members = item.children.slice(at, end);
    if (members.length > 1) kept.push(run(tree, item, members));
    else kept.push(...members);
    at = end;
  }
  item.children = kept;
  const [only] = kept;
  if (kept.length === 1 && only.kind === "run" && item.parent && !item.joins) {
    item.children = only.children; // the block is the run
    item.times = only.times;
    for (const child of item.children) child.parent = item;
    tree.items.delete(only.id);
  }
}

const isCopy = (item) => /\.\d+$/.test(item.path);

function isNextCopy(first, item, distance) {
  const [, before, number] = /^(.*\.)(\d+)$/.exec(first.path);
  return item.path === `${before}${Number(number) + distance}`;
}

function signature(item) {
  const inside = leaves(item);
  const start = inside[0]?.n ?? 0;
  const words = inside.map((layer) => {
    const reads = layer.inputs.map((m) => (m >= start ? m - start : "x"));
    return `${layer.op} ${layer.window} ${reads} ${layer.change?.kind === "added"}`;
  });
  return words.join(";");
}

function run(tree, parent, members) {
  const first = members[0];
  const last = members[members.length - 1];
  const name = `${lastPart(first.path)}–${last.path.split(".").pop()}`;
  const item = { kind: "run", id: `${first.path}–${last.path.split(".").pop()}`, path: first.path,
    name, parent, children: members, layers: [], times: members.length };
  for (const member of members) member.parent = item;
  tree.items.set(item.id, item);
  return item;
}

// Add up the figures of each block, and say which item each layer is.
function measure(tree, item) {
  item.layers = [];
  if (item.kind === "layer") {
    item.layers = [item.layer];
    tree.owner.set(item.layer.n, item);
  }
  for (const child of item.children) {
    measure(tree, child);
    item.layers.push(...child.layers);
  }
  item.figures = {};
  item.unknown = new Set(item.layers.flatMap((layer) => [...layer.unknown]));
  for (const name of SUMMED) {
    const known = item.layers.map((layer) => layer[name]).filter((value) => value !== null);
    item.figures[name] = known.length ? known.reduce((a, b) => a + b, 0) : null;
  }
  const peaks = item.layers.map((layer) => layer.peak ?? 0);
  item.figures.peak = peaks.reduce((a, b) => Math.max(a, b), 0);
  item.figures.bytes = item.layers[item.layers.length - 1]?.bytes ?? 0;
  item.stacks = item.kind === "layer" ? 1 : countStacks(item.layers);
}

function countStacks(layers) {
  let count = 0;
  let before = null;
  for (const layer of layers) {
    if (!before || !ridesOn(layer, before)) count += 1;
    before = layer;
  }
  return count;
}

function ridesOn(layer, before) {
  return layer.rides && layer.isGone === before.isGone && layer.inputs.length === 1
    && layer.inputs[0] === before.n && before.readers.length === 1 && before.op !== "input"
    && !before.isOutput;
}

function isFlat(item) {
  if (item.kind === "run") return item.stacks <= FLAT + 1;
  if (item.kind !== "block") return false;
  if (item.stacks <= FLAT) return true;
  const plainJoin = item.joins && !item.named;
  return (plainJoin || item.parent?.joins) && item.stacks <= FLAT_JOIN;
}

// The boxes in a block: its blocks and runs, and its layers with those that ride on them.
export function cellsOf(item) {
  if (item.cells) return item.cells;
  const cells = [];
  const add = (child) => {
    if (child.kind === "layer") {
      const before = cells[cells.length - 1];
      const top = before?.kind === "stack" ? before.items[before.items.length - 1].layer : null;
      if (top && ridesOn(child.layer, top)) {
        before.items.push(child);
      } else cells.push({ kind: "stack", id: child.id, items: [child] });
    } else if (isFlat(child)) {
      child.children.forEach(add);
    } else cells.push({ kind: "box", id: child.id, item: child });
  };
  item.children.forEach(add);
  for (const cell of cells) {
    cell.layers = cell.kind === "stack" ? cell.items.map((one) => one.layer) : cell.item.layers;
  }
  item.cells = cells;
  return cells;
}

// What a layer is called inside a block: the name of the outermost block that it fills alone.
export function nameIn(block, item) {
  let at = item;
  while (at.parent && at.parent !== block && at.parent.stacks === 1) at = at.parent;
  const parts = [at.name];
  for (let outer = at.parent; outer && outer !== block; outer = outer.parent) {
    if (outer.kind === "block" && (!outer.joins || outer.named)) parts.unshift(outer.name);
  }
  const [first, ...others] = parts;
  const copy = /\.(\d+)$/;
  const kept = others.filter((part, n) => n === others.length - 1 || copy.test(part));
  return [first, ...kept.map((part) => copy.exec(part)?.[1] ?? part)].join(".");
}

// The blocks that enclose an item, outermost first.
export function enclosing(item) {
  const found = [];
  for (let at = item.parent; at?.parent; at = at.parent) found.unshift(at);
  return found;
}
