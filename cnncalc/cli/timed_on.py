"""Options of commands that predict times: the device, and how networks run there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from . import memory_options as m
from . import options as o
from .option_values import usage

if TYPE_CHECKING:
    from ..analysis.latency.predict import Asked
    from ..analysis.latency.timing import Timing

Device = Annotated[
    str | None,
    typer.Option(
        "--device",
        metavar="DEVICE",
        help="the device for `latency`, as in `cnncalc latency`: rtx4090, or fp16=60,bw=500",
    ),
]
Amp = Annotated[o.Amp | None, o.choice("--amp", o.Amp, "automatic mixed precision on that device")]
ChannelsLast = Annotated[
    bool,
    typer.Option("--channels-last", help="channels are the last axis in memory on that device"),
]
Compile = Annotated[bool, typer.Option("--compile", help="networks are compiled on that device")]
Mode = Annotated[
    m.Mode | None,
    o.choice("--mode", m.Mode, "what networks do on that device (default: inference)"),
]
Optimizer = Annotated[
    o.Optimizer,
    o.choice("--optimizer", o.Optimizer, "the optimizer of training, for its memory and time"),
]


def timed_on(
    device: str | None,
    dtype: o.Dtype,
    amp: o.Amp | None = None,
    channels_last: bool = False,
    compile: bool = False,
    mode: m.Mode | None = None,
    optimizer: o.Optimizer = o.Optimizer.sgd,
) -> Timing | None:
    """Return the timing; None without a device.

    Errors: a Mistake for an unknown device, and for options that do not go together.
    """
    if device is None:
        if amp is not None or channels_last or compile or mode is not None:
            options = "--amp, --channels-last, --compile and --mode"
            raise usage(f"{options} are for a device", "add --device rtx4090")
        return None
    from ..analysis.latency.timing import timing_on

    trains = mode is m.Mode.training
    return timing_on(device, asked(dtype.value, amp, channels_last, compile, trains, optimizer))


def asked(
    dtype: str,
    amp: o.Amp | None,
    channels_last: bool,
    compile: bool,
    trains: bool,
    optimizer: o.Optimizer,
) -> Asked:
    """Return how networks run.

    Errors: a Mistake for options that do not go together.
    """
    from ..analysis.latency.predict import Asked

    if amp is not None and dtype != "float32":
        raise usage("--amp is for networks in float32", "remove --dtype or --amp")
    if trains and dtype == "int8":
        raise usage("training needs numbers that have gradients, not int8", "--dtype float32")
    return Asked(
        dtype=dtype,
        amp=None if amp is None else amp.value,
        channels_last=channels_last,
        compile=compile,
        mode="training" if trains else "inference",
        optimizer=optimizer.value,
    )
