"""Says what Keras does not have of the operators of specs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...num import Shape
from ...ops.base import Op
from .functions import FUNCTIONS, function_name

_IDLE = frozenset(("inplace",))  # fields that say nothing about values
_REDUCED = ("mean", "sum", "max", "min")


def refusal(op: Op, xs: Sequence[Shape], y: Shape) -> str | None:
    """Return what Keras does not have of a layer; None if it has all of it."""
    function = FUNCTIONS.get(function_name(op.key))
    if function is None:
        return f"Keras has no `{op.key}`"
    for name, field in op.fields().items():
        value = getattr(op, name)
        is_default = not field.is_required() and value == field.default
        if name not in function.fields and name not in _IDLE and not is_default:
            return f"Keras's `{op.key}` has no `{name}: {value}`"
    special = _SPECIAL.get(op.key)
    return special(op.settings(*xs), xs, y) if special else None


def _conv(found: Mapping[str, Any], xs: Sequence[Shape], y: Shape) -> str | None:
    if max(found["stride"], default=1) > 1 and max(found["dilation"], default=1) > 1:
        return "Keras's `conv` has a stride or a dilation, not both"
    return None


def _conv_transpose(found: Mapping[str, Any], xs: Sequence[Shape], y: Shape) -> str | None:
    sides = (side if isinstance(side, tuple) else (side, side) for side in found["padding"])
    if any(more > hi for more, (_, hi) in zip(found["output_padding"], sides)):
        return "Keras's `conv_transpose` adds no positions at the end"
    return _conv(found, xs, y)


def _over(found: Mapping[str, Any], xs: Sequence[Shape], y: Shape) -> str | None:
    if len(xs[0]) > 1 and found["over"] != "channels":
        return "only vectors along the channels are next to each other in Keras"
    return None


def _upsample(found: Mapping[str, Any], xs: Sequence[Shape], y: Shape) -> str | None:
    mode = found["mode"]
    is_whole = all(m % n == 0 for n, m in zip(xs[0][1:], y[1:]))
    if mode == "nearest" and is_whole:
        return None
    if mode == "bilinear" and len(y) == 3 and (is_whole or found["scale"] is None):
        return None
    return f"Keras resizes with other rules than `mode: {mode}` of torch here"


def _reduce(found: Mapping[str, Any], xs: Sequence[Shape], y: Shape) -> str | None:
    what = found["what"]
    return None if what in _REDUCED else f"the source has no function for `what: {what}`"


_SPECIAL: dict[str, Callable[[Mapping[str, Any], Sequence[Shape], Shape], str | None]] = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "linear": _over,
    "layernorm": _over,
    "upsample": _upsample,
    "reduce": _reduce,
}
