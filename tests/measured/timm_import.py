"""Imports networks of timm, each in a process of its own, and compares the specs with torch.

``python -m tests.measured.timm_import NAMES.json RESULTS.jsonl`` imports the networks in NAMES, in
order of size, and appends a line for each to RESULTS; what is there already is not done again.
NAMES holds ``[[name, kind, nodes], …]``; timm_table prints the results as Markdown.
It needs timm and torchvision; no weights are loaded.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from .processes import in_a_process

_LIMIT = 900  # seconds for one network


class Products(TorchDispatchMode):
    """Collects the MACs of each call, by the formulas of torch's FlopCounterMode."""

    def __init__(self) -> None:
        super().__init__()
        self.macs: list[int] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        y = func(*args, **kwargs)
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.macs.append(count(*args, **kwargs, out_val=y) // 2)
        return y


def macs_of_calls(network: torch.nn.Module, shape: tuple[int, ...]) -> list[int]:
    """Return the MACs of all calls of a network that have any, for one image."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    network = network.to("meta").eval()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), Products() as products:
        network(torch.empty(1, *shape, device="meta"))
    return [macs for macs in products.macs if macs]


def torchvision_without_its_operators() -> None:
    """Make torchvision importable where its compiled operators are missing."""
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    globals()["_library"] = library  # it is deleted with its last reference


def measured(name: str, specs: Path | None) -> dict[str, Any]:
    """Import a network, and return what is known of the result."""
    import timm

    from cnncalc.analysis.analyze import analyze
    from cnncalc.convert.importing import imported, traced
    from cnncalc.language.load import from_text

    torch.manual_seed(0)
    begun = time.process_time()
    network = timm.create_model(name)
    made = time.process_time()
    shape = tuple(network.default_cfg["input_size"])
    found = imported(traced(network, [shape], name))
    done = time.process_time()
    if specs is not None:
        specs.mkdir(exist_ok=True)
        (specs / f"{name}.cnn.yaml").write_text(found.text, "utf-8")
    report = analyze(from_text(found.text, name))
    params = sum(p.numel() for p in network.parameters())
    ours = Counter(row.macs for row in report.rows if row.macs)
    theirs = Counter(macs_of_calls(network, shape))
    return {
        "lines": found.lines,
        "layers": found.layers,
        "opaque": len(found.declared),
        "of": sorted({part.what for part in found.declared}),
        "verified": found.verified,
        "values": found.held and found.held.values,
        "why_not": [note for note in found.held.notes if "values are not" in note]
        if found.held
        else [],
        "params": [report.totals.params, params],
        "macs": [report.totals.macs, sum(k * v for k, v in theirs.items())],
        "by_layer": ours == theirs,
        "other_macs": [
            sorted((ours - theirs).elements())[:4],
            sorted((theirs - ours).elements())[:4],
        ],
        "making": round(made - begun, 1),
        "seconds": round(done - made, 1),
        "problems": [d.message for d in found.problems][:3],
    }


def main() -> None:
    """Import the networks that are listed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("names", type=Path)
    parser.add_argument("results", type=Path)
    parser.add_argument("--specs", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--part", default="0/1")
    given = parser.parse_args()
    done: set[str] = set()
    if given.results.exists():
        done = {json.loads(line)["name"] for line in given.results.read_text().splitlines()}
    torchvision_without_its_operators()
    torch.set_num_threads(1)
    import timm  # noqa: F401

    import cnncalc.convert.importing
    import cnncalc.torch_backend.hold.hold
    import cnncalc.torch_backend.trace.export  # noqa: F401

    rows = sorted(json.loads(given.names.read_text()), key=lambda row: row[2])
    n, of = map(int, given.part.split("/"))
    for name, kind, nodes in rows[n::of]:
        if name in done or given.only and name not in given.only:
            continue
        found = in_a_process(partial(measured, name, given.specs), _LIMIT)
        row = {"name": name, "kind": kind, "nodes": nodes, **found}
        with given.results.open("a") as file:
            print(json.dumps(row), file=file, flush=True)
        print(json.dumps(row), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
