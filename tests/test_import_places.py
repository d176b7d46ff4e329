"""Import finds layers that look up, draw, undo and move: each by its operator's own class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import cnncalc
from cnncalc.convert.importing import import_network
from cnncalc.diagnostic import Mistake

from .deformed import deformable


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.kinds = nn.Embedding(20, 8, padding_idx=0), nn.Embedding(4, 8)
        self.image, self.conv = nn.Linear(12, 8), nn.Conv1d(8, 4, 3)

    def forward(self, image: Tensor, words: Tensor, kinds: Tensor) -> Tensor:
        y = self.words(words) + self.kinds(kinds) + self.image(image)
        return self.conv(y.transpose(1, 2))


class Random(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.by_ratio = nn.FractionalMaxPool2d(2, output_ratio=0.7)
        self.by_size = nn.FractionalMaxPool2d((2, 3), output_size=(4, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.by_size(self.by_ratio(self.conv(x)).relu())


class RandomVolumes(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.fractional_max_pool3d(x, 2, output_size=(3, 4, 5))


class Undone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2, 1, return_indices=True)
        self.unpool = nn.MaxUnpool2d(3, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        before = self.conv(x)
        y, places = self.pool(before)
        return self.unpool(y.relu(), places, output_size=before.shape)


class Places(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.MaxPool2d(2, return_indices=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.pool(x)


class OtherPlaces(Places):
    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        y, places = self.pool(x)
        return F.max_unpool2d(y, places.flip(-1), 2)


class Sampled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.place = nn.Linear(3 * 8 * 8, 6)

    def forward(self, x: Tensor) -> Tensor:
        matrix = self.place(x.flatten(1)).view(-1, 2, 3)
        grid = F.affine_grid(matrix, [len(x), 3, 6, 5], align_corners=True)
        return F.grid_sample(x, grid, "nearest", "border", align_corners=True)


class Columns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv1d(27, 18, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.fold(self.mix(F.unfold(x, 3, padding=1)), x.shape[2:], 3, padding=1)


class Moved(nn.Module):
    """As torchvision's DeformConv2d calls its operation."""

    def __init__(self, groups: int = 1, masked: bool = True) -> None:
        super().__init__()
        self.places = nn.Conv2d(4, 36, 3, 2, 1)
        self.factors = nn.Conv2d(4, 18, 3, 2, 1) if masked else None
        plain = nn.Conv2d(4, 6, 3, 2, 1, groups=groups, bias=masked)
        self.weight, self.bias, self.groups = plain.weight, plain.bias, groups

    def forward(self, x: Tensor) -> Tensor:
        at = x.device
        mask = (
            torch.zeros(len(x), 1, device=at) if self.factors is None else self.factors(x).sigmoid()
        )
        bias = torch.zeros(6, device=at) if self.bias is None else self.bias
        tensors = x, self.weight, self.places(x), mask, bias
        how = 2, 2, 1, 1, 1, 1, self.groups, 2, self.factors is not None
        found: Tensor = torch.ops.torchvision.deform_conv2d(*tensors, *how)
        return found.relu()


CASES = [
    ("Words", [(5, 12), (5,), (5,)], {}, ["embedding", "embedding"]),
    ("Random", [(3, 12, 14)], {}, ["fractional_maxpool", "fractional_maxpool"]),
    ("RandomVolumes", [(2, 9, 9, 9)], {}, ["fractional_maxpool"]),
    ("Undone", [(3, 9, 8)], {}, ["maxpool", "maxunpool"]),
    ("Sampled", [(3, 8, 8)], {}, ["affine_grid", "grid_sample"]),
    ("Columns", [(3, 8, 7)], {}, ["unfold", "fold"]),
    ("Moved", [(4, 8, 8)], {}, ["deform_conv"]),
    ("Moved", [(4, 8, 8)], {"groups": 2, "masked": False}, ["deform_conv"]),
]


@pytest.mark.parametrize(("name", "inputs", "kwargs", "keys"), CASES)
def test_each_is_an_operator_and_compared_with_the_module(
    name: str, inputs: list[tuple[int, ...]], kwargs: dict[str, int], keys: list[str]
) -> None:
    with deformable():
        found = import_network(f"{__file__}:{name}", inputs, kwargs=kwargs)
    assert found.verified and not found.declared and not found.problems, found.problems
    graph = cnncalc.loads(found.text).graph()
    made = [node.op.key for node in graph.nodes if node.op is not None]
    assert [key for key in made if key in set(keys)] == keys, found.text
    integers = [node.integers for node in graph.inputs]
    assert integers == ([False, True, True] if name == "Words" else [False])


@pytest.mark.parametrize("name", ["Places", "OtherPlaces"])
def test_places_are_no_numbers(name: str) -> None:
    with pytest.raises(Mistake, match=r"CNN404.*its result is not a tensor"):
        import_network(f"{__file__}:{name}", [(3, 8, 8)])


def test_pools_of_onnx_are_undone(tmp_path: Path) -> None:
    onnx_cases, helper = _onnx()
    window = {"kernel_shape": [2, 3], "strides": [2, 3]}
    nodes = [
        helper.make_node("MaxPool", ["x"], ["y", "places"], **window),
        helper.make_node("Relu", ["y"], ["z"]),
        helper.make_node("MaxUnpool", ["z", "places"], ["u"], **window),
    ]
    path = onnx_cases.saved(nodes, {"x": (2, 4, 8, 9)}, ["u"], [], tmp_path / "net.onnx")
    assert _agrees(path) == ["maxpool", "relu", "maxunpool"]


def test_rows_of_onnx_are_looked_up(tmp_path: Path) -> None:
    onnx_cases, helper = _onnx()
    onnx = pytest.importorskip("onnx")
    table = onnx.numpy_helper.from_array(onnx_cases.random_weights("w", (7, 6)), "w")
    nodes = [
        helper.make_node("Gather", ["w", "tokens"], ["rows"]),
        helper.make_node("Transpose", ["rows"], ["y"], perm=[0, 2, 1]),
    ]
    given = helper.make_tensor_value_info("tokens", onnx.TensorProto.INT64, (2, 5))
    returned = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (2, 6, 5))
    graph = helper.make_graph(nodes, "net", [given], [returned], [table])
    opset = [helper.make_opsetid("", 17)]
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    assert _agrees(path) == ["embedding", "permute"]


def _onnx() -> tuple[Any, Any]:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from . import onnx_cases

    return onnx_cases, onnx.helper


def _agrees(path: Path) -> list[str]:
    """Return the operators of a file, whose values are those of onnxruntime."""
    from .onnx_files import imported, run_both

    found = imported(path)
    assert found.declared == []
    for ours, theirs in run_both(path, found):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    return [node.op.key for node in cnncalc.loads(found.text).graph().nodes if node.op]
