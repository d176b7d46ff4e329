"""`verify --memory` agrees with torch, and finds each kind of rule that is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.summary import summary
from cnncalc.analysis.memory.timeline import Step
from cnncalc.ops.activation import Relu
from cnncalc.ops.adaptive import GlobalAvgPool
from cnncalc.ops.conv import Conv
from cnncalc.ops.kept import Extra
from cnncalc.ops.linear import Linear
from cnncalc.ops.pool import MaxPool
from cnncalc.torch_backend.allocations import bytes_of, recorded
from cnncalc.torch_backend.allocator import held_by
from cnncalc.torch_backend.build import assemble
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.memory_measured import measured_run, saved_by_layer
from cnncalc.torch_backend.verify.memory_step import OPTIMIZERS, MemoryStep
from cnncalc.torch_backend.verify.result import Verification

from .command import ROOT, code_of, python_path, run, run_code, run_python
from .samples import SIAMESE, yaml

CPU = torch.device("cpu")
SPEC = yaml("""
    input: [4, 16, 16]
    layers:
      - {conv: {out: 8, kernel: 3, padding: 1}, name: first}
      - batchnorm
      - relu
      - {maxpool: 2, name: pool}
      - add:
          a: [{conv: {out: 8, kernel: 3, padding: 1}}, silu]
          b: []
        name: sum
      - {globalavgpool: , name: mean}
      - flatten
      - {linear: 5, name: head}
""")


UNREAD = yaml("""
    input: [3, 8, 8]
    layers:
      - {conv: {out: 2, kernel: 1}, name: used}
      - {conv: {out: 9, kernel: 1}, name: unused, from: input}
      - {sigmoid: , name: unread}
      - {tanh: , name: last, from: used}
""")


def differing(found: Verification) -> set[tuple[str, str]]:
    """Return (path, figure) of all figures that differ; the path of the network is empty."""
    wrong = {("", check.what) for check in found.totals if check.ok is False}
    for layer in found.layers:
        wrong |= {(layer.row.path, check.what) for check in layer.checks if check.ok is False}
    return wrong


def step_of(text: str, run: Run) -> MemoryStep:
    """Return the step of a spec on the CPU."""
    graph = cnncalc.loads(text).graph()
    return MemoryStep(assemble(graph), graph, run._replace(device="cpu"), CPU)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_right_network_agrees(batch: int) -> None:
    found = verify_memory(cnncalc.loads(SPEC), batch=batch)
    assert found.ok and not found.diagnostics, found.diagnostics
    assert [check.what for check in found.totals] == [
        "parameters",
        "saved",
        "inference_peak",
        "inference_peak_at",
        "training_peak",
        "training_peak_at",
    ]
    kinds = {check.what for layer in found.layers for check in layer.checks}
    assert kinds == {"saved", "inference_peak", "forward_peak", "backward_peak"}
    assert all(check.measured is not None for check in found.totals)


@pytest.mark.parametrize("name", ["three_conv", "squeezenet1_1", "shufflenet_v2_x0_5"])
def test_bundled_networks_agree(name: str) -> None:
    """Chains, concatenations, and convolutions in groups with batch norm and channel shuffle."""
    found = verify_memory(cnncalc.load(name), input={"input": (3, 64, 64)}, batch=2)
    assert found.ok, found.diagnostics


@pytest.mark.parametrize(
    "text",
    [
        "input: [3]\nlayers: [{linear: 1}]",  # smaller than the numbers around it
        "input: [3, 8, 8]\nlayers: [relu, {maxpool: 2}]",  # nothing to train
        SIAMESE,
    ],
    ids=["tiny", "no parameters", "shared weights"],
)
def test_special_networks_agree(text: str) -> None:
    found = verify_memory(cnncalc.loads(text), batch=2)
    assert found.ok, found.diagnostics


Plant = Callable[[pytest.MonkeyPatch], None]


def changed(cls: type, name: str, change: Callable[[Any], Any]) -> Plant:
    """Return a fault: a method of an operator returns what `change` makes of the right answer."""
    right = getattr(cls, name)
    return lambda monkeypatch: monkeypatch.setattr(
        cls, name, lambda self, *a, **k: change(right(self, *a, **k))
    )


FAULTS: dict[str, tuple[Plant, set[tuple[str, str]]]] = {
    "keeps: a convolution forgets its input": (
        changed(Conv, "keeps", lambda kept: kept._replace(inputs=())),
        {("first", "saved"), ("", "saved")},
    ),
    "keeps: a pool forgets its indices": (
        changed(MaxPool, "keeps", lambda kept: kept._replace(extras=())),
        {("pool", "saved"), ("", "saved")},
    ),
    "keeps: a mean keeps something": (
        changed(GlobalAvgPool, "keeps", lambda kept: kept._replace(extras=(Extra(1),))),
        {("mean", "saved"), ("", "saved")},
    ),
    "storage: a function that runs in place makes a new tensor": (
        changed(Relu, "storage_in_training", lambda kind: "new"),
        {("relu1", "forward_peak")},
    ),
    "gradients: a convolution passes its gradient on as it is": (
        changed(Conv, "gradients", lambda kinds: ("view",)),
        {("sum.a.conv1", "backward_peak")},
    ),
    "weights: the bias has as many numbers as the weight": (
        changed(Linear, "weights", lambda w: {**w, "bias": w["weight"]}),
        {("", "parameters")},
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_where_it_is(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, wanted = FAULTS[fault]
    graph = cnncalc.loads(SPEC).graph()
    network = assemble(graph)
    built = (network, {})
    monkeypatch.setattr("cnncalc.torch_backend.verify.built.zeros", lambda *given: built)
    plant(monkeypatch)
    found = verify_memory(cnncalc.loads(SPEC), batch=2)
    assert wanted <= differing(found), differing(found)
    assert {d.code for d in found.diagnostics} == {"CNN406"}


def test_a_peak_at_another_layer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that kept a megabyte would have the peak."""
    spec = cnncalc.loads(SPEC)
    assert verify_memory(spec).ok
    more = (Extra(1 << 18),)
    changed(Linear, "keeps", lambda kept: kept._replace(extras=more))(monkeypatch)
    wrong = differing(verify_memory(spec))
    assert {("head", "saved"), ("", "training_peak"), ("", "training_peak_at")} <= wrong
    assert ("", "inference_peak_at") not in wrong


# The measuring side


class Square(nn.Module):
    """Multiplies a tensor by itself, through two views."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) * x.flatten(1)


def test_a_storage_is_counted_once_and_parameters_are_not() -> None:
    step = step_of("input: [4, 8]\nlayers: [{conv: {out: 4, kernel: 1}}, relu]", Run("training", 2))
    step.network.relu1 = Square()
    assert saved_by_layer(step) == {1: 2 * 4 * 8 * 4, 2: 2 * 4 * 8 * 4}


def test_what_a_dropped_branch_kept_is_not_counted() -> None:
    """No output needs the second branch: its values are freed with what it kept of them."""
    step = step_of(UNREAD, Run("training"))
    assert saved_by_layer(step) == {1: 3 * 8 * 8 * 4, 4: 2 * 8 * 8 * 4}


def test_a_value_that_nothing_reads_is_freed_at_once() -> None:
    run = Run("inference", 2, device="cpu")
    found = measured_run(step_of(UNREAD, run), held_by(CPU)).steps
    wanted = summary(cnncalc.loads(UNREAD).graph(), run).steps
    assert len(found) >= 4
    assert found == {step: wanted[step] for step in found}


STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2, "rmsprop": 1, "adagrad": 1}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_runs_with_its_state(optimizer: str) -> None:
    """Its state is as large as so many copies of the parameters, and a number for each tensor."""
    without = bytes_of(step_of(SPEC, Run("training")).held)
    step = step_of(SPEC, Run("training", optimizer=optimizer))
    step.prepare()
    parameters = bytes_of(step.network.parameters())
    state = bytes_of(step.held) - without
    assert 0 <= state - STATES[optimizer] * parameters <= 8 * len([*step.network.parameters()])
    assert all(p.grad is None for p in step.network.parameters())
    found = measured_run(step, held_by(CPU))
    assert Step("optimizer") in found.steps
    assert found.steps[Step("optimizer")] >= without + state + parameters


def test_gradients_of_an_earlier_part_of_the_batch_are_held() -> None:
    alone, accumulated = (
        measured_run(step_of(SPEC, Run("training", kept_gradients=kept)), held_by(CPU)).peak
        for kept in (False, True)
    )
    assert accumulated > alone


def test_autocast_on_the_cpu_keeps_halves_and_casts() -> None:
    """The convolution keeps its input and its weight in bfloat16; the float32 input is let go."""
    text = "input: [4, 8, 8]\nlayers: [{conv: {out: 4, kernel: 3, bias: false}}]"
    step = step_of(text, Run("training", 2, amp="bfloat16"))
    assert step.forward()[0].dtype == torch.bfloat16
    assert saved_by_layer(step) == {1: 2 * (2 * 4 * 8 * 8 + 4 * 4 * 9)}


def test_frozen_parts_get_no_gradients_and_no_state() -> None:
    step = step_of(SPEC, Run("training", optimizer="adam"))
    frozen = step.network.get_submodule("first")
    everything = sum(saved_by_layer(step).values())
    frozen.requires_grad_(False)
    step = MemoryStep(
        step.network, cnncalc.loads(SPEC).graph(), Run("training", optimizer="adam"), CPU
    )
    assert everything - sum(saved_by_layer(step).values()) == 4 * 16 * 16 * 4  # its input
    found = measured_run(step, held_by(CPU))
    assert all(p.grad is None for p in frozen.parameters())
    assert Step("backward", 1) not in found.steps and Step("backward", 2) in found.steps


def test_moments_belong_to_the_layers_that_ran() -> None:
    """What a layer allocates in forward and in backward is found at that layer."""
    step = step_of(SPEC, Run("training", 2))
    graph = cnncalc.loads(SPEC).graph()
    found = measured_run(step, held_by(CPU))
    layers = [n for n, node in enumerate(graph.nodes) if node.op is not None]
    order = [step.layer for step in found.steps if step.phase == "backward" and step.layer]
    assert order == sorted(order, reverse=True)
    assert {step.layer for step in found.steps if step.phase == "forward"} <= set(layers)
    assert found.at in found.steps and found.steps[found.at] == found.peak


def test_workspaces_are_apart() -> None:
    """A softmax in float64 converts its input inside the call: that copy raises no peak."""
    x = torch.ones(1 << 17)
    found = recorded(lambda: x.softmax(0, dtype=torch.float64), [x])
    assert found.peak.bytes == (4 + 8) << 17
    assert found.with_workspaces == (4 + 8 + 8) << 17


# The command


CHECKPOINTS = yaml("""
    input: [3, 16, 16]
    layers:
      - chain: [{conv: {out: 8, kernel: 3}}, relu]
        checkpoint: true
      - sigmoid
      - chain: [{conv: {out: 8, kernel: 3}}, relu, {conv: {out: 8, kernel: 3}}]
        checkpoint: true
      - relu
      - flatten
      - linear: 10
""")


def test_what_a_checkpoint_keeps_is_of_its_first_layer() -> None:
    found = verify_memory(cnncalc.loads(CHECKPOINTS), batch=2)
    assert found.ok, [d.message for d in found.diagnostics]
    assert found.notes[-1].startswith("in training, peaks of layers in a checkpoint")


def test_the_command_takes_an_optimizer() -> None:
    done = run("verify", "lenet5", "--memory", "--optimizer", "adam")
    assert (done.returncode, done.stdout.count("optimizer")) == (0, 2), done.stdout
    assert "--optimizer needs --memory" in run("verify", "lenet5", "--optimizer", "sgd").stderr


def test_the_command_prints_figures() -> None:
    done = run("verify", "three_conv", "--memory", "--batch", "2")
    assert done.returncode == 0, done.stderr
    for word in ("saved for backward", "training peak", "backward of conv3", "figures agree ✓"):
        assert word in done.stdout, done.stdout


def test_the_command_fails_where_a_figure_differs() -> None:
    """One of two networks has a convolution, whose rule is made wrong."""
    fault = (
        "from cnncalc.ops import conv, kept\nconv.Conv.keeps = lambda *xs, **how: kept.NOTHING\n"
    )
    spec = "input: [3, 8, 8]\nlayers: [flatten, {linear: 4}]\n"
    done = run_code(fault + code_of("verify", "three_conv", "-", "--memory"), stdin=spec)
    assert done.returncode == 1
    assert "2 networks" in done.stdout and "1 not confirmed ✗" in done.stdout
    assert "error[CNN406]: conv1: saved: predicted" in done.stderr, done.stderr


def test_a_card_shows_peaks_but_no_places() -> None:
    """Its allocator has no record, and its peak includes what libraries take for a moment."""
    given = ("verify", "three_conv", "--memory", "--device", "cuda", "--format", "json")
    path = python_path(ROOT / "tests" / "fake_cuda")
    done = run(*given, timeout=240, FAKE_CUDA="1", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    (network,) = json.loads(done.stdout)["networks"]
    figures = {check["what"]: check for check in network["totals"]}
    assert figures["saved"]["ok"] and figures["parameters"]["ok"]
    assert figures["training_peak"]["by"] == "the allocator"
    assert figures["training_peak_at"]["ok"] is None
    assert "do not say when" in figures["training_peak_at"]["note"]


def test_json_has_every_figure() -> None:
    done = run("verify", "three_conv", "--memory", "--format", "json")
    (network,) = json.loads(done.stdout)["networks"]
    figures = {check["what"]: check for check in network["totals"]}
    assert figures["saved"]["predicted"] == figures["saved"]["measured"] > 0
    assert figures["training_peak"]["by"] == "torch.profiler"
    assert figures["training_peak_at"]["predicted"] == "backward of conv3"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--device", "meta"), "unknown device `meta`"),
        (("--module", "a:B"), "--memory and --module cannot be combined"),
        (("--batch", "1000000000"), "does not fit in the memory of cpu"),
    ],
)
def test_mistakes_are_reported(options: tuple[str, ...], said: str) -> None:
    done = run("verify", "three_conv", "--memory", *options)
    assert done.returncode in (1, 2)
    assert said in done.stderr, done.stderr


def test_a_network_that_cannot_be_trained_is_reported() -> None:
    """Batch norm has no variance of a single value."""
    spec = "input: [3, 1, 1]\nlayers: [{conv: {out: 4, kernel: 1}}, batchnorm]\n"
    done = run("verify", "-", "--memory", stdin=spec)
    assert done.returncode == 2
    assert "error[CNN404]: the network does not run at batch 1" in done.stderr, done.stderr
    assert run("verify", "-", "--memory", "--batch", "2", stdin=spec).returncode == 0


def test_the_record_of_memory_agrees_and_is_on_file(tmp_path: Path) -> None:
    """The script runs on one network; the file has more, each within the limits of `verify`."""
    arguments = ("--device", "cpu", "--memory", "--networks", "three_conv", "--out", str(tmp_path))
    done = run_python("tests/measured/record.py", *arguments)
    assert done.stdout == "three_conv agrees\n", done.stderr
    (path,) = tmp_path.iterdir()
    on_file = ROOT / "tests" / "measured" / path.name
    made, kept = (json.loads(file.read_text("utf-8"))["networks"] for file in (path, on_file))
    assert [*made] == ["three_conv"] and len(kept) >= 6
    for runs in (*made.values(), *kept.values()):
        assert [one["optimizer"] for one in runs] == ["sgd", "adam"]
        for one in runs:
            assert one["ok"] and one["totals"].keys() >= {"saved", "inference_peak"}
            predicted, measured, _ = one["totals"]["saved"]
            assert predicted == measured > 0
