"""Options and formats that several commands share."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

from ..conventions import CONVENTIONS


def choice(option: str, words: type[Enum], help: str) -> Any:
    """Return an option that takes one of some words, which its help lists."""
    listed = ", ".join(word.value for word in words)
    metavar = option.rpartition("-")[2].upper()
    return typer.Option(option, metavar=metavar, help=f"{help}: {listed}")


Spec = Annotated[
    str,
    typer.Argument(
        help="a file, file#variant, a bundled name such as vgg16, or - for standard input",
        metavar="SPEC",
    ),
]
Variant = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="the variant of the spec to take")
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME=VALUE", help="set a parameter of the spec; may be repeated"
    ),
]
Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        metavar="SHAPE",
        help="take another input shape, such as 3x227x227; where the spec has several inputs,"
        " NAME=3x227x227",
    ),
]
Batch = Annotated[int, typer.Option("--batch", metavar="N", help="images in a batch")]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="write to a file, not to the screen"),
]
Convention = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        autocompletion=lambda: list(CONVENTIONS),
        help=f"whose rules count the cost: {', '.join(CONVENTIONS)}",
    ),
]


class Dtype(str, Enum):
    """Types of the values."""

    float64, float32, float16, bfloat16, int8 = "float64", "float32", "float16", "bfloat16", "int8"


class Format(str, Enum):
    """Formats of a report."""

    table, json, csv, markdown = "table", "json", "csv", "markdown"


class Screen(str, Enum):
    """Formats of what was measured."""

    table, json = "table", "json"


ReportFormat = Annotated[Format, choice("--format", Format, "format of the output")]
MeasuredFormat = Annotated[Screen, choice("--format", Screen, "format of the output")]
