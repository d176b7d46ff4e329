// The search: layers and blocks by their names, with a list to choose from.

import { el } from "./dom.js";
import { set } from "./store.js";
import { plural, shapeText } from "./text.js";

const MOST = 12;

export function searchBox(tree) {
  let found = [];
  let at = -1;
  const list = el("ul", { id: "found", role: "listbox", "aria-label": "Found layers",
    hidden: true });
  const input = el("input", { type: "search", role: "combobox", placeholder: "Search layers  /",
    "aria-label": "Search layers", "aria-controls": "found", "aria-expanded": "false",
    "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" });

  function look() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = words.length ? ranked(tree, words).slice(0, MOST) : [];
    at = found.length ? 0 : -1;
    draw();
  }

  function draw() {
    const isOpen = input.value.trim() !== "";
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
    if (at >= 0) input.setAttribute("aria-activedescendant", `found-${at}`);
    else input.removeAttribute("aria-activedescendant");
    list.replaceChildren(...found.map((item, n) => el("li", { role: "option", id: `found-${n}`,
      "aria-selected": String(n === at), on: { pointerdown: (event) => choose(event, item) } },
    el("span", {}, item.kind === "run" ? item.id : item.path), el("span", {}, about(item)))));
    if (isOpen && !found.length) {
      list.append(el("li", { role: "option", "aria-disabled": "true" }, "nothing found"));
    }
  }

  function choose(event, item) {
    event.preventDefault();
    input.value = "";
    found = [];
    draw();
    set("selected", item.id);
  }

  input.addEventListener("input", look);
  input.addEventListener("blur", () => { list.hidden = true; });
  input.addEventListener("focus", look);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") at = Math.min(at + 1, found.length - 1);
    else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
    else if (event.key === "Enter" && found[at]) return choose(event, found[at]);
    else if (event.key === "Escape") input.value = "";
    else return undefined;
    event.preventDefault();
    return draw();
  });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
    }
  });
  return el("div", { class: "search" }, input, list);
}

function about(item) {
  if (item.layer) return `${item.layer.op} ${shapeText(item.layer.shape)}`;
  return plural(item.layers.length, "layer");
}

// Items with all the words, those whose name begins with the first word before the others.
function ranked(tree, words) {
  const score = (item) => {
    const path = item.path.toLowerCase();
    const text = `${path} ${item.layer?.op ?? ""}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) return 0;
    if (path === words[0]) return 4;
    if (item.name.toLowerCase().startsWith(words[0])) return 3;
    return path.startsWith(words[0]) ? 2 : 1;
  };
  return [...new Set(tree.items.values())].filter((item) => item.parent)
    .map((item) => [score(item), item]).filter(([points]) => points)
    .sort(([a, one], [b, two]) => b - a || one.path.length - two.path.length)
    .map(([, item]) => item);
}
