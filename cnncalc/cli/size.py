"""The command size: one window by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from .option_values import from_zero, positive
from .output import say


def size(
    n: Annotated[int, typer.Argument(help="size of the input along one axis", metavar="N")],
    kernel: Annotated[int, typer.Option("-k", "--kernel", metavar="F", help="size of the window")],
    stride: Annotated[
        int, typer.Option("-s", "--stride", metavar="S", help="step of the window")
    ] = 1,
    padding: Annotated[
        int, typer.Option("-p", "--padding", metavar="P", help="zeros on each side")
    ] = 0,
    dilation: Annotated[
        int,
        typer.Option("-d", "--dilation", metavar="D", help="distance of the window's points"),
    ] = 1,
    ceil: Annotated[bool, typer.Option("--ceil", help="round the result up, not down")] = False,
) -> None:
    """Compute the output size of one window, (N + 2P − F)/S + 1, and what would fit exactly.

    Examples:
        The first layer of AlexNet:
        cnncalc size 227 --kernel 11 --stride 4
        A window that does not fit exactly:
        cnncalc size 224 -k 11 -s 4 -p 1
    """
    from ..analysis.size import one_window

    from_zero(padding, "-p", 10**9)
    for value, option in ((n, "N"), (kernel, "-k"), (stride, "-s"), (dilation, "-d")):
        positive(value, option)
    say(*one_window(n, kernel, stride, padding, dilation, ceil))
