"""What the loss makes of an output, and the gradient that it starts backward with."""

from __future__ import annotations

from ...ops.autocast import FLOAT32
from .run import Run
from .tensors import Bytes, Tensors

INDEX = 8  # bytes of the class of a position


class Sum:
    """The sum of an output, of `size` bytes with `width` a number: no loss that is worth a name."""

    def __init__(self, tensors: Tensors, output: int, size: Bytes, width: int, run: Run):
        self.tensors, self.output, self.size, self.width = tensors, output, size, width
        self.run = run

    def start(self, positions: int) -> None:
        """Allocate what there is to compare the output with."""

    def forward(self) -> None:
        """Allocate what backward needs."""

    def backward(self) -> int:
        """Return the number of the output's gradient: one number, seen as many."""
        return self.tensors.new("gradient", self.output, Bytes(self.width))


class CrossEntropy(Sum):
    """The cross-entropy of an output and one class for each position.

    Under autocast it is computed in float32. On the CPU the output is copied for that; on a card
    the logarithms of its probabilities are, so backward holds both.
    """

    def start(self, positions: int) -> None:
        self.tensors.new("input", None, Bytes(0, INDEX * positions))

    def forward(self) -> None:
        """The logarithms of the probabilities; the loss, and the weight that it is over."""
        own, wide, copied = self._sizes()
        self._held = []
        cast = self.tensors.new("cast", self.output, wide) if copied == "output" else None
        self._held.append(self.tensors.new("saved", self.output, wide if cast else own))
        if copied == "logarithms":
            self._held.append(self.tensors.new("saved", self.output, wide))
        width = self.width if self.run.amp is None else FLOAT32
        self._numbers = [self.tensors.new("saved", self.output, Bytes(width)) for _ in range(2)]
        if cast is not None:
            self.tensors.drop(cast)

    def backward(self) -> int:
        """The gradient of the logarithms, and then that of the output."""
        own, wide, copied = self._sizes()
        logarithms, *cast = self._held
        between = self.tensors.new("gradient", self.output, wide)
        self.tensors.drop(*cast)
        if copied == "logarithms":
            between = self._retyped(between, own)
        computed = wide if copied == "output" else own
        gradient = self.tensors.new("gradient", self.output, computed)
        self.tensors.drop(between, logarithms, self._numbers[1])
        return self._retyped(gradient, own) if copied == "output" else gradient

    def _retyped(self, gradient: int, size: Bytes) -> int:
        new = self.tensors.new("gradient", self.output, size)
        self.tensors.drop(gradient)
        return new

    def _sizes(self) -> tuple[Bytes, Bytes, str | None]:
        """The bytes of the output in its type and in that of the loss, and what is copied."""
        if self.run.amp is None or self.width == FLOAT32:
            return self.size, self.size, None
        wide = Bytes(self.size.fixed, self.size.per_image * FLOAT32 // self.width)
        return self.size, wide, "output" if self.run.device == "cpu" else "logarithms"


LOSSES = {"none": Sum, "cross_entropy": CrossEntropy}
