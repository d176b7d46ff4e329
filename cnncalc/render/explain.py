"""The arithmetic of a layer as text."""

from __future__ import annotations

from ..analysis.explain import Quantity
from ..analysis.result import Report
from .formats.lines import Lines


def text(report: Report, path: str, lines: list[Quantity]) -> Lines:
    """Write what a layer or block is, and a line for each of its quantities."""
    row = report.row(path)
    head = f"{row.op} on {', '.join(row.inputs)}" if row else "a block"
    return Lines(f"{path}: {head}", *(f"  {what:<12}{how}" for what, how in lines))
