"""Speed and memory, as ratios within one run: `python tests/benchmarks/speed.py [--json FILE]`.

Whole processes are timed interleaved, and the least of the runs counts, so that a busy machine hurts all alike.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RUNS = 7
LIBRARIES = "import yaml, typer, rich.console, rich.table; from pydantic import BaseModel"
MODEL = (
    LIBRARIES
    + """
from typing import Annotated
from pydantic import Field
class Model(BaseModel):
    size: Annotated[int, Field(gt=0)] = 1
Model()
"""
)  # pydantic puts off most of its own import until a model is built
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}  # as installed: compiled once

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
    layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 1000)]
    return nn.Sequential(*layers)
"""
TORCHINFO = (
    PEER
    + """
import torchinfo
with torch.device("meta"):
    model = vgg16()
torchinfo.summary(model, input_data=torch.empty(1, 3, 224, 224, device="meta"), device="meta", verbose=1)
"""
)
# fvcore traces the model, and torch's tracer refuses meta tensors: on the CPU, with the weights left as they come
FVCORE = (
    PEER
    + """
from fvcore.nn import FlopCountAnalysis, flop_count_table
nn.init.kaiming_uniform_ = nn.init.uniform_ = lambda tensor, *a, **k: tensor
model = vgg16().eval()
print(flop_count_table(FlopCountAnalysis(model, torch.empty(1, 3, 224, 224))))
"""
)


def processes() -> dict[str, float]:
    """Least wall-clock seconds of each whole process."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import of the libraries": [sys.executable, "-c", LIBRARIES],
        "the same, and one pydantic model": [sys.executable, "-c", MODEL],
        "cnncalc analyze vgg16": [sys.executable, "-m", "cnncalc", "analyze", "vgg16"],
        "cnncalc analyze vgg16 --format json": [
            sys.executable,
            "-m",
            "cnncalc",
            "analyze",
            "vgg16",
            "--format",
            "json",
        ],
        "cnncalc analyze resnet152": [sys.executable, "-m", "cnncalc", "analyze", "resnet152"],
        "cnncalc analyze regnet_y_128gf": [
            sys.executable,
            "-m",
            "cnncalc",
            "analyze",
            "regnet_y_128gf",
        ],
        "cnncalc compare resnet50": [sys.executable, "-m", "cnncalc", "compare", "resnet50"],
        "cnncalc zoo": [sys.executable, "-m", "cnncalc", "zoo"],
        "torchinfo, vgg16 on meta": [sys.executable, "-c", TORCHINFO],
        "fvcore, vgg16 on the CPU": [sys.executable, "-c", FVCORE],
    }
    least = dict.fromkeys(commands, float("inf"))
    for turn in range(RUNS):
        for name, command in commands.items():
            if ", vgg16 on" in name and turn >= 3:
                continue
            start = time.perf_counter()
            subprocess.run(
                command,
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
                env=ENVIRONMENT,
            )
            least[name] = min(least[name], time.perf_counter() - start)
    return least


def analyses() -> dict[str, float]:
    """Analyses a second in one process, from expansion to report, each at another input size; and torchinfo's."""
    import cnncalc

    spec, rates = cnncalc.load("vgg16"), {}
    cnncalc.analyze(spec)
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 2:
        cnncalc.analyze(spec, input=(3, 224 + count % 97, 224))
        count += 1
    rates["cnncalc"] = count / (time.perf_counter() - start)
    scope: dict = {}
    exec(PEER, scope)
    import torch
    import torchinfo

    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < 4:
        with torch.device("meta"):
            model = scope["vgg16"]()
        torchinfo.summary(
            model, input_data=torch.empty(1, 3, 224, 224, device="meta"), device="meta", verbose=0
        )
        count += 1
    rates["torchinfo"] = count / (time.perf_counter() - start)
    return rates


def growth() -> dict[str, dict[str, float]]:
    """Seconds and MiB of a whole process for 100, 1,000 and 10,000 layers, written out and by `repeat`."""
    found = {}
    for layers in (100, 1_000, 10_000):
        written = "".join(
            "  - conv: {out: 8, kernel: 3, padding: 1}\n  - relu\n" for _ in range(layers // 2)
        )
        repeated = f"  - chain:\n      - conv: {{out: 8, kernel: 3, padding: 1}}\n      - relu\n    repeat: {layers // 2}\n"
        for kind, text in (("written", written), ("repeated", repeated)):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "net.yaml"
                path.write_text("input: [8, 64, 64]\nlayers:\n" + text)
                start = time.perf_counter()
                child = os.fork()
                if child == 0:
                    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                    os.chdir(ROOT)
                    os.execve(
                        sys.executable,
                        [sys.executable, "-m", "cnncalc", "analyze", str(path)],
                        ENVIRONMENT,
                    )
                _, _, usage = os.wait4(child, 0)
                found[f"{layers:,} {kind}"] = {
                    "seconds": time.perf_counter() - start,
                    "MiB": usage.ru_maxrss / 1024,
                }
    return found


def main() -> None:
    grown, seconds, rates = (
        growth(),
        processes(),
        analyses(),
    )  # growth first: a child's peak counts what this process holds
    base, libraries, ours = (
        seconds[name]
        for name in ("python -c pass", "import of the libraries", "cnncalc analyze vgg16")
    )
    print(
        "| whole process | ms | × `python -c pass` | × import of the libraries |\n|---|---:|---:|---:|"
    )
    for name, value in seconds.items():
        print(f"| {name} | {value * 1000:.0f} | {value / base:.1f} | {value / libraries:.2f} |")
    print(
        f"\ntorchinfo takes {seconds['torchinfo, vgg16 on meta'] / ours:.1f} × as long as cnncalc, fvcore {seconds['fvcore, vgg16 on the CPU'] / ours:.1f} ×."
    )
    print(
        f"RegNetY-128GF takes {seconds['cnncalc analyze regnet_y_128gf'] / ours:.2f} × the time of VGG-16, the totals of all bundled networks {seconds['cnncalc zoo']:.2f} s."
    )
    print(
        f"In one process: {rates['cnncalc']:.0f} VGG-16 a second, {rates['cnncalc'] / rates['torchinfo']:.1f} × torchinfo's {rates['torchinfo']:.0f}.\n"
    )
    print("| layers | seconds | MiB |\n|---|---:|---:|")
    for name, row in grown.items():
        print(f"| {name} | {row['seconds']:.2f} | {row['MiB']:.0f} |")
    if "--json" in sys.argv:
        target = Path(sys.argv[sys.argv.index("--json") + 1])
        target.write_text(
            json.dumps(
                {
                    "seconds": seconds,
                    "analyses_per_second": rates,
                    "growth": grown,
                    "peak_MiB_here": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
