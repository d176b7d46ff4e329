"""Names: which ones a layer, branch or parameter may have, and keys that are not needed."""

from __future__ import annotations

import re
from collections.abc import Container

from .expression import RESERVED
from .module_attributes import MODULE_ATTRIBUTES, OUR_ATTRIBUTES

NAME = re.compile(r"[A-Za-z0-9_]{1,200}\Z")
GRAPH_WORDS = ("name", "from", "repeat", "each", "when", "expect", "share")

# Keys that people write and that do not exist here, with what to do instead.
NEEDLESS = {
    **dict.fromkeys(
        (
            "in",
            "in_channels",
            "in_features",
            "in_planes",
            "input_shape",
            "input_dim",
            "input_size",
            "num_channels",
            "num_features",
        ),
        "remove it: what comes in is inferred",
    ),
    **dict.fromkeys(
        ("activation", "act"), "an activation is a layer of its own: put `- relu` after it"
    ),
    **dict.fromkeys(
        ("device", "dtype"), "remove it: the command line has `--device` and `--dtype`"
    ),
    **dict.fromkeys(
        ("kernel_initializer", "bias_initializer", "weight_filler", "bias_filler", "trainable"),
        "remove it: weights have no values here",
    ),
    **dict.fromkeys(
        ("data_format", "channels_last", "dim_ordering"), "remove it: channels always come first"
    ),
}

DOCUMENT_ALIASES = {"title": "name"}  # other words for the keys of a spec


NAME_FORM = "names consist of letters, digits and `_`, 200 at most"


def name_fault(name: object) -> str | None:
    """Why a layer or branch may not have this name, or None."""
    if not isinstance(name, str) or not NAME.match(name):
        return NAME_FORM
    if name.isdigit():
        return "a name of digits alone would read as a number of a repeat"
    if name == "input":
        return "`input` is the input of the network or block"
    if name in MODULE_ATTRIBUTES or name.startswith("__") or name in OUR_ATTRIBUTES:
        return "torch modules use this name themselves"
    return None


def parameter_fault(name: str, taken: Container[str]) -> str | None:
    """Why a parameter may not have this name, or None; `taken` are the operators and blocks."""
    if not NAME.match(name) or name[0].isdigit():
        return "parameter names are letters, digits and `_`, and start with a letter"
    if name in RESERVED:
        return f"`{name}` has a meaning of its own in expressions"
    if name in taken:
        return f"`{name}` is an operator or a block"
    return None
