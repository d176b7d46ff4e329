"""Finds the twin of each bundled network: an independent definition of it in plain torch."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from . import models, models_cells, models_maps, models_shaped, models_zoo
from .samples import BUNDLED

Factory = Callable[[], nn.Module]

# A stack of linear layers: torch would only repeat the spec.
LINEAR = {"fully_connected", "one_neuron"}

_TWINS: dict[str, tuple[Factory, tuple[int, ...]]] = {
    **models.NETWORKS,
    **models_zoo.NETWORKS,
    **models_maps.NETWORKS,
    **models_shaped.NETWORKS,
    **models_cells.NETWORKS,
}
_ALIASES = {"unet": "unet_valid", "vgg16d": "vgg16"}
_NAMES = {network.name for network in BUNDLED}

# Those of a package, whose exact figures their specs have: see `test_networks`.
OF_A_PACKAGE = {name for name in _NAMES - LINEAR if _ALIASES.get(name, name) not in _TWINS}
NO_TWIN = LINEAR | OF_A_PACKAGE


def twin(name: str) -> tuple[Factory, tuple[int, ...]]:
    """Return the function that makes the twin of a bundled network, and the shape of its input."""
    return _TWINS[_ALIASES.get(name, name)]
