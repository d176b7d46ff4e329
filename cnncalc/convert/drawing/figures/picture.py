"""A picture while it is drawn: boxes with words in them, lines with arrows, and its size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .... import svg
from ....svg import element, text, text_width
from .layered import Point
from .look import Look

LARGE, SMALL = 12.0, 10.0  # sizes of text
_PAD_X, _PAD_Y = 10.0, 6.0
_LEAST = 54.0
_LONGEST = 230.0  # pixels of a line in a box; longer ones lose their middle
_ARROW = 6.0


class Words(NamedTuple):
    """The lines in a box: the first is larger, those below are muted."""

    first: str
    below: Sequence[str] = ()

    @property
    def size(self) -> Point:
        """Return the size of a box around them."""
        widest = min(text_width(self.first, LARGE, bold=True), _LONGEST)
        for line in self.below:
            widest = max(widest, min(text_width(line, SMALL), _LONGEST))
        high = LARGE * 1.25 + len(self.below) * SMALL * 1.3
        return max(_LEAST, widest + 2 * _PAD_X), high + 2 * _PAD_Y


class Picture:
    """Elements in the order in which they are drawn: lines are below boxes."""

    def __init__(self, look: Look):
        self.look = look
        self.under: list[str] = []
        self.over: list[str] = []
        self._low: list[float] = [0.0, 0.0]
        self._high: list[float] = [0.0, 0.0]

    def grow(self, x: float, y: float) -> None:
        """Make room for a point."""
        self._low = [min(self._low[0], x), min(self._low[1], y)]
        self._high = [max(self._high[0], x), max(self._high[1], y)]

    def box(
        self,
        x: float,
        y: float,
        size: Point,
        words: Words,
        colour: str,
        path: str,
        count: int = 1,
        round_: float = 4,
    ) -> None:
        """Draw a box around its centre; copies of it are behind it."""
        look, (wide, high) = self.look, size
        left, top = x - wide / 2, y - high / 2
        self.grow(left, top)
        self.grow(left + wide + 6, top + high + 6 * (count > 1))
        edge, fill = look.edge(colour), look.fill(colour)
        inside = [svg.title(path)] if path else []
        for n in range(min(count - 1, 2), 0, -1):
            d = svg.path(_copy(left + 3 * n, top + 3 * n, wide, high), 3)
            inside.append(element("path", d=d, fill=fill, stroke=edge))
        inside.append(
            element(
                "rect", x=left, y=top, width=wide, height=high, rx=round_, fill=fill, stroke=edge
            )
        )
        used = LARGE * 1.25 + len(words.below) * SMALL * 1.3
        line = y - used / 2 + LARGE
        inside.append(self._words(x, line, words.first, LARGE, look.words_on(colour), wide, True))
        line += LARGE * 0.25 + SMALL * 1.15
        for below in words.below:
            inside.append(self._words(x, line, below, SMALL, look.muted_on(colour), wide, False))
            line += SMALL * 1.3
        self.over.append(element("g", *inside, class_="box"))

    def _words(
        self, x: float, y: float, words: str, size: float, fill: str, wide: float, bold: bool
    ) -> str:
        shown = svg.shortened(words, size, wide - 2 * _PAD_X + 0.5, bold)
        weight = "bold" if bold else None
        return text(
            x, y, shown, font_size=size, font_weight=weight, fill=fill, text_anchor="middle"
        )

    def line(
        self,
        points: Sequence[Point],
        colour: str = "line",
        arrow: bool = True,
        dashed: bool = False,
        width: float = 1.3,
    ) -> None:
        """Draw a line with round corners and an arrow at its end."""
        for point in points:
            self.grow(*point)
        stroke = self.look.colour(colour) or "none"
        line = list(points)
        if arrow:
            line, head = _headed(line)
            self.under.append(element("path", d=head, fill=stroke))
        dash = "4 3" if dashed else None
        d = svg.path(line, 7)
        self.under.append(
            element(
                "path", d=d, fill="none", stroke=stroke, stroke_width=width, stroke_dasharray=dash
            )
        )

    def label(
        self,
        x: float,
        y: float,
        words: str,
        anchor: str = "start",
        size: float = SMALL,
        colour: str = "muted",
        bold: bool = False,
        turned: float | None = None,
    ) -> None:
        """Write words beside what they belong to."""
        wide = text_width(words, size, bold)
        left = {"start": x, "middle": x - wide / 2, "end": x - wide}[anchor]
        if turned is None:
            self.grow(left, y - size)
            self.grow(left + wide, y + size * 0.3)
        else:
            self.grow(x - size, y - wide / 2)
            self.grow(x + size, y + wide / 2)
        self.over.append(
            text(
                x,
                y,
                words,
                font_size=size,
                font_weight="bold" if bold else None,
                fill=self.look.colour(colour) or "none",
                text_anchor=None if anchor == "start" else anchor,
                transform=None
                if turned is None
                else f"rotate({svg.number(turned)} {svg.number(x)} {svg.number(y)})",
            )
        )

    def beam(self, start: Point, stop: Point) -> None:
        """Draw a thin line over the boxes, without an arrow."""
        stroke = self.look.colour("line") or "none"
        d = svg.path([start, stop])
        self.over.append(
            element(
                "path", d=d, fill="none", stroke=stroke, stroke_width=0.8, stroke_dasharray="3 2"
            )
        )

    def shape(self, points: Sequence[Point], fill: str, stroke: str, over: bool = True) -> None:
        """Draw a polygon in colours of its own."""
        for point in points:
            self.grow(*point)
        corners = " ".join(f"{svg.number(x)},{svg.number(y)}" for x, y in points)
        drawn = element(
            "polygon", points=corners, fill=fill, stroke=stroke, stroke_linejoin="round"
        )
        (self.over if over else self.under).append(drawn)

    def frame(self, left: float, top: float, wide: float, high: float) -> None:
        """Draw a frame around a part of the picture."""
        self.grow(left, top)
        self.grow(left + wide, top + high)
        stroke = self.look.colour("line") or "none"
        self.under.insert(
            0,
            element(
                "rect",
                x=left,
                y=top,
                width=wide,
                height=high,
                rx=6,
                fill="none",
                stroke=stroke,
                stroke_opacity=0.45,
                stroke_dasharray="5 4",
                class_="frame",
            ),
        )

    def put(self, other: Picture, x: float, y: float) -> None:
        """Add another picture with its corner at a point."""
        left, top = other._low
        move = f"translate({svg.number(x - left)} {svg.number(y - top)})"
        self.grow(x, y)
        self.grow(x + other.width, y + other.height)
        self.under.append(element("g", *other.under, transform=move))
        self.over.append(element("g", *other.over, transform=move))

    @property
    def width(self) -> float:
        """Return how wide it is."""
        return self._high[0] - self._low[0]

    @property
    def height(self) -> float:
        """Return how high it is."""
        return self._high[1] - self._low[1]

    def written(self, name: str, margin: float = 14) -> str:
        """Return the text of an SVG file."""
        wide, high = self.width + 2 * margin, self.height + 2 * margin
        x, y = svg.number(margin - self._low[0]), svg.number(margin - self._low[1])
        background = self.look.colour("background")
        elements = []
        if background:
            elements.append(element("rect", width=wide, height=high, fill=background))
        inside = "\n".join(["", *self.under, *self.over, ""])
        elements.append(element("g", inside, transform=f"translate({x} {y})"))
        return svg.document(elements, wide, high, name, font_family=self.look.font)


def _copy(left: float, top: float, wide: float, high: float) -> list[Point]:
    right, bottom = left + wide, top + high
    return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]


def _headed(line: list[Point]) -> tuple[list[Point], str]:
    """Return a line that ends where its arrow begins, and the arrow."""
    (ax, ay), (x, y) = line[-2], line[-1]
    long = max(((x - ax) ** 2 + (y - ay) ** 2) ** 0.5, 0.01)
    dx, dy = (x - ax) / long, (y - ay) / long
    bx, by = x - dx * _ARROW, y - dy * _ARROW
    sx, sy = -dy * _ARROW * 0.45, dx * _ARROW * 0.45
    head = [(bx + sx, by + sy), (x, y), (bx - sx, by - sy)]
    return [*line[:-1], (bx, by)], svg.path(head) + "Z"
