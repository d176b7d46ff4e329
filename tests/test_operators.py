"""Every operator agrees with torch, on random configurations."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable

import pytest

from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.widths import Widths
from cnncalc.cost import Cost
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.num import product
from cnncalc.ops.base import Op
from cnncalc.ops.field_types import pairs
from cnncalc.ops.kept import Backward
from cnncalc.ops.shapes import per_axis, values

from . import oracle
from .cases import COUNTED, body_of, case, instance, plausible, shape
from .settings import CASES

# For each operator: outcomes, and the values that each field took.
COVERAGE: dict[str, tuple[Counter, dict[str, int]]] = {}


def uneven(op: Op, xs: list[tuple[int, ...]]) -> bool:
    if op.padding == "same":
        return op.ceil_mode
    return isinstance(op.padding, tuple) and any(
        isinstance(p, tuple) and p[0] != p[1] for p in op.padding
    )


def wrong_length(op: Op, xs: list[tuple[int, ...]]) -> bool:
    """Return whether a list does not have one entry per axis.

    torch repeats a single entry, and our modules ignore extra ones.
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
    """Return whether it takes too much or nothing, or does not say how much in exactly one way."""
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


def sticks_out(op: Op, xs: list[tuple[int, ...]]) -> bool:
    """Return whether a window is larger than the input with its padding."""
    fields = (op.kernel, op.dilation, op.padding)
    settings = (per_axis(value, len(xs[0]) - 1) for value in fields)
    return any(d * (k - 1) + 1 > n + 2 * p for n, k, d, p in zip(xs[0][1:], *settings))


def needless_settings(op: Op, xs: list[tuple[int, ...]]) -> bool:
    x, *memory = xs
    apart = any(other[:-2] != x[:-2] for other in memory)
    return op.memory_features == x[-1] or op.causal and bool(memory) or apart


def one_against_many(op: Op, xs: list[tuple[int, ...]]) -> bool:
    return any(min(sizes) == 1 < max(sizes) for sizes in zip(*xs))


def reduces_to_nothing(op: Op, xs: list[tuple[int, ...]]) -> bool:
    """Return whether no axis is reduced, none is left, or a single value has no spread."""
    (x,) = xs
    named = {"channels": (0,), "positions": tuple(range(1, len(x)))}
    axes = named[op.over] if isinstance(op.over, str) else op.over
    if not axes or not op.keep and len(axes) == len(x):
        return True
    spread = op.what in ("var", "std") and op.unbiased
    return spread and all(x[axis] == 1 for axis in axes)


def odd_table(op: Op, xs: list[tuple[int, ...]]) -> bool:
    if op.padding == "same" and op.padding_mode != "zeros":
        return True
    return op.connections is not None and (
        len(op.connections) != op.out
        or op.groups != 1
        or any(len(set(row)) != len(row) for row in op.connections)
    )


def sized_twice(op: Op, xs: list[tuple[int, ...]]) -> bool:
    """Return whether the size of an output is given in two ways, or by a layer with other axes."""
    ways = bool(op.output_padding) + (op.like is not None) + (op.padding == "same")
    return ways > 1 or len(xs) > 1 and (len(xs[1]) != len(xs[0]) or isinstance(op.padding, tuple))


# Where cnncalc intentionally refuses what torch, or our module around it, accepts:
# the cases, and the reasons.
STRICTER: dict[str, tuple[Callable, str]] = {
    "conv": (odd_table, "the table is ours alone; and torch has no `same` at a stride"),
    "conv_transpose": (
        sized_twice,
        "torch ignores output_padding beside a size, and has no `same` and no uneven padding",
    ),
    "linear": (
        lambda op, xs: op.over is None and len(xs[0]) > 2,
        "torch maps the last axis of anything; of a map that is almost always a forgotten flatten",
    ),
    "rbf": (wrong_rank, "as linear"),
    "shift": (
        lambda op, xs: bool(op.table) and op.trained == "none",
        "the table is ours alone: without trained offsets it would be ignored",
    ),
    "maxpool": (
        uneven,
        "torch has no uneven padding to refuse; windows of padding alone stay forbidden",
    ),
    "avgpool": (uneven, "as maxpool"),
    "unfold": (wrong_rank, "torch takes the first axis of a sequence as the batch"),
    "fold": (
        lambda op, xs: wrong_rank(op, xs) or (op.size is None) == (op.like is None),
        "as unfold; our module reads the size of the layer alone",
    ),
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
    "reduce": (
        reduces_to_nothing,
        "torch takes no axes for all of them; one value per image is no shape here; "
        "and the spread of a single value is NaN",
    ),
    "stack": (wrong_rank, "four axes are the most that a tensor has here"),
    "deform_conv": (
        sticks_out,
        "torchvision rounds toward 0, and so lets a window stick out by less than its stride",
    ),
    "embedding": (wrong_rank, "four axes are the most that a tensor has here"),
    "add": (one_against_many, "torch broadcasts a size that merely happens to be 1"),
    "sub": (one_against_many, "as add"),
    "mul": (one_against_many, "as add"),
    "div": (one_against_many, "as add"),
    "maximum": (one_against_many, "as add"),
    "minimum": (one_against_many, "as add"),
    "matmul": (
        lambda op, xs: (
            len(xs[0]) < 2
            or any(len(x) != len(xs[0]) for x in xs)
            or any(min(sizes) == 1 < max(sizes) for sizes in zip(*(x[:-2] for x in xs)))
        ),
        "as add; and torch multiplies vectors, and the images of a batch with each other",
    ),
    "attention": (
        needless_settings,
        "a mask says nothing of another sequence, the same features are no others, and our module "
        "makes all axes of sequences one",
    ),
    "lstm": (wrong_rank, "torch takes a batch of vectors as a sequence without a batch"),
    "gru": (wrong_rank, "as lstm"),
    "rnn": (wrong_rank, "as lstm"),
    "crop": (leaves_its_input, "slices clamp; there is no crop in torch to ask"),
    "pixel_shuffle": (wrong_rank, "torch takes the axes before the last three as batches"),
    "pixel_unshuffle": (wrong_rank, "as pixel_shuffle"),
    "upsample": (
        lambda op, xs: sum(v is not None for v in (op.scale, op.size, op.like)) != 1,
        "our module lets one of them win",
    ),
    "pad": (
        lambda op, xs: (
            wrong_rank(op, xs)
            or op.mode != "zeros"
            and op.value != 0
            or (op.amount is None) == (op.like is None)
            or len(xs) > 1
            and any(n > m for n, m in zip(xs[0][1:], xs[1][1:]))
        ),
        "F.pad lets a vector pass and ignores the value; with negative amounts it crops",
    ),
}


def ours(op: Op, xs: list[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return our shape, or None if we refuse."""
    try:
        return tuple(checked(op, xs))
    except Mistake:
        return None


def bytes_kept(op: Op, xs: list[tuple[int, ...]], y: tuple[int, ...], how: oracle.How) -> int:
    """Return our bytes for backward, on the CPU."""
    kept, width = op.keeps(*xs, y=y, back=Backward(how.training)), how.dtype.itemsize
    graph = Graph()
    graph.nodes = [*(Node(f"x{n}", None, (), x) for n, x in enumerate(xs))]
    for node in graph.nodes:
        node.integers = op.choices is not None
    read = sum(values(xs[n]) * graph.nodes[n].width(width) for n in kept.inputs)
    graph.nodes.append(Node("op", op, tuple(range(len(xs))), y))
    widths = Widths(graph, Run(batch=how.batch, width=width, device="cpu"))
    read += width * values(y) if kept.output else 0
    return how.batch * read + widths.total(kept.extras, len(xs)).at(how.batch)


def reads_in_place(op: Op, x: tuple[int, ...], how: oracle.How) -> bool:
    """Return whether a layer reads what it is predicted to copy, as it does at larger batches.

    So attention with dropout reads v on the CPU, and both directions of a recurrent layer its
    input. The former is also so with a single head, and the latter with a single step.
    """
    if op.key == "attention" and op.dropout and how.training:
        return how.batch == 1 or op.heads == 1
    return getattr(op, "bidirectional", False) and 1 in (how.batch, x[0])


@pytest.mark.parametrize("op", COUNTED, ids=[op.key for op in COUNTED])
def test_an_operator_agrees_with_torch(op: type[Op]) -> None:
    rng = random.Random(f"{op.key}")
    seen: dict[str, set] = defaultdict(set)
    outcome: Counter[str] = Counter()
    for _ in range(CASES):
        body, xs = case(op, rng, axes=6)
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
    for how, measured in theirs.kept.items():
        if reads_in_place(op, xs[0], how):
            continue
        assert bytes_kept(op, xs, mine, how) == measured, (at, how)
    assert op.keeps(*xs, y=mine).output == op.keeps_output, at


@pytest.mark.parametrize("op", COUNTED, ids=[op.key for op in COUNTED])
def test_each_rank_is_refused_where_torch_refuses_it(op: type[Op]) -> None:
    rng, outcome = random.Random(f"ranks {op.key}"), Counter[str]()
    for rank in (1, 2, 3, 4):
        for _ in range(CASES // 20):
            x = shape(rng, rank)
            built = instance(op, plausible(op, body_of(op, rng, rank - 1), rng, x))
            if built is not None:
                named = any(getattr(built, field) for field in op.layers_named)
                check(built, [x] * max(op.inputs[0], 1 + named), outcome)
    assert outcome


def test_the_cases_cover_refusals() -> None:
    """A good share of the cases is refused by both. With `-s`, print a line for each operator."""
    if len(COVERAGE) < len(COUNTED):
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
    """Assert that the cases were worth running: every field took three values, or all it has."""
    for field in op.fields():
        if field not in op.layers_named:
            some = op.json_schema()["properties"][field]
            least = 2 if some.get("type") == "boolean" or len(some.get("enum", "123")) == 2 else 3
            assert len(seen[field]) >= least, f"{field} took {seen[field]}"


def test_every_operator_states_its_rules() -> None:
    """No operator inherits a rule whose default would mean zero."""
    for op in COUNTED:
        for rule in ("cost", "keeps", "torch"):
            assert getattr(op, rule) is not getattr(Op, rule), f"{op.key} does not state {rule}"
        assert op.__doc__ and op.key


def test_costs_are_counts() -> None:
    rng = random.Random(1)
    for op in COUNTED:
        for _ in range(20):
            body, xs = case(op, rng, axes=6)
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
