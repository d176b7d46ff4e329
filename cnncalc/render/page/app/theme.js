// Light and dark: as the system, or as chosen here.

import { button } from "./dom.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const SIGNS = { auto: "◐", light: "☀", dark: "☾" };
const KEY = "cnncalc-theme";
const listeners = [];

export const onTheme = (act) => listeners.push(act);

export function themeButton() {
  const made = button("", () => use(NEXT[document.documentElement.dataset.theme]),
    { class: "theme" });

  function use(theme) {
    document.documentElement.dataset.theme = theme;
    made.textContent = SIGNS[theme];
    made.setAttribute("aria-label", `theme: ${theme}`);
    made.title = `theme: ${theme}`;
    remember(theme);
    for (const act of listeners) act();
  }

  use(remembered());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const act of listeners) act();
  });
  return made;
}

// A page in a frame without an origin has no storage.
function remembered() {
  try {
    const theme = localStorage.getItem(KEY);
    return theme in NEXT ? theme : "auto";
  } catch {
    return "auto";
  }
}

function remember(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // it is as the system the next time
  }
}

// The colour that a style sheet gives a name, for drawings on a canvas.
export function colourNamed(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
