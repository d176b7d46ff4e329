"""Writes SVG: elements with their attributes, texts as text, and how wide a text is.

Numbers have one decimal at most, so that the same picture is the same bytes everywhere.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

from .foreign import visible

# The widths of letters, in parts of the font's size: the larger of Arial's and DejaVu Sans's.
_WIDTHS = {
    0.3: "'Iijl",
    0.35: " ,./:;\\|",
    0.4: "()-[]ft",
    0.45: "!r",
    0.5: '"*J`·',
    0.55: "csz",
    0.6: "?L_kvxy–",
    0.65: "$0123456789FTabdeghnopqu{}",
    0.7: "ABEKPSVXYZ",
    0.75: "CNRU",
    0.8: "&DGHOQ",
    0.85: "#+<=>^w~×",
    0.9: "M",
    1.0: "%Wm…",
    1.05: "@",
}
_WIDTH_OF = {letter: width for width, letters in _WIDTHS.items() for letter in letters}
_BOLD = 1.12  # how much wider a bold letter is
FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"


def text_width(text: str, size: float, bold: bool = False) -> float:
    """Return how wide a text is at most, in pixels, in the usual fonts without serifs.

    >>> text_width("conv", 10)
    24.5
    """
    width = sum(_width_of(letter) for letter in visible(text))
    return round(width * size * (_BOLD if bold else 1), 3)


def _width_of(letter: str) -> float:
    if letter in _WIDTH_OF:
        return _WIDTH_OF[letter]
    if unicodedata.combining(letter):
        return 0
    is_wide = unicodedata.east_asian_width(letter) in "WF" or ord(letter) > 0x2000
    return 1.3 if is_wide else 0.9


def shortened(text: str, size: float, room: float, bold: bool = False) -> str:
    """Return a text that fits into some pixels, with its middle left out if it is too long.

    >>> shortened("stage1.bottleneck1.body", 10, 80)
    'stage1….body'
    """
    shown = visible(text)
    if text_width(shown, size, bold) <= room:
        return shown
    for kept in range(len(shown) - 1, 0, -1):
        end = kept // 2
        cut = f"{shown[: kept - end]}…{shown[len(shown) - end :]}"
        if text_width(cut, size, bold) <= room:
            return cut
    return "…"


def number(value: float) -> str:
    """Write a number with one decimal at most.

    >>> number(12.0), number(0.25), number(-0.01)
    ('12', '0.2', '0')
    """
    written = f"{value:.1f}".removesuffix(".0")
    return "0" if written == "-0" else written


def element(name: str, *inside: str, **attributes: object) -> str:
    """Write an element; `stroke_width` becomes ``stroke-width``, and None is left out.

    >>> element("rect", x=1.04, stroke_width=2, rx=None)
    '<rect x="1" stroke-width="2"/>'
    """
    words = [name]
    for key, value in attributes.items():
        if value is not None:
            written = number(value) if isinstance(value, (int, float)) else visible(str(value))
            words.append(f"{key.rstrip('_').replace('_', '-')}={quoteattr(written)}")
    if not inside:
        return f"<{' '.join(words)}/>"
    return f"<{' '.join(words)}>{''.join(inside)}</{name}>"


def text(x: float, y: float, words: str, **attributes: object) -> str:
    """Write a text, which is shown as it is: nothing in it is a tag."""
    return element("text", escape(visible(words)), x=x, y=y, **attributes)


def title(words: str) -> str:
    """Write the title of an element, which browsers show under the pointer."""
    return f"<title>{escape(visible(words))}</title>"


def path(points: Iterable[tuple[float, float]], radius: float = 0) -> str:
    """Return the `d` of a line through points, with round corners."""
    line = _without_repeats(points)
    if not line:
        return ""
    written = [f"M{number(line[0][0])} {number(line[0][1])}"]
    for before, at, after in zip(line, line[1:], line[2:]):
        room = min(radius, _length(before, at) / 2, _length(at, after) / 2)
        if room < 0.5:
            written.append(f"L{number(at[0])} {number(at[1])}")
            continue
        start, stop = _towards(at, before, room), _towards(at, after, room)
        written.append(f"L{number(start[0])} {number(start[1])}")
        corner = f"{number(at[0])} {number(at[1])}"
        written.append(f"Q{corner} {number(stop[0])} {number(stop[1])}")
    if len(line) > 1:
        written.append(f"L{number(line[-1][0])} {number(line[-1][1])}")
    return "".join(written)


def _without_repeats(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points without those on a straight line between their neighbours."""
    line: list[tuple[float, float]] = []
    for x, y in points:
        if line and abs(line[-1][0] - x) < 0.05 and abs(line[-1][1] - y) < 0.05:
            continue
        while len(line) > 1 and _is_straight(line[-2], line[-1], (x, y)):
            line.pop()
        line.append((x, y))
    return line


def _is_straight(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    cross = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    onward = (b[0] - a[0]) * (c[0] - b[0]) + (b[1] - a[1]) * (c[1] - b[1])
    return abs(cross) < 0.5 and onward >= 0


def _length(a: tuple[float, float], b: tuple[float, float]) -> float:
    return float(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5)


def _towards(
    start: tuple[float, float], stop: tuple[float, float], distance: float
) -> tuple[float, float]:
    part = distance / _length(start, stop)
    return start[0] + (stop[0] - start[0]) * part, start[1] + (stop[1] - start[1]) * part


def document(
    elements: Iterable[str], width: float, height: float, name: str, **attributes: object
) -> str:
    """Write a whole file."""
    lines = "\n".join([title(name), *elements])
    return element(
        "svg",
        f"\n{lines}\n",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(width)} {number(height)}",
        width=width,
        height=height,
        role="img",
        **attributes,
    )
