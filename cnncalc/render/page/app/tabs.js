// Tabs: one view at a time beside the graph; all of them on paper.

import { el } from "./dom.js";

// Make tabs of [key, words, draw] entries; `draw` makes a view when it is first shown.
export function tabsOf(entries) {
  const list = el("div", { class: "tablist", role: "tablist", "aria-label": "Views" });
  const panels = el("div", { class: "panels" });
  const made = new Map();
  let current = null;

  for (const [key, words] of entries) {
    list.append(el("button", { type: "button", role: "tab", id: `tab-${key}`,
      "aria-controls": `view-${key}`, "aria-selected": "false", tabindex: -1,
      on: { click: () => show(key) } }, words));
    panels.append(el("div", { class: "view", role: "tabpanel", id: `view-${key}`,
      "aria-labelledby": `tab-${key}`, hidden: true, tabindex: 0 }));
  }

  function fill(key) {
    if (made.has(key)) return;
    const [, words, draw] = entries.find(([name]) => name === key);
    const view = draw();
    made.set(key, view);
    panels.querySelector(`#view-${key}`).append(el("h2", { class: "printed" }, words),
      view.element);
  }

  // NOTE: `scrollIntoView` would also have the Tab key start from here.
  function bringIntoSight(tab) {
    const [own, all] = [tab, list].map((one) => one.getBoundingClientRect());
    list.scrollLeft += Math.min(own.left - all.left, 0) + Math.max(own.right - all.right, 0);
  }

  function show(key) {
    if (!entries.some(([name]) => name === key)) return;
    current = key;
    for (const tab of list.children) {
      const is = tab.id === `tab-${key}`;
      tab.setAttribute("aria-selected", String(is));
      tab.tabIndex = is ? 0 : -1;
      if (is) bringIntoSight(tab);
    }
    for (const panel of panels.children) panel.hidden = panel.id !== `view-${key}`;
    fill(key);
    made.get(key).shown?.();
  }

  list.addEventListener("keydown", (event) => {
    const keys = entries.map(([key]) => key).filter((key) =>
      getComputedStyle(list.querySelector(`#tab-${key}`)).display !== "none");
    const at = keys.indexOf(current);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: keys.length - 1 };
    if (!(event.key in next)) return;
    event.preventDefault();
    const key = keys[(next[event.key] + keys.length) % keys.length];
    show(key);
    list.querySelector(`#tab-${key}`).focus();
  });

  window.addEventListener("beforeprint", () => {
    for (const [key] of entries) fill(key);
    for (const panel of panels.children) panel.hidden = false;
    for (const view of made.values()) view.shown?.();
  });
  window.addEventListener("afterprint", () => show(current));
  return { list, panels, show, current: () => current, view: (key) => made.get(key) };
}
