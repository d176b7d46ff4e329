"""The command size: computes one window, or several after each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..diagnostic import Mistake, misspelled
from .command import Chained
from .option_values import sizes_of, usage
from .output import put, text_width

if TYPE_CHECKING:
    from ..analysis.windows import Window

COMMAND = Chained
_WORDS = ("valid", "same", "full")


def size(
    ctx: typer.Context,
    n: Annotated[
        str, typer.Argument(help="size of the input: 224, or 224x160 for two axes", metavar="N")
    ],
    kernel: Annotated[
        str,
        typer.Option("-k", "--kernel", metavar="F", help="size of the window: 3, or 3x5"),
    ],
    stride: Annotated[
        str, typer.Option("-s", "--stride", metavar="S", help="step of the window")
    ] = "1",
    padding: Annotated[
        str,
        typer.Option(
            "-p",
            "--padding",
            metavar="P",
            help="zeros on each side, `0,1` for other numbers before and after, or valid, same or"
            " full; a transposed window removes so many",
        ),
    ] = "0",
    dilation: Annotated[
        str,
        typer.Option("-d", "--dilation", metavar="D", help="distance between the window's points"),
    ] = "1",
    ceil: Annotated[bool, typer.Option("--ceil", help="round the result up, not down")] = False,
    transposed: Annotated[
        bool, typer.Option("-t", "--transposed", help="enlarge, as a transposed convolution does")
    ] = False,
    output_padding: Annotated[
        str,
        typer.Option(
            "--output-padding", metavar="E", help="positions that -t adds at the end of the output"
        ),
    ] = "0",
    draw: Annotated[
        bool, typer.Option("--draw", help="draw what the first and last windows cover")
    ] = False,
) -> None:
    """Compute the output size of a window, (N + 2P − F)/S + 1, and say what would fit exactly.

    After the word `then`, the options of another window may follow, which reads the output of the
    one before. Each axis may have its own value: 3x5.

    Examples:
        Compute the first layer of AlexNet:
        cnncalc size 227 --kernel 11 --stride 4
        Compute the first two layers of ResNet, and what they see together:
        cnncalc size 224 -k 7 -s 2 -p 3 then -k 3 -s 2 -p 1
    """
    from ..render.size import AXES, text

    axes = sizes_of(n, "N")
    if len(axes) > len(AXES):
        raise usage(f"N has at most {len(AXES)} sizes, not {len(axes)}")
    later = ctx.obj or []
    windows = [_windows(options, len(axes)) for options in (ctx.params, *later)]
    drawn = draw or any(options["draw"] for options in later)
    put(text(axes, list(zip(*windows)), text_width(), drawn))


def _windows(options: dict[str, Any], count: int) -> list[Window]:
    """Return the window along each axis that the options describe."""
    from ..analysis.windows import Window

    kernel, stride = _each(options, "kernel", "-k", count), _each(options, "stride", "-s", count)
    dilation = _each(options, "dilation", "-d", count)
    extra = _each(options, "output_padding", "--output-padding", count, smallest=0)
    padding = _paddings(options["padding"], count)
    windows = [
        Window(k, s, p, d, options["ceil"], options["transposed"], e)
        for k, s, p, d, e in zip(kernel, stride, padding, dilation, extra)
    ]
    for window in windows:
        _refuse(window)
    return windows


def _refuse(window: Window) -> None:
    """Refuse options that have no meaning together."""
    if not window.transposed and window.extra:
        raise usage("--output-padding is for transposed windows", "add --transposed")
    if window.transposed and (window.ceil or not isinstance(window.padding, int)):
        what = "--ceil" if window.ceil else "-p with a word or with two numbers"
        raise usage(f"{what} is not for transposed windows")
    if window.ceil and window.padding == "same":
        raise usage("--ceil has no effect with `-p same`, which keeps the last window")
    if window.transposed and window.extra >= (most := max(window.stride, window.dilation)):
        smaller = f"--output-padding must be smaller than the stride or the dilation, {most}"
        raise usage(f"{smaller}; it is {window.extra}")


def _each(
    options: dict[str, Any], name: str, option: str, count: int, smallest: int = 1
) -> tuple[int, ...]:
    """Return the numbers of an option, one for each axis."""
    return _spread(sizes_of(options[name], option, smallest), option, count)


def _paddings(text: str, count: int) -> tuple[int | tuple[int, int] | str, ...]:
    """Parse ``1``, ``1x2``, ``0,1`` and ``same``, for each axis."""
    if text in _WORDS:
        return (text,) * count
    if text.isalpha():
        fault = usage(f"-p takes a number, valid, same or full, not `{text}`").diagnostics[0]
        raise Mistake(misspelled(fault, text, _WORDS))
    parts: list[int | tuple[int, int]] = []
    for part in text.lower().replace("×", "x").split("x"):
        sides = [sizes_of(side, "-p", 0)[0] for side in part.split(",")]
        if len(sides) > 2:
            raise usage(f"-p takes one number or two for each axis, not `{part}`", "-p 0,1")
        low, high = sides[0], sides[-1]
        parts.append(low if low == high else (low, high))
    return _spread(tuple(parts), "-p", count)


def _spread(values: tuple[Any, ...], option: str, count: int) -> tuple[Any, ...]:
    """Return one value for each axis; a single one is for all."""
    if len(values) not in (1, count):
        raise usage(f"{option} has {len(values)} values, but N has {count}")
    return values * count if len(values) == 1 else values
