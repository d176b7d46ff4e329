"""Any one field of any bundled spec changed: our figures change exactly as torch's do."""

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
from .mutations import field_changed, read, strip_expectations, written
from .samples import BUNDLED
from .settings import HOSTILE, MUTATIONS


def mutate(text: str, variant: str | None, rng: random.Random) -> tuple[str, str]:
    """A spec with one field changed, without expectations and printed figures; and the change."""
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
    """Output shapes in order, MACs and parameters, by hooks and torch's counter."""
    network = assemble(report.graph, "meta").eval()
    shapes = oracle.recorded_shapes(network)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*(torch.empty(1, *shape, device="meta") for shape in report.inputs.values()))
    return (
        [shapes[row.shared_with or row.path].pop(0) for row in report.rows],
        counter.get_total_flops() // 2,
        sum(p.numel() for p in network.parameters()),
    )


def test_one_changed_field() -> None:
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


def test_hostile_specs() -> None:
    """Bytes and structure mutated: no exception, no hang.

    `tests/benchmarks/fuzz.py` does the same twenty thousand times.
    """
    rng = random.Random(20)
    texts = [path.read_text("utf-8") for path in fuzz.SEEDS]
    for _ in range(HOSTILE):
        data = fuzz.mutated(rng.choice(texts), rng)
        seconds, _ = fuzz.one(data)
        assert seconds < 5 * fuzz.SECONDS, data  # other tests run beside this one
