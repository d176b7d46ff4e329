"""Parameters: their defaults as written, and the values they take in one network."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..ops import BY_KEY
from .expression import ExpressionError
from .names import parameter_fault
from .reader import Reader
from .steps import REQUIRED
from .validation import shown
from .values import ANY_WORD, FAULT, evaluate, expression_fault, prepare
from .yaml_tree import Marks

_MOST = 1000  # parameters of a spec, or of a block


def read_parameters(
    reader: Reader,
    data: Mapping[str, Any] | None,
    marks: Marks,
    known: Iterable[str],
    may_be_required: bool,
) -> dict[str, Any]:
    """Prepare the defaults of parameters, in order; each may use those before it and `known`.

    An empty default becomes REQUIRED, where that is allowed.
    """
    if data and len(data) > _MOST:
        message = f"more than {_MOST:,} parameters"
        place = marks.position(reader.file)
        raise Mistake(Diagnostic("CNN004", message, place, help="put values into lists"))
    taken = ChainMap[str, Any](BY_KEY, reader.blocks)
    params: dict[str, Any] = {}
    seen = set(known)
    for name, value in (data or {}).items():
        fault = parameter_fault(name, taken)
        if fault:
            message = f"`{name}` is no name for a parameter"
            reader.report("CNN108", message, marks.key(reader.file, name), fault)
        if value is None and may_be_required:
            params[name] = REQUIRED
        elif isinstance(value, dict) or value is None:
            message = f"`{name}` takes a number, a switch, a word or a list, not {shown(value)}"
            reader.report("CNN103", message, marks.find(name).position(reader.file))
            params[name] = FAULT
        else:
            params[name] = reader.prepared(value, marks.find(name), seen, ANY_WORD)
        seen.add(name)
    return params


def bind(
    defaults: Mapping[str, Any],
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    file: str,
    place: Callable[[str], Position],
) -> dict[str, Any]:
    """Return the values of parameters, in order; each may use those before it.

    A variant's `own` values replace the defaults, and those `given` replace both. `place` finds
    where the value of a parameter is written.

    Errors: a Mistake for an unknown name, or for an expression that has no value.
    """
    for name in given:
        if name not in defaults:
            message = f"--set {name}: {file} has no parameter `{name}`"
            otherwise = f"it has {', '.join(defaults) or 'none'}"
            raise Mistake(misspelled(Diagnostic("CNN111", message), name, defaults, otherwise))
    overrides = {**own, **given}
    values: dict[str, Any] = {}
    known: set[str] = set()
    for name, prepared in defaults.items():
        try:
            if name in overrides:
                prepared = prepare(overrides[name], known, ANY_WORD)
            values[name] = evaluate(prepared, values)
            known.add(name)
        except ExpressionError as error:
            position = None if name in given else place(name)
            raise Mistake(expression_fault(error, position, values)) from None
    return values
