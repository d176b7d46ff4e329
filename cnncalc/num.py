"""Num: the arithmetic that the rules of operators are written in.

A rule runs on Python ints (one network), on numpy int64 arrays (many at once) and on the
symbols of `poly` (formulas), and never asks which. So a rule uses only ``+ - *`` and ``//`` by
positive values of the configuration, and never compares sizes.
"""

from __future__ import annotations

from fractions import Fraction
from math import floor, prod
from typing import Any

Num = Any  # int | numpy int64 array | poly.Poly
Shape = tuple[Num, ...]  # (C, *spatial)

product = prod  # of ints, arrays and symbols alike; 1 for no factors


def ceil_div(n: Num, s: int) -> Num:
    """Return ⌈n / s⌉ for a positive s."""
    return (n + s - 1) // s


def scaled(n: Num, scale: Fraction) -> Num:
    """Return ⌊n·scale⌋ as torch computes it: scale and product are rounded to float64.

    Where the scale is rounded up, the product never ends below a whole number that it should
    reach, and for sizes and scales of up to seven digits the floor is the exact one.

    Errors: a ValueError for a symbol where float64 is below the scale: no formula says for which
    multiples of its denominator the product is one less.

    Source: torch.nn.functional.interpolate with `scale_factor`.

    >>> scaled(90, Fraction(7, 10)), scaled(80, Fraction(7, 10)), scaled(7, Fraction(3, 2))
    (62, 56, 10)
    """
    factor = float(scale)
    if isinstance(n, int):
        return floor(n * factor)
    if hasattr(n, "astype"):  # an array
        return (n * factor).astype("int64")
    if Fraction(factor) < scale:
        raise ValueError(f"a size times {scale} depends on float64: there is no formula")
    return n * scale.numerator // scale.denominator


def slide(
    n: Num, k: int, s: int = 1, lo: int = 0, hi: int = 0, d: int = 1, ceil: bool = False
) -> Num:
    """Count the positions of a window along an axis: ⌊(n + lo + hi − d(k−1) − 1)/s⌋ + 1.

    With `ceil`, ⌈…⌉ instead, without a last window that would start in the padding after the
    input: (out − 1)·s < n + lo.

    Source: `ceil_mode` of torch.nn.MaxPool2d.

    >>> slide(227, 11, 4), slide(7, 3, 3), slide(7, 3, 3, ceil=True)
    (55, 2, 3)
    """
    return (n + slide_offset(k, s, lo, hi, d, ceil)) // s


def slide_offset(k: int, s: int, lo: int, hi: int, d: int, ceil: bool) -> int:
    """Return the constant a with which a window has ⌊(n + a)/s⌋ positions on every size n."""
    reach = lo + hi - d * (k - 1)
    return min(reach + 2 * s - 2, lo + s - 1) if ceil else reach + s - 1
