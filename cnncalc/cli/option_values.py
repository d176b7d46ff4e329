"""Parses the values of options."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from ..diagnostic import Diagnostic, Mistake, misspelled

MOST_LISTED = 10_000  # sizes of a range
_FRACTION = re.compile(r"\d{1,10}(\.\d{1,10}|/[1-9]\d{0,9})\Z", re.ASCII)


def usage(message: str, help: str | None = None) -> Mistake:
    """Return a mistake in the arguments of a command."""
    return Mistake(Diagnostic("CNN111", message, help=help))


def settings(pairs: list[str] | None) -> dict[str, Any]:
    """Parse ``depth=3`` as {"depth": 3}; values are written as in a spec."""
    given: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name or not value.strip():
            raise usage(f"--set takes NAME=VALUE, not `{pair}`", "--set classes=10")
        _add(given, name.strip(), value, "--set", pair)
    return given


def arguments(texts: list[str] | None) -> tuple[list[Any], dict[str, Any]]:
    """Parse ``10`` as a positional argument and ``classes=10`` as a named one, as in a spec."""
    positional: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if equals and name.strip().isidentifier():
            _add(named, name.strip(), value, "--args", text)
        else:
            _add(positional, str(len(positional)), text, "--args", text)
    return list(map(_plain, positional.values())), {k: _plain(v) for k, v in named.items()}


def _plain(value: Any) -> Any:
    """Turn fractions into floats, which Python code expects."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    return float(value) if isinstance(value, Fraction) else value


def _add(given: dict[str, Any], name: str, value: str, option: str, text: str) -> None:
    """Add a value of an option that may be repeated."""
    from ..language.yaml_tree import parse

    if not value.strip():
        raise usage(f"{option} {text} has no value")
    if name in given:
        raise usage(f"{option} {name} is given twice")
    try:
        given[name] = parse(value, option)[0]
    except Mistake as mistake:
        raise usage(f"{option} {text}: {mistake.diagnostics[0].message}") from None


def input_shapes(texts: list[str] | None) -> Any:
    """Parse ``3x227x227`` as (3, 227, 227), and named shapes as a mapping; None for no shapes."""
    if not texts:
        return None
    shapes: dict[str, tuple[int, ...]] = {}
    for text in texts:
        before, equals, sizes = text.rpartition("=")
        name = before if equals else ""
        if name in shapes:
            raise usage(f"--input {text}: this input is given twice")
        parts = sizes.replace("×", "x").replace(",", "x").lower().split("x")
        if not all(map(_is_size, parts)):
            raise usage(f"--input takes sizes such as 3x227x227, not `{text}`")
        shapes[name] = tuple(map(int, parts))
    if "" in shapes and len(shapes) > 1:
        raise usage("--input is given with and without a name", "name each: --input left=3x64x64")
    return shapes.get("", shapes)


def _is_size(text: str) -> bool:
    return text.strip().isdecimal() and text.isascii() and len(text) <= 10


def positive(value: int, option: str) -> int:
    """Return a count; it must be from 1 to 1,000,000,000."""
    if not 1 <= value <= 10**9:
        raise usage(f"{option} takes a number from 1 to 1,000,000,000, not {value:,}")
    return value


def from_zero(value: int, option: str, most: int) -> int:
    """Return a count; it must be from 0 to `most`."""
    if not 0 <= value <= most:
        raise usage(f"{option} takes a number from 0 to {most:,}, not {value:,}")
    return value


def numbers(text: str, option: str) -> list[int]:
    """Parse ``1,8,64`` as [1, 8, 64]."""
    parts = [part.strip() for part in text.split(",")]
    if not all(map(_is_size, parts)):
        raise usage(f"{option} takes numbers such as 1,8,64, not `{text}`")
    return [positive(int(part), option) for part in parts]


def sizes(text: str | None, option: str) -> tuple[int, ...]:
    """Parse ``388x260`` as (388, 260); no sizes for None."""
    if text is None:
        return ()
    parts = text.replace("×", "x").replace(",", "x").lower().split("x")
    if not all(map(_is_size, parts)):
        raise usage(f"{option} takes sizes such as 388 or 388x260, not `{text}`")
    return tuple(positive(int(part), option) for part in parts)


def names(texts: list[str] | None, option: str) -> list[str]:
    """Parse ``H,W`` as ["H", "W"]; an option that is repeated adds to the list."""
    found = [name.strip() for text in texts or () for name in text.split(",")]
    if not all(found):
        raise usage(f"{option} takes names such as H,W")
    return found


def exact_numbers(texts: list[str] | None, option: str) -> dict[str, Fraction | int]:
    """Parse ``H=224,width=0.5`` as {"H": 224, "width": 1/2}."""
    found: dict[str, Fraction | int] = {}
    for pair in (pair for text in texts or () for pair in text.split(",")):
        name, equals, number = (part.strip() for part in pair.partition("="))
        if not equals or not name or not (_is_size(number) or _FRACTION.match(number)):
            raise usage(f"{option} takes a name and a number such as H=224, not `{pair}`")
        if name in found:
            raise usage(f"{option} {name} is given twice")
        value = Fraction(number)
        found[name] = value.numerator if value.denominator == 1 else value
    return found


def range_of(text: str | None, option: str) -> tuple[int, int] | None:
    """Parse ``200:600`` as (200, 600)."""
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not colon or not (_is_size(first) and _is_size(last)):
        raise usage(f"{option} takes a first and a last size such as 200:600, not `{text}`")
    found = positive(int(first), option), positive(int(last), option)
    if found[0] > found[1]:
        raise usage(f"{option} {text} is empty", f"{option} {last}:{first}")
    if found[1] - found[0] >= MOST_LISTED:
        count = f"{found[1] - found[0] + 1:,}"
        raise usage(f"{option} {text} has {count} sizes, and at most {MOST_LISTED:,} are listed")
    return found


def sizes_of(text: str, option: str, smallest: int = 1) -> tuple[int, ...]:
    """Parse ``3x5`` as (3, 5); each number is from `smallest` (0 or 1) to 1,000,000,000."""
    parts = text.replace("×", "x").lower().split("x")
    if not all(map(_is_size, parts)):
        raise usage(f"{option} takes a number such as 3, or 3x5 for two axes, not `{text}`")
    numbers = tuple(map(int, parts))
    if smallest:
        return tuple(positive(number, option) for number in numbers)
    return tuple(from_zero(number, option, 10**9) for number in numbers)


def paths(text: str | None, option: str) -> list[str]:
    """Parse ``stem,stage1.0`` as paths of layers; none if the option is not given."""
    if text is None:
        return []
    found = [part.strip() for part in text.split(",")]
    if not all(found):
        raise usage(f"{option} takes paths such as stem,stage1, not `{text}`")
    return found


def column_keys(text: str | None, view: str | None = None) -> tuple[str, ...] | None:
    """Parse ``path,params`` as the keys of columns, after those of a view; None for no keys.

    The name of a view stands for its columns. A column that comes twice is shown once.
    """
    from ..render.columns import COLUMNS, VIEWS

    words = [view] if view else []
    if text is not None:
        words += [word.strip() for word in text.split(",")]
    keys: list[str] = []
    for word in words:
        if word not in COLUMNS and word not in VIEWS:
            fault = Diagnostic("CNN111", f"no column is called `{word}`")
            known = f"the columns are {', '.join(COLUMNS)}; the views are {', '.join(VIEWS)}"
            raise Mistake(misspelled(fault, word, (*COLUMNS, *VIEWS), known))
        keys += VIEWS[word].split() if word in VIEWS else [word]
    return tuple(dict.fromkeys(keys)) or None


def depth_of(text: str) -> int:
    """Parse the value of --depth; ``all`` is deeper than any block."""
    if text == "all":
        return _DEEPEST
    if not _is_size(text):
        raise usage(f"--depth takes a number or `all`, not `{text}`")
    return positive(int(text), "--depth")


_DEEPEST = 10**9
