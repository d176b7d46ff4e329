"""Shapes, numbers and plurals in words: one function an idea, for messages, tables and pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .num import Num

DASH = "–"  # for what does not exist or does not apply


def shape_text(shape: Iterable[Num]) -> str:
    """Write a shape with × between its sizes.

    >>> shape_text((3, 224, 224))
    '3×224×224'
    """
    return "×".join(str(n) for n in shape)


def axes_text(values: tuple[Any, ...] | None, unknown: str = "?") -> str:
    """Write one value for equal axes, otherwise one each; `unknown` where there is none.

    >>> axes_text((11, 11)), axes_text((3, 7)), axes_text(("all", None)), axes_text(None)
    ('11', '3×7', 'all×?', '–')
    """
    if not values:
        return DASH
    texts = [unknown if value is None else str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def value_text(value: Any) -> str:
    """Write a figure or a setting for people, with thousands separated.

    >>> value_text(138357544), value_text((64, 7, 7)), value_text(True), value_text(None)
    ('138,357,544', '64×7×7', 'true', '–')
    """
    if value is None:
        return DASH
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (tuple, list)):
        if all(isinstance(part, int) for part in value):
            return shape_text(value) or DASH
        return ", ".join(map(value_text, value)) or DASH
    return str(value)


def short(count: int) -> str:
    """Write a count in four digits with a unit; small counts are whole.

    >>> short(15470264320), short(102_760_448), short(1792)
    ('15.47 G', '102.8 M', '1,792')
    """
    if count < 10_000:
        return f"{count:,}"
    scaled = float(count)
    for unit in ("K", "M", "G", "T", "P", "E"):
        scaled /= 1000
        if scaled >= 1_000_000:
            continue
        for places in (3, 2, 1):
            if len(text := f"{scaled:.{places}f}") <= 5:
                return f"{text} {unit}"
    return f"{count:.1e}"


def bytes_text(count: int) -> str:
    """Write a number of bytes in MiB or KiB.

    >>> bytes_text(60950432), bytes_text(2048), bytes_text(12)
    ('58.1 MiB', '2.0 KiB', '12 bytes')
    """
    if count >= 2**20:
        return f"{count / 2**20:,.1f} MiB"
    if count >= 2**10:
        return f"{count / 2**10:,.1f} KiB"
    return f"{count} bytes"


def duration_text(seconds: float) -> str:
    """Write a duration in three digits.

    >>> duration_text(0.0123), duration_text(0.00123), duration_text(12)
    ('12.3 ms', '1.23 ms', '12.0 s')
    """
    if seconds >= 10:
        return f"{seconds:.1f} s"
    if seconds >= 0.1:
        return f"{seconds * 1e3:,.0f} ms"
    if seconds >= 1e-2:
        return f"{seconds * 1e3:.1f} ms"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.2f} ms"
    return f"{seconds * 1e6:.0f} µs"


def plural(n: int, word: str) -> str:
    """Write a count of things: ``1 file``, ``2 files``."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def article(number: str) -> str:
    """Return ``a`` or ``an``, as a number or shape is read aloud."""
    first = number.partition("×")[0]
    return "an" if first[0] == "8" or first in ("11", "18") else "a"
