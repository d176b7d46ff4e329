"""What padding that runs as a step of its own holds in memory on its way back."""

from __future__ import annotations

from collections.abc import Sequence

from ..num import Num, Shape, product


def undone(x: Shape, around: Sequence[tuple[Num, Num]], mode: str) -> Num:
    """Count the values held at once beside the gradient of the padded copy.

    These are the gradient of the input or, where torch copies the borders one by one, a copy of
    the padded one with the largest border twice.
    """
    n = product(x)
    if mode != "circular":
        return n
    padded = x[0] * product(size + low + high for size, (low, high) in zip(x[1:], around))
    borders = [
        max(amounts) * padded // (size + sum(amounts)) for size, amounts in zip(x[1:], around)
    ]
    return padded + max(n, *(2 * border for border in borders))


def mirrors_in_float32(mode: str, x: Shape) -> bool:
    """Whether autocast pads in float32 on the CPU: torch lists all pads of borders but one."""
    return mode == "replicate" or mode == "reflect" and len(x) < 4
