"""Edits of a spec's text that keep its style: a field set, a layer put in or taken out. None where the text does not allow it."""

from __future__ import annotations

import re
from typing import Any

from ...diagnostic import Edit
from ...language.expand import Scope
from ...language.expression import Expression
from ...language.spec import Spec
from ...language.steps import Step
from ...language.write import value as in_yaml
from ...language.yaml_tree import Marks
from .edited_text import Text

Edits = tuple[Edit, ...] | None


def setting(
    text: Text,
    spec: Spec,
    variant: str | None,
    step: Step,
    scope: Scope | None,
    field: str,
    value: Any,
) -> Edits:
    """A field of a layer, or the parameter that it takes its value from, however many blocks further out that is set."""
    written = step.body.get(field)
    name = written.text.strip() if isinstance(written, Expression) else None
    if name is None or not name.isidentifier():
        return field_set(text, step, field, value)
    block = scope and scope.block
    if block is not None and block.step is not None and name in spec.blocks[block.step.key].params:
        return setting(text, spec, variant, block.step, block.parent, name, value)
    for marks in (spec.marks.find("variants", variant, "params"), spec.marks.find("params")):
        if name in marks.items and name in marks.keys:
            return (text.edit(*text.span(marks.items[name]), in_yaml(value)),)
    return None


def field_set(text: Text, step: Step, field: str, value: Any) -> Edits:
    """A field of a layer as it is written: its value replaced, or the field added."""
    marks, new = step.body_marks, in_yaml(value)
    if step.each is not None:
        return None
    if field in marks.items:
        return (text.edit(*text.span(marks.items[field]), new),)
    if marks.keys:
        return added(text, marks, field, new)
    if marks.items:  # one bare value, of the main field
        ((main, bare),) = marks.items.items()
        return (text.edit(*text.span(bare), f"{{{main}: {text.words(bare)}, {field}: {new}}}"),)
    if step.marks.keys:  # `- batchnorm:` or `{batchnorm: }`, without a body
        at = text.offset(marks.line + 1, marks.column + 1)
        return (text.edit(at, at, f" {{{field}: {new}}}"),)
    start, end = text.span(step.marks)
    return (text.edit(start, end, f"{step.key}: {{{field}: {new}}}"),)


def added(text: Text, marks: Marks, key: str, value: str) -> Edits:
    """One more key in a mapping: at its end in {…}, at its beginning in block style."""
    start, end = text.span(marks)
    if text.text[start] == "{":
        at = len(text.text[: end - 1].rstrip())
        return (text.edit(at, at, f"{', ' if marks.keys else ''}{key}: {value}"),)
    return (text.edit(start, start, f"{key}: {value}\n{' ' * marks.column}"),)


def key_dropped(text: Text, marks: Marks, key: str) -> Edits:
    """A key and its value taken out of a mapping in {…}, or of one in block style if it has a line of its own."""
    line, column, _ = marks.keys[key]
    start, (_, end) = text.offset(line + 1, column + 1), text.span(marks.items[key])
    if text.text[text.span(marks)[0]] == "{":
        behind = re.match(r"\s*,\s*", text.text[end:])
        before = re.search(r",\s*$", text.text[:start])
        return (
            (text.edit(start, end + behind.end(), ""),)
            if behind
            else (text.edit(before.start() if before else start, end, ""),)
        )
    alone = not text.text[text.starts[line] : start].strip()
    newline = text.text.find("\n", end)
    return (
        (text.edit(text.starts[line], newline + 1, ""),)
        if alone and newline >= 0 and len(marks.keys) > 1
        else None
    )


def layer_before(text: Text, marks: Marks, *lines: str) -> Edits:
    """A layer put in before another: its first line, and the words below it."""
    start, _ = text.span(marks)
    before = text.text[text.starts[marks.line] : start]
    if re.search(r"(^|\s)-\s+$", before):
        dash = " " * (len(before.rstrip()) - 1)
        gap = " " * (len(before) - len(before.rstrip()))
        return (text.edit(start, start, f"\n{dash} {gap}".join(lines) + f"\n{dash}-{gap}"),)
    if before.rstrip()[-1:] in ("[", ","):
        return (
            text.edit(
                start, start, (lines[0] if len(lines) == 1 else "{" + ", ".join(lines) + "}") + ", "
            ),
        )
    return None


def layer_after(text: Text, items: Marks, line: str) -> Edits:
    """A layer put in at the end of a list, which may be empty."""
    start, end = text.span(items)
    if not items.items:
        return (text.edit(start, end, f"{'' if end > start else ' '}[{line}]"),)
    if text.text[start] == "[":
        at = len(text.text[: end - 1].rstrip())
        return (text.edit(at, at, f", {line}"),)
    return (text.edit(end, end, f"\n{' ' * items.column}- {line}"),)


def layer_dropped(text: Text, marks: Marks) -> Edits:
    """A layer taken out of its list."""
    start, end = text.span(marks)
    line_start = text.starts[marks.line]
    if re.fullmatch(r"\s*-\s+", text.text[line_start:start]):
        newline = text.text.find("\n", end)
        return (text.edit(line_start, len(text.text) if newline < 0 else newline + 1, ""),)
    after = re.match(r"\s*,\s*", text.text[end:])
    if after:
        return (text.edit(start, end + after.end(), ""),)
    kept = text.text[:start].rstrip()
    return (text.edit(len(kept) - 1, end, ""),) if kept.endswith(",") else None
