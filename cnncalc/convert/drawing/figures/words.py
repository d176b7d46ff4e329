"""What stands in the boxes of a figure: ``conv 3×3, 64``, and the norms and activations below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....analysis.structure import Cell, family, is_minor
from ....graph import Graph, Node
from ....ops.shapes import per_axis
from ....wording import axes_text, number_text, plural, shape_text
from .look import of_node

_SIZED = ("kernel", "size", "output", "window")
_NAMES = {
    "conv_transpose": "up-conv",
    "globalavgpool": "global avgpool",
    "globalmaxpool": "global maxpool",
    "adaptiveavgpool": "adaptive avgpool",
    "adaptivemaxpool": "adaptive maxpool",
    "batchnorm": "batch norm",
    "groupnorm": "group norm",
    "layernorm": "layer norm",
    "instancenorm": "instance norm",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "leaky_relu": "leaky ReLU",
    "prelu": "PReLU",
    "gelu": "GELU",
    "silu": "SiLU",
    "elu": "ELU",
    "lrn": "LRN",
    "lstm": "LSTM",
    "gru": "GRU",
    "rnn": "RNN",
}


def name_of(node: Node) -> str:
    """Return the operator of a layer in words."""
    assert node.op is not None
    return _NAMES.get(node.op.key, node.op.key.replace("_", " "))


def said(graph: Graph, node: Node) -> str:
    """Return what a layer does: ``conv 3×3, 64, /2``."""
    op: Any = node.op
    spatial = max(len(node.shape) - 1, 1)
    first = name_of(node)
    where = of_node(node, family(node))
    window = getattr(op, "kernel", None)
    if where in ("conv", "up", "pool") and window is not None:
        first += f" {shape_text(per_axis(window, spatial))}"
    scale = getattr(op, "scale", None)
    if where == "up" and scale is not None:
        first += f" ×{axes_text(tuple(map(_plain, per_axis(scale, spatial))))}"
    parts = [first]
    if where in ("conv", "linear", "sequence") or op.key == "conv_transpose":
        parts.append(f"{node.shape[0]}")
    stride = getattr(op, "stride", None)
    if stride is None and where == "pool" and window is not None:
        stride = window
    if stride is not None and set(per_axis(stride, spatial)) != {1}:
        sign = "×" if where == "up" else "/"
        parts.append(sign + axes_text(per_axis(stride, spatial)))
    dilation = getattr(op, "dilation", 1)
    if set(per_axis(dilation, spatial)) != {1}:
        parts.append(f"dilation {axes_text(per_axis(dilation, spatial))}")
    groups = getattr(op, "groups", 1) if where in ("conv", "up") else 1
    if groups != 1:
        channels = graph.shapes_into(node)[0][0]
        parts.append("depthwise" if groups == channels else plural(groups, "group"))
    return ", ".join(parts)


def _plain(value: Any) -> str:
    return number_text(value) if not isinstance(value, float) else f"{value:g}"


def main_of(graph: Graph, numbers: Sequence[int]) -> Node:
    """Return the layer that a box is about: the first that is more than a norm or activation."""
    nodes = [graph.nodes[n] for n in numbers]
    return next((node for node in nodes if not is_minor(node)), nodes[0])


def lines_of(graph: Graph, cell: Cell) -> tuple[str, list[str]]:
    """Return the first line of a cell and those below it."""
    times = f" ×{cell.count}" if cell.count > 1 else ""
    if cell.is_block:
        part = cell.parts[0]
        below = []
        if part.word and not cell.label.startswith(part.word):
            below.append(part.word)
        elif not part.word:
            below.append(plural(part.stop - part.start, "layer"))
        return cell.label + times, below
    main = main_of(graph, cell.nodes)
    nodes = [graph.nodes[n] for n in cell.nodes]
    at = nodes.index(main)
    above = [name_of(node) for node in nodes[:at]]
    below = [name_of(node) for node in nodes[at + 1 :]]
    rows = [", ".join(below)] if below else []
    first = said(graph, main) + times
    if above:  # a network that norms first: in the order in which they run
        return first, [f"after {', '.join(above)}", *rows]
    return first, rows


def colour_of(graph: Graph, cell: Cell) -> str:
    """Return the name of the colour of a cell."""
    if cell.is_block:
        return "block"
    main = main_of(graph, cell.nodes)
    return of_node(main, family(main))
