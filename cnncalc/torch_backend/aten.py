"""The operators that a name of torch's dispatcher stands for: a device's own kernels, and several operators fused into one call."""

from __future__ import annotations

import re
from typing import NamedTuple

BACKENDS = (
    "native_",
    "cudnn_",
    "miopen_",
    "mkldnn_",
    "mps_",
    "nnpack_",
    "thnn_",
    "fused_",
    "slow_",
)  # who computes it, before the operator
VARIANTS = (  # how it is computed, after the operator
    "_with_indices",
    "_legit_no_training",
    "_legit_functional",
    "_legit",
    "_no_training",
    "_with_update",
    "_no_update",
    "_kernel",
    "_forward",
    "_overrideable",
    "_mode",
)
CONVOLUTION = re.compile(
    r"(?:spatial_|depthwise_)?conv(?:olution)?(?:_dilated|_depthwise)?(?P<transposed>_transpose)?(?:[123]d)?"
)
ATTENTION = re.compile(r"(?:(?:scaled_dot_product|efficient|flash)_\w*)?attention\w*")
CONVOLUTION_SETTINGS = {
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
}  # with what holds where a kernel takes no such argument


class Step(NamedTuple):
    """One operator of a call, and the tensors it reads beside the result of the step before: names of arguments, None for all."""

    operator: str
    reads: tuple[str, ...] | None = None


FUSED = {
    "convolution_relu": (Step("convolution"), Step("relu", ())),
    "convolution_add_relu": (
        Step("convolution", ("self", "weight", "bias")),
        Step("add", ("z",)),
        Step("relu", ()),
    ),
    "addmm_activation": (Step("addmm"), Step("relu", ())),  # or gelu, by an argument
}


def steps(name: str) -> tuple[Step, ...]:
    """The operators of a call, in order, by the names that torch gives them whatever computes them.

    ``_native_batch_norm_legit_no_training`` and ``cudnn_batch_norm`` are both ``batch_norm``.
    """
    name = name.strip("_")
    for backend in BACKENDS:
        name = name.removeprefix(backend)
    for variant in VARIANTS:
        name = name.removesuffix(variant)
    if name in FUSED:
        return FUSED[name]
    convolution = CONVOLUTION.fullmatch(name)
    if convolution:
        name = "conv_transpose" if convolution["transposed"] else "convolution"
    return (Step("scaled_dot_product_attention" if ATTENTION.fullmatch(name) else name),)
