"""Reads names of earlier layers: plain, inside a block, chosen, of one copy, or of every copy."""

from __future__ import annotations

import re
from typing import Any

from .expression import MAX_LENGTH, compiled
from .expression_limits import ExpressionError, clip
from .reader import Reader
from .steps import Chosen, LayerName, Numbered
from .validation import shown
from .yaml_tree import Marks

_ONE = r"[A-Za-z0-9_]{1,200}"
_NUMBER = r"\[[^][]*(?:\[[^][]*\][^][]*)*\]"  # of a copy; a list's entry may be inside
_PATH = re.compile(rf"{_ONE}(?:{_NUMBER})?(\.{_ONE}(?:{_NUMBER})?)*\Z")
_BRACKETS = re.compile(_NUMBER)
_IF, _ELSE = " if ", " else "


def read_layer_name(
    reader: Reader, word: str, text: Any, marks: Marks, known: frozenset[str]
) -> LayerName | None:
    """Read the name of an earlier layer, written at `marks`; None if it is wrong (reported).

    It may be that of a layer inside a block, `block1.conv1`, or of one copy, `stage[i - 1]`, and it
    may depend on parameters, `left if deep else right`. `known` are the names that a condition and
    the number of a copy may use.
    """
    if not isinstance(text, str):
        message = f"`{word}` takes the name of a layer, not {shown(text)}"
        reader.report("CNN103", message, marks.position(reader.file))
        return None
    if len(text) > MAX_LENGTH:
        message = f"the name of a layer is longer than {MAX_LENGTH} characters"
        reader.report("CNN107", message, marks.position(reader.file))
        return None
    parts = _parts(text)
    if parts is None and _IF in text:
        message = f"`{clip(text)}` does not say which layer is read otherwise"
        help = "write `left if condition else right`"
        reader.report("CNN107", message, marks.position(reader.file), help)
        return None
    if parts is not None:
        condition = reader.prepared(parts[1], marks, known)
        left, right = (
            read_layer_name(reader, word, name, marks, known) for name in (parts[0], parts[2])
        )
        return None if left is None or right is None else Chosen(left, condition, right)
    reader.used_names.add(text.partition(".")[0].partition("[")[0])
    return _numbered(reader, text, marks, known) if "[" in text and _PATH.match(text) else text


def _numbered(reader: Reader, text: str, marks: Marks, known: frozenset[str]) -> Numbered:
    copies, start = [], 0
    for found in _BRACKETS.finditer(text):
        number = reader.prepared(found.group()[1:-1], marks, known)
        copies.append((text[start : found.start()], number))
        start = found.end()
    return Numbered(tuple(copies), text[start:])


def is_entry(item: Any) -> bool:
    """Return whether an item of a join's list names a layer, maybe with words such as `when`."""
    return isinstance(item, str) or isinstance(item, dict) and "from" in item


def _parts(text: str) -> tuple[str, str, str] | None:
    """Return both names of a choice, with the condition between them; None if it is none."""
    left, found, rest = text.partition(_IF)
    if not found or not _PATH.match(left.strip()):
        return None
    condition = ""
    for part in (parts := rest.split(_ELSE))[:-1]:
        condition = f"{condition}{_ELSE}{part}" if condition else part
        right = _ELSE.join(parts[condition.count(_ELSE) + 1 :])
        if _is_expression(condition):
            return left.strip(), condition, right.strip()
    return None


def _is_expression(text: str) -> bool:
    try:
        compiled(text)
    except ExpressionError:
        return False
    return True
