"""Pydantic's findings as diagnostics, at the key or value they speak of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ..diagnostic import Diagnostic, Mistake, Position, instead, misspelled, nearest
from ..ops.base import Op
from .expression import clip
from .names import FIELD_SYNONYMS, NEEDLESS
from .values import reading
from .yaml_tree import Marks

UNKNOWN = (
    "extra_forbidden",
    "unexpected_keyword_argument",
)  # pydantic's names for a key that does not exist
MOST = 100  # diagnostics of one file: beyond, it is wrong throughout

Model = TypeVar("Model", bound="BaseModel | Op")


def validate(model: type[Model], data: dict[str, Any], marks: Marks, file: str, what: str) -> Model:
    """The model of the data, or a Mistake with one diagnostic for each key that is wrong."""
    try:
        return model(**data)
    except ValidationError as error:
        mistake = Mistake(*findings(error, model, data, marks, file, what))
        mistake.parts = frozenset(str(item["loc"][0]) for item in error.errors(include_url=False))
        raise mistake from None


def findings(
    error: ValidationError, model: Any, data: Any, marks: Marks, file: str, what: str
) -> Iterator[Diagnostic]:
    """One diagnostic per key: a union of types reports each of its branches, which is one mistake."""
    seen = set()
    errors = error.errors(include_url=False)[:MOST]
    meant = {
        (
            *e["loc"][:-1],
            meant_by(str(e["loc"][-1]), keys_of(model, e["loc"]))
            or nearest(str(e["loc"][-1]), keys_of(model, e["loc"]))[0],
        )
        for e in errors
        if e["type"] in UNKNOWN
    }
    for item in errors:
        loc, missing = item["loc"], item["type"] == "missing"
        place = path_in_data(data, loc)
        key = (missing, loc if missing else place)
        if key not in seen and not (missing and loc in meant):  # a misspelled key is not missed too
            seen.add(key)
            yield finding(item, model, data, marks, file, what, loc, place)


def finding(
    item: Any, model: Any, data: Any, marks: Marks, file: str, what: str, loc: tuple, place: tuple
) -> Diagnostic:
    """One of pydantic's errors, in the words of the language."""
    field, inside = str(loc[-1]), what if len(loc) == 1 else owner_text(loc[:-1])
    if item["type"] in UNKNOWN:
        owner = data
        for step in place[:-1]:
            owner = owner[step]
        return unknown_key(
            field, marks.find(*loc[:-1]).key(file, field), keys_of(model, loc), inside, owner
        )
    if item["type"] == "missing":
        return Diagnostic(
            "CNN102",
            f"{inside} needs `{field}`",
            marks.find(*loc[:-1]).position(file),
            help=f"add `{field}: …`",
        )
    named = next((str(step) for step in reversed(place) if isinstance(step, str)), what)
    value, takes = item["input"], expectation(item, model, loc)
    help = None
    if isinstance(value, str) and issubclass(model, Op):
        help = f"`{value}` is a word here: no parameter is called so"
    if named == "layers":
        help = "begin each layer with `- `"
    help = reading(value, takes) or help
    return Diagnostic(
        "CNN103",
        f"`{named}` takes {takes}, not {shown(value)}",
        marks.find(*place).position(file),
        help=help,
    )


def expectation(item: Any, model: Any, loc: tuple) -> str:
    """What a field takes: its description for operators, its type for the document around them."""
    value = item["input"]
    if item["type"] == "less_than_equal" and isinstance(value, int) and value > item["ctx"]["le"]:
        return f"nothing beyond {item['ctx']['le']:,}"
    if issubclass(model, Op):
        found = (
            described(fields_of(model)[str(loc[0])]) if str(loc[0]) in fields_of(model) else None
        )
        return found or item["msg"].lower()
    return TYPES.get(item["type"], item["msg"].lower())


TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "literal_error": "1, the version of the language",
}


def described(field: Any) -> str | None:
    """The description of a field, or of a type inside it."""
    if field.description:
        return str(field.description)
    texts = (
        getattr(part, "description", None)
        for inner in get_args(field.annotation)
        for part in getattr(inner, "__metadata__", ())
    )
    return next((text for text in texts if text), None)


def owner_text(path: tuple) -> str:
    """What a nested mapping is called in a message."""
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of `{path[-2]}`"
    return f"`{path[-1]}`"


def meant_by(key: str, known: Collection[str]) -> str | None:
    """What a key of other frameworks is called here."""
    named = "kernel" if key == "size" else FIELD_SYNONYMS.get(key)
    return named if named is not None and named in known else None


def unknown_key(
    key: str, position: Position, known: list[str], what: str, given: Iterable[str] = ()
) -> Diagnostic:
    """A key that does not exist here, beside those that are given."""
    fault = Diagnostic("CNN101", f"{what} has no key `{clip(key)}`", position)
    meant = meant_by(key, known)
    if meant is not None and meant not in given:
        return instead(fault._replace(help=f"here it is called `{meant}`"), key, str(meant))
    if key in NEEDLESS:
        return fault._replace(help=NEEDLESS[key])
    first, _, rest = key.partition(" ")
    if rest and first in known:
        return instead(
            fault._replace(help=f"`{first}` lacks its colon: `{first}: {rest}`"),
            key,
            f"{first}: {rest}",
        )
    if ":" in key:
        return fault._replace(help="put a space after the colon")
    return misspelled(fault, key, known, f"it has {', '.join(f'`{k}`' for k in known)}", given)


def keys_of(model: type[BaseModel | Op], loc: tuple) -> list[str]:
    """The keys that the mapping at a location of the document has."""
    from .model import Block, Document, Published, Variant

    inner: Any = model
    if model is Document:
        inner = (
            {"variants": Variant, "blocks": Block, "published": Published}.get(str(loc[0]), model)
            if len(loc) > 1
            else model
        )
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
        if not (
            isinstance(data, dict)
            and step in data
            or isinstance(data, (list, tuple))
            and isinstance(step, int)
            and step < len(data)
        ):
            break
        path.append(step)
        data = data[step]
    return tuple(path)


def shown(value: Any) -> str:
    """A value as the spec would write it, short; words in quotes."""
    return f"`{clip(value)}`" if isinstance(value, str) else clip(plain(value))


def plain(value: Any) -> str:
    """A value as the spec would write it."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(plain, value[:20])) + (", …]" if len(value) > 20 else "]")
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "nothing"}[value]
    if isinstance(value, Fraction):
        decimal = Decimal(value.numerator) / Decimal(value.denominator)
        return str(decimal) if Fraction(decimal) == value else str(value)
    return "a mapping" if isinstance(value, dict) else str(value)
