"""What an array raises where all variants need one value, and where 64 bits are too few."""

from __future__ import annotations

from typing import Any


class Split(Exception):
    """The variants disagree about a decision; whoever holds them divides them by `by`, an array."""

    def __init__(self, by: Any):
        super().__init__()
        self.by = by


class TooWide(Exception):
    """An array would depend on so many axes at once that it does not fit in memory."""

    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.shape = shape


class Overflow(ArithmeticError):
    """A number may be beyond 64 bits."""

    def __init__(self) -> None:
        super().__init__("a number is beyond the limit of 4.6·10¹⁸ for many variants at once")


def refuse_zero(divisor: Any) -> None:
    """Raise a ZeroDivisionError if all divisors are 0, or Split if some are."""
    if divisor == 0:
        raise ZeroDivisionError
