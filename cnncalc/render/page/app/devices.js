// Devices: their peaks, and the times of layers that `cnncalc latency` predicts on them.

import { unpacked } from "./packed.js";

export const BOUNDS = ["compute", "memory", "launch"];

// Read the times of all layers on a device.
export function readDevice(data) {
  const [seconds, bounds] = [data.layers.seconds, data.layers.bound].map(unpacked);
  return {
    ...data,
    ridge: data.operations / data.bandwidth,
    secondsOf: (layer) => seconds[layer.n] ?? null,
    boundOf: (layer) => BOUNDS[bounds[layer.n]] ?? null,
  };
}

// A device of which nothing but two figures is known.
export function describedDevice(tflops, gigabytes) {
  const [operations, bandwidth] = [tflops * 1e12, gigabytes * 1e9];
  return { operations, bandwidth, ridge: operations / bandwidth };
}
