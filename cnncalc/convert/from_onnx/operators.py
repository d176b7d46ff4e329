"""Finds the operator that a node of ONNX is; each operator's class says so itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

from ...diagnostic import Mistake
from ...graph import checked
from ...num import NoFormula, Shape
from ...ops import OPS
from ...ops.base import Op
from ...ops.onnx_call import OnnxCall
from ..layers import Unknown, why_refused
from .constants import Constant


def _by_name() -> dict[str, list[type[Op]]]:
    found: dict[str, list[type[Op]]] = {}
    for op in OPS:
        for name in op.onnx:
            found.setdefault(name, []).append(op)
    return found


_OPERATORS = _by_name()


class Found(NamedTuple):
    """The operator that a node is, with its fields, its parameters and the shape of its output."""

    op: type[Op]
    body: Mapping[str, Any]
    weights: Mapping[str, Constant]
    buffers: frozenset[str]
    shape: Shape


def names() -> list[str]:
    """Return the names in ONNX of all operators."""
    return list(_OPERATORS)


def operator_of(
    name: str,
    attributes: Mapping[str, Any],
    x: Shape,
    others: Sequence[Constant | None],
) -> Found:
    """Return the operator that a node is; `others` are its inputs after the first.

    Errors: Unknown if no operator computes the same.
    """
    reasons = []
    for op in _OPERATORS.get(name, ()):
        held = {
            own: given for own, given in zip(op.onnx_weights, others) if own and given is not None
        }
        shapes = {own: given.sizes for own, given in held.items()}
        numbers = {
            n: given.values
            for n, given in enumerate(others, 1)
            if given is not None and given.values and n > len(op.onnx_weights)
        }
        try:
            body = op.of_onnx(OnnxCall(name, attributes, shapes, numbers, (x,)))
            if body is None:
                continue
            found = op(**body)
            y = checked(found, [x])
            weights = _as_here({**found.weights(x), **found.buffers(x)}, held)
        except (ValueError, ArithmeticError, Mistake, NoFormula) as error:
            reasons.append(f"{op.key}: {why_refused(error)}")
            continue
        if weights is not None:
            return Found(op, body, weights, frozenset(found.buffers(x)), y)
        reasons.append(f"{op.key} has other parameters")
    raise Unknown("; ".join(reasons) or f"no operator is {name}")


def _as_here(
    own: Mapping[str, Shape], held: Mapping[str, Constant]
) -> Mapping[str, Constant] | None:
    """Return the parameters of a node with the shapes of an operator; None if they are others.

    Only axes of 1 may differ.
    """
    wanted = {name: tuple(shape) for name, shape in own.items() if shape != ()}
    if wanted.keys() != held.keys():
        return None
    found = {}
    for name, shape in wanted.items():
        given = held[name]
        if _without_ones(shape) != _without_ones(given.sizes) or prod(shape) != prod(given.sizes):
            return None
        found[name] = given.moved(shape, given.values)
    return found


def _without_ones(shape: Shape) -> list[Any]:
    return [size for size in shape if size != 1]
