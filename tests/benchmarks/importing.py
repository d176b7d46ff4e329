"""Compares import with making and exporting a network: `python -m tests.benchmarks.importing`.

Whole processes run in turn: `cnncalc import` of a network of timm with its proof, and one that only
makes the network and calls torch.export. What counts is their CPU time, user and system. It needs
timm and torchvision; no weights are loaded.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

_MODULE = """
import torch
from tests.measured.timm_import import torchvision_without_its_operators

torchvision_without_its_operators()
import timm

def made():
    return timm.create_model("{name}")
"""
_EXPORT = """
import torch
from made_network import made

shape = (2, *made.__globals__["timm"].get_pretrained_cfg("{name}").input_size)
torch.export.export(made().eval(), (torch.empty(shape),), strict=False)
"""
_IMPORT = """
import sys
from cnncalc.cli.main import run

sys.argv = ["cnncalc", "import", "made_network:made", "--input", "{shape}", "-o", "net.cnn.yaml"]
run()
"""


def cpu_seconds(source: str, folder: Path) -> float:
    """Return the CPU time of a program in a process of its own, in a folder."""
    child = os.fork()
    if child == 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        os.chdir(folder)
        os.execv(sys.executable, [sys.executable, "-c", source])
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"exit status {status} of:\n{source}")
    return usage.ru_utime + usage.ru_stime


def paired(sources: Sequence[str], folder: Path, pairs: int) -> list[list[float]]:
    """Return the CPU times of programs; who is first changes from pair to pair."""
    times: list[list[float]] = [[] for _ in sources]
    for source in sources:
        cpu_seconds(source, folder)  # compiles what is imported
    turns = [*zip(sources, times)]
    for _ in range(pairs):
        for source, own in turns:
            own.append(cpu_seconds(source, folder))
        turns.reverse()
    return times


def main() -> None:
    """Print the medians of both, and that of the ratios of the pairs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="resnet50")
    parser.add_argument("--shape", default="3x224x224")
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    here = str(Path(__file__).parent.parent.parent)
    os.environ["PYTHONPATH"] = os.pathsep.join([here, os.environ.get("PYTHONPATH", "")])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "made_network.py").write_text(_MODULE.format(name=given.name))
        sources = [text.format(name=given.name, shape=given.shape) for text in (_EXPORT, _IMPORT)]
        alone, imported = paired(sources, folder, given.pairs)
    ratio = median(b / a for a, b in zip(alone, imported))
    print(
        f"{given.name}: exported {median(alone):.2f} s, imported {median(imported):.2f} s of CPU,"
    )
    print(f"{ratio:.2f} times as long; the aim is less than 2")


if __name__ == "__main__":
    main()
