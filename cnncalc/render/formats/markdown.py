"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(
    head: Sequence[str],
    numeric: Iterable[bool],
    rows: Iterable[Sequence[str]],
    *,
    compact: bool = False,
) -> list[str]:
    """Return the lines of a table, numeric columns right-aligned.

    `compact` is a rule without blanks under the headings.
    """
    rule = " | ".join(map(_rule, numeric))
    return [
        " ".join(["|", *(f"{title} |".lstrip() for title in head)]),
        f"|{rule.replace(' ', '')}|" if compact else f"| {rule} |",
        *(f"| {' | '.join(map(_escaped, row))} |" for row in rows),
    ]


def _rule(numeric: bool) -> str:
    return "---:" if numeric else "---"


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
