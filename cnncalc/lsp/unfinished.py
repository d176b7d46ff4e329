"""Views a text that is being typed: without the lines that cannot be read yet."""

from __future__ import annotations

import time
from collections.abc import Iterator

from .uses import LayerUse, Uses
from .view import View

_ROUNDS = 8  # lines that are left out
_LONGEST = 0.03  # seconds: an editor waits for this
_SHAPELESS = ("name", "year", "source", "budget", "published")  # keys that change no shape


def without_unfinished(view: View) -> View | None:
    """Return the view of a text without its faulty lines, which are empty in it; None if none is.

    The other lines keep their numbers. YAML often finds a fault only after the line that has it,
    so the line before is tried too, and the view that can be read furthest is kept.
    """
    here, start = view, time.monotonic()
    for _ in range(_ROUNDS):
        if here.is_sound:
            return here
        if time.monotonic() - start > _LONGEST:
            return None
        tried = [*_without_a_line(here)]
        if not tried:
            return None
        here = max(tried, key=_reach)
    return here if here.is_sound else None


def _without_a_line(view: View) -> Iterator[View]:
    """Yield views of a text without the line of its first error, or the line before that."""
    lines = view.text.split("\n")
    faulty = _faulty_line(view)
    if faulty is None:
        return
    written = [n for n, line in enumerate(lines[: faulty + 1]) if line.strip()]
    for line in written[-1 if view.spec is not None else -2 :]:
        text = "\n".join([*lines[:line], "", *lines[line + 1 :]])
        tried = View(text, view.file, view.version, view.variant, view.chosen, view.encoding)
        tried.left_out = {**view.left_out, line: lines[line]}
        yield tried


def _reach(view: View) -> tuple[bool, bool, int]:
    """Return how far a text can be read."""
    faulty = _faulty_line(view)
    return view.is_sound, view.spec is not None, -1 if faulty is None else faulty


def _faulty_line(view: View) -> int | None:
    """Return the line of the first error of the text itself, from 0."""
    found = view.faults if view.spec is None else view.spec.diagnostics
    for diagnostic in found:
        if diagnostic.severity == "error":
            return diagnostic.position.line - 1 if diagnostic.position is not None else None
    return None


def known_nodes(view: View) -> int | None:
    """Return how many nodes, from the first, do not depend on lines left out; None for all."""
    if not view.left_out or view.uses is None:
        return None
    known = len(view.expansion.graph.nodes)
    lines = view.text.split("\n")
    for line, text in view.left_out.items():
        written = [*lines[:line], text, *lines[line + 1 :]]
        known = min([known, *_first_changed(view.uses, written, line)])
    return known


def _first_changed(uses: Uses, lines: list[str], line: int) -> Iterator[int]:
    """Yield nodes from which on a line may change the network.

    A line that follows a layer in its list can only change what comes after it; any other line,
    such as a `repeat` or an argument, may change the whole layer or block that it is in.
    """
    around = _lines_around(lines, line)
    section, *inside = [lines[n].partition(":")[0].strip() for n in [*around, line]]
    if section in _SHAPELESS:
        return
    if section not in ("layers", "blocks"):
        yield 0
        return
    block = inside[0] if section == "blocks" and inside else None
    beside = _line_beside(lines, line)
    written_in = [use.step.place.line - 1 for use in uses.layers]
    follows_layer = beside in written_in
    has_lines = _has_lines(lines, line)  # without it, they belong to the line beside it
    first = beside if has_lines and beside is not None else line
    innermost = max((n for n in written_in if n in around), default=-1)
    if block is None and innermost < 0 and not follows_layer:
        yield 0
    for use, here in zip(uses.layers, written_in):
        start, end, _ = use.group
        if here in around:
            yield start if here == innermost and not follows_layer else end - 1
        elif use.step.key == block:
            yield end - 1 if follows_layer else start
        elif here >= first and (has_lines or _block_of(use) == block):
            yield start


def _block_of(use: LayerUse) -> str | None:
    return use.block[0] if use.block is not None else None


def _lines_around(lines: list[str], line: int) -> list[int]:
    """Return the lines that begin what a line is in, the outermost first."""
    found: list[int] = []
    least = _indentation(lines[line])
    for n in range(line - 1, -1, -1):
        if lines[n].strip() and _indentation(lines[n]) < least:
            found.insert(0, n)
            least = _indentation(lines[n])
    return found


def _has_lines(lines: list[str], line: int) -> bool:
    """Return whether the lines after a line are in it."""
    after = next((one for one in lines[line + 1 :] if one.strip()), "")
    return _indentation(after) > _indentation(lines[line])


def _line_beside(lines: list[str], line: int) -> int | None:
    """Return the line before a line in the same list or mapping; None for the first."""
    own = _indentation(lines[line])
    before = (n for n in range(line - 1, -1, -1) if lines[n].strip())
    found = next((n for n in before if _indentation(lines[n]) <= own), None)
    return found if found is not None and _indentation(lines[found]) == own else None


def _indentation(line: str) -> float:
    """Return the column in which a line begins; an entry may begin in that of its list's key."""
    start = line.lstrip()
    return len(line) - len(start) + (0.5 if start.startswith("-") else 0)
