"""Options and formats that several commands share."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

from ..conventions import CONVENTIONS


def choice(option: str, words: type[Enum], help: str) -> Any:
    """Return an option that takes one of these words; its help lists them."""
    listed = ", ".join(word.value for word in words)
    metavar = option.rpartition("-")[2].upper()
    return typer.Option(option, metavar=metavar, help=f"{help}: {listed}")


class Optimizer(str, Enum):
    """Optimizers of torch whose memory is known."""

    none, sgd, momentum, adam = "none", "sgd", "momentum", "adam"
    adamw, rmsprop, adagrad = "adamw", "rmsprop", "adagrad"


class Amp(str, Enum):
    """16-bit types of automatic mixed precision."""

    float16, bfloat16 = "float16", "bfloat16"


Spec = Annotated[
    str,
    typer.Argument(
        help="a file, file#variant, a bundled name such as vgg16, or - for standard input",
        metavar="SPEC",
    ),
]
Variant = Annotated[
    str | None, typer.Option("--variant", metavar="NAME", help="the variant of the spec to use")
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
        help="use another input shape, such as 3x227x227, or NAME=3x227x227 if the spec has several"
        " inputs",
    ),
]
Depth = Annotated[
    str | None,
    typer.Option(
        "--depth",
        metavar="N",
        help="show each block at this depth as one line; 1 is the outermost, and `all` shows"
        " every layer. On a terminal, long lists of layers are folded unless this is given",
    ),
]
Batch = Annotated[int, typer.Option("--batch", metavar="N", help="images per batch")]
AllowCode = Annotated[
    bool,
    typer.Option(
        "--allow-code", help="import and run the classes that `opaque` layers of the spec name"
    ),
]
FoldBn = Annotated[
    bool,
    typer.Option(
        "--fold-bn",
        help="count the network with batch normalizations folded into the filters before them",
    ),
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", metavar="FILE", help="write to a file instead of the screen"),
]
Convention = Annotated[
    str,
    typer.Option(
        "--convention",
        metavar="NAME",
        autocompletion=lambda: list(CONVENTIONS),
        help=f"the convention that counts the cost: {', '.join(CONVENTIONS)}",
    ),
]


class Dtype(str, Enum):
    """Types of the values."""

    float64, float32, float16, bfloat16, int8 = "float64", "float32", "float16", "bfloat16", "int8"


class Format(str, Enum):
    """Formats of a report."""

    table, json, csv, markdown = "table", "json", "csv", "markdown"


class Screen(str, Enum):
    """Formats of measurements."""

    table, json = "table", "json"


class Written(str, Enum):
    """Formats of a spec that is made of something else."""

    yaml, json = "yaml", "json"


ReportFormat = Annotated[Format, choice("--format", Format, "format of the output")]
MeasuredFormat = Annotated[Screen, choice("--format", Screen, "format of the output")]
