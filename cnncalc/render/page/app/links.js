// The part of the address after # names what is selected, so that it can be sent to someone.
// An editor that shows the page beside a spec names the layer at its cursor in a message.

import { get, set, watchAlways } from "./store.js";

export function followLinks(tree, onFound) {
  function follow(id = decoded(location.hash.slice(1))) {
    const item = tree().items.get(id);
    if (item?.parent) onFound(item);
  }

  watchAlways(["selected"], (id) => {
    const wanted = id ? `#${encodeURI(id)}` : "";
    if (location.hash === wanted) return;
    try {
      history.replaceState(null, "", wanted || location.pathname + location.search);
    } catch {
      // a page in a frame without an address has no links
    }
  });
  window.addEventListener("hashchange", () => {
    if (decoded(location.hash.slice(1)) !== (get("selected") ?? "")) follow();
  });
  window.addEventListener("message", ({ data }) => {
    if (typeof data?.select === "string") follow(data.select);
  });
  return follow;
}

function decoded(text) {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}

export const select = (item) => set("selected", item.id);
