"""Every operator against torch, on random configurations."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from cnncalc.cost import Cost
from cnncalc.diagnostic import Mistake
from cnncalc.graph import checked
from cnncalc.num import product
from cnncalc.ops import OPS
from cnncalc.ops.base import Backward, Op, per_axis, values
from cnncalc.ops.field_types import pairs

from . import oracle
from .cases import case, instance
from .settings import CASES

# Per operator: outcomes, and how many values each field took.
COVERAGE: dict[str, tuple[Counter, dict[str, int]]] = {}


def uneven(op: Op, xs: list[tuple[int, ...]]) -> bool:
    if op.padding == "same":
        return op.ceil_mode
    return isinstance(op.padding, tuple) and any(
        isinstance(p, tuple) and p[0] != p[1] for p in op.padding
    )


def wrong_length(op: Op, xs: list[tuple[int, ...]]) -> bool:
    """A list without one entry per axis.

    Torch repeats a single entry, and our modules ignore what is too much.
    """
    lists = (
        getattr(op, field, None)
        for field in (
            "kernel",
            "stride",
            "padding",
            "dilation",
            "output_padding",
            "size",
            "scale",
            "amount",
        )
    )
    return any(isinstance(value, tuple) and len(value) != len(xs[0]) - 1 for value in lists)


def wrong_rank(op: Op, xs: list[tuple[int, ...]]) -> bool:
    return len(xs[0]) not in op.ranks


def leaves_its_input(op: Op, xs: list[tuple[int, ...]]) -> bool:
    """More than there is, nothing at all, or not exactly one way of saying how much."""
    given = [value for value in (op.size, op.amount, op.like) if value is not None]
    if (
        wrong_rank(op, xs)
        or len(given) != 1
        or len(xs) > 1
        and (len(xs[1]) != len(xs[0]) or any(m > n for n, m in zip(xs[0][1:], xs[1][1:])))
    ):
        return True
    wanted = (
        [n - lo - hi for n, (lo, hi) in zip(xs[0][1:], pairs(op.amount, len(xs[0]) - 1))]
        if op.amount is not None
        else per_axis(op.size, len(xs[0]) - 1)
    )
    return op.like is None and any(not 1 <= m <= n for n, m in zip(xs[0][1:], wanted))


def one_against_many(op: Op, xs: list[tuple[int, ...]]) -> bool:
    return any(min(sizes) == 1 < max(sizes) for sizes in zip(*xs))


def odd_table(op: Op, xs: list[tuple[int, ...]]) -> bool:
    if op.padding == "same" and op.padding_mode != "zeros":
        return True
    return op.connections is not None and (
        len(op.connections) != op.out
        or op.groups != 1
        or any(len(set(row)) != len(row) for row in op.connections)
    )


# Where cnncalc refuses on purpose what torch, or our module around it, accepts:
# which cases, and why.
STRICTER: dict[str, tuple[Callable, str]] = {
    "conv": (odd_table, "the table is ours alone; and torch has no `same` at a stride"),
    "linear": (
        wrong_rank,
        "torch maps the last axis of anything; of a map that is almost always a forgotten flatten",
    ),
    "rbf": (wrong_rank, "as linear"),
    "maxpool": (
        uneven,
        "torch has no uneven padding to refuse; windows of padding alone stay forbidden",
    ),
    "avgpool": (uneven, "as maxpool"),
    "dropout2d": (wrong_rank, "torch drops along whatever axis comes first, with a warning"),
    "lrn": (
        wrong_rank,
        "torch's refuses three axes after a permute: test_strided_inputs.py",
    ),
    "slice": (
        lambda op, xs: (
            len(xs[0]) <= op.axis
            or max(op.stop or 0, -(op.start or 0), -(op.stop or 0)) > xs[0][op.axis]
        ),
        "torch clamps what lies past the end in silence",
    ),
    "add": (one_against_many, "torch broadcasts a size that merely happens to be 1"),
    "sub": (one_against_many, "as add"),
    "mul": (one_against_many, "as add"),
    "crop": (leaves_its_input, "slices clamp; there is no crop in torch to ask"),
    "pixel_shuffle": (wrong_rank, "torch takes the axes before the last three as batches"),
    "pixel_unshuffle": (wrong_rank, "as pixel_shuffle"),
    "upsample": (
        lambda op, xs: sum(v is not None for v in (op.scale, op.size, op.like)) != 1,
        "our module lets one of them win",
    ),
    "pad": (
        lambda op, xs: wrong_rank(op, xs) or op.mode != "zeros" and op.value != 0,
        "F.pad lets a vector pass and ignores the value",
    ),
}


def ours(op: Op, xs: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Our shape, or None where we refuse."""
    try:
        return tuple(checked(op, xs))
    except Mistake:
        return None


def bytes_kept(op: Op, xs: list[tuple[int, ...]], y: tuple[int, ...], training: bool) -> int:
    """Our bytes for backward, float32, one image."""
    kept = op.keeps(*xs, y=y, back=Backward(training))
    return (
        4
        * (
            sum(values(xs[n]) for n in kept.inputs)
            + (values(y) if kept.output else 0)
            + kept.values
            + kept.once
        )
        + kept.bytes
    )


@pytest.mark.parametrize("op", OPS, ids=[op.key for op in OPS])
def test_agrees_with_torch(op: type[Op]) -> None:
    rng = random.Random(f"{op.key}")
    seen: dict[str, set] = defaultdict(set)
    outcome: Counter[str] = Counter()
    for _ in range(CASES):
        body, xs = case(op, rng)
        built = instance(op, body)
        if built is None:
            outcome["schema refuses"] += 1
            continue
        for field in built.fields():
            seen[field].add(repr(getattr(built, field)))
        check(built, xs, outcome)
    COVERAGE[op.key] = (outcome, {field: len(found) for field, found in seen.items()})
    assert outcome["both accept"] >= CASES // 20, outcome
    if CASES >= 200:
        covered(op, seen, outcome)


def check(op: Op, xs: list[tuple[int, ...]], outcome: Counter[str]) -> None:
    mine, theirs = ours(op, xs), oracle.run(op, xs)
    at = f"{op!r} on {xs}"
    if mine is None and theirs is None:
        outcome["both refuse"] += 1
        return
    if mine is None or theirs is None:
        outcome["we refuse" if mine is None else "torch refuses"] += 1
        stricter = wrong_length(op, xs) or op.key in STRICTER and STRICTER[op.key][0](op, xs)
        differ = f"{at}: we say {mine}, torch {theirs and theirs.shape}"
        assert mine is None and stricter, differ
        return
    outcome["both accept"] += 1
    assert mine == theirs.shape, at
    assert {k: tuple(v) for k, v in op.weights(*xs).items()} == theirs.parameters, at
    assert {k: tuple(v) for k, v in op.buffers(*xs).items()} == theirs.buffers, at
    assert op.cost(*xs, y=mine).mac == theirs.macs, at
    assert op.storage(*xs) == theirs.storage, at
    assert bytes_kept(op, xs, mine, training=False) == theirs.kept, at
    if theirs.kept_training is not None:
        assert bytes_kept(op, xs, mine, training=True) == theirs.kept_training, at
    assert op.keeps(*xs, y=mine).output == op.keeps_output, at


def test_coverage() -> None:
    """A good part of the cases is refused by both; printed, a line for each operator, with `-s`."""
    if len(COVERAGE) < len(OPS):
        pytest.skip("not all operators ran in this process")
    total: Counter[str] = Counter()
    for key, (outcome, fields) in COVERAGE.items():
        total += outcome
        print(f"{key:18}{dict(outcome)}  values tried: {fields}")
    print("all", dict(total))
    assert total["both refuse"] + total["schema refuses"] > 0.15 * total.total()
    assert total["both refuse"] > 0.05 * total.total()
    assert total["we refuse"] < 0.05 * total.total()


def covered(op: type[Op], seen: dict[str, set], outcome: Counter[str]) -> None:
    """The cases were worth running: every field took three values, or all it has."""
    for field in op.fields():
        if field not in op.layers_named:
            some = op.json_schema()["properties"][field]
            least = 2 if some.get("type") == "boolean" or len(some.get("enum", "123")) == 2 else 3
            assert len(seen[field]) >= least, f"{field} took {seen[field]}"


def test_every_operator_states_its_rules() -> None:
    """No rule is inherited from the contract where silence would mean zero."""
    for op in OPS:
        for rule in ("cost", "keeps", "torch"):
            assert getattr(op, rule) is not getattr(Op, rule), f"{op.key} does not state {rule}"
        assert op.__doc__ and op.key


def test_costs_are_counts() -> None:
    rng = random.Random(1)
    for op in OPS:
        for _ in range(20):
            body, xs = case(op, rng)
            built = instance(op, body)
            if built is None or (y := ours(built, xs)) is None:
                continue
            cost = built.cost(*xs, y=y)
            assert isinstance(cost, Cost)
            assert all(
                isinstance(n, int) and n >= 0
                for n in (cost.mac, cost.add, cost.mul, cost.div, cost.cmp, cost.exp)
            ), (built, xs, cost)
            assert product(y) > 0
