"""Modules of stochastic depth: they compute nothing in evaluation, so a trace does not have them.

What they return is passed through a dropout that drops nothing, which the trace has.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from ...trace import SKIPPING


@contextmanager
def skipping_shown(network: nn.Module) -> Iterator[None]:
    """Show where branches are skipped at random in training, if all have the same chance.

    A chance that differs from block to block would make a layer of its own of each block.
    """
    chances = {module: _chance(module) for module in network.modules()}
    found = {module: p for module, p in chances.items() if p is not None}
    shown = found.items() if len(set(found.values())) == 1 else ()
    hooks = [module.register_forward_hook(partial(_dropped_never, p)) for module, p in shown]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _chance(module: nn.Module) -> float | None:
    """Return the chance at which a module skips the branch of an image; None for other modules."""
    if type(module).__name__ not in SKIPPING or getattr(module, "mode", "row") != "row":
        return None
    p = getattr(module, "drop_prob", getattr(module, "p", None))
    return float(p) if isinstance(p, (int, float)) and 0 < p <= 1 else None


def _dropped_never(p: float, module: nn.Module, inputs: Any, y: Any) -> Any:
    return F.dropout(y, p, training=False) if isinstance(y, Tensor) else y
