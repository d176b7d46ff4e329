"""Finds devices by name, and the names and versions of devices, drivers and torch."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..diagnostic import Diagnostic, Mistake, first_line


def device_of(name: str, meta: bool = True) -> torch.device:
    """Return the device called ``cpu``, ``cuda``, ``cuda:1`` or ``meta`` (shapes without values).

    Errors: a Mistake if the name is unknown, or if the device cannot be used.
    """
    known = re.fullmatch(r"cpu|cuda(:(0|[1-9]\d?))?|meta", str(name))
    if not known or name == "meta" and not meta:
        names = "use cpu, cuda or cuda:1"
        if meta:
            names += ", or meta for shapes only"
        raise _mistake(f"unknown device `{name}`", names)
    device = torch.device(name)
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        reason = "torch finds no NVIDIA GPU"
        if torch.version.cuda is None:
            reason = "torch was built without CUDA"
        raise _mistake(f"{name} cannot be used: {reason}", "use --device cpu")
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        others = f" to cuda:{count - 1}" if count > 1 else ""
        raise _mistake(f"there is no {name}", f"the GPUs are cuda:0{others}")
    try:
        torch.zeros(1, device=device)
    except RuntimeError as error:  # another process uses it exclusively, or all of its memory
        message = f"{name} cannot be used: {first_line(error)}"
        raise _mistake(message, "wait until it is free, or use --device cpu") from None
    return device


def _mistake(message: str, help: str) -> Mistake:
    return Mistake(Diagnostic("CNN402", message, help=help))


def name_of(device: torch.device) -> str:
    """Return the name of a device for people: ``cpu``, or ``NVIDIA H100 80GB HBM3 (cuda:1)``."""
    if device.type != "cuda":
        return str(device)
    return f"{torch.cuda.get_device_name(device)} ({device})"


def move(network: nn.Module, device: torch.device) -> None:
    """Move a network to a device. Modules that hold one parameter still do.

    NOTE: torch alone gives each module a parameter of its own on meta.
    """
    holders: dict[nn.Parameter, list[tuple[nn.Module, str]]] = {}
    for module in network.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                holders.setdefault(parameter, []).append((module, name))
    network.to(device)
    for (first, own), *others in holders.values():
        for module, name in others:
            module._parameters[name] = first._parameters[own]


def needs_tf32(device: torch.device) -> None:
    """Check that a device can compute in tf32, which needs compute capability 8.0.

    Errors: a Mistake if it cannot.
    """
    if device.type != "cuda":
        raise _mistake("tf32 needs an NVIDIA GPU", "use --device cuda, or --dtype bfloat16")
    major, minor = torch.cuda.get_device_capability(device)
    if major < 8:
        message = f"tf32 needs compute capability 8.0; {name_of(device)} has {major}.{minor}"
        raise _mistake(message, "use --dtype float16 or --dtype float32")


def described(device: torch.device) -> dict[str, Any]:
    """Return the names and versions that a measurement depends on."""
    gpu = device.type == "cuda"
    return {
        "device": str(device),
        "device_name": _hardware_name(device),
        "torch": torch.__version__,
        "cuda": torch.version.cuda if gpu else None,
        "cudnn": torch.backends.cudnn.version() if gpu else None,
        "driver": driver() if gpu else None,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
    }


def _hardware_name(device: torch.device) -> str:
    """Return the name of a card or of the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return _processor() if device.type == "cpu" else "no device: shapes only"


def _processor() -> str:
    """Return the name of the CPU."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def driver() -> str | None:
    """Return the version of the NVIDIA driver from /proc, or else from nvidia-smi."""
    try:
        text = Path("/proc/driver/nvidia/version").read_text()
    except OSError:
        text = asked_of_card("driver_version").get("driver_version", "")
    found = re.search(r"\d+\.\d+(\.\d+)?", text)
    return found and found[0]


def asked_of_card(*fields: str, device: torch.device = torch.device("cuda")) -> dict[str, str]:
    """Return what nvidia-smi reports about a card, by the field names of its ``--query-gpu``.

    The result is empty if nvidia-smi cannot be run.
    """
    # nvidia-smi numbers the cards in its own way.
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    which = [f"--id=GPU-{uuid}"] if uuid else []
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader", *which]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    values = [value.strip() for value in done.stdout.partition("\n")[0].split(",")]
    if done.returncode != 0 or len(values) != len(fields):
        return {}
    return dict(zip(fields, values))
