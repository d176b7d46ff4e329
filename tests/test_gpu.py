"""An NVIDIA GPU confirms what no other device can: `pytest -m gpu tests/test_gpu.py`.

These tests need only torch, fvcore and pytest.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

import cnncalc
from cnncalc.torch_backend.hold.hold import hold
from cnncalc.torch_backend.profile.profile import profile
from cnncalc.torch_backend.profile.settings import Settings
from cnncalc.torch_backend.verify.verify import verify

from .command import run
from .twins import twin

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
TOTALS = {"vgg16": 138_357_544, "alexnet": 62_378_344, "alexnet_grouped": 60_965_224}
QUICK = Settings("cuda", warmup=1, repeat=3)


@pytest.mark.parametrize("name", [*TOTALS, "resnet18"])
def test_a_card_confirms_every_figure(name: str) -> None:
    """Its allocator confirms the bytes of each row, the CPU the outputs, and its kernels ran."""
    found = verify(cnncalc.load(name), device="cuda", batch=4, work=10**8)
    assert found.ok, found.diagnostics[:5]
    totals = {check.what: check for check in found.totals}
    assert totals["params"].measured == TOTALS.get(name, totals["params"].measured)
    assert totals["output_bytes"].measured == totals["output_bytes"].predicted > 0
    assert totals["tensor_bytes"].measured >= totals["param_bytes"].measured
    assert 0 < totals["output_error"].measured < 1e-4
    assert totals["kernels"].measured >= sum(bool(layer.row.macs) for layer in found.layers)
    checked = {check.what for layer in found.layers for check in layer.checks}
    assert {"output_bytes", "tensor_bytes", "activation_bytes", "macs"} <= checked


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dtype": "tf32"},
        {"dtype": "bfloat16", "mode": "training"},
        {"dtype": "float16", "channels_last": True},
    ],
)
def test_profile_measures_a_card(changes: dict[str, Any]) -> None:
    found = profile(cnncalc.load("resnet50"), batches=[1, 8], settings=QUICK._replace(**changes))
    for m in found.measurements:
        assert m.layers is not None
        assert 0.2 < sum(layer.seconds for layer in m.layers) / m.latency.median < 2
        assert (m.peak.reserved or 0) >= m.peak.allocated >= m.peak.requested > m.predicted_params
        assert m.peak.workspaces is not None
    assert found.environment["driver"] and found.environment["cuda"]


def test_the_peak_leaves_out_what_was_there_before() -> None:
    spec = cnncalc.load("three_conv")
    (alone,) = profile(spec, settings=QUICK).measurements
    other = torch.zeros(1 << 28, device="cuda")
    (beside,) = profile(spec, settings=QUICK).measurements
    assert beside.peak.requested == alone.peak.requested < other.nbytes


def test_compiling_prints_no_advice() -> None:
    options = ("--device", "cuda", "--compile", "--repeat", "2")
    done = run("profile", "three_conv", *options, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_batch_that_does_not_fit_is_halved() -> None:
    """The search halves the batch. The memory of a failed batch is free before the next one."""
    options = ("--device", "cuda", "--batch", "20000000")
    done = run("verify", "three_conv", *options, timeout=300)
    assert done.returncode == 1
    assert "error[CNN407]" in done.stderr and torch.cuda.get_device_name() in done.stderr
    assert "; batch " in done.stderr and "not even" not in done.stderr


def test_a_module_with_cudnns_batch_norm_agrees_with_its_spec() -> None:
    factory, _ = twin("resnet18")
    held = hold(cnncalc.load("resnet18"), factory(), device="cuda")
    assert held.ok, held.diagnostics
