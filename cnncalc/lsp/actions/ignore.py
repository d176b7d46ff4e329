"""Offers to ignore a finding by a comment: on its line, or in the whole file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...checking.finding import Finding
from ...checking.repair.edited_text import Replacement
from ...diagnostic import Mistake
from ...language.yaml_tokens import Token, tokens
from ..places import Places
from .action import Action

_CODES = re.compile(r"#\s*cnncalc:\s*ignore\s*\[([^\]]*)\]")


def ignore(places: Places, findings: Iterable[Finding]) -> Iterator[Action]:
    """Yield the comments that ignore findings; errors of the YAML itself cannot be ignored."""
    mark = int(places.text.startswith("\ufeff"))
    values = _values_of_several_lines(places)
    for finding in findings:
        code, position = finding.diagnostic.code, finding.diagnostic.position
        if position is None or code.startswith(("CNN0", "CNN113", "CNN9")):
            continue
        line = places.line_of(places.start(position))
        start = places.start_of_line(line)
        text, end = places.of_line(line), places.end_of_line(line)
        known = _CODES.search(text)
        change: Replacement | None
        if known is not None:
            at = start + known.end(1)
            change = Replacement(at, at, f", {code}" if known[1].strip() else code)
        elif "#" not in text and not _is_inside(end, values):
            bare = end - (len(text) - len(text.rstrip()))
            change = Replacement(bare, end, f" # cnncalc: ignore[{code}]")
        elif not _is_inside(start, values):
            indent = text[: len(text) - len(text.lstrip())]
            change = Replacement(start, start, f"{indent}# cnncalc: ignore[{code}]\n")
        else:
            change = None
        if change is not None:
            yield Action(f"Ignore {code} on this line", "quickfix", (change,), finding)
        top = Replacement(mark, mark, f"# cnncalc: ignore-file[{code}]\n")
        yield Action(f"Ignore {code} in this file", "quickfix", (top,), finding)


def _values_of_several_lines(places: Places) -> list[Token]:
    """Return the values that fill several lines; their lines cannot end in a comment."""
    try:
        found = tokens(places.text)
    except Mistake:
        return []
    return [one for one in found if places.line_of(one.start) < places.line_of(one.end)]


def _is_inside(offset: int, values: list[Token]) -> bool:
    return any(value.start < offset < value.end for value in values)
