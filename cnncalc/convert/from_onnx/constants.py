"""Constants of an ONNX file: small ones with their values, and weights with their sizes alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product as positions
from math import isfinite, prod
from typing import NamedTuple

from ...num import Shape
from ...trace import Weight
from ..layers import Unknown

Number = int | float
MOST_VALUES = 65_536  # of a constant that is computed
BY_TWO: Mapping[str, Callable[..., Number]] = {
    "Add": lambda a, b: a + b,
    "Sub": lambda a, b: a - b,
    "Mul": lambda a, b: a * b,
    "Max": max,
    "Min": min,
    "Equal": lambda a, b: int(a == b),
    "Greater": lambda a, b: int(a > b),
    "GreaterOrEqual": lambda a, b: int(a >= b),
    "Less": lambda a, b: int(a < b),
    "LessOrEqual": lambda a, b: int(a <= b),
    "And": lambda a, b: int(bool(a) and bool(b)),
    "Or": lambda a, b: int(bool(a) or bool(b)),
}


class Constant(NamedTuple):
    """A tensor that does not depend on the inputs.

    `names` are those of the weights that it is computed from; `values` is None if it is not small.
    `table` has the sizes of the weight whose values it has, at any places; None if it has others.
    """

    sizes: Shape
    values: tuple[Number, ...] | None
    is_float: bool = False
    names: tuple[str, ...] = ()
    whole: bool = True  # whether it has the values of one weight, in any order
    table: Shape | None = None

    @property
    def number(self) -> Number | None:
        """Return its value if it has a single one."""
        return self.values[0] if self.values is not None and len(self.values) == 1 else None

    def listed(self) -> tuple[Number, ...]:
        """Return its values. Errors: Unknown if they are not known."""
        if self.values is None:
            raise Unknown("it depends on values that are not read")
        return self.values

    def integers(self) -> tuple[int, ...]:
        """Return its values as integers. Errors: Unknown if they are not known, or not finite."""
        values = self.listed()
        if not all(map(isfinite, values)):
            raise Unknown("it reads whole numbers from values that are not finite")
        return tuple(map(int, values))

    def weight(self, is_parameter: bool = True) -> Weight:
        """Return it as what is trained."""
        value = None if self.number is None else float(self.number)
        trained = is_parameter and self.is_float
        parts = () if self.table is None else (self.table,)
        return Weight(self.names, self.sizes, trained, is_parameter, self.whole, value, parts=parts)

    def moved(self, sizes: Shape, values: Sequence[Number] | None) -> Constant:
        """Return the same values in another order or shape."""
        return self._replace(sizes=sizes, values=None if values is None else tuple(values))


def whole_numbers(values: Sequence[int], sizes: Shape | None = None) -> Constant:
    """Return a constant of integers: a vector, if no sizes are given."""
    return Constant((len(values),) if sizes is None else sizes, tuple(values))


def stretched(*shapes: Shape) -> Shape:
    """Return the sizes of tensors of these sizes that are broadcast to one another.

    Errors: Unknown if they do not fit.
    """
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    found = []
    for sizes in zip(*padded):
        others = {size for size in sizes if size != 1}
        if len(others) > 1:
            raise Unknown(f"sizes {sorted(others)} do not fit one another")
        found.append(others.pop() if others else 1)
    return tuple(found)


def expanded(given: Constant, sizes: Shape) -> Constant:
    """Return a constant broadcast to these sizes."""
    if given.sizes == sizes:
        return given
    if prod(sizes) > MOST_VALUES or given.values is None:
        return given._replace(sizes=sizes, values=None, whole=False)
    own = (1,) * (len(sizes) - len(given.sizes)) + given.sizes
    steps = strides(own)
    values = []
    for place in positions(*map(range, sizes)):
        at = sum(n * step for n, step, size in zip(place, steps, own) if size > 1)
        values.append(given.values[at])
    return given._replace(sizes=sizes, values=tuple(values))


def strides(sizes: Shape) -> list[int]:
    """Return how far apart in a list the neighbours along each axis are."""
    found = [1] * len(sizes)
    for axis in range(len(sizes) - 2, -1, -1):
        found[axis] = found[axis + 1] * sizes[axis + 1]
    return found


def together(one: Callable[..., Number], *given: Constant) -> Constant:
    """Compute each value from those of several constants at its place."""
    sizes = stretched(*(each.sizes for each in given))
    names = tuple(dict.fromkeys(name for each in given for name in each.names))
    is_float = any(each.is_float for each in given)
    lists = [expanded(each, sizes).values for each in given]
    if any(values is None for values in lists):
        alone = sum(1 for each in given if each.names) == 1
        whole = alone and any(each.sizes == sizes and each.whole for each in given if each.names)
        return Constant(sizes, None, is_float, names, whole)
    return Constant(sizes, tuple(one(*values) for values in zip(*map(tuple, lists))), is_float)  # type: ignore[arg-type]


def taken(given: Constant, axes: Sequence[Sequence[int]]) -> Constant:
    """Return the values at some places of each axis."""
    sizes = tuple(map(len, axes))
    if given.values is None or prod(sizes) > MOST_VALUES:
        return given._replace(sizes=sizes, values=None, whole=sizes == given.sizes)
    steps = strides(given.sizes)
    values = [
        given.values[sum(n * step for n, step in zip(place, steps))] for place in positions(*axes)
    ]
    return given.moved(sizes, values)


def turned(given: Constant, order: Sequence[int]) -> Constant:
    """Return a constant with its axes in another order."""
    sizes = tuple(given.sizes[axis] for axis in order)
    if given.values is None:
        return given.moved(sizes, None)
    own = strides(given.sizes)
    steps = [own[axis] for axis in order]
    places = positions(*map(range, sizes))
    values = [given.values[sum(n * step for n, step in zip(at, steps))] for at in places]
    return given.moved(sizes, values)


def joined(given: Sequence[Constant], axis: int) -> Constant:
    """Return constants one after another along an axis."""
    sizes = list(given[0].sizes)
    sizes[axis] = sum(each.sizes[axis] for each in given)
    names = tuple(dict.fromkeys(name for each in given for name in each.names))
    is_float = any(each.is_float for each in given)
    if any(each.values is None for each in given) or prod(sizes) > MOST_VALUES:
        return Constant(tuple(sizes), None, is_float, names, len(given) == 1)
    rows = [(each.listed(), prod(each.sizes[axis:])) for each in given]
    values: list[Number] = []
    for n in range(prod(sizes[:axis])):
        for listed, length in rows:
            values += listed[n * length : (n + 1) * length]
    return Constant(tuple(sizes), tuple(values), is_float, names)
