"""Knows the relations between numbers that networks have: multiples, parts, half a kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from ...language.expression import compiled
from .parts import ABSENT, Arg, Block, Text

Column = list[Any]
Named = tuple[str, Column]

_MOST_TIMES, _MOST_PARTS = 16, 64
_ROUNDED = (2, 3, 4, 6, 8, 16)
_ENOUGH = 3  # different values that a rare relation must explain


def related(column: Column, named: Sequence[Named]) -> Named | None:
    """Return an expression for numbers of channels by those that have names, and its values."""
    different = len({value for value in column if value is not ABSENT})
    kinds = [_equal, _multiple, _part]
    if different >= _ENOUGH:
        kinds += [_fraction, _rounded, _difference]
    for kind in kinds:
        for name, other in named:
            for text, values in kind(name, other, column, named):
                if _holds(column, values):
                    return text, values
    return None


def _holds(column: Column, values: Column) -> bool:
    return all(a is ABSENT or a == b and b is not ABSENT for a, b in zip(column, values))


def _mapped(other: Column, function: Callable[[int], int]) -> Column:
    """Compute with whole numbers; what is no number, such as `none`, has no value then."""
    return [function(value) if isinstance(value, int) else ABSENT for value in other]


def _first(column: Column, other: Column) -> tuple[int, int] | None:
    return next(
        (
            (a, b)
            for a, b in zip(column, other)
            if isinstance(a, int) and isinstance(b, int) and a and b
        ),
        None,
    )


def _equal(name: str, other: Column, column: Column, named: Sequence[Named]) -> Iterator[Named]:
    yield name, other


def _multiple(name: str, other: Column, column: Column, named: Sequence[Named]) -> Iterator[Named]:
    pair = _first(column, other)
    if pair and pair[0] % pair[1] == 0:
        times = pair[0] // pair[1]
        if 1 < times <= _MOST_TIMES:
            yield f"{times} * {name}", _mapped(other, lambda value: times * value)


def _part(name: str, other: Column, column: Column, named: Sequence[Named]) -> Iterator[Named]:
    pair = _first(column, other)
    if pair and pair[1] % pair[0] == 0:
        parts = pair[1] // pair[0]
        if 1 < parts <= _MOST_PARTS:
            yield f"{name} // {parts}", _mapped(other, lambda value: value // parts)


def _fraction(name: str, other: Column, column: Column, named: Sequence[Named]) -> Iterator[Named]:
    pair = _first(column, other)
    if pair:
        ratio = Fraction(*pair)
        times, parts = ratio.numerator, ratio.denominator
        if times > 1 and 1 < parts <= _MOST_TIMES:
            yield (
                f"{times} * {name} // {parts}",
                _mapped(other, lambda value: times * value // parts),
            )


def _rounded(name: str, other: Column, column: Column, named: Sequence[Named]) -> Iterator[Named]:
    for parts in _ROUNDED:
        for text in (
            f"{name} // {parts}",
            f"round({name} / {parts})",
            f"make_divisible({name} // {parts})",
        ):
            expression = compiled(text)
            yield text, _mapped(other, lambda value: expression.value({name: value}))


def _difference(
    name: str, other: Column, column: Column, named: Sequence[Named]
) -> Iterator[Named]:
    for less, values in named:
        if less != name:
            differences = [
                a - b if isinstance(a, int) and isinstance(b, int) else ABSENT
                for a, b in zip(other, values)
            ]
            yield f"{name} - {less}", differences


def window_relations(block: Block, k: int) -> Iterator[Named]:
    """Yield the paddings that keep sizes, by the kernel and dilation of the same item."""
    kernels = _texts(block, k, "kernel")
    dilations = _texts(block, k, "dilation")
    for kernel, taps in kernels:
        for dilation, spacing in dilations:
            half = f"{kernel} // 2" if isinstance(kernel, Text) else str(kernel // 2)
            values = [
                ABSENT if a is ABSENT or b is ABSENT else a // 2 * b for a, b in zip(taps, spacing)
            ]
            if not isinstance(dilation, Text):
                text = half if dilation == 1 else f"{dilation} * ({half})"
            elif half == "1":
                text = str(dilation)
            else:
                text = f"{dilation} * ({half})" if "/" in half else f"{half} * {dilation}"
            yield text, values


def _texts(block: Block, k: int, name: str) -> Iterator[tuple[Any, Column]]:
    """Yield the value of a field of an item as the text has it, and in each member, per axis."""
    arg = Arg(name)
    if (k, arg) not in block.values:
        one: Any = 1
        yield one, [1] * len(block.members)
        return
    text, column = block.values[k, arg], block.column(k, arg)
    if not isinstance(text, tuple):
        numbers = [value if type(value) is int else ABSENT for value in column]
        if isinstance(text, (int, Text)):
            yield text, numbers
        return
    for n, part in enumerate(text):
        entries = [v[n] if isinstance(v, tuple) and n < len(v) else ABSENT for v in column]
        if isinstance(part, (int, Text)):
            yield part, entries
