"""The page's scripts and styles, read from the package and put one after the other."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent
APP = FOLDER / "app"
VENDORED = FOLDER / "vendored"
STYLES = ("theme", "page", "graph", "table", "panel", "plots", "print")
_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z]+)\.js";$', re.M)
_EXPORT = re.compile(r"^export ((?:async )?function|const) (\w+)", re.M)


@cache
def script(start: str) -> str:
    """Return a module of the page with all that it imports, as one script.

    Each module becomes a function that returns what it exports, after those that it imports.
    """
    known: dict[str, str] = {}
    _gather(start, known)
    return "".join(["const modules = {};\n", *known.values()])


def _gather(name: str, known: dict[str, str]) -> None:
    """Add a module, after those that it imports."""
    if name not in known:
        text = (APP / f"{name}.js").read_text("utf-8")
        for _, other in _IMPORT.findall(text):
            _gather(other, known)
        known[name] = _as_function(name, text)


def _as_function(name: str, text: str) -> str:
    exported = ", ".join(name for _, name in _EXPORT.findall(text))
    body = _EXPORT.sub(r"\1 \2", _IMPORT.sub(r"const \1 = modules.\2;", text))
    start = f"modules.{name} = (() => {{\n" if exported else "(() => {\n"
    end = f"return {{ {exported} }};\n}})();\n" if exported else "})();\n"
    return f"// --- {name}.js\n{start}{body}{end}"


@cache
def styles() -> str:
    """Return the page's own style sheets and that of the plots."""
    own = [(APP / f"{name}.css").read_text("utf-8") for name in STYLES]
    return "".join([vendored("uPlot.min.css"), "\n", *own])


@cache
def vendored(file: str) -> str:
    """Return a file of a library."""
    return (VENDORED / file).read_text("utf-8")
