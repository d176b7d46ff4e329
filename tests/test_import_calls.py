"""Modules of one layer that call it, or what follows, in ways that are not followed or easy to get
wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from cnncalc.convert.from_torch import graph_of  # noqa: E402
from cnncalc.convert.importing import imported, traced  # noqa: E402
from cnncalc.convert.roll import rolled_spec  # noqa: E402
from cnncalc.diagnostic import Mistake  # noqa: E402

from .real import yolo_twin  # noqa: E402


class Calls(nn.Module):
    """A module with one layer, and what it computes with it."""

    def __init__(self, layer: nn.Module, forward: Callable[..., Any]):
        super().__init__()
        self.layer, self.computes = layer, forward

    def forward(self, *xs: Tensor) -> Any:
        return self.computes(self.layer, *xs)


@pytest.mark.parametrize(
    ("layer", "forward", "shapes"),
    [
        (nn.LSTM(5, 6, batch_first=True), lambda m, x: m(x)[1][0][-1], [(7, 5)]),
        (
            nn.MultiheadAttention(8, 2, batch_first=True),
            lambda m, x, y: m(x, y, y)[0],
            [(5, 8), (6, 8)],
        ),
        (nn.Embedding(10, 4), lambda m, x: m(x.long()), [(7,)]),
        (nn.Conv2d(3, 4, 1), lambda m, x: m(x).mean((1, 2, 3)), [(3, 8, 8)]),
    ],
)
def test_what_cannot_be_followed_is_one_diagnostic(
    layer: nn.Module, forward: Callable[..., Any], shapes: list[tuple[int, ...]]
) -> None:
    with pytest.raises(Mistake) as caught:
        imported(traced(Calls(layer, forward), shapes, "net"))
    assert [d.code for d in caught.value.diagnostics] == ["CNN404"]


@pytest.mark.parametrize(
    ("how", "written"),
    [
        ({"scale_factor": 1.5, "mode": "bilinear"}, "{scale: 1.5, mode: bilinear}"),
        ({"scale_factor": 0.4}, "0.4"),
        ({"scale_factor": (2, 1.2), "mode": "bicubic"}, "{scale: [2, 1.2], mode: bicubic}"),
        ({"scale_factor": 2.5, "recompute_scale_factor": True}, "{size: 22}"),
        ({"scale_factor": 1.5, "mode": "area"}, "13"),
    ],
)
def test_positions_are_computed_from_factors_as_given(how: dict[str, Any], written: str) -> None:
    resized = Calls(nn.Conv2d(3, 4, 1), lambda m, x: functional.interpolate(m(x), **how))
    found = imported(traced(resized, [(3, 9, 9)], "net"))
    assert found.verified and found.held is not None and found.held.values, found.problems
    assert found.text.rstrip().endswith(f": {written}")


def test_no_layer_gets_a_name_that_the_language_has() -> None:
    """A row of pools that feeds a concat is called `to` by this module's names; that is a word."""
    network = yolo_twin.YOLOv8n()
    graph = graph_of(traced(network, [(3, 640, 640)], "net").trace).graph
    kinds = {path: type(module).__name__ for path, module in network.named_modules()}
    text = rolled_spec(graph, "net", kinds).text
    assert "name: to\n" not in text and text.count("\n") < 110
