"""How a call of torch is read: by a function, of which the documents say what it makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ...trace import Call
from ..axes import Value
from ..layers import Unknown
from .draft import Draft


class Reader(NamedTuple):
    """A function that adds what a call computes, and returns its result.

    It raises Unknown if no operator computes that. `makes` says for the documents what becomes of
    the call; it is empty if that is the operator of the same name.
    """

    read: Callable[[Draft, Call], Any]
    makes: str = ""


def possible(value: Value | None) -> Value:
    """Return a tensor whose batch has stayed in its place.

    Errors: Unknown if it has not.
    """
    if value is None:
        raise Unknown("it moves the batch")
    return value
