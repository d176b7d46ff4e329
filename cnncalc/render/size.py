"""Writes windows as text: their arithmetic, and a drawing of what each of them covers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ..analysis.size import chain, one_window, sizes, together
from ..analysis.windows import Window
from .formats.entries import MARGIN, block
from .formats.lines import Lines

AXES = (("",), ("height", "width"), ("depth", "height", "width"))
_WIDEST = 72  # columns of a drawing
_FIRST, _LAST = 3, 2  # windows that are drawn if there are many
_MOST = 16  # windows that are all drawn
_INPUT, _PADDING, _COVERED, _GAP = "□", "·", "■", " "


def text(n: Sequence[int], windows: Sequence[Sequence[Window]], width: int, draw: bool) -> Lines:
    """Write the arithmetic of windows along axes of n positions, once if all axes are equal.

    `windows` has the windows of each axis in their order; `draw` adds drawings.
    """
    axes = list(zip(n, map(tuple, windows)))
    lines: list[str] = []
    alike = len(set(axes)) == 1
    for name, (size, along) in zip(AXES[len(n) - 1], axes[:1] if alike else axes):
        if alike:
            lines += _axis(size, along, width, draw)
        else:
            about = _axis(size, along, width - MARGIN, draw)
            lines += [f"{name}:", *(f"{' ' * MARGIN}{line}".rstrip() for line in about)]
    return Lines(*lines)


def _axis(n: int, windows: Sequence[Window], width: int, draw: bool) -> list[str]:
    """Return the lines about one axis."""
    found = one_window(n, windows[0]) if len(windows) == 1 else chain(n, windows)
    if len(windows) > 1:
        found.append(f"together: {together(n, windows)}")
    lines = []
    for line in found:
        margin = len(line) - len(line.lstrip())
        lines += block(line.lstrip(), width, margin)
    if draw:
        for size, window in zip(sizes(n, windows), windows):
            lines += ["", *drawing(size, window, min(width, _WIDEST))]
    return lines


def drawing(n: int, window: Window, width: int) -> list[str]:
    """Draw what each window covers, one per line; of many windows, the first and the last ones.

    A transposed window covers positions of the output, so there is a line for each input.
    """
    low, high = window.around(n)
    out = window.out(n)
    if out < 1:
        return []
    count, size = (n, out) if window.transposed else (out, n)
    last = (count - 1) * window.stride - low + window.span
    high = max(high, last - size)  # with ceil, the last window may end after the padding
    side, each = ("output", "input") if window.transposed else ("input", "output")
    label = len(f"{each} {count} ")
    for chosen in _choices(count):
        parts = _parts(chosen, window, low, size, high)
        if label + sum(map(len, parts)) + len(parts) - 1 <= width:
            break
    else:
        return [f"a drawing does not fit in {width} columns"]
    strip = [[_PADDING if not 0 <= at < size else _INPUT for at in part] for part in parts]
    lines = [side.ljust(label) + _joined(strip)]
    for number in chosen:
        start = number * window.stride - low
        covered = range(start, start + window.span, window.dilation)
        marks = [[_COVERED if at in covered else _GAP for at in part] for part in parts]
        lines.append(f"{each} {number + 1}".ljust(label) + _joined(marks).rstrip())
        if number + 1 not in chosen and number + 1 < count:
            lines.append("…")
    return lines


def _choices(count: int) -> list[list[int]]:
    """Return which windows may be drawn: all, or some at the start and the end."""
    found = [list(range(count))] if count <= _MOST else []
    for first, last in ((_FIRST, _LAST), (_LAST, 1), (1, 1)):
        if first + last < count:
            found.append([*range(first), *range(count - last, count)])
    return found


def _parts(chosen: list[int], window: Window, low: int, size: int, high: int) -> list[range]:
    """Return the positions to draw: those that the chosen windows cover, to both ends."""
    breaks = [b for a, b in pairwise(chosen) if b > a + 1]
    if not breaks:
        return [range(-low, size + high)]
    before = chosen[chosen.index(breaks[0]) - 1]
    end = before * window.stride - low + window.span
    start = breaks[0] * window.stride - low
    if start <= end + 1:
        return [range(-low, size + high)]
    return [range(-low, end), range(start, size + high)]


def _joined(parts: list[list[str]]) -> str:
    return "…".join("".join(part) for part in parts)
