"""Puts a plot into a page of its own, on which what is under the pointer is said.

The plot is the same as in an SVG file; the titles of its elements become the words under the
pointer. The page loads nothing, and a policy in it forbids all but its own script and styles.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import escape

from ..foreign import visible

_STYLES = re.compile(r"<style>(.*?)</style>", re.S)
_STYLE = """
:root { color-scheme: light dark; }
body { margin: 1rem; font: 14px system-ui, sans-serif; background: #fff; color: #222; }
svg { max-width: 100%; height: auto; }
svg [data-said]:focus { outline: 2px solid #4477aa; }
#said { position: fixed; z-index: 1; max-width: 24rem; padding: .4rem .6rem; border-radius: 4px;
  background: #222; color: #fff; white-space: pre-line; pointer-events: none; font-size: 13px; }
#said[hidden] { display: none; }
@media (prefers-color-scheme: dark) {
  body { background: #15181c; color: #e6e6e6; }
  #said { background: #e6e6e6; color: #15181c; }
}
@media print { #said { display: none; } }
"""
_SCRIPT = """
"use strict";
const said = document.getElementById("said");
for (const title of document.querySelectorAll("svg :not(svg) > title")) {
  const element = title.parentElement;
  element.dataset.said = title.textContent;
  element.setAttribute("aria-label", title.textContent);
  title.remove();
}
function show(element, x, y) {
  said.textContent = element.dataset.said;
  said.hidden = false;
  const left = Math.min(x + 14, innerWidth - said.offsetWidth - 8);
  const below = y + 14 + said.offsetHeight > innerHeight;
  said.style.setProperty("left", Math.max(left, 8) + "px");
  said.style.setProperty("top", (below ? y - said.offsetHeight - 10 : y + 14) + "px");
}
document.addEventListener("pointermove", (event) => {
  const element = event.target.closest("[data-said]");
  if (element) show(element, event.clientX, event.clientY); else said.hidden = true;
});
document.addEventListener("focusin", (event) => {
  const element = event.target.closest("[data-said]");
  if (!element) return;
  const place = element.getBoundingClientRect();
  show(element, place.right, place.bottom);
});
document.addEventListener("focusout", () => { said.hidden = true; });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") said.hidden = true;
});
"""


def is_page(file: str) -> bool:
    """Return whether a file is to be a page, by its name."""
    return file.lower().endswith((".html", ".htm"))


def page(svg: str, name: str) -> str:
    """Return the page of a plot."""
    styles = [_STYLE, *_STYLES.findall(svg)]
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src {' '.join(map(_hash, styles))}",
            f"script-src {_hash(_SCRIPT)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(visible(name))}</title>",
            f"<style>{_STYLE}</style>",
            "</head>",
            "<body>",
            f"<main>{svg}</main>",
            '<div id="said" role="status" hidden></div>',
            f"<script>{_SCRIPT}</script>",
            "</body>",
            "</html>",
        )
    )


def _hash(text: str) -> str:
    """Return what a policy calls an inline script or style.

    Source: Content Security Policy Level 3, hash-source.
    """
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
