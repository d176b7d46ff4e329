"""What a float32 product is computed in: exactly float32, or tf32, whatever the process has set."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

import torch

NOISE = "TensorFloat32 tensor cores"  # how torch.compile's advice to allow tf32 begins
Switch = tuple[str, str]  # library, operator


@contextlib.contextmanager
def float32_precision(tf32: bool, device: torch.device) -> Iterator[None]:
    """Convolutions and matrix products of float32 by tf32, or by float32 itself.

    Only what governs these two in the device's own library is touched, and cuDNN's search for the
    fastest kernel; after it all are as before, whether set themselves or inherited. torch's older
    switches, such as `allow_tf32`, are neither read nor written: reading one raises where a newer
    one says otherwise.
    """
    library = "cuda" if device.type == "cuda" else "mkldnn"
    switches = {governing((library, product)) for product in ("conv", "matmul")}
    before = {switch: own_precision(switch) for switch in switches}
    searches = torch.backends.cudnn.benchmark
    try:
        for switch in before:
            set_precision(switch, "tf32" if tf32 else "ieee")
        torch.backends.cudnn.benchmark = False
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", NOISE)
            yield
    finally:
        torch.backends.cudnn.benchmark = searches
        for switch, value in before.items():
            set_precision(switch, value)


def governing(switch: Switch) -> Switch:
    """The switch itself where it is set, else that of its whole library.

    NOTE: a switch that was never set has a default of its own, to which nothing leads back.
    """
    return switch if own_precision(switch) != "none" else (switch[0], "all")


def precision_in_force(switch: Switch) -> str:
    """``ieee``, ``tf32``, or ``none`` where neither the switch nor one above it is set."""
    return torch._C._get_fp32_precision_getter(*switch)


def set_precision(switch: Switch, value: str) -> None:
    """Sets one switch. NOTE: torch 2.13's `backends.mkldnn.fp32_precision` sets another's."""
    torch._C._set_fp32_precision_setter(*switch, value)


def own_precision(switch: Switch) -> str:
    """What a switch is set to itself: ``none`` where it follows the one above.

    torch only tells what is in force, so the one above is moved for a moment: a switch that moves
    with it is not set.
    """
    library, product = switch
    now = precision_in_force(switch)
    if library == "generic":
        return now
    above = (library, "all") if product != "all" else ("generic", "all")
    own = own_precision(above)
    set_precision(above, "ieee" if now != "ieee" else "tf32")
    follows = precision_in_force(switch) != now
    set_precision(above, own)
    return "none" if follows else now
