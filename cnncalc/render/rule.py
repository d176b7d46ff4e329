"""Writes rules for people: the page of one, or a line for each."""

from __future__ import annotations

from collections.abc import Iterable

from ..rules import Rule
from .formats.lines import Lines
from .formats.wrapped import wrapped

_FENCE = "```"


def page(text: str, width: int | None) -> Lines:
    """Write a page of Markdown; on a terminal of `width` columns, text breaks between words."""
    lines: list[str] = []
    is_code = False
    for line in text.split("\n"):
        is_code ^= line.startswith(_FENCE)
        lines += [line] if is_code or not line.strip() else wrapped(line, width)
    return Lines(*lines)


def listed(rules: Iterable[Rule], width: int | None) -> Lines:
    """Write a line for each rule: its code, its severity and its title."""
    lines: list[str] = []
    for rule in rules:
        start = f"{rule.code} {rule.severity:<7} "
        lines += wrapped(rule.title, width, start, " " * len(start))
    return Lines(*lines)
