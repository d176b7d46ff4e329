"""The parameters of torch's modules with their defaults, so that calls leave these out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

REQUIRED = object()
_WINDOW = {"kernel_size": REQUIRED, "stride": None, "padding": 0}
_CONV = {
    "in_channels": REQUIRED,
    "out_channels": REQUIRED,
    "kernel_size": REQUIRED,
    "stride": 1,
    "padding": 0,
}
_BATCH = {"num_features": REQUIRED, "eps": 1e-5, "momentum": 0.1}
_RECURRENT = {"input_size": REQUIRED, "hidden_size": REQUIRED, "num_layers": 1, "bias": True}
_ACTIVATIONS = ("CELU", "Hardsigmoid", "Hardswish", "Mish", "ReLU", "ReLU6", "SELU", "SiLU")
# By the names of classes, without the number of axes.
_SIGNATURES: Mapping[str, Mapping[str, Any]] = {
    "AdaptiveAvgPool": {"output_size": REQUIRED},
    "AdaptiveMaxPool": {"output_size": REQUIRED},
    "AvgPool": {**_WINDOW, "ceil_mode": False, "count_include_pad": True},
    "BatchNorm": {**_BATCH, "affine": True, "track_running_stats": True},
    "Conv": {**_CONV, "dilation": 1, "groups": 1, "bias": True, "padding_mode": "zeros"},
    "ConvTranspose": {**_CONV, "output_padding": 0, "groups": 1, "bias": True, "dilation": 1},
    "Dropout": {"p": 0.5, "inplace": False},
    "ELU": {"alpha": 1.0, "inplace": False},
    "Flatten": {"start_dim": 1, "end_dim": -1},
    "GELU": {"approximate": "none"},
    "GRU": {**_RECURRENT, "batch_first": False, "dropout": 0.0, "bidirectional": False},
    "GroupNorm": {"num_groups": REQUIRED, "num_channels": REQUIRED, "eps": 1e-5, "affine": True},
    "Hardshrink": {"lambd": 0.5},
    "Hardtanh": {"min_val": -1.0, "max_val": 1.0, "inplace": False},
    "InstanceNorm": {**_BATCH, "affine": False, "track_running_stats": False},
    "LayerNorm": {
        "normalized_shape": REQUIRED,
        "eps": 1e-5,
        "elementwise_affine": True,
        "bias": True,
    },
    "LeakyReLU": {"negative_slope": 0.01, "inplace": False},
    "Linear": {"in_features": REQUIRED, "out_features": REQUIRED, "bias": True},
    "LocalResponseNorm": {"size": REQUIRED, "alpha": 1e-4, "beta": 0.75, "k": 1.0},
    "LPPool": {"norm_type": REQUIRED, "kernel_size": REQUIRED, "stride": None, "ceil_mode": False},
    "LSTM": {**_RECURRENT, "batch_first": False, "dropout": 0.0, "bidirectional": False},
    "MaxPool": {**_WINDOW, "dilation": 1, "return_indices": False, "ceil_mode": False},
    "PReLU": {"num_parameters": 1},
    "PixelShuffle": {"upscale_factor": REQUIRED},
    "PixelUnshuffle": {"downscale_factor": REQUIRED},
    "Softplus": {"beta": 1.0, "threshold": 20.0},
    "Softshrink": {"lambd": 0.5},
    "Unfold": {"kernel_size": REQUIRED, "dilation": 1, "padding": 0, "stride": 1},
    "Upsample": {"size": None, "scale_factor": None, "mode": "nearest", "align_corners": None},
    **{name: {"inplace": False} for name in _ACTIVATIONS},
}
# Arguments that people write without their names.
_BARE = frozenset(
    name
    for signature in _SIGNATURES.values()
    for name, default in signature.items()
    if default is REQUIRED
) | {"p", "start_dim", "num_parameters"}


def arguments(name: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Return the arguments to write, in torch's order: those that have not its defaults.

    `given` are the arguments as a module has them; `defaults` are those of a class of ours.
    """
    known = signature(name) or defaults
    order = [key for key in known if key in given]
    order += [key for key in given if key not in known]
    found = []
    for key in order:
        default = known.get(key, REQUIRED)
        if key == "stride" and default is None:
            default = given.get("kernel_size", REQUIRED)  # of pools
        if default is REQUIRED or not _is_same(given[key], default):
            found.append(key)
    return found


def _is_same(value: Any, default: Any) -> bool:
    """Return whether a value is a default, for all axes if it has one for each."""
    if isinstance(value, tuple) and not isinstance(default, tuple):
        return bool(value) and all(_is_same(part, default) for part in value)
    if isinstance(value, bool) != isinstance(default, bool):
        return False
    return bool(value == default)


def signature(name: str) -> Mapping[str, Any]:
    """Return the parameters of one of torch's classes; empty if it is not in the table."""
    return _SIGNATURES.get(name) or _SIGNATURES.get(name.removesuffix("d")[:-1], {})


def is_bare(key: str, before: int, place: int) -> bool:
    """Return whether an argument is written without its name, at its place among the others."""
    return key in _BARE and before == place
