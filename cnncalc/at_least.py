"""Counts of which a part is unknown."""

from __future__ import annotations

from typing import Any


class AtLeast(int):
    """A count of which a part is unknown: it is this much, or more.

    Sums and multiples of it are such counts too, and so is a difference, of which the part that is
    known may be negative. In texts it is ``?`` if nothing of it is known. It equals no other
    number, and as a condition it holds; `int` returns the part that is known.

    >>> 3 + 2 * AtLeast(5), AtLeast(0) * 0
    (AtLeast(13), 0)
    >>> f"{AtLeast(1234):,}", str(AtLeast(0)), AtLeast(5) == 5
    ('≥ 1,234', '?', False)
    """

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        found = int.__add__(self, other)
        return found if found is NotImplemented else AtLeast(found)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        found = int.__sub__(self, other)
        return found if found is NotImplemented else AtLeast(found)

    def __rsub__(self, other: Any) -> Any:
        found = int.__rsub__(self, other)
        return found if found is NotImplemented else AtLeast(found)

    def __mul__(self, other: Any) -> Any:
        found = int.__mul__(self, other)
        if found is NotImplemented or type(other) is int and other == 0:
            return found
        return AtLeast(found)

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AtLeast) and int(self) == int(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((AtLeast, int(self)))

    def __bool__(self) -> bool:
        return True

    def __format__(self, spec: str) -> str:
        return f"≥ {format(int(self), spec)}" if int(self) else "?"

    def __str__(self) -> str:
        return format(self, "")

    def __repr__(self) -> str:
        return f"AtLeast({int(self)})"


def at_least(count: int, is_partly_unknown: bool) -> int:
    """Return a count as one of which a part is unknown, if that is so.

    Accepts:
        count: the part that is known.
        is_partly_unknown: whether there is another part.
    """
    return AtLeast(count) if is_partly_unknown else count
