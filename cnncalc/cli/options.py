"""Options and formats that several commands share."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ..conventions import CONVENTIONS

Spec = Annotated[
    str,
    typer.Argument(
        help="a file, file#variant, a bundled name such as vgg16, or - for standard input",
        metavar="SPEC",
    ),
]
Variant = Annotated[str | None, typer.Option("--variant", help="a variant of the spec")]
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
Convention = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        autocompletion=lambda: list(CONVENTIONS),
        help=f"how cost is counted: {', '.join(CONVENTIONS)}",
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


HOW = typer.Option("--format", help="how to print it")
ReportFormat = Annotated[Format, HOW]
MeasuredFormat = Annotated[Screen, HOW]
