"""The registry of operators: each is one class, and one entry here.

A module is imported when one of its operators is looked up: most networks need few of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base import Op

HOMES = {  # the module and class of each operator, by its word in a spec
    "conv": "conv:Conv",
    "deform_conv": "deform:DeformConv",
    "conv_transpose": "transposed:ConvTranspose",
    "linear": "linear:Linear",
    "rbf": "linear:Rbf",
    "maxpool": "pool:MaxPool",
    "avgpool": "pool:AvgPool",
    "lppool": "pool:LpPool",
    "subsample": "pool:Subsample",
    "fractional_maxpool": "fractional:FractionalMaxPool",
    "adaptiveavgpool": "adaptive:AdaptiveAvgPool",
    "adaptivemaxpool": "adaptive:AdaptiveMaxPool",
    "globalavgpool": "adaptive:GlobalAvgPool",
    "globalmaxpool": "adaptive:GlobalMaxPool",
    "reduce": "reduce:Reduce",
    "maxunpool": "unpool:MaxUnpool",
    "blurpool": "blur:BlurPool",
    "batchnorm": "norm:BatchNorm",
    "groupnorm": "norm:GroupNorm",
    "layernorm": "norm:LayerNorm",
    "instancenorm": "norm:InstanceNorm",
    "lrn": "lrn:Lrn",
    "relu": "activation:Relu",
    "relu6": "activation:Relu6",
    "leaky_relu": "activation:LeakyRelu",
    "prelu": "activation:Prelu",
    "elu": "activation:Elu",
    "gelu": "activation:Gelu",
    "silu": "activation:Silu",
    "mish": "activation:Mish",
    "hardswish": "activation:Hardswish",
    "hardsigmoid": "activation:Hardsigmoid",
    "hardtanh": "activation:Hardtanh",
    "sigmoid": "activation:Sigmoid",
    "tanh": "activation:Tanh",
    "softplus": "smooth:Softplus",
    "softsign": "smooth:Softsign",
    "logsigmoid": "smooth:LogSigmoid",
    "celu": "smooth:Celu",
    "selu": "smooth:Selu",
    "tanhshrink": "smooth:Tanhshrink",
    "threshold": "smooth:Threshold",
    "hardshrink": "smooth:Hardshrink",
    "softshrink": "smooth:Softshrink",
    "squared_relu": "smooth:SquaredRelu",
    "glu": "smooth:Glu",
    "softmax": "softmax:Softmax",
    "log_softmax": "softmax:LogSoftmax",
    "softmin": "softmax:Softmin",
    "maxout": "maxout:Maxout",
    "dropout": "scale:Dropout",
    "dropout2d": "scale:Dropout2d",
    "stochastic_depth": "scale:StochasticDepth",
    "layer_scale": "scale:LayerScale",
    "scale": "scale:Scale",
    "shift": "scale:Shift",
    "identity": "scale:Identity",
    "zeroize": "scale:Zeroize",
    "abs": "pointwise:Abs",
    "neg": "pointwise:Neg",
    "square": "pointwise:Square",
    "sqrt": "pointwise:Sqrt",
    "rsqrt": "pointwise:Rsqrt",
    "reciprocal": "pointwise:Reciprocal",
    "exp": "pointwise:Exp",
    "log": "pointwise:Log",
    "pow": "pointwise:Pow",
    "clamp": "pointwise:Clamp",
    "floor": "pointwise:Floor",
    "ceil": "pointwise:Ceil",
    "round": "pointwise:Round",
    "sign": "pointwise:Sign",
    "flatten": "reshape:Flatten",
    "reshape": "reshape:Reshape",
    "permute": "reshape:Permute",
    "slice": "reshape:Slice",
    "channel_shuffle": "shuffle:ChannelShuffle",
    "pixel_shuffle": "shuffle:PixelShuffle",
    "pixel_unshuffle": "shuffle:PixelUnshuffle",
    "split": "split:Split",
    "concat": "concat:Concat",
    "stack": "concat:Stack",
    "add": "join:Add",
    "sub": "join:Sub",
    "mul": "join:Mul",
    "div": "join:Div",
    "maximum": "join:Maximum",
    "minimum": "join:Minimum",
    "matmul": "matmul:Matmul",
    "attention": "attention:Attention",
    "lstm": "recurrent:Lstm",
    "gru": "recurrent:Gru",
    "rnn": "recurrent:Rnn",
    "upsample": "upsample:Upsample",
    "pad": "pad:Pad",
    "crop": "crop:Crop",
    "unfold": "fold:Unfold",
    "fold": "fold:Fold",
    "grid_sample": "grid:GridSample",
    "affine_grid": "grid:AffineGrid",
    "embedding": "embedding:Embedding",
    "opaque": "opaque:Opaque",
}


class _Registry(Mapping[str, "type[Op]"]):
    """The operators by their words in a spec, in the order of the documents."""

    def __init__(self) -> None:
        self._loaded: dict[str, type[Op]] = {}

    def __getitem__(self, key: str) -> type[Op]:
        if key not in self._loaded:
            module, _, name = HOMES[key].partition(":")
            self._loaded[key] = getattr(import_module(f".{module}", __name__), name)
        return self._loaded[key]

    def __contains__(self, key: object) -> bool:
        return key in HOMES

    def __iter__(self) -> Iterator[str]:
        return iter(HOMES)

    def __len__(self) -> int:
        return len(HOMES)


BY_KEY: Mapping[str, type[Op]] = _Registry()
OPS = BY_KEY.values()
