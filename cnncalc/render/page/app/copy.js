// Copies a text, also where the page may not use the clipboard directly.

import { announce, el } from "./dom.js";

export async function copyText(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
  window.lastCopied = text;
  tell(`${what} copied`);
}

function copyBySelection(text) {
  const area = el("textarea", { class: "unseen", "aria-hidden": "true" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

let timer = 0;

// Say something for a moment at the foot of the page.
export function tell(words) {
  announce(words);
  const place = document.getElementById("toast");
  if (!place) return;
  place.textContent = words;
  place.classList.add("shown");
  clearTimeout(timer);
  timer = setTimeout(() => place.classList.remove("shown"), 1600);
}
