"""Makes edits of a spec that keep its style: set a field, insert or remove a layer.

Each function returns None if the text does not allow the edit.
"""

from __future__ import annotations

import re
from typing import Any

from ...diagnostic import Edit
from ...language.expression import Expression
from ...language.scope import Scope
from ...language.spec import Spec
from ...language.steps import Step
from ...language.yaml_entries import entry_removed
from ...language.yaml_flow import in_yaml
from ...language.yaml_tree import Marks
from .edited_text import EditedText

Edits = tuple[Edit, ...] | None


def setting(
    text: EditedText,
    spec: Spec,
    variant: str | None,
    step: Step,
    scope: Scope | None,
    field: str,
    value: Any,
) -> Edits:
    """Set a field of a layer, or the parameter of a block or network that gives its value."""
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


def field_set(text: EditedText, step: Step, field: str, value: Any) -> Edits:
    """Set a field in a layer as written: replace its value, or add the field."""
    marks, new = step.body_marks, in_yaml(value)
    if step.each is not None:
        return None
    if field in marks.items:
        return (text.edit(*text.span(marks.items[field]), new),)
    if marks.keys:
        return _key_added(text, marks, field, new)
    if marks.items:  # one bare value, of the main field
        ((main, bare),) = marks.items.items()
        body = f"{{{main}: {text.as_written(bare)}, {field}: {new}}}"
        return (text.edit(*text.span(bare), body),)
    if step.marks.keys:  # a key without a body: `- batchnorm:` or `{batchnorm: }`
        at = text.offset(marks.line + 1, marks.column + 1)
        return (text.edit(at, at, f" {{{field}: {new}}}"),)
    start, end = text.span(step.marks)
    return (text.edit(start, end, f"{step.key}: {{{field}: {new}}}"),)


def _key_added(text: EditedText, marks: Marks, key: str, value: str) -> Edits:
    """Add a key to a mapping: at its end in {…}, at its start in block style."""
    start, end = text.span(marks)
    if text.text[start] == "{":
        at = len(text.text[: end - 1].rstrip())
        comma = ", " if marks.keys else ""
        return (text.edit(at, at, f"{comma}{key}: {value}"),)
    return (text.edit(start, start, f"{key}: {value}\n{' ' * marks.column}"),)


def key_dropped(marks: Marks, key: str) -> Edits:
    """Remove a key and its value from {…}, or the lines that they fill in block style."""
    return entry_removed(marks, key) or None


def layer_before(text: EditedText, marks: Marks, *lines: str) -> Edits:
    """Insert a layer before another: `lines` has its key, then the graph words beside it."""
    start, _ = text.span(marks)
    before = text.text[text.line_starts[marks.line] : start]
    if re.search(r"(^|\s)-\s+$", before):
        dash = " " * (len(before.rstrip()) - 1)
        gap = " " * (len(before) - len(before.rstrip()))
        return (text.edit(start, start, f"\n{dash} {gap}".join(lines) + f"\n{dash}-{gap}"),)
    if before.rstrip()[-1:] in ("[", ","):
        layer = lines[0] if len(lines) == 1 else "{" + ", ".join(lines) + "}"
        return (text.edit(start, start, layer + ", "),)
    return None


def layer_after(text: EditedText, items: Marks, line: str) -> Edits:
    """Append a layer to a list, which may be empty."""
    start, end = text.span(items)
    if not items.items:
        gap = "" if end > start else " "
        return (text.edit(start, end, f"{gap}[{line}]"),)
    if text.text[start] == "[":
        at = len(text.text[: end - 1].rstrip())
        return (text.edit(at, at, f", {line}"),)
    return (text.edit(end, end, f"\n{' ' * items.column}- {line}"),)


def layer_dropped(text: EditedText, marks: Marks) -> Edits:
    """Remove a layer from its list."""
    start, end = text.span(marks)
    line_start = text.line_starts[marks.line]
    if re.fullmatch(r"\s*-\s+", text.text[line_start:start]):
        newline = text.text.find("\n", end)
        return (text.edit(line_start, len(text.text) if newline < 0 else newline + 1, ""),)
    after = re.match(r"\s*,\s*", text.text[end:])
    if after:
        return (text.edit(start, end + after.end(), ""),)
    kept = text.text[:start].rstrip()
    return (text.edit(len(kept) - 1, end, ""),) if kept.endswith(",") else None
