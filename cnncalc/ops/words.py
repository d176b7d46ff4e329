"""What words of torch, Keras, TensorFlow, ONNX and Caffe mean here, from the operators' tables.

A word is looked up in its plain form: `nn.BatchNorm2d`, `batch_norm_2d` and `BatchNorm` are
`batchnorm`, unless a table has the longer form.
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from . import OPS
from .base import Op
from .meanings import SAME_BODY, Meaning

_NUMBER_OF_AXES = re.compile(r"[123]d")
_AROUND = re.compile(r"lazy|layer\Z")  # LazyConv2d, DenseLayer


class Translation(NamedTuple):
    """An operator, and how a layer's body changes with the word."""

    op: type[Op]
    meaning: Meaning


def plain_forms(word: str) -> tuple[str, ...]:
    """Return the forms in which a word is looked up, the longest first.

    >>> plain_forms("torch.nn.LazyConv2d")
    ('lazyconv2d', 'lazyconv', 'conv2d', 'conv')
    """
    exact = re.sub(r"[^a-z0-9]", "", word.rpartition(".")[2].lower())
    without = _AROUND.sub("", exact)
    forms = (exact, _NUMBER_OF_AXES.sub("", exact), without, _NUMBER_OF_AXES.sub("", without))
    return tuple(dict.fromkeys(form for form in forms if form))


@cache
def translations() -> dict[str, Translation]:
    """Return each word of the operators' tables, in its plain form, and the operators' own."""
    found: dict[str, Translation] = {}
    for op in OPS:  # the class's own words: those of a base class do not mean its subclasses
        own = vars(op)
        words = dict.fromkeys([op.key.replace("_", ""), *own.get("aliases", ())], SAME_BODY)
        words |= own.get("meanings", {})
        found |= {word: Translation(op, meaning) for word, meaning in words.items()}
    return found


@cache
def fields_by_alias() -> dict[str, list[str]]:
    """Return the names of fields elsewhere, with the fields that each name may mean."""
    found: dict[str, list[str]] = {}
    for op in OPS:
        for alias, field in op.field_aliases.items():
            meant = found.setdefault(alias, [])
            if field not in meant:
                meant.append(field)
    return found
