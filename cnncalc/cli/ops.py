"""The command ops: lists and explains the operators."""

from __future__ import annotations

from typing import Annotated

import typer

from . import options as o
from .output import present


def ops(
    name: Annotated[
        str | None,
        typer.Argument(
            help="an operator, such as conv, or its name in torch, Keras, TensorFlow, ONNX or"
            " Caffe, such as Conv2d (default: list all)",
            metavar="NAME",
        ),
    ] = None,
    format: o.ReportFormat = o.Format.table,
    output: o.Output = None,
) -> None:
    """List the operators, or explain one: its fields, its arithmetic and its names elsewhere.

    Examples:
        Explain the convolution:
        cnncalc ops conv
        Find the operator for torch's BatchNorm2d:
        cnncalc ops BatchNorm2d
    """
    from ..analysis.ops import operators, worked

    if name is None:
        present("ops", format.value, output, operators())
    else:
        present("op", format.value, output, worked(name))
