"""What is written in another form and read back is the same network.

CNNCALC_FULL=1 tries all networks of `SOURCES`; `tests.measured.round_trips` tries every network.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import cnncalc

from .settings import FULL

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

from .benchmarks import onnx_fuzz
from .trips import (
    TOLERANCE,
    differences_after_onnx,
    differences_after_source,
    written_as_onnx,
)

WRITTEN = ("three_conv", "tcn")
# Networks whose source, imported, is the graph of the spec, node by node.
SOURCES = (
    "three_conv", "lenet5_modern", "cifar10_cnn", "fully_connected", "cifar10_keras",
    "squeezenet1_0", "resnet18", "seresnet18", "dla34", "shufflenet_v2_x1_0",
    "mobilenet_v3_large", "regnet_y_400mf",
    "densenet121", "dpn68", "darknet53", "vgg11",
)  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_an_onnx_file_computes_the_same_and_comes_back(name: str, tmp_path: Path) -> None:
    spec, file = cnncalc.load(name), tmp_path / "net.onnx"
    assert written_as_onnx(spec, None, file) < TOLERANCE
    assert differences_after_onnx(spec, None, file) == []


@pytest.mark.parametrize("name", SOURCES if FULL else SOURCES[:4])
def test_source_of_torch_comes_back_as_the_same_graph(name: str) -> None:
    assert differences_after_source(cnncalc.load(name), None) == []


def test_mutated_onnx_files_raise_nothing_else(tmp_path: Path) -> None:
    assert onnx_fuzz.main(2000 if FULL else 100, 3) == 0
