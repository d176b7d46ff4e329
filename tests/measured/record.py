"""Runs `verify` and `profile` on a device and keeps what they find as JSON beside this file.

    python tests/measured/record.py --device cuda --batches 1,8,64 \\
        --types float32,tf32,bfloat16 --seconds 220
    python tests/measured/record.py --device cpu --batches 1,4 --repeat 5
    python tests/measured/record.py --device cpu --memory

`cpu.json` and `cuda.json` hold, for each network: every figure of `verify` as [predicted, measured,
agree], and for each type and mode of `profile` the time and memory at every batch size and the
seconds of each layer at the largest. Each network has a process of its own, and the file is written
after each run, so that an interruption loses only one run. With `--memory`, `cpu_memory.json` and
`cuda_memory.json` get the figures of `verify --memory` instead, by optimizer. `markdown` makes
`docs/explanation/measured.md` from these files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NETWORKS = (
    "vgg16",
    "alexnet",
    "alexnet_grouped",
    "resnet50",
    "googlenet",
    "mobilenet_v2",
    "efficientnet_b0",
    "unet",
)
ENVIRONMENT = (
    "device",
    "device_name",
    "torch",
    "fvcore",
    "cuda",
    "cudnn",
    "driver",
    "python",
    "threads",
)
DEVICES = ("cuda", "cpu")
CARD = ("memory.total", "clocks.sm", "clocks.max.sm", "clocks.mem", "power.limit")  # of nvidia-smi
OF_RUN = (
    "dtype",
    "dtype_by",
    "mode",
    "warmup",
    "repeat",
    "compile",
    "channels_last",
    "out_of_memory",
)
OF_BATCH = (
    "batch",
    "latency",
    "images_per_second",
    "flops",
    "flops_per_second",
    "bytes",
    "bytes_per_second",
    "memory",
    "operators",
)
IMAGES, OPTIMIZERS = 4, ("sgd", "adam")  # of the runs whose memory is verified
PEAKS = ("saved", "inference_peak", "training_peak")  # in the page's table
LARGEST = {"unet": {"cuda": 8, "cpu": 1}}  # batches of a network that takes 150 GMAC per image
# Batches in the page's table if they were run; else the smallest and the largest.
SHOWN = (1, 64)
# A record on a card measures only this part of the receptive fields that `verify` measures.
FIELDS = 100
NOTE = (
    "Times are medians. FLOP/s count 2·MAC of convolutions and linear layers."
    " U-Net takes 150 GMAC per image, so it ran on the CPU with one image at a time."
)
MEMORY_NOTE = (
    "In MiB; each figure is predicted, then measured. `saved` agrees to the byte, and the peaks"
    " within 1 %. Peaks count tensors, without what a call of torch takes and gives back inside"
    " itself."
)


def verified(name: str, device: str, batch: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the environment, and every figure of a network as [predicted, measured]."""
    import cnncalc
    from cnncalc.render import verify as report
    from cnncalc.torch_backend.device import asked_of_card, device_of
    from cnncalc.torch_backend.verify.receptive_fields import WORK
    from cnncalc.torch_backend.verify.verify import verify

    work = WORK if device == "cpu" else WORK // FIELDS
    found = verify(cnncalc.load(name), batch=batch, device=device, work=work)
    document = report.json([(name, found)], found.diagnostics, found.seconds)
    printed = json.loads(document.written())
    (network,) = printed["networks"]
    environment = {key: network[key] for key in ENVIRONMENT}
    if device != "cpu":
        environment["card"] = asked_of_card(*CARD, device=device_of(device))
    layers = {layer["path"]: figures(layer["checks"]) for layer in network["layers"]}
    return environment, {
        "ok": network["ok"],
        "batch": batch,
        "seconds": network["seconds"],
        "totals": figures(network["totals"]),
        "layers": layers,
    }


def figures(checks: list[dict[str, Any]]) -> dict[str, Any]:
    """Return ``{"macs": [predicted, measured]}``, with 1 at the end if they agree.

    The names of tensors are left out, because they would fill the file.
    """
    found: dict[str, Any] = {}
    for check in checks:
        what = check["what"]
        entry = [check["predicted"], check["measured"], check["ok"] and int(check["ok"])]
        if what.startswith("receptive_field"):
            found.setdefault(what, []).append(entry)
        elif what not in ("tensors", "called"):
            found[what] = entry
    return found


def profiled(name: str, batches: list[int], settings: Any) -> dict[str, Any]:
    """Return the time and memory of every batch size, and the layers of the largest."""
    import cnncalc
    from cnncalc.render import profile as report
    from cnncalc.torch_backend.profile.profile import profile

    measured = profile(cnncalc.load(name), batches=batches, settings=settings)
    data = json.loads(report.json(name, measured).written())
    found = {key: data[key] for key in OF_RUN}
    found["batches"] = [{key: m[key] for key in OF_BATCH} for m in data["batches"]]
    largest = data["batches"][-1]["layers"] if data["batches"] else []
    found["layers"] = {layer["path"]: [layer["forward"], layer["backward"]] for layer in largest}
    return found


def measure_memory(name: str, given: argparse.Namespace) -> None:
    """Verify the memory of one network with each optimizer, and write its file."""
    import cnncalc
    from cnncalc.analysis.memory.run import Run
    from cnncalc.torch_backend.verify.memory import verify_memory

    spec, device = cnncalc.load(name), given.device
    batch = LARGEST.get(name, {}).get(device.partition(":")[0], IMAGES)
    runs = []
    for optimizer in OPTIMIZERS:
        run = Run(mode="training", optimizer=optimizer)
        found = verify_memory(spec, batch=batch, device=device, run=run)
        totals = figures([check._asdict() for check in found.totals])
        how = {"batch": batch, "optimizer": optimizer, "layers": len(found.layers)}
        runs.append({"ok": found.ok, **how, "totals": totals})
    keep(given.out / f"{name}.part", found.environment, {name: runs})
    print(name, "agrees" if all(run["ok"] for run in runs) else "DIFFERS", flush=True)


def measure(name: str, given: argparse.Namespace) -> None:
    """Measure one network, and write its file again after every run.

    If a run fails, note that and begin the next one.
    """
    import cnncalc
    from cnncalc.torch_backend.profile.settings import Settings

    kind = given.device.partition(":")[0]
    most = LARGEST.get(name, {}).get(kind)
    asked = map(int, given.batches.split(","))
    batches = [batch for batch in asked if most is None or batch <= most] or [1]
    entry: dict[str, Any] = {"verify": None, "profile": []}
    environment: dict[str, Any] = {}

    def attempt(what: str, run: Any) -> Any:
        try:
            return run()
        except (cnncalc.Mistake, RuntimeError, MemoryError) as error:
            entry.setdefault("errors", []).append(f"{what}: {cnncalc.diagnostic.first_line(error)}")
            print(name, entry["errors"][-1], flush=True)

    checked = attempt("verify", lambda: verified(name, given.device, batches[0]))
    if checked:
        environment, entry["verify"] = checked
        keep(given.out / f"{name}.part", environment, {name: entry})
    for dtype in given.types.split(","):
        for mode in given.modes.split(","):
            settings = Settings(given.device, dtype, None, mode, 3, given.repeat)
            once = partial(profiled, name, batches, settings)
            run = attempt(f"{dtype}, {mode}", once)
            entry["profile"] += [run] if run else []
            keep(given.out / f"{name}.part", environment, {name: entry})
    print(name, "agrees" if checked and entry["verify"]["ok"] else "DIFFERS", flush=True)


def keep(path: Path, environment: dict[str, Any], networks: dict[str, Any]) -> None:
    """Write the results so far, either whole or not at all."""
    data = rounded({"environment": environment, "networks": networks})
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('"networks":{', '"networks":{\n').replace('},"', '},\n"') + "\n"
    new = path.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(path)


def rounded(value: Any) -> Any:
    """Return floats rounded to four digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def markdown() -> str:
    """Return the tables of `docs/explanation/measured.md`, from what was recorded."""
    lines: list[str] = []
    for device in DEVICES:
        path = HERE / f"{device}.json"
        if not path.exists():
            what = "NVIDIA GPU" if device == "cuda" else device
            command = f"python tests/measured/record.py --device {device}"
            lines += [f"No {what} has been measured yet. To add its table, run `{command}`.", ""]
            continue
        data = json.loads(path.read_text("utf-8"))
        lines += [f"{measured_on(data['environment'])}:", ""]
        networks = data["networks"]
        checked = {name: found["verify"] for name, found in networks.items() if found["verify"]}
        for name in ("vgg16", "alexnet", "alexnet_grouped"):
            if name in checked:
                lines += [*confirmation(name, checked[name]), ""]
        lines += [*on_card(checked), *speeds(networks), "", NOTE, "", *memories(device)]
    return "\n".join(lines).strip()


def measured_on(env: dict[str, Any]) -> str:
    """Return the hardware and the versions."""
    device = f"{env['threads']} threads"
    if env["cuda"]:
        device = f"CUDA {env['cuda']}, driver {env['driver']}"
    name, versions = env["device_name"], f"fvcore {env['fvcore']}, Python {env['python']}"
    return f"**{name}**, torch {env['torch']}, {device}, {versions}"


def confirmation(name: str, verify: dict[str, Any]) -> list[str]:
    """Return predicted and measured figures of the layers with parameters and of the network."""
    figures = ("params", "macs", "activation_bytes")
    by = "measured"
    if "output_bytes" in verify["totals"]:
        figures = ("params", "macs", "output_bytes")
        by = "allocator"
    columns = f"output | parameters | measured | MACs | fvcore | bytes | {by}"
    lines = [
        f"| {name}, batch {verify['batch']} | {columns} | |",
        "|---|---|---:|---:|---:|---:|---:|---:|---|",
    ]
    for path, found in verify["layers"].items():
        if not found.get("params", [0])[0]:
            continue
        output = "×".join(map(str, found["output"][1][1:]))
        lines.append(f"| {path} | {output} | {pairs(found, figures)} | {mark(found)} |")
    totals = verify["totals"]
    every = f"**all {len(verify['layers'])} layers**"
    return [*lines, f"| {every} | | {pairs(totals, figures)} | {mark(totals)} |"]


def pairs(found: dict[str, Any], figures: tuple[str, ...]) -> str:
    """Return cells with each figure as predicted and as measured."""
    return " | ".join(f"{found[what][0]:,} | {found[what][1]:,}" for what in figures)


def mark(found: dict[str, Any]) -> str:
    """Return whether all figures agree."""
    entries = []
    for what, value in found.items():
        entries += value if what.startswith("receptive_field") else [value]
    return "✗" if any(ok == 0 for _, _, ok in entries) else "✓"


def on_card(checked: dict[str, dict[str, Any]]) -> list[str]:
    """Return what only a card confirms, a line for each network."""
    columns = "parameters and buffers, bytes | allocator | distance from CPU's outputs | kernels"
    lines = [f"| network | {columns} |", "|---|---:|---:|---:|---:|"]
    for name, verify in checked.items():
        totals = verify["totals"]
        if "tensor_bytes" in totals:
            tensors = " | ".join(f"{n:,}" for n in totals["tensor_bytes"][:2])
            error, kernels = totals["output_error"][1], totals["kernels"][1] or "–"
            lines.append(f"| {name} | {tensors} | {error:.1e} | {kernels} |")
    return [*lines, ""] if len(lines) > 2 else []


def speeds(networks: dict[str, Any]) -> list[str]:
    """Return the latency, rate and memory of every network, type and mode."""
    lines = [
        "| network | type, mode | batch | latency | images/s | GFLOP/s | peak memory |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for name, found in networks.items():
        for run in found["profile"]:
            batches = run["batches"]
            shown = [m for m in batches if m["batch"] in SHOWN]
            if len(shown) < 2 <= len(batches):
                shown = [batches[0], batches[-1]]
            for m in shown:
                lines.append(f"| {name} | {run['dtype']}, {run['mode']} | {speed(m)} |")
    return lines


def speed(m: dict[str, Any]) -> str:
    """Return the cells of one batch size."""
    cells = (
        str(m["batch"]),
        f"{m['latency']['median'] * 1e3:,.1f} ms",
        f"{m['images_per_second']:,.3g}",
        f"{m['flops_per_second'] / 1e9:,.0f}",
        f"{m['memory']['peak_requested'] / 2**20:,.0f} MiB",
    )
    return " | ".join(cells)


def memories(device: str) -> list[str]:
    """Return what backward keeps and the peaks of every network, predicted and measured."""
    path = HERE / f"{device}_memory.json"
    if not path.exists():
        return []
    data = json.loads(path.read_text("utf-8"))
    env = data["environment"]
    columns = " | ".join(f"{what.replace('_', ' ')} | measured" for what in PEAKS)
    lines = [
        f"**Memory**, torch {env['torch']}:",
        "",
        f"| network | optimizer | batch | {columns} | |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for name, runs in data["networks"].items():
        for run in runs:
            sizes = [size for what in PEAKS for size in run["totals"][what][:2]]
            cells = " | ".join(f"{size / 2**20:,.1f}" for size in sizes)
            how = f"{run['optimizer']} | {run['batch']}"
            lines.append(f"| {name} | {how} | {cells} | {mark(run['totals'])} |")
    return [*lines, "", MEMORY_NOTE, ""]


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--device", default="cuda")
    options.add_argument("--batches", default="1,8,64")
    options.add_argument("--types", default="float32")
    options.add_argument("--modes", default="inference,training")
    options.add_argument("--repeat", type=int, default=20)
    options.add_argument("--memory", action="store_true", help="verify memory, and nothing else")
    options.add_argument("--networks", default=",".join(NETWORKS))
    options.add_argument("--out", type=Path, default=HERE)
    options.add_argument(
        "--seconds",
        type=float,
        default=None,
        help="stop after this time, and keep what was measured until then",
    )
    options.add_argument("--one", help=argparse.SUPPRESS)  # the network that this process measures
    given = options.parse_args()
    given.out = given.out.resolve()
    if given.one:
        return (measure_memory if given.memory else measure)(given.one, given)
    kind = given.device.partition(":")[0]
    path = given.out / f"{kind}{'_memory' if given.memory else ''}.json"
    end = time.monotonic() + given.seconds if given.seconds is not None else None
    environment: dict[str, Any] = {}
    networks: dict[str, Any] = {}
    for name in given.networks.split(","):
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            print(name, "was not started", flush=True)
            continue
        part = given.out / f"{name}.part"
        part.unlink(missing_ok=True)
        again = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]]
        command = [*again, "--out", str(given.out), "--one", name]
        try:
            done = subprocess.run(command, timeout=left, check=False, cwd=HERE.parent.parent)
            if done.returncode:
                print(name, f"ended with {done.returncode}", flush=True)
        except subprocess.TimeoutExpired:
            print(name, "was cut short", flush=True)
        if part.exists():
            found = json.loads(part.read_text("utf-8"))
            environment = environment or found["environment"]
            networks |= found["networks"]
            keep(path, environment, networks)
            part.unlink()


if __name__ == "__main__":
    main()
