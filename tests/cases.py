"""Random configurations of any operator, drawn from its own schema, and random inputs for them.

Nothing here knows an operator by name: a new one is covered as it is.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from cnncalc.ops.base import Op

SMALL = (1, 1, 2, 2, 3, 3, 4, 5, 6, 8)


def value_of(schema: dict[str, Any], rng: random.Random, n: int) -> Any:
    """Return a random value of a JSON schema, where most lists have n entries: the spatial axes."""
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
    """Return a random body: required fields, and each other one in almost half of the cases."""
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
    """Return the body with what random values would hardly ever fit: tables, orders, shapes."""
    if "connections" in body and body["connections"] is not None and rng.random() < 0.8:
        rows = (rng.sample(range(x[0]), rng.randint(1, x[0])) for _ in range(body["out"]))
        body["connections"] = tuple(tuple(sorted(row)) for row in rows)
        body.pop("groups", None)
    if "order" in body and rng.random() < 0.8:
        body["order"] = tuple(rng.sample(range(len(x)), len(x)))
    if "sizes" in body and rng.random() < 0.8:
        total = 1
        for size in x:
            total *= size
        first = rng.choice([d for d in range(1, total + 1) if total % d == 0])
        body["sizes"] = rng.choice(
            [(first, total // first), (first, 1, total // first), (-1, first), (total,), (1, -1)]
        )
    if op.layers_named and not {"scale", "size", "amount"} & body.keys() and rng.random() < 0.8:
        body[op.layers_named[0]] = "other"
    return body


def shape(rng: random.Random, rank: int) -> tuple[int, ...]:
    """Return a small input, (C, *spatial)."""
    sizes = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12) if rank < 4 else (1, 2, 3, 4, 5, 6, 7)
    channels = rng.choice((1, 2, 3, 4, 6, 8, 12))
    return (channels, *(rng.choice(sizes) for _ in range(rank - 1)))


def case(op: type[Op], rng: random.Random) -> tuple[dict[str, Any], list[tuple[int, ...]]]:
    """Return a body and input shapes, some of which nobody accepts."""
    rank = rng.choice(op.ranks) if rng.random() < 0.97 else rng.randint(1, 4)
    x = shape(rng, rank)
    body = plausible(op, body_of(op, rng, rank - 1), rng, x)
    fewest, most = op.inputs
    count = rng.randint(max(fewest, 1), 4) if most is None else 1
    xs = [x]
    for _ in range(count - 1):
        near = list(x)
        if rng.random() < 0.5:
            near[0] = rng.choice((1, 2, 3, x[0]))
        if rng.random() < 0.2:
            near[-1] = rng.choice((1, near[-1], near[-1] + 1))
        xs.append(tuple(near))
    if any(body.get(name) for name in op.layers_named):
        xs.append(shape(rng, rank if rng.random() < 0.9 else rng.randint(2, 4)))
    return body, xs


def instance(op: type[Op], body: dict[str, Any]) -> Op | None:
    """Return the operator, or None where its schema refuses the body."""
    if isinstance(body.get("scale"), float):
        body = {**body, "scale": Fraction(body["scale"])}
    try:
        return op(**body)
    except ValidationError:
        return None
