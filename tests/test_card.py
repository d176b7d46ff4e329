"""Code for graphics cards runs on a fake one, which is the CPU.

test_gpu.py tests what only a real card can confirm.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.torch_backend import allocator as memory
from cnncalc.torch_backend import device
from cnncalc.torch_backend.aten import steps
from cnncalc.torch_backend.hold.hold import hold
from cnncalc.torch_backend.profile import clock
from cnncalc.torch_backend.profile.clock import Clock
from cnncalc.torch_backend.profile.layer_times import layer_times

from .command import ROOT, code_of, python_path, run, run_code, run_python
from .samples import yaml

FAKE = {"FAKE_CUDA": "1", "PYTHONPATH": python_path(ROOT / "tests" / "fake_cuda")}
CARD = "NVIDIA FAKE 80GB"
ON_CARD = ("--device", "cuda")


def on_fake(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `cnncalc` so that torch sees a card."""
    return run(*arguments, timeout=240, **FAKE, **environment)


# verify


def test_verify_runs_on_the_second_card() -> None:
    """The allocator confirms the bytes of each row, the CPU the outputs, and the card is named."""
    options = ("--device", "cuda:1", "--batch", "4", "--format", "json")
    done = on_fake("verify", "lenet5_modern", *options, FAKE_COUNT="2")
    network = json.loads(done.stdout)["networks"][0]
    assert (done.returncode, network["ok"]) == (0, True), done.stderr
    assert (network["device"], network["device_name"]) == ("cuda:1", CARD)
    first = {check["what"]: check for check in network["layers"][0]["checks"]}
    of_output = first["output_bytes"]
    assert of_output["predicted"] == of_output["measured"] == 4 * 6 * 28 * 28 * 4
    assert first["tensor_bytes"]["measured"] == (6 * 25 + 6) * 4
    totals = {check["what"]: check for check in network["totals"]}
    assert totals["output_error"]["measured"] == 0 and totals["output_error"]["ok"]
    assert totals["kernels"]["ok"] is None  # the fake card has none
    done = on_fake("verify", "three_conv", *ON_CARD)
    assert f"built on {CARD} (cuda)" in done.stdout


def test_a_wrong_byte_is_found_by_the_allocator() -> None:
    """Batch norm's counter has eight bytes. If four are predicted, the allocator disagrees."""
    fault = "from cnncalc.analysis.memory import storage\nstorage.COUNTER = ''\n"
    spec = "input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 3}}, batchnorm]\n"
    found = run_code(fault + code_of("verify", "-", *ON_CARD), stdin=spec, **FAKE)
    assert found.returncode == 1
    assert "batchnorm1: tensor_bytes: predicted 68, measured 72 by the allocator" in found.stderr


@pytest.mark.parametrize(
    ("room", "batch", "said"), [("5", "64", "batch 4 fits"), ("1", "2", "batch 1 fits")]
)
@pytest.mark.parametrize(
    "command",
    [
        ("verify", "lenet5_modern"),
        ("verify", "lenet5_modern", "--module", "tests.models:lenet5_modern"),
        ("profile", "lenet5_modern"),
    ],
)
def test_the_largest_batch_that_fits_is_reported(
    command: tuple[str, ...], room: str, batch: str, said: str
) -> None:
    done = on_fake(*command, *ON_CARD, "--batch", batch, FAKE_ROOM=room)
    assert done.returncode == 1
    error = f"batch {batch} does not fit in the memory of {CARD} (cuda); {said}"
    assert f"error[CNN407]: {error}" in done.stderr, done.stderr


def test_there_is_no_second_card() -> None:
    done = on_fake("verify", "lenet5_modern", "--device", "cuda:1")
    assert done.returncode == 2
    assert "there is no cuda:1" in done.stderr
    assert "the GPUs are cuda:0" in done.stderr


# profile


@pytest.mark.parametrize(
    "options",
    [
        ("--dtype", "tf32"),
        ("--dtype", "bfloat16", "--mode", "training"),
        ("--dtype", "float16", "--channels-last"),
        ("--mode", "training", "--channels-last"),
        ("--batch", "1,3,8"),
    ],
)
def test_profile_measures_a_card(options: tuple[str, ...], tmp_path: Path) -> None:
    log = tmp_path / "asked"
    usual = (*ON_CARD, "--repeat", "2", "--format", "json")
    done = on_fake("profile", "cifar10_cnn", *usual, *options, FAKE_LOG=str(log))
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert [m["batch"] for m in data["batches"]] == ([1, 3, 8] if options[0] == "--batch" else [1])
    asked = log.read_text().splitlines()
    for m in data["batches"]:
        kept = m["memory"]
        assert kept["peak_reserved"] > kept["peak_allocated"] >= kept["peak_requested"] > 0
        assert kept["workspaces"] >= 0
    # Each run by layer is launched while the card waits.
    assert asked.count("_sleep") == 3 * len(data["batches"])
    assert asked.count("reset_peak_memory_stats") == len(data["batches"])


def test_tables_name_the_card() -> None:
    done = on_fake("profile", "three_conv", *ON_CARD, "--repeat", "2", COLUMNS="130")
    assert done.returncode == 0
    assert f"{CARD} (cuda), torch {torch.__version__}, CUDA" in done.stdout
    assert "after at least 3 warm-up runs and 0.3 s" in done.stdout
    assert "without the gaps between launches" in done.stdout
    assert "workspaces" in done.stdout and "reserved" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 130


def test_tf32_needs_capability_8() -> None:
    options = (*ON_CARD, "--dtype", "tf32")
    done = on_fake("profile", "three_conv", *options, FAKE_CAPABILITY="7.5")
    assert done.returncode == 2
    assert f"tf32 needs compute capability 8.0; {CARD} (cuda) has 7.5" in done.stderr


# the record


def recorded(folder: Path, *arguments: str, **environment: str) -> tuple[dict[str, Any], str]:
    """Return what `record.py` keeps and prints for a fake card."""
    usual = (*ON_CARD, "--batches", "1,2", "--repeat", "1", "--out", str(folder))
    done = run_python(
        "tests/measured/record.py", *usual, *arguments, timeout=240, **FAKE, **environment
    )
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["cuda.json"]
    return json.loads((folder / "cuda.json").read_text()), done.stdout


def test_a_type_that_cannot_be_had_takes_no_other_with_it(tmp_path: Path) -> None:
    options = ("--types", "float16,float32", "--modes", "inference")
    found, said = recorded(tmp_path, "--networks", "three_conv", *options, FAKE_REFUSES="float16")
    entry = found["networks"]["three_conv"]
    assert entry["verify"]["ok"]
    assert [run["dtype"] for run in entry["profile"]] == ["float32"]
    assert "float16, inference: Mistake" in entry["errors"][0]
    assert "not supported by this card" in said
    assert [m["batch"] for m in entry["profile"][0]["batches"]] == [1, 2]
    assert found["environment"]["device_name"] == CARD


def test_a_cut_loses_one_run(tmp_path: Path) -> None:
    """One profile never ends. The runs before it are kept, and later runs are not started."""
    endless = ("--modes", "inference", "--repeat", "1000000000", "--seconds", "15")
    found, said = recorded(tmp_path, "--networks", "three_conv,lenet5", *endless)
    assert "three_conv was cut short" in said
    assert "lenet5 was not started" in said
    entry = found["networks"]["three_conv"]
    assert entry["verify"]["ok"]
    assert not entry["profile"]


# the pieces


PRECISION = """
import itertools
import torch
from cnncalc.torch_backend.precision import float32_precision, precision_in_force, set_precision

TOP = ("generic", "all")
SWITCHES = [TOP, *itertools.product(("cuda", "mkldnn"), ("all", "conv", "matmul", "rnn"))]
CHOSEN = (TOP, ("cuda", "all"), ("cuda", "conv"), ("mkldnn", "matmul"))

def in_force():
    # under each setting of the one above them all: set and inherited look alike otherwise
    top = precision_in_force(TOP)
    found = []
    for value in (top, "none", "ieee", "tf32", top):
        set_precision(TOP, value)
        found += [precision_in_force(switch) for switch in SWITCHES]
    return found

def try_all():
    before = in_force()
    for name, tf32 in itertools.product(("cpu", "cuda"), (False, True)):
        with float32_precision(tf32, torch.device(name)):
            library = "cuda" if name == "cuda" else "mkldnn"
            wanted = {"tf32" if tf32 else "ieee"}
            assert {precision_in_force((library, p)) for p in ("conv", "matmul")} == wanted
        assert in_force() == before, (name, tf32)

try_all()  # torch's defaults
older = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
assert older == ("highest", True)
for values in itertools.product(("none", "ieee", "tf32"), repeat=4):
    for switch, value in zip(CHOSEN, values):
        set_precision(switch, value)
    try_all()
from cnncalc.torch_backend.profile.profile import profile
import cnncalc
torch.backends.fp32_precision = "tf32"
torch.backends.cudnn.conv.fp32_precision = "ieee"
before = in_force()
assert profile(cnncalc.load("three_conv")).measurements and in_force() == before
"""


def test_precision_switches_are_left_as_they_were() -> None:
    """This needs its own process, because a switch that was set never gets its default back."""
    done = run_code(PRECISION)
    assert done.returncode == 0, done.stderr


class Other(nn.Module):
    """A network of one convolution and its norm, with kernels that only a card has."""

    def __init__(self, fused: bool):
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1, bias=fused)
        self.norm = nn.BatchNorm2d(8)
        self.fused = fused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        aten, norm, window = torch.ops.aten, self.norm, ([1, 1], [1, 1], [1, 1], 1)
        statistics = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        if self.fused:
            y = aten.cudnn_convolution_relu(x, self.conv.weight, self.conv.bias, *window)
        else:
            y = aten.cudnn_convolution(x, self.conv.weight, *window, False, False, False)
        y = aten.cudnn_batch_norm(y, *statistics, False, 0.1, 1e-5)[0]
        return y if self.fused else torch.relu(y)


@pytest.fixture
def kernels() -> Any:
    """Give torch the shapes of cuDNN's kernels, which it has only on cards."""
    library = torch.library.Library("aten", "IMPL", "Meta")

    def same_size(x: torch.Tensor, weight: torch.Tensor, *given: Any) -> torch.Tensor:
        return x.new_empty((x.shape[0], weight.shape[0], *x.shape[2:]))

    for name in ("cudnn_convolution", "cudnn_convolution_relu"):
        library.impl(name, same_size)
    yield
    library._destroy()


@pytest.mark.parametrize(
    ("fused", "layers"),
    [
        (False, "{conv: {out: 8, kernel: 3, padding: 1, bias: false}}, batchnorm, relu"),
        (True, "{conv: {out: 8, kernel: 3, padding: 1}}, relu, batchnorm"),
    ],
)
def test_cudnns_kernels_are_the_operators_they_compute(
    fused: bool, layers: str, kernels: Any
) -> None:
    text = f"input: [4, 8, 8]\nlayers: [{layers}]"
    held = hold(cnncalc.loads(text), Other(fused), device="meta")
    # torch's counter has no rule for their MACs.
    differing = [d for d in held.diagnostics if "MACs" not in d.message]
    assert not differing, differing
    padded = cnncalc.loads(text.replace("padding: 1", "padding: 2"))
    other = hold(padded, Other(fused), device="meta")
    assert any("padding 2" in (d.equation or "") for d in other.diagnostics)


# Names of backends that are not operators of a network: set-up, optimizers, recurrent layers,
# quantization.
ELSEWHERE = {
    "rnn",
    "rnn_flatten_weight",
    "rnn_layer",
    "init_dropout_state",
    "is_acceptable",
    "available",
    "reorder_conv2d_weight",
    "reorder_conv3d_weight",
    "adagrad",
    "adam",
    "adamw",
    "sgd",
    "sdp_choice",
    "multi_head_attention",
    "moving_avg_obs_fq_helper",
    "moving_avg_obs_fq_helper_functional",
    "moving_avg_obs_fake_quant",
    "padded_dense_to_jagged",
    "jagged_to_padded_dense",
}


BACKENDS = re.compile(
    r"_?(cudnn|miopen|mkldnn|mps|native|nnpack|fused|slow|thnn"
    r"|scaled_dot_product|conv_depthwise|addmm_activation)"
)


def test_every_backends_kernel_has_the_name_of_an_operator() -> None:
    """Check this with torch's own registry.

    Without its backend, a kernel's name must be the name of an operator that every device has.
    """
    registered = torch._C._dispatch_get_all_op_names()
    names = {
        name.partition("::")[2].partition(".")[0]
        for name in registered
        if name.startswith("aten::")
    }
    operators = {name.strip("_") for name in names} | {"conv_transpose"}
    found = {
        name: steps(name)
        for name in names
        if BACKENDS.match(name) and "backward" not in name and not name.endswith("_")
    }
    assert len(found) > 50
    for name, several in found.items():
        for operator, *_ in several:
            assert operator in operators | ELSEWHERE, name
            assert not BACKENDS.match(operator) or operator == "scaled_dot_product_attention", name


def test_out_of_memory_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    certain = (
        "CUDA out of memory. Tried to allocate 2 GiB",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
        "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    )
    assert all(memory.is_out_of_memory(RuntimeError(text)) for text in certain)
    likely = (
        "FIND was unable to find an engine to execute this computation",
        "GET was unable to find an engine to execute this computation",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
    )
    for scarce in (True, False):
        monkeypatch.setattr(memory, "is_scarce", lambda scarce=scarce: scarce)
        assert all(memory.is_out_of_memory(RuntimeError(text)) is scarce for text in likely)
    assert not memory.is_out_of_memory(RuntimeError("shapes cannot be multiplied"))
    assert not memory.is_out_of_memory(ValueError("out of memory"))


def test_a_layers_time_includes_the_padding_before_it() -> None:
    """A convolution pads unevenly in its own hook. If the hook is slow, its layer is slow."""
    text = yaml("""
        input: [3, 16, 16]
        layers:
          - conv: {out: 4, kernel: 3, padding: [[0, 1], [2, 0]]}
          - relu
    """)
    network = cnncalc.build(cnncalc.loads(text)).eval()
    (path, _, _), *_ = network.plan
    conv = network.get_submodule(path)
    pad = conv._forward_pre_hooks.popitem()[1]

    def slow(module: Any, inputs: Any) -> Any:
        end = clock.time.perf_counter() + 0.01
        while clock.time.perf_counter() < end:
            pass
        return pad(module, inputs)

    conv.register_forward_pre_hook(slow)
    x = torch.randn(1, 3, 16, 16)

    def step() -> None:
        with torch.no_grad():
            network(x)

    first, second = layer_times(network, step, Clock(torch.device("cpu")), 3, lambda: None)
    assert first.forward >= 0.01 > second.forward


def test_a_card_is_warm_before_it_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr(clock.time, "perf_counter", lambda: next(times) / 10)
    steps_run: list[int] = []
    own = Clock(torch.device("cpu"))
    own.warm_up(lambda: steps_run.append(1), 2)
    assert len(steps_run) == 2
    own.gpu, own.wait = True, lambda: None  # type: ignore[method-assign]
    steps_run.clear()
    own.warm_up(lambda: steps_run.append(1), 1)
    assert len(steps_run) == 3  # until 0.3 s are over
    steps_run.clear()
    own.warm_up(lambda: steps_run.append(1), 0)
    assert not steps_run


def test_a_module_put_in_place_of_a_layer_runs() -> None:
    """A network looks up its layers again in each run, without the checks of `get_submodule`."""
    network = cnncalc.build(cnncalc.load("lenet5_modern")).eval()
    network.output = nn.Linear(84, 3)
    with torch.no_grad():
        assert network(torch.randn(2, 1, 32, 32)).shape == (2, 3)


def test_the_driver_is_asked_of_nvidia_smi_where_there_is_no_proc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(path: Path) -> str:
        raise FileNotFoundError(path)

    smi = tmp_path / "nvidia-smi"
    smi.write_text('#!/bin/sh\necho "580.65.06"\n')
    smi.chmod(0o755)
    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda which: None)
    assert device.driver() is None
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert device.driver() == "580.65.06"
