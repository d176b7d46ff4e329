// Reads the data of the page: networks whose layers are objects.

const BYTES_AS_READ = JSON.parse(document.getElementById("data").textContent);

export const pageData = BYTES_AS_READ;

export const KERNELS = [
  "convolution", "1×1 convolution", "depthwise convolution", "matrix product", "pooling",
  "normalisation", "of each value", "join", "moves values", "other",
];

const FIGURES = [
  "params", "macs", "flops", "activations", "activation_bytes", "saved", "peak", "moved",
  "buffers", "frozen", "seconds",
];

// Return the network with a list of layers; those that only an older one has come last.
export function readNetwork(data) {
  const network = { ...data, nodes: [], byPath: new Map() };
  if (!data.layers) return network;
  const { path } = data.layers;
  path.forEach((_, n) => network.nodes.push(layerOf(data, n)));
  if (data.diff) addChanges(network, data);
  const error = data.diagnostics.find((one) => one.severity === "error");
  if (!data.complete && error) addStop(network, error);
  for (const layer of network.nodes) {
    if (!network.byPath.has(layer.path)) network.byPath.set(layer.path, layer);
  }
  for (const layer of network.nodes) {
    for (const m of layer.inputs) network.nodes[m].readers.push(layer.n);
  }
  for (const name of Object.keys(data.outputs)) {
    const output = network.byPath.get(name);
    if (output) output.isOutput = true;
  }
  return network;
}

function layerOf(data, n) {
  const { layers, tables } = data;
  const column = (name) => layers[name]?.[n];
  const layer = {
    n,
    path: column("path"),
    name: column("path").split(".").pop(),
    op: tables.ops[column("op")],
    window: tables.windows[column("window")] ?? "",
    kernel: column("kernel"),
    shape: tables.shapes[column("shape")],
    inputs: column("inputs"),
    readers: [],
    goneInputs: [],
    isGone: false,
    rides: column("rides") === 1,
    line: column("line"),
    declared: column("declared") === 1,
    sharedWith: column("shared_with"),
    fields: column("field").map((m) => tables.fields[m]),
    ungated: column("ungated").map((m) => tables.fields[m]),
    fieldText: column("field_text"),
    steps: column("steps").map(([label, how]) => [tables.labels[label], tables.arithmetic[how]]),
  };
  for (const name of FIGURES) layer[name] = column(name) ?? null;
  const values = layer.shape.reduce((product, size) => product * size, 1);
  layer.bytes = values * column("width") * data.batch;
  return layer;
}

// Add a layer that stands for the first wrong one, after the last one that is right.
function addStop(network, error) {
  const last = network.nodes[network.nodes.length - 1];
  if (!last) return;
  const layer = { ...last, n: network.nodes.length, path: error.code, name: error.code,
    op: error.line ? `error at line ${error.line}` : "error", window: "", kernel: null,
    inputs: [last.n], readers: [], goneInputs: [], rides: false, isGone: true, stop: error,
    fields: [], ungated: [], steps: [], line: error.line, sharedWith: null, declared: false };
  for (const name of FIGURES) layer[name] = 0;
  network.nodes.push(layer);
}

// Mark the layers that changed, and add those that are gone.
function addChanges(network, data) {
  for (const change of data.diff.layers) network.nodes[change.layer].change = change;
  const { tables } = data;
  for (const gone of data.diff.removed) {
    const parts = gone.path.split(".");
    const layer = {
      ...network.nodes[0],
      ...gone,
      n: network.nodes.length,
      name: parts[parts.length - 1],
      op: tables.ops[gone.op],
      window: tables.windows[gone.window],
      shape: tables.shapes[gone.shape],
      readers: [],
      goneInputs: [],
      rides: gone.rides === 1,
      isGone: true,
      change: { kind: "removed", figures: [] },
      fields: [],
      ungated: [],
      steps: [],
      line: null,
      sharedWith: null,
    };
    layer.oldFigures = { params: gone.params, macs: gone.macs };
    for (const name of FIGURES) layer[name] = 0;
    network.nodes.push(layer);
  }
  data.diff.removed.forEach((gone, n) => {
    const number = data.layers.path.length + n;
    for (const reader of gone.readers) network.nodes[reader].goneInputs.push(number);
  });
}
