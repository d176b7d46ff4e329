"""Makes placeholders: edits of a copy that leave out a wrong layer without a known repair.

With them, the layers that do not depend on the wrong layer are checked too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...diagnostic import Edit, Position
from ...language.spec import Spec
from ...language.yaml_tree import Marks
from ...ops import BY_KEY
from .edited_text import EditedText
from .yaml_edits import key_dropped

_SIZING = (  # fields that an output size depends on
    "stride",
    "padding",
    "output_padding",
    "dilation",
    "size",
    "scale",
    "ceil_mode",
)


class Placeholder(NamedTuple):
    """Edits that leave out a layer or a field; empty if the text does not allow this."""

    edits: tuple[Edit, ...]
    keeps_size: bool = False  # only a field was left out, and no size depends on it


def placeholder_at(
    text: EditedText, spec: Spec, position: Position, keeps_name: bool
) -> Placeholder:
    """Leave out the field at a position if it has a default; otherwise the layer around it."""
    offset = text.offset(position.line, position.column)
    layer = _innermost_layer(text, spec, offset)
    if layer is None:
        return Placeholder(())
    body, field = _optional_field(text, layer, offset)
    edits = body and key_dropped(body, field)
    if edits:
        return Placeholder(edits, keeps_size=field not in _SIZING)
    return Placeholder(_replaced_layer(text, layer, keeps_name))


def _replaced_layer(text: EditedText, layer: Marks, keeps_name: bool) -> tuple[Edit, ...]:
    """Replace a layer with one of as many output channels, if they are written as a number."""
    if "&" in text.as_written(layer):  # a layer with an anchor is used elsewhere too
        return ()
    name = text.as_written(layer.items["name"]) if keeps_name and "name" in layer.items else None
    out = _literal_out(text, layer)
    new = f"conv: {{out: {out}, kernel: 1}}" if out and out.strip("0") else "identity: "
    if name:
        new += f", name: {name}"
    start, end = text.span(layer)
    if text.text[start:end] == f"{{{new}}}":
        return ()
    return (text.edit(start, end, f"{{{new}}}"),)


def _literal_out(text: EditedText, layer: Marks) -> str | None:
    """Return the output channels of a layer, if they are written as a number."""
    for body in layer.items.values():
        if "out" in body.items:
            out = text.as_written(body.items["out"])
            if out.isdigit():
                return out
    return None


def _innermost_layer(text: EditedText, spec: Spec, offset: int) -> Marks | None:
    """Return the innermost layer around an offset."""
    around: list[tuple[int, Marks]] = []
    for layer in layers_in(spec.marks):
        start, end = text.span(layer)
        if start <= offset < max(end, start + 1):
            around.append((end - start, layer))
    if not around:
        return None
    _, innermost = min(around, key=lambda one: one[0])
    return innermost


def _optional_field(text: EditedText, layer: Marks, offset: int) -> tuple[Marks | None, str]:
    """Return the body and the name of the field at an offset, if the field has a default."""
    for key, body in layer.items.items():
        fields = BY_KEY[key].fields() if key in BY_KEY else {}
        for name, value in body.items.items():
            start, end = text.span(value)
            if not start <= offset < max(end, start + 1) or name not in body.keys:
                continue
            if name in fields and not fields[name].is_required():
                return body, name
    return None, ""


def layers_in(marks: Marks) -> Iterator[Marks]:
    """Yield every layer of a spec, including those in blocks, chains and branches."""
    blocks = marks.find("blocks").items.values()
    lists = [marks.items.get("layers"), *(block.items.get("layers") for block in blocks)]
    open_ = [one for one in lists if one is not None]
    while open_:
        for layer in open_.pop().items.values():
            yield layer
            for key, body in layer.items.items():
                if key == "chain":
                    open_.append(body)
                elif body.keys:
                    branches = body.items.values()
                    open_ += [branch for branch in branches if branch.items and not branch.keys]
