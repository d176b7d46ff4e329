"""Draws a network as a figure for papers and slides, as SVG: in one of three styles.

`blocks` is a diagram of its blocks, `layers` a column of all layers, and `textbook` a row of maps
in perspective. The text is text, and the same network gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....analysis.structure import Cell
from ....diagnostic import Diagnostic, Mistake, misspelled
from ....foreign import visible
from ....graph import Graph
from .blocks import blocks
from .diagram import Subject, heading
from .layers import layers
from .look import Look
from .picture import Picture
from .textbook import textbook

_STYLES: dict[str, Callable[[Subject], Picture]] = {
    "blocks": blocks,
    "layers": layers,
    "textbook": textbook,
}
STYLES = tuple(_STYLES)
_MOST = 5000  # layers
_BESIDE = 24.0  # pixels between the columns of several networks


def _no_figures(cell: Cell) -> list[str]:
    return []


def figure(
    style: str,
    graph: Graph,
    title: str,
    look: Look,
    depth: int | None = None,
    figures: Callable[[Cell], list[str]] = _no_figures,
) -> str:
    """Return the text of an SVG file.

    Accepts:
        style: blocks, layers or textbook.
        graph: a network without errors.
        title: its name, for readers who do not see the picture.
        look: colours and font.
        depth: down to which depth blocks are opened; None to choose it.
        figures: the lines with figures that each box gets.

    Errors: a Mistake for an unknown style, and for a network of more layers than a page shows.
    """
    if style not in _STYLES:
        fault = Diagnostic("CNN422", f"unknown style `{visible(style)}`")
        raise Mistake(misspelled(fault, style, STYLES, f"the styles are {', '.join(STYLES)}"))
    _refuse_many(graph)
    return _STYLES[style](Subject(graph, look, depth, figures)).written(title) + "\n"


def figure_of_several(networks: Sequence[tuple[str, Subject]]) -> str:
    """Return the text of an SVG file with a column of layers for each network, beside each other.

    Accepts:
        networks: their names, and what is drawn of each.

    Errors: a Mistake for a network of more layers than a page shows.
    """
    whole, x = Picture(networks[0][1].look), 0.0
    for name, subject in networks:
        _refuse_many(subject.graph)
        picture = layers(subject)
        heading(picture, name, "")
        whole.put(picture, x, 0)
        x += picture.width + _BESIDE
    return whole.written(", ".join(name for name, _ in networks)) + "\n"


def _refuse_many(graph: Graph) -> None:
    if len(graph.nodes) > _MOST:
        message = f"a figure of {len(graph.nodes):,} layers could not be read"
        help = f"figures are for up to {_MOST:,} layers: export a part of the network"
        raise Mistake(Diagnostic("CNN423", message, help=help))
