"""Tables of values that occur often: each is written once, and then named by its number."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any


class Table:
    """Different values, in the order in which they were first met."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable, written: Any = None) -> int:
        """Return the number of a value. `written` is what the table holds for it, if not itself."""
        known = self._numbers.get(value)
        if known is None:
            known = self._numbers[value] = len(self.values)
            self.values.append(value if written is None else written)
        return known

    def written(self) -> Any:
        """Return the values, for the page."""
        return self.values
