"""Specs that several tests use: the bundled ones, one for each operator, a Siamese network."""

from __future__ import annotations

import contextlib
import random
from fractions import Fraction
from textwrap import dedent
from typing import Any, NamedTuple

from cnncalc import Spec
from cnncalc.diagnostic import Mistake
from cnncalc.graph import checked
from cnncalc.language.load import bundled_specs
from cnncalc.language.yaml_flow import in_yaml
from cnncalc.ops.base import Op

from .cases import body_of, instance
from .settings import FULL


def yaml(block: str) -> str:
    """Return an indented block without its indentation and its first line break."""
    return dedent(block).removeprefix("\n")


class Bundled(NamedTuple):
    """A bundled network: the name that `load` takes, its file, and its variant in that file."""

    name: str
    spec: Spec
    variant: str | None


BUNDLED = [
    Bundled(variant or stem, spec, variant)
    for stem, spec in bundled_specs()
    for variant in spec.members
]

# The first network of each file; in a full run, all of them.
FAMILIES = BUNDLED if FULL else [*{n.spec.file: n for n in reversed(BUNDLED)}.values()][::-1]
# Those whose layers, and not their shapes alone, depend on the size of the input.
FOLLOWING = [one for one in FAMILIES if one.spec.graph(one.variant).follows_input]
FIXED = [one for one in FAMILIES if one not in FOLLOWING]

SIAMESE = yaml("""
    input: {left: [1, 20, 20], right: [1, 20, 20]}
    blocks:
      tower:
        layers: [{conv: {out: 4, kernel: 5, stride: 2}}, relu, globalavgpool, flatten]
    layers:
      - {tower: , name: a}
      - {tower: , from: right, share: a, name: b}
      - sub: [a, b]
      - {linear: 1, name: distance}
    outputs: [distance, a]
""")

_MAP = (4, 8, 8)
_SHAPES = {"affine_grid": (2, 3), "embedding": (12,)}  # of inputs, where no usual one fits
_BODIES = {
    "conv": "{out: 4, kernel: 3}",
    "conv_transpose": "{out: 4, kernel: 3, stride: 2}",
    "linear": "{out: 7, over: channels}",
    "rbf": "3",
    "maxpool": "2",
    "avgpool": "2",
    "lppool": "2",
    "adaptiveavgpool": "3",
    "adaptivemaxpool": "3",
    "reduce": "{what: max, over: channels}",
    "groupnorm": "2",
    "stochastic_depth": "0.1",
    "reshape": "[2, -1]",
    "permute": "[1, 0, 2]",
    "slice": "{stop: 2}",
    "split": "{into: [1, 3], part: 1}",
    "channel_shuffle": "2",
    "pixel_shuffle": "2",
    "pixel_unshuffle": "2",
    "upsample": "{scale: 2, mode: bilinear}",
    "pad": "1",
    "crop": "{amount: 1}",
    "concat": "{a: [], b: []}",
    "stack": "{axis: 2, a: [], b: []}",
    "add": "{a: [], b: []}",
    "sub": "{a: [], b: []}",
    "mul": "{a: [], b: []}",
    "div": "{a: [], b: []}",
    "maximum": "{a: [], b: []}",
    "minimum": "{a: [], b: []}",
    "opaque": "{params: 16, macs: 1024, saved: 0}",
    "unfold": "{kernel: 3, padding: 1}",
    "fold": "{size: [3, 4], kernel: 2}",
    "grid_sample": "{map: [], grid: [slice: {stop: 2}, permute: [1, 2, 0]]}",
    "affine_grid": "[5, 6]",
    "fractional_maxpool": "{kernel: 2, size: 3}",
    "embedding": "{vocabulary: 20, out: 5}",
    "matmul": "{a: [], b: [permute: [0, 2, 1]]}",
    "attention": "2",
    "lstm": "5",
    "gru": "5",
    "rnn": "5",
    "clamp": "{low: 0}",
    "pow": "3",
    "scale": "{by: 2, trained: per_channel}",
    "shift": "{by: 2, trained: per_channel}",
}


def sample(op: type[Op]) -> str:
    """Return a small network of one layer of this operator, `it`.

    `maxunpool` needs a pool before it.

    If the table above has no body for the operator, it gets none, or a random one if it needs one.
    """
    usual = next((shape for shape in (_MAP, (4, 6)) if len(shape) in op.ranks), (16,))
    shape = _SHAPES.get(op.key, usual)
    required = any(field.is_required() for field in op.fields().values())
    if op.reads_places:
        pooled = f"  - maxpool: 2\n  - {op.key}: maxpool1\n    name: it\n"
        return f"input: {list(shape)}\nlayers:\n{pooled}"
    if op.operation is not None:
        moved = f"{{{op.key}: {{out: 4, kernel: 3, offset: places}}, name: it, from: input}}"
        layers = f"  - {{conv: {{out: 18, kernel: 3}}, name: places}}\n  - {moved}\n"
        return f"input: {list(shape)}\nlayers:\n{layers}"
    body = _BODIES.get(op.key) or (in_yaml(_random_body(op, shape)) if required else "")
    if op.choices is not None:
        integers = f"{{shape: {list(shape)}, dtype: integer}}"
        return f"input: {integers}\nlayers:\n  - {op.key}: {body}\n    name: it\n"
    return f"input: {list(shape)}\nlayers:\n  - {op.key}: {body}\n    name: it\n"


def _random_body(op: type[Op], shape: tuple[int, ...]) -> dict[str, Any]:
    """Return a random body that suits an input."""
    rng = random.Random(op.key)
    while True:
        body = body_of(op, rng, len(shape) - 1)
        made = instance(op, body)
        with contextlib.suppress(Mistake):
            if made is not None and checked(made, [shape]):
                return body


def plain(data: Any) -> Any:
    """Return the data of a spec with floats instead of rationals, for other libraries."""
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return float(data) if isinstance(data, Fraction) else data
