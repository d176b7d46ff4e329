"""Calibrates this machine's CPU by the suite, and measures twelve bundled networks in one run.

    python -m tests.measured.latency cpu [DIR] [--repeat N] [--into FILE]

Prints each network's measured and predicted time at batch 1 and 8, and the mean error, and writes
all to `latency_cpu.json` or FILE, from which the table in the documents is made. From the start of
a layer to that of the next one, the shortest of several runs counts, since other processes only
ever add to it; a network takes the sum. The suite and the networks are measured in turn, in rounds.
Without quiet, the numbers mean little: the load of the machine is printed too.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch

import cnncalc
from cnncalc.analysis.latency import SUITE
from cnncalc.analysis.latency.calibrate import calibrate
from cnncalc.analysis.latency.device_file import Device
from cnncalc.analysis.latency.predict import Asked, predict
from cnncalc.render.profile import json as as_json
from cnncalc.torch_backend.allocator import settle
from cnncalc.torch_backend.build import assemble, layer_paths
from cnncalc.torch_backend.inputs import random_inputs
from cnncalc.torch_backend.profile.profile import profile
from cnncalc.torch_backend.profile.settings import Settings

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
WARM_UP = 2
ROUNDS = 3  # of the suite and the networks, one after the other
RECORD = Path(__file__).with_name("latency_cpu.json")


class Measured:
    """A network, and the shortest time that each of its stretches took at each batch so far.

    A stretch begins where a layer begins, and ends where the next one does. What other processes do
    meanwhile lengthens some stretches of every run of a large network, but not the same ones.
    """

    def __init__(self, target: str):
        self.target, self.spec = target, cnncalc.load(target)
        self.profile: dict[str, Any] = {}
        self._stretches: dict[int, list[float]] = {}

    def run(self, runs: int) -> None:
        """Run the network some times more."""
        device = torch.device("cpu")
        graph = self.spec.graph(self.spec.variant)
        network = assemble(graph, device).eval()
        marks: list[float] = []
        for path in dict.fromkeys(layer_paths(network)):
            module = network.get_submodule(path)
            module.register_forward_pre_hook(lambda *_: marks.append(time.perf_counter()))
        settle(device)
        for batch in BATCHES:
            inputs = random_inputs(graph, batch, device=device, dtype=torch.float32)
            for n in range(WARM_UP + runs):
                marks[:] = [time.perf_counter()]
                with torch.no_grad():
                    network(*inputs)
                marks.append(time.perf_counter())
                if n >= WARM_UP:
                    self._add(batch, [end - start for start, end in pairwise(marks)])

    def _add(self, batch: int, found: list[float]) -> None:
        self._stretches[batch] = list(map(min, found, self._stretches.get(batch, found)))

    def seconds(self, batch: int) -> float:
        """Return the time of a batch without disturbance."""
        return sum(self._stretches[batch])

    def profiled(self, file: Path) -> str:
        """Write a profile with these times, and the rates of the layers, to a file."""
        if not self.profile:
            found = profile(self.spec, batches=BATCHES, settings=Settings(warmup=2, repeat=3))
            self.profile = json.loads(as_json(self.target, found).written())
        for one in self.profile["batches"]:
            for key in ("median", "q1", "q3", "least"):
                one["latency"][key] = self.seconds(one["batch"])
        file.write_text(json.dumps(self.profile), "utf-8")
        return str(file)


def main(words: list[str]) -> None:
    """Measure, calibrate, predict, print and record."""
    reader = argparse.ArgumentParser(prog="python -m tests.measured.latency cpu")
    reader.add_argument("folder", nargs="?", type=Path, help="where profiles are written")
    reader.add_argument("--repeat", type=int, default=5, help="runs of each network in a round")
    reader.add_argument("--into", type=Path, default=RECORD, help="the record of the result")
    given = reader.parse_args(words)
    folder = given.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    load = [os.getloadavg()[0]]
    print(f"load {load[0]:.1f}; files in {folder}", flush=True)
    suite = [Measured(str(path)) for path in sorted(SUITE.glob("*.yaml"))]
    networks = [Measured(name) for name in NETWORKS]
    for _ in range(ROUNDS):
        for one in [*suite, *networks]:
            one.run(given.repeat)
    load.append(os.getloadavg()[0])
    files = [one.profiled(folder / f"{Path(one.target).stem}.json") for one in suite]
    found = calibrate(files)
    fit = found.device.fits[0]
    print(f"suite, each network left out: {fit['left_out']}")
    rows = [row for one in networks for row in _rows(one, found.device)]
    for row in rows:
        print(
            f"{row['network']:22} batch {row['batch']}: {row['seconds'] * 1e3:8.1f} ms measured,"
            f" {row['predicted'] * 1e3:8.1f} ms predicted, {_error(row):+6.1%},"
            f" {'inside' if row['low'] <= row['seconds'] <= row['high'] else 'outside'}"
        )
    off = [abs(_error(row)) for row in rows]
    print(f"mean error {mean(off):.1%}, median {median(off):.1%}; load {load[-1]:.1f}")
    record = {
        "device": found.device.name,
        "cores": os.cpu_count(),
        "tflops": dict(found.device.speed.tflops),
        "gb_per_s": found.device.speed.gb_per_s,
        "torch": fit["torch"],
        "runs": ROUNDS * given.repeat,
        "load": [round(one, 1) for one in load],
        "left_out": fit["left_out"],
        "coefficients": fit["coefficients"],
    }
    lines = ",\n  ".join(map(json.dumps, rows))
    head = json.dumps(record, indent=1)[:-2]
    given.into.write_text(f'{head},\n "networks": [\n  {lines}\n ]\n}}\n', "utf-8")


def _rows(measured: Measured, on: Device) -> Iterator[dict[str, Any]]:
    """Yield what was measured and what is predicted, in seconds for the batch."""
    spec = measured.spec
    for prediction in predict(spec.graph(spec.variant), on, BATCHES, Asked()):
        low, high = prediction.interval
        yield {
            "network": measured.target,
            "batch": prediction.batch,
            "seconds": measured.seconds(prediction.batch),
            "predicted": prediction.seconds,
            "low": low,
            "high": high,
        }


def _error(row: dict[str, Any]) -> float:
    return float(row["predicted"] / row["seconds"] - 1)


def markdown() -> str:
    """Return the table of the record, and what was measured where."""
    if not RECORD.exists():
        return "Nothing is recorded yet."
    record = json.loads(RECORD.read_text("utf-8"))
    rows = record["networks"]
    off = [abs(_error(row)) for row in rows]
    inside = mean(row["low"] <= row["seconds"] <= row["high"] for row in rows)
    lines = [
        f"{record['device']}, {record['cores']} cores, torch {record['torch']}, shortest of"
        f" {record['runs']} runs: mean error {mean(off):.1%}, median {median(off):.1%},"
        f" {inside:.0%} inside the 80 % interval.",
        "",
        "| network | batch | measured, ms | predicted, ms | error |",
        "|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        times = f"{row['seconds'] * 1e3:.1f} | {row['predicted'] * 1e3:.1f}"
        lines.append(f"| {row['network']} | {row['batch']} | {times} | {_error(row):+.1%} |")
    return "\n".join(lines)
