"""Predicts the largest batches that others could train with on a card of 24 GB.

    python tests/measured/training_batches.py

`training_batches.json` has their batches: for each network the one that ran, and the next larger
one that they tried, which did not. A prediction holds if the first fits and the second does not.
All networks have one allowance. It is what the process takes beside tensors, as others report it
for one number on the same card with CUDA 11, which loads all kernels at the start: 1,644 MiB with a
tensor of 156 MiB (github.com/pytorch/pytorch/issues/49877) and 1,687 MiB
(github.com/pytorch/pytorch/issues/55277). Workspaces are not in it: in the benchmark, cuDNN
takes an algorithm whose workspace fits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cnncalc
from cnncalc.analysis.memory.allocator import fits
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.timeline import Timeline

FILE = Path(__file__).with_name("training_batches.json")
CARD = 24_268 << 20  # bytes of an RTX 3090 that its driver leaves to processes
PROCESS = 1_687 << 20  # bytes that a process takes beside its tensors
# In torch 1.12, `zero_grad` fills the gradients with zeros, so they stay in memory.
RUN = Run(
    "training",
    amp="float16",
    optimizer="momentum",
    loss="cross_entropy",
    kept_gradients=True,
    device="cuda",
)


class Bracket(NamedTuple):
    """The largest batch that ran, and the next one, which did not."""

    network: str
    side: int
    ran: int
    failed: int


def brackets() -> Iterator[Bracket]:
    """Yield what was measured; both layouts of a network have the same bracket."""
    found = json.loads(FILE.read_text("utf-8"))["networks"]
    for network, rows in found.items():
        for row in dict.fromkeys(tuple(row[1:]) for row in rows):
            yield Bracket(network, *row)


def predicted(bracket: Bracket, process: int = PROCESS) -> tuple[bool, bool]:
    """Return whether each of the two batches is predicted to fit."""
    side = bracket.side
    graph = cnncalc.load(bracket.network).graph(input=(3, side, side))
    small, large = (
        fits(Timeline(graph, RUN._replace(batch=batch)), batch, CARD - process)
        for batch in (bracket.ran, bracket.failed)
    )
    return small, large


def main() -> None:
    """Print each bracket, and how many hold."""
    held = 0
    found = list(brackets())
    for bracket in found:
        fit = predicted(bracket)
        held += fit == (True, False)
        verdict = {(True, False): "holds", (True, True): "too large"}.get(fit, "too small")
        print(f"{bracket.network:18} {bracket.ran:3} ran, {bracket.failed:3} did not: {verdict}")
    print(f"{held} of {len(found)} hold")


if __name__ == "__main__":
    main()
