"""The texts of arithmetic: sentences that differ in their numbers and layers alone are one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .tables import Table

NUMBER, LAYER = "#", "@"  # what stands in a sentence for a large number, and for a path
_VARIABLE = re.compile(r"\b[1-9][0-9]{0,2}(?:,[0-9]{3})+\b|\b\w+(?:\.\w+)+\b")


class Texts(Table):
    """Different texts. One with large numbers or paths is a list: its sentence, then these."""

    def __init__(self, numbers: Mapping[str, int]) -> None:
        """Start with the numbers of the layers, by their paths."""
        super().__init__()
        self.sentences = Table()
        self._layers = numbers

    def text_number(self, text: str) -> int:
        """Return the number of a text."""
        return self.number(text, self._written(text))

    def _written(self, text: str) -> str | list[int]:
        if NUMBER in text or LAYER in text:
            return text
        values: list[int] = []

        def place(found: re.Match[str]) -> str:
            word = found[0]
            if "," in word:
                values.append(int(word.replace(",", "")))
                return NUMBER
            if word not in self._layers:
                return word
            values.append(self._layers[word])
            return LAYER

        sentence = _VARIABLE.sub(place, text)
        return [self.sentences.number(sentence), *values] if values else text

    def written(self) -> dict[str, Any]:
        """Return the sentences and the texts."""
        return {"sentences": self.sentences.values, "texts": self.values}
