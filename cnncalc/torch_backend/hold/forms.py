"""Says when two computations are the same although they are written differently.

A linear layer on channels is a convolution with kernel 1, and C factors are C×1×1 factors. A grid
of places is the same for any number of channels. How an embedding is trained makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from ...ops.conv import Conv
from ...ops.embedding import Embedding
from ...ops.grid import AffineGrid
from ...ops.join import Add, Mul
from ...ops.linear import Linear
from ...ops.matmul import Matmul

Shape = tuple[int, ...]
MATRIX_PRODUCTS = (Linear.key, Matmul.key)
_PLAIN = {"stride": 1, "padding": 0, "groups": 1}  # a convolution that only mixes channels


def is_linear_on_channels(
    kind: str, weights: tuple[Shape, ...], settings: dict[str, Any], shape: Shape | None
) -> bool:
    """Return whether a convolution computes what a linear layer on its channels would.

    If another axis has as many entries as there are channels, a linear layer may be on that axis
    instead, so the two are kept apart.
    """
    if kind != Conv.key or not weights or shape is None:
        return False
    kernel = weights[0]
    if prod(kernel[2:]) != 1 or any(settings.get(key) != n for key, n in _PLAIN.items()):
        return False
    return kernel[1] not in shape[2:]


def form(
    kind: str,
    weights: tuple[Shape, ...],
    settings: tuple[tuple[str, Any], ...],
    shape: Shape | None,
) -> tuple[Any, ...]:
    """Return what a computation is compared by: equal forms compute the same.

    Shapes of outputs have the batch first.
    """
    if is_linear_on_channels(kind, weights, dict(settings), shape):
        return Linear.key, tuple(map(_matrix, weights)), ()
    if kind == Embedding.key:
        return kind, weights, ()
    if kind == AffineGrid.key:
        plain = ((name, (n[0], *n[2:]) if name == "size" else n) for name, n in settings)
        return kind, weights, tuple(plain)
    if kind == Linear.key:
        return kind, tuple(map(_matrix, weights)), settings
    if len(weights) == 1 and shape is not None:
        factor = without_ones(weights[0])
        if not factor or len(factor) == 1 and shape[1:].count(factor[0]) == 1:
            return kind, (factor,), settings
        if kind in (Add.key, Mul.key):
            return kind, (_without_first_ones(weights[0]),), settings
    return kind, weights, settings


def _without_first_ones(shape: Shape) -> Shape:
    while shape[:1] == (1,) and len(shape) > 1:
        shape = shape[1:]
    return shape


def is_matrix(shape: Shape) -> bool:
    """Return whether a parameter is a matrix: other axes are of 1."""
    return len(without_ones(shape)) == 2


def _matrix(weight: Shape) -> Shape:
    """Return the shape of a weight, which may be transposed; the output shows which axis it is."""
    return tuple(sorted(without_ones(weight)))


def without_ones(shape: Iterable[int]) -> Shape:
    """Return a shape without its axes of length 1."""
    return tuple(n for n in shape if n != 1)
