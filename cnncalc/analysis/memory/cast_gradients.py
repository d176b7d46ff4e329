"""Gradients that change their type on the way back, because autocast made copies in forward.

A layer makes gradients of the type that it computes with. That of a copy is copied to the type of
the original in a step of its own. Where torch promoted an input without a copy, it converts the
gradient as soon as the layer returns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ...graph import Graph
from .casts import cast_bytes
from .storage import own_bytes
from .tensors import Bytes, Tensors
from .widths import Widths


class Way(NamedTuple):
    """Where a gradient goes on: the number of a layer's input, its node, and its kind."""

    input: int
    source: int
    kind: str


class CastGradients:
    """The gradients of copies, and of the parameters that were copied."""

    def __init__(self, graph: Graph, widths: Widths, tensors: Tensors, reached: Iterable[int]):
        self._graph, self._widths, self._tensors = graph, widths, tensors
        self._waiting: dict[int, list[int]] = {}  # the gradients of copies that several layers read
        self._first: dict[int, int] = {}  # by owner of parameters, the first layer to read them
        for n in sorted(reached):
            shares = graph.nodes[n].shares
            self._first.setdefault(n if shares is None else shares, n)

    def of_parameters(self, n: int, owner: int, parameters: Mapping[str, int]) -> list[int]:
        """Make the gradients of a layer's parameters, of which the bytes are given."""
        sizes = parameters
        if sizes and self._widths.types[n].casts_parameters:
            copies = cast_bytes(self._graph, owner)
            sizes = {name: copies.get(name, size) for name, size in sizes.items()}
        return [
            self._tensors.new("parameter gradient", owner, Bytes(size)) for size in sizes.values()
        ]

    def read_cast(self, n: int, way: Way) -> bool:
        """Whether a layer read a copy of the input."""
        types = self._widths.types[n]
        return types.given[way.input] != types.read[way.input]

    def returned(self, n: int, way: Way, gradient: int) -> int:
        """Convert the gradient of an input that was promoted without a copy."""
        return gradient if self.read_cast(n, way) else self.retyped(n, way, gradient)

    def retyped(self, n: int, way: Way, gradient: int) -> int:
        """Copy a gradient to the type of what it is for, unless it has it."""
        if self._widths.types[n].back[way.input] == self._widths.outputs[way.source]:
            return gradient
        new = self._tensors.new("gradient", way.source, self._widths.output(way.source))
        self._tensors.drop(gradient)
        return new

    def to_parameters(self, n: int, owner: int, gradients: list[int]) -> list[int]:
        """Return the gradients of parameters, in float32 once that of their copies is complete."""
        if not gradients or not self._widths.types[n].casts_parameters:
            return gradients
        waiting = self._waiting.setdefault(owner, gradients)
        if waiting is not gradients:
            self._tensors.drop(*gradients)  # added to what is there
        if n != self._first[owner]:
            return []
        sizes = own_bytes(self._graph, self._graph.nodes[owner], self._widths.run.width)[0]
        found = []
        for size, key in zip(sizes.values(), waiting):
            if self._tensors.size(key) != Bytes(size):
                found.append(self._tensors.new("parameter gradient", owner, Bytes(size)))
                self._tensors.drop(key)
            else:
                found.append(key)
        return found
