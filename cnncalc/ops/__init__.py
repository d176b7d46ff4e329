"""The registry: an operator is one class, and one entry here."""

from __future__ import annotations

from .activation import (
    Elu,
    Gelu,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyRelu,
    LogSoftmax,
    Maxout,
    Mish,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from .base import Op
from .conv import Conv, ConvTranspose
from .join import Add, Concat, Mul, Sub
from .linear import Linear, Rbf
from .norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Lrn
from .pool import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    LpPool,
    MaxPool,
    Subsample,
)
from .reshape import ChannelShuffle, Flatten, Permute, PixelShuffle, PixelUnshuffle, Reshape, Slice
from .resize import Crop, Pad, Upsample
from .scale import Dropout, Dropout2d, Identity, LayerScale, StochasticDepth

OPS: tuple[type[Op], ...] = (
    Conv,
    ConvTranspose,
    Linear,
    Rbf,
    MaxPool,
    AvgPool,
    LpPool,
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    GlobalAvgPool,
    GlobalMaxPool,
    Subsample,
    BatchNorm,
    GroupNorm,
    LayerNorm,
    InstanceNorm,
    Lrn,
    Relu,
    Relu6,
    LeakyRelu,
    Prelu,
    Elu,
    Gelu,
    Silu,
    Mish,
    Hardswish,
    Hardsigmoid,
    Hardtanh,
    Sigmoid,
    Tanh,
    Softmax,
    LogSoftmax,
    Maxout,
    Dropout,
    Dropout2d,
    StochasticDepth,
    LayerScale,
    Identity,
    Flatten,
    Reshape,
    Permute,
    Slice,
    ChannelShuffle,
    PixelShuffle,
    PixelUnshuffle,
    Concat,
    Add,
    Sub,
    Mul,
    Upsample,
    Pad,
    Crop,
)

BY_KEY: dict[str, type[Op]] = {op.key: op for op in OPS}


def _fields_by_alias() -> dict[str, list[str]]:
    """What fields are called elsewhere, with the fields that each word may mean."""
    found: dict[str, list[str]] = {}
    for op in OPS:
        for alias, field in op.field_aliases.items():
            meant = found.setdefault(alias, [])
            if field not in meant:
                meant.append(field)
    return found


FIELDS_BY_ALIAS = _fields_by_alias()
