"""Runs modules before or after another one."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def hooked(module: nn.Module, before: nn.Module | None, after: nn.Module | None) -> nn.Module:
    """Return the module, with another one run on its input or its output at each call."""
    if before is not None:
        module.register_forward_pre_hook(_Before(before))
    if after is not None:
        module.register_forward_hook(_After(after))
    return module


class _Before:
    """A forward pre-hook that runs a module on the inputs."""

    def __init__(self, module: nn.Module):
        self.module = module

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
        return self.module(*inputs)


class _After(_Before):
    """A forward hook that runs a module on the output."""

    def __call__(
        self, module: nn.Module, inputs: tuple[Tensor, ...], y: Tensor | None = None
    ) -> Any:
        return self.module(y)
