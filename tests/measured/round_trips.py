"""Writes bundled networks as ONNX and as source, and reads them back, each in its own process.

``python -m tests.measured.round_trips onnx RESULTS.jsonl`` takes the first network of each file
(``--all``: all of them; NAMES: these), and appends a line for each to RESULTS; what is there
already is not done again. ``source`` in place of ``onnx`` tries the source for torch.
``weights`` imports the twins of the bundled networks, and networks of timm, and compares what the
specs compute with their weights; it needs timm and torchvision.
``python -m tests.measured.round_trips table RESULTS.jsonl …`` prints results as Markdown.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from ..samples import BUNDLED
from .processes import in_a_process

_LIMIT = 1200  # seconds for one network
_IMPORTED = (
    "tests.trips",
    "cnncalc.convert.importing",
    "cnncalc.torch_backend.hold.hold",
    "cnncalc.torch_backend.trace.export",
)
_PACKAGES = ("onnx", "onnxruntime", "onnxscript")
OF_TIMM = (  # small ones of different families
    "resnet26d", "legacy_seresnext26_32x4d", "efficientnet_b0", "mobilenetv3_small_050",
    "convnext_atto", "regnetx_004_tv", "ghostnet_050", "mobilevit_xxs", "dla34", "densenet121",
    "repvgg_b0", "mambaout_small", "starnet_s1", "skresnet18", "botnet26t_256", "levit_128",
    "mixnet_l", "tresnet_m", "inception_v3", "fastvit_s12", "lcnetv2_base", "focalnet_tiny_lrf",
)  # fmt: skip


def onnx_row(name: str) -> dict[str, Any]:
    """Write a network as ONNX, run the file, and import it."""
    import cnncalc

    from ..trips import differences_after_onnx, written_as_onnx

    bundled = next(b for b in BUNDLED if b.name == name)
    weights = 4 * cnncalc.analyze(bundled.spec, bundled.variant).totals.params
    if weights >= 2**31:
        return {"left_out": f"its weights take {weights / 1e9:.1f} GB"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.onnx"
        error = written_as_onnx(bundled.spec, bundled.variant, file)
        row = {"bytes": file.stat().st_size, "error": error}
        return {**row, "differs": differences_after_onnx(bundled.spec, bundled.variant, file)}


def source_row(name: str) -> dict[str, Any]:
    """Write a network as source for torch, import that, and compare the graphs."""
    from ..trips import differences_after_source

    bundled = next(b for b in BUNDLED if b.name == name)
    return {"differs": differences_after_source(bundled.spec, bundled.variant)}


def weights_row(name: str) -> dict[str, Any]:
    """Import a twin or a network of timm, and run the network of its spec with its weights."""
    import torch

    from ..same_weights import differences_with_same_weights
    from ..twins import NO_TWIN, twin

    torch.set_num_threads(1)
    if name in {b.name for b in BUNDLED} - NO_TWIN:
        make, shape = twin(name)
        return {"differs": differences_with_same_weights(make(), [shape], images=1)}
    from .timm_import import torchvision_without_its_operators

    torchvision_without_its_operators()
    import timm

    network = timm.create_model(name)
    shape = tuple(network.default_cfg["input_size"])
    return {"differs": differences_with_same_weights(network, [shape], images=1)}


_ROWS = {"onnx": onnx_row, "source": source_row, "weights": weights_row}


def _names(given: argparse.Namespace) -> list[str]:
    """Return the networks to take."""
    from ..twins import NO_TWIN

    if given.names:
        return list(given.names)
    every = [b.name for b in BUNDLED]
    if given.what == "weights":
        return [name for name in every if name not in NO_TWIN] + list(OF_TIMM)
    firsts = {b.spec.file: b.name for b in reversed(BUNDLED)}
    return every if given.all else [*firsts.values()][::-1]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=(*_ROWS, "table"))
    parser.add_argument("results", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    if given.what == "table":
        _print_table([given.results, *map(Path, given.names)])
        return
    _import_what_all_need(given.what)
    done = set()
    if given.results.exists():
        lines = given.results.read_text("utf-8").splitlines()
        done = {json.loads(line)["name"] for line in lines}
    for name in _names(given):
        if name not in done:
            row = _row(given.what, name)
            with given.results.open("a", encoding="utf-8") as results:
                results.write(json.dumps(row) + "\n")
            print(json.dumps(row)[:300], flush=True)


def _import_what_all_need(what: str) -> None:
    """Import what takes long once, before the processes part."""
    import torch

    torch.set_num_threads(1)
    for module in (*_IMPORTED, *(_PACKAGES if what == "onnx" else ())):
        import_module(module)


def _row(what: str, name: str) -> dict[str, Any]:
    start = time.perf_counter()
    row = in_a_process(partial(_ROWS[what], name), _LIMIT)
    return {"name": name, **row, "seconds": round(time.perf_counter() - start, 1)}


def _print_table(files: list[Path]) -> None:
    """Print how many networks are the same, and a line for each that is not."""
    for file in files:
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        rows = [*{row["name"]: row for row in rows}.values()]
        same = [row for row in rows if _outcome(row) == "the same"]
        seconds = sorted(row["seconds"] for row in rows if "seconds" in row)
        print(f"{len(same)} of {len(rows)} are the same; {_errors(rows)}", end="")
        print(f"the median took {seconds[len(seconds) // 2]:.0f} s.\n")
        print("| network | what differs |\n| --- | --- |")
        for row in sorted(rows, key=lambda row: str(row["name"])):
            if row not in same:
                print(f"| {row['name']} | {_outcome(row)} |")
        print(f"\nThe same: {', '.join(sorted(row['name'] for row in same))}.\n")


def _errors(rows: list[dict[str, Any]]) -> str:
    errors = [row["error"] for row in rows if "error" in row]
    return f"the largest error of {len(errors)} files is {max(errors):.1e}; " if errors else ""


def _outcome(row: dict[str, Any]) -> str:
    for why in ("failed", "left_out"):
        if why in row:
            return str(row[why])[:160].replace("|", "/")
    differs = row["differs"]
    more = f" (and {len(differs) - 1} more)" if differs[1:] else ""
    return differs[0][:160].replace("|", "/") + more if differs else "the same"


if __name__ == "__main__":
    main()
