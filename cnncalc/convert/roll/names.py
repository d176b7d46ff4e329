"""Finds names for blocks, parameters and layers that a person would choose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable
from keyword import iskeyword

from ...language.expression import RESERVED
from ...language.names import GRAPH_WORDS, name_fault
from ...ops import BY_KEY
from .parts import COUNT, Block, Item
from .tree import Scope

# What modules are called that says nothing about what is inside them.
_CONTAINERS = frozenset(
    [
        *("backbone", "block_list", "blocks", "body", "branch", "chain", "children", "conv"),
        *("decoder", "downsample", "encoder", "feature", "features", "fn", "layer", "layers"),
        *("list", "main", "model", "module", "modules", "net", "network", "op", "ops", "part"),
        *("module_dict", "module_list", "seq", "sequential"),
    ]
)
_ROWS = frozenset(["block", "stage", "stages", "unit", "units"])  # no names of single layers
# Short words for operators in the name of a block.
_SHORT = {
    "batchnorm": "bn",
    "layernorm": "ln",
    "groupnorm": "gn",
    "instancenorm": "in",
    "conv_transpose": "deconv",
    "stochastic_depth": "drop_path",
}
_MOST_WORDS = 3
# Better names than some modules have.
_BETTER = {
    "stages": "stage",
    "se": "squeeze_excite",
    "se_module": "squeeze_excite",
    "squeeze_excitation": "squeeze_excite",
    "conv_norm_act": "conv_bn",
    "conv_bn_act": "conv_bn",
    "inverted_residual": "inverted",
}


def label_of(path: str) -> str:
    """Return the name of a module without numbers: `layer` for `layer1.0`."""
    for part in reversed(path.split(".")):
        word = plain_name(part)
        if word:
            return word
    return ""


def plain_name(text: str) -> str:
    """Return a text as a name, in small letters, without the numbers at its end."""
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", text).lower()
    word = re.sub(r"(?<=_)([a-z]{1,2})_([a-z]{1,2})(?=_|$)", r"\1\2", word)  # ConvNeXt is two words
    word = re.sub(r"\W", "_", word)
    word = re.sub(r"[_\d]+[a-z]?$", "", word).strip("_")
    return word if word and not word[0].isdigit() else ""


def is_telling(word: str) -> bool:
    """Return whether the name of a module says something."""
    plain = plain_name(word)
    return bool(plain) and plain not in _CONTAINERS and _is_free(plain)


def unique(name: str, taken: Container[str]) -> str:
    """Return a name that is not taken: with a number if need be."""
    found, n = name, 2
    while found in taken:
        found = f"{name}{'_' if name[-1:].isdigit() else ''}{n}"
        n += 1
    return found


def block_name(block: Block, taken: Container[str]) -> str:
    """Return the name of a block: that of its modules if it says something, or what is in it."""
    return unique(telling_name(block) or described(block), taken)


def telling_name(block: Block) -> str:
    """Return what most members of a block are called, if that says something; or an empty text."""
    kinds = [plain_name(member.scope.kind) for member in block.members]
    words = [
        kind if kind and kind not in _CONTAINERS else _word(member.scope)
        for kind, member in zip(kinds, block.members)
    ]
    word, count = Counter(words).most_common(1)[0]
    word = "stage" if word.endswith("_stage") else _BETTER.get(word, word)
    if 2 * count <= len(words) or word in _CONTAINERS or not _is_free(word):
        return ""
    return word


def _word(scope: Scope) -> str:
    """Return what the path calls a scope; for a copy of an operator, what is around it."""
    word = label_of(scope.path)
    if word in BY_KEY and scope.is_numbered:
        return label_of(scope.path.rpartition(".")[0].rpartition(".")[0])
    return word


def _is_free(word: str) -> bool:
    taken = word in BY_KEY or word in RESERVED or word in GRAPH_WORDS
    is_word = len(word) > 1 and word != "chain" and not iskeyword(word)
    return is_word and not taken and name_fault(word) is None


def described(block: Block) -> str:
    """Return a name for a block from its operators."""
    items = block.items
    depths = {n for n, item in enumerate(items) if item.repeated}
    varied = any(len({*map(repr, block.column(n, COUNT))}) > 1 for n in depths)
    if varied or depths and all(map(_is_in_stage, items)):
        return "stage"
    joins = [item for item in items if item.join]
    if joins:
        keys = {item.key for item in items}
        word = {"add": "residual", "concat": "mixed", "mul": "gated"}.get(joins[-1].key, "joined")
        if word == "gated" and "globalavgpool" in keys:
            return "squeeze_excite"
        if word == "mixed" and any(source < 0 for source in joins[-1].sources):
            return "dense"
        if word == "residual":
            return "merge" if "upsample" in keys else _kind_of_residual(block)
        return word
    words: list[str] = []
    for item in items:
        parts = item.word.split("_") if item.called else [_SHORT.get(item.key, item.key)]
        words += [word for n, word in enumerate(parts) if n or not words or words[-1] != word]
    name = "_".join(words[:_MOST_WORDS]) or "part"
    return name if _is_free(name) else f"{name}_block"


def _kind_of_residual(block: Block) -> str:
    return "inverted" if "expand" in block.params else "residual"


def _is_in_stage(item: Item) -> bool:
    return item.called is not None or BY_KEY[item.key].pool


def layer_params(block: Block) -> list[str]:
    """Return names for the inputs of a block after the first: parameters that name layers."""
    names: list[str] = []
    for n in range(1, len(block.members[0].read)):
        readers = [item for item in block.items if ~n in item.sources]
        branches = [item.branch for item in readers if plain_name(item.branch)]
        names.append(parameter_name(branches[0] if branches else "skip", names))
    return names


def parameter_name(base: str, taken: Iterable[str]) -> str:
    """Return a name for a parameter like this one."""
    word = base if base.isidentifier() else "value"
    return unique(word, {*taken, *RESERVED, *BY_KEY})


def layer_name(
    item: Item,
    otherwise: str,
    taken: Container[str],
    automatic: re.Pattern[str],
    numbered: bool = True,
) -> str:
    """Return a name for a layer that others read: that of a module, or one from what it is.

    `automatic` matches the names that layers without a name have. One of several copies keeps the
    number in its name only if it is `numbered`.
    """
    words = [re.sub(r"\W", "_", word) for word in item.label.split(".")]
    for word in [*words, item.branch, otherwise or f"{item.word}_out"]:
        plain = plain_name(word)
        says = plain and plain not in _CONTAINERS | _ROWS and not automatic.match(word)
        word = word if numbered else plain
        if says and word not in BY_KEY and word not in RESERVED and not name_fault(word):
            break
    while True:
        found = unique(word, taken)
        if not automatic.match(found):
            return found
        word = f"{word}_out"
