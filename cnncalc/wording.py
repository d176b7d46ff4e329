"""Write shapes, numbers and plurals for messages, tables and pages, one function for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from .at_least import AtLeast
from .num import Num

if TYPE_CHECKING:
    from .size_set import SizeSet

DASH = "–"  # for what does not exist or does not apply
UNKNOWN = "?"  # for what exists, but is not known
_MOST_LISTED = 8  # runs of sizes outside a rule that are named


def shape_text(shape: Iterable[Num]) -> str:
    """Write a shape with × between its sizes.

    >>> shape_text((3, 224, 224))
    '3×224×224'
    """
    return "×".join(str(n) for n in shape)


def axes_text(values: tuple[Any, ...] | None, unknown: str = "?") -> str:
    """Write one value if all axes are equal, otherwise one for each; `unknown` replaces None.

    >>> axes_text((11, 11)), axes_text((3, 7)), axes_text(("all", None)), axes_text(None)
    ('11', '3×7', 'all×?', '–')
    """
    if not values:
        return DASH
    texts = [unknown if value is None else str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def value_text(value: Any) -> str:
    """Write a figure or a setting for people, with separators between thousands.

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


def figure_text(what: str, value: Any) -> str:
    """Write a figure for people; a latency, which is in nanoseconds, as a duration.

    >>> figure_text("macs", 1200), figure_text("latency", 1_234_000)
    ('1,200', '1.23 ms')
    """
    if what.startswith("latency") and isinstance(value, int):
        return duration_text(value * 1e-9)
    return value_text(value)


def short(count: int) -> str:
    """Write a count with four digits and a unit; counts below 10,000 have all their digits.

    >>> short(15470264320), short(102_760_448), short(1792)
    ('15.47 G', '102.8 M', '1,792')
    """
    if isinstance(count, AtLeast):
        return _partly_unknown(count, short)
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
    """Write a number of bytes, in MiB or KiB if it is large.

    >>> bytes_text(60950432), bytes_text(2048), bytes_text(12)
    ('58.1 MiB', '2.0 KiB', '12 bytes')
    """
    if isinstance(count, AtLeast):
        return _partly_unknown(count, bytes_text)
    if count >= 2**20:
        return f"{count / 2**20:,.1f} MiB"
    if count >= 2**10:
        return f"{count / 2**10:,.1f} KiB"
    return f"{count} bytes"


def megabytes_text(count: int) -> str:
    """Write a number of bytes in MB, which are 10⁶ bytes each, with about four digits.

    >>> megabytes_text(2218507360), megabytes_text(60950432), megabytes_text(240)
    ('2,219 MB', '60.95 MB', '240 bytes')
    """
    if isinstance(count, AtLeast):
        return _partly_unknown(count, megabytes_text)
    if count < 1000:
        return f"{count} bytes"
    scaled = count / 10**6
    places = next(places for places in range(4) if scaled >= 10 ** (3 - places) or places == 3)
    return f"{scaled:,.{places}f} MB"


def _partly_unknown(count: AtLeast, written: Callable[[int], str]) -> str:
    """Write what is known of a count."""
    return f"≥ {written(int(count))}" if int(count) else UNKNOWN


def duration_text(seconds: float) -> str:
    """Write a duration with three digits.

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


def percent_text(part: int, whole: int) -> str:
    """Write a part in percent of the whole, without the sign; a dash if there is none.

    It is `?` where the part, or the whole, is not known.

    >>> percent_text(4097000, 62378344), percent_text(1, 62378344), percent_text(0, 5)
    ('6.6', '0.0', '–')
    """
    if not part:
        return DASH
    if isinstance(part, AtLeast) or isinstance(whole, AtLeast):
        return UNKNOWN
    return f"{100 * part / whole:.1f}"


def plural(n: int, word: str) -> str:
    """Write a count of things: ``1 file``, ``2 files``."""
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


def listed(words: Iterable[str]) -> str:
    """Write ``a, b and c``; ``nothing`` for no words."""
    *some, last = [*words] or ["nothing"]
    return f"{', '.join(some)} and {last}" if some else last


def either(words: Sequence[str]) -> str:
    """Write a choice of words.

    >>> either(["sgd"]), either(["sgd", "adam", "adamw"])
    ('sgd', 'sgd, adam or adamw')
    """
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def article(number: str) -> str:
    """Return ``a`` or ``an``, whichever fits a number or shape when it is read aloud."""
    first = number.partition("×")[0]
    return "an" if first[0] == "8" or first in ("11", "18") else "a"


def sizes_text(sizes: SizeSet, symbol: str = "N", unit: int = 1) -> str:
    """Write a set of sizes as a rule, with a symbol for the size.

    The sizes are `unit` times the symbol, such as 20 times a width that goes in steps of 0.05.

    >>> from .quasilinear import QuasiLinear
    >>> from .size_set import SizeSet
    >>> f = QuasiLinear.size() + 4
    >>> sizes_text(SizeSet.all()), sizes_text((f - f // 16 * 16).zero())
    ('any N', 'N ≡ 12 mod 16')
    """
    modulus, residues, start, early = sizes.pattern
    if unit > 1 and modulus > 1:
        symbol, unit = f"{unit}·{symbol}", 1  # residues are of whole numbers
    listed = _runs(early, unit)
    if len(listed) > _MOST_LISTED:
        listed[_MOST_LISTED:] = ["…"]
    if start is None:
        return f"{symbol} = {_either(listed)}" if listed else f"no {symbol}"
    parts = []
    if residues == (0,) and modulus > 1:
        parts.append(f"{symbol} a multiple of {modulus}")
    elif modulus > 1:
        parts.append(f"{symbol} ≡ {_either(_runs(residues))} mod {modulus}")
    if any(n % modulus in residues for n in range(max(start - modulus, 1), start)):
        parts.append(f"{symbol} ≥ {number_text(Fraction(start, unit))}")
    text = ", ".join(parts) or f"any {symbol}"
    return f"{text}; also {_either(listed)}" if listed else text


def number_text(value: Fraction | int) -> str:
    """Write a number of a parameter: as a decimal if it has few digits, else as a fraction.

    >>> number_text(5), number_text(Fraction(5, 4)), number_text(Fraction(1, 3))
    ('5', '1.25', '1/3')
    """
    written = f"{float(value):.6f}".rstrip("0").rstrip(".")
    return written if Fraction(written) == value else str(value)


def steps_text(symbol: str, unit: int) -> str:
    """Write in which steps a symbol goes: ``width a multiple of 0.25``."""
    return f"{symbol} a multiple of {number_text(Fraction(1, unit))}"


def _either(texts: Sequence[str]) -> str:
    """Write alternatives: ``0, 1 or 31``."""
    *others, last = texts
    return f"{', '.join(others)} or {last}" if others else last


def _runs(numbers: Sequence[int], unit: int = 1) -> list[str]:
    """Write runs of three numbers or more as ``17–31``, each divided by `unit`."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    texts: list[str] = []
    for run in runs:
        written = [number_text(Fraction(n, unit)) for n in run]
        texts += [f"{written[0]}–{written[-1]}"] if len(run) > 2 else written
    return texts
