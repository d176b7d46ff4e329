"""Offers to ignore a finding by a comment: on its line, or in the whole file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ...checking.finding import Finding
from ...checking.repair.edited_text import Replacement
from ..places import Places
from .action import Action

_CODES = re.compile(r"#\s*cnncalc:\s*ignore\s*\[([^\]]*)\]")


def ignore(places: Places, findings: Iterable[Finding]) -> Iterator[Action]:
    """Yield the comments that ignore findings; errors of the YAML itself cannot be ignored."""
    for finding in findings:
        code, position = finding.diagnostic.code, finding.diagnostic.position
        if position is None or code.startswith(("CNN0", "CNN113", "CNN9")):
            continue
        line = places.line_of(places.start(position))
        text, end = places.of_line(line), places.end_of_line(line)
        known = _CODES.search(text)
        if known is not None:
            at = places.start_of_line(line) + known.end(1)
            change = Replacement(at, at, f", {code}" if known[1].strip() else code)
        elif "#" in text:
            indent = text[: len(text) - len(text.lstrip())]
            at = places.start_of_line(line)
            change = Replacement(at, at, f"{indent}# cnncalc: ignore[{code}]\n")
        else:
            bare = end - (len(text) - len(text.rstrip()))
            change = Replacement(bare, end, f" # cnncalc: ignore[{code}]")
        yield Action(f"Ignore {code} on this line", "quickfix", (change,), finding)
        top = Replacement(0, 0, f"# cnncalc: ignore-file[{code}]\n")
        yield Action(f"Ignore {code} in this file", "quickfix", (top,), finding)
