"""Sets of small numbers as the bits of an int, which Python unites and shifts at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def first_bits(count: int) -> int:
    """Return the set of the numbers from 0 to count - 1.

    Example:
        >>> bin(first_bits(3))
        '0b111'
    """
    return (1 << count) - 1


def bits_of(numbers: Iterable[int]) -> int:
    """Return a set of numbers."""
    if isinstance(numbers, range) and numbers.step == 1:
        return first_bits(len(numbers)) << numbers.start
    found = 0
    for number in numbers:
        found |= 1 << number
    return found


def members(bits: int) -> Iterator[int]:
    """Yield the numbers in a set, the smallest first."""
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest


def spread(bits: int, step: int) -> int:
    """Return the set of step·n for each n of a set.

    Example:
        >>> bin(spread(0b1011, 2))
        '0b1000101'
    """
    if step == 0:
        return 1 if bits else 0
    return bits if step == 1 else int(("0" * (step - 1)).join(f"{bits:b}"), 2)


def shifted(bits: int, by: int) -> int:
    """Return the set of n + by for each n of a set, without those below 0."""
    return bits << by if by >= 0 else bits >> -by
