"""A node of an ONNX file, from which an importer finds the operator that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..num import Shape

_LARGEST = 3e38  # of a bound; a larger one is the limit of float32


class OnnxCall(NamedTuple):
    """One node, with its tensors as here: without the batch.

    `attributes` are those that the file sets. `weights` are the shapes of constant inputs that are
    parameters or buffers, by the operator's names in `onnx_weights`; `numbers` are the values of
    other small constant inputs, by position. `xs` are the shapes of its other inputs.
    """

    name: str
    attributes: Mapping[str, Any]
    weights: Mapping[str, Shape]
    numbers: Mapping[int, tuple[int | float, ...]]
    xs: tuple[Shape, ...]

    def given(self, name: str, position: int) -> int | float | None:
        """Return a single number that is an attribute in older files, and an input in newer ones.

        None if there is none.
        """
        if name in self.attributes:
            value: int | float = self.attributes[name]
            return value
        values = self.numbers.get(position, ())
        return values[0] if len(values) == 1 else None

    def bounds(self) -> tuple[float | None, float | None]:
        """Return the smallest and the largest value that Clip leaves."""
        low, high = self.given("min", 1), self.given("max", 2)
        return (
            None if low is None or low <= -_LARGEST else float(low),
            None if high is None or high >= _LARGEST else float(high),
        )

    def has(self, **wanted: float) -> bool:
        """Return whether attributes have these values, to the precision of float32."""
        return all(
            abs(self.attributes.get(name, value) - value) < 1e-6 for name, value in wanted.items()
        )

    def without(self, *names: str) -> OnnxCall:
        """Return the node without some attributes."""
        rest = {name: value for name, value in self.attributes.items() if name not in names}
        return self._replace(attributes=rest)
