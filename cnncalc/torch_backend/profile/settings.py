"""Says how a network runs to be profiled: device, type of number, mode, and number of runs."""

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
    """Device, type of number, mode and number of runs of a profile."""

    device: str = "cpu"
    dtype: str = "float32"
    # With autocast, weights stay float32 and operators choose their type. None: only in training.
    autocast: bool | None = None
    mode: Mode = "inference"
    warmup: int = 3
    repeat: int = 10
    compile: bool = False
    channels_last: bool = False

    def runs(self, batches: int) -> int:
        """Return how often the network runs for a number of batch sizes, layer by layer too."""
        return batches * (self.warmup + (1 if self.compile else 2) * self.repeat)

    @property
    def training(self) -> bool:
        """Return whether the backward pass runs too."""
        return self.mode == "training"

    @property
    def by(self) -> str:
        """Return how the network gets its type of number: ``as is``, ``cast`` or ``autocast``."""
        if NUMBERS[self.dtype] is torch.float32:
            return "as is"
        autocast = self.training if self.autocast is None else self.autocast
        return "autocast" if autocast else "cast"

    @property
    def stored(self) -> torch.dtype:
        """Return the type of the weights and inputs."""
        return NUMBERS[self.dtype] if self.by == "cast" else torch.float32
