"""How many bytes a layer must move between memory and the processor."""

from __future__ import annotations

from ..num import Shape, product
from .result import Report, Row


def moved_bytes(report: Report, row: Row, training: bool, width: int) -> int:
    """Return the fewest bytes that a layer must move: it reads inputs and weights, writes output.

    Because of the gradients, they are three times as many in training. `width` is the number of
    bytes of a value.
    """
    if row.flops == 0 and row.activations == 0:
        return 0  # a view, or nothing to do
    owner = report.row(row.shared_with) if row.shared_with else row
    params = owner.params if owner else 0
    passes = 3 if training else 1
    return (report.batch * values_moved(row) + params) * width * passes


def values_moved(row: Row) -> int:
    """Return how many values a layer reads and writes for one image, without its weights."""
    shapes: tuple[Shape, ...] = (*row.input_shapes, row.output_shape)
    values: int = sum(map(product, shapes))
    return values
