"""Finds the twin of each bundled network: an independent definition of it in plain torch."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from . import models, models_zoo

Factory = Callable[[], nn.Module]

# A stack of linear layers: torch would only repeat the spec.
NO_TWIN = {"fully_connected", "one_neuron"}

_TWINS: dict[str, tuple[Factory, tuple[int, ...]]] = {**models.NETWORKS, **models_zoo.NETWORKS}
_ALIASES = {"unet": "unet_valid", "vgg16d": "vgg16"}


def twin(name: str) -> tuple[Factory, tuple[int, ...]]:
    """Return the function that makes the twin of a bundled network, and the shape of its input."""
    return _TWINS[_ALIASES.get(name, name)]
