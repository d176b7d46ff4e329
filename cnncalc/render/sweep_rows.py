"""Writes variants of a sweep line by line, for files that may be long."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from ..at_least import AtLeast
from .formats.csv import Csv
from .formats.json import escaped
from .sweep import fraction_text, setting_text

Columns = dict[str, list[Any]]


class CsvRows:
    """Comma-separated values, with the names in the first line."""

    def head(self, names: list[str]) -> str:
        """Write the first line."""
        return Csv(names).written() + "\n"

    def lines(self, columns: Columns, figures: set[str]) -> str:
        """Write a line for each variant."""
        written = [
            [_plain(value, name in figures) for value in values] for name, values in columns.items()
        ]
        return Csv(*zip(*written)).written() + "\n"


class JsonRows:
    """One JSON object on each line."""

    def head(self, names: list[str]) -> str:
        """Write nothing: each line has the names."""
        return ""

    def lines(self, columns: Columns, figures: set[str]) -> str:
        """Write a line for each variant."""
        rows = (_known(dict(zip(columns, values))) for values in zip(*columns.values()))
        lines = (json.dumps(row, ensure_ascii=False, default=_number) for row in rows)
        return escaped("\n".join(lines)) + "\n"


def _known(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which figures that are partly unknown are null, with what is known."""
    partly = {name: int(value) for name, value in row.items() if isinstance(value, AtLeast)}
    if not partly:
        return row
    why = dict.fromkeys(partly, "layers do not declare it")
    return {**row, **dict.fromkeys(partly), "unknown": why, "at_least": partly}


def _plain(value: Any, is_figure: bool) -> Any:
    """Return a value as a cell of CSV: shapes have ×, lists of settings their brackets."""
    if type(value) in (int, str) or is_figure or value is None:
        return value
    return setting_text(value)


def _number(value: Any) -> Any:
    """Return a fraction as a number of JSON if it is decimal, else as "p/q"."""
    if not isinstance(value, Fraction):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    text = fraction_text(value)
    return text if "/" in text else float(text)
