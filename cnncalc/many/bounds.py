"""The smallest and the largest value of an array: what operations and comparisons make of them.

They are Python's own integers. So a result that may not fit in 64 bits is refused before it is
computed, and most comparisons with a limit need no pass over the values.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

LIMIT = 2**62
MOST_VALUES = 2**22  # of one array
Bounds = tuple[int, int]


def fits(bounds: Bounds) -> bool:
    return bounds[0] >= -LIMIT and bounds[1] <= LIMIT


def products(a: int, b: int, c: int, d: int) -> Bounds:
    if a >= 0 and c >= 0:
        return a * c, b * d
    corners = (a * c, a * d, b * c, b * d)
    return min(corners), max(corners)


def extremes(values: np.ndarray[Any, Any]) -> Bounds:
    return int(values.min()), int(values.max())


def _apart_or(answer: bool) -> Callable[[int, int, int, int], bool | None]:
    return lambda a, b, c, d: answer if b < c or d < a else None


# What bounds a to b of one value and c to d of the other decide about a comparison.
DECIDED: dict[Any, Callable[[int, int, int, int], bool | None]] = {
    operator.lt: lambda a, b, c, d: True if b < c else False if a >= d else None,
    operator.le: lambda a, b, c, d: True if b <= c else False if a > d else None,
    operator.gt: lambda a, b, c, d: True if a > d else False if b <= c else None,
    operator.ge: lambda a, b, c, d: True if a >= d else False if b < c else None,
    operator.eq: _apart_or(False),
    operator.ne: _apart_or(True),
}
