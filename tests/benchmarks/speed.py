"""Measures speed and memory as ratios in one run: `python tests/benchmarks/speed.py [--json FILE]`.

Whole processes are timed in turn, and the fastest run of each counts, so that a busy machine slows
all of them equally. Analyses in one process are timed in turn too, with the garbage collector on.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
RUNS, RUNS_OF_OTHERS = 7, 3
ROUNDS, ROUND_SECONDS = 8, 0.5
# as installed: compiled once
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}

LIBRARIES = "import yaml, typer, rich.console, rich.table; from pydantic import BaseModel"
# pydantic delays most of its own import until a model is built
MODEL = f"""
{LIBRARIES}
from typing import Annotated
from pydantic import Field
class Model(BaseModel):
    size: Annotated[int, Field(gt=0)] = 1
Model()
"""
PEER = """
import torch
from torch import nn
def vgg16():
    layers, c = [], 3
    for width, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            layers += [nn.Conv2d(c, width, 3, padding=1), nn.ReLU(inplace=True)]
            c = width
        layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(True), nn.Dropout()]
    layers += [nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers)
"""
TORCHINFO = f"""{PEER}
import torchinfo
def summarize(verbose):
    with torch.device("meta"):
        model, image = vgg16(), torch.empty(1, 3, 224, 224)
    torchinfo.summary(model, input_data=image, device="meta", verbose=verbose)
"""
# fvcore traces the model, and torch's tracer refuses meta tensors. So this runs on the CPU, with
# uninitialised weights.
FVCORE = f"""{PEER}
from fvcore.nn import FlopCountAnalysis, flop_count_table
nn.init.kaiming_uniform_ = nn.init.uniform_ = lambda tensor, *a, **k: tensor
model = vgg16().eval()
print(flop_count_table(FlopCountAnalysis(model, torch.empty(1, 3, 224, 224))))
"""

NOTHING, IMPORTS = "python -c pass", "import of the libraries"
OURS = "cnncalc analyze vgg16"
TORCHINFO_RUN, FVCORE_RUN = "torchinfo, vgg16 on meta", "fvcore, vgg16 on the CPU"


def processes() -> dict[str, float]:
    """Return the wall-clock seconds of each whole process, in its fastest run."""
    commands = {
        NOTHING: ["-c", "pass"],
        IMPORTS: ["-c", LIBRARIES],
        "the same, and one pydantic model": ["-c", MODEL],
    }
    for arguments in (
        "analyze vgg16",
        "analyze vgg16 --format json",
        "analyze resnet152",
        "analyze regnet_y_128gf",
        "compare resnet50",
        "zoo",
    ):
        commands[f"cnncalc {arguments}"] = ["-m", "cnncalc", *arguments.split()]
    commands[TORCHINFO_RUN] = ["-c", f"{TORCHINFO}\nsummarize(verbose=1)"]
    commands[FVCORE_RUN] = ["-c", FVCORE]
    fastest = dict.fromkeys(commands, float("inf"))
    for turn in range(RUNS):
        for name, arguments_of in commands.items():
            if name in (TORCHINFO_RUN, FVCORE_RUN) and turn >= RUNS_OF_OTHERS:
                continue
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, *arguments_of],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
                env=ENVIRONMENT,
            )
            fastest[name] = min(fastest[name], time.perf_counter() - start)
    return fastest


def analyses() -> dict[str, float]:
    """Return the reports of VGG-16 per second in one process, from the spec or model to figures.

    cnncalc reads the bundled spec once, and compares its published figures each time. A second
    figure uses another input size each time, for which nothing is published. torchinfo builds the
    model.
    """
    import cnncalc

    spec = cnncalc.load("vgg16")
    scope: dict[str, Any] = {}
    exec(TORCHINFO, scope)
    sizes = count()

    def another_size() -> None:
        cnncalc.analyze(spec, input=(3, 224 + next(sizes) % 97, 224))

    works: dict[str, Callable[[], object]] = {
        "cnncalc": lambda: cnncalc.analyze(spec),
        "cnncalc, another input each time": another_size,
        "torchinfo": lambda: scope["summarize"](verbose=0),
    }
    if not gc.isenabled():
        raise SystemExit("the garbage collector is off")
    done = dict.fromkeys(works, 0)
    seconds = dict.fromkeys(works, 0.0)
    for work in works.values():
        work()
    for _ in range(ROUNDS):
        for name, work in works.items():
            start = time.perf_counter()
            while (elapsed := time.perf_counter() - start) < ROUND_SECONDS:
                work()
                done[name] += 1
            seconds[name] += elapsed
    return {name: done[name] / seconds[name] for name in works}


def growth() -> dict[str, dict[str, float]]:
    """Return the seconds and MiB of a whole process for 100, 1,000 and 10,000 layers.

    The layers are written out, or made by `repeat`.
    """
    found = {}
    pair = "conv: {out: 8, kernel: 3, padding: 1}"
    for layers in (100, 1_000, 10_000):
        texts = {
            "written": f"  - {pair}\n  - relu\n" * (layers // 2),
            "repeated": f"  - chain: [{{{pair}}}, relu]\n    repeat: {layers // 2}\n",
        }
        for kind, text in texts.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "net.yaml"
                path.write_text("input: [8, 64, 64]\nlayers:\n" + text)
                found[f"{layers:,} {kind}"] = _time_and_memory(path)
    return found


def _time_and_memory(path: Path) -> dict[str, float]:
    """Return the seconds and peak MiB of `cnncalc analyze` in a process of its own."""
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.chdir(ROOT)
        command = [sys.executable, "-m", "cnncalc", "analyze", str(path)]
        os.execve(sys.executable, command, ENVIRONMENT)
    _, _, usage = os.wait4(child, 0)
    return {"seconds": time.perf_counter() - start, "MiB": usage.ru_maxrss / 1024}


def main() -> None:
    """Measure everything, print it as Markdown, and write it to the file after `--json`."""
    grown = growth()  # first, because a child's peak includes what this process holds
    seconds, rates = processes(), analyses()
    base, libraries, ours = seconds[NOTHING], seconds[IMPORTS], seconds[OURS]
    print("| whole process | ms | × `python -c pass` | × import of the libraries |")
    print("|---|---:|---:|---:|")
    for name, value in seconds.items():
        print(f"| {name} | {value * 1000:.0f} | {value / base:.1f} | {value / libraries:.2f} |")
    print(
        f"\ntorchinfo takes {seconds[TORCHINFO_RUN] / ours:.1f} × as long as cnncalc,"
        f" fvcore {seconds[FVCORE_RUN] / ours:.1f} ×."
    )
    print(
        f"RegNetY-128GF takes {seconds['cnncalc analyze regnet_y_128gf'] / ours:.2f} × the time"
        f" of VGG-16, the totals of all bundled networks {seconds['cnncalc zoo']:.2f} s."
    )
    theirs = rates["torchinfo"]
    for name in ("cnncalc", "cnncalc, another input each time"):
        print(
            f"In one process, {name}: {rates[name]:.0f} VGG-16 a second,"
            f" {rates[name] / theirs:.1f} × torchinfo's {theirs:.0f}."
        )
    print("\n| layers | seconds | MiB |\n|---|---:|---:|")
    for name, row in grown.items():
        print(f"| {name} | {row['seconds']:.2f} | {row['MiB']:.0f} |")
    if "--json" in sys.argv:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        found = {
            "seconds": seconds,
            "analyses_per_second": rates,
            "growth": grown,
            "peak_MiB_here": peak,
        }
        target = Path(sys.argv[sys.argv.index("--json") + 1])
        target.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
