"""`verify`: what agrees, that planted faults are caught where they are, and what the outside counters cannot see."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc import ops
from cnncalc.analysis.compare import count
from cnncalc.analysis.zoo import members, specs
from cnncalc.conventions import CONVENTIONS
from cnncalc.cost import Cost
from cnncalc.graph import Graph
from cnncalc.ops import OPS
from cnncalc.render.verify import render
from cnncalc.torch_backend.verify import counters
from cnncalc.torch_backend.verify.few_channels import narrowed
from cnncalc.torch_backend.verify.receptive_fields import fields
from cnncalc.torch_backend.verify.verify import Verification, verify
from cnncalc.window import Map

from .command import python_path
from .test_build import SIAMESE, without
from .test_cli import ROOT, run
from .test_graphs import GRAPHS, networks

SPEC = """
input: [4, 32, 32]
layers:
  - {conv: {out: 8, kernel: 3, stride: 2, padding: 1, groups: 2}, name: first}
  - batchnorm
  - relu
  - {maxpool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}, name: pool}
  - {conv: {out: 8, kernel: 3, padding: 1}, name: second}
  - {conv_transpose: {out: 6, kernel: 2, stride: 2}, name: up}
  - {concat: {a: [{conv: {out: 4, kernel: 1, bias: false}}], b: [{avgpool: {kernel: 3, stride: 1, padding: 1}}]}, name: both}
  - {globalavgpool: , name: mean}
  - flatten
  - {linear: 7, name: head}
"""


def differing(found: Verification) -> set[tuple[str, str]]:
    """(path, what) of every figure that differs in a layer."""
    return {
        (line.row.path, check.what)
        for line in found.lines
        for check in line.checks
        if check.ok is False
    }


def test_a_right_network_agrees() -> None:
    found = verify(cnncalc.loads(SPEC), batch=3)
    assert found.ok and not found.diagnostics, found.diagnostics
    kinds = {check.what for line in found.lines for check in line.checks}
    assert kinds == {
        "called",
        "output",
        "activation_bytes",
        "tensors",
        "params",
        "macs",
        "product_flops",
        "receptive_field",
    }
    assert all(check.measured is not None for line in found.lines for check in line.checks)


def patched(
    cls: type, name: str, change: Callable[..., Any]
) -> Callable[[pytest.MonkeyPatch], None]:
    """A fault: a method of an operator that gives what `change` makes of the right answer."""
    right = getattr(cls, name)
    return lambda monkeypatch: monkeypatch.setattr(
        cls, name, lambda self, *a, **k: change(self, right(self, *a, **k), *a)
    )


def wider(reaches: tuple, by: int) -> tuple:
    """A window with one tap more."""
    return tuple(
        (axis, Map(m.advance, tuple((*taps, taps[-1] + by) for taps in m.taps)))
        for axis, m in reaches
    )


def dilated(conv: nn.Conv2d) -> nn.Conv2d:
    """The same sizes, weights and MACs, with gaps."""
    return (
        nn.Conv2d(conv.in_channels, conv.out_channels, 3, padding=2, dilation=2)
        if conv.kernel_size == (3, 3) and conv.groups == 1
        else conv
    )


FAULTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], set[tuple[str, str]]]] = {
    # in the rules
    "size: one position too many": (
        patched(ops.MaxPool, "shape", lambda op, y, x: (y[0], y[1] + 1, y[2])),
        {("pool", "output"), ("pool", "activation_bytes")},
    ),
    "cost: groups forgotten": (
        patched(ops.Conv, "cost", lambda op, c, x: c._replace(mac=c.mac * op.groups)),
        {("first", "macs"), ("first", "product_flops")},
    ),
    "cost: transposed on the output's size": (
        patched(ops.ConvTranspose, "cost", lambda op, c, x: c._replace(mac=4 * c.mac)),
        {("up", "macs"), ("up", "product_flops")},
    ),
    "cost: a norm multiplies": (
        patched(ops.BatchNorm, "cost", lambda op, c, x: Cost(mac=c.mul)),
        {("batchnorm1", "macs"), ("batchnorm1", "product_flops")},
    ),
    "weights: transposed": (
        patched(ops.Linear, "weights", lambda op, w, x: {**w, "weight": w["weight"][::-1]}),
        {("head", "tensors")},
    ),
    "weights: the bias forgotten": (
        patched(ops.Linear, "weights", lambda op, w, x: {"weight": w["weight"]}),
        {("head", "tensors"), ("head", "params")},
    ),
    "buffers: a name forgotten": (
        patched(ops.BatchNorm, "buffers", lambda op, b, x: {"running_mean": b["running_mean"]}),
        {("batchnorm1", "tensors")},
    ),
    "window: one tap too many": (
        patched(ops.MaxPool, "reaches", lambda op, r, x: wider(r, 1)),
        {("pool", "receptive_field"), ("second", "receptive_field")},
    ),
    "window: a global pool that sees one place": (
        patched(
            ops.GlobalAvgPool,
            "window",
            lambda op, w, x: (tuple((a, Map.window(1)) for a in range(2)),),
        ),
        {("mean", "receptive_field")},
    ),
    "storage: nothing in place": (
        patched(ops.Relu, "storage", lambda op, s, x: "new"),
        {("relu1", "activation_bytes")},
    ),
    "storage: a copy called a view": (
        patched(ops.AvgPool, "storage", lambda op, s, x: "view"),
        {("both.b.avgpool1", "activation_bytes")},
    ),
    # in the modules
    "module: the padding forgotten": (
        patched(ops.AvgPool, "module", lambda op, m, x: nn.AvgPool2d(1, 1)),
        {("both.b.avgpool1", "receptive_field")},
    ),
    "module: gaps between the taps": (
        patched(ops.Conv, "module", lambda op, m, x: dilated(m)),
        {("second", "receptive_field")},
    ),
    "module: no groups": (
        patched(
            ops.Conv,
            "module",
            lambda op, m, x: nn.Conv2d(
                m.in_channels,
                m.out_channels,
                m.kernel_size,
                m.stride,
                m.padding,
                bias=m.bias is not None,
            ),
        ),
        {("first", "tensors"), ("first", "params"), ("first", "macs"), ("first", "product_flops")},
    ),
    "module: no affine": (
        patched(ops.BatchNorm, "module", lambda op, m, x: nn.BatchNorm2d(x[0], affine=False)),
        {("batchnorm1", "tensors"), ("batchnorm1", "params")},
    ),
    "module: another operator": (
        patched(ops.GlobalAvgPool, "module", lambda op, m, x: nn.Identity()),
        {("mean", "output"), ("mean", "activation_bytes")},
    ),
    "module: the middle instead of the mean": (
        patched(ops.GlobalAvgPool, "module", lambda op, m, x: Middle()),
        {("mean", "receptive_field")},
    ),
    "module: double precision": (
        patched(ops.AvgPool, "module", lambda op, m, x: Doubled(m)),
        {("both.b.avgpool1", "activation_bytes")},
    ),
}


class Middle(nn.Module):
    """One position of the map, by a mean of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, x.shape[2] // 2 :][:, :, :1, x.shape[3] // 2 :][..., :1].clone()


class Doubled(nn.Module):
    """A pool whose output takes twice the bytes."""

    def __init__(self, pool: nn.Module):
        super().__init__()
        self.pool = pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.pool(x)] * 2)[0]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught_where_it_is(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, wanted = FAULTS[fault]
    spec = cnncalc.loads(SPEC)
    plant(monkeypatch)
    try:
        found = verify(spec)
    except cnncalc.Mistake as mistake:
        assert mistake.diagnostics[0].code == "CNN404", (
            mistake
        )  # so wrong that the network does not run
        return
    assert not found.ok
    assert wanted <= differing(found), differing(found)
    assert {d.code for d in found.diagnostics} == {"CNN406"}


def test_a_layer_that_writes_over_what_another_reads_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rule that lets it also builds it: only what comes out can tell."""
    spec = cnncalc.loads(
        "input: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3, padding: 1}\n  - add: {a: [relu], b: []}\n"
    )
    assert verify(spec).ok
    monkeypatch.setattr(Graph, "readers", lambda graph: [1] * len(graph.nodes))
    (wrong,) = [check for check in verify(spec).totals if not check.ok]
    assert wrong.what == "in_place" and "differ by" in wrong.measured


def test_a_fault_in_the_plan_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers run in each other's place: their modules are right, their calls are not."""
    from cnncalc.torch_backend.verify import verify as module

    right = module.assemble

    def wrong(*arguments: Any) -> Any:
        network = right(*arguments)
        (a, *x), (b, *y) = network.plan[1], network.plan[2]
        network.plan[1:3] = [(b, *x), (a, *y)]
        return network

    monkeypatch.setattr(module, "assemble", wrong)
    assert ("batchnorm1", "called") in differing(verify(cnncalc.loads(SPEC)))


def sample(op: type) -> str:
    """A small network of one operator."""
    bodies = {
        "conv": "{out: 4, kernel: 3}",
        "conv_transpose": "{out: 4, kernel: 3, stride: 2}",
        "linear": "7",
        "rbf": "3",
        "maxpool": "2",
        "avgpool": "2",
        "lppool": "2",
        "adaptiveavgpool": "3",
        "adaptivemaxpool": "3",
        "groupnorm": "2",
        "stochastic_depth": "0.1",
        "reshape": "[2, -1]",
        "permute": "[1, 0, 2]",
        "slice": "{stop: 2}",
        "channel_shuffle": "2",
        "pixel_shuffle": "2",
        "pixel_unshuffle": "2",
        "upsample": "{scale: 2, mode: bilinear}",
        "pad": "1",
        "crop": "{amount: 1}",
        "concat": "{a: [], b: []}",
        "add": "{a: [], b: []}",
        "sub": "{a: [], b: []}",
        "mul": "{a: [], b: []}",
    }
    key = op.key  # type: ignore[attr-defined]
    return f"input: {'[16]' if key in ('linear', 'rbf') else '[4, 8, 8]'}\nlayers:\n  - {key}: {bodies.get(key, '')}\n    name: it\n"


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.key)
def test_what_the_counters_see_is_what_the_convention_says(op: type) -> None:
    """Each operator is counted in MACs by both, or by a rule that fvcore's convention has, or by nobody, as fvcore and torch themselves show."""
    spec = cnncalc.loads(sample(op))
    report = cnncalc.analyze(spec)
    row = report.rows[-1]
    network = cnncalc.build(spec).eval()
    x = torch.randn(1, *row.input_shapes[0])
    seen = counters.fvcore(network, (x,), ["it"])
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    counted = (seen.products["it"] > 0, seen.others["it"] > 0, counter.get_total_flops() > 0)
    by_rule = count(report, CONVENTIONS["fvcore"])
    if row.op in ("conv", "conv_transpose", "linear"):
        assert counted == (True, False, True)
    else:
        assert counted == (False, by_rule.total > 0, False)
        assert row.flops > 0 or not by_rule.total


@pytest.mark.parametrize(
    ("layer", "rule", "count"),
    [
        ("batchnorm", "2·x", 2 * 256),
        ("batchnorm: {affine: false}", "x", 256),
        ("groupnorm: 2", "5·x", 5 * 256),
        ("groupnorm: {groups: 2, affine: false}", "4·x", 4 * 256),
        ("layernorm", "5·x", 5 * 256),
        ("layernorm: {affine: false}", "4·x", 4 * 256),
        ("instancenorm: {affine: true}", "5·x", 5 * 256),
        ("instancenorm", "4·x", 4 * 256),
        ("globalavgpool", "x", 256),
        ("adaptiveavgpool: 3", "x", 256),
        ("upsample: {scale: 2, mode: bilinear}", "4·y", 4 * 1024),
        ("upsample: {scale: 2}", "y", 1024),
        ("upsample: {scale: 2, mode: bicubic}", None, 0),
    ],
)
def test_rules_of_fvcores_own(layer: str, rule: str | None, count: int) -> None:
    spec = cnncalc.loads(
        f"input: [4, 8, 8]\nlayers: [{{{layer if ': ' in layer else layer + ': '}, name: it}}]"
    )
    found = counters.fvcore(cnncalc.build(spec).eval(), (torch.randn(1, 4, 8, 8),), ["it"])
    assert found.others["it"] == count
    (line,) = verify(spec).lines
    assert (line.ruled, line.rule) == (count, rule)


@pytest.mark.parametrize(
    "body",
    [
        "connections: [[0], [1, 2], [0, 1, 2, 3]], out: 3",
        "padding: same, out: 4",
        "padding: [[0, 1], [2, 0]], out: 4",
        "padding_mode: reflect, padding: 1, out: 2",
        "dilation: 2, groups: 2, out: 4",
    ],
)
@pytest.mark.parametrize("kernel", [2, 3])
def test_every_kind_of_convolution_is_counted(body: str, kernel: int) -> None:
    """fvcore counts padding="same" as nothing at all unless told: torch calls it by another name there."""
    found = verify(
        cnncalc.loads(
            f"input: [4, 9, 9]\nlayers: [{{conv: {{{body}, kernel: {kernel}}}, name: it}}, {{linear: 3, name: no, when: false}}]"
        )
    )
    assert found.ok, found.diagnostics
    assert {check.what for check in found.lines[0].checks} >= {"macs", "product_flops"}


@pytest.mark.parametrize(
    "text",
    [
        "input: [1, 16, 9]\nlayers: [{avgpool: {kernel: [4, 2], stride: 2, padding: [[1, 2], 1], ceil_mode: true}}]",  # no window starts in the padding behind
        "input: [4, 16, 16]\nlayers: [{conv: {out: 1, kernel: 3}}, leaky_relu, relu, elu, relu, {conv: {out: 2, kernel: 3}}]",  # run in place, these keep what they wrote
        "input: [1, 3, 16, 16]\nlayers: [{add: {a: [], b: [{crop: 2}, globalavgpool]}}, relu]",
        "input: [2, 6]\nlayers: [{conv: {out: 3, kernel: 4, padding: 3, padding_mode: circular}}]",
        "input: [3, 8, 8]\nlayers: [flatten, {linear: 2}]",
        "input: [1, 8, 8, 8]\nlayers: [{maxpool: {kernel: 3, stride: 2, padding: 1}}, {conv: {out: 2, kernel: 1}}]",
        "input: [1, 8, 8]\nlayers: [{maxpool: {kernel: 2, padding: same, dilation: 2, stride: 1}}]",
        "input: {x: [3, 8, 8], y: [5, 9]}\nlayers: [{globalmaxpool: , from: y}, {reshape: [5, 1, 1]}]\noutputs: [reshape1, x]",
        "input: [3, 8, 8]\nlayers:\n  - {conv: {out: 4, kernel: 3}, name: body}\n  - {globalavgpool: }\n  - flatten\n  - {linear: 5, name: aux}\n  - {conv: {out: 2, kernel: 1}, from: body, name: main}\noutputs: [main]",
        "input: [1, 1, 16]\nlayers: [{conv: {out: 3, kernel: 4, stride: [2, 1], padding: same, dilation: 2}}]",
        "input: [4, 9]\nlayers: [{lppool: {kernel: 2, norm: 3}}, relu, mish]",
    ],
)
def test_odd_networks(text: str) -> None:
    found = verify(cnncalc.loads(text))
    assert found.ok, found.diagnostics


def test_convolutions_in_one_and_three_dimensions() -> None:
    for text in (
        "input: [2, 40]\nlayers: [{conv: {out: 4, kernel: 3, padding: same}}, {maxpool: {kernel: 3, dilation: 2}}, {upsample: 2}, {conv_transpose: {out: 2, kernel: 3, stride: 2}}]",
        "input: [2, 12, 20, 16]\nlayers: [{conv: {out: 4, kernel: [1, 3, 3], padding: [0, 1, 1]}}, {maxpool: {kernel: [1, 2, 2]}}, {groupnorm: 2}, {layernorm: {over: channels}}]",
    ):
        assert verify(cnncalc.loads(text)).ok


def test_several_inputs_shared_weights_and_counts_of_all_calls() -> None:
    found = verify(cnncalc.loads(SIAMESE), batch=2)
    assert found.ok, found.diagnostics
    (shared,) = [line for line in found.lines if line.row.path == "b.conv1"]
    (owner,) = [line for line in found.lines if line.row.path == "a.conv1"]
    assert "macs" not in {check.what for check in shared.checks}
    assert [(check.predicted, check.note) for check in owner.checks if check.what == "macs"] == [
        (2 * 2 * 100 * 64, "all 2 calls together")
    ]


def some() -> list[str]:
    """Of each family the networks that run in a moment, two at most; `verify --all` has the others."""
    chosen = []
    for stem, spec in specs():
        totals = {
            variant or stem: cnncalc.analyze(spec, variant).totals for variant in members(spec)
        }
        chosen += sorted(
            (name for name, t in totals.items() if t.macs < 16 * 10**9 and t.params < 140 * 10**6),
            key=lambda name: totals[name].macs,
        )[:2]
    return [*chosen, "resnet50", "unet"]


@pytest.mark.parametrize("name", some())
def test_bundled_networks(name: str) -> None:
    found = verify(cnncalc.load(name))
    assert found.ok, found.diagnostics[:3]
    assert not found.seconds > 120
    for line in found.lines:
        if line.row.op in ("conv", "conv_transpose", "linear"):
            assert {check.what for check in line.checks} >= {
                "macs",
                "product_flops",
                "tensors",
                "output",
            }
    assert any(check.what == "macs" and check.by == "fvcore" for check in found.totals)


def test_on_meta_without_fvcore() -> None:
    found = verify(cnncalc.load("resnet18"), device="meta")
    assert found.ok
    assert [(check.measured, check.ok) for check in found.totals if check.what == "macs"] == [
        (None, None)
    ]
    assert "fvcore traces the network" in found.notes[0]


def test_vgg16_on_meta_stays_small() -> None:
    """600 MB of resident memory, torch's own included; its weights alone would be 553 MB."""
    script = """
import cnncalc.torch_backend.verify as v, cnncalc, re, torch
most = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = most()
assert v.verify(cnncalc.load("vgg16"), device="meta").ok
print(most() - before, most())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    grown, most = map(int, done.stdout.split())  # KiB
    assert grown < 450_000  # the weights would be 540,000
    assert most < 600_000 or torch.version.cuda  # builds with CUDA take 300 MB more to be imported


def test_fields_are_asked_unclipped_where_the_input_can_grow() -> None:
    spec = cnncalc.load("resnet18")
    found = fields(spec, cnncalc.analyze(spec), {"variant": None, "set": None})
    last = found.seen["stage4.basic1.1.relu1"]["input", 0]
    assert last.measured is not None and last.measured[1] - last.measured[0] + 1 == 435
    assert found.inputs == [{"input": (3, 512, 32)}, {"input": (3, 32, 512)}]


def test_json() -> None:
    done = run("verify", "lenet5", "three_conv", "--format", "json")
    data = json.loads(done.stdout)
    assert (done.returncode, done.stderr, data["schema_version"], data["ok"]) == (0, "", 1, True)
    assert [network["spec"] for network in data["networks"]] == ["lenet5", "three_conv"]
    first = data["networks"][0]
    assert {
        "torch",
        "fvcore",
        "device",
        "device_name",
        "cuda",
        "driver",
        "seconds",
        "batch",
    } <= first.keys()
    macs = next(check for check in first["layers"][0]["checks"] if check["what"] == "macs")
    assert macs == {
        "what": "macs",
        "predicted": 117600,
        "measured": 117600,
        "by": "fvcore",
        "ok": True,
        "note": None,
    }
    assert first["layers"][1]["note"] == "no counter sees its 4,704 operations"


@pytest.mark.parametrize("width", [80, 120, 200])
def test_tables_fit_their_terminals(width: int) -> None:
    found = verify(cnncalc.load("resnet18"), device="meta")
    screen = Console(width=width, file=io.StringIO(), record=True)
    screen.print(render(found, width))
    text = screen.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "✗" not in text and "receptive fields" in text


def test_a_difference_is_an_error_at_its_line(tmp_path: Any) -> None:
    """A fault planted from outside, in a process of its own."""
    (tmp_path / "net.yaml").write_text(SPEC)
    script = "import sys\nfrom cnncalc import ops\nfrom cnncalc.cli.main import main\nright = ops.Linear.cost\nops.Linear.cost = lambda s, x, y: right(s, x, y=y)._replace(mac=9)\nsys.argv = ['cnncalc', 'verify', 'net.yaml']\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        env={**os.environ, "PYTHONPATH": python_path(), "COLUMNS": "100"},
    )
    assert done.returncode == 1
    assert re.search(r"head +7 ✓ +77 ✓ 77 +9 ✗ 70", done.stdout), done.stdout
    assert "error[CNN406]: head: macs 9 predicted, 70 by fvcore\n  --> net.yaml:13:6" in done.stderr
    assert "figures differ ✗" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("vgg16", "--device", "cuda:7"), "CNN402", "cuda:7"),
        (("vgg16", "--device", "tpu"), "CNN402", "no device is called `tpu`"),
        (("vgg16", "--batch", "0"), "CNN111", "--batch takes a number from 1"),
        (("vgg17",), "CNN111", "did you mean"),
        (("vgg16", "--variant", "x"), "CNN111", "x"),
    ],
)
def test_bad_options(arguments: tuple[str, ...], code: str, said: str) -> None:
    done = run("verify", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error[{code}]" in done.stderr and said in done.stderr


def test_without_torch_or_fvcore() -> None:
    for package in ("torch", "fvcore"):
        done = without(
            package,
            "sys.argv = ['cnncalc', 'verify', 'lenet5']\nfrom cnncalc.cli.main import main\nmain()",
        )
        assert done.returncode == 2
        assert (
            done.stderr
            == f"error[CNN401]: {package} is not installed\n   = help: pip install 'cnncalc[torch]'\n"
        )


def test_random_networks() -> None:
    """Every figure of random graphs, borders, holes and misaligned branches included."""
    for text, _ in networks(11, GRAPHS):
        found = verify(cnncalc.loads(text), batch=2)
        assert found.ok, (found.diagnostics[:3], text)


def test_a_narrow_network_sees_the_same() -> None:
    """Few channels, no groups, and every field as it was; none where a layer counts on its channels."""
    for name in ("resnext50_32x4d", "deeplabv3_resnet50", "unet", "mobilenet_v3_small"):
        report = cnncalc.analyze(cnncalc.load(name))
        few = narrowed(report)
        assert few is not None and few.totals.params < report.totals.params / 100
        assert [(row.path, row.receptive_fields) for row in few.rows] == [
            (row.path, row.receptive_fields) for row in report.rows
        ]
    assert narrowed(cnncalc.analyze(cnncalc.load("shufflenet_v2_x1_0"))) is None


def test_a_wrong_field_is_found_in_a_narrow_network(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cnncalc.loads(
        "input: [3, 64, 64]\nlayers:\n  - chain: [{conv: {out: 64, kernel: 3, padding: 1}}, relu]\n    repeat: 6\n"
    )
    found = verify(spec, device="meta", work=10**8)
    assert found.ok and "with at most 4 channels" in found.notes[-1]
    right = ops.conv.Conv.window
    monkeypatch.setattr(
        ops.conv.Conv,
        "window",
        lambda op, x: (tuple((axis, Map.window(5, 1, 2)) for axis, _ in right(op, x)[0]),),
    )
    assert "receptive_field" in {
        what for _, what in differing(verify(spec, device="meta", work=10**8))
    }
