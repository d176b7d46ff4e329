"""Compares the start-up of two checkouts: `python tests/benchmarks/startup.py OTHER [--pairs N]`.

OTHER is a folder with another state of the repository, as `git worktree add OTHER COMMIT` makes it.
Whole processes of both run in turn. What counts is their CPU time, user and system, because it says
the same on a machine that does other work too.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

HERE = Path(__file__).parent.parent.parent
COMMANDS = ("analyze vgg16", "analyze resnet50", "check vgg16", "check resnet50")
# as installed: compiled once
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


def cpu_seconds(checkout: Path, arguments: Sequence[str]) -> float:
    """Return the CPU time of one command of a checkout, in a process of its own."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.chdir(checkout)  # `-m` imports from here
        os.execve(sys.executable, [sys.executable, "-m", "cnncalc", *arguments], ENVIRONMENT)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} in {checkout}: exit status {status}")
    return usage.ru_utime + usage.ru_stime


def paired(other: Path, arguments: Sequence[str], pairs: int) -> tuple[list[float], list[float]]:
    """Return the CPU times of a command there and here; who is first changes from pair to pair."""
    there: list[float] = []
    here: list[float] = []
    turns = [(other, there), (HERE, here)]
    for checkout, _ in turns:
        cpu_seconds(checkout, arguments)  # compiles what is imported
    for _ in range(pairs):
        for checkout, times in turns:
            times.append(cpu_seconds(checkout, arguments))
        turns.reverse()
    return there, here


def main() -> None:
    """Print the medians of both checkouts, and that of the ratios of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path)
    parser.add_argument("commands", nargs="*", default=COMMANDS, help="such as 'analyze vgg16'")
    parser.add_argument("--pairs", type=int, default=50)
    given = parser.parse_intermixed_args()
    print("| command | there, ms | here, ms | here ÷ there |\n|---|---:|---:|---:|")
    for command in given.commands:
        there, here = paired(given.other, command.split(), given.pairs)
        ratio = median(b / a for a, b in zip(there, here))
        times = (f"{median(times) * 1000:.1f}" for times in (there, here))
        print(f"| {command} | {' | '.join(times)} | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main()
