"""The figures that boxes may show, such as the parameters of their layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....analysis.figures import SUMMED
from ....analysis.result import Report
from ....analysis.structure import Cell
from ....diagnostic import Diagnostic, Mistake, misspelled
from ....foreign import visible
from ....wording import bytes_text, short

_WORDS = {
    "macs": "MACs",
    "flops": "FLOPs",
    "trainable_params": "trainable",
    "frozen_params": "frozen",
    "activation_bytes": "",
}


def known(names: Sequence[str]) -> Sequence[str]:
    """Return the names of figures if boxes can show all of them.

    Errors: a Mistake for an unknown one.
    """
    for name in names:
        if name not in SUMMED:
            fault = Diagnostic("CNN422", f"a figure cannot show `{visible(name)}`")
            raise Mistake(misspelled(fault, name, SUMMED, f"it shows {', '.join(SUMMED)}"))
    return names


def figures_of(report: Report, names: Sequence[str]) -> Callable[[Cell], list[str]]:
    """Return what writes the figures of a cell: sums over all its layers, one a line."""
    first = len(report.graph.inputs)

    def lines(cell: Cell) -> list[str]:
        rows = [report.rows[n - first] for n in cell.every]
        sums = [(name, sum(getattr(row, name) for row in rows)) for name in names]
        return [_line(name, value) for name, value in sums if value]

    return lines


def _line(name: str, value: int) -> str:
    if "bytes" in name:
        return bytes_text(value)
    return f"{short(value)} {_WORDS.get(name, name)}"
