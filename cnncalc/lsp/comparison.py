"""Compares the network in the editor with the one in the file, as `diff` does."""

from __future__ import annotations

import os
from pathlib import Path

from ..analysis.analyze import analyze
from ..analysis.diff import diff
from ..diagnostic import Diagnostic, Mistake
from ..language.load import from_text, read
from ..render.diff import ALWAYS, differs, markdown
from ..wording import short
from .view import View


def comparison(view: View) -> tuple[str, str]:
    """Return what changed since the file was saved: in a line, and as Markdown.

    Errors: a Mistake if one of the two networks is wrong, the text was never saved, or the file
    has no such variant.
    """
    if not os.path.exists(view.file):
        message = f"there is no saved file to compare with: {view.file} does not exist"
        raise Mistake(Diagnostic("CNN002", message))
    saved = from_text(read(Path(view.file)), view.file)
    if view.spec is None:
        raise Mistake(*view.faults)
    if view.variant is not None and view.variant not in saved.variants:
        message = f"the saved file has no variant `{view.variant}`"
        raise Mistake(Diagnostic("CNN111", message))
    old = analyze(saved, view.variant).or_mistake()
    new = analyze(view.spec, view.variant).or_mistake()
    pair = diff(old, new)._replace(labels=("saved", "edited"))
    if not differs(pair):
        return f"{new.name}: no change since it was saved", ""
    sums = [
        f"{name} {short(pair.totals[name][0])} → {short(pair.totals[name][1])}"
        for name in ALWAYS
        if name in pair.totals
    ]
    return f"{new.name}: {', '.join(sums)}", markdown([("", pair)], ([], []), None).written()
