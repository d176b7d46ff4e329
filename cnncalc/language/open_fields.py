"""Makes operators whose fields have open values: arrays of many variants, or symbols.

pydantic stays the only schema. It checks the smallest and the largest value of a field, since each
field takes an interval of numbers, and the open values are put in afterwards. Words and switches
are decided: they make another layer, not another number.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from ..num import Open, choose, is_open
from ..ops.base import Op

_PROBES = 64  # values of an array that are tried to find where a field takes them
Model = TypeVar("Model", bound=Any)


def made(model: type[Model], data: dict[str, Any]) -> Model:
    """Return an operator or another model with these fields.

    Errors: pydantic's ValidationError if the values are wrong for all variants, and a decision
    about an array of which only some values are right.
    """
    if not any(map(is_open, data.values())):
        plain: Model = model(**data)
        return plain
    data = {key: _decided(model, key, value) for key, value in data.items()}
    opened = {key: value for key, value in data.items() if is_open(value)}
    smallest, largest = (
        {**data, **{key: _end(value, n) for key, value in opened.items()}} for n in (0, 1)
    )
    try:
        found: Model = model(**smallest)
        if smallest != largest:
            model(**largest)
    except ValidationError:
        for key, value in opened.items():
            _divide(value, lambda one, key=key: _accepts(model, {**smallest, key: one}, key))
        raise
    vars(found).update(opened)
    return found


def _decided(model: type[Any], key: str, value: Any) -> Any:
    """Return a field's value with its conditions and words decided, and fractions where whole."""
    if type(value) is tuple:
        return tuple(_decided(model, key, part) for part in value)
    if not isinstance(value, Open):
        return value
    if not issubclass(model, Op) or key not in model.fields() or key in model.settled:
        return value.one()
    if value.is_condition or not _takes(model.fields()[key].annotation, (int, float, Fraction)):
        return value.one()
    if not _takes(model.fields()[key].annotation, (float, Fraction)):
        whole = bool(getattr(value, "is_whole", True))  # a decision, where only some are whole
        if whole and hasattr(value, "is_whole"):
            return floor(value)
    return value


def _takes(annotation: Any, kinds: tuple[Any, ...]) -> bool:
    return annotation in kinds or any(_takes(part, kinds) for part in get_args(annotation))


def _end(value: Any, n: int) -> Any:
    """Return the smallest (n = 0) or largest (n = 1) values of a field; 1 for unknown ones."""
    if type(value) is tuple:
        return tuple(_end(part, n) for part in value)
    if not isinstance(value, Open):
        return value
    end = value.ends()[n]
    return 1 if end is None else end


def _accepts(model: type[Any], data: dict[str, Any], key: str) -> bool:
    """Return whether pydantic has nothing against this field."""
    try:
        model(**data)
    except ValidationError as error:
        return all(item["loc"][0] != key for item in error.errors(include_url=False))
    return True


def _divide(value: Any, accepts: Callable[[Any], bool]) -> None:
    """Ask for a decision between the values that a field takes and the others, if it has both."""
    if type(value) is tuple:
        for n, part in enumerate(value):
            _divide(
                part,
                lambda one, n=n: accepts(tuple(_end((*value[:n], one, *value[n + 1 :]), 0))),
            )
        return
    low, high = value.ends() if isinstance(value, Open) else (None, None)
    if low is None or low == high:
        return
    step = Fraction(high - low) / _PROBES
    whole = isinstance(low, int)
    tried = [low + (int(n * step) if whole else n * step) for n in range(_PROBES)]
    taken = [n for n in [*tried, high] if accepts(n)]
    if not taken:
        return
    first = _edge(low, taken[0], accepts)
    last = _edge(high, taken[-1], accepts)
    bool(choose(value >= first, value <= last, False))


def _edge(outside: Any, inside: Any, accepts: Callable[[Any], bool]) -> Any:
    """Return the value next to the last one that is refused, between one refused and one taken."""
    if accepts(outside):
        return outside
    for _ in range(80):
        middle = outside + inside
        middle = middle // 2 if isinstance(middle, int) else middle / 2
        if middle in (outside, inside):
            break
        if accepts(middle):
            inside = middle
        else:
            outside = middle
    return inside
