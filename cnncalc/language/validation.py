"""Turns pydantic's errors into diagnostics at the key or value that they are about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from ..diagnostic import MOST, Diagnostic, Mistake, Position, instead, misspelled, nearest
from ..ops.base import Op
from ..ops.words import fields_by_alias
from .expression_limits import clip
from .model import Block, Document, Published, Variant
from .names import DOCUMENT_ALIASES, NEEDLESS
from .open_fields import made
from .values import reading
from .yaml_tree import Marks

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # error types for unknown keys
_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "literal_error": "1, the version of the language",
}

Model = TypeVar("Model", bound="BaseModel | Op")
Loc = tuple[int | str, ...]  # keys and indices, as pydantic gives them


def validate(model: type[Model], data: dict[str, Any], marks: Marks, file: str, what: str) -> Model:
    """Return the model of the data, which messages call `what`.

    Errors: a Mistake with one diagnostic for each key that is wrong.
    """
    try:
        return made(model, data)
    except ValidationError as error:
        errors = error.errors(include_url=False)  # made anew each time it is asked for
        mistake = Mistake(*_Findings(model, data, marks, file, what).of(errors[:MOST]))
        mistake.parts = frozenset(str(item["loc"][0]) for item in errors)
        raise mistake from None


class _Findings:
    """Describes errors of pydantic in the words of the language."""

    def __init__(self, model: type[Any], data: Any, marks: Marks, file: str, what: str):
        self._model = model
        self._data = data
        self._marks = marks
        self._file = file
        self._what = what

    def of(self, errors: Sequence[Mapping[str, Any]]) -> Iterator[Diagnostic]:
        """Yield one diagnostic per key; the errors of all members of a union are one mistake."""
        seen: set[tuple[bool, Loc]] = set()
        meant = {self._meant(item["loc"]) for item in errors if item["type"] in _UNKNOWN}
        for item in errors:
            loc, missing = item["loc"], item["type"] == "missing"
            place = _path_in_data(self._data, loc)
            key = (missing, loc if missing else place)
            misspelled_elsewhere = missing and loc in meant
            if key not in seen and not misspelled_elsewhere:
                seen.add(key)
                yield self._finding(item, loc, place)

    def _meant(self, loc: Loc) -> tuple[int | str | None, ...]:
        """Return the location of an unknown key under the name that was probably meant."""
        key, known = str(loc[-1]), _keys_of(self._model, loc)
        return (*loc[:-1], meant_by(key, known) or nearest(key, known)[0])

    def _finding(self, item: Mapping[str, Any], loc: Loc, place: Loc) -> Diagnostic:
        """Describe one error; `place` is the part of its location that exists in the data."""
        around = self._marks.find(*loc[:-1])
        key, inside = str(loc[-1]), self._what if len(loc) == 1 else _owner_text(loc[:-1])
        if item["type"] in _UNKNOWN:
            owner = self._data
            for step in place[:-1]:
                owner = owner[step]
            known = _keys_of(self._model, loc)
            return unknown_key(key, around.key(self._file, key), known, inside, owner)
        if item["type"] == "missing":
            message, help = f"{inside} needs `{key}`", f"add `{key}: …`"
            return Diagnostic("CNN102", message, around.position(self._file), help)
        names = [step for step in place if isinstance(step, str)]
        name = names[-1] if names else self._what
        value, takes = item["input"], self._takes(item, str(loc[0]))
        return Diagnostic(
            "CNN103",
            f"`{name}` takes {takes}, not {shown(value)}",
            self._marks.find(*place).position(self._file),
            help=reading(value, takes) or self._advice(name, value),
        )

    def _advice(self, name: str, value: Any) -> str | None:
        if name == "layers":
            return "start each layer with `- `"
        if name == "cnncalc" and self._model is Document:
            return "write `cnncalc: 1`, or update cnncalc if the spec needs a later version"
        if isinstance(value, str) and issubclass(self._model, Op):
            return f"`{value}` is read as a word: no parameter has that name"
        return None

    def _takes(self, item: Mapping[str, Any], key: str) -> str:
        """Return what a field takes: its description for an operator, its type for the document."""
        value = item["input"]
        if item["type"] == "less_than_equal" and isinstance(value, int):
            limit = item["ctx"]["le"]
            if value > limit:
                return f"at most {limit:,}"
        otherwise = str(item["msg"]).lower()
        if not issubclass(self._model, Op):
            return _TYPES.get(item["type"], otherwise)
        field = _fields_of(self._model).get(key)
        text = described(field) if field is not None else None
        return text or otherwise


def described(field: Any) -> str | None:
    """Return the description of a field, or of a type inside it."""
    if field.description:
        return str(field.description)
    for inner in get_args(field.annotation):
        for part in getattr(inner, "__metadata__", ()):
            if text := getattr(part, "description", None):
                return str(text)
    return None


def _owner_text(path: Loc) -> str:
    """Return what messages call a nested mapping."""
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of `{path[-2]}`"
    return f"`{path[-1]}`"


def meant_by(key: str, known: Collection[str]) -> str | None:
    """Return what a key of another framework is called here, if that is among the known keys."""
    names = [*fields_by_alias().get(key, ()), DOCUMENT_ALIASES.get(key, "")]
    return next((name for name in names if name in known), None)


def unknown_key(
    key: str, position: Position, known: list[str], what: str, given: Iterable[str] = ()
) -> Diagnostic:
    """Describe a key that `what` does not have; `given` are the keys that are there."""
    fault = Diagnostic("CNN101", f"{what} has no key `{clip(key)}`", position)
    meant = meant_by(key, known)
    if meant is not None and meant not in given:
        return instead(fault._replace(help=f"here it is called `{meant}`"), key, meant)
    if key in NEEDLESS:
        return fault._replace(help=NEEDLESS[key])
    first, _, rest = key.partition(" ")
    if rest and first in known:
        right = f"{first}: {rest}"
        return instead(fault._replace(help=f"put a colon after `{first}`: `{right}`"), key, right)
    if ":" in key:
        return fault._replace(help="put a space after the colon")
    keys = ", ".join(f"`{name}`" for name in known)
    return misspelled(fault, key, known, f"it has {keys or 'none'}", given)


def _keys_of(model: type[Any], loc: Loc) -> list[str]:
    """Return the keys that the mapping at a location of the document has."""
    parts = {"variants": Variant, "blocks": Block, "published": Published}
    inner = model
    if model is Document and len(loc) > 1:
        inner = parts.get(str(loc[0]), model)
    if "published" in loc[:-1]:
        inner = Published
    return list(_fields_of(inner))


def _fields_of(model: type[Any]) -> dict[str, Any]:
    """Return the fields of a model or an operator."""
    return dict(model.fields() if issubclass(model, Op) else model.model_fields)


def _path_in_data(data: Any, loc: Loc) -> Loc:
    """Return the keys and indices of pydantic's location, without the members of unions."""
    path: list[int | str] = []
    for step in loc:
        is_key = isinstance(data, dict) and step in data
        is_list = isinstance(data, (list, tuple))
        if not is_key and not (is_list and isinstance(step, int) and step < len(data)):
            break
        path.append(step)
        data = data[step]
    return tuple(path)


def shown(value: Any) -> str:
    """Write a value as a spec does, shortened if it is long; quote words."""
    return f"`{clip(value)}`" if isinstance(value, str) else clip(plain(value))


def plain(value: Any) -> str:
    """Write a value as a spec does."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(plain, value[:20])) + (", …]" if len(value) > 20 else "]")
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Fraction):
        decimal = Decimal(value.numerator) / Decimal(value.denominator)
        return str(decimal) if Fraction(decimal) == value else str(value)
    return "a mapping" if isinstance(value, dict) else str(value)
