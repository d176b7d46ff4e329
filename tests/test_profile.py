"""`profile` fills every field, and its times and memory make sense together.

If it cannot run, it says why.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import weakref
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.extras import install_command
from cnncalc.render import profile as render
from cnncalc.render.formats.table import Screen, console
from cnncalc.torch_backend.allocator import peak_of
from cnncalc.torch_backend.profile import profile as module
from cnncalc.torch_backend.profile.clock import Clock, Spread
from cnncalc.torch_backend.profile.profile import profile
from cnncalc.torch_backend.profile.settings import Settings

from .command import run, run_without
from .samples import SIAMESE, yaml

QUICK = Settings(warmup=1, repeat=3)
TRAINING = QUICK._replace(mode="training")
KEYS = {
    "schema_version",
    "spec",
    "name",
    "input",
    "device",
    "device_name",
    "torch",
    "cuda",
    "cudnn",
    "driver",
    "python",
    "threads",
    "dtype",
    "dtype_by",
    "mode",
    "warmup",
    "repeat",
    "compile",
    "channels_last",
    "batches",
    "out_of_memory",
    "diagnostics",
}
WORK = ("flops", "flops_per_second", "bytes", "bytes_per_second")


def test_a_training_profile_has_every_field() -> None:
    options = ("--device", "cpu", "--batch", "1,4", "--mode", "training")
    runs = ("--repeat", "3", "--warmup", "1")
    done = run("profile", "resnet18", *options, *runs, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    assert data.keys() >= KEYS
    assert [m["batch"] for m in data["batches"]] == [1, 4]
    for m in data["batches"]:
        latency = m["latency"]
        assert latency.keys() == {"median", "q1", "q3", "least", "runs"}
        assert 0 < latency["least"] <= latency["q1"] <= latency["median"] <= latency["q3"]
        assert m["images_per_second"] == pytest.approx(m["batch"] / latency["median"])
        assert all(m[key] > 0 for key in WORK)
        memory = m["memory"]
        assert memory["peak_allocated"] > memory["predicted_params"] > 0
        assert memory["peak_reserved"] is None  # the CPU's allocator reserves nothing
        predicted = memory["predicted_params"] + memory["predicted_activations"]
        assert memory["predicted"] == predicted
        assert memory["predicted_peak"] == pytest.approx(memory["peak_requested"], rel=0.01)
        assert len(m["layers"]) == len(cnncalc.analyze(cnncalc.load("resnet18")).rows)
        conv = next(layer for layer in m["layers"] if layer["path"] == "stem.conv1")
        assert all(conv[key] > 0 for key in ("seconds", "forward", "backward", *WORK))
        assert sum(op["layers"] for op in m["operators"]) == len(m["layers"])
        seconds = sum(layer["seconds"] for layer in m["layers"])
        assert sum(op["seconds"] for op in m["operators"]) == pytest.approx(seconds)
        assert sum(layer["flops"] for layer in m["layers"]) == m["flops"]


FLAT = "input: [3, 8, 8]\nlayers: [flatten, {linear: 20}, relu, {linear: 5}]"
PADDED = yaml("""
    input: [3, 20, 20]
    layers:
      - pad: 2
      - conv: {out: 4, kernel: 3}
      - batchnorm
      - conv: {out: 4, kernel: 3}
      - add: {a: [{conv: {out: 4, kernel: 1}}], b: []}
""")


@pytest.mark.parametrize("text", [FLAT, PADDED, SIAMESE])
def test_backward_stops_where_nothing_before_is_trained(text: str) -> None:
    """This is as torch counts it. The first layer with weights need not be the first layer."""
    spec = cnncalc.loads(text)
    (m,) = profile(spec, batches=[2], settings=TRAINING).measurements
    network = cnncalc.build(spec).train()
    with FlopCounterMode(display=False) as counter:
        y = network(*(torch.randn(2, *shape) for shape in cnncalc.analyze(spec).inputs.values()))
        outputs = y if isinstance(y, tuple) else (y,)
        torch.stack([output.mean() for output in outputs]).sum().backward()
    assert counter.get_total_flops() == m.flops


@pytest.mark.parametrize("mode", ["inference", "training"])
def test_flops_are_those_that_torch_counts(mode: Any) -> None:
    """Backward too: once more for weights, and once for the inputs of all layers but the first."""
    spec = cnncalc.load("vgg11")
    settings = QUICK._replace(mode=mode)
    (m,) = profile(spec, batches=[2], input=(3, 64, 64), settings=settings).measurements
    network = cnncalc.build(spec, input=(3, 64, 64)).train(mode == "training")
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(mode == "training"):
        y = network(torch.randn(2, 3, 64, 64))
        if mode == "training":
            y.mean().backward()
    assert counter.get_total_flops() == m.flops


def test_memory_is_what_the_tensors_take() -> None:
    """The allocations of this step are known: three tensors at once, the first held from before."""
    held = torch.ones(1 << 20)

    def step() -> None:
        a = held * 2
        b = a * 2
        del a, b
        held * 3

    peak = peak_of(step, [held], torch.device("cpu"))
    assert peak.allocated == pytest.approx(3 * 4 << 20, rel=0.001)


def test_training_keeps_what_backward_needs() -> None:
    spec = cnncalc.load("vgg11")
    (training,) = profile(spec, batches=[4], input=(3, 64, 64), settings=TRAINING).measurements
    (inference,) = profile(spec, batches=[4], input=(3, 64, 64), settings=QUICK).measurements
    params = cnncalc.analyze(spec, input=(3, 64, 64)).totals.param_bytes
    assert inference.peak.allocated < inference.predicted_params + inference.predicted_activations
    assert training.peak.allocated > 2 * params > inference.peak.allocated > params
    for found in (inference, training):
        assert found.predicted_peak == pytest.approx(found.peak.requested, rel=0.001)
    assert training.latency.median > inference.latency.median


def test_a_slow_layer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An activation sleeps, both forward and backward."""
    spec = cnncalc.load("lenet5_modern")

    class Sleeps(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            time.sleep(0.02)
            return x.clone()

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            time.sleep(0.05)
            return gradient

    right = module.assemble

    def slow(*arguments: Any) -> Any:
        network = right(*arguments)
        network.get_submodule("tanh2").forward = Sleeps.apply
        return network

    monkeypatch.setattr(module, "assemble", slow)
    (m,) = profile(spec, batches=[1], settings=TRAINING).measurements
    assert m.layers is not None
    slowest = max(m.layers, key=lambda layer: layer.seconds)
    assert slowest.row.path == "tanh2"
    assert slowest.time.forward >= 0.02 and (slowest.time.backward or 0) >= 0.05
    assert sum(layer.seconds for layer in m.layers if layer is not slowest) < slowest.seconds


@pytest.mark.parametrize(("share", "reliable"), [(7.49, False), (1.1, True), (0.1, False)])
def test_times_that_contradict_each_other_are_called_unreliable(
    share: float, reliable: bool
) -> None:
    found = profile(cnncalc.load("lenet5"), settings=QUICK)
    (one,) = found.measurements
    layers = sum(layer.seconds for layer in one.layers or ())
    one = one._replace(latency=Spread.of([layers / share] * 3))
    found = found._replace(measurements=[one])
    (data,) = json.loads(render.json("lenet5", found).written())["batches"]
    table = Screen(render.table("lenet5", found, 100), console()).written()
    wanted = None if reliable else f"the layers add up to {share:.0%} of the latency"
    assert data["unreliable"] == wanted
    assert ("unreliable" in table) == (not reliable)


def test_runs_are_summarized_and_timed() -> None:
    values = [0.5, 0.1, 0.3, 0.2, 0.4]
    assert Spread.of(values) == (statistics.median(values), 0.2, 0.4, 0.1, 5)
    assert Spread.of([0.7]) == (0.7, 0.7, 0.7, 0.7, 1)
    clock = Clock(torch.device("cpu"))
    start = clock.mark()
    time.sleep(0.01)
    assert 0.01 <= clock.seconds(start, clock.mark()) < 0.1


FAULTS = """
import resource

import torch

from cnncalc.torch_backend.allocator import settle


def faults() -> int:
    x = torch.ones(400_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        copy, inner, x = torch.ones_like(x), torch.ones_like(x), torch.ones_like(x)
        del copy, inner
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


settle(torch.device("cpu"))
faults()
print(faults())
"""


def test_times_do_not_depend_on_what_ran_before() -> None:
    """A small network takes no new memory from the system, as after a large batch."""
    call = [sys.executable, "-c", FAULTS]
    done = subprocess.run(call, check=True, capture_output=True, text=True)
    assert int(done.stdout) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "bfloat16"},
        {"dtype": "bfloat16", "autocast": True},
        {"dtype": "float16"},
        {"channels_last": True},
        {"dtype": "bfloat16", "mode": "training"},
        {"mode": "training", "channels_last": True},
    ],
)
def test_types_and_layouts_are_measured(changes: dict[str, Any]) -> None:
    settings = QUICK._replace(**changes)
    found = profile(cnncalc.load("resnet18"), batches=[1], input=(3, 64, 64), settings=settings)
    assert found.measurements[0].latency.median > 0
    by = "cast"
    if settings.dtype == "float32":
        by = "as is"
    elif changes.get("autocast") or settings.training:
        by = "autocast"
    assert settings.by == by


def test_a_compiled_network_has_no_layers() -> None:
    found = profile(cnncalc.load("three_conv"), batches=[1], settings=QUICK._replace(compile=True))
    assert found.measurements[0].layers is None and found.measurements[0].operators == {}
    assert found.measurements[0].latency.median > 0


def test_several_inputs_and_outputs_are_measured() -> None:
    (m,) = profile(cnncalc.loads(SIAMESE), batches=[2], settings=TRAINING).measurements
    assert m.layers is not None and len(m.layers) == 10


def refuses(batch: int) -> Any:
    """Make `measure` run out of memory from `batch` images on."""
    right = module.measure

    def measure(network: Any, report: Any, *arguments: Any) -> Any:
        if report.batch >= batch:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return right(network, report, *arguments)

    return measure


def test_out_of_memory_says_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measure", refuses(5))
    spec = cnncalc.load("three_conv")
    found = profile(spec, batches=[8, 1, 3], settings=QUICK)
    assert ([m.batch for m in found.measurements], found.too_large, found.fits) == ([1, 3], 8, 3)
    assert "batch 8 does not fit in the memory of cpu; batch 3 fits" in found.diagnostics[0].message
    found = profile(spec, batches=[64], settings=QUICK)
    assert (found.measurements, found.too_large, found.fits) == ([], 64, 4)
    monkeypatch.setattr(module, "measure", refuses(1))
    assert "not even batch 1" in profile(spec, batches=[4], settings=QUICK).diagnostics[0].message


def test_what_a_failed_batch_took_is_free_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the error's frames would hold tensors, and half the batch would not fit either."""
    alive: list[weakref.ref] = []

    def measure(network: Any, report: Any, *arguments: Any) -> Any:
        assert not any(tensor() is not None for tensor in alive)
        big = torch.zeros(1000)
        alive.append(weakref.ref(big))
        raise torch.OutOfMemoryError(f"CUDA out of memory, {big.numel()} values")

    monkeypatch.setattr(module, "measure", measure)
    assert profile(cnncalc.load("three_conv"), batches=[64], settings=QUICK).fits is None
    assert len(alive) == 7


def test_a_batch_larger_than_the_memory_is_not_tried() -> None:
    options = ("--batch", "1,100000000", "--repeat", "1", "--warmup", "0")
    done = run("profile", "lenet5_modern", *options)
    assert done.returncode == 1
    said = "batch 100,000,000 does not fit in the memory of cpu; batch 1 fits"
    assert f"error[CNN407]: {said}" in done.stderr
    assert "images/s" in done.stdout


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("mode", ["inference", "training"])
def test_tables_fit_their_terminals(width: int, mode: str) -> None:
    options = ("--input", "3x64x64", "--repeat", "1", "--warmup", "0", "--mode", mode)
    done = run("profile", "googlenet", *options, COLUMNS=str(width))
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= width
    assert "operator" in done.stdout and "images/s" in done.stdout and "█" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--batch", "0"), "CNN111", "--batch takes a number from 1"),
        (("--batch", "1,x"), "CNN111", "--batch takes numbers such as 1,8,64, not `1,x`"),
        (("--device", "cuda:3"), "CNN402", "cuda:3"),
        (("--device", "meta"), "CNN402", "unknown device `meta`"),
        (("--dtype", "tf32"), "CNN402", "tf32 needs an NVIDIA GPU"),
        (("--warmup", "-1"), "CNN111", "--warmup"),
        (("--repeat", "0"), "CNN111", "--repeat"),
        (("--input", "3x4x4"), "CNN204", "does not fit"),
    ],
)
def test_bad_options_are_refused(arguments: tuple[str, ...], code: str, said: str) -> None:
    done = run("profile", "alexnet", *arguments)
    assert done.returncode == (1 if code == "CNN204" else 2), done.stderr
    assert done.stdout == ""
    assert f"error[{code}]" in done.stderr and said in done.stderr


def test_unknown_types_and_modes_are_refused() -> None:
    for arguments in (("--dtype", "float8"), ("--mode", "sleeping")):
        done = run("profile", "alexnet", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert arguments[1] in done.stderr and "Traceback" not in done.stderr


def test_channels_last_needs_a_map() -> None:
    spec = cnncalc.loads("input: [3, 40]\nlayers: [{conv: {out: 4, kernel: 3}}]")
    with pytest.raises(cnncalc.Mistake, match="two or three spatial axes"):
        profile(spec, settings=QUICK._replace(channels_last=True))


def test_without_torch_an_error_says_how_to_install_it() -> None:
    done = run_without("torch", "profile", "lenet5")
    assert done.returncode == 2
    help = f"   = help: {install_command('torch')}\n"
    assert done.stderr == f"error[CNN401]: torch is not installed\n{help}"
