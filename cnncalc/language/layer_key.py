"""Finds the key of a layer that is its operator or block, and reports what is wrong with it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Position, misspelled, nearest
from ..ops import BY_KEY
from .names import GRAPH_WORDS, REPEAT_WORDS
from .reader import Reader
from .unquoted_comma import cut_by_yaml
from .values import words_of
from .yaml_tree import Marks


def layer_key(reader: Reader, item: dict[str, Any], marks: Marks) -> str | None:
    """Return the key of the operator or block; if it is not clear, report that and return None."""
    if cut_by_yaml(reader, item, marks):
        return None
    keys = [key for key in item if key not in GRAPH_WORDS]
    if len(keys) == 1:
        return keys[0]
    known = [key for key in keys if is_layer(reader, key)]
    if len(known) == 1:
        others = [key for key in keys if key not in known]
        if item[known[0]] is None and _outdented(reader, known[0], others, marks):
            return None
        for key in others:
            reader.add(_not_a_key(known[0], key, item, marks.key(reader.file, key)))
        return known[0]
    if len(keys) == 2 and not known and _both_misspelled(reader, keys, item, marks):
        return None
    _report_number(reader, keys, marks)
    return None


def is_layer(reader: Reader, key: str) -> bool:
    """Return whether a key is an operator, a block or `chain`."""
    return key == "chain" or key in BY_KEY or key in reader.blocks


def _not_a_key(operator: str, key: str, item: dict[str, Any], position: Position) -> Diagnostic:
    """Describe a key beside an operator that is not one of the graph's words."""
    fault = Diagnostic("CNN101", f"`{key}` is not a key of a layer", position)
    owner = BY_KEY.get(operator)
    if owner is not None and key in words_of(owner):
        return fault._replace(help=f"it belongs inside: `{operator}: {{{key}: …}}`")
    if key in REPEAT_WORDS:
        return fault._replace(help="it belongs inside: `repeat: {times: 3, as: j}`")
    otherwise = f"the keys allowed beside `{operator}` are {', '.join(GRAPH_WORDS)}"
    return misspelled(fault, key, GRAPH_WORDS, otherwise, item)


def _both_misspelled(reader: Reader, keys: list[str], item: dict[str, Any], marks: Marks) -> bool:
    """Report two keys that are a misspelled operator and a misspelled word.

    Return whether they are.
    """
    from .unknown_operator import may_be_meant, unknown_operator  # only needed for errors

    for key, word in (keys, keys[::-1]):
        if may_be_meant(reader, key) and nearest(word, GRAPH_WORDS)[0]:
            place = marks.key(reader.file, word)
            fault = Diagnostic("CNN101", f"`{word}` is not a key of a layer", place)
            reader.add(unknown_operator(reader, key, item, marks))
            reader.add(misspelled(fault, word, GRAPH_WORDS, None, item))
            return True
    return False


def _report_number(reader: Reader, keys: list[str], marks: Marks) -> None:
    """Report a layer without an operator, or with several."""
    if keys:
        found = " and ".join(f"`{key}`" for key in keys)
        first, place = (marks.key(reader.file, key) for key in keys[:2])
        help = "start the second one with its own `- `"
        fix = _new_entry(marks, first, place)
    else:
        found, place, fix = "none", marks.position(reader.file), None
        help = "name an operator, such as `relu`"
    message = f"a layer has one operator or block, but this one has {found}"
    reader.add(Diagnostic("CNN103", message, place, help, fix=fix))


def _new_entry(marks: Marks, first: Position, second: Position) -> Fix | None:
    """Return the fix that begins a layer with the second of two keys that are below each other."""
    in_braces = (marks.line, marks.column) not in {key[:2] for key in marks.keys.values()}
    below = first.column == second.column and first.line < second.line
    if in_braces or not below or second.column < 3:
        return None
    edit = Edit(second.line, second.column - 2, second.line, second.column, "- ")
    certain = len(marks.keys) == 2  # of other keys, such as `name`, it is not clear whose they are
    return Fix("start the second one with its own `- `", (edit,), certain)


def _outdented(reader: Reader, operator: str, others: list[str], marks: Marks) -> bool:
    """Report fields that are beside their operator, not inside; return whether there are any."""
    inside: Collection[str] = ()
    if operator in BY_KEY:
        inside = words_of(BY_KEY[operator])
    elif operator in reader.blocks:
        inside = reader.blocks[operator].params
    if not others or not all(key in inside for key in others):
        return False
    places = [marks.key(reader.file, key) for key in others]
    below = all(
        place.line > marks.line + 1 and place.column == marks.column + 1 for place in places
    )
    fix = None
    if below:
        edits = tuple(
            Edit(place.line, place.column, place.line, place.column, "  ") for place in places
        )
        fix = Fix("indent by two more spaces", edits)
    belong = "belongs" if len(others) == 1 else "belong"
    message = f"{', '.join(f'`{key}`' for key in others)} {belong} inside `{operator}`"
    reader.add(Diagnostic("CNN101", message, places[0], "indent by two more spaces", fix=fix))
    return True
