"""Puts a page into one HTML file, which may neither load anything nor run what is not its own.

The policy of the page names each script and style by its hash. The data is JSON in an element that
browsers do not run, without any character that could end the element. Scripts put texts into the
page as texts.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from typing import Any

from ...foreign import visible
from .network import Subject, network_data, shown
from .scripts import script, styles, vendored

_LIBRARIES = ("dagre.min.js", "uPlot.iife.min.js")
_LICENCES = {"dagre.min.js": "dagre.LICENSE", "uPlot.iife.min.js": "uPlot.LICENSE"}


class HtmlPage:
    """A page with its data."""

    def __init__(self, title: str, start: str, data: dict[str, Any], libraries: Sequence[str] = ()):
        self.title = title
        self.start = start
        self.data = data
        self.libraries = libraries

    def written(self, colour: bool = False) -> str:
        """Write the page."""
        scripts = [*map(_library, self.libraries), script(self.start)]
        style = styles()
        parts = [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts, style)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(visible(self.title))}</title>",
            f"<style>{style}</style>",
            "</head>",
            "<body>",
            "<noscript><p>This page needs JavaScript, which stays on this page.</p></noscript>",
            f'<script type="application/json" id="data">{_json(self.data)}</script>',
            *(f"<script>{text}</script>" for text in scripts[:-1]),
            f'<script type="module">{scripts[-1]}</script>',
            "</body>",
            "</html>",
        ]
        return "\n".join(parts)


def network_page(subjects: Sequence[Subject], version: str, home: str | None = None) -> HtmlPage:
    """Return the page of one network or several; `home` is the index of a gallery it is in."""
    networks = [network_data(subject) for subject in subjects]
    names = ", ".join(str(network["name"]) for network in networks)
    data = {"version": version, "home": home, "networks": networks}
    return HtmlPage(names, "main", shown(data), _LIBRARIES)


def _library(file: str) -> str:
    """Return a library after its licence."""
    return f"/*\n{vendored(_LICENCES[file])}*/\n{vendored(file)}"


def _policy(scripts: Sequence[str], style: str) -> str:
    """Return the policy: only these scripts and this style, and no connection."""
    hashes = " ".join(map(_hash, scripts))
    rules = (
        "default-src 'none'",
        f"script-src {hashes}",
        f"style-src {_hash(style)}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(rules)


def _hash(text: str) -> str:
    digest = sha256(text.encode("utf-8")).digest()
    return f"'sha256-{b64encode(digest).decode('ascii')}'"


def _json(data: Any) -> str:
    """Write data so that nothing in it ends the element that it is in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
