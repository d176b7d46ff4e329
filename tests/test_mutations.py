"""If one field of a bundled spec changes, our figures change exactly as torch's do."""

from __future__ import annotations

import random
from collections import Counter

import torch
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.result import Report
from cnncalc.torch_backend.build import assemble

from . import oracle
from .benchmarks import fuzz
from .command import called_in_a_fork
from .mutations import field_changed, read, strip_expectations, written
from .samples import BUNDLED
from .settings import HOSTILE, MUTATIONS


def mutate(text: str, variant: str | None, rng: random.Random) -> tuple[str, str]:
    """Return a spec with one field changed, without expected and published figures; the change."""
    data = read(text)
    for key in ("published", "budget", "source"):
        data.pop(key, None)
    own = (data.pop("variants", None) or {}).get(variant) or {}
    if variant is not None:
        data["variants"] = {variant: {"params": own.get("params") or {}}}
    strip_expectations(data)
    what = field_changed(data, rng)
    return written(data), what


def of_torch(report: Report) -> tuple[list, int, int]:
    """Return output shapes in order, MACs and parameters, by hooks and torch's counter."""
    network = assemble(report.graph, "meta").eval()
    shapes = oracle.recorded_shapes(network)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*(torch.empty(1, *shape, device="meta") for shape in report.inputs.values()))
    return (
        [shapes[row.shared_with or row.path].pop(0) for row in report.rows],
        counter.get_total_flops() // 2,
        sum(p.numel() for p in network.parameters()),
    )


def test_one_changed_field_changes_the_same_figures_in_torch() -> None:
    rng, outcome = random.Random(7), Counter()
    for _ in range(MUTATIONS):
        name, spec, variant = rng.choice(BUNDLED)
        mutated, what = mutate(spec.text, variant, rng)
        try:
            report = cnncalc.analyze(cnncalc.loads(mutated), variant)
        except cnncalc.Mistake:
            outcome["refused"] += 1
            continue
        if not report.ok or report.totals.params > 10**10:
            outcome["refused"] += 1
            continue
        outcome["compared"] += 1
        ours = ([row.output_shape for row in report.rows], report.totals.macs, report.totals.params)
        assert ours == of_torch(report), f"{name}: {what}"
    assert outcome["compared"] >= MUTATIONS // 2, outcome


def test_hostile_specs_raise_nothing_and_end() -> None:
    """Mutated, deep, long and doubling texts neither raise an exception nor hang.

    `python -m tests.benchmarks.fuzz 100000` is the full run.
    """
    found = called_in_a_fork(fuzz.batch, 0, HOSTILE, 20)
    slow = [why for _, why in found.failed if why.endswith(" s")]
    assert len(slow) == len(found.failed), found.failed
    assert found.slowest < 5 * fuzz.SECONDS  # other tests run at the same time
