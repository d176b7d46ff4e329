"""Calibrates this machine's CPU by the suite, and measures twelve bundled networks in one run.

    python -m tests.measured.latency cpu [DIR] [--repeat N] [--into FILE]

Prints each network's measured and predicted time at batch 1 and 8, and the mean error, and writes
all to `latency_cpu.json` or FILE, from which the table in the documents is made. Times are
the shortest of several runs, since other processes only ever add to them. The suite and the
networks are measured in turn, in rounds. Without quiet, the numbers mean
little: the load of the machine is printed too.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

import cnncalc
from cnncalc.analysis.latency import SUITE
from cnncalc.analysis.latency.calibrate import calibrate
from cnncalc.analysis.latency.device_file import Device
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
ROUNDS = 2  # of the suite and the networks, one after the other
RECORD = Path(__file__).with_name("latency_cpu.json")


def _profiled(target: str, file: Path, repeat: int) -> dict[str, Any]:
    """Profile a network, and keep the shorter time of this run and an earlier one."""
    from cnncalc.render.profile import json as as_json
    from cnncalc.torch_backend.profile.profile import profile
    from cnncalc.torch_backend.profile.settings import Settings

    found = profile(
        cnncalc.load(target), batches=BATCHES, settings=Settings(warmup=2, repeat=repeat)
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
    """Measure, calibrate, predict, print and record."""
    reader = argparse.ArgumentParser(prog="python -m tests.measured.latency cpu")
    reader.add_argument("folder", nargs="?", type=Path, help="where profiles are written")
    reader.add_argument("--repeat", type=int, default=4, help="runs of each network in a round")
    reader.add_argument("--into", type=Path, default=RECORD, help="the record of the result")
    given = reader.parse_args(words)
    folder = given.folder or Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    load = [os.getloadavg()[0]]
    print(f"load {load[0]:.1f}; files in {folder}", flush=True)
    suite = [(str(path), folder / f"{path.stem}.json") for path in sorted(SUITE.glob("*.yaml"))]
    networks = [(name, folder / f"{name}.json") for name in NETWORKS]
    measured = {}
    for _ in range(ROUNDS):
        for target, file in [*suite, *networks]:
            measured[target] = _profiled(target, file, given.repeat)
    load.append(os.getloadavg()[0])
    found = calibrate([str(file) for _, file in suite])
    fit = found.device.fits[0]
    print(f"suite, each network left out: {fit['left_out']}")
    rows = [row for name in NETWORKS for row in _rows(name, measured[name], found.device)]
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
        "torch": fit["torch"],
        "runs": given.repeat,
        "load": [round(one, 1) for one in load],
        "left_out": fit["left_out"],
        "coefficients": fit["coefficients"],
    }
    lines = ",\n  ".join(map(json.dumps, rows))
    head = json.dumps(record, indent=1)[:-2]
    given.into.write_text(f'{head},\n "networks": [\n  {lines}\n ]\n}}\n', "utf-8")


def _rows(name: str, data: dict[str, Any], on: Device) -> Iterator[dict[str, Any]]:
    """Yield what was measured and what is predicted, in seconds for the batch."""
    spec = cnncalc.load(name)
    predicted = predict(spec.graph(spec.variant), on, BATCHES, Asked())
    for one, prediction in zip(data["batches"], predicted, strict=True):
        low, high = prediction.interval
        yield {
            "network": name,
            "batch": prediction.batch,
            "seconds": one["latency"]["least"],
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
