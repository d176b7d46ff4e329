"""How many bytes a layer must move between memory and the processor."""

from __future__ import annotations

from ..num import Shape, product
from .result import Row


def moved_bytes(row: Row, batch: int, training: bool, width: int) -> int:
    """Return the fewest bytes that a layer must move: it reads inputs and weights, writes output.

    Because of the gradients, they are three times as many in training. `width` is the number of
    bytes of a value.
    """
    if row.flops == 0 and row.activations == 0:
        return 0  # a view, or nothing to do
    passes = 3 if training else 1
    return (batch * values_moved(row) + row.params) * width * passes


def values_moved(row: Row) -> int:
    """Return how many values a layer reads and writes for one image, without its weights."""
    shapes: tuple[Shape, ...] = (*row.input_shapes, row.output_shape)
    values: int = sum(map(product, shapes))
    return values
