"""Draws random configurations of any operator from its own schema, and random inputs for them.

Nothing here knows an operator by name, so a new operator is covered at once.
"""

from __future__ import annotations

import contextlib
import math
import random
from fractions import Fraction
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from cnncalc.diagnostic import Mistake
from cnncalc.graph import checked
from cnncalc.ops import OPS
from cnncalc.ops.axes import MOST_AXES
from cnncalc.ops.base import Op
from cnncalc.ops.shapes import per_axis

# Operators that have shapes, weights and costs of their own; for the others, see test_opaque.py
# and test_unpool.py.
COUNTED = tuple(op for op in OPS if not op.declared and not op.reads_places)
# Those that torch computes from numbers alone; for the others, see test_embedding.py and
# test_deform.py.
COMPUTED = tuple(op for op in COUNTED if op.choices is None and op.operation is None)
SMALL = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8)


def value_of(schema: dict[str, Any], rng: random.Random, n: int) -> Any:
    """Return a random value of a JSON schema. Most lists have n entries, one per spatial axis."""
    if "anyOf" in schema:
        return value_of(rng.choice(schema["anyOf"]), rng, n)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema.get("type")
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "integer":
        low = schema.get("minimum", schema.get("exclusiveMinimum", -4))
        if rng.random() >= 0.95:
            return rng.choice([9, 12, 16])
        small = [v for v in SMALL if v >= low] + [-v for v in SMALL if -v >= low]
        return rng.choice([low - 1, low, *small])
    if kind == "number":
        if schema.get("maximum", 3) > 1:
            return rng.choice([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])
        return rng.choice([0.0, 0.1, 0.2, 0.5, 0.9, 1.0])
    if kind == "array":
        if "prefixItems" in schema:
            return tuple(value_of(item, rng, n) for item in schema["prefixItems"])
        length = rng.choice([n, n, n, n, n + 1, rng.randint(0, 4)])
        return tuple(value_of(schema["items"], rng, n) for _ in range(length))
    if kind == "null":
        return None
    raise NotImplementedError(schema)


def body_of(op: type[Op], rng: random.Random, n: int) -> dict[str, Any]:
    """Return a random body: all required fields, and almost half of the others."""
    schema = op.json_schema()
    body = {}
    for name, field in schema.get("properties", {}).items():
        if name in op.layers_named:
            continue
        if name in schema.get("required", ()) or rng.random() >= 0.55:
            body[name] = value_of(field, rng, n)
    return body


def plausible(
    op: type[Op], body: dict[str, Any], rng: random.Random, x: tuple[int, ...]
) -> dict[str, Any]:
    """Return the body with fitting tables, orders and shapes, which random values rarely are."""
    if "connections" in body and body["connections"] is not None and rng.random() < 0.8:
        rows = (rng.sample(range(x[0]), rng.randint(1, x[0])) for _ in range(body["out"]))
        body["connections"] = tuple(tuple(sorted(row)) for row in rows)
        body.pop("groups", None)
    if {"size", "ratio"} <= op.fields().keys() and rng.random() < 0.8:
        body = {"kernel": rng.choice((1, 2, 2, 3))}
        given = rng.choice(("size", "ratio"))
        body[given] = rng.randint(1, 4) if given == "size" else rng.choice((0.25, 0.5, 0.75))
    if "order" in body and rng.random() < 0.8:
        body["order"] = tuple(rng.sample(range(len(x)), len(x)))
    if isinstance(body.get("over"), tuple) and rng.random() < 0.8:
        body["over"] = tuple(rng.sample(range(len(x)), rng.randint(1, len(x))))
    if "into" in body and rng.random() < 0.9:
        body["axis"] = rng.randrange(len(x))
        n = x[body["axis"]]
        cuts = sorted(rng.sample(range(1, n), rng.randint(0, min(n - 1, 2))))
        sizes = tuple(b - a for a, b in zip((0, *cuts), (*cuts, n)))
        body["into"] = rng.choice((sizes, rng.choice([d for d in range(1, n + 1) if n % d == 0])))
        parts = len(sizes) if body["into"] == sizes else body["into"]
        body["part"] = rng.randrange(parts)
    if "sizes" in body and rng.random() < 0.8:
        total = 1
        for size in x:
            total *= size
        first = rng.choice([d for d in range(1, total + 1) if total % d == 0])
        body["sizes"] = rng.choice(
            [(first, total // first), (first, 1, total // first), (-1, first), (total,), (1, -1)]
        )
    often = 0.4 if "output_padding" in op.fields() else 0.8
    if op.layers_named and not {"scale", "size", "amount"} & body.keys() and rng.random() < often:
        body[op.layers_named[0]] = "other"
        if rng.random() < 0.8:
            body.pop("output_padding", None)
            if body.get("padding") == "same":
                body["padding"] = 0
    if "heads" in body and rng.random() < 0.7:
        body["heads"] = rng.choice([h for h in range(1, x[-1] + 1) if x[-1] % h == 0])
    return body


def shape(rng: random.Random, rank: int) -> tuple[int, ...]:
    """Return a small input, (C, *spatial)."""
    sizes = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12) if rank < 4 else (1, 2, 3, 4, 5, 6, 7)
    channels = rng.choice((1, 2, 3, 4, 6, 8, 12))
    return (channels, *(rng.choice(sizes) for _ in range(rank - 1)))


def case(
    op: type[Op], rng: random.Random, axes: int = MOST_AXES
) -> tuple[dict[str, Any], list[tuple[int, ...]]]:
    """Return a body and input shapes with at most so many axes. Some of them are invalid."""
    ranks = [rank for rank in op.ranks if rank <= axes]
    rank = rng.choice(ranks) if rng.random() < 0.97 else rng.randint(1, 4)
    x = shape(rng, rank)
    body = plausible(op, body_of(op, rng, rank - 1), rng, x)
    if {"size", "kernel"} <= op.fields().keys() and op.ranks == (2,) and rng.random() < 0.7:
        x = _columns(op, body, rng) or x
    if "size" in op.fields() and "kernel" not in op.fields() and op.ranks == (2,):
        x = rng.choice(((2, 3), (3, 4), (2, 3), (3, 4), x))  # matrices of affine maps
        if rng.random() < 0.7:
            body["size"] = tuple(rng.randint(1, 9) for _ in range(x[0]))
    if op.operation is not None:
        return _moved(op, body, x, rng)
    fewest, most = op.inputs
    count = rng.randint(max(fewest, 1), 4) if most is None else fewest
    xs = [x]
    for _ in range(count - 1):
        near = list(x)
        if rng.random() < 0.5:
            near[0] = rng.choice((1, 2, 3, x[0]))
        if rng.random() < 0.2:
            near[-1] = rng.choice((1, near[-1], near[-1] + 1))
        if most == 2 and rank > 1 and rng.random() < 0.8:
            near = [*x[:-2], x[-1], rng.choice((1, 2, 3, 5))]  # matrices that fit
            if rng.random() < 0.5:
                near[-2:] = rng.choice((1, 2, 3, 5)), rank - 1  # coordinates on each axis
        xs.append(tuple(near))
    if any(body.get(name) for name in op.layers_named):
        other = shape(rng, rank if rng.random() < 0.9 else rng.randint(2, 4))
        if op.reads_named and len(x) > 1 and rng.random() < 0.8:
            other = (*x[:-2], rng.randint(1, 8), body.get("memory_features") or x[-1])
        xs.append(_near_output(op, body, x, rng) or other)
    return body, xs


def _columns(op: type[Op], body: dict[str, Any], rng: random.Random) -> tuple[int, ...] | None:
    """Return a shape of columns that torch makes of a map with the body's size and windows."""
    body.pop("like", None)
    body["size"] = (rng.randint(1, 9), rng.randint(1, 9))
    window = {key: body[key] for key in ("kernel", "stride", "padding", "dilation") if key in body}
    names = {"kernel": "kernel_size"}
    with contextlib.suppress(RuntimeError, TypeError, ValueError):
        unfold = nn.Unfold(**{names.get(key, key): value for key, value in window.items()})
        return tuple(unfold(torch.zeros(1, rng.randint(1, 3), *body["size"])).shape[1:])
    return None


def _moved(
    op: type[Op], body: dict[str, Any], x: tuple[int, ...], rng: random.Random
) -> tuple[dict[str, Any], list[tuple[int, ...]]]:
    """Return a body that names layers which move a window, and shapes; most of them fit.

    The layers have the size of the output, and two channels, or one, for each weight of a filter.
    """
    if rng.random() < 0.7:
        body["groups"] = rng.choice([g for g in (1, 1, 2, 3, 4) if x[0] % g == 0])
        body["out"] = body["groups"] * rng.randint(1, 4)
        body["kernel"] = rng.choice((1, 2, 3, (2, 3)))
    count = rng.choice((1, 2))
    body |= dict(zip(op.layers_named, ("other", "another")[:count]))
    built = instance(op, body)
    try:
        assert built is not None
        sizes = tuple(built.shape(x)[1:])
        taps = math.prod(per_axis(built.kernel, len(x) - 1))  # type: ignore[attr-defined]
    except (AssertionError, IndexError, ZeroDivisionError):
        return body, [x] * (1 + count)
    parts = rng.choice([g for g in range(1, x[0] + 1) if x[0] % g == 0] + [2, 3])
    named = [[2 * taps * parts, *sizes], [taps * parts, *sizes]][:count]
    if rng.random() < 0.2:
        axis = rng.randrange(1 + len(sizes))
        rng.choice(named)[axis] += rng.choice((-1, 1, 2))
    return body, [x, *(tuple(max(n, 1) for n in shape) for shape in named)]


def _near_output(
    op: type[Op], body: dict[str, Any], x: tuple[int, ...], rng: random.Random
) -> tuple[int, ...] | None:
    """Return a shape with about the sizes of the output, where it can have several sizes."""
    if "output_padding" not in op.fields() or rng.random() < 0.2:
        return None
    named = op.layers_named[0]
    bare = instance(op, {key: value for key, value in body.items() if key != named})
    with contextlib.suppress(Mistake):
        if bare is not None:
            y = checked(bare, [x])
            return (3, *(max(n + rng.randint(0, 1), 1) for n in y[1:]))
    return None


def instance(op: type[Op], body: dict[str, Any]) -> Op | None:
    """Return the operator, or None if its schema refuses the body."""
    if isinstance(body.get("scale"), float):
        body = {**body, "scale": Fraction(body["scale"])}
    try:
        return op(**body)
    except ValidationError:
        return None
