"""Reads a model file: rows of [from, number, module, arguments], scaled in depth and width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake

_WIDE = ("Conv", "C3", "C2f", "SPPF", "Bottleneck")  # their first argument is a number of channels
_DEEP = ("C3", "C2f")  # they repeat a part of themselves


class Row(NamedTuple):
    """A row: which layers it reads, how often it repeats, and what it is.

    `read` counts layers from 0; -1 is the input of the network.
    """

    read: tuple[int, ...]
    number: int
    module: str
    arguments: tuple[Any, ...]


class Scale(NamedTuple):
    """How a size of a model changes the numbers in its file."""

    depth: Any = 1
    width: Any = 1
    most_channels: Any = float("inf")


def rows_of(data: Mapping[str, Any], name: str) -> Iterator[Row]:
    """Yield the rows of a model file, backbone first. The name of the file may end with a size.

    Errors: a Mistake with CNN404 that names the row if it is none.
    """
    scale = _scale(data, name)
    classes = data.get("nc", 80)
    rows = [*data.get("backbone", ()), *data.get("head", ())]
    for n, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 4:
            message = f"row {n} is not a list of [from, number, module, arguments]: {row}"
            raise Mistake(Diagnostic("CNN404", message))
        sources, number, module, given = row
        arguments = [data.get(a, a) if isinstance(a, str) else a for a in given]
        if module in _WIDE and arguments and arguments[0] != classes:
            arguments[0] = _channels(arguments[0], scale)
        if number > 1:
            number = max(round(number * scale.depth), 1)
        if module in _DEEP:
            arguments.insert(1, number)
            number = 1
        listed = sources if isinstance(sources, list) else [sources]
        read = tuple(n + source if source < 0 else source for source in listed)
        yield Row(read, number, str(module).removeprefix("nn."), tuple(arguments))


def _channels(channels: int, scale: Scale) -> int:
    """Return a scaled number of channels: the next multiple of 8.

    >>> _channels(1024, Scale(1, 0.25, 1024)), _channels(100, Scale())
    (256, 104)
    """
    wide: float = min(channels, scale.most_channels) * scale.width
    return ceil(wide / 8) * 8


def _scale(data: Mapping[str, Any], name: str) -> Scale:
    """Return the scale: that of the size which the name ends with, or the first one."""
    scales = data.get("scales")
    if not scales:
        return Scale(data.get("depth_multiple", 1), data.get("width_multiple", 1))
    size = re.search(r"([nslmx])(?:-\w+)?\Z", name)
    chosen = size[1] if size and size[1] in scales else next(iter(scales))
    return Scale(*scales[chosen])
