"""Puts a word of the graph, such as `name` or `expect`, beside the operator of a layer."""

from __future__ import annotations

from ...checking.repair.edited_text import Replacement
from ...language.steps import Step
from ..places import Places


def word_beside(places: Places, step: Step, word: str, value: str) -> Replacement | None:
    """Return the change that sets a word of a layer; None if the text does not allow it."""
    marks, text = step.marks, places.text
    start, end = places.span(marks)
    if "&" in text[start : start + 1] or text[start : start + 1] == "*":
        return None
    if word in marks.items:
        return Replacement(*places.span(marks.items[word]), value)
    if not marks.keys:  # a bare word
        line = places.line_of(start)
        before = text[places.start_of_line(line) : start]
        if before.strip(" -"):
            return Replacement(start, end, f"{{{step.key}: , {word}: {value}}}")
        indent = " " * len(before)
        return Replacement(start, end, f"{step.key}:\n{indent}{word}: {value}")
    if text[start : start + 1] == "{":
        last = len(text[: end - 1].rstrip())
        return Replacement(last, last, f", {word}: {value}")
    line = places.line_of(start)
    indent = " " * (start - places.start_of_line(line))
    end = max(end, *(places.key(marks, key)[1] + 1 for key in marks.keys))
    at = places.end_of_line(places.line_of(min(end, len(text)))) if end < len(text) else len(text)
    return Replacement(at, at, f"\n{indent}{word}: {value}")
