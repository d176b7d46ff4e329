// The layers as a table: a tree with subtotals, or a list that is sorted or filtered.

import { figureOf, figureOfAll } from "./colour.js";
import { copyText } from "./copy.js";
import { announce, button, el } from "./dom.js";
import { get, set, watch } from "./store.js";
import { bytesText, figureText, full, percent, plural, secondsText, shapeText } from "./text.js";
import { enclosing } from "./tree.js";

const INDENT = 14; // pixels a level

const share = (key) => (item, total, unknown) =>
  (unknown.has(key) ? "?" : percent(item.figures[key], total[key]));

// How each column is named, read for sorting, and written.
const COLUMNS = {
  op: { words: "operator", read: (item) => opOf(item), write: (item) => opOf(item), text: true },
  window: { words: "window", text: true, read: (item) => item.layer?.window ?? "",
    write: (item) => item.layer?.window ?? "" },
  output: { words: "output", text: true, read: (item) => lastOf(item)?.bytes ?? 0,
    write: (item) => shapeText(lastOf(item)?.shape ?? []) },
  params: counted("parameters", "params"),
  params_share: shared("parameters %", "params"),
  macs: counted("MACs", "macs"),
  macs_share: shared("MACs %", "macs"),
  flops: counted("FLOPs", "flops"),
  activations: counted("activations", "activations"),
  activation_bytes: counted("bytes of outputs", "activation_bytes", bytesText),
  saved: counted("saved for backward", "saved", bytesText),
  peak: counted("in memory", "peak", bytesText),
  moved: counted("bytes moved", "moved", bytesText),
  seconds: counted("time", "seconds", secondsText),
  field: { words: "field", read: (item) => sortableField(item),
    write: (item) => fieldOf(item) },
  line: { words: "line", read: (item) => item.layer?.line ?? 0,
    write: (item) => (item.layer?.line ? String(item.layer.line) : "") },
};
const USUAL = ["op", "window", "output", "params", "macs", "field"];

function counted(words, key, write = full) {
  return { words, key, read: (item) => item.figures[key] ?? -1,
    write: (item) => figureText(item.figures[key], (value) => (value ? write(value) : "–"),
      item.unknown.has(key)) };
}

function shared(words, key) {
  return { words, key, read: (item) => item.figures[key] ?? -1, write: share(key) };
}

const lastOf = (item) => item.layers[item.layers.length - 1];

function opOf(item) {
  if (item.layer) return item.layer.op;
  return plural(item.layers.length, "layer");
}

function fieldOf(item) {
  const layer = item.layer ?? [...item.layers].reverse().find((one) => one.fieldText);
  return layer?.fieldText ?? "–";
}

function sortableField(item) {
  const value = item.layer ? figureOf(item.layer, "field") : figureOfAll(item.layers, "field");
  return value ?? -1;
}

export function tableView(tree) {
  const { network } = tree;
  const total = network.totals;
  const { unknown } = tree.root;
  const closed = new Set();
  const chosen = new Set(USUAL);
  if (network.times) chosen.add("seconds");
  let sorting = null; // a column and whether it descends
  let wanted = "";

  for (const item of tree.items.values()) {
    if (item.parent && item.children.length && enclosing(item).length > 0) closed.add(item.id);
  }
  const many = network.nodes.length > 60;
  if (many) {
    for (const item of tree.root.children) if (item.children.length) closed.add(item.id);
  }

  const columns = () => Object.keys(COLUMNS).filter((key) => chosen.has(key));
  const head = el("tr", {});
  const body = el("tbody", {});
  const foot = el("tr", {});
  const table = el("table", { class: "layers", role: "treegrid", "aria-label": "Layers" },
    el("thead", {}, head), body, el("tfoot", {}, foot));

  function rows() {
    const found = [];
    const match = matcher(wanted);
    if (sorting || wanted) {
      for (const item of tree.items.values()) {
        if (item.kind === "layer" && match(item)) found.push({ item, level: 1 });
      }
      found.sort((a, b) => a.item.layer.n - b.item.layer.n);
      if (sorting) {
        const { read } = COLUMNS[sorting.key] ?? { read: (item) => item.path };
        const sign = sorting.down ? -1 : 1;
        found.sort((a, b) => sign * compared(read(a.item), read(b.item)));
      }
      return found;
    }
    const add = (item, level) => {
      for (const child of item.children) {
        found.push({ item: child, level });
        if (child.children.length && !closed.has(child.id)) add(child, level + 1);
      }
    };
    add(tree.root, 1);
    return found;
  }

  function draw() {
    const keys = columns();
    head.replaceChildren(heading("path", "layer", true),
      ...keys.map((key) => heading(key, COLUMNS[key].words, COLUMNS[key].text)));
    const shown = rows();
    body.replaceChildren(...shown.map(({ item, level }) => line(item, level, keys)));
    if (!shown.length) {
      body.append(el("tr", {}, el("td", { colspan: keys.length + 1, class: "empty" },
        "No layer matches.")));
    }
    foot.replaceChildren(el("th", { scope: "row" }, "total"), ...keys.map((key) => {
      const known = COLUMNS[key].key && total[COLUMNS[key].key];
      const isShare = key.endsWith("_share");
      const text = known && !isShare ? COLUMNS[key].write({ figures: total, unknown }) : "";
      return el("td", { class: COLUMNS[key].text ? null : "number" }, text);
    }));
    mark();
  }

  function heading(key, words, isText) {
    const is = sorting?.key === key;
    const order = sorting?.down ? "descending" : "ascending";
    const sign = sorting?.down ? " ↓" : " ↑";
    return el("th", { scope: "col", class: isText ? null : "number",
      "aria-sort": is ? order : null },
    button(`${words}${is ? sign : ""}`, () => sort(key, isText), { title: `sort by ${words}` }));
  }

  // Sort by a column; a third time, the order of the network comes back.
  function sort(key, isText) {
    const first = !isText;
    if (sorting?.key !== key) sorting = { key, down: first };
    else if (sorting.down === first) sorting = { key, down: !first };
    else sorting = null;
    draw();
    announce(sorting ? `sorted by ${COLUMNS[key]?.words ?? "layer"}` : "in the order they run");
  }

  function line(item, level, keys) {
    const { layer } = item;
    const isOpen = item.children.length ? !closed.has(item.id) : null;
    const name = sorting || wanted ? item.path : item.name;
    const sign = item.children.length
      ? el("button", { type: "button", class: "sign", tabindex: -1, "aria-hidden": "true",
        on: { click: (event) => { event.stopPropagation(); toggle(item); } } }, isOpen ? "−" : "+")
      : el("span", { class: "sign" });
    const first = el("th", { scope: "row", role: "rowheader" },
      el("span", { class: "indent", "data-level": Math.min(level, 9) }), sign,
      el("span", { class: "path" }, name), item.times
        ? el("span", { class: "times" }, ` ×${item.times}`) : null);
    const cells = keys.map((key) => {
      const column = COLUMNS[key];
      const cell = el("td", { role: "gridcell", class: column.text ? null : "number" },
        column.write(item, total, unknown));
      if (key === get("colour") && column.key) addBar(cell, item.figures[key], total[key]);
      return cell;
    });
    const kind = layer?.change?.kind;
    return el("tr", { role: "row", "aria-level": level, "aria-expanded": isOpen === null
      ? null : String(isOpen), "data-id": item.id, tabindex: -1,
    class: [item.children.length ? "group" : "", kind ? `is-${kind}` : ""].join(" ").trim()
      || null }, first, cells);
  }

  function addBar(cell, value, most) {
    if (!value || !most) return;
    const bar = el("span", { class: "bar", "aria-hidden": "true" });
    bar.style.width = `${Math.max(1, (100 * value) / most)}%`;
    cell.append(bar);
    cell.classList.add("barred");
  }

  function toggle(item) {
    if (closed.has(item.id)) closed.delete(item.id);
    else closed.add(item.id);
    draw();
    focusRow(item.id);
  }

  const rowOf = (id) => body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);

  function focusRow(id) {
    const row = rowOf(id);
    if (!row) return;
    for (const one of body.querySelectorAll('tr[tabindex="0"]')) one.setAttribute("tabindex", "-1");
    row.setAttribute("tabindex", "0");
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-id]");
    if (!row) return;
    set("selected", row.dataset.id);
    focusRow(row.dataset.id);
  });
  body.addEventListener("pointerover", (event) => {
    set("hovered", event.target.closest("tr[data-id]")?.dataset.id ?? null);
  });
  body.addEventListener("pointerleave", () => set("hovered", null));
  body.addEventListener("keydown", (event) => {
    const row = event.target.closest("tr[data-id]");
    if (!row || event.target !== row) return;
    const item = tree.items.get(row.dataset.id);
    const isClosed = closed.has(item.id);
    const isTree = !sorting && !wanted;
    if (event.key === "ArrowDown") focusRow(row.nextElementSibling?.dataset.id ?? "");
    else if (event.key === "ArrowUp") focusRow(row.previousElementSibling?.dataset.id ?? "");
    else if (event.key === "ArrowRight" && isTree && item.children.length && isClosed) toggle(item);
    else if (event.key === "ArrowLeft" && isTree && item.children.length && !isClosed) toggle(item);
    else if (event.key === "Enter" || event.key === " ") set("selected", item.id);
    else return;
    event.preventDefault();
  });

  function mark() {
    const selected = get("selected");
    const hovered = get("hovered");
    for (const row of body.children) {
      const { id } = row.dataset;
      row.classList.toggle("selected", id !== undefined && id === selected);
      row.classList.toggle("hovered", id !== undefined && id === hovered);
      if (row.hasAttribute("role")) row.setAttribute("aria-selected", String(id === selected));
    }
    const reached = body.querySelector('tr[tabindex="0"]');
    if (!reached) body.firstElementChild?.setAttribute("tabindex", 0);
  }

  // Open what encloses an item, and bring its line into sight.
  function show(id) {
    const item = tree.items.get(id);
    if (!item) return;
    let changed = false;
    for (const outer of enclosing(item)) changed = closed.delete(outer.id) || changed;
    if (changed) draw();
    else mark();
    if (element.offsetParent) rowOf(id)?.scrollIntoView({ block: "nearest" });
  }

  function text(separator, wrap) {
    const keys = columns();
    const heads = ["layer", ...keys.map((key) => COLUMNS[key].words)];
    const lines = rows().map(({ item }) =>
      [item.path, ...keys.map((key) => COLUMNS[key].write(item, total, unknown))]);
    return { heads, lines, keys, separator, wrap };
  }

  const quoted = (cell) => {
    const plain = /^[=+@\-\t\r]/.test(cell) && !/^-?[\d.,]+$/.test(cell) ? `'${cell}` : cell;
    return /[",\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
  };

  function copyCsv() {
    const { heads, lines } = text();
    const plain = lines.map((cells) => cells.map((cell) => (cell === "–" ? "" : cell)));
    copyText([heads, ...plain].map((cells) => cells.map(quoted).join(",")).join("\n"), "CSV");
  }

  function copyMarkdown() {
    const { heads, lines, keys } = text();
    const cell = (words) => words.replace(/[\\|<>`*_[\]]/g, "\\$&");
    const sides = ["---", ...keys.map((key) => (COLUMNS[key].text ? "---" : "---:"))];
    const all = [heads, sides, ...lines.map((cells) => cells.map(cell))];
    copyText(all.map((cells) => `| ${cells.join(" | ")} |`).join("\n"), "Markdown");
  }

  const filter = el("input", { type: "search", placeholder: "Filter layers",
    "aria-label": "Filter layers", on: { input: () => { wanted = filter.value; draw(); } } });
  const boxes = Object.keys(COLUMNS).filter((key) => key !== "seconds" || network.times)
    .map((key) => el("label", {}, el("input", { type: "checkbox", checked: chosen.has(key),
      on: { change: (event) => {
        if (event.target.checked) chosen.add(key);
        else chosen.delete(key);
        draw();
      } } }), COLUMNS[key].words));
  const menu = el("details", { class: "menu" }, el("summary", {}, "Columns"),
    el("div", { class: "boxes" }, boxes));
  const openAll = (all) => {
    closed.clear();
    if (!all) for (const item of tree.items.values()) if (item.children.length) closed.add(item.id);
    sorting = null;
    draw();
  };
  const tools = el("div", { class: "tools" }, filter, menu,
    button("Open all", () => openAll(true)), button("Close all", () => openAll(false)),
    el("span", { class: "space" }), button("Copy CSV", copyCsv),
    button("Copy Markdown", copyMarkdown));
  const element = el("div", { class: "tableview" }, tools, el("div", { class: "scroll" }, table));
  watch(["selected"], (id) => id && show(id));
  watch(["hovered"], mark);
  watch(["colour"], (key) => {
    if (COLUMNS[key]) chosen.add(key);
    draw();
  });
  draw();
  return { element, draw, show };
}

const compared = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);

// A function that says whether an item has all the words in its path or operator.
function matcher(words) {
  const parts = words.toLowerCase().split(/\s+/).filter(Boolean);
  return (item) => {
    const text = `${item.path} ${item.layer?.op ?? ""} ${shapeText(item.layer?.shape ?? [])}`;
    return parts.every((part) => text.toLowerCase().includes(part));
  };
}
