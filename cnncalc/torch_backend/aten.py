"""Names the operators that a call of torch's dispatcher computes, whichever kernel runs them.

Operators that only move values (views, slices, permutations, shuffles, casts) can be written in too
many ways to compare, so they count as computing nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils._pytree import tree_leaves

from ..ops import OPS
from ..ops.meanings import Dispatched


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_MOVES = _words("""
    view unsafe_view reshape reshape_alias view_as flatten unflatten t transpose permute movedim
    expand unsqueeze squeeze slice select narrow diagonal split split_with_sizes unsafe_split chunk
    unbind stack index index_select as_strided unfold repeat repeat_interleave tile flip roll
    slice_scatter select_scatter masked_fill where alias detach clone copy to_copy contiguous
    lift_fresh resize set fill zero empty empty_like empty_strided zeros zeros_like ones ones_like
    full full_like new_empty new_zeros new_ones arange scalar_tensor bernoulli rand rand_like randn
    randn_like dropout native_dropout channel_shuffle native_channel_shuffle pixel_shuffle
    pixel_unshuffle local_scalar_dense item is_same_size equal isnan any all
""")
# Arguments that shapes already show, or that do not change what is computed.
_NO_SETTINGS = _words("""
    eps epsilon momentum exponential_average_factor training train cudnn_enabled benchmark
    deterministic allow_tf32 N C HxW input_shape normalized_shape transposed beta output_size
    scales_h scales_w scales_d scales scale_factors dtype layout device pin_memory memory_format
    out_dtype half_to_float bias_sizes
""")
REDUCTIONS = _words("mean sum amax amin var std linalg_vector_norm")
_WITHOUT_SETTINGS = (*REDUCTIONS, *_words("linear addmm mm bmm baddbmm relu"))  # alpha, an axis
_BACKENDS = _words("native_ cudnn_ miopen_ mkldnn_ mps_ nnpack_ thnn_ fused_ slow_")
_VARIANTS = _words("""
    _with_indices _legit_no_training _legit_functional _legit _no_training _with_update _no_update
    _kernel _forward _overrideable _mode
""")
_CONVOLUTION = re.compile(
    r"(?:spatial_|depthwise_)?conv(?:olution)?(?:_dilated|_depthwise)?"
    r"(?P<transposed>_transpose)?(?:[123]d)?"
)
_ATTENTION = re.compile(r"(?:(?:scaled_dot_product|efficient|flash)_\w*)?attention\w*")
_CONVOLUTION_SETTINGS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}  # torch's defaults


# What an operator with a number is: another one with another number.
_INVERSE: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "div": ("mul", lambda n: 1 / n if n else n),
    "sub": ("add", lambda n: -n),
}


class AtenStep(NamedTuple):
    """One operator of a call, and the tensors that it reads besides the previous step's result.

    `reads` holds names of arguments; None means all of them.
    """

    operator: str
    reads: tuple[str, ...] | None = None
    settings: Mapping[str, Any] | None = None  # those of the call, if they are not given


_FUSED = {
    "convolution_relu": (AtenStep("convolution"), AtenStep("relu", ())),
    "convolution_add_relu": (
        AtenStep("convolution", ("self", "weight", "bias")),
        AtenStep("add", ("z",)),
        AtenStep("relu", ()),
    ),
    "addcmul": (
        AtenStep("mul", ("tensor1", "tensor2"), {}),
        AtenStep("add", ("self",), {"alpha": 1}),
    ),
    "addmm_activation": (AtenStep("addmm"), AtenStep("relu", ())),  # or gelu, by an argument
}


class Computed(NamedTuple):
    """One operator of a call: its name, its settings, and the tensors that it reads.

    `kind` is the key of our operator, or the dispatcher's own name if we have no such operator.
    """

    kind: str
    settings: dict[str, Any]
    tensors: list[Tensor]


def computed_by(func: Any, args: Any, kwargs: Mapping[str, Any]) -> list[Computed]:
    """Return what a call computes: one operator, several if fused, none if it only moves values."""
    name = func._schema.name.partition("::")[2].strip("_")
    if (
        name in _MOVES
        or name.removesuffix("_copy") in _MOVES
        or func._schema.name.startswith("prim")
    ):
        return []
    given = dict(zip((argument.name for argument in func._schema.arguments), args)) | dict(kwargs)
    if name == "constant_pad_nd" and not any(given["pad"]):
        return []
    found = []
    for operator, reads, own in steps(name):
        read = [value for key, value in given.items() if reads is None or key in reads]
        tensors = [leaf for leaf in tree_leaves(read) if isinstance(leaf, Tensor)]
        listed = _settings(func, args, kwargs) if own is None else dict(own)
        kind, settings = _kind_of(operator, given, listed)
        found.append(Computed(kind, settings, tensors))
    return found


def steps(name: str) -> tuple[AtenStep, ...]:
    """Return the operators of a call in order, by names that are the same on every device.

    ``_native_batch_norm_legit_no_training`` and ``cudnn_batch_norm`` both become ``batch_norm``.
    """
    name = name.strip("_")
    for backend in _BACKENDS:
        name = name.removeprefix(backend)
    for variant in _VARIANTS:
        name = name.removesuffix(variant)
    if name in _FUSED:
        return _FUSED[name]
    convolution = _CONVOLUTION.fullmatch(name)
    if convolution:
        name = "conv_transpose" if convolution["transposed"] else "convolution"
    return (AtenStep("scaled_dot_product_attention" if _ATTENTION.fullmatch(name) else name),)


def _dispatched() -> dict[str, list[tuple[Mapping[str, Any], str]]]:
    """Return our names by the dispatcher's. Those that require certain arguments come first."""
    found: dict[str, list[tuple[Mapping[str, Any], str]]] = defaultdict(list)
    for op in OPS:
        for entry in vars(op).get("aten", ()):
            name, arguments = entry if isinstance(entry, Dispatched) else Dispatched(entry)
            found[name].append((arguments, op.key))
    return {name: sorted(entries, key=lambda e: not e[0]) for name, entries in found.items()}


_DISPATCHED = _dispatched()


def _kind_of(
    operator: str, given: Mapping[str, Any], settings: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Return our name for an operator of the dispatcher, and the settings that matter."""
    if operator in ("max", "min") and "dim" in settings:  # with the indices, which are not used
        operator = f"a{operator}"
    if operator == "convolution" and given.get("transposed"):
        operator = "conv_transpose"
    if operator in ("convolution", "conv_transpose"):
        kept = {key: settings.get(key, value) for key, value in _CONVOLUTION_SETTINGS.items()}
        if operator == "conv_transpose":
            kept["output_padding"] = settings.get("output_padding", 0)
        settings = kept
    elif operator in _INVERSE and isinstance(settings.get("other"), (int, float)):
        operator, inverse = _INVERSE[operator]
        settings = {**settings, "other": inverse(settings["other"])}
    elif operator == "relu" and given.get("use_gelu"):
        operator, settings = "gelu", {"approximate": "tanh"}
    elif operator in _WITHOUT_SETTINGS:
        settings = {}
    for arguments, key in _DISPATCHED.get(operator, ()):
        if not arguments:
            return key, settings
        if settings == dict(arguments):
            return key, {}
    return operator, settings


def _settings(func: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call that are not tensors, with torch's defaults.

    A value that is the same on all axes becomes one number. An axis becomes its size, summed over
    the tensors that are concatenated, as networks have their axes in other orders.
    """
    known = func._schema.arguments
    given = {argument.name: argument.default_value for argument in known}
    given |= dict(zip((argument.name for argument in known), args)) | dict(kwargs)
    first = [a for a in args if isinstance(a, Tensor)][:1]
    joined = given["tensors"] if func._schema.name == "aten::cat" else first
    sizes = [tuple(tensor.shape) for tensor in joined]
    found: dict[str, Any] = {}
    for name, value in given.items():
        plain = all(isinstance(leaf, (bool, int, float, str)) for leaf in tree_leaves(value))
        if name in _NO_SETTINGS or value is None or not plain:
            continue
        value = tuple(value) if isinstance(value, (list, tuple)) else value
        while name == "pad" and isinstance(value, tuple) and value[-2:] == (0, 0):
            value = value[:-2]  # an axis without padding
        if name == "dim" and isinstance(value, int):
            value = sum(size[value] for size in sizes if -len(size) <= value < len(size))
        found[name] = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
    if found.get("stride") == ():  # the default of a pool
        found["stride"] = found["kernel_size"]
    return found
