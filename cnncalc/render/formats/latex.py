r"""Writes pages in LaTeX, to be read into a document; they need no package.

What looks like arithmetic, such as ``(227 + 2·0 − 11)/4 + 1 = 55``, becomes a formula with
fractions. Everything else is text in which no character is a command.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...foreign import visible

_TEXT = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "#$%&_{}"},
    "–": "--",
    "…": r"\dots{}",
    "→": r"$\to$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": r"$-$",
}
_FORMULA = {
    "·": r" \cdot ",
    "×": r" \times ",
    "−": "-",
    "→": r"\to",
    "⌈": r"\lceil ",
    "⌉": r" \rceil",
    "⌊": r"\lfloor ",
    "⌋": r" \rfloor",
}
# A number, or numbers and signs between them; a comma belongs to a number alone.
_ARITHMETIC = re.compile(
    r"(?<![\w.])[(⌈⌊]*\d(?:[\d.()⌈⌉⌊⌋·×+−/=→ ]|,(?=\d{3}))*(?<=[\d)⌉⌋])(?![\w.])"
)


class Latex:
    """Headings, each with a table of quantities below."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def heading(self, words: str) -> None:
        """Add a heading."""
        self._lines += ["", f"\\paragraph{{{_plain(words)}}}"][0 if self._lines else 1 :]

    def table(self, rows: Iterable[Sequence[str]]) -> None:
        """Add a table of labels and arithmetic."""
        self._lines.append(r"\begin{tabular}{@{}lp{0.8\linewidth}@{}}")
        for label, words in rows:
            self._lines.append(f"{_plain(label)} & {_mixed(words)} \\\\")
        self._lines.append(r"\end{tabular}")

    def written(self, colour: bool = False) -> str:
        """Write the lines."""
        return "\n".join(self._lines)


def _plain(words: str) -> str:
    return "".join(_TEXT.get(character, character) for character in visible(words))


def _mixed(words: str) -> str:
    """Return a text with its arithmetic as formulas."""
    shown = visible(words)
    parts = []
    end = 0
    for match in _ARITHMETIC.finditer(shown):
        if match[0].count("(") == match[0].count(")"):
            parts += [_plain(shown[end : match.start()]), f"${_formula(match[0])}$"]
            end = match.end()
    return "".join([*parts, _plain(shown[end:])])


def _formula(arithmetic: str) -> str:
    """Return arithmetic as a formula; a sum in brackets over a number becomes a fraction."""
    for slash in reversed([n for n, character in enumerate(arithmetic) if character == "/"]):
        arithmetic = _with_fraction(arithmetic, slash)
    formula = re.sub(r",(?=\d{3})", "{,}", arithmetic)
    return re.sub(r" {2,}", " ", "".join(_FORMULA.get(one, one) for one in formula)).strip()


def _with_fraction(arithmetic: str, slash: int) -> str:
    """Replace the quotient at a slash by a fraction."""
    above, below = arithmetic[:slash], arithmetic[slash + 1 :]
    start = _operand(above)
    number = re.match(r"\d+", below)
    if number is None or start == slash:
        return arithmetic
    top = above[start:]
    if top.startswith("("):
        top = top[1:-1]
    rest = below[number.end() :]
    return f"{above[:start]}\\frac{{{top}}}{{{number[0]}}}{rest}"


def _operand(text: str) -> int:
    """Return where the number or the sum in brackets begins that a text ends with."""
    if not text.endswith(")"):
        found = re.search(r"[\d,.]+$", text)
        return found.start() if found else len(text)
    depth = 0
    for n in range(len(text) - 1, -1, -1):
        depth += (text[n] == ")") - (text[n] == "(")
        if depth == 0:
            return n
    return len(text)
