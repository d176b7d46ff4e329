"""Writes pages in Markdown, for CommonMark and GitHub."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...foreign import visible

_ESCAPED = re.compile(
    r"\\(?=[!-/:-@\[-`{-~]|$)"  # before a letter, a backslash is plain text
    r"|[|`$]|\](?=[(\[:])"  # which a link needs after its text
    r"|[*~](?!\s)|(?<!\s)[*~]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # but not in conv1_1
    r"|\#(?!\w)"
)
_ENTITY = re.compile(r"&(?=#?\w+;)")
# GitHub finds mentions, issues, emoji and addresses in plain text.
_FOUND = re.compile(r"@(?=\S)|\#(?=\w)|:(?=[\w+-]+:)|/(?=/)|(?<=[wW]{3})(?=\.)")
_APART = "<!-- -->"  # stops GitHub from finding them
_BLOCK = re.compile(r"[-+*>=:]|\d+(?=[.)])")


class Bold(str):
    """A text in bold."""


class Page:
    """A page of headings, paragraphs, lists and tables.

    Text is shown as it is, but text in `backticks` is code.
    """

    def __init__(self) -> None:
        self._blocks: list[str] = []

    def heading(self, words: str) -> None:
        """Add a heading."""
        self._blocks.append(f"### {_inline(words)}")

    def paragraph(self, words: str) -> None:
        """Add a paragraph."""
        text = _inline(words).strip()
        if block := _BLOCK.match(text):
            mark = block[0]
            text = f"{mark}\\{text[len(mark) :]}" if mark.isdigit() else f"\\{text}"
        self._blocks.append(text)

    def table(
        self,
        head: Sequence[str],
        numeric: Iterable[bool],
        rows: Iterable[Sequence[str]],
        *,
        compact: bool = False,
    ) -> None:
        """Add a table, with numeric columns right-aligned.

        `compact` leaves out the blanks in the rule under the headings.
        """
        rule = " | ".join(map(_rule, numeric))
        lines = [
            " ".join(["|", *(f"{_inline(title)} |".lstrip() for title in head)]),
            f"|{rule.replace(' ', '')}|" if compact else f"| {rule} |",
            *(f"| {' | '.join(map(_cell, row))} |" for row in rows),
        ]
        self._blocks.append("\n".join(lines))

    def entries(self, entries: Iterable[tuple[str, str]]) -> None:
        """Add a list of texts, each after its label."""
        self._blocks.append(
            "\n".join(f"- **{_inline(label)}**: {_inline(text)}" for label, text in entries)
        )

    def written(self, colour: bool = False) -> str:
        """Write the blocks, with an empty line between them."""
        return "\n\n".join(self._blocks)


def _rule(numeric: bool) -> str:
    return "---:" if numeric else "---"


def _cell(words: str) -> str:
    if isinstance(words, Bold):
        return f"**{_inline(words)}**" if words else ""
    return _inline(words)


def _inline(words: str) -> str:
    """Return a text on one line, with code in backticks, and escapes in the rest."""
    parts = visible(words).split("`")
    if len(parts) % 2 == 0:  # the last backtick has no partner
        parts[-2:] = ["`".join(parts[-2:])]
    parts[::2] = map(_text, parts[::2])
    parts[1::2] = map(_code, parts[1::2])
    return "".join(parts)


def _code(text: str) -> str:
    """Return a text as code, or as plain text if a `|` in it would end the cell of a table."""
    return _text(f"`{text}`") if "|" in text or not text.strip() else f"`{text}`"


def _text(text: str) -> str:
    text = _ENTITY.sub("&amp;", text)
    text = _ESCAPED.sub(r"\\\g<0>", text)
    return _FOUND.sub(rf"\g<0>{_APART}", text.replace("<", "&lt;"))
