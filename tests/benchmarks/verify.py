"""Compares `verify` with torchinfo and fvcore, as ratios within one run.

    python tests/benchmarks/verify.py [--all] [--json FILE]

It runs whole processes in turn. Of the runs of each, the fastest counts, and apart from it the one
with the least time of the CPU, which other processes disturb less. Memory is the largest resident
size of each process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import NamedTuple

from speed import ENVIRONMENT, FVCORE, PEER, ROOT, TORCHINFO

RUNS = 5
BOTH = f"{TORCHINFO}\nsummarize(verbose=1)\n{FVCORE.removeprefix(PEER)}"


class Cost(NamedTuple):
    """What a process takes."""

    seconds: float = float("inf")
    cpu_seconds: float = float("inf")
    mebibytes: float = 0  # the most that were resident

    def least(self, other: Cost) -> Cost:
        """Return the least times of two runs, and the most memory."""
        return Cost(
            min(self.seconds, other.seconds),
            min(self.cpu_seconds, other.cpu_seconds),
            max(self.mebibytes, other.mebibytes),
        )


def measured(command: list[str]) -> Cost:
    """Run a process, and return what it takes."""
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        os.chdir(ROOT)
        os.execve(sys.executable, command, ENVIRONMENT)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"{command} failed")
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Cost(time.perf_counter() - start, cpu_seconds, usage.ru_maxrss / 1024)


def cnncalc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cnncalc", *arguments]


def main() -> None:
    commands = {
        "import torch": [sys.executable, "-c", "import torch"],
        "torchinfo and fvcore, VGG-16": [sys.executable, "-c", BOTH],
        "cnncalc verify vgg16": cnncalc("verify", "vgg16"),
        "cnncalc verify vgg16 --device meta": cnncalc("verify", "vgg16", "--device", "meta"),
        "cnncalc verify resnet50": cnncalc("verify", "resnet50"),
        "cnncalc verify unet": cnncalc("verify", "unet"),
    }
    least = dict.fromkeys(commands, Cost())
    for _ in range(RUNS):
        for name, command in commands.items():
            least[name] = least[name].least(measured(command))
    if "--all" in sys.argv:
        least["cnncalc verify --all"] = measured(cnncalc("verify", "--all"))
    both = least["torchinfo and fvcore, VGG-16"]
    print("| whole process | s | s of CPU | × torchinfo and fvcore | MiB |")
    print("|---|---:|---:|---:|---:|")
    for name, cost in least.items():
        ratio = cost.cpu_seconds / both.cpu_seconds
        figures = f"{cost.seconds:.1f} | {cost.cpu_seconds:.1f} | {ratio:.2f}"
        print(f"| {name} | {figures} | {cost.mebibytes:.0f} |")
    if "--json" in sys.argv:
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(least, indent=1))


if __name__ == "__main__":
    main()
