// The bar between the graph and the details, which moves by pointer and by keyboard.

import { el } from "./dom.js";

const LEAST = 25;
const MOST = 75;

export function resizer(main, moved) {
  let share = 50;
  const bar = el("div", { class: "resizer", role: "separator", tabindex: 0,
    "aria-orientation": "vertical", "aria-label": "Width of the graph", "aria-valuemin": LEAST,
    "aria-valuemax": MOST });

  function use(wanted) {
    share = Math.min(MOST, Math.max(LEAST, wanted));
    main.style.setProperty("--graph", `${share}%`);
    bar.setAttribute("aria-valuenow", String(Math.round(share)));
  }

  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  bar.addEventListener("pointermove", (event) => {
    if (!bar.hasPointerCapture(event.pointerId)) return;
    use((100 * event.clientX) / main.clientWidth);
  });
  bar.addEventListener("pointerup", () => moved());
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -3, ArrowRight: 3 }[event.key];
    if (!step) return;
    event.preventDefault();
    use(share + step);
    moved();
  });
  use(share);
  return bar;
}
