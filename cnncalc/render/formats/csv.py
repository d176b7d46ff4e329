"""Comma-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from ...wording import DASH, shape_text


def csv_text(rows: Iterable[Iterable[Any]]) -> str:
    """Write rows with plain numbers; a shape has ×, and what does not apply is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows(map(_cell, row) for row in rows)
    return out.getvalue().removesuffix("\n")


def _cell(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return shape_text(value)
    return None if value == DASH else value
