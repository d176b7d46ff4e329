// Writes numbers, shapes and bytes as the command line does.

const UNITS = ["K", "M", "G", "T", "P", "E"];

export const full = (count) => count.toLocaleString("en-US");

// Four digits and a unit; counts below 10,000 have all their digits.
export function short(count) {
  if (count < 10000) return full(Math.round(count));
  let scaled = count;
  for (const unit of UNITS) {
    scaled /= 1000;
    if (scaled >= 1e6) continue;
    for (const places of [3, 2, 1]) {
      const text = scaled.toFixed(places);
      if (text.length <= 5) return `${text} ${unit}`;
    }
  }
  return count.toExponential(1);
}

export function bytesText(count) {
  if (count < 1000) return `${full(count)} bytes`;
  const scaled = count / 1e6;
  const places = [0, 1, 2, 3].find((p) => scaled >= 10 ** (3 - p) || p === 3);
  const text = scaled.toLocaleString("en-US",
    { minimumFractionDigits: places, maximumFractionDigits: places });
  return `${text} MB`;
}

export function secondsText(seconds) {
  if (seconds >= 10) return `${seconds.toFixed(1)} s`;
  if (seconds >= 0.1) return `${full(Math.round(seconds * 1e3))} ms`;
  if (seconds >= 1e-2) return `${(seconds * 1e3).toFixed(1)} ms`;
  if (seconds >= 1e-3) return `${(seconds * 1e3).toFixed(2)} ms`;
  return `${(seconds * 1e6).toFixed(0)} µs`;
}

// A figure of which a part is unknown is at least the rest of it.
export function figureText(value, write, isUnknown) {
  if (!isUnknown) return write(value);
  return value ? `≥ ${write(value)}` : "?";
}

// What a run of the network takes, and what backward holds of it.
const runText = (key) => (run) => figureText(run[key], bytesText, run.unknown.includes(key));
export const peakText = runText("peak");
export const savedText = runText("saved");

export const shapeText = (shape) => shape.join("×");

export function percent(part, whole) {
  if (!part || !whole) return "–";
  const share = (100 * part) / whole;
  return share < 0.1 ? "<0.1 %" : `${share.toFixed(1)} %`;
}

export const plural = (count, word) => `${full(count)} ${word}${count === 1 ? "" : "s"}`;
