"""What is in a figure: its boxes and texts with their places, read from the SVG itself."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

_SVG = "{http://www.w3.org/2000/svg}"
_MOVE = re.compile(r"translate\((-?[\d.]+) (-?[\d.]+)\)")


class Rectangle(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Rectangle, slack: float = 0.0) -> bool:
        return (
            self.left < other.right - slack
            and other.left < self.right - slack
            and self.top < other.bottom - slack
            and other.top < self.bottom - slack
        )

    def holds(self, other: Rectangle, slack: float = 0.0) -> bool:
        return (
            self.left - slack <= other.left
            and other.right <= self.right + slack
            and self.top - slack <= other.top
            and other.bottom <= self.bottom + slack
        )


class Line(NamedTuple):
    """A line through points."""

    points: list[tuple[float, float]]

    def crosses(self, box: Rectangle, slack: float = 1.5) -> bool:
        """Return whether a straight part of it passes through a box."""
        for (ax, ay), (bx, by) in pairwise(self.points):
            part = Rectangle(min(ax, bx), min(ay, by), max(ax, bx), max(ay, by))
            if part.overlaps(box, slack):
                return True
        return False


class Words(NamedTuple):
    """A text with the box that it is in, if it is in one."""

    words: str
    x: float
    y: float
    size: float
    bold: bool
    anchor: str
    box: Rectangle | None


def boxes(svg: str) -> list[Rectangle]:
    """Return the boxes of a figure; frames around parts of it are none."""
    return [box for box in _walk(ET.fromstring(svg), 0, 0) if isinstance(box, Rectangle)]


def texts(svg: str) -> list[Words]:
    """Return every text."""
    return [found for found in _walk(ET.fromstring(svg), 0, 0) if isinstance(found, Words)]


def lines(svg: str) -> list[Line]:
    """Return the lines between boxes, without their arrows."""
    return [found for found in _walk(ET.fromstring(svg), 0, 0) if isinstance(found, Line)]


def _walk(
    element: ET.Element, x: float, y: float, box: Rectangle | None = None
) -> Iterator[Rectangle | Words | Line]:
    move = _MOVE.match(element.get("transform", ""))
    if move:
        x, y = x + float(move[1]), y + float(move[2])
    if element.tag == f"{_SVG}g" and element.get("class") == "box":
        rect = element.find(f"{_SVG}rect")
        assert rect is not None
        left, top = x + float(rect.get("x", 0)), y + float(rect.get("y", 0))
        wide, high = float(rect.get("width", 0)), float(rect.get("height", 0))
        box = Rectangle(left, top, left + wide, top + high)
        yield box
    if element.tag == f"{_SVG}text":
        yield Words(
            words=element.text or "",
            x=x + float(element.get("x", 0)),
            y=y + float(element.get("y", 0)),
            size=float(element.get("font-size", 10)),
            bold=element.get("font-weight") == "bold",
            anchor=element.get("text-anchor", "start"),
            box=box,
        )
    if element.tag == f"{_SVG}path" and box is None and element.get("fill") == "none":
        numbers = re.findall(r"[MLQ ](-?[\d.]+) (-?[\d.]+)", element.get("d", ""))
        yield Line([(x + float(a), y + float(b)) for a, b in numbers])
    for inner in element:
        yield from _walk(inner, x, y, box)
