"""Devices by name, and what they and torch call themselves."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import torch

from ..diagnostic import Diagnostic, Mistake, first_line


def device_of(name: str, meta: bool = True) -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1`` or ``meta`` (shapes without values).

    Errors: a Mistake where the name is none of them, or the device cannot be used.
    """
    if not re.fullmatch(r"cpu|cuda(:(0|[1-9]\d?))?|meta", name) or name == "meta" and not meta:
        raise Mistake(
            Diagnostic(
                "CNN402",
                f"no device is called `{name}`",
                help="cpu, cuda or cuda:1" + (", or meta for shapes alone" if meta else ""),
            )
        )
    device = torch.device(name)
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        built = (
            "torch was built without CUDA"
            if torch.version.cuda is None
            else "torch finds no NVIDIA GPU"
        )
        raise Mistake(Diagnostic("CNN402", f"{name} cannot be used: {built}", help="--device cpu"))
    if (device.index or 0) >= torch.cuda.device_count():
        raise Mistake(
            Diagnostic(
                "CNN402",
                f"there is no {name}",
                help=f"GPUs here: cuda:0{f' to cuda:{torch.cuda.device_count() - 1}' if torch.cuda.device_count() > 1 else ''}",
            )
        )
    try:
        torch.zeros(1, device=device)
    except RuntimeError as error:  # another process holds it, or all its memory
        raise Mistake(
            Diagnostic(
                "CNN402",
                f"{name} cannot be used: {first_line(error)}",
                help="wait for whoever uses it, or --device cpu",
            )
        ) from None
    return device


def name_of(device: torch.device) -> str:
    """What a device is called where people read it: ``cpu``, or ``NVIDIA H100 80GB HBM3 (cuda:1)``."""
    return (
        f"{torch.cuda.get_device_name(device)} ({device})" if device.type == "cuda" else str(device)
    )


def needs_tf32(device: torch.device) -> None:
    """Errors: a Mistake where a device cannot compute in tf32, which came with compute capability 8.0."""
    if device.type != "cuda":
        raise Mistake(
            Diagnostic(
                "CNN402", "tf32 is a mode of NVIDIA GPUs", help="--device cuda, or --dtype bfloat16"
            )
        )
    major, minor = torch.cuda.get_device_capability(device)
    if major < 8:
        text = f"tf32 needs compute capability 8.0; {name_of(device)} has {major}.{minor}"
        raise Mistake(Diagnostic("CNN402", text, help="--dtype float16, or --dtype float32"))


def described(device: torch.device) -> dict[str, Any]:
    """Names and versions that a measurement depends on."""
    gpu = device.type == "cuda"
    return {
        "device": str(device),
        "device_name": torch.cuda.get_device_name(device)
        if gpu
        else processor()
        if device.type == "cpu"
        else "no device: shapes alone",
        "torch": torch.__version__,
        "cuda": torch.version.cuda if gpu else None,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
        "driver": driver() if gpu else None,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def processor() -> str:
    """The name of the CPU."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def driver() -> str | None:
    """The version of the NVIDIA driver: from /proc, or where there is none from nvidia-smi."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text()
    except OSError:
        text = asked_of_card("driver_version").get("driver_version", "")
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found and found[0]


def asked_of_card(*fields: str, device: torch.device = torch.device("cuda")) -> dict[str, str]:
    """What nvidia-smi says of a card, by the names that its ``--query-gpu`` has; empty where it cannot be asked."""
    uuid = getattr(
        torch.cuda.get_device_properties(device), "uuid", None
    )  # nvidia-smi counts cards in its own way
    which = [f"--id=GPU-{uuid}"] if uuid else []
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader", *which]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    values = [value.strip() for value in done.stdout.partition("\n")[0].split(",")]
    return dict(zip(fields, values)) if done.returncode == 0 and len(values) == len(fields) else {}
