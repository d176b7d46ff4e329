"""A layer that no repair is known for, passed over in a copy of the text, so that what does not depend on it is checked too."""

from __future__ import annotations

from collections.abc import Iterator

from ...diagnostic import Edit, Position
from ...language.spec import Spec
from ...language.yaml_tree import Marks
from ...ops import BY_KEY
from .edited_text import Text
from .yaml_edits import key_dropped

SIZING = (
    "stride",
    "padding",
    "output_padding",
    "dilation",
    "size",
    "scale",
    "ceil_mode",
)  # fields that a size depends on
DOUBTFUL = (
    "CNN201",
    "CNN205",
    "CNN206",
    "CNN208",
    "CNN301",
    "CNN302",
)  # codes of findings that may be owed to what was put in for a layer


def passed_over(text: Text, spec: Spec, position: Position, named: bool) -> tuple[Edit, ...] | None:
    """The innermost layer around a place replaced by one that keeps its name, if it is `named`, and its channels, where they are written."""
    offset = text.offset(position.line, position.column)
    item = layer_around(text, spec, offset)
    if item is None or "&" in text.words(item):  # what has an anchor is meant elsewhere too
        return None
    start, end = text.span(item)
    out = next(
        (
            words
            for marks in item.items.values()
            for key, inner in marks.items.items()
            if key == "out" and (words := text.words(inner)).isdigit()
        ),
        None,
    )
    name = text.words(item.items["name"]) if named and "name" in item.items else None
    layer = f"conv: {{out: {out}, kernel: 1}}" if out and out.strip("0") else "identity: "
    new = f"{{{layer}, name: {name}}}" if name else f"{{{layer}}}"
    return (text.edit(start, end, new),) if text.text[start:end] != new else None


def layer_around(text: Text, spec: Spec, offset: int) -> Marks | None:
    """The innermost layer around a place."""
    around = [
        item
        for item in layers(spec.marks)
        if text.span(item)[0] <= offset < max(text.span(item)[1], text.span(item)[0] + 1)
    ]
    return min(around, key=lambda marks: text.span(marks)[1] - text.span(marks)[0], default=None)


def field_dropped(
    text: Text, spec: Spec, position: Position
) -> tuple[str, tuple[Edit, ...] | None]:
    """A field with a wrong value, and the edit that leaves it out, where it has a default that can stand for it."""
    offset = text.offset(position.line, position.column)
    item = layer_around(text, spec, offset)
    for key, body in item.items.items() if item is not None else ():
        fields = BY_KEY[key].fields() if key in BY_KEY else {}
        for field, value in body.items.items():
            start, end = text.span(value)
            if (
                start <= offset < max(end, start + 1)
                and field in body.keys
                and field in fields
                and not fields[field].is_required()
            ):
                return field, key_dropped(text, body, field)
    return "", None


def layers(marks: Marks) -> Iterator[Marks]:
    """Every layer of a spec, those in blocks, chains and branches too."""
    lists = [
        marks.items.get("layers"),
        *(block.items.get("layers") for block in marks.find("blocks").items.values()),
    ]
    open_ = [one for one in lists if one is not None]
    while open_:
        for item in open_.pop().items.values():
            yield item
            for key, body in item.items.items():
                if key == "chain":
                    open_.append(body)
                elif body.keys:
                    open_ += [
                        branch for branch in body.items.values() if branch.items and not branch.keys
                    ]
