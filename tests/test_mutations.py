"""Any one field of any bundled spec changed: our figures change exactly as torch's do.

A run takes CNNCALC_MUTATIONS changes (60 unless set), and CNNCALC_HOSTILE hostile specs (400).
"""

from __future__ import annotations

import os
import random
from collections import Counter
from fractions import Fraction
from typing import Any

import torch
import yaml
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.rows import Report
from cnncalc.analysis.zoo import members, specs
from cnncalc.language.yaml_tree import parse
from cnncalc.torch_backend.build import assemble

from .benchmarks import fuzz

MUTATIONS = int(os.environ.get("CNNCALC_MUTATIONS", "60"))
HOSTILE = int(os.environ.get("CNNCALC_HOSTILE", "400"))


WORDS = {"same": "valid", "valid": "same"}


def fields(data: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all numbers, switches, paddings and expressions with a number below a place."""
    if isinstance(data, dict):
        return [p for key, value in data.items() for p in fields(value, (*path, key))]
    if isinstance(data, list):
        return [p for n, value in enumerate(data) for p in fields(value, (*path, n))]
    if isinstance(data, str):
        return (
            [path]
            if data in WORDS
            or any(c.isdigit() for c in data)
            and path[-1] not in ("name", "from", "share", "source")
            else []
        )
    return [path] if isinstance(data, (bool, int, Fraction)) else []


def changed(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, Fraction):
        return float(value) / 2
    if isinstance(value, str):
        at = rng.choice([n for n, c in enumerate(value) if c.isdigit()] or [0])
        return (
            WORDS.get(value)
            or value[:at] + str((int(value[at]) + rng.randint(1, 3)) % 10) + value[at + 1 :]
        )
    return rng.choice([value + 1, max(value - 1, 0), value * 2, value + 2])


def mutate(text: str, variant: str | None, rng: random.Random) -> tuple[str, str]:
    """A spec with one field changed, without its expectations and printed figures; and what was changed."""
    data, _ = parse(text, "spec")
    for key in ("published", "budget", "source"):
        data.pop(key, None)
    own = (data.pop("variants", None) or {}).get(variant) or {}
    if variant is not None:
        data["variants"] = {variant: {"params": own.get("params") or {}}}
    strip_expectations(data)
    path = rng.choice(
        [p for p in fields(data) if p[0] in ("layers", "blocks", "params", "input", "variants")]
    )
    place = data
    for step in path[:-1]:
        place = place[step]
    old, place[path[-1]] = place[path[-1]], changed(place[path[-1]], rng)
    return yaml.safe_dump(
        plain(data), sort_keys=False
    ), f"{'.'.join(map(str, path))}: {old} → {place[path[-1]]}"


def strip_expectations(data: Any) -> None:
    if isinstance(data, dict):
        data.pop("expect", None)
    for value in (
        data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    ):
        strip_expectations(value)


def plain(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(value) for value in data]
    return float(data) if isinstance(data, Fraction) else data


def of_torch(report: Report) -> tuple[list, int, int]:
    """Output shapes in order, MACs and parameters, by hooks and torch's counter."""
    network = assemble(report.graph, "meta").eval()
    shapes: dict[str, list[tuple]] = {
        path: [] for path, _ in network.named_modules()
    }  # of a shared module, one for each call
    for path, module in network.named_modules():
        module.register_forward_hook(
            lambda m, _, y, path=path: (
                shapes[path].append(tuple(y.shape[1:])) if isinstance(y, torch.Tensor) else None
            )
        )
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(*(torch.empty(1, *shape, device="meta") for shape in report.inputs.values()))
    return (
        [shapes[row.shared_with or row.path].pop(0) for row in report.rows],
        counter.get_total_flops() // 2,
        sum(p.numel() for p in network.parameters()),
    )


def test_one_changed_field() -> None:
    rng, outcome = random.Random(7), Counter()
    bundled = [(stem, spec.text, variant) for stem, spec in specs() for variant in members(spec)]
    for _ in range(MUTATIONS):
        stem, text, variant = rng.choice(bundled)
        mutated, what = mutate(text, variant, rng)
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
        assert ours == of_torch(report), f"{stem}: {what}"
    assert outcome["compared"] >= MUTATIONS // 2, outcome


def test_hostile_specs() -> None:
    """Bytes and structure mutated: no exception, no hang. `tests/benchmarks/fuzz.py` does the same twenty thousand times."""
    rng = random.Random(20)
    texts = [path.read_text("utf-8") for path in fuzz.SEEDS]
    for _ in range(HOSTILE):
        data = fuzz.mutated(rng.choice(texts), rng)
        seconds, _ = fuzz.one(data)
        assert seconds < 5 * fuzz.SECONDS, data  # other tests run beside this one
