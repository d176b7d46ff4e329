"""Inputs long along one axis and short along the others, at which gradients are cheap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...analysis.rows import Report

LEAST, LONGEST = 64, 4096  # positions along the long axis


def thin_inputs(
    report: Report, axis: int, tried: Callable[[dict[str, tuple[int, ...]]], Report], margin: int
) -> dict[str, tuple[int, ...]]:
    """Inputs just long enough along one axis for every field, and as short as may be along the others, but for a margin of
    some strides.

    Sizes change by whole strides of the network, so that everything rounds as at the full input. Where the spec admits
    no such input, the full one.
    """
    most = max(map(len, report.inputs.values())) - 1
    steps = [
        max(
            (
                -(-field.stride[n] // 1)
                for row in report.rows
                for field in row.receptive_fields
                for n, of in enumerate(field.axes)
                if of == a and field.fields[n] is not None
            ),
            default=1,
        )
        for a in range(most)
    ]
    longest = max(
        (
            f.size
            for row in report.rows
            for field in row.receptive_fields
            for f, of in zip(field.fields, field.axes)
            if f and of == axis
        ),
        default=1,
    )

    def changed(turns: Sequence[int]) -> dict[str, tuple[int, ...]]:
        return {
            name: (shape[0], *(n + step * k for n, step, k in zip(shape[1:], steps, turns)))
            for name, shape in report.inputs.items()
        }

    def fits(turns: Sequence[int]) -> bool:
        shapes = changed(turns)
        if any(min(shape) < 1 for shape in shapes.values()):
            return False
        thin = tried(
            shapes
        )  # on an axis shorter than the gaps of a dilated window, no tap may meet the image
        return thin.ok and all(
            min(nodes[m].shape[1:], default=1) >= gaps(node.op)
            for nodes in (thin.graph.nodes,)
            for node in nodes
            for m in node.inputs[:1]
        )

    turns = [0] * most
    for a in range(most):
        if a != axis:
            low, high = (
                -(
                    max(shape[a + 1] for shape in report.inputs.values() if len(shape) > a + 1)
                    // steps[a]
                ),
                0,
            )  # the least that fits
            while low < high:
                middle = (low + high) // 2
                low, high = (
                    (low, middle)
                    if fits([*turns[:a], middle, *turns[a + 1 :]])
                    else (middle + 1, high)
                )
            turns[a] = min(high + margin, 0)
    size = min(shape[axis + 1] for shape in report.inputs.values() if len(shape) > axis + 1)
    wanted = max(min(longest, LONGEST) + 2 * steps[axis], min(LEAST, size))
    turns[axis] = -(-(wanted - size) // steps[axis])
    while turns[axis] < 0 and not fits(turns):
        turns[axis] += 1
    return changed(turns) if fits(turns) else dict(report.inputs)


def gaps(op: Any) -> int:
    """The largest distance between the taps of an operator's window."""
    dilation = getattr(op, "dilation", 1)
    return max(dilation) if isinstance(dilation, tuple) else dilation
