"""Reads the graph's words beside a layer: name, from, repeat, when and the others."""

from __future__ import annotations

from typing import Any

from ..ops import BY_KEY
from .expression_limits import clip
from .layer_names import read_layer_name
from .names import REPEAT_WORDS, name_fault, parameter_fault
from .reader import Reader
from .steps import Step
from .validation import shown, unknown_key
from .values import ANY_WORD
from .yaml_tree import Marks

_MOST_AXES = 8  # of an expected shape


def read_graph_words(
    reader: Reader, step: Step, item: dict[str, Any], marks: Marks, known: frozenset[str]
) -> frozenset[str]:
    """Read the words into a step; return the names that its body may use."""
    if "name" in item:
        _read_name(reader, step, item["name"], marks.find("name"))
    for word in ("repeat", "when", "freeze", "checkpoint"):
        if word in item and item[word] is None:
            place = marks.key(reader.file, word)
            reader.report(
                "CNN103", f"`{word}` has no value", place, "give it a value, or remove it"
            )
    if "each" in item and "repeat" in item:
        reader.report(
            "CNN103",
            "a layer cannot have both `each` and `repeat`",
            marks.key(reader.file, "each"),
            "put one of them on a chain around the layer",
        )
    if "each" in item:
        rows = marks.find("each")
        step.each = _read_rows(reader, item["each"], rows, known)
        known = known | {"i"}
        if step.key == "chain":
            known = known | _row_names(reader, step.each, rows)
    if "repeat" in item:
        _read_repeat(reader, step, item["repeat"], marks.find("repeat"), known)
        known = known | {step.counter}
    if "when" in item:
        step.when = reader.prepared(item["when"], marks.find("when"), known)
    if "freeze" in item:
        step.freeze = reader.prepared(item["freeze"], marks.find("freeze"), known)
    if "checkpoint" in item:
        step.checkpoint = reader.prepared(item["checkpoint"], marks.find("checkpoint"), known)
    if "expect" in item:
        step.expect = read_shape(reader, item["expect"], marks.find("expect"), known)
    if "from" in item:
        step.source = read_layer_name(reader, "from", item["from"], marks.find("from"), known)
    if "share" in item:
        step.share = read_layer_name(reader, "share", item["share"], marks.find("share"), known)
    return known


def read_shape(reader: Reader, data: Any, marks: Marks, known: frozenset[str]) -> Any:
    """Read an expected shape, in which `_` matches any size; None if it is wrong."""
    if not isinstance(data, list) or len(data) > _MOST_AXES:
        message = f"`expect` takes a shape, [channels, …], not {shown(data)}"
        help = None
        if isinstance(data, (int, str)) and not isinstance(data, bool):
            size = clip(str(data))
            help = (
                f"write `[{size}]` for a vector, `[{size}, _, _]` for a map: `_` matches any size"
            )
        reader.report("CNN103", message, marks.position(reader.file), help)
        return None
    entries: list[Any] = []
    for index, item in enumerate(data):
        if item == "_":
            entries.append("_")
        else:
            entries.append(reader.prepared(item, marks.find(index), known))
    return tuple(entries)


def _read_name(reader: Reader, step: Step, name: Any, marks: Marks) -> None:
    if isinstance(name, int) and not isinstance(name, bool):
        name = str(name)
    fault = name_fault(name)
    if fault:
        message = f"{shown(name)} cannot be the name of a layer"
        reader.report("CNN108", message, marks.position(reader.file), fault)
    else:
        step.name = name


def _read_repeat(
    reader: Reader, step: Step, data: Any, marks: Marks, known: frozenset[str]
) -> None:
    """Read how many copies there are, and what their number is called."""
    if not isinstance(data, dict):
        step.repeat = reader.prepared(data, marks, known)
        return
    unknown = data.keys() - set(REPEAT_WORDS)
    for key in unknown:
        place = marks.key(reader.file, key)
        reader.add(unknown_key(key, place, REPEAT_WORDS, "`repeat`", data))
    for key in REPEAT_WORDS:
        if key not in data and not unknown:
            help = "write `repeat: {times: 3, as: j}`"
            reader.report("CNN102", f"`repeat` needs `{key}`", marks.position(reader.file), help)
    step.repeat = reader.prepared(data.get("times", 1), marks.find("times"), known)
    counter = data.get("as", step.counter)
    fault = None
    if counter != step.counter:
        fault = parameter_fault(str(counter), BY_KEY, reader.blocks)
    if fault:
        message = f"{shown(counter)} cannot be the name of a counter"
        reader.report("CNN108", message, marks.find("as").position(reader.file), fault)
    else:
        step.counter = counter


def _read_rows(
    reader: Reader, rows: Any, marks: Marks, known: frozenset[str]
) -> list[dict[str, Any]]:
    """Read the rows of `each`; empty if they are wrong."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        message = f"`each` takes a list of rows, each a mapping, not {shown(rows)}"
        help = "write `each: [{out: 16}, {out: 24}]`"
        reader.report("CNN103", message, marks.position(reader.file), help)
        return []
    read: list[dict[str, Any]] = []
    for n, row in enumerate(rows):
        items = row.items()
        read.append({k: reader.prepared(v, marks.find(n, k), known, ANY_WORD) for k, v in items})
    return read


def _row_names(reader: Reader, rows: list[dict[str, Any]], marks: Marks) -> frozenset[str]:
    """Return the keys of a chain's rows, which its layers may use as names."""
    first = rows[0].keys() if rows else frozenset[str]()
    for n, row in enumerate(rows):
        for key in row:
            fault = parameter_fault(key, BY_KEY, reader.blocks)
            if fault:
                place = marks.find(n).key(reader.file, key)
                reader.report("CNN108", f"`{key}` cannot be the name of a value", place, fault)
        for key in first ^ row.keys():
            reader.report(
                "CNN102",
                f"row {n + 1} and row 1 do not both have the key `{key}`",
                marks.find(n).position(reader.file),
                "give every row the same keys",
            )
    return frozenset(first)
