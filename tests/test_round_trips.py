"""What is written in another form and read back is the same network.

CNNCALC_FULL=1 tries the source of every network; `tests.measured.round_trips` writes all as ONNX.
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
from .moves import differences_beyond_moves
from .samples import BUNDLED, FAMILIES, Bundled
from .trips import (
    TOLERANCE,
    differences,
    differences_after_onnx,
    differences_after_source,
    written_as_onnx,
)

WRITTEN = ("three_conv", "tcn")
# What the first difference is of networks whose source comes back otherwise: see `export.md`.
OTHERWISE = {
    "attention_unet": "upsample", "fcn_": "upsample", "deeplabv3_": "upsample",  # like a layer
    "cbam_": "globalavgpool and reduce", "lenet5": "avgpool and subsample",
    "nas_bench_201": "inplace", "pnasnet": "pad and conv", "nasnet_": "pad and conv",
    "retinanet_": "upsample", "mobilevit_": "linear and attention", "tcn": "pad and conv",
    "unet": "concat and crop", "skresnet18": "reduce",
}  # fmt: skip
SMALL = ("three_conv", "fully_connected", "lenet5", "squeezenet1_0", "crnn", "yolov8n")
SOURCES = FAMILIES if FULL else [one for one in BUNDLED if one.name in SMALL]


@pytest.mark.parametrize("name", WRITTEN)
def test_an_onnx_file_computes_the_same_and_comes_back(name: str, tmp_path: Path) -> None:
    spec, file = cnncalc.load(name), tmp_path / "net.onnx"
    assert written_as_onnx(spec, None, file) < TOLERANCE
    assert differences_after_onnx(spec, None, file) == []


@pytest.mark.parametrize("one", SOURCES, ids=lambda one: one.name)
def test_source_of_torch_comes_back_as_the_same_graph(one: Bundled) -> None:
    found = differences_after_source(one.spec, one.variant)
    families = (name for name in OTHERWISE if name.endswith("_") and one.name.startswith(name))
    kind = OTHERWISE.get(next(families, one.name))
    assert kind in found[0] if kind else found == []


def test_a_layer_that_reads_other_values_is_no_other_order_of_views() -> None:
    """Views may trade places; what computes has to read the same values in the same order."""
    text = "input: [4, 6, 6]\nlayers: [{}, {{linear: {{out: 3, over: last}}}}]\n"
    one, same, other = (
        cnncalc.loads(text.format(layers)).graph()
        for layers in (
            "{flatten: 1}, {permute: [1, 0]}, relu",
            "{permute: [1, 2, 0]}, relu, {reshape: [36, 4]}",
            "{permute: [2, 1, 0]}, relu, {reshape: [36, 4]}",
        )
    )
    assert [*differences(one, same)] and not [*differences_beyond_moves(one, same)]
    assert [*differences_beyond_moves(one, other)]


def test_mutated_onnx_files_raise_nothing_else(tmp_path: Path) -> None:
    assert onnx_fuzz.main(2000 if FULL else 100, 3) == 0
