"""Pydantic's findings as diagnostics, at the key or value they speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from ..diagnostic import Diagnostic, Mistake, nearest
from ..ops.base import Op
from .yaml_tree import Marks

Model = TypeVar("Model", bound="BaseModel | Op")


def validate(model: type[Model], data: dict[str, Any], marks: Marks, file: str, what: str) -> Model:
    """The model of the data, or a Mistake with one diagnostic for each key that is wrong."""
    try:
        return model(**data)
    except ValidationError as error:
        raise Mistake(*findings(error, model, data, marks, file, what)) from None


def findings(error: ValidationError, model: Any, data: Any, marks: Marks, file: str, what: str) -> Iterator[Diagnostic]:
    """One diagnostic per key: a union of types reports each of its branches, which is one mistake."""
    seen = set()
    for item in error.errors(include_url=False, include_context=False):
        loc = item["loc"]
        depth = 1 if item["type"] not in ("extra_forbidden", "unexpected_keyword_argument", "missing") else len(loc)
        place = path_in_data(data, loc)
        owner = place if depth == 1 else loc[:-1]
        if (key := (item["type"] in ("extra_forbidden", "unexpected_keyword_argument", "missing"), place)) in seen:
            continue
        seen.add(key)
        yield finding(item, model, marks, file, what, loc, place, tuple(owner))


def finding(item: Any, model: Any, marks: Marks, file: str, what: str, loc: tuple, place: tuple, owner: tuple) -> Diagnostic:
    """One of pydantic's errors, in the words of the language."""
    field = str(loc[-1])
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return unknown_key(field, marks.find(*owner).key(file, field), keys_of(model, loc), what if len(loc) == 1 else f"`{loc[-2]}`")
    if item["type"] == "missing":
        where = marks.find(*owner)
        return Diagnostic("CNN102", f"{what if len(loc) == 1 else f'`{loc[-2]}`'} needs `{field}`", where.position(file), help=f"add `{field}: …`")
    info = fields_of(model).get(str(loc[0]))
    takes = info.description if info and info.description and len(place) <= 2 else item["msg"].lower()
    value = item["input"]
    return Diagnostic("CNN103", f"`{place[0] if place else what}` takes {takes}, not {shown(value)}", marks.find(*place).position(file))


def unknown_key(key: str, position: Any, known: list[str], what: str) -> Diagnostic:
    """A key that does not exist here."""
    return Diagnostic("CNN101", f"{what} has no key `{key}`", position, help=nearest(key, known) or f"it has {', '.join(f'`{k}`' for k in known)}")


def keys_of(model: type[BaseModel | Op], loc: tuple) -> list[str]:
    """The keys that the mapping at a location of the document has."""
    from .model import Block, Document, Published, Variant

    inner: Any = model
    if model is Document:
        inner = {"variants": Variant, "blocks": Block, "published": Published}.get(str(loc[0]), model) if len(loc) > 1 else model
    if "published" in loc[:-1]:
        inner = Published
    return list(fields_of(inner))


def fields_of(model: type[BaseModel | Op]) -> dict[str, Any]:
    """The fields of a model or an operator."""
    return model.fields() if issubclass(model, Op) else model.model_fields


def path_in_data(data: Any, loc: tuple) -> tuple:
    """The part of pydantic's location that names keys and items, not branches of a union."""
    path = []
    for step in loc:
        if not (isinstance(data, dict) and step in data or isinstance(data, (list, tuple)) and isinstance(step, int) and step < len(data)):
            break
        path.append(step)
        data = data[step]
    return tuple(path)


def shown(value: Any) -> str:
    """A value as the spec would write it, short."""
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(shown(v) for v in value) + "]"
    elif isinstance(value, bool) or value is None:
        text = {True: "true", False: "false", None: "nothing"}[value]
    elif isinstance(value, dict):
        text = "a mapping"
    else:
        text = f"`{value}`" if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
