"""Runs `verify` and `profile` on a device and keeps what they find, in short, as JSON beside this file.

    python tests/measured/record.py --device cuda --batches 1,8,64 --types float32,tf32,bfloat16 --seconds 220
    python tests/measured/record.py --device cpu --batches 1,4 --repeat 5

`cpu.json` and `cuda.json` hold, for each network: every figure of `verify` as [predicted, measured, agree], and for each
type and mode of `profile` time and memory at every batch size and the seconds of each layer at the largest.
Each network has a process of its own, and the file is written after each run: one that is cut short loses one run.
The README's tables of measurements are made from these files by `markdown`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
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
LARGEST = {"unet": {"cuda": 8, "cpu": 1}}  # batch of a network of which one image takes 150 GMAC
SHOWN = (
    1,
    64,
)  # batches in the page's table, where they were run; else the smallest and the largest
FIELDS = 100  # of the receptive fields that `verify` measures on the CPU, a record on a card takes this part
NOTE = (
    "Medians. FLOP/s are 2·MAC of convolutions and linear layers. The last column is predicted; inference takes less, since it lets each output go after its last use"
    " (in training the parameters count twice, with their gradients). U-Net, 150 GMAC an image, ran on the CPU with one image at a time."
)


def verified(name: str, device: str, batch: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The environment, and every figure of a network as [predicted, measured]."""
    import cnncalc
    from cnncalc.render import verify as report
    from cnncalc.torch_backend.device import asked_of_card, device_of
    from cnncalc.torch_backend.verify.receptive_fields import WORK
    from cnncalc.torch_backend.verify.verify import verify

    found = verify(
        cnncalc.load(name),
        batch=batch,
        device=device,
        work=WORK if device == "cpu" else WORK // FIELDS,
    )
    network = json.loads(report.json([(name, found)], found.diagnostics, found.seconds))[
        "networks"
    ][0]
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
    """``{"macs": [predicted, measured]}``, with 1 behind where they agree; without the names of tensors, which would fill the file."""
    found: dict[str, Any] = {}
    for check in checks:
        if check["what"] not in ("tensors", "called"):
            entry = [check["predicted"], check["measured"], check["ok"] and int(check["ok"])]
            found[check["what"]] = (
                [*found.get(check["what"], []), entry]
                if check["what"] == "receptive_field"
                else entry
            )
    return found


def profiled(name: str, batches: list[int], settings: Any) -> dict[str, Any]:
    """Time and memory of every batch size, and the layers of the largest."""
    import cnncalc
    from cnncalc.render import profile as report
    from cnncalc.torch_backend.profile.profile import profile

    data = json.loads(
        report.json(name, profile(cnncalc.load(name), batches=batches, settings=settings))
    )
    kept = (
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
    found = {
        key: data[key]
        for key in (
            "dtype",
            "dtype_by",
            "mode",
            "warmup",
            "repeat",
            "compile",
            "channels_last",
            "out_of_memory",
        )
    }
    found["batches"] = [{key: m[key] for key in kept} for m in data["batches"]]
    found["layers"] = (
        {
            layer["path"]: [layer["forward"], layer["backward"]]
            for layer in data["batches"][-1]["layers"]
        }
        if data["batches"]
        else {}
    )
    return found


def measure(name: str, given: argparse.Namespace) -> None:
    """One network: its file is written anew after every run. What fails is noted, and the next run begins."""
    import cnncalc
    from cnncalc.torch_backend.profile.profile import Settings

    kind = given.device.partition(":")[0]
    most = LARGEST.get(name, {}).get(kind)
    batches = [
        batch for batch in map(int, given.batches.split(",")) if most is None or batch <= most
    ] or [1]
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
            run = attempt(
                f"{dtype}, {mode}", lambda settings=settings: profiled(name, batches, settings)
            )
            entry["profile"] += [run] if run else []
            keep(given.out / f"{name}.part", environment, {name: entry})
    print(name, "agrees" if checked and entry["verify"]["ok"] else "DIFFERS", flush=True)


def keep(path: Path, environment: dict[str, Any], networks: dict[str, Any]) -> None:
    """Writes what there is, whole or not at all."""
    text = json.dumps(
        rounded({"environment": environment, "networks": networks}),
        ensure_ascii=False,
        separators=(",", ":"),
    )
    new = path.with_suffix(".new")
    new.write_text(
        text.replace('"networks":{', '"networks":{\n').replace('},"', '},\n"') + "\n", "utf-8"
    )
    new.replace(path)


def rounded(value: Any) -> Any:
    """Floats to four digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(inner) for key, inner in value.items()}
    return [rounded(inner) for inner in value] if isinstance(value, list) else value


def markdown() -> str:
    """The README's tables, from what is recorded."""
    lines: list[str] = []
    for device in DEVICES:
        path = HERE / f"{device}.json"
        if not path.exists():
            lines += [
                f"No {'NVIDIA GPU' if device == 'cuda' else device} has been measured yet: that table is still to come, by `python tests/measured/record.py --device {device}`.",
                "",
            ]
            continue
        data = json.loads(path.read_text("utf-8"))
        env = data["environment"]
        gpu = (
            f", CUDA {env['cuda']}, driver {env['driver']}"
            if env["cuda"]
            else f", {env['threads']} threads"
        )
        lines += [
            f"**{env['device_name']}**, torch {env['torch']}{gpu}, fvcore {env['fvcore']}, Python {env['python']}:",
            "",
        ]
        checked = {
            name: found["verify"] for name, found in data["networks"].items() if found["verify"]
        }
        for name in (name for name in ("vgg16", "alexnet", "alexnet_grouped") if name in checked):
            lines += [*confirmation(name, checked[name]), ""]
        lines += [*on_card(checked), *speeds(data["networks"]), "", NOTE, ""]
    return "\n".join(lines).strip()


def confirmation(name: str, verify: dict[str, Any]) -> list[str]:
    """Predicted beside measured, of the layers with parameters and of all."""
    figures = (
        "params",
        "macs",
        "output_bytes" if "output_bytes" in verify["totals"] else "activation_bytes",
    )
    measured = "allocator" if figures[2] == "output_bytes" else "measured"
    head = f"| {name}, batch {verify['batch']} | output | parameters | measured | MACs | fvcore | bytes | {measured} | |"
    lines = [head, "|---|---|---:|---:|---:|---:|---:|---:|---|"]
    for path, found in verify["layers"].items():
        if not found.get("params", [0])[0]:
            continue
        numbers = [f"{n:,}" for what in figures for n in found[what][:2]]
        lines.append(
            f"| {path} | {'×'.join(map(str, found['output'][1][1:]))} | {' | '.join(numbers)} | {mark(found)} |"
        )
    totals = verify["totals"]
    numbers = [f"{n:,}" for what in figures for n in totals[what][:2]]
    return [
        *lines,
        f"| **all {len(verify['layers'])} layers** | | {' | '.join(numbers)} | {mark(totals)} |",
    ]


def mark(found: dict[str, Any]) -> str:
    entries = [
        entry
        for what, value in found.items()
        for entry in (value if what == "receptive_field" else [value])
    ]
    return "✗" if any(ok == 0 for _, _, ok in entries) else "✓"


def on_card(checked: dict[str, dict[str, Any]]) -> list[str]:
    """What only a card confirms, a line for each network."""
    lines = [
        "| network | parameters and buffers, bytes | allocator | outputs away from the CPU's | kernels |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, verify in checked.items():
        totals = verify["totals"]
        if "tensor_bytes" in totals:
            tensors = " | ".join(f"{n:,}" for n in totals["tensor_bytes"][:2])
            lines.append(
                f"| {name} | {tensors} | {totals['output_error'][1]:.1e} | {totals['kernels'][1] or '–'} |"
            )
    return [*lines, ""] if len(lines) > 2 else []


def speeds(networks: dict[str, Any]) -> list[str]:
    """Latency, rate and memory of every network, type and mode."""
    lines = [
        "| network | type, mode | batch | latency | images/s | GFLOP/s | peak memory | parameters and all outputs |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in networks.items():
        for run in found["profile"]:
            batches = run["batches"]
            shown = [m for m in batches if m["batch"] in SHOWN]
            for m in shown if len(shown) > 1 or len(batches) < 2 else [batches[0], batches[-1]]:
                memory = [
                    f"{m['memory'][key] / 2**20:,.0f} MiB"
                    for key in ("peak_requested", "predicted")
                ]
                numbers = (
                    f"{m['latency']['median'] * 1e3:,.1f} ms",
                    f"{m['images_per_second']:,.3g}",
                    f"{m['flops_per_second'] / 1e9:,.0f}",
                    *memory,
                )
                lines.append(
                    f"| {name} | {run['dtype']}, {run['mode']} | {m['batch']} | {' | '.join(numbers)} |"
                )
    return lines


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--device", default="cuda")
    options.add_argument("--batches", default="1,8,64")
    options.add_argument("--types", default="float32")
    options.add_argument("--modes", default="inference,training")
    options.add_argument("--repeat", type=int, default=20)
    options.add_argument("--networks", default=",".join(NETWORKS))
    options.add_argument("--out", type=Path, default=HERE)
    options.add_argument(
        "--seconds",
        type=float,
        default=None,
        help="end the run after this time, with what there is by then",
    )
    options.add_argument("--one", help=argparse.SUPPRESS)  # the network that this process measures
    given = options.parse_args()
    given.out = given.out.resolve()
    if given.one:
        return measure(given.one, given)
    end = time.monotonic() + given.seconds if given.seconds is not None else None
    environment: dict[str, Any] = {}
    networks: dict[str, Any] = {}
    for name in given.networks.split(","):
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            print(name, "was not begun", flush=True)
            continue
        part = given.out / f"{name}.part"
        part.unlink(missing_ok=True)
        command = [
            sys.executable,
            str(Path(__file__).resolve()),
            *sys.argv[1:],
            "--out",
            str(given.out),
            "--one",
            name,
        ]
        try:
            done = subprocess.run(command, timeout=left, check=False, cwd=HERE.parent.parent)
            if done.returncode:
                print(name, f"ended with {done.returncode}", flush=True)
        except subprocess.TimeoutExpired:
            print(name, "was cut", flush=True)
        if part.exists():
            found = json.loads(part.read_text("utf-8"))
            environment, networks = (
                environment or found["environment"],
                networks | found["networks"],
            )
            keep(given.out / f"{given.device.partition(':')[0]}.json", environment, networks)
            part.unlink()


if __name__ == "__main__":
    main()
