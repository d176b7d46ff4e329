"""Runs `verify` and `profile` on a device and keeps what they print, in short, as JSON beside this file.

    python tests/measured/record.py --device cuda --batches 1,8,64 --types float32,tf32,bfloat16
    python tests/measured/record.py --device cpu --batches 1,4 --repeat 5

`cpu.json` and `cuda.json` hold, for each network: every figure of `verify` as [predicted, measured, agree], and for each
type and mode of `profile` time and memory at every batch size and the seconds of each layer at the largest.
The README's tables of measurements are made from these files by `markdown`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
NETWORKS = ("alexnet", "vgg16", "googlenet", "resnet50", "mobilenet_v2", "efficientnet_b0", "unet")
ENVIRONMENT = ("device", "device_name", "torch", "fvcore", "cuda", "cudnn", "driver", "python", "threads")
DEVICES = ("cuda", "cpu")
NOTE = "Medians. FLOP/s are 2·MAC of convolutions and linear layers. The last column is predicted; inference takes less, since it lets each output go after its last use" \
       " (in training the parameters count twice, with their gradients). U-Net, 150 GMAC an image, ran on the CPU with one image at a time."


def command(*arguments: str) -> Any:
    """The JSON that a command prints; its errors are shown, and end this run."""
    done = subprocess.run([sys.executable, "-m", "cnncalc", *arguments, "--format", "json"], capture_output=True, text=True, check=False, cwd=HERE.parent.parent)
    if not done.stdout:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def verified(name: str, device: str, batch: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """The environment, and every figure of a network as [predicted, measured]."""
    network = command("verify", name, "--device", device, "--batch", str(batch))["networks"][0]
    layers = {layer["path"]: figures(layer["checks"]) for layer in network["layers"]}
    return {key: network[key] for key in ENVIRONMENT}, {"ok": network["ok"], "batch": batch, "seconds": network["seconds"], "totals": figures(network["totals"]), "layers": layers}


def figures(checks: list[dict[str, Any]]) -> dict[str, Any]:
    """``{"macs": [predicted, measured]}``, with 1 behind where they agree; without the names of tensors, which would fill the file."""
    found: dict[str, Any] = {}
    for check in checks:
        if check["what"] not in ("tensors", "called"):
            entry = [check["predicted"], check["measured"], check["ok"] and int(check["ok"])]
            found[check["what"]] = [*found.get(check["what"], []), entry] if check["what"] == "receptive_field" else entry
    return found


def profiled(name: str, device: str, batches: list[int], dtype: str, mode: str, repeat: int) -> dict[str, Any]:
    """Time and memory of every batch size, and the layers of the largest."""
    data = command("profile", name, "--device", device, "--batch", ",".join(map(str, batches)), "--dtype", dtype, "--mode", mode, "--repeat", str(repeat))
    kept = ("batch", "latency", "images_per_second", "flops", "flops_per_second", "bytes", "bytes_per_second", "memory", "operators")
    found = {key: data[key] for key in ("dtype", "dtype_by", "mode", "warmup", "repeat", "compile", "channels_last", "out_of_memory")}
    found["batches"] = [{key: m[key] for key in kept} for m in data["batches"]]
    found["layers"] = {layer["path"]: [layer["forward"], layer["backward"]] for layer in data["batches"][-1]["layers"]} if data["batches"] else {}
    return found


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
            lines += [f"No {'NVIDIA GPU' if device == 'cuda' else device} has been measured yet: that table is still to come, by `python tests/measured/record.py --device {device}`.", ""]
            continue
        data = json.loads(path.read_text("utf-8"))
        env = data["environment"]
        gpu = f", CUDA {env['cuda']}, driver {env['driver']}" if env["cuda"] else f", {env['threads']} threads"
        lines += [f"**{env['device_name']}**, torch {env['torch']}{gpu}, fvcore {env['fvcore']}, Python {env['python']}:", ""]
        for name in ("vgg16", "alexnet"):
            lines += [*confirmation(name, data["networks"][name]["verify"]), ""]
        lines += [*speeds(data["networks"]), "", NOTE, ""]
    return "\n".join(lines).strip()


def confirmation(name: str, verify: dict[str, Any]) -> list[str]:
    """Predicted beside measured, of the layers with parameters and of all."""
    lines = [f"| {name}, batch {verify['batch']} | output | parameters | measured | MACs | fvcore | bytes | measured | |", "|---|---|---:|---:|---:|---:|---:|---:|---|"]
    for path, found in verify["layers"].items():
        if not found.get("params", [0])[0]:
            continue
        numbers = [f"{n:,}" for what in ("params", "macs", "activation_bytes") for n in found[what][:2]]
        lines.append(f"| {path} | {'×'.join(map(str, found['output'][1][1:]))} | {' | '.join(numbers)} | {mark(found)} |")
    totals = verify["totals"]
    numbers = [f"{n:,}" for what in ("params", "macs", "activation_bytes") for n in totals[what][:2]]
    return [*lines, f"| **all {len(verify['layers'])} layers** | | {' | '.join(numbers)} | {mark(totals)} |"]


def mark(found: dict[str, Any]) -> str:
    entries = [entry for what, value in found.items() for entry in (value if what == "receptive_field" else [value])]
    return "✗" if any(ok == 0 for _, _, ok in entries) else "✓"


def speeds(networks: dict[str, Any]) -> list[str]:
    """Latency, rate and memory of every network, type and mode."""
    lines = ["| network | type, mode | batch | latency | images/s | GFLOP/s | peak memory | parameters and all outputs |", "|---|---|---:|---:|---:|---:|---:|---:|"]
    for name, found in networks.items():
        for run in found["profile"]:
            for m in run["batches"]:
                memory = [f"{m['memory'][key] / 2**20:,.0f} MiB" for key in ("peak_allocated", "predicted")]
                numbers = (f"{m['latency']['median'] * 1e3:,.1f} ms", f"{m['images_per_second']:,.3g}", f"{m['flops_per_second'] / 1e9:,.0f}", *memory)
                lines.append(f"| {name} | {run['dtype']}, {run['mode']} | {m['batch']} | {' | '.join(numbers)} |")
    return lines


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--device", default="cuda")
    options.add_argument("--batches", default="1,8,64")
    options.add_argument("--types", default="float32")
    options.add_argument("--modes", default="inference,training")
    options.add_argument("--repeat", type=int, default=20)
    options.add_argument("--networks", default=",".join(NETWORKS))
    options.add_argument("--out", type=Path, default=HERE)
    given = options.parse_args()
    batches = [int(batch) for batch in given.batches.split(",")]
    networks: dict[str, Any] = {}
    environment: dict[str, Any] = {}
    for name in given.networks.split(","):
        mine = batches[:1] if name == "unet" and given.device == "cpu" else batches  # 150 GMAC an image
        environment, verify = verified(name, given.device, batches[0])
        runs = [profiled(name, given.device, mine, dtype, mode, given.repeat) for dtype in given.types.split(",") for mode in given.modes.split(",")]
        networks[name] = {"verify": verify, "profile": runs}
        print(name, "agrees" if verify["ok"] else "DIFFERS", flush=True)
        text = json.dumps(rounded({"environment": environment, "networks": networks}), ensure_ascii=False, separators=(",", ":"))
        (given.out / f"{given.device.partition(':')[0]}.json").write_text(text.replace('"networks":{', '"networks":{\n').replace('},"', '},\n"') + "\n", "utf-8")


if __name__ == "__main__":
    main()
