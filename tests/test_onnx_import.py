"""ONNX files become specs: onnx infers the same shapes, and onnxruntime computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import cnncalc

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from . import onnx_cases  # noqa: E402
from .onnx_cases import CASES, Case  # noqa: E402
from .onnx_files import imported, run_both  # noqa: E402


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_node_is_the_operator_that_computes_the_same(case: Case, tmp_path: Path) -> None:
    path = onnx_cases.written(case, tmp_path / "net.onnx")
    found = imported(path)
    assert found.declared == []
    layers = cnncalc.loads(found.text).graph().nodes[1:]
    assert " ".join(node.op.key for node in layers if node.op) == case.keys
    for ours, theirs in run_both(path, found):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
