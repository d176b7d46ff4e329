"""The types of the attributes that are read of ONNX nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .file import OnnxFile, Tensor

# The type of each attribute, and that of the entries of a list.
_INTEGERS = (
    "allowzero", "antialias", "axis", "blocksize", "ceil_mode", "count_include_pad", "end",
    "exclude_outside", "fmod", "group", "hidden_size", "input_forget", "keepdims", "layout",
    "linear_before_reset", "noop_with_empty_axes", "num_groups", "num_outputs", "p", "size",
    "start", "stash_type", "storage_order", "to", "training_mode", "transA", "transB",
    "value_int",
)  # fmt: skip
_FLOATS = (
    "beta", "cubic_coeff_a", "epsilon", "gamma", "lambd", "momentum", "ratio", "value_float",
)  # fmt: skip
_WORDS = (
    "approximate", "auto_pad", "coordinate_transformation_mode", "direction",
    "keep_aspect_ratio_policy", "mode", "nearest_mode",
)  # fmt: skip
_LISTS_OF_INTEGERS = (
    "dilations", "ends", "kernel_shape", "output_padding", "output_shape", "pads", "paddings",
    "perm", "shape", "split", "starts", "steps", "strides", "value_ints",
)  # fmt: skip
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_INTEGERS, (int,)),
    **dict.fromkeys(_FLOATS, (float, int)),
    **dict.fromkeys(("alpha", "bias", "max", "min"), (float, int)),
    **dict.fromkeys(_WORDS, (str,)),
    **dict.fromkeys(("then_branch", "else_branch"), (OnnxFile,)),
    "value": (Tensor, float, int),
}
_LISTS: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(_LISTS_OF_INTEGERS, (int,)),
    "axes": (int,),
    "activations": (str,),
    "scales": (float, int),
    "value_floats": (float, int),
}
_ONE_OR_LIST = ("axes", "split")
_LARGEST = 10**12  # of an integer; more is no size, and would make products without bound
_ENDS = (2**63 - 1, 2**63)  # of an axis, however long it is


def wrong_attribute(attributes: Mapping[str, Any]) -> str | None:
    """Return the name of an attribute of a type or size that it never has; None if all fit.

    >>> wrong_attribute({"axis": 1, "perm": (0, "1")})
    'perm'
    """
    for name, value in attributes.items():
        if name in _LISTS and (isinstance(value, tuple) or name not in _ONE_OR_LIST):
            fits = isinstance(value, tuple) and all(_is(each, _LISTS[name]) for each in value)
        else:
            fits = name not in _TYPES or _is(value, _TYPES[name])
        if not fits:
            return name
    return None


def _is(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, float):
        return float in types and value == value and abs(value) != float("inf")
    if isinstance(value, int):
        return int in types and (abs(value) <= _LARGEST or abs(value) in _ENDS)
    return isinstance(value, types)
