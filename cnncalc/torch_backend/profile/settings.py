"""How a network is run to be profiled: device, type of number, mode, and number of runs."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch

Mode = Literal["inference", "training"]
NUMBERS = {
    "float32": torch.float32,
    "tf32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}


class Settings(NamedTuple):
    """How a network is run."""

    device: str = "cpu"
    dtype: str = "float32"
    # With autocast weights stay float32 and operators choose; None: in training, not at inference.
    autocast: bool | None = None
    mode: Mode = "inference"
    warmup: int = 3
    repeat: int = 10
    compile: bool = False
    channels_last: bool = False

    def runs(self, batches: int) -> int:
        """How often the network is run for a number of batch sizes, by layer too."""
        return batches * (self.warmup + (1 if self.compile else 2) * self.repeat)

    @property
    def training(self) -> bool:
        """Whether the backward pass is run too."""
        return self.mode == "training"

    @property
    def by(self) -> str:
        """How the type of number is reached: ``as is``, ``cast`` or ``autocast``."""
        if NUMBERS[self.dtype] is torch.float32:
            return "as is"
        autocast = self.training if self.autocast is None else self.autocast
        return "autocast" if autocast else "cast"

    @property
    def stored(self) -> torch.dtype:
        """The type of the weights and inputs."""
        return NUMBERS[self.dtype] if self.by == "cast" else torch.float32
