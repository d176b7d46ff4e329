"""Puts a word of the graph, such as `name` or `expect`, beside the operator of a layer."""

from __future__ import annotations

from ...checking.repair.edited_text import Replacement
from ...language.steps import Step
from ...language.yaml_tree import Marks
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
        at = max(_end(places, marks, key) for key in marks.keys)
        comma = " , " if text[at - 1] == ":" else ", "
        return Replacement(at, at, f"{comma}{word}: {value}")
    line = places.line_of(start)
    indent = " " * (start - places.start_of_line(line))
    end = max(end, *(places.key(marks, key)[1] + 1 for key in marks.keys))
    at = places.end_of_line(places.line_of(min(end, len(text)))) if end < len(text) else len(text)
    return Replacement(at, at, f"\n{indent}{word}: {value}")


def _end(places: Places, marks: Marks, key: str) -> int:
    """Return where a key ends with its colon and its value, as far as it has these."""
    _, end = places.key(marks, key)
    end += places.text[end : end + 1] == ":"
    start, until = places.span(marks.items[key])
    return until if start < until else end
