"""Describes the operators: what each takes and computes, from its class."""

from __future__ import annotations

import sys
from typing import Any, NamedTuple, get_args

from pydantic.fields import FieldInfo

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..language.foreign_words import Advice, meaning_of
from ..language.inputs import INTEGER
from ..language.load import from_text
from ..language.yaml_flow import in_yaml
from ..ops import BY_KEY, OPS
from ..ops.base import Op
from ..ops.docstring import Docstring, docstring
from ..ops.words import Translation
from ..wording import either
from .analyze import analyze
from .explain import explain
from .field_arithmetic import Quantity

_AXES = {
    1: "[F]",
    2: "[C, L]",
    3: "[C, H, W]",
    4: "[C, D, H, W]",
    5: "[C, n, n, n, n]",
    6: "[C, n, n, n, n, n]",
}
_PAGES = "https://docs.pytorch.org/docs/stable/generated/"


class OperatorField(NamedTuple):
    """One field: its meaning, the values that it takes, and its other names."""

    name: str
    meaning: str
    accepts: str
    required: bool
    default: Any
    main: bool  # whether a bare value sets it
    aliases: tuple[str, ...]


class Operator(NamedTuple):
    """One operator; `aliases` are its names in other frameworks, in lower case without `_`."""

    name: str
    family: str
    text: Docstring
    inputs: str
    fields: tuple[OperatorField, ...]
    aliases: tuple[str, ...]

    @property
    def torch_pages(self) -> tuple[str, ...]:
        """Return the addresses of its pages in torch's documentation."""
        return tuple(f"{_PAGES}{name}.html" for name in self.text.torch_names)


class Worked(NamedTuple):
    """An operator with the arithmetic of its example; `note` explains another name for it."""

    operator: Operator
    note: str | None
    arithmetic: list[Quantity]


def operators() -> list[Operator]:
    """Return every operator, in the order of the registry."""
    return [_operator(op) for op in OPS]


def worked(word: str) -> Worked:
    """Return an operator by its name here or in another framework.

    Errors: a Mistake for a word that names no operator; it says what to do instead.
    """
    op = BY_KEY.get(word)
    note = None
    if op is None:
        found = meaning_of(word)
        if not isinstance(found, Translation):
            raise Mistake(_unknown(word, found))
        op, note = found.op, _note(word, found)
    operator = _operator(op)
    return Worked(operator, note, _arithmetic(operator))


def _operator(op: type[Op]) -> Operator:
    text = docstring(op)
    called: dict[str, list[str]] = {}
    for alias, name in op.field_aliases.items():
        called.setdefault(name, []).append(alias)
    fields = [
        OperatorField(
            name=name,
            meaning=text.fields.get(name, ""),
            accepts=_accepts(field),
            required=field.is_required(),
            default=None if field.is_required() else field.default,
            main=name == op.main,
            aliases=tuple(called.get(name, ())),
        )
        for name, field in op.fields().items()
    ]
    fields.sort(key=lambda field: not field.required)
    own = vars(op)
    return Operator(
        name=op.key,
        family=_family(op),
        text=text,
        inputs=_inputs(op),
        fields=tuple(fields),
        aliases=tuple(dict.fromkeys([*own.get("aliases", ()), *own.get("meanings", ())])),
    )


def _family(op: type[Op]) -> str:
    """Return the family of an operator: the first words of its file's docstring."""
    first = (sys.modules[op.__module__].__doc__ or "").split("\n")[0]
    return first.rstrip(".").partition(":")[0]


def _inputs(op: type[Op]) -> str:
    """Return which input shapes an operator takes."""
    shapes = either([_AXES[rank] for rank in op.ranks])
    if op.choices is not None:
        return f"integers, {shapes}"
    if not op.joins():
        return shapes
    fewest = "two" if op.inputs[0] > 1 else "one"
    count = f"{fewest} or more" if op.inputs[1] is None else fewest
    return f"{count} branches of {shapes}"


def _accepts(field: FieldInfo) -> str:
    """Return which values a field takes; the type that describes them may be inside `… | None`."""
    if field.description:
        return field.description
    for part in get_args(field.annotation):
        for info in getattr(part, "__metadata__", ()):
            if isinstance(info, FieldInfo) and info.description:
                return info.description
    return ""


def _arithmetic(operator: Operator) -> list[Quantity]:
    """Return the arithmetic of an operator's example."""
    example = operator.text.example
    if example is None:
        return []
    shape = list(example.input)
    reads_integers = BY_KEY[operator.name].choices is not None
    given = {"shape": shape, "dtype": INTEGER} if reads_integers else shape
    spec = from_text(f"input: {in_yaml(given)}\nlayers:\n  - {example.layer}\n")
    report = analyze(spec).or_mistake()
    return explain(report, report.rows[-1].path, runs=False)


def _note(word: str, found: Translation) -> str:
    """Return how to write a layer of another framework here."""
    op, meaning = found
    note = f"`{word}` is `{op.key}` here"
    if meaning.settings:
        note += f" with `{in_yaml(dict(meaning.settings))[1:-1]}`"
    if meaning.bare:
        note += f", and its bare value sets `{meaning.bare}`"
    return f"{note}; {meaning.note}." if meaning.note else f"{note}."


def _unknown(word: str, advice: Advice | None) -> Diagnostic:
    fault = Diagnostic("CNN111", f"unknown operator `{word}`")
    if advice is not None:
        return fault._replace(help=advice.text)
    return misspelled(fault, word, BY_KEY, "`cnncalc ops` lists the operators")
