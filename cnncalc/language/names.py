"""Checks the names of layers, branches and parameters, and lists keys that are not needed."""

from __future__ import annotations

import re
from collections.abc import Container

from .expression import RESERVED
from .module_attributes import MODULE_ATTRIBUTES, OUR_ATTRIBUTES

NAME = re.compile(r"[A-Za-z0-9_]{1,200}\Z")
GRAPH_WORDS = (
    "name",
    "from",
    "repeat",
    "each",
    "when",
    "expect",
    "share",
    "freeze",
    "checkpoint",
)

REPEAT_WORDS = ["times", "as"]  # of a `repeat` that is a mapping
BRANCH_WORDS = ["from", "repeat", "each", "when", "layers"]  # of a branch that is a mapping
ENTRY_WORDS = ["from", "repeat", "each", "when"]  # of an entry in a join's list

# What expressions call the sizes that enter a block: all, and the last axes from the last one on.
AXES = {"w": "last axis", "h": "last axis but one", "d": "last axis but two"}
SIZES = frozenset(["sizes", *AXES])

# Keys for sizes that are inferred here.
INFERRED = (
    "in",
    "in_channels",
    "in_features",
    "in_planes",
    "input_shape",
    "input_dim",
    "input_size",
    "num_channels",
    "num_features",
)

# Keys that people write and that do not exist here, with advice.
NEEDLESS = {
    **dict.fromkeys(INFERRED, "remove it: it is inferred from the input"),
    **dict.fromkeys(
        ("activation", "act"),
        "write an activation as its own layer after this one, such as `- relu`",
    ),
    **dict.fromkeys(
        ("device", "dtype"), "remove it: the command line has `--device` and `--dtype`"
    ),
    **dict.fromkeys(
        ("kernel_initializer", "bias_initializer", "weight_filler", "bias_filler"),
        "remove it: a spec does not set the values of weights",
    ),
    **dict.fromkeys(
        ("trainable", "requires_grad", "frozen"),
        "put `freeze: true` beside the layer if its parameters are not trained",
    ),
    **dict.fromkeys(
        ("data_format", "channels_last", "dim_ordering"), "remove it: channels always come first"
    ),
}

DOCUMENT_ALIASES = {"title": "name"}  # other words for the keys of a spec


NAME_FORM = "names consist of at most 200 letters, digits and `_`"


def name_fault(name: object) -> str | None:
    """Return why a layer or branch may not have this name, or None."""
    if not isinstance(name, str) or not NAME.match(name):
        return NAME_FORM
    if name.isdigit():
        return "a name of digits only would look like the number of a copy"
    if name == "input":
        return "`input` already means the input of the network or block"
    if name in MODULE_ATTRIBUTES or name.startswith("__") or name in OUR_ATTRIBUTES:
        return "torch modules use this name themselves"
    return None


def parameter_fault(name: str, *taken: Container[str]) -> str | None:
    """Return why a parameter may not have this name, or None; `taken` are operators and blocks."""
    if not NAME.match(name) or name[0].isdigit():
        return "parameter names consist of letters, digits and `_`, and do not start with a digit"
    if name in RESERVED:
        return f"`{name}` already has a meaning in expressions"
    if any(name in words for words in taken):
        return f"`{name}` is an operator or a block"
    return None
