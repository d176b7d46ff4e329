"""Finds the twin of each bundled network: an independent definition of it in plain torch."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from . import models, models_shaped, models_zoo
from .samples import BUNDLED, Bundled

Factory = Callable[[], nn.Module]

_TWINS: dict[str, tuple[Factory, tuple[int, ...]]] = {
    **models.NETWORKS,
    **models_zoo.NETWORKS,
    **models_shaped.NETWORKS,
}
_ALIASES = {"unet": "unet_valid", "vgg16d": "vgg16"}


def _held_by_timm(network: Bundled) -> bool:
    """Return whether a spec states the parameters and MACs of timm's network, which `check` holds.

    timm is no dependency of the tests: each such spec was compared with timm's network layer by
    layer when it was written.
    """
    entries = network.spec.figures(network.variant).published
    return {"params", "macs"} <= {e.what for e in entries if (e.source or "").startswith("timm ")}


# Of a stack of linear layers torch would only repeat the spec.
NO_TWIN = {"fully_connected", "one_neuron"} | {
    network.name for network in BUNDLED if network.name not in _TWINS and _held_by_timm(network)
}


def twin(name: str) -> tuple[Factory, tuple[int, ...]]:
    """Return the function that makes the twin of a bundled network, and the shape of its input."""
    return _TWINS[_ALIASES.get(name, name)]
