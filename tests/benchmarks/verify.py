"""`verify` beside torchinfo and fvcore, as ratios within one run.

    python tests/benchmarks/verify.py [--all] [--json FILE]

Whole processes, interleaved; the fastest of the runs counts. Memory is the largest resident size
of each process.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from speed import ENVIRONMENT, FVCORE, PEER, ROOT, TORCHINFO

RUNS = 5
BOTH = f"{TORCHINFO}\nsummarize(verbose=1)\n{FVCORE.removeprefix(PEER)}"


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and largest resident MiB of a process."""
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
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def cnncalc(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cnncalc", *arguments]


def main() -> None:
    commands = {
        "import torch": [sys.executable, "-c", "import torch"],
        "torchinfo and fvcore, VGG-16": [sys.executable, "-c", BOTH],
        "cnncalc verify vgg16": cnncalc("verify", "vgg16"),
        "cnncalc verify vgg16 --device meta": cnncalc("verify", "vgg16", "--device", "meta"),
    }
    least = {name: (float("inf"), 0.0) for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            seconds, mebibytes = measured(command)
            least[name] = min(least[name][0], seconds), max(least[name][1], mebibytes)
    if "--all" in sys.argv:
        least["cnncalc verify --all"] = measured(cnncalc("verify", "--all"))
    both = least["torchinfo and fvcore, VGG-16"][0]
    print("| whole process | s | × torchinfo and fvcore | MiB |\n|---|---:|---:|---:|")
    for name, (seconds, mebibytes) in least.items():
        print(f"| {name} | {seconds:.1f} | {seconds / both:.2f} | {mebibytes:.0f} |")
    if "--json" in sys.argv:
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(least, indent=1))


if __name__ == "__main__":
    main()
