// What the parts of the page share: the network, what is selected, and how layers are coloured.

const values = { network: null, selected: null, hovered: null, colour: "macs" };
const always = {};
let listeners = {};

export const get = (key) => values[key];

export function set(key, value) {
  if (values[key] === value) return;
  values[key] = value;
  for (const act of [...(always[key] ?? []), ...(listeners[key] ?? [])]) act(value);
}

// Call a function whenever one of these values changes, as long as the network is shown.
export function watch(keys, act) {
  for (const key of keys) (listeners[key] ??= []).push(act);
}

// The same, whatever network is shown.
export function watchAlways(keys, act) {
  for (const key of keys) (always[key] ??= []).push(act);
}

// Forget what the views of a network that is no longer shown were waiting for.
export function forgetViews() {
  listeners = {};
}
