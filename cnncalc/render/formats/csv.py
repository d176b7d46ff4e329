"""Writes comma-separated values."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from typing import Any

from ...foreign import visible, without_command
from ...wording import DASH, shape_text

_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
_NUMBER = re.compile(r"[-+][\d.×/]+")


class Csv:
    """Rows of plain numbers and text; shapes have ×, and cells that do not apply are empty.

    A spreadsheet would compute a text that begins with `=`, `+`, `-` or `@`, and such a formula may
    send other cells to a server, so the text gets a `'` in front. Each row is one line. Programs
    that need the exact text should read the JSON.
    """

    def __init__(self, *rows: Iterable[Any]) -> None:
        self.rows = rows

    def written(self, colour: bool = False) -> str:
        """Write the rows."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows(map(_cell, row) for row in self.rows)
        return "\n".join(map(without_command, out.getvalue().removesuffix("\n").split("\n")))


def _cell(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return shape_text(value)
    if not isinstance(value, str):
        return value
    if value == DASH:
        return None
    shown = visible(value)
    is_formula = _FORMULA.match(shown) and not _NUMBER.fullmatch(shown)
    return f"'{shown}" if is_formula else shown
