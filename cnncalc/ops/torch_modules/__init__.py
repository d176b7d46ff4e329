"""Torch modules that torch.nn does not have; `TorchCall` names them.

The modules take numbers, never an operator: a built network does not need cnncalc's rules.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from . import (
    arrangement,
    convolution,
    hooks,
    joins,
    padding,
    pooling,
    sampling,
    sequences,
    values,
)

HOMES = (padding, convolution, values, pooling, sampling, joins, sequences, arrangement, hooks)
OURS: dict[str, Any] = {  # classes and functions, by name
    name: found
    for home in HOMES
    for name, found in vars(home).items()
    if getattr(found, "__module__", None) == home.__name__
}


def class_named(name: str) -> Callable[..., nn.Module]:
    """Return a class of ours, or of torch.nn."""
    found: Callable[..., nn.Module] = OURS[name] if name in OURS else getattr(nn, name)
    return found
