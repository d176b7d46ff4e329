"""What automatic mixed precision makes of a layer: which copies, and the types of its values.

Under autocast, torch runs each operation in a 16-bit type, in float32, or in the type of what it
reads; the lists differ between devices. Source: ATen's autocast_mode.h and autocast_mode.cpp.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

FLOAT32 = 4  # bytes of a number
HALF = 2  # bytes of a float16 or a bfloat16
Device = Literal["cuda", "cpu"]
Amp = Literal["float16", "bfloat16"]
_Type = Literal["half", "float32"]


class Autocast(NamedTuple):
    """Where autocast is on, and its 16-bit type."""

    device: Device
    dtype: Amp

    @property
    def on_cpu(self) -> bool:
        """Whether the lists are those of the CPU."""
        return self.device == "cpu"


class Cast(NamedTuple):
    """What autocast does to a layer.

    `inputs` is the type that it copies inputs of another type to, `parameters` says whether it
    makes 16-bit copies of the parameters too. The layer computes with numbers of the type
    `computes`, or else with the widest type that it reads. It returns numbers of the type
    `returns`, or else of the type that it computes with. The means in a layer of several operations
    are of the type `means`, or else of that of its input. `converts` says that it promotes inputs
    without a copy, and converts their gradients when they are ready.
    """

    inputs: _Type | Literal["widest"] | None = None
    computes: _Type | None = None
    parameters: bool = False
    returns: _Type | None = None
    means: _Type | None = None
    converts: bool = False

    def types(self, given: tuple[int, ...]) -> Types:
        """Return the bytes of numbers, from those of the inputs that are given."""
        widest = max(given, default=FLOAT32)
        read = given
        if self.inputs is not None:
            to = widest if self.inputs == "widest" else _WIDTHS[self.inputs]
            read = (to,) * len(given)
        computes = _WIDTHS[self.computes] if self.computes else max(read, default=FLOAT32)
        returns = _WIDTHS[self.returns] if self.returns else computes
        means = _WIDTHS[self.means] if self.means else max(read[:1], default=computes)
        back = (computes,) * len(read) if self.converts else read
        return Types(given, read, back, computes, returns, means, self.parameters)


class Types(NamedTuple):
    """The bytes of a number in a layer: of each input as given, as it is read, and so on.

    `back` are those of the gradients of the inputs, as the layer makes them.

    `casts_parameters` says that it reads 16-bit copies of its parameters.
    """

    given: tuple[int, ...]
    read: tuple[int, ...]
    back: tuple[int, ...]
    computes: int
    returns: int
    means: int
    casts_parameters: bool = False


_WIDTHS = {"half": HALF, "float32": FLOAT32}
AS_IS = Cast(converts=True)  # torch's own promotion: the result is as wide as the widest input
TO_HALF = Cast("half", "half", parameters=True)
TO_FLOAT32 = Cast("float32", "float32")
TO_WIDEST = Cast("widest")
PROMOTED = Cast(computes="float32", converts=True)  # without a copy: parameters are float32
IN_FLOAT32 = Cast(computes="float32")  # of several operations, some in the type of the input
MEANS_IN_FLOAT32 = Cast(computes="float32", means="float32")
