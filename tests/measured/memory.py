"""Compares predicted memory with torch's on the CPU, for many networks, and prints what differs.

    python -m tests.measured.memory saved            # what backward keeps, of all bundled networks
    python -m tests.measured.memory graphs           # the same, of 2,000 random graphs
    python -m tests.measured.memory peaks            # peaks and their places, for each optimizer

Saved bytes are right only if they are equal, in every layer. `saved` compares them in training, in
evaluation mode, with a random part frozen, in mixed precision, and with both. Networks that take
long get a smaller input for that. Peaks are right
within 1 %, and their places if they have the layer and the phase at which torch has its peak.
Names after the command choose networks: `peaks vgg16:8` takes VGG-16 with a batch of 8.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import torch

import cnncalc
from cnncalc.analysis.memory.optimizers import OPTIMIZERS
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.graph import Graph
from cnncalc.language.load import bundled_specs
from cnncalc.torch_backend.build import Network
from cnncalc.torch_backend.verify.built import zeros
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.memory_measured import saved_by_layer
from cnncalc.torch_backend.verify.memory_step import MemoryStep
from tests import graphs, view_graphs

CPU = torch.device("cpu")
BATCH = 2
MOST = 256 << 20  # saved bytes of a batch; of networks that keep more, one image runs
WORK = 5 * 10**8  # MACs of an image; for networks that need more, its sides are halved
GRAPHS = 1000  # of each of two kinds
TRAINING = Run("training", BATCH, device="cpu")
RUNS = {  # with whether a random part is frozen
    "training": (TRAINING, False),
    "evaluation": (TRAINING._replace(evaluating=True), False),
    "frozen": (TRAINING, True),
    "AMP": (TRAINING._replace(amp="bfloat16"), False),
    "AMP, frozen": (TRAINING._replace(amp="bfloat16"), True),
}
# The networks of the table on memory, and 20 more.
PEAKS = (
    "resnet50:8 vgg16:8 vgg16:1 alexnet lenet5 googlenet inception_v3 densenet121 mobilenet_v1"
    " mobilenet_v2 mobilenet_v3_large efficientnet_b0 efficientnet_v2_s convnext_tiny"
    " regnet_y_400mf regnet_x_400mf resnet18 resnext50_32x4d wide_resnet50_2 shufflenet_v2_x1_0"
    " squeezenet1_0 mnasnet1_0 zfnet unet_same:1"
)


class Tally(NamedTuple):
    """How many comparisons were right and wrong, and what could not be compared."""

    right: list[str]
    wrong: list[str]
    refused: list[str]

    def report(self, what: str) -> int:
        """Print the numbers; return 1 if anything is wrong."""
        print(f"{what}: {len(self.right):,} agree, {len(self.wrong):,} differ", end="")
        print(f", {len(self.refused):,} are refused by torch" if self.refused else "")
        return int(bool(self.wrong))


def frozen_at_random(graph: Graph, seed: str) -> Graph:
    """Return the graph with about half of its layers frozen."""
    rng = random.Random(seed)
    found = graph.copy()
    found.freeze(n for n in range(len(graph.nodes)) if rng.random() < 0.5)
    return found


def compare_saved(name: str, graph: Graph, network: Network, run: Run, tally: Tally) -> None:
    """Compare what backward keeps, layer by layer."""
    found = summary(graph, run)
    try:
        theirs = saved_by_layer(MemoryStep(network, graph, run, CPU))
    except (RuntimeError, ValueError) as error:
        tally.refused.append(f"{name}: {str(error).splitlines()[0]}")
        return
    layers = found.kept.keys() | theirs.keys()
    differing = [
        (graph.nodes[n].path, found.kept.get(n, 0), theirs.get(n, 0))
        for n in sorted(layers)
        if found.kept.get(n, 0) != theirs.get(n, 0)
    ]
    (tally.wrong if differing else tally.right).append(name)
    for path, ours, torchs in differing[:3]:
        print(f"{name}: {path}: {ours:,} predicted, {torchs:,} measured", flush=True)


def saved(names: Iterable[str]) -> int:
    """Compare the saved bytes of bundled networks."""
    tally = Tally([], [], [])
    for name in names or all_names():
        start = time.perf_counter()
        whole = quick(name)
        part = frozen_at_random(whole, name)
        built = {frozen: zeros(part if frozen else whole, CPU)[0] for frozen in (False, True)}
        for kind, (run, frozen) in RUNS.items():
            graph = part if frozen else whole
            if summary(graph, run).saved > MOST:
                run = run._replace(batch=1)
            label = f"{name}, {kind}, batch {run.batch}"
            compare_saved(label, graph, built[frozen], run, tally)
        print(f"{name}: {time.perf_counter() - start:.1f} s", flush=True)
    for line in tally.refused:
        print(line)
    return tally.report("saved bytes")


def quick(name: str) -> Graph:
    """Return the graph of a bundled network, with a smaller input if it would take long."""
    spec = cnncalc.load(name)
    found = cnncalc.analyze(spec)
    while found.totals.macs > WORK:
        channels, *sides = found.graph.inputs[0].shape
        smaller = cnncalc.analyze(spec, input=[channels, *(side // 2 for side in sides)])
        if not smaller.complete:
            break
        found = smaller
    return found.graph


def all_names() -> Iterator[str]:
    """Yield every bundled network and variant."""
    for stem, spec in bundled_specs():
        yield from (variant or stem for variant in spec.members)


def random_graphs(_: Iterable[str]) -> int:
    """Compare the saved bytes of random graphs of operators, and of random networks."""
    tally, rng = Tally([], [], []), random.Random("graphs")
    drawn = chain(
        view_graphs.graphs(20, GRAPHS),
        (cnncalc.loads(text).graph() for text, _ in graphs.networks(21, GRAPHS)),
    )
    for n, graph in enumerate(drawn):
        kind = rng.choice([*RUNS])
        run, frozen = RUNS[kind]
        graph = frozen_at_random(graph, str(n)) if frozen else graph
        compare_saved(f"graph {n}, {kind}", graph, zeros(graph, CPU)[0], run, tally)
    return tally.report("saved bytes of random graphs")


def peaks(names: Iterable[str]) -> int:
    """Compare peaks, with each optimizer."""
    tally, farthest = Tally([], [], []), 0.0
    for entry in names or PEAKS.split():
        name, _, batch = entry.partition(":")
        start = time.perf_counter()
        for optimizer in OPTIMIZERS:
            run = Run("training", optimizer=optimizer)
            spec = cnncalc.load(name)
            found = verify_memory(spec, spec.variant, batch=int(batch or BATCH), run=run)
            for check in found.totals:
                what = f"{entry}, {optimizer}, {check.what}"
                (tally.right if check.ok else tally.wrong).append(what)
                if not check.ok:
                    print(f"{what}: {check.predicted} predicted, {check.measured} measured")
                if check.what.endswith("_peak"):
                    assert isinstance(check.predicted, int) and isinstance(check.measured, int)
                    farthest = max(farthest, abs(check.predicted / check.measured - 1))
            wrong = [layer.row.path for layer in found.layers if not layer.ok]
            if wrong:
                print(f"{entry}, {optimizer}: peaks of layers differ: {', '.join(wrong[:5])}")
        print(f"{entry}: {time.perf_counter() - start:.1f} s", flush=True)
    print(f"The peak that differs most does by {farthest:.4%}.")
    return tally.report("parameters, saved bytes, peaks and places")


COMMANDS: dict[str, Callable[[Iterable[str]], int]] = {
    "saved": saved,
    "graphs": random_graphs,
    "peaks": peaks,
}


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("command", choices=[*COMMANDS])
    options.add_argument("networks", nargs="*")
    given = options.parse_args()
    torch.set_num_threads(1)  # bytes do not depend on it, and threads that wait slow others down
    return COMMANDS[given.command](given.networks)


if __name__ == "__main__":
    raise SystemExit(main())
