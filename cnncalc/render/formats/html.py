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

    def table(
        self,
        head: Sequence[str],
        numeric: Sequence[bool],
        rows: Iterable[Sequence[str]],
        ends: Sequence[str] | None = None,
    ) -> None:
        """Add a table, with numeric columns right-aligned, and `ends` as its last line in bold."""
        styles = [' style="text-align: right"' if right else "" for right in numeric]
        styles = [style or ' style="text-align: left"' for style in styles]
        parts = ["<table>", "<thead>", _row("th", head, styles), "</thead>", "<tbody>"]
        parts += [_row("td", row, styles) for row in rows]
        parts.append("</tbody>")
        if ends is not None:
            parts += ["<tfoot>", _row("th", ends, styles), "</tfoot>"]
        self._blocks.append("\n".join([*parts, "</table>"]))

    def written(self, colour: bool = False) -> str:
        """Write the blocks."""
        return "\n".join(self._blocks)


def _row(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    written = (f"<{tag}{style}>{_text(cell)}</{tag}>" for cell, style in zip(cells, styles))
    return f"<tr>{''.join(written)}</tr>"


def _text(words: str) -> str:
    return escape(visible(words))
