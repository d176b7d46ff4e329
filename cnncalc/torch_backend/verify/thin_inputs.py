"""Chooses inputs that are long along one axis and short along the others: gradients are cheap."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil
from typing import Any

from ...analysis.result import Report
from ...graph import Graph
from ...language.spec import Spec
from ...num import Shape, ceil_div
from ...ops.base import Op
from ...window import Field, Listed

_SHORTEST, _LONGEST = 64, 4096  # positions along the long axis

Inputs = dict[str, Shape]  # by name


def graph_at(
    spec: Spec, variant: str | None, set: Mapping[str, Any] | None, inputs: Inputs
) -> Graph | None:
    """Return the network at other inputs; None if it has errors there."""
    graph = spec.graph(variant, set, inputs)
    wrong = any(d.severity == "error" for d in graph.diagnostics)
    return None if wrong else graph


def thin_inputs(
    report: Report, axis: int, margin: int, network_at: Callable[[Inputs], Graph | None]
) -> Inputs:
    """Return inputs just long enough along an axis for every field, and short along the others.

    The short axes have the smallest size that the network takes, and `margin` strides more. Sizes
    change by whole strides of the network, so that everything rounds as at the full input. If the
    spec takes no such input, return the full one.
    """
    axes = range(max(map(len, report.inputs.values())) - 1)
    strides = [_coarsest_stride(report, other) for other in axes]
    turns = [0 for _ in axes]  # strides added to each axis; negative ones shorten it

    def changed(turns: list[int]) -> Inputs:
        inputs: Inputs = {}
        for name, (channels, *sizes) in report.inputs.items():
            changes = (stride * turn for stride, turn in zip(strides, turns))
            inputs[name] = (channels, *(n + change for n, change in zip(sizes, changes)))
        return inputs

    def fits(turns: list[int]) -> bool:
        inputs = changed(turns)
        if any(min(shape) < 1 for shape in inputs.values()):
            return False
        graph = network_at(inputs)
        return graph is not None and _taps_meet(graph)

    def fits_with(other: int, turn: int) -> bool:
        return fits([*turns[:other], turn, *turns[other + 1 :]])

    for other in axes:
        if other != axis:
            low = -(max(_sizes(report, other)) // strides[other])
            high = 0
            while low < high:
                middle = (low + high) // 2
                if fits_with(other, middle):
                    high = middle
                else:
                    low = middle + 1
            turns[other] = min(high + margin, 0)
    size = min(_sizes(report, axis))
    field = min(_longest_field(report, axis), _LONGEST)
    wanted = max(field + 2 * strides[axis], min(_SHORTEST, size))
    turns[axis] = ceil_div(wanted - size, strides[axis])
    while turns[axis] < 0 and not fits(turns):
        turns[axis] += 1
    return changed(turns) if fits(turns) else dict(report.inputs)


def _sizes(report: Report, axis: int) -> list[int]:
    """Return the sizes of an axis, for the inputs that have it."""
    return [shape[axis + 1] for shape in report.inputs.values() if len(shape) > axis + 1]


def _taps_meet(graph: Graph) -> bool:
    """Return whether every window surely has a tap on its image.

    On an axis shorter than the gaps of a dilated window, all taps may lie beside the image.
    """
    for node in graph.nodes:
        if node.op is not None:
            x = graph.nodes[node.inputs[0]].shape
            if min(x[1:], default=1) < _largest_gap(node.op):
                return False
    return True


def _largest_gap(op: Op) -> int:
    """Return the largest distance between neighbouring taps of an operator's window."""
    dilation: int | tuple[int, ...] = getattr(op, "dilation", 1)
    return max(dilation) if isinstance(dilation, tuple) else dilation


def _longest_field(report: Report, axis: int) -> int:
    """Return the size of the largest receptive field along an axis; 1 if there is none."""
    return max((field.size for field in _fields_along(report, axis)), default=1)


def _coarsest_stride(report: Report, axis: int) -> int:
    """Return the largest stride of any layer's field along an axis of the input, rounded up."""
    return max((ceil(field.stride or 1) for field in _fields_along(report, axis)), default=1)


def _fields_along(report: Report, axis: int) -> Iterator[Field | Listed]:
    """Yield every receptive field along an axis of the input."""
    for row in report.rows:
        for seen in row.receptive_fields:
            if axis < len(seen.fields) and (field := seen.fields[axis]):
                yield field
