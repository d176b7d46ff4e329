"""Conditions that several operators state about their fields and inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..diagnostic import Diagnostic
from ..num import Shape
from .base import (
    Need,
)

if TYPE_CHECKING:
    pass


def one_of(op: Any, fields: tuple[str, ...]) -> Need:
    """Return the condition that exactly one of the fields is given."""
    given = [f for f in fields if getattr(op, f) is not None]
    known = ", ".join(f"`{field}`" for field in fields)
    text = f"`{op.key}` needs exactly one of {known}, but {len(given)} are given"
    return Need(len(given) - 1, lambda: Diagnostic("CNN102", text), True)


def like_fits(x: Shape, other: Shape) -> Need:
    """Return the condition that the layer named by `like` has as many axes."""
    return Need(
        len(other) - len(x),
        lambda: Diagnostic(
            "CNN201",
            f"`like` names a {len(other) - 1}-D layer, but the input is {len(x) - 1}-D",
        ),
        True,
    )
