"""How a network runs: in which mode, with what batch, types, optimizer and device."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ...ops.autocast import FLOAT32, Amp, Autocast, Device

Mode = Literal["inference", "training"]


class Run(NamedTuple):
    """What decides about the memory of a network, beside its layers.

    `width` is the bytes of a number, 4 under automatic mixed precision, of which `amp` is the
    16-bit type. `optimizer` is a name of `optimizers.py`, `fused` says that
    its step is one call, and `loss` is a name of `losses.py`. `kept_gradients` says that the
    parameters' gradients are there before, from an earlier part of the batch. `evaluating` says
    that gradients pass a network in evaluation mode, without dropout and with running statistics.
    """

    mode: Mode = "inference"
    batch: int = 1
    width: int = FLOAT32
    amp: Amp | None = None
    optimizer: str = "none"
    loss: str = "none"
    kept_gradients: bool = False
    device: Device = "cuda"
    fused: bool = False
    evaluating: bool = False

    @property
    def training(self) -> bool:
        """Whether the network is trained: then what backward needs is kept."""
        return self.mode == "training"

    @property
    def autocast(self) -> Autocast | None:
        """Automatic mixed precision, if the network runs in it."""
        return None if self.amp is None else Autocast(self.device, self.amp)
