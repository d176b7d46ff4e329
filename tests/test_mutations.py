"""Any one field of any bundled spec changed: our figures change exactly as torch's do."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from multiprocessing import get_context
from typing import Any

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.result import Report
from cnncalc.language.yaml_tree import parse
from cnncalc.torch_backend.build import assemble

from . import oracle
from .benchmarks import fuzz
from .samples import BUNDLED, plain
from .settings import HOSTILE, MUTATIONS

WORDS = {"same": "valid", "valid": "same"}


def fields(data: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all numbers, switches, paddings and expressions with a number below a place."""
    if isinstance(data, (dict, list)):
        found: list[tuple] = []
        for key, value in data.items() if isinstance(data, dict) else enumerate(data):
            found += fields(value, (*path, key))
        return found
    if isinstance(data, str):
        name = path[-1] in ("name", "from", "share", "source")
        number = any(c.isdigit() for c in data) and not name
        return [path] if data in WORDS or number else []
    return [path] if isinstance(data, (bool, int, Fraction)) else []


def changed(value: Any, rng: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Fraction):
        return float(value) / 2
    if isinstance(value, str):
        at = rng.choice([n for n, c in enumerate(value) if c.isdigit()] or [0])
        if value in WORDS:
            return WORDS[value]
        digit = (int(value[at]) + rng.randint(1, 3)) % 10
        return value[:at] + str(digit) + value[at + 1 :]
    return rng.choice([value + 1, max(value - 1, 0), value * 2, value + 2])


def mutate(text: str, variant: str | None, rng: random.Random) -> tuple[str, str]:
    """A spec with one field changed, without expectations and printed figures; and the change."""
    data, _ = parse(text, "spec")
    for key in ("published", "budget", "source"):
        data.pop(key, None)
    own = (data.pop("variants", None) or {}).get(variant) or {}
    if variant is not None:
        data["variants"] = {variant: {"params": own.get("params") or {}}}
    strip_expectations(data)
    parts = ("layers", "blocks", "params", "input", "variants")
    path = rng.choice([p for p in fields(data) if p[0] in parts])
    place = data
    for step in path[:-1]:
        place = place[step]
    old, place[path[-1]] = place[path[-1]], changed(place[path[-1]], rng)
    what = f"{'.'.join(map(str, path))}: {old} → {place[path[-1]]}"
    return yaml.safe_dump(plain(data), sort_keys=False), what


def strip_expectations(data: Any) -> None:
    """Remove every `expect`, however deep."""
    if isinstance(data, dict):
        data.pop("expect", None)
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            strip_expectations(value)


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
    """Bytes and structure mutated, deep, long and doubling texts: no exception, no hang.

    `python -m tests.benchmarks.fuzz 100000` is the full run.
    """
    found = get_context("fork").Pool(1).apply(fuzz.batch, (0, HOSTILE, 20))
    slow = [why for _, why in found.failed if why.endswith(" s")]
    assert len(slow) == len(found.failed), found.failed
    assert found.slowest < 5 * fuzz.SECONDS  # other tests run beside this one
