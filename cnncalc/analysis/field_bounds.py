"""Finds what the fields of an operator need of symbols: that they are within the fields' bounds."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, get_args

from annotated_types import Ge, Gt, Le, Lt

from ..num import Num
from ..ops.base import Op
from ..ops.field_types import LARGEST
from ..poly import Poly, PolyRatio, numerator


def field_margins(op: Op) -> Iterator[Num]:
    """Yield margins that must be 0 or more, for each symbolic field and each bound of it."""
    fields = op.fields()
    for name, value in vars(op).items():
        if name not in fields:
            continue
        for part in value if type(value) is tuple else (value,):
            if isinstance(part, (Poly, PolyRatio)):
                bounds = _bounds([*fields[name].metadata, fields[name].annotation])
                # The limit of all numbers is left out: whole ranges up to it say nothing.
                told = (one for one in bounds if not isinstance(one, Le) or one.le != LARGEST)
                yield from (_margin(part, bound) for bound in told)


def _margin(value: Poly | PolyRatio, bound: Ge | Gt | Le | Lt) -> Num:
    """Return what is 0 or more where a value keeps to a bound."""
    if isinstance(bound, Ge):
        return numerator(value - _exact(bound.ge))
    if isinstance(bound, Gt):
        return numerator(value - _exact(bound.gt)) - 1
    if isinstance(bound, Le):
        return numerator(_exact(bound.le) - value)
    return numerator(_exact(bound.lt) - value) - 1


def _exact(bound: Any) -> Fraction | int:
    return bound if isinstance(bound, int) else Fraction(repr(bound))


def _bounds(parts: Any) -> list[Ge | Gt | Le | Lt]:
    """Return the bounds of the first type that has any."""
    found = [part for part in parts if isinstance(part, (Ge, Gt, Le, Lt))]
    if found:
        return found
    for part in parts:
        metadata = [*getattr(part, "metadata", ()), *getattr(part, "__metadata__", ())]
        inner = _bounds([*metadata, *get_args(part)]) if metadata or get_args(part) else []
        if inner:
            return inner
    return []
