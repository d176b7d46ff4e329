// Reads columns that packed.py wrote short.

// A pair [back, count] stands for values that are there already, from `back` places before on.
export function unpacked(column) {
  const values = [];
  for (const entry of column) {
    if (!Array.isArray(entry)) values.push(entry);
    else {
      const [back, count] = entry;
      for (let n = 0; n < count; n += 1) values.push(values[values.length - back]);
    }
  }
  return values;
}

// A column of differences to the number before, of which null has none.
export function summed(column) {
  let sum = 0;
  return unpacked(column).map((value) => {
    if (value === null) return null;
    sum += value;
    return sum;
  });
}

// Paths of which each begins with some parts of the one before.
export function pathsOf({ kept, rest }) {
  const counts = unpacked(kept);
  let parts = [];
  return unpacked(rest).map((text, n) => {
    parts = [...parts.slice(0, counts[n]), ...text.split(".")];
    return parts.join(".");
  });
}
