"""Fits devices to tables of others, and says how far predicted times are off.

    python -m tests.measured.latency fit       # writes cnncalc/analysis/latency/fitted.json
    python -m tests.measured.latency errors    # leave-one-family-out, by configuration
    python -m tests.measured.latency networks  # the same, by network
    python -m tests.measured.latency peaks     # by data sheets alone, and with five networks
    python -m tests.measured.latency cpu       # calibrates this CPU, and measures twelve networks

`timm_inference.json` has the measurements of others. A family is a spec file. Names of
configurations, or parts of them, after the first word choose among them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import cnncalc
from cnncalc.analysis.latency import fitting
from cnncalc.analysis.latency.devices import FITTED, entry, peaks_of, start_of, usual
from cnncalc.analysis.latency.kernels import Kernel, Way, kernels
from cnncalc.analysis.latency.model import Coefficients

FILE = Path(__file__).with_name("timm_inference.json")
ERRORS = Path(__file__).with_name("latency_errors.json")
SOURCE = "timm's table of results, fitted by tests/measured/latency.py"
DEVICES = {
    "rtx3090": "RTX3090",
    "rtx4090": "RTX4090",
    "4090": "RTX4090",
    "i7": "i7-12700H",
    "i9": "i9-10940X",
}
FIVE = ("resnet50", "mobilenet_v2", "vgg16_bn", "regnet_y_1_6gf", "efficientnet_b0")


class Configuration(NamedTuple):
    """A device, and how networks ran on it."""

    name: str
    device: str
    way: Way
    torch: str

    @classmethod
    def of(cls, name: str) -> Configuration:
        """Read the name of one of timm's tables."""
        device = next(known for word, known in DEVICES.items() if word in name)
        way = Way(
            amp="float16" if name.startswith("amp") else None,
            channels_last="nhwc" in name,
            compile="dynamo" in name,
            device="cpu" if "cpu" in name else "cuda",
        )
        digits = re.search(r"pt(\d)(\d+)(\d)", name)
        assert digits is not None
        return cls(name, device, way, ".".join(digits.groups()))


def configurations(words: list[str] | None = None) -> list[Configuration]:
    """Return the configurations whose names have one of these words; all without words."""
    names = json.loads(FILE.read_text("utf-8"))["configurations"]
    return [Configuration.of(name) for name in names if not words or any(w in name for w in words)]


@cache
def _network(name: str, side: int, way: Way) -> tuple[str, tuple[Kernel, ...]]:
    spec = cnncalc.load(name)
    graph = spec.graph(spec.variant, None, (3, side, side))
    return Path(spec.file).stem, tuple(kernels(graph, way))


def measured(configuration: Configuration) -> Iterator[fitting.Measured]:
    """Yield what others measured."""
    found = json.loads(FILE.read_text("utf-8"))["configurations"][configuration.name]
    for name, rows in found.items():
        for side, batch, rate in rows:
            way = configuration.way._replace(channels_last=False)  # kernels are the same
            family, parts = _network(name, side, way)
            yield fitting.Measured(f"{name} {side}", family, parts, batch, batch / rate)


def table(configuration: Configuration) -> fitting.Table:
    """Return the measurements of a configuration."""
    peaks = peaks_of(configuration.device, configuration.way)
    return fitting.Table(list(measured(configuration)), configuration.way, peaks)


Errors = list[tuple[str, str, float, float]]  # network, family, images a second, error


def fitted(configuration: Configuration) -> tuple[dict[str, Any], Errors]:
    """Fit a configuration; return its entry in the file of fitted devices, and its errors.

    An error is predicted over measured seconds, minus 1, by a fit without the network's family.
    """
    found = table(configuration)
    way = configuration.way
    usually = start_of(found.peaks)
    logarithms = fitting.fit(found, usually)
    errors = fitting.left_out(found, usually, lambda one: one.family)
    rows = [
        (one.name, one.family, round(one.batch / one.seconds, 2), round(float(np.expm1(e)), 4))
        for one, e in zip(found.measured, errors)
    ]
    one = entry(
        device=configuration.device,
        way=way,
        torch=configuration.torch,
        found=found,
        coefficients=fitting.coefficients(logarithms),
        errors=errors,
        source=SOURCE,
    )
    return one, rows


def _fit(chosen: list[Configuration]) -> None:
    errors = json.loads(ERRORS.read_text("utf-8")) if ERRORS.exists() else {}
    known = json.loads(FITTED.read_text("utf-8"))["fits"] if FITTED.exists() else []
    names = {configuration.name for configuration in chosen}
    entries = [one for one in known if one.get("table") not in names]
    for configuration in chosen:
        one, rows = fitted(configuration)
        print(_line(configuration.name, one["left_out"]), flush=True)
        entries.append({**one, "table": configuration.name})
        errors[configuration.name] = rows
    order = [configuration.name for configuration in configurations()]
    entries.sort(key=lambda one: order.index(one["table"]))
    lines = ",\n".join(json.dumps(one) for one in entries)
    FITTED.write_text(f'{{"fits": [\n{lines}\n]}}\n', "utf-8")
    tables = [
        f"{json.dumps(name)}:[\n" + ",\n".join(map(json.dumps, errors[name])) + "]"
        for name in order
        if name in errors
    ]
    ERRORS.write_text("{" + ",\n".join(tables) + "}\n", "utf-8")


def _line(name: str, of: dict[str, float]) -> str:
    shares = "  ".join(f"{of[key]:6.1%}" for key in ("mean", "median"))
    return (
        f"{name:40} {shares}  {of['rank']:.4f}  {of['low']:.3f}–{of['high']:.3f}"
        f"  {of['coverage']:.0%} inside"
    )


def _errors(chosen: list[Configuration]) -> None:
    print(f"{'':40} mean    median  rank    interval     coverage")
    for configuration in chosen:
        print(_line(configuration.name, fitted(configuration)[0]["left_out"]), flush=True)


def _networks(chosen: list[Configuration]) -> None:
    known = json.loads(ERRORS.read_text("utf-8"))
    for configuration in chosen:
        print(f"\n{configuration.name}")
        for name, family, rate, error in sorted(known[configuration.name], key=_size):
            print(f"  {name:34} {family:20} {rate:10,.1f} img/s  {error:+7.1%}")


def _size(row: tuple[str, str, float, float]) -> float:
    return -abs(row[3])


def _peaks(chosen: list[Configuration]) -> None:
    """Print errors with the coefficients of other devices, and after a fit to five networks."""
    print(f"{'':40} data sheet       five networks")
    for configuration in chosen:
        found = table(configuration)
        start = usual(configuration.way, found.peaks, but=configuration.device)
        alone = fitting.summary(found, found.errors_of(start))
        five = np.array([one.name.split()[0] in FIVE for one in found.measured])
        first: dict[str, int] = {}
        for n in np.flatnonzero(five).tolist():
            first.setdefault(found.measured[n].name.split()[0], n)
        weights = np.zeros(len(five))
        weights[list(first.values())] = 1
        errors = found.errors(fitting.fit(found, start_of(found.peaks), weights))
        others = np.abs(np.expm1(errors[~five]))
        print(
            f"{configuration.name:40} {alone.mean:6.1%} {alone.median:6.1%}"
            f"    {others.mean():6.1%} {np.median(others):6.1%}",
            flush=True,
        )


def main() -> None:
    """Run what the first word asks for."""
    what, *words = sys.argv[1:] or ["errors"]
    if what == "cpu":
        from tests.measured.latency_cpu import main as measure

        return measure(words)
    run = {"fit": _fit, "errors": _errors, "networks": _networks, "peaks": _peaks}[what]
    run(configurations(words))


if __name__ == "__main__":
    main()


__all__ = ["Coefficients", "Configuration", "configurations", "fitted", "measured", "table"]
