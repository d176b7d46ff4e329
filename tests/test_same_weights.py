"""A module becomes a spec and a module again: both compute the same with the same weights.

`python -m tests.measured.round_trips weights RESULTS.jsonl` tries the twins of the bundled networks
and networks of timm.
"""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from .real import to_import
from .same_weights import differences_with_same_weights

IMAGE = [(3, 32, 32)]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("Residual", IMAGE),
        ("Functional", [(3, 28, 28)]),
        ("Twice", [(3, 16, 16)]),
        ("Neighbours", [(8, 6, 6)]),
        ("Two", [(1, 12, 12)] * 2),
        ("Upwards", IMAGE),
        ("Attending", IMAGE),
        ("Pyramid", IMAGE),
        ("Mixer", IMAGE),
        ("Einsums", [(3, 8, 8)]),
        ("Text", [(1, 32, 24)]),
        ("Dense", [(3, 16, 16)]),
        ("Blurred", [(3, 16, 16)]),
    ],
)
def test_the_spec_computes_what_the_module_does(name: str, shapes: list[tuple[int, ...]]) -> None:
    assert differences_with_same_weights(getattr(to_import, name)(), shapes) == []


def test_constants_by_which_a_weight_is_multiplied_are_not_compared() -> None:
    """The module scales standardized filters by 0.1, the layer of the spec by 1 / √27."""
    (why, _) = differences_with_same_weights(to_import.WithoutNorms(), [(3, 8, 8)])
    assert why == "values are not compared: the module computes the weights of `conv1` differently"
