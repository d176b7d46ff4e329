"""Names: which ones a layer, branch or parameter may have, and the words of other frameworks."""

from __future__ import annotations

import re

from .expression import RESERVED
from .module_attributes import MODULE_ATTRIBUTES, OUR_ATTRIBUTES

NAME = re.compile(r"[A-Za-z0-9_]+\Z")
GRAPH_WORDS = ("name", "from", "repeat", "each", "when", "expect", "share")

# Operators of other frameworks that do not exist here, with what to use instead.
FOREIGN = {
    **dict.fromkeys(
        (
            "selu",
            "celu",
            "glu",
            "rrelu",
            "softplus",
            "softsign",
            "softmin",
            "logsigmoid",
            "threshold",
        ),
        "the activations are listed in the README; `elu`, `gelu` and `silu` are near",
    ),
    **dict.fromkeys(
        (
            "dwconv",
            "depthwise",
            "depthwiseconv",
            "depthwise_conv",
            "depthwiseconv2d",
            "depthwise_conv2d",
        ),
        "a depthwise convolution is `conv: {out: c, kernel: 3, groups: c}`",
    ),
    **dict.fromkeys(
        ("separableconv", "separableconv2d", "separable_conv"),
        "a depthwise `conv` with `groups: c`, then one with `kernel: 1`",
    ),
    **dict.fromkeys(
        ("lstm", "gru", "rnn", "embedding", "attention", "multiheadattention", "transformer"),
        "cnncalc is about convolutional networks",
    ),
    **dict.fromkeys(
        ("op", "type", "layer"),
        "the operator is the key itself: `- relu`, `- conv: {out: 8, kernel: 3}`",
    ),
}

# Keys that people write and that do not exist here, with what to do instead.
NEEDLESS = {
    **dict.fromkeys(
        ("in", "in_channels", "in_features", "input_shape", "input_dim"),
        "remove it: what comes in is inferred",
    ),
    **dict.fromkeys(
        ("activation", "act"), "an activation is a layer of its own: put `- relu` after it"
    ),
    **dict.fromkeys(("data_format", "channels_last"), "remove it: channels always come first"),
}

DOCUMENT_ALIASES = {"title": "name"}  # other words for the keys of a spec


def name_fault(name: object) -> str | None:
    """Why a layer or branch may not have this name, or None."""
    if not isinstance(name, str) or not NAME.match(name):
        return "names consist of letters, digits and `_`"
    if name.isdigit():
        return "a name of digits alone would read as a number of a repeat"
    if name == "input":
        return "`input` is the input of the network or block"
    if name in MODULE_ATTRIBUTES or name.startswith("__") or name in OUR_ATTRIBUTES:
        return "torch modules use this name themselves"
    return None


def parameter_fault(name: str, taken: frozenset[str]) -> str | None:
    """Why a parameter may not have this name, or None; `taken` are the operators and blocks."""
    if not NAME.match(name) or name[0].isdigit():
        return "parameter names are letters, digits and `_`, and start with a letter"
    if name in RESERVED:
        return f"`{name}` has a meaning of its own in expressions"
    if name in taken:
        return f"`{name}` is an operator or a block"
    return None
