"""The order that is found needs as little memory as the best of all orders, tried one by one."""

from __future__ import annotations

import random

import pytest

import cnncalc
from cnncalc.analysis.memory.arena import in_arena, lifetimes, most_at_once
from cnncalc.analysis.memory.order import best_order, in_torch, peak, reordered
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.timeline import Timeline

from .branches import branched, orders
from .graphs import networks

# Two branches that widen to 64 channels and narrow to 4, written side by side.
SIDE_BY_SIDE = """
input: [8, 32, 32]
layers:
  - conv: {out: 64, kernel: 1}
    name: wide_a
  - conv: {out: 64, kernel: 1}
    from: input
    name: wide_b
  - conv: {out: 4, kernel: 1}
    from: wide_a
    name: a
  - conv: {out: 4, kernel: 1}
    from: wide_b
    name: b
  - concat: [a, b]
"""
MAP = 32 * 32 * 4  # bytes of a channel


def test_branches_run_one_after_the_other() -> None:
    graph = cnncalc.loads(SIDE_BY_SIDE).graph()
    found = best_order(graph)
    fixed = 8 * MAP + 4 * sum((8 * 64 + 64) * [1, 1][k] + 64 * 4 + 4 for k in (0, 1))
    assert found.peak_as_written == fixed + (64 + 64 + 4) * MAP
    assert found.peak == fixed + (4 + 64 + 4) * MAP
    assert found.exact and found.saved == 60 * MAP
    paths = [graph.nodes[n].path for n in found.nodes]
    assert paths.index("a") < paths.index("wide_b") or paths.index("b") < paths.index("wide_a")


@pytest.mark.parametrize("seed", range(60))
def test_no_order_is_better(seed: int) -> None:
    graph = branched(random.Random(seed), most=8)
    for needs in (in_torch(graph, Run(batch=3)), in_arena(graph)):
        best = min(needs.peak(reordered(graph, order)) for order in orders(graph))
        found = best_order(graph, needs)
        assert found.exact
        assert found.peak == best
        assert needs.peak(reordered(graph, found.nodes)) == found.peak
        assert needs.peak(graph) == found.peak_as_written


@pytest.mark.parametrize("width", [0, 1, 2, 5, 1000])
def test_never_worse_than_written_and_all_layers_run_after_what_they_read(width: int) -> None:
    rng = random.Random(width)
    graphs = [branched(rng, most=30) for _ in range(40)]
    graphs += [report.graph for _, report in networks(seed=width, count=20)]
    for graph in graphs:
        found = best_order(graph, width=width)
        assert sorted(found.nodes) == list(range(len(graph.nodes)))
        done: set[int] = set()
        for n in found.nodes:
            assert done.issuperset(graph.nodes[n].inputs)
            done.add(n)
        run = Run()
        assert found.peak == peak(Timeline(reordered(graph, found.nodes), run), 1)
        assert found.peak_as_written == peak(Timeline(graph, run), 1)
        assert found.peak <= found.peak_as_written


def test_too_many_sets_of_layers_leave_the_order_as_written() -> None:
    graph = cnncalc.loads(SIDE_BY_SIDE).graph()
    found = best_order(graph, width=1)
    assert not found.exact
    assert found.nodes == tuple(range(len(graph.nodes)))
    assert [graph.nodes[n].path for n in found.as_written] == ["wide_a", "wide_b", "a", "b"]
    assert found.peak == found.peak_as_written


def test_layers_before_and_after_branches_are_stretches_of_their_own() -> None:
    assert best_order(cnncalc.load("vgg16").graph(), width=1).exact
    assert best_order(cnncalc.load("densenet121").graph(), width=1).exact


def test_the_reordered_network_is_the_same_network() -> None:
    graph = cnncalc.load("googlenet").graph()
    found = best_order(graph)
    again = reordered(graph, found.nodes)
    for n, node in zip(found.nodes, again.nodes):
        assert node.path == graph.nodes[n].path
        sources = [again.nodes[m].path for m in node.inputs]
        assert sources == [graph.nodes[m].path for m in graph.nodes[n].inputs]
        assert node.shape == graph.nodes[n].shape
    assert [node.path for node in again.returned] == [node.path for node in graph.returned]


def test_the_arenas_peak_is_the_timelines_without_what_torch_makes_beside_outputs() -> None:
    for seed in range(40):
        graph = branched(random.Random(seed), most=20)
        kept = ("input", "output")
        events = [e for e in Timeline(graph, Run(width=16)) if e.tensor.reason in kept]
        inputs = {n for n, node in enumerate(graph.nodes) if node.op is None}
        held = [
            t._replace(last=len(graph.nodes)) if t.layer in inputs else t
            for t in lifetimes(graph, width=16)
        ]
        assert most_at_once(held)[0] == peak(events, 1)
