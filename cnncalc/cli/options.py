"""Options that several commands share, and what stands behind their words."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Optional

import typer

from ..conventions import CONVENTIONS
from ..diagnostic import Diagnostic, Mistake, misspelled

Spec = Annotated[
    str,
    typer.Argument(
        help="a file, file#variant, a bundled name such as vgg16, or - for standard input",
        metavar="SPEC",
    ),
]
Variant = Annotated[Optional[str], typer.Option("--variant", help="a variant of the spec")]  # noqa: UP045 (typer reads it at run time)
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="replace a parameter; may be repeated"),
]
Input = Annotated[
    list[str] | None,
    typer.Option("--input", metavar="3x227x227", help="another input, or NAME=3x227x227"),
]
Batch = Annotated[int, typer.Option("--batch", help="images at a time")]
Output = Annotated[
    str | None, typer.Option("-o", "--output", metavar="FILE", help="write to a file")
]


class Dtype(str, Enum):
    """Types of the values."""

    float64, float32, float16, bfloat16, int8 = "float64", "float32", "float16", "bfloat16", "int8"


Convention = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        autocompletion=lambda: list(CONVENTIONS),
        help=f"how cost is counted: {', '.join(CONVENTIONS)}",
    ),
]


class Format(str, Enum):
    """Formats of a report."""

    table, json, csv, markdown = "table", "json", "csv", "markdown"


class Screen(str, Enum):
    """Formats of what was measured."""

    table, json = "table", "json"


def one_variant(spec: Any, variant: str | None) -> str | None:
    """The variant of a command line, which may name it in SPEC or by --variant."""
    if variant is not None and spec.variant not in (None, variant):
        raise Mistake(
            Diagnostic(
                "CNN111",
                f"--variant {variant}, but SPEC names the variant {spec.variant}",
                help="name one of them",
            )
        )
    return variant


def settings(pairs: list[str] | None) -> dict[str, Any]:
    """``depth=3`` → {"depth": 3}; values are read as in a spec."""
    given: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not equals or not name or not value.strip():
            raise Mistake(
                Diagnostic(
                    "CNN111", f"--set takes NAME=VALUE, not `{pair}`", help="--set classes=10"
                )
            )
        add(given, name.strip(), value, "--set", pair)
    return given


def arguments(texts: list[str] | None) -> tuple[list[Any], dict[str, Any]]:
    """``10`` is an argument by place, ``classes=10`` one by name; values are read as in a spec."""
    places: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if equals and name.strip().isidentifier():
            add(named, name.strip(), value, "--args", text)
        else:
            add(places, str(len(places)), text, "--args", text)
    return [plain(value) for value in places.values()], {
        name: plain(value) for name, value in named.items()
    }


def plain(value: Any) -> Any:
    """Fractions as the floats that Python code expects."""
    from fractions import Fraction

    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return (
        [plain(inner) for inner in value]
        if isinstance(value, (list, tuple))
        else float(value)
        if isinstance(value, Fraction)
        else value
    )


def add(given: dict[str, Any], name: str, value: str, option: str, text: str) -> None:
    """One more value of an option that may be repeated."""
    from ..language.yaml_tree import parse

    if not value.strip():
        raise Mistake(Diagnostic("CNN111", f"{option} {text} gives no value"))
    if name in given:
        raise Mistake(Diagnostic("CNN111", f"{option} {name} is given twice"))
    try:
        given[name] = parse(value, option)[0]
    except Mistake as mistake:
        raise Mistake(
            Diagnostic("CNN111", f"{option} {text}: {mistake.diagnostics[0].message}")
        ) from None


def input_shapes(texts: list[str] | None) -> Any:
    """``3x227x227`` → (3, 227, 227); with names, a mapping."""
    if not texts:
        return None
    shapes = {}
    for text in texts:
        name, equals, sizes = text.rpartition("=")
        parts = sizes.replace("×", "x").replace(",", "x").lower().split("x")
        if (name if equals else "") in shapes:
            raise Mistake(Diagnostic("CNN111", f"--input {text}: this input is given twice"))
        if not all(
            part.strip().isdecimal() and part.isascii() and len(part) <= 10 for part in parts
        ):
            raise Mistake(
                Diagnostic("CNN111", f"--input takes sizes such as 3x227x227, not `{text}`")
            )
        shapes[name if equals else ""] = tuple(int(part) for part in parts)
    if "" in shapes and len(shapes) > 1:
        raise Mistake(
            Diagnostic(
                "CNN111", "--input with and without a name", help="name each: --input left=3x64x64"
            )
        )
    return shapes.get("", shapes)


def positive(value: int, option: str) -> int:
    """A count from 1 up."""
    if not 1 <= value <= 10**9:
        raise Mistake(
            Diagnostic("CNN111", f"{option} takes a number from 1 to 1,000,000,000, not {value:,}")
        )
    return value


def numbers(text: str, option: str) -> list[int]:
    """``1,8,64`` → [1, 8, 64]."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdecimal() and len(part) < 11 for part in parts):
        raise Mistake(Diagnostic("CNN111", f"{option} takes numbers such as 1,8,64, not `{text}`"))
    return [positive(int(part), option) for part in parts]


def chosen_columns(text: str | None) -> tuple[str, ...] | None:
    """``path,params`` → the columns' keys."""
    from ..render.columns import COLUMNS

    if text is None:
        return None
    keys = tuple(key.strip() for key in text.split(","))
    for key in keys:
        if key not in COLUMNS:
            raise Mistake(
                misspelled(
                    Diagnostic("CNN111", f"no column is called `{key}`"),
                    key,
                    COLUMNS,
                    f"columns are {', '.join(COLUMNS)}",
                )
            )
    return keys
