"""The registry of operators: each is one class, and one entry here."""

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
from .attention import Attention
from .base import Op
from .blur import BlurPool
from .concat import Concat, Stack
from .conv import Conv
from .fold import Fold, Unfold
from .join import Add, Div, Maximum, Minimum, Mul, Sub
from .linear import Linear, Rbf
from .matmul import Matmul
from .norm import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, Lrn
from .opaque import Opaque
from .pointwise import (
    Abs,
    Ceil,
    Clamp,
    Exp,
    Floor,
    Log,
    Neg,
    Pow,
    Reciprocal,
    Round,
    Rsqrt,
    Sign,
    Sqrt,
    Square,
)
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
from .recurrent import Gru, Lstm, Rnn
from .reduce import Reduce
from .reshape import ChannelShuffle, Flatten, Permute, PixelShuffle, PixelUnshuffle, Reshape, Slice
from .resize import Crop, Pad, Upsample
from .scale import Dropout, Dropout2d, Identity, LayerScale, Scale, Shift, StochasticDepth, Zeroize
from .smooth import (
    Celu,
    Glu,
    Hardshrink,
    LogSigmoid,
    Selu,
    Softmin,
    Softplus,
    Softshrink,
    Softsign,
    SquaredRelu,
    Tanhshrink,
    Threshold,
)
from .split import Split
from .transposed import ConvTranspose
from .unpool import MaxUnpool

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
    Reduce,
    MaxUnpool,
    BlurPool,
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
    Softplus,
    Softsign,
    LogSigmoid,
    Celu,
    Selu,
    Tanhshrink,
    Threshold,
    Hardshrink,
    Softshrink,
    SquaredRelu,
    Glu,
    Softmax,
    LogSoftmax,
    Softmin,
    Maxout,
    Dropout,
    Dropout2d,
    StochasticDepth,
    LayerScale,
    Scale,
    Shift,
    Abs,
    Neg,
    Square,
    Sqrt,
    Rsqrt,
    Reciprocal,
    Exp,
    Log,
    Pow,
    Clamp,
    Floor,
    Ceil,
    Round,
    Sign,
    Identity,
    Zeroize,
    Flatten,
    Reshape,
    Permute,
    Slice,
    Split,
    ChannelShuffle,
    PixelShuffle,
    PixelUnshuffle,
    Concat,
    Stack,
    Add,
    Sub,
    Mul,
    Div,
    Maximum,
    Minimum,
    Matmul,
    Attention,
    Lstm,
    Gru,
    Rnn,
    Upsample,
    Pad,
    Crop,
    Unfold,
    Fold,
    Opaque,
)

BY_KEY: dict[str, type[Op]] = {op.key: op for op in OPS}


def _fields_by_alias() -> dict[str, list[str]]:
    """Return the names of fields elsewhere, with the fields that each name may mean."""
    found: dict[str, list[str]] = {}
    for op in OPS:
        for alias, field in op.field_aliases.items():
            meant = found.setdefault(alias, [])
            if field not in meant:
                meant.append(field)
    return found


FIELDS_BY_ALIAS = _fields_by_alias()
