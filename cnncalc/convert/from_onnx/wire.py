"""Reads the wire format of protocol buffers, from bytes that may be damaged or hostile.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10  # bytes: 64 bits in groups of 7
_LONGEST_TEXT = 10_000  # bytes of a string that are read
_MOST_FIELDS = 2_000_000  # of a file; a network has some ten for each node and weight
_FLOAT, _DOUBLE = Struct("<f"), Struct("<d")


class Damaged(Exception):
    """The bytes are not the message that they should be."""


class Span(NamedTuple):
    """A stretch of bytes: a string, or a message inside another one."""

    start: int
    end: int


class Budget:
    """Counts the fields that are read of a file, so that it ends."""

    def __init__(self) -> None:
        self._left = _MOST_FIELDS

    def spend(self) -> None:
        """Count one field. Errors: Damaged if there are too many."""
        self._left -= 1
        if self._left < 0:
            raise Damaged(f"it has more than {_MOST_FIELDS:,} fields")


class Message(NamedTuple):
    """A message in a file: its fields are read one by one, and what is not asked for is skipped."""

    data: memoryview
    span: Span
    budget: Budget

    def fields(self) -> Iterator[tuple[int, int | float | Span]]:
        """Yield the number and the value of each field, in the order of the file.

        Integers are unsigned. A float and a double are numbers; everything else is a span.

        Errors: Damaged for a field that does not end before its message does.
        """
        data, (at, end) = self.data, self.span
        while at < end:
            self.budget.spend()
            tag, at = _varint(data, at, end)
            number, kind = tag >> 3, tag & 7
            if kind == _VARINT:
                value, at = _varint(data, at, end)
                yield number, value
            elif kind == _BYTES:
                length, at = _varint(data, at, end)
                if length > end - at:
                    raise Damaged(f"a field at byte {at:,} has {length:,} bytes, {end - at:,} left")
                yield number, Span(at, at + length)
                at += length
            elif kind in (_FIXED32, _FIXED64):
                form = _FLOAT if kind == _FIXED32 else _DOUBLE
                if form.size > end - at:
                    raise Damaged(f"it is cut off at byte {end:,}")
                yield number, form.unpack_from(data, at)[0]
                at += form.size
            else:
                raise Damaged(f"byte {at:,} does not begin a field")

    def inner(self, value: int | float | Span) -> Message:
        """Return a message inside this one."""
        return Message(self.data, _span(value), self.budget)

    def raw(self, span: Span, most: int) -> bytes:
        """Return the first bytes of a field."""
        return bytes(self.data[span.start : min(span.end, span.start + most)])

    def text(self, value: int | float | Span) -> str:
        """Return the beginning of a string, which is most often all of it."""
        return self.raw(_span(value), _LONGEST_TEXT).decode("utf-8", "replace")

    def integers(self, value: int | float | Span, most: int) -> list[int]:
        """Return one integer, or those of a packed field; they are signed.

        Errors: Damaged if there are more than `most`.
        """
        if isinstance(value, int):
            return [signed(value)]
        at, end = _span(value)
        found: list[int] = []
        while at < end:
            if len(found) >= most:
                raise Damaged(f"a list at byte {at:,} has more than {most:,} integers")
            number, at = _varint(self.data, at, end)
            found.append(signed(number))
        return found


def _span(value: int | float | Span) -> Span:
    if isinstance(value, Span):
        return value
    raise Damaged("a number is where a message or a string should be")


def signed(value: int) -> int:
    """Return a 64-bit integer in two's complement as the number that it means."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _varint(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """Return the integer at a byte, and where the next field begins."""
    found = 0
    for n in range(min(_LONGEST_VARINT, end - at)):
        byte = data[at + n]
        found |= (byte & 127) << 7 * n
        if byte < 128:
            return found & (1 << 64) - 1, at + n + 1
    if end - at < _LONGEST_VARINT:
        raise Damaged(f"it is cut off at byte {end:,}")
    raise Damaged(f"byte {at:,} does not begin an integer")
