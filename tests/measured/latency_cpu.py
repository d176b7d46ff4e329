"""Calibrates this machine's CPU by the suite, and measures twelve bundled networks in one run.

    python -m tests.measured.latency cpu [DIR]

Prints each network's measured and predicted time at batch 1 and 8, and the mean error. Times are
the shortest of several runs, since other processes only ever add to them; the suite is measured
before and after the networks, and the shorter time of both counts. Without quiet, the numbers mean
little: the load of the machine is printed too.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import mean, median
from typing import Any

import cnncalc
from cnncalc.analysis.latency import SUITE
from cnncalc.analysis.latency.calibrate import calibrate
from cnncalc.analysis.latency.predict import Asked, predict

NETWORKS = (
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "efficientnet_b0",
    "densenet121",
    "vgg11",
    "regnet_x_400mf",
    "regnet_y_800mf",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "googlenet_torchvision",
)
BATCHES = (1, 8)
REPEAT = 10


def _profiled(target: str, file: Path) -> dict[str, Any]:
    """Profile a network, and keep the shorter time of this run and an earlier one."""
    from cnncalc.render.profile import json as as_json
    from cnncalc.torch_backend.profile.profile import profile
    from cnncalc.torch_backend.profile.settings import Settings

    found = profile(
        cnncalc.load(target), batches=BATCHES, settings=Settings(warmup=2, repeat=REPEAT)
    )
    data = json.loads(as_json(target, found).written())
    if file.exists():
        before = json.loads(file.read_text("utf-8"))
        for old, new in zip(before["batches"], data["batches"]):
            if old["latency"]["least"] < new["latency"]["least"]:
                new["latency"] = old["latency"]
    for one in data["batches"]:  # the shortest run is what counts here: quartiles say nothing
        one["latency"]["q1"] = one["latency"]["q3"] = one["latency"]["median"]
    file.write_text(json.dumps(data), "utf-8")
    return data


def main(words: list[str]) -> None:
    """Measure, calibrate, predict and print."""
    folder = Path(words[0]) if words else Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    print(f"load {os.getloadavg()[0]:.1f}; files in {folder}", flush=True)
    suite = [(str(path), folder / f"{path.stem}.json") for path in sorted(SUITE.glob("*.yaml"))]
    for target, file in suite:
        _profiled(target, file)
    measured = {name: _profiled(name, folder / f"{name}.json") for name in NETWORKS}
    for target, file in suite:
        _profiled(target, file)
    found = calibrate([str(file) for _, file in suite])
    print(f"suite, each network left out: {found.device.fits[0]['left_out']}")
    off = []
    for name, data in measured.items():
        spec = cnncalc.load(name)
        graph = spec.graph(spec.variant)
        for one, prediction in zip(
            data["batches"], predict(graph, found.device, BATCHES, Asked()), strict=True
        ):
            seconds = one["latency"]["least"]
            error = prediction.seconds / seconds - 1
            off.append(abs(error))
            low, high = prediction.interval
            inside = "inside" if low <= seconds <= high else "outside"
            print(
                f"{name:22} batch {prediction.batch}: {seconds * 1e3:8.1f} ms measured,"
                f" {prediction.seconds * 1e3:8.1f} ms predicted, {error:+6.1%}, {inside}"
            )
    print(f"mean error {mean(off):.1%}, median {median(off):.1%}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
