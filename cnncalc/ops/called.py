"""A call of torch in someone's network, from which an importer finds the operator that it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..num import Shape


class Called(NamedTuple):
    """One call, with its tensors as here: channels first, without the batch.

    `settings` are its arguments that are not tensors, by torch's names; one value for all axes is
    one number. `defaults` are the names of those that have torch's default. `weights` are the
    shapes of its parameters and buffers, by the names of the arguments, and `buffers` the names of
    the latter; `trained` are the shapes of what is trained instead, if that differs. `xs` are the
    shapes of its other tensors, and y is that of its result. With `key`, it is known which operator
    it is, and the settings are its fields.
    """

    name: str
    settings: Mapping[str, Any]
    defaults: frozenset[str]
    weights: Mapping[str, Shape]
    xs: tuple[Shape, ...]
    y: Shape
    buffers: frozenset[str] = frozenset()
    trained: tuple[Shape, ...] = ()
    key: str = ""
