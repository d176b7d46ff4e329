"""Reads parameters: their defaults as written, and their values in one network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from math import isfinite
from operator import index
from typing import Any

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..num import NoFormula, Open
from ..ops import BY_KEY
from .expression_limits import ExpressionError, exact
from .names import parameter_fault
from .reader import Reader
from .steps import REQUIRED
from .validation import shown
from .values import ANY_WORD, FAULT, evaluate, expression_fault, prepare
from .yaml_tree import Marks

_MOST = 1000  # most parameters of a spec or of a block


def read_parameters(
    reader: Reader,
    data: Mapping[str, Any] | None,
    marks: Marks,
    known: Iterable[str],
    may_be_required: bool,
) -> dict[str, Any]:
    """Prepare the defaults of parameters, in order; each may use earlier ones and `known`.

    An empty default becomes REQUIRED if `may_be_required`.
    """
    if data and len(data) > _MOST:
        message = f"there are more than {_MOST:,} parameters"
        place = marks.position(reader.file)
        raise Mistake(Diagnostic("CNN004", message, place, help="put values into lists"))
    params: dict[str, Any] = {}
    seen = set(known)
    for name, value in (data or {}).items():
        fault = parameter_fault(name, BY_KEY, reader.blocks)
        if fault:
            message = f"`{name}` cannot be the name of a parameter"
            reader.report("CNN108", message, marks.key(reader.file, name), fault)
        if value is None and may_be_required:
            params[name] = REQUIRED
        elif isinstance(value, dict) or value is None:
            message = (
                f"`{name}` takes a number, true or false, a word or a list, not {shown(value)}"
            )
            reader.report("CNN103", message, marks.find(name).position(reader.file))
            params[name] = FAULT
        else:
            params[name] = reader.prepared(value, marks.find(name), seen, ANY_WORD)
        seen.add(name)
    return params


def as_written(value: Any) -> Any:
    """Return a value of Python as a spec has it: floats as fractions, tuples as lists.

    A float counts as the decimal that Python prints.

    >>> as_written((0.1, 2.0, 3))
    [Fraction(1, 10), 2, 3]
    """
    if isinstance(value, Open):
        return value
    if isinstance(value, (list, tuple)):
        return [*map(as_written, value)]
    if isinstance(value, float) and isfinite(value):
        value = Fraction(repr(float(value)))
    if isinstance(value, Fraction):
        return exact(value)
    if hasattr(value, "__index__") and not isinstance(value, bool):  # such as numpy's integers
        return index(value)
    return value


def bind(
    defaults: Mapping[str, Any],
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    file: str,
    place: Callable[[str], Position],
) -> dict[str, Any]:
    """Return the values of parameters, in order; each may use earlier ones.

    A variant's `own` values replace the defaults, and those `given` replace both. `place` returns
    where the value of a parameter is written.

    Errors: a Mistake for an unknown name, or for an expression that has no value.
    """
    if not isinstance(given, Mapping):
        message = f"parameters are set by name, as in {{'width': 48}}, not by {shown(given)}"
        raise Mistake(Diagnostic("CNN111", message))
    for name in given:
        if name not in defaults:
            message = f"--set {name}: {file} has no parameter `{name}`"
            otherwise = "this spec has no parameters"
            if defaults:
                otherwise = f"it has {', '.join(defaults)}"
            raise Mistake(misspelled(Diagnostic("CNN111", message), name, defaults, otherwise))
    overrides = {**own, **{name: as_written(value) for name, value in given.items()}}
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
        except NoFormula as error:
            message = f"the parameter `{name}` has no formula: {error}"
            raise Mistake(Diagnostic("CNN210", message, place(name))) from None
    return values
