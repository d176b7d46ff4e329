// The sizes of what a graph shows, and of its texts as the page draws them.

export const SIZES = { card: 38, strip: 16, head: 26, pad: 16, gap: 30, side: 26, port: 10,
  near: 22, sign: 18, times: 10, output: 18 };

let measuring = null;

// The width of a text, as the page draws it.
export function textWidth(text, kind = "name") {
  if (!measuring) {
    const context = document.createElement("canvas").getContext("2d");
    const family = getComputedStyle(document.body).fontFamily;
    measuring = { context, known: new Map(), fonts: {
      name: `600 13px ${family}`, about: `400 11px ${family}`, shape: `400 10.5px ${family}` } };
  }
  const key = `${kind} ${text}`;
  let width = measuring.known.get(key);
  if (width === undefined) {
    measuring.context.font = measuring.fonts[kind];
    width = measuring.context.measureText(text).width;
    measuring.known.set(key, width);
  }
  return width;
}

// Return a text that fits a width, cut at its middle if it is too long.
export function fitted(text, most, kind = "name") {
  if (textWidth(text, kind) <= most) return text;
  let kept = text.length - 1;
  while (kept > 2) {
    const head = Math.ceil(kept / 2);
    const cut = `${text.slice(0, head)}…${text.slice(text.length - (kept - head))}`;
    if (textWidth(cut, kind) <= most) return cut;
    kept -= 1;
  }
  return "…";
}
