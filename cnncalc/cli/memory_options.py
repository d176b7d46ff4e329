"""Options of the command memory."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import typer

from . import options as o

AUTO = "auto"  # the value of --checkpoint with which the layers are chosen


class Mode(str, Enum):
    """What the network does."""

    inference, training = "inference", "training"


class Loss(str, Enum):
    """Losses."""

    none, cross_entropy = "none", "cross_entropy"


class Device(str, Enum):
    """Where the network runs."""

    cuda, cpu = "cuda", "cpu"


RunMode = Annotated[
    Mode | None,
    o.choice(
        "--mode",
        Mode,
        "what to look at (default: inference, but training with an option that is about training)",
    ),
]
Numbers = Annotated[o.Dtype, o.choice("--dtype", o.Dtype, "type of the values")]
MixedPrecision = Annotated[
    o.Amp | None,
    o.choice("--amp", o.Amp, "automatic mixed precision, as torch.autocast, with this type"),
]
OptimizerName = Annotated[
    o.Optimizer | None,
    o.choice("--optimizer", o.Optimizer, "the optimizer (default: sgd)"),
]
LossName = Annotated[Loss, o.choice("--loss", Loss, "the loss on the outputs")]
Accumulate = Annotated[
    bool,
    typer.Option(
        "--accumulate", help="gradients of an earlier part of the batch are in memory already"
    ),
]
_FREEZE = "do not train the parameters of these layers, blocks and chains"
_TRAIN_ONLY = "train the parameters of these layers, blocks and chains, and no others"
_CHECKPOINT = (
    "keep nothing inside these blocks and chains for backward, and run them again there;"
    " FIRST..LAST names all layers between two"
)
_VERIFIED = "with --memory: "


def _paths(option: str, help: str) -> Any:
    """Return an option that takes paths of layers."""
    return typer.Option(option, metavar="PATH,…", help=help)


Freeze = Annotated[str | None, _paths("--freeze", _FREEZE)]
TrainOnly = Annotated[str | None, _paths("--train-only", _TRAIN_ONLY)]
Checkpoint = Annotated[
    str | None,
    _paths("--checkpoint", f"{_CHECKPOINT}; auto chooses layers so that --batch fits"),
]
VerifiedFreeze = Annotated[str | None, _paths("--freeze", _VERIFIED + _FREEZE)]
VerifiedTrainOnly = Annotated[str | None, _paths("--train-only", _VERIFIED + _TRAIN_ONLY)]
VerifiedCheckpoint = Annotated[str | None, _paths("--checkpoint", _VERIFIED + _CHECKPOINT)]
DeviceName = Annotated[Device, o.choice("--device", Device, "where the network runs")]
Fit = Annotated[
    str | None,
    typer.Option(
        "--fit",
        metavar="SIZE",
        help="find the largest batch for a size such as 24GiB or '24 GB', or for a device such as"
        " rtx3090; if --batch does not fit, show what makes it fit",
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="SIZE",
        help="what a process takes on the device beside its tensors (default: 600MiB on cuda,"
        " nothing on the cpu)",
    ),
]
Allocator = Annotated[
    bool,
    typer.Option(
        "--allocator",
        help="show what torch's allocator reserves on a card, and how much of it is fragmented",
    ),
]
Workspace = Annotated[
    str | None,
    typer.Option(
        "--workspace",
        metavar="SIZE",
        help="with --allocator: what cuBLAS takes for itself (default: 8.125MiB; 32MiB on Hopper)",
    ),
]
Order = Annotated[
    bool,
    typer.Option("--order", help="find the order of the layers with the smallest inference peak"),
]
Arena = Annotated[
    str | None,
    typer.Option(
        "--arena",
        metavar="DEVICE",
        help="plan inference in int8 on a microcontroller such as stm32f746: SRAM and flash",
    ),
]
Plot = Annotated[
    str | None,
    typer.Option(
        "--plot",
        metavar="FILE",
        help="draw the memory over time into an SVG file, or a page for .html",
    ),
]
