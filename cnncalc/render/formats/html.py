"""Writes HTML for notebooks: a heading, a table, and sentences below it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ...foreign import visible


class Html:
    """A part of a page. Texts are shown as they are; nothing in them is a tag."""

    def __init__(self) -> None:
        self._blocks: list[str] = []

    def heading(self, words: str) -> None:
        """Add a line in bold."""
        self._blocks.append(f"<p><strong>{_text(words)}</strong></p>")

    def paragraph(self, words: str) -> None:
        """Add a paragraph."""
        self._blocks.append(f"<p>{_text(words)}</p>")

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Add labels in bold, each with its fact, on lines of their own."""
        shown = [f"<strong>{_text(label)}</strong> {_text(said)}" for label, said in rows]
        self._blocks.append(f"<p>{'<br>'.join(shown)}</p>")

    def lines(self, text: str) -> None:
        """Add lines that keep their blanks."""
        shown = "\n".join(map(_text, text.split("\n")))
        self._blocks.append(f"<pre>{shown}</pre>")

    def hidden(self, label: str, part: Html) -> None:
        """Add a part that is seen after a click on its label."""
        inside = part.written()
        shown = f"<summary>{_text(label)}</summary>\n{inside}"
        self._blocks.append(f"<details>\n{shown}\n</details>")

    def table(
        self,
        head: Sequence[str],
        numeric: Sequence[bool],
        rows: Iterable[Sequence[str]],
        ends: Sequence[str] | None = None,
        bars: Sequence[Sequence[float]] = (),
    ) -> None:
        """Add a table, with numeric columns right-aligned, and `ends` as its last line in bold.

        `bars` has a part of 1 for each cell of each row, as long as which the cell has a bar.
        """
        aligned = ["right" if right else "left" for right in numeric]
        parts = ["<table>", "<thead>", _row("th", head, aligned), "</thead>", "<tbody>"]
        for number, row in enumerate(rows):
            parts.append(_row("td", row, aligned, bars[number] if bars else ()))
        parts.append("</tbody>")
        if ends is not None:
            parts += ["<tfoot>", _row("th", ends, aligned), "</tfoot>"]
        self._blocks.append("\n".join([*parts, "</table>"]))

    def written(self, colour: bool = False) -> str:
        """Write the blocks."""
        return "\n".join(self._blocks)


_BAR = "rgba(68, 119, 170, .3)"  # seen on white and on black


def _row(tag: str, cells: Sequence[str], aligned: Sequence[str], bars: Sequence[float] = ()) -> str:
    written = []
    for number, (cell, side) in enumerate(zip(cells, aligned)):
        style = f"text-align: {side}; white-space: nowrap; font-variant-numeric: tabular-nums"
        part = bars[number] if bars else 0
        if part:
            end = f"{100 * (1 - part):.0f}%"
            style += f"; background: linear-gradient(to right, transparent {end}, {_BAR} {end})"
        written.append(f'<{tag} style="{style}">{_text(cell)}</{tag}>')
    return f"<tr>{''.join(written)}</tr>"


def _text(words: str) -> str:
    return escape(visible(words))
