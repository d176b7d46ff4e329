"""The command size: one window by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from .option_values import from_zero, positive
from .output import say


def size(
    n: Annotated[int, typer.Argument(help="size of the input", metavar="N")],
    kernel: Annotated[int, typer.Option("-k", "--kernel", help="size of the window")],
    stride: Annotated[int, typer.Option("-s", "--stride", help="step of the window")] = 1,
    padding: Annotated[int, typer.Option("-p", "--padding", help="zeros on each side")] = 0,
    dilation: Annotated[
        int, typer.Option("-d", "--dilation", help="distance of the window's points")
    ] = 1,
    ceil: Annotated[bool, typer.Option("--ceil", help="round up")] = False,
) -> None:
    """One window by hand: (N + 2P − F)/S + 1, whether it fits, and what would."""
    from ..analysis.size import one_window

    from_zero(padding, "-p", 10**9)
    for value, option in ((n, "N"), (kernel, "-k"), (stride, "-s"), (dilation, "-d")):
        positive(value, option)
    say(*one_window(n, kernel, stride, padding, dilation, ceil))
