"""Devices by name, and what they and torch call themselves."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import Any

import torch

from ..diagnostic import Diagnostic, Mistake
from .calls import first_line


def device_of(name: str, meta: bool = True) -> torch.device:
    """``cpu``, ``cuda``, ``cuda:1`` or ``meta`` (shapes without values).

    Errors: a Mistake where the name is none of them, or the device cannot be used.
    """
    if not re.fullmatch(r"cpu|cuda(:(0|[1-9]\d?))?|meta", name) or name == "meta" and not meta:
        raise Mistake(Diagnostic("CNN402", f"no device is called `{name}`", help="cpu, cuda or cuda:1" + (", or meta for shapes alone" if meta else "")))
    device = torch.device(name)
    if device.type != "cuda":
        return device
    if not torch.cuda.is_available():
        built = "torch was built without CUDA" if torch.version.cuda is None else "torch finds no NVIDIA GPU"
        raise Mistake(Diagnostic("CNN402", f"{name} cannot be used: {built}", help="--device cpu"))
    if (device.index or 0) >= torch.cuda.device_count():
        raise Mistake(Diagnostic("CNN402", f"there is no {name}", help=f"GPUs here: cuda:0{f' to cuda:{torch.cuda.device_count() - 1}' if torch.cuda.device_count() > 1 else ''}"))
    try:
        torch.zeros(1, device=device)
    except RuntimeError as error:  # another process holds it, or all its memory
        raise Mistake(Diagnostic("CNN402", f"{name} cannot be used: {first_line(error)}", help="wait for whoever uses it, or --device cpu")) from None
    return device


def described(device: torch.device) -> dict[str, Any]:
    """Names and versions that a measurement depends on."""
    gpu = device.type == "cuda"
    return {
        "device": str(device), "device_name": torch.cuda.get_device_name(device) if gpu else processor() if device.type == "cpu" else "no device: shapes alone",
        "torch": torch.__version__, "cuda": torch.version.cuda if gpu else None, "cudnn": torch.backends.cudnn.version() if gpu else None,
        "driver": driver() if gpu else None, "python": platform.python_version(), "threads": torch.get_num_threads(),
    }  # fmt: skip


def processor() -> str:
    """The name of the CPU."""
    try:
        found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def driver() -> str | None:
    """The version of the NVIDIA driver, where it tells."""
    try:
        found = re.search(r"\d+\.\d+(\.\d+)?", Path("/proc/driver/nvidia/version").read_text())
    except OSError:
        return None
    return found and found[0]
