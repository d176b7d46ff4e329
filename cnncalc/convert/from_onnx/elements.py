"""The types of the numbers in an ONNX file, and how they are decoded."""

from __future__ import annotations

from struct import Struct, pack

# By the numbers of TensorProto.DataType, the letters of `struct`.
INTEGERS = {2: "B", 3: "b", 4: "H", 5: "h", 6: "i", 7: "q", 9: "?", 12: "I", 13: "Q"}
FLOATS = {1: "f", 10: "e", 11: "d", 16: ""}  # float, half, double, and bfloat16, which is not read
FLOAT32 = 1


def decoded(data: bytes, kind: int, count: int) -> tuple[int | float, ...] | None:
    """Return `count` numbers from little-endian bytes; None for a type that is not read.

    Errors: struct.error if there are too few bytes.
    """
    letter = INTEGERS.get(kind) or FLOATS.get(kind)
    if not letter:
        return None
    found = Struct(f"<{count}{letter}").unpack_from(data)
    return tuple(map(shortest, found)) if kind == FLOAT32 else tuple(map(_plain, found))


def _plain(value: int | float) -> int | float:
    return int(value) if isinstance(value, bool) else value


def shortest(value: float) -> float:
    """Return the number with the fewest digits that has this value in float32.

    >>> shortest(0.009999999776482582)
    0.01
    """
    if value != value or value in (float("inf"), float("-inf")) or value == int(value):
        return value
    for digits in range(6, 9):
        rounded = float(f"{value:.{digits}g}")
        if pack("<f", rounded) == pack("<f", value):
            return rounded
    return float(f"{value:.9g}")
