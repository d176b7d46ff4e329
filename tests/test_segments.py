"""The checkpoints that are chosen are the best of all, and torch's peak with them is predicted."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import cnncalc
from cnncalc.analysis.memory.cuts import MOST, cuts
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.segments import (
    Choice,
    cheapest,
    checkpointed_graph,
    lowest,
    tried,
)
from cnncalc.analysis.memory.storage import memory
from cnncalc.graph import Graph

from .branches import branched
from .settings import FULL
from .test_checkpoints import matches

SHARES = (0, 0.25, 0.5, 0.75)  # limits between the lowest peak and that without checkpoints
STEPS = ("conv", "conv", "relu", "relu", "batchnorm", "dropout", "maxpool", "silu", "sigmoid")
BODIES = {
    "conv": "{out: 4, kernel: 3, padding: 1}",
    "dropout": "0.5",
    "maxpool": "{kernel: 3, stride: 1, padding: 1}",
}


def possible(graph: Graph) -> list[range]:
    """Return all stretches of layers that may be a checkpoint."""
    first = next(n for n, node in enumerate(graph.nodes) if node.op is not None)
    count = len(graph.nodes) + 1
    parts = [range(a, b) for a in range(first, count) for b in range(a + 1, count)]
    return [part for part in parts if checkpointed_graph(graph, ()).checkpoint(part) is None]


def together(parts: list[range], start: int = 0) -> Iterator[tuple[range, ...]]:
    """Yield every set of stretches that do not overlap."""
    yield ()
    for k, part in enumerate(parts):
        if part.start >= start:
            for more in together(parts[k + 1 :], part.stop):
                yield (part, *more)


def all_choices(graph: Graph, run: Run) -> list[Choice]:
    parts = sorted(possible(graph), key=lambda part: (part.start, part.stop))
    return [tried(graph, run, found) for found in together(parts)]


def limits(choices: list[Choice]) -> Iterator[tuple[int, int]]:
    """Yield limits, and the fewest MACs that reach each."""
    plain = next(choice.peak for choice in choices if not choice.segments)
    low = min(choice.peak for choice in choices)
    for share in SHARES:
        limit = int(low + (plain - low) * share)
        yield limit, min(choice.macs for choice in choices if choice.peak <= limit)


def missed(graph: Graph, run: Run) -> list[bool]:
    """Whether another choice is better, for several limits, and for the lowest peak."""
    choices = all_choices(graph, run)
    found = [lowest(graph, run).peak > min(choice.peak for choice in choices)]
    for limit, macs in limits(choices):
        choice = cheapest(graph, run, limit)
        assert choice == tried(graph, run, choice.segments)
        found.append(choice.peak > limit or choice.macs > macs)
    return found


def test_no_choice_is_better() -> None:
    found = []
    for seed in range(300 if FULL else 30):
        rng = random.Random(seed)
        graph = branched(rng, most=7)
        found += missed(graph, Run("training", 3, optimizer=rng.choice(("none", "adam"))))
    assert sum(found) <= len(found) / 200, f"{sum(found)} of {len(found)}"


def chain(rng: random.Random) -> Graph:
    """Return a random network of the usual layers, some of which run in place, or drop out."""
    lines = ["input: [4, 16, 16]", "layers:", "  - conv: {out: 4, kernel: 1}"]
    for _ in range(rng.randint(3, 4)):
        step = rng.choice(STEPS)
        lines.append(f"  - {step}: {BODIES.get(step, '{}')}")
    return cnncalc.loads("\n".join([*lines, "  - globalavgpool"])).graph()


def test_no_choice_is_better_among_usual_layers() -> None:
    found = []
    for seed in range(100 if FULL else 6):
        rng = random.Random(seed)
        found += missed(chain(rng), Run("training", 3, device=rng.choice(("cpu", "cuda"))))
    assert sum(found) <= len(found) / 100, f"{sum(found)} of {len(found)}"


@pytest.mark.parametrize("name", ["resnet18", "vgg16", "googlenet"])
def test_a_limit_is_reached_and_the_choice_is_a_small_one(name: str) -> None:
    graph = cnncalc.load(name).graph()
    run = Run(mode="training", batch=8, optimizer="sgd")
    plain, low = tried(graph, run, ()), lowest(graph, run)
    assert cheapest(graph, run, plain.peak) == plain
    assert low.peak < 0.9 * plain.peak and low.macs > 0
    before = 0
    for share in (0.9, 0.5, 0.1):
        limit = int(low.peak + (plain.peak - low.peak) * share)
        found = cheapest(graph, run, limit)
        assert found.peak <= limit
        assert before <= found.macs <= max(low.macs, before)
        before = found.macs
    assert cheapest(graph, run, low.peak // 2).peak <= low.peak


@pytest.mark.parametrize("name", ["resnet18"])
def test_torch_peaks_where_predicted(name: str) -> None:
    graph = cnncalc.load(name).graph(input=(3, 64, 64))
    run = Run(mode="training", batch=2, device="cpu")
    for choice in (lowest(graph, run), cheapest(graph, run, tried(graph, run, ()).peak * 9 // 10)):
        assert choice.segments
        assert matches(checkpointed_graph(graph, choice.segments))


def test_cuts_are_where_few_values_are_alive() -> None:
    graph = cnncalc.load("densenet121").graph()
    homes = memory(graph, 1, True).homes
    every = cuts(graph, homes, most=10**6)
    assert [every[0].at, every[-1].at] == [1, len(graph.nodes)]
    for cut in every[1:-1]:
        readers = {m for node in graph.nodes[cut.at :] for m in node.inputs if m < cut.at}
        assert {homes[m] for m in readers} - {0} == cut.alive
    some = cuts(graph, homes)
    assert len(some) == MOST and set(some) <= set(every)
    assert [cut.at for cut in some] == sorted(cut.at for cut in some)
