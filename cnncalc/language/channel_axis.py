"""Finds inputs whose first entry is not the channels.

`[28, 28]` may be an image without channels, and `[128, 64]` a sequence with its channels last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..diagnostic import Diagnostic
from ..graph import Graph
from ..num import Shape
from .yaml_tree import Marks

_MOST_CHANNELS = 4  # an input with more channels than these is hardly an image


def channel_axis_notes(
    inputs: Mapping[str, Shape], marks: Marks, file: str
) -> Iterator[Diagnostic]:
    """Note each input of two equal entries; `marks` are those of `input`."""
    for name, shape in inputs.items():
        if len(shape) != 2 or shape[0] != shape[1] or shape[0] <= _MOST_CHANNELS:
            continue
        own = marks.find(name) if name in marks.items else marks
        n = shape[0]
        yield Diagnostic(
            "CNN116",
            f"an input of [{n}, {n}] is read as {n} channels × {n}",
            own.position(file),
            f"for an image of one channel, write [1, {n}, {n}]",
            severity="note",
        )


def with_channels_first(
    graph: Graph, inputs: Mapping[str, Shape], expanded: Callable[[Mapping[str, Shape]], Graph]
) -> list[Diagnostic]:
    """Return a graph's diagnostics; unexpected shapes get help if a sequence has its channels last.

    That is so if the network is right with the two entries of its input swapped. `expanded` returns
    the network for other inputs.
    """
    if not any(d.code == "CNN301" for d in graph.diagnostics) or len(inputs) != 1:
        return graph.diagnostics
    ((name, shape),) = inputs.items()
    if len(shape) != 2 or _errors(expanded({name: shape[::-1]})):
        return graph.diagnostics
    right = f"[{shape[1]}, {shape[0]}]"
    advice = f"channels come first: write `input: {right}`, or `- permute: [1, 0]` as first layer"
    return [d._replace(help=advice) if d.code == "CNN301" else d for d in graph.diagnostics]


def _errors(graph: Graph) -> bool:
    return any(d.severity == "error" for d in graph.diagnostics)
