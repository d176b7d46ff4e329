/** Writes the totals of a network for the status bar. */

export interface Totals {
  readonly params: number;
  readonly macs: number;
}

/** What the server says of a document after each edit. */
export interface Status {
  readonly uri: string;
  readonly version: number | null;
  readonly isChecked: boolean;
  readonly isSpec: boolean;
  readonly name: string | null;
  readonly variant: string | null;
  readonly variants: readonly string[];
  readonly totals: Totals | null;
  readonly errors: number;
}

const UNITS = ["", " K", " M", " G", " T", " P", " E"];

/** Write a count with four digits and a unit; counts below 10,000 have all their digits. */
export function short(count: number): string {
  if (count < 10_000) {
    return count.toLocaleString("en-US");
  }
  let unit = 0;
  let scaled = count;
  while (scaled >= 1000 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  for (const places of [3, 2, 1]) {
    const text = scaled.toFixed(places);
    if (text.length <= 5) {
      return text + UNITS[unit];
    }
  }
  return scaled.toFixed(0) + UNITS[unit];
}

/** Return the text of the status bar; undefined where there is nothing to show. */
export function statusText(status: Status | undefined): string | undefined {
  if (status === undefined || !status.isSpec) {
    return undefined;
  }
  const name = status.variant ?? status.name ?? "cnncalc";
  if (status.totals === null) {
    const errors = status.errors === 1 ? "1 error" : `${status.errors} errors`;
    return `$(error) ${name}: ${errors}`;
  }
  const { params, macs } = status.totals;
  return `${name}: ${short(params)} params · ${short(macs)} MACs`;
}
