"""Finds a batch axis in the shape of an input: `[1, 3, 224, 224]` has three spatial axes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from ..diagnostic import Diagnostic, Edit, Fix
from ..graph import Graph
from ..num import Shape
from ..wording import shape_text
from .yaml_tree import Marks

_RANK, _MOST_CHANNELS = 4, 4
_RANK_FAULTS = ("CNN201", "CNN301")  # a wrong number of axes, or an unexpected shape


def batch_axis_warnings(
    graph: Graph,
    inputs: Mapping[str, Shape],
    marks: Marks,
    file: str,
    expanded: Callable[[Mapping[str, Shape]], Graph],
) -> Iterator[Diagnostic]:
    """Warn of inputs that start with 1 and an image's channels, if no layer needs three axes.

    A layer needs them if the network without the 1 breaks a rule on ranks or an expected shape
    that the network as written keeps. `expanded` returns the network for other inputs; `marks` are
    those of `input`.
    """
    suspects = {name: x[1:] for name, x in inputs.items() if _begins_with_batch(x)}
    if not suspects:
        return
    without = expanded({**inputs, **suspects})
    if not _rank_faults(without) <= _rank_faults(graph):
        return
    for name, image in suspects.items():
        own = marks.find(name) if name in marks.items else marks
        yield Diagnostic(
            "CNN115",
            f"an input of {shape_text(inputs[name])} has one channel and three spatial axes: "
            "the 1 looks like a batch axis",
            own.position(file),
            f"shapes have no batch axis: [{', '.join(map(str, image))}]",
            severity="warning",
            fix=_without_first(own),
        )


def _begins_with_batch(x: Shape) -> bool:
    return len(x) == _RANK and x[0] == 1 and x[1] <= _MOST_CHANNELS


def _rank_faults(graph: Graph) -> set[object]:
    """Return the places where a network breaks a rule on ranks or an expected shape."""
    return {d.position for d in graph.diagnostics if d.code in _RANK_FAULTS}


def _without_first(marks: Marks) -> Fix | None:
    """Return a fix that removes the first entry of a list; None if a new line follows it."""
    first, second = marks.items.get(0), marks.items.get(1)
    if first is None or second is None or first.line != second.line:
        return None
    line = first.line + 1
    edit = Edit(line, first.column + 1, line, second.column + 1, "")
    return Fix("remove the batch axis", (edit,))
