"""Types of the operators' fields, and what `padding` means."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from pydantic import BeforeValidator, Field

from ..num import Num, Shape, ceil_div

# Larger sizes are of no use, and their products would grow without bound.
LARGEST = 10**9


def _exact(value: Any) -> Any:
    return (
        float(value)
        if isinstance(value, (int, Fraction)) and not isinstance(value, bool)
        else value
    )


def _rational(value: Any) -> Any:
    return (
        Fraction(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool)
        else value
    )


_positive = Annotated[int, Gt(0), Field(le=LARGEST)]
_natural = Annotated[int, Ge(0), Field(le=LARGEST)]
_pair = tuple[_natural, _natural]

Positive = Annotated[_positive, Field(description="a positive integer")]
Natural = Annotated[_natural, Field(description="an integer ≥ 0")]
NullableSize = _positive | None
PerAxis = Annotated[
    _positive | tuple[_positive, ...],
    Field(description="a positive integer, or a list with one per spatial axis"),
]
PerAxisNatural = Annotated[
    _natural | tuple[_natural, ...],
    Field(description="an integer ≥ 0, or a list with one per spatial axis"),
]
Amount = Annotated[
    _natural | tuple[_natural | _pair, ...],
    Field(
        description="an integer ≥ 0, or a list with one entry per spatial axis, "
        "each an integer or [before, after]"
    ),
]
Sides = _natural | tuple[_natural | _pair, ...]
Padding = Annotated[
    Sides | Literal["valid", "same", "full"],
    Field(
        description="an integer ≥ 0, `valid`, `same`, `full`, or a list with one entry per spatial "
        "axis, each an integer or [before, after]"
    ),
]
Flag = Annotated[bool, Field(description="true or false")]
Real = Annotated[float, BeforeValidator(_exact), Field(allow_inf_nan=False, description="a number")]
PositiveReal = Annotated[
    float,
    BeforeValidator(_exact),
    Gt(0),
    Field(allow_inf_nan=False, description="a positive number"),
]
Probability = Annotated[
    float, BeforeValidator(_exact), Field(ge=0, le=1, description="a number from 0 to 1")
]
_scale = Annotated[
    Fraction, BeforeValidator(_rational, json_schema_input_type=float), Gt(0), Field(le=LARGEST)
]
Scale = Annotated[
    _scale | tuple[_scale, ...],
    Field(description="a positive number, or a list with one per spatial axis"),
]
VERBATIM = "verbatim"  # in a field's metadata: its text is no expression
ARGUMENTS = "arguments"  # its value is pairs of names and values; a spec has a mapping
LayerName = Annotated[str, Field(description="the name of a layer")]
FillMode = Annotated[
    Literal["zeros", "reflect", "replicate", "circular"],
    Field(description="zeros, reflect, replicate or circular"),
]


# Words of other frameworks for the fills, and for paddings.
FILL_WORDS = {
    "constant": "zeros",
    "zero": "zeros",
    "reflection": "reflect",
    "edge": "replicate",
    "replication": "replicate",
    "wrap": "circular",
    "periodic": "circular",
}
PADDING_WORDS = {"same_upper": "same"}


def pads(
    padding: Any, sizes: Shape, k: tuple[int, ...], s: tuple[int, ...], d: tuple[int, ...]
) -> tuple[tuple[Num, Num], ...]:
    """Return what is added before and after each axis, for windows k, strides s and dilations d.

    `same` makes ⌈n/s⌉ windows, with the odd position after the input, as TensorFlow does (and torch
    at stride 1). With a stride above 1 its amounts depend on the size n, which must then be an int.
    """
    reach = tuple(e * (w - 1) for w, e in zip(k, d))
    if padding == "valid":
        return ((0, 0),) * len(k)
    if padding == "full":
        return tuple((r, r) for r in reach)
    if padding == "same":
        total = (
            r if t == 1 else max((ceil_div(n, t) - 1) * t + r + 1 - n, 0)
            for n, r, t in zip(sizes, reach, s)
        )
        return tuple((t // 2, t - t // 2) for t in total)
    return pairs(padding, len(k))


def pairs(amount: Any, n: int) -> tuple[tuple[int, int], ...]:
    """Return one pair per axis: ``2`` → ((2, 2), …), ``(1, (0, 2))`` → ((1, 1), (0, 2))."""
    each = amount if isinstance(amount, tuple) else (amount,) * n
    return tuple(a if isinstance(a, tuple) else (a, a) for a in each)


def each_side(amounts: Sequence[tuple[Num, Num]]) -> Any:
    """Return amounts before and after each axis as a person would write them.

    >>> each_side([(1, 1), (1, 1)]), each_side([(0, 0), (1, 1)]), each_side([(0, 1), (0, 1)])
    (1, (0, 1), ((0, 1), (0, 1)))
    """
    if any(low != high for low, high in amounts):
        return tuple(amounts)
    lows = [low for low, _ in amounts]
    return lows[0] if len(set(lows)) == 1 else tuple(lows)
