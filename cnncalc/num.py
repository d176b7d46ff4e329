"""Num: the arithmetic that the rules of operators are written in.

A rule runs on Python ints (one network), on numpy int64 arrays (many at once) and on the
symbols of `poly` (formulas), and never asks which. So a rule uses only ``+ - *`` and ``//``
by a positive value of the configuration, and never compares a size.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Num = Any  # int | numpy int64 array | poly.Poly
Shape = tuple[Num, ...]  # (C, *spatial)


def product(factors: Iterable[Num]) -> Num:
    """The product; 1 for none."""
    result: Num = 1
    for factor in factors:
        result = result * factor
    return result


def ceil_div(n: Num, s: int) -> Num:
    """⌈n / s⌉ for a positive s."""
    return (n + s - 1) // s


def slide(
    n: Num, k: int, s: int = 1, lo: int = 0, hi: int = 0, d: int = 1, ceil: bool = False
) -> Num:
    """How many places a window takes along an axis: ⌊(n + lo + hi − d(k−1) − 1)/s⌋ + 1.

    With `ceil`, ⌈…⌉ instead, less the last window where it would start in the padding behind
    the input (`torch.nn.MaxPool2d`, `ceil_mode`): (out − 1)·s < n + lo.

    >>> slide(227, 11, 4), slide(7, 3, 3), slide(7, 3, 3, ceil=True)
    (55, 2, 3)
    """
    if ceil:
        return (n + min(lo + hi - d * (k - 1) + 2 * s - 2, lo + s - 1)) // s
    return (n + (lo + hi - d * (k - 1) - 1)) // s + 1
