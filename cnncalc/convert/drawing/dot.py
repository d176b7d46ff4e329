"""Writes a drawing in DOT, the language of Graphviz."""

from __future__ import annotations

from ...foreign import visible
from .boxes import Box, Drawing


def dot(drawing: Drawing) -> str:
    """Return the graph. All texts are in quotes, and none is HTML."""
    lines = [f"digraph {quoted(drawing.title)} {{", f"  label={quoted(drawing.title)}"]
    lines += ["  labelloc=t", "  node [shape=box]"]
    lines += [f"  n{n} [{_attributes(box)}]" for n, box in enumerate(drawing.boxes)]
    for source, target, shape in drawing.arrows:
        lines.append(f"  n{source} -> n{target} [label={quoted(shape)}]")
    return "\n".join([*lines, "}"])


def _attributes(box: Box) -> str:
    shape = " shape=oval" if box.is_end else ""
    return f"label={quoted(box.name, box.about)}{shape}"


def quoted(*parts: str) -> str:
    r"""Return lines of text in quotes, as DOT reads them.

    >>> print(quoted('say "no"', "a\\b"))
    "say \"no\"\na\\b"
    """
    escaped = (visible(part).replace("\\", "\\\\").replace('"', '\\"') for part in parts if part)
    return '"' + "\\n".join(escaped) + '"'
