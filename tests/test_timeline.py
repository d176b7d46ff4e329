"""The timeline of what a network allocates and frees is torch's, on random operators and graphs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

import cnncalc
from cnncalc.analysis.memory.followed import not_followed
from cnncalc.analysis.memory.optimizers import OPTIMIZERS
from cnncalc.analysis.memory.run import Mode, Run
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.ops import BY_KEY
from cnncalc.ops.axes import MOST_AXES
from cnncalc.ops.base import Op

from . import graphs, view_graphs
from .allocated import measured, predicted
from .cases import COMPUTED, case, instance
from .settings import FULL, GRAPHS_HELD, TIMELINES

NEAR = 24  # bytes by which a peak may differ: a few numbers for a whole network
BATCH = 3
NETWORKS = ("lenet5", "alexnet", "resnet18", "mobilenet_v2", "densenet121")[: 2 + 3 * FULL]
REFUSED = (RuntimeError, ValueError)  # by torch, of a configuration that it cannot train


def by_table(op: Op) -> bool:
    """Return whether a convolution runs map by map."""
    return getattr(op, "connections", None) is not None


def between(op: Op, xs: list[tuple[int, ...]]) -> Graph:
    """Return a graph of the operator between layers that make and keep tensors of their own."""
    graph = Graph()
    for n, x in enumerate(xs):
        graph.nodes.append(Node(f"x{n}", None, (), x))
    for n, x in enumerate(xs):
        graph.nodes.append(Node(f"norm{n}", BY_KEY["batchnorm"](), (n,), x))
    inputs = tuple(range(len(xs), 2 * len(xs)))
    y = checked(op, [graph.nodes[n].shape for n in inputs])
    graph.nodes.append(Node("op", op, inputs, y))
    graph.nodes.append(Node("last", BY_KEY["sigmoid"](), (len(graph.nodes) - 1,), y))
    graph.outputs = (len(graph.nodes) - 1,)
    return graph


def accepted(op: type[Op], count: int, seed: str = "") -> Iterator[tuple[Op, Graph]]:
    """Yield random configurations that cnncalc accepts, each in a graph of its own."""
    rng = random.Random(f"{op.key} {seed}")
    while count:
        body, xs = case(op, rng)
        built = instance(op, body)
        if built is None:
            continue
        try:
            graph = between(built, xs)
        except Mistake:
            continue
        if any(len(node.shape) > MOST_AXES for node in graph.nodes):
            continue  # torch has no batch norm to put around it
        count -= 1
        yield built, graph


@pytest.mark.parametrize("op", COMPUTED, ids=[op.key for op in COMPUTED])
def test_an_operator_allocates_what_torch_does(op: type[Op]) -> None:
    outcome: Counter[str] = Counter()
    for built, graph in accepted(op, TIMELINES):
        for mode in ("training", "inference"):
            run = Run(mode, BATCH, device="cpu")
            try:
                theirs = measured(graph, run)
            except REFUSED:
                outcome["torch refuses"] += 1
                continue
            ours = predicted(graph, run)
            shapes = [tuple(node.shape) for node in graph.nodes if node.op is None]
            if not_followed(graph, run):
                outcome["not followed to the byte"] += 1
                continue
            assert ours.differ(theirs) <= NEAR, (built, shapes, mode, ours, theirs)
            outcome["both"] += 1
    followed = outcome["both"] or outcome["not followed to the byte"]
    assert followed > outcome["torch refuses"]


def drawn() -> Iterator[Graph]:
    """Yield random graphs and networks, without what is known not to be followed to the byte."""
    for graph in view_graphs.graphs(11, GRAPHS_HELD):
        ops = [node.op for node in graph.nodes if node.op is not None]
        known = not not_followed(graph, Run("training", BATCH, device="cpu"))
        if known and not any(getattr(op, "parametrize", None) for op in ops):
            yield graph
    for text, _ in graphs.networks(7, GRAPHS_HELD):
        yield cnncalc.loads(text).graph()


@pytest.mark.parametrize("mode", ["training", "inference"])
def test_random_graphs_allocate_what_torch_does(mode: Mode) -> None:
    """NOTE: some layers copy the gradient of a sum, which is one number seen as many."""
    outcome: Counter[str] = Counter()
    for graph in drawn():
        run = Run(mode, BATCH, device="cpu")
        try:
            theirs = measured(graph, run)
        except REFUSED:
            continue
        ours = predicted(graph, run)
        assert ours._replace(backward=0).differ(theirs._replace(backward=0)) <= NEAR, graph
        outcome["ours" if ours.differ(theirs) <= NEAR else "another peak of backward"] += 1
    assert outcome["ours"] >= 0.8 * outcome.total() > 0, outcome
    if mode == "inference":
        assert outcome["ours"] == outcome.total()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundled_network_allocates_what_torch_does(name: str) -> None:
    agree(cnncalc.load(name).graph(), 1, near=1e-3)


def agree(graph: Graph, batch: int, near: float = 0) -> None:
    """Assert that the peaks of both modes are torch's, but for `NEAR` bytes or a share of them."""
    for mode in ("training", "inference"):
        run = Run(mode, batch, device="cpu")
        try:
            theirs = measured(graph, run)
        except REFUSED:
            continue
        ours = predicted(graph, run)
        assert ours.differ(theirs) <= max(NEAR, near * max(theirs)), (mode, ours, theirs)


SMALL = """
input: [3, 16, 16]
layers:
  - conv: {out: 8, kernel: 3, padding: 1}
  - batchnorm
  - relu
  - maxpool: 2
  - conv: {out: 16, kernel: 3, bias: false}
  - groupnorm: 4
  - silu
  - flatten
  - linear: 64
  - linear: 10
"""


def after_the_start(graph: Graph, run: Run) -> tuple[int, int]:
    """Return what training holds most beside what is there before: as we say, and as torch does."""
    ours, theirs = predicted(graph, run), measured(graph, run)
    return ours.backward - ours.before, theirs.backward - theirs.before


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "none"])
def test_an_optimizer_keeps_and_makes_what_torchs_does(name: str) -> None:
    graph = cnncalc.loads(SMALL).graph()
    forms = (False, True) if OPTIMIZERS[name].fused else (False,)
    for fused in forms:
        run = Run("training", 1, optimizer=name, device="cpu", fused=fused)
        assert predicted(graph, run).differ(measured(graph, run)) <= NEAR, (name, fused)
    # as on a card, but the counts of steps are on the CPU
    ours, theirs = after_the_start(graph, Run("training", 1, optimizer=name))
    assert 0 <= theirs - ours <= 64, name


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "cross_entropy"},
        {"kept_gradients": True},
        {"kept_gradients": True, "loss": "cross_entropy", "optimizer": "adam"},
        {"width": 8, "optimizer": "adam"},
        {"width": 2, "optimizer": "momentum"},
        {"width": 8, "loss": "cross_entropy"},
    ],
)
def test_a_way_to_train_holds_what_torch_does(fields: dict) -> None:
    graph = cnncalc.loads(SMALL).graph()
    for batch in (1, 8):
        run = Run("training", batch, device="cpu", **fields)
        assert predicted(graph, run).differ(measured(graph, run)) <= NEAR, batch


def test_a_map_of_classes_has_a_class_for_each_position() -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - conv: {out: 5, kernel: 3}\n  - tanh\n"
    run = Run("training", 2, loss="cross_entropy", device="cpu")
    graph = cnncalc.loads(text).graph()
    assert predicted(graph, run).differ(measured(graph, run)) <= NEAR


SKIP = """
input: [3, 40, 40]
layers:
  - {conv: {out: 4, kernel: 1}, name: big}
  - {relu: , name: act}
  - {maxpool: 2, name: down}
  - {conv_transpose: {out: 4, kernel: 2, stride: 1}, name: up}
  - concat: {skip: [{crop: {like: up}, from: act}], up: [{identity: , from: up}]}
  - {conv: {out: 2, kernel: 1}, name: last}
"""


def test_a_crop_may_read_a_gradient_that_another_layer_needs_too() -> None:
    """The gradients of a concatenation are parts of one tensor, which stays for the other part."""
    agree(cnncalc.loads(SKIP).graph(), 2)
    agree(cnncalc.loads(SKIP.replace("concat", "add")).graph(), 2)
