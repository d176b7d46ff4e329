"""Times sweeps, and prints their figures beside published ones: `python -m tests.benchmarks.sweep`.

Each part runs the command as a user would, in a process of its own, on one core unless it says so.
The seconds of processors do not depend on what else runs.
`--long` adds the parts that take minutes; names of parts run only these.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PAPERS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "published" / "families.json").read_text("utf-8")
)
OPS = "zeroize,skip_connect,nor_conv_1x1,nor_conv_3x3,avg_pool_3x3"
EDGES = ("e01", "e02", "e12", "e03", "e13", "e23")
GRID = ("--over", "H=128:512", "--over", "W=128:512", "--over", "width=0.25:1.25:0.01")


def sweep(*arguments: str, rows: bool = True) -> tuple[list[dict[str, Any]], float]:
    """Run a sweep; return its variants and how many seconds the whole command took."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "cnncalc", "sweep", *arguments]
    if rows:
        command += ["--format", "jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took = time.perf_counter() - began
    return [json.loads(line) for line in done.stdout.splitlines()] if rows else [], took


def mobilenet_v2() -> None:
    """Compare MobileNetV2's published rows."""
    listed = PAPERS["mobilenet_v2"]["rows"]
    alphas, sizes = (",".join(str(row[n]) for row in listed) for n in (0, 1))
    over = ["--over", f"width={alphas}", "--over", f"H,W={sizes}", "--zip", "width,H,W"]
    shown = ["--show", "macs,params,affine", "--set", "classes=1001"]
    found, took = sweep("mobilenet_v2", *over, *shown)
    same = 0
    for row, (_, _, macs, params) in zip(found, listed):
        ours = row["macs"] // 10**6, round((row["params"] - row["affine"]) / 10**6, 2)
        same += ours == (macs, params)
    print(f"MobileNetV2: {same} of {len(listed)} rows as printed, {took:.2f} s")


def efficientnet() -> None:
    """Compare EfficientNet B1 to B7 by B0's scales."""
    width, depth = "1,1.1,1.2,1.4,1.6,1.8,2", "1.1,1.2,1.4,1.8,2.2,2.6,3.1"
    over = ["--over", f"width={width}", "--over", f"depth={depth}", "--zip", "width,depth"]
    found, took = sweep("efficientnet_b0", *over, "--show", "params")
    published = [7794184, 9109994, 12233232, 19341616, 30389784, 43040704, 66347960]
    same = sum(row["params"] == value for row, value in zip(found, published))
    print(f"EfficientNet: {same} of {len(published)} parameters to the unit, {took:.2f} s")


def nas_bench_201() -> None:
    """Count all cells of NAS-Bench-201, and compare the published ones."""
    over = [text for edge in EDGES for text in ("--over", f"{edge}={OPS}")]
    found, took = sweep("nas_bench_201", *over)
    flops = [row["macs"] + 10 for row in found]  # with the biases of the linear layer
    params = [row["params"] for row in found]
    print(f"NAS-Bench-201: {len(found):,} cells in {took:.2f} s")
    print(f"  {len(set(flops))} FLOPs from {min(flops):,} to {max(flops):,}")
    print(f"  parameters from {min(params):,} to {max(params):,}")


def resnet50_grid() -> None:
    """Count ResNet-50 over H × W × width, filtered and sorted."""
    chosen = ["--where", "params < 26M", "--sort", "macs", "--top", "20"]
    found, took = sweep("resnet50", *GRID, *chosen)
    count = 385 * 385 * 101
    rate = count / took / 10**6
    print(f"ResNet-50 grid: {count:,} variants in {took:.2f} s, {rate:.1f} M a second")
    print(f"  best: {found[0]}")


def resnet50_list() -> None:
    """Count the same for variants in no order."""
    chosen = ["--where", "params < 26M", "--sort", "macs", "--top", "20"]
    count = 12 * 10**6
    _, took = sweep("resnet50", *GRID, "--random", str(count), *chosen)
    rate = count / took / 10**6
    print(f"ResNet-50 list: {count:,} variants in {took:.2f} s, {rate:.1f} M a second")


def latency() -> None:
    """Predict times of ResNet-50 over a grid, as single networks run and in other ways."""
    over = ["--over", "H=128:512:2", "--over", "W=128:512:2", "--over", "width=0.25:1.25:0.05"]
    chosen = ["--show", "latency", "--sort", "latency", "--top", "3", "--device", "rtx4090"]
    count = 193 * 193 * 21
    for way in ([], ["--compile"], ["--mode", "training"]):
        before = _processor_seconds()
        sweep("resnet50", *over, *chosen, "--amp", "float16", *way)
        took = _processor_seconds() - before
        how = " ".join(way) or "as it is"
        print(
            f"Latency, {how}: {count:,} variants in {took:.2f} s of a processor,"
            f" {count / took / 10**6:.2f} M a second"
        )


def regnet_depths() -> None:
    """Count RegNet over the depths of its stages."""
    over = [text for n in range(4) for text in ("--over", f"depths[{n}]=1:12")]
    found, took = sweep("regnet", *over, "--sort", "macs", "--top", "3")
    print(f"RegNet depths: 20,736 variants in {took:.2f} s; best {found[0]}")


def parquet() -> None:
    """Write 10⁸ variants to a Parquet file."""
    over = ["--over", "H=1:1000", "--over", "W=1:1000", "--over", "classes=1:100"]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "all.parquet")
        _, took = sweep("mobilenet_v1", *over, "-o", file, rows=False)
        size = os.path.getsize(file)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"Parquet: 10⁸ variants in {took:.0f} s, {size / 10**6:,.0f} MB, peak {peak:.0f} MiB")


def workers() -> None:
    """Compare two workers with one, where one takes 20 seconds or more.

    Cores that are shared with other programs slow both down. The seconds of the processors tell how
    much two workers do twice; with free cores, the ratio is about twice the first over the second.
    """
    over = ["--over", "H=64:512:8", "--over", "W=64:512:16", "--set", "classes=10"]
    slow = ["--sort", "training_peak", "--top", "3"]
    for _ in range(3):
        before = _processor_seconds()
        rows, one = sweep("resnet50", *over, *slow)
        middle = _processor_seconds()
        same, two = sweep("resnet50", *over, *slow, "--workers", "2")
        after = _processor_seconds()
        print(
            f"Workers: one {one:.1f} s, two {two:.1f} s: {one / two:.2f} ×"
            f" (processors {middle - before:.1f} s and {after - middle:.1f} s:"
            f" {2 * (middle - before) / (after - middle):.2f} × with free cores);"
            f" the same rows: {rows == same}"
        )


def _processor_seconds() -> float:
    """Return the seconds that processors have worked for commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peer() -> None:
    """Time another tool's loop over variants, on meta tensors."""
    import torchinfo

    import cnncalc

    began = time.perf_counter()
    spec = cnncalc.load("resnet50")
    for n in range(10):
        network = cnncalc.build(spec, set={"width": 1 + n / 10}, device="meta")
        torchinfo.summary(network, (1, 3, 224, 224), device="meta", verbose=0)
    print(f"torchinfo on meta: {10 / (time.perf_counter() - began):.1f} variants a second")


QUICK: tuple[Callable[[], None], ...] = (
    mobilenet_v2,
    efficientnet,
    nas_bench_201,
    resnet50_grid,
    resnet50_list,
    latency,
    regnet_depths,
)
LONG: tuple[Callable[[], None], ...] = (parquet, workers, peer)


def main() -> None:
    """Run the parts that are named, or all quick ones."""
    names = sys.argv[1:]
    parts = [part for part in (*QUICK, *LONG) if part.__name__ in names]
    if not parts:
        parts = [*QUICK, *(LONG if "--long" in names else ())]
    for part in parts:
        before = _processor_seconds()
        part()
        print(f"  ({_processor_seconds() - before:.2f} s of processors)")


if __name__ == "__main__":
    main()
