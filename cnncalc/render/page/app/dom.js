// Makes elements. Texts become text nodes, so nothing in them is ever a tag.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(words, act, attributes = {}) {
  return el("button", { type: "button", on: { click: act }, ...attributes }, words);
}

// A select element for options of [value, words].
export function choice(label, options, value, act) {
  const made = options.map(([key, words]) => el("option", { value: key }, words));
  const select = el("select", { on: { change: () => act(select.value) } }, made);
  select.value = value;
  return el("label", { class: "choice" }, el("span", {}, label), select);
}

// A table with a head; cells are texts or elements, and numeric columns are aligned to the right.
export function plainTable(caption, head, numeric, rows) {
  const side = (n) => (numeric[n] ? "number" : null);
  const heads = head.map((words, n) => el("th", { scope: "col", class: side(n) }, words));
  const lines = rows.map((cells) =>
    el("tr", {}, cells.map((cell, n) => el("td", { class: side(n) }, cell))));
  return el("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    el("table", {}, el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, heads)), el("tbody", {}, lines)));
}

// Says something to screen readers without showing it.
export function announce(words) {
  const place = document.getElementById("said");
  if (place) place.textContent = words;
}
