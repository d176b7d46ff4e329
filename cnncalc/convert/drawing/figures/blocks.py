"""Draws a network as a diagram of its blocks, with each kind of block opened beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from math import log

from ....analysis.structure import Cell, cells, chosen_depth, opened, tree, unfolded
from .diagram import Diagram, Subject, heading
from .layers import in_columns
from .levels import has_levels, levels_drawn
from .look import Look
from .picture import Picture

MOST = 24  # boxes of the whole network
_INSIDE = 12  # boxes of a block that is opened, if they can be so few
_PANELS = 6
_TOO_MANY = 60  # boxes of a block that is not opened
_BETWEEN = 46.0
_FRAME_X, _FRAME_Y = 28.0, 24.0  # how much larger a frame is than what is in it
_ASPECT = 1.3  # of a figure that fits well into a paper


def blocks(subject: Subject) -> Picture:
    """Return the picture of a network."""
    graph = subject.graph
    whole = tree(graph)
    shown = cells(graph, unfolded(graph, whole, subject.depth or chosen_depth(graph, whole, MOST)))
    return _beside(_diagram(subject, shown), list(_panels(subject, shown)), subject.look)


def _diagram(subject: Subject, shown: Sequence[Cell]) -> Picture:
    diagram = Diagram(subject, shown)
    if has_levels(diagram):
        return levels_drawn(diagram)
    if len(shown) > MOST:
        return in_columns(diagram)
    return diagram.drawn()


def _panels(subject: Subject, shown: Sequence[Cell]) -> Iterator[Picture]:
    """Yield a picture of each kind of block."""
    kinds = opened(subject.graph, shown, _INSIDE)
    for part, inside in islice((kind for kind in kinds if len(kind[1]) <= _TOO_MANY), _PANELS):
        picture = _diagram(subject, inside)
        name = part.word or part.name
        heading(picture, name, f"as in {part.path}" if part.path != name else "")
        yield picture


def _beside(main: Picture, panels: list[Picture], look: Look) -> Picture:
    """Return the main picture with the panels on its right or below it, as fits a page best."""
    if not panels:
        return main
    found = []
    for arrange, least in (
        (_in_columns, max([main.height, *(panel.height + _FRAME_Y for panel in panels)])),
        (_in_rows, max([main.width, *(panel.width + _FRAME_X for panel in panels)])),
    ):
        for more in (1.0, 1.3, 1.7, 2.2):
            whole = Picture(look)
            whole.put(main, 0, 0)
            arrange(whole, panels, main, least * more)
            found.append(whole)
    return min(found, key=_unfitness)


def _unfitness(whole: Picture) -> float:
    """Return how far a picture is from the form of a page, and how much room it takes."""
    return abs(log(whole.width / whole.height / _ASPECT)) + log(whole.width * whole.height)


def _in_columns(whole: Picture, panels: list[Picture], main: Picture, tallest: float) -> None:
    x, y, widest = main.width + _BETWEEN, 0.0, 0.0
    for panel in panels:
        wide, high = panel.width + _FRAME_X, panel.height + _FRAME_Y
        if y and y + high > tallest + 1:
            x, y, widest = x + widest + _BETWEEN / 2, 0.0, 0.0
        _framed(whole, panel, x, y)
        y += high + _BETWEEN / 2
        widest = max(widest, wide)


def _in_rows(whole: Picture, panels: list[Picture], main: Picture, widest: float) -> None:
    x, y, tallest = 0.0, main.height + _BETWEEN, 0.0
    for panel in panels:
        wide, high = panel.width + _FRAME_X, panel.height + _FRAME_Y
        if x and x + wide > widest + 1:
            x, y, tallest = 0.0, y + tallest + _BETWEEN / 2, 0.0
        _framed(whole, panel, x, y)
        x += wide + _BETWEEN / 2
        tallest = max(tallest, high)


def _framed(whole: Picture, panel: Picture, x: float, y: float) -> None:
    whole.frame(x, y, panel.width + _FRAME_X, panel.height + _FRAME_Y)
    whole.put(panel, x + _FRAME_X / 2, y + _FRAME_Y / 2)
