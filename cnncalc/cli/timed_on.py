"""Reads on which device the figure `latency` is a time, and how networks run there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import options as o
from .option_values import usage

if TYPE_CHECKING:
    from ..analysis.latency.timing import Timing


def timed_on(
    device: str | None, dtype: o.Dtype, amp: o.Amp | None, channels_last: bool
) -> Timing | None:
    """Return the timing; None without a device.

    Errors: a Mistake for an unknown device, and for options that do not go together.
    """
    if device is None:
        if amp is not None or channels_last:
            raise usage("--amp and --channels-last are for a device", "add --device rtx4090")
        return None
    from ..analysis.latency.timing import timing_on

    if amp is not None and dtype is not o.Dtype.float32:
        raise usage("--amp is for networks in float32", "remove --dtype or --amp")
    return timing_on(device, dtype.value, None if amp is None else amp.value, channels_last)
