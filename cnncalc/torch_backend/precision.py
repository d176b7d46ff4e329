"""Sets whether products of float32 are computed in float32 or tf32, and restores it afterwards."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch

_NOISE = "TensorFloat32 tensor cores"  # the beginning of torch.compile's advice to allow tf32
_Switch = tuple[str, str]  # library, operator


@contextlib.contextmanager
def float32_precision(tf32: bool, device: torch.device) -> Iterator[None]:
    """Compute convolutions and matrix products of float32 in tf32, or in float32 itself.

    Only the switches that govern these two in the device's own library change, and cuDNN's search
    for the fastest kernel. Afterwards all are as before, whether they were set or inherited.
    torch's older switches, such as `allow_tf32`, are neither read nor written: reading one raises
    an error if a newer one differs from it.
    """
    library = "cuda" if device.type == "cuda" else "mkldnn"
    switches = {_governing((library, product)) for product in ("conv", "matmul")}
    before = {switch: _own_precision(switch) for switch in switches}
    searches = torch.backends.cudnn.benchmark
    try:
        for switch in before:
            set_precision(switch, "tf32" if tf32 else "ieee")
        torch.backends.cudnn.benchmark = False
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", _NOISE)
            yield
    finally:
        torch.backends.cudnn.benchmark = searches
        for switch, value in before.items():
            set_precision(switch, value)


def _governing(switch: _Switch) -> _Switch:
    """Return the switch itself if it is set, else that of its whole library.

    NOTE: a switch that was never set has a default of its own, which cannot be set again.
    """
    return switch if _own_precision(switch) != "none" else (switch[0], "all")


def precision_in_force(switch: _Switch) -> str:
    """Return ``ieee``, ``tf32``, or ``none`` if neither the switch nor one above it is set."""
    return torch._C._get_fp32_precision_getter(*switch)


def set_precision(switch: _Switch, value: str) -> None:
    """Set one switch. NOTE: in torch 2.13, `backends.mkldnn.fp32_precision` sets another one."""
    torch._C._set_fp32_precision_setter(*switch, value)


def _own_precision(switch: _Switch) -> str:
    """Return what a switch itself is set to; ``none`` if it follows the one above.

    torch reports only the value in force. So this changes the switch above for a moment: a switch
    that changes with it is not set itself.
    """
    library, product = switch
    now = precision_in_force(switch)
    if library == "generic":
        return now
    above = (library, "all") if product != "all" else ("generic", "all")
    own = _own_precision(above)
    set_precision(above, "ieee" if now != "ieee" else "tf32")
    follows = precision_in_force(switch) != now
    set_precision(above, own)
    return "none" if follows else now
