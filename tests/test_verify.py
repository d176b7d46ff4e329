"""`verify` agrees with torch, catches planted faults, and names what no outside counter sees."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from itertools import groupby
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import cnncalc
from cnncalc.analysis.compare import count
from cnncalc.conventions import CONVENTIONS, FUSED, PRODUCTS
from cnncalc.cost import Cost
from cnncalc.extras import install_command
from cnncalc.graph import Graph
from cnncalc.ops import OPS
from cnncalc.ops.torch_call import TorchCall
from cnncalc.ops.torch_modules import OURS
from cnncalc.render.verify import network_table
from cnncalc.torch_backend import allocator
from cnncalc.torch_backend.build import Network, layer_paths
from cnncalc.torch_backend.hold.hold import hold
from cnncalc.torch_backend.threads import one_thread
from cnncalc.torch_backend.verify import counters
from cnncalc.torch_backend.verify.few_channels import narrowed_report
from cnncalc.torch_backend.verify.field_report import field_notes
from cnncalc.torch_backend.verify.hooks import noted_run, run_with_hooks
from cnncalc.torch_backend.verify.receptive_fields import QUICK, WORK, measured_fields
from cnncalc.torch_backend.verify.result import Verification
from cnncalc.torch_backend.verify.verify import verify
from cnncalc.window import Map

from .cases import COMPUTED
from .command import code_of, python_path, run, run_code, run_without
from .graphs import networks
from .samples import BUNDLED, SIAMESE, sample, yaml
from .settings import FULL, GRAPHS, sampled

ops = SimpleNamespace(**{op.__name__: op for op in OPS})
SPEC = """
input: [4, 32, 32]
layers:
  - {conv: {out: 8, kernel: 3, stride: 2, padding: 1, groups: 2}, name: first}
  - batchnorm
  - relu
  - {maxpool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}, name: pool}
  - {conv: {out: 8, kernel: 3, padding: 1}, name: second}
  - {conv_transpose: {out: 6, kernel: 2, stride: 2}, name: up}
  - concat:
      a: [{conv: {out: 4, kernel: 1, bias: false}}]
      b: [{avgpool: {kernel: 3, stride: 1, padding: 1}}]
    name: both
  - {globalavgpool: , name: mean}
  - flatten
  - {linear: 7, name: head}
"""


def differing(found: Verification) -> set[tuple[str, str]]:
    """Return (path, what) of every figure that differs in a layer."""
    return {
        (layer.row.path, check.what)
        for layer in found.layers
        for check in layer.checks
        if check.ok is False
    }


def test_a_right_network_agrees() -> None:
    found = verify(cnncalc.loads(SPEC), batch=3)
    assert found.ok and not found.diagnostics, found.diagnostics
    kinds = {check.what for layer in found.layers for check in layer.checks}
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
    assert all(check.measured is not None for layer in found.layers for check in layer.checks)


def patched(
    cls: type, name: str, change: Callable[..., Any]
) -> Callable[[pytest.MonkeyPatch], None]:
    """Return a fault: a method of an operator returns what `change` makes of the right answer."""
    right = getattr(cls, name)
    return lambda monkeypatch: monkeypatch.setattr(
        cls, name, lambda self, *a, **k: change(self, right(self, *a, **k), *a)
    )


def wider(reaches: tuple, by: int) -> tuple:
    """Return a window with one tap more."""
    return tuple(
        (axis, Map(m.advance, tuple((*taps, taps[-1] + by) for taps in m.taps)))
        for axis, m in reaches
    )


def dilated(call: TorchCall) -> TorchCall:
    """Return a window of the same sizes, weights and MACs, but with gaps."""
    plain = call.arguments["kernel_size"] == (3, 3) and call.arguments["groups"] == 1
    return other(call, padding=(2, 2), dilation=(2, 2)) if plain else call


def other(call: TorchCall, **arguments: Any) -> TorchCall:
    """Return a call with other arguments."""
    return call._replace(arguments={**call.arguments, **arguments})


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
        patched(ops.AvgPool, "torch", lambda op, m, x: other(m, kernel_size=1, padding=0)),
        {("both.b.avgpool1", "receptive_field")},
    ),
    "module: the padding of a maximum forgotten": (
        patched(ops.MaxPool, "torch", lambda op, m, x: other(m, padding=(0, 0))),
        {("pool", "receptive_field")},
    ),
    "module: gaps between the taps": (
        patched(ops.Conv, "torch", lambda op, m, x: dilated(m)),
        {("second", "receptive_field")},
    ),
    "module: no groups": (
        patched(ops.Conv, "torch", lambda op, m, x: other(m, groups=1)),
        {("first", "tensors"), ("first", "params"), ("first", "macs"), ("first", "product_flops")},
    ),
    "module: no affine": (
        patched(ops.BatchNorm, "torch", lambda op, m, x: other(m, affine=False)),
        {("batchnorm1", "tensors"), ("batchnorm1", "params")},
    ),
    "module: another operator": (
        patched(ops.GlobalAvgPool, "torch", lambda op, m, x: TorchCall("Identity", {})),
        {("mean", "output"), ("mean", "activation_bytes")},
    ),
    "module: the middle instead of the mean": (
        patched(ops.GlobalAvgPool, "torch", lambda op, m, x: TorchCall("Middle", {})),
        {("mean", "receptive_field")},
    ),
    "module: double precision": (
        patched(ops.AvgPool, "torch", lambda op, m, x: TorchCall("Doubled", {"pool": m})),
        {("both.b.avgpool1", "activation_bytes")},
    ),
}


class Middle(nn.Module):
    """Takes one position of the map as its mean."""

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
    for module in (Middle, Doubled):
        monkeypatch.setitem(OURS, module.__name__, module)
    plant(monkeypatch)
    try:
        found = verify(spec)
    except cnncalc.Mistake as mistake:
        # These are so wrong that the network does not run.
        assert mistake.diagnostics[0].code == "CNN404", mistake
        return
    assert not found.ok
    assert wanted <= differing(found), differing(found)
    assert {d.code for d in found.diagnostics} == {"CNN406"}


def test_a_layer_that_writes_over_what_another_reads_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The rule that allows this also builds it, so only the output can show the fault."""
    text = yaml("""
        input: [3, 8, 8]
        layers:
          - conv: {out: 4, kernel: 3, padding: 1}
          - add: {a: [relu], b: []}
    """)
    spec = cnncalc.loads(text)
    assert verify(spec).ok
    monkeypatch.setattr(Graph, "readers", lambda graph: [1] * len(graph.nodes))
    (wrong,) = [check for check in verify(spec).totals if not check.ok]
    assert wrong.what == "in_place" and "differ by" in wrong.measured


def test_a_fault_in_the_plan_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two layers run in each other's place. Their modules are right, but their calls are not."""
    from cnncalc.torch_backend.verify import built as module

    right = module.assemble

    def wrong(*arguments: Any) -> Any:
        network = right(*arguments)
        (a, *x), (b, *y) = network.plan[1], network.plan[2]
        network.plan[1:3] = [(b, *x), (a, *y)]
        return network

    monkeypatch.setattr(module, "assemble", wrong)
    assert ("batchnorm1", "called") in differing(verify(cnncalc.loads(SPEC)))


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.key)
def test_what_the_counters_see_is_what_the_convention_says(op: type) -> None:
    """Both count MACs, or fvcore counts by a rule in its convention, or nobody counts.

    fvcore and torch themselves show which. Of a kernel that computes a whole layer, both see at
    most a part.
    """
    spec = cnncalc.loads(sample(op))
    report = cnncalc.analyze(spec)
    row = report.rows[-1]
    network = cnncalc.build(spec).eval()
    x = torch.randn(1, *row.input_shapes[0])
    seen = counters.fvcore_counts(network, (x,), ["it"])
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(x)
    counted = (seen.products["it"] > 0, seen.others["it"] > 0, counter.get_total_flops() > 0)
    by_rule = count(report, CONVENTIONS["fvcore"])
    if row.op in (*PRODUCTS.split(), "blurpool"):
        assert counted == (True, False, True)
    elif row.op in FUSED.split():
        assert seen.products["it"] < row.macs and not seen.others["it"]
        assert counter.get_total_flops() <= 2 * row.macs
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
def test_fvcores_own_rules_are_reported(layer: str, rule: str | None, count: int) -> None:
    keyed = layer if ": " in layer else f"{layer}: "
    spec = cnncalc.loads(f"input: [4, 8, 8]\nlayers: [{{{keyed}, name: it}}]")
    found = counters.fvcore_counts(cnncalc.build(spec).eval(), (torch.randn(1, 4, 8, 8),), ["it"])
    assert found.others["it"] == count
    (checked,) = verify(spec).layers
    assert (checked.fvcore_count, checked.fvcore_rule) == (count, rule)


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
    """By itself, fvcore counts padding="same" as nothing, because torch gives it another name."""
    text = yaml(f"""
        input: [4, 9, 9]
        layers:
          - {{conv: {{{body}, kernel: {kernel}}}, name: it}}
          - {{linear: 3, name: no, when: false}}
    """)
    found = verify(cnncalc.loads(text))
    assert found.ok, found.diagnostics
    assert {check.what for check in found.layers[0].checks} >= {"macs", "product_flops"}


ODD = {
    "no window starts in the padding at the end": """
        input: [1, 16, 9]
        layers:
          - avgpool: {kernel: [4, 2], stride: 2, padding: [[1, 2], 1], ceil_mode: true}
    """,
    "run in place, these keep what they wrote": """
        input: [4, 16, 16]
        layers:
          - conv: {out: 1, kernel: 3}
          - leaky_relu
          - relu
          - elu
          - relu
          - conv: {out: 2, kernel: 3}
    """,
    "a gate in three dimensions": """
        input: [1, 3, 16, 16]
        layers:
          - add: {a: [], b: [{crop: 2}, globalavgpool]}
          - relu
    """,
    "circular padding": """
        input: [2, 6]
        layers:
          - conv: {out: 3, kernel: 4, padding: 3, padding_mode: circular}
    """,
    "no window at all": """
        input: [3, 8, 8]
        layers: [flatten, {linear: 2}]
    """,
    "a pool in three dimensions": """
        input: [1, 8, 8, 8]
        layers:
          - maxpool: {kernel: 3, stride: 2, padding: 1}
          - conv: {out: 2, kernel: 1}
    """,
    "a dilated pool that pads to the same": """
        input: [1, 8, 8]
        layers:
          - maxpool: {kernel: 2, padding: same, dilation: 2, stride: 1}
    """,
    "an input that is an output": """
        input: {x: [3, 8, 8], y: [5, 9]}
        layers:
          - {globalmaxpool: , from: y}
          - reshape: [5, 1, 1]
        outputs: [reshape1, x]
    """,
    "layers that no output reads": """
        input: [3, 8, 8]
        layers:
          - {conv: {out: 4, kernel: 3}, name: body}
          - globalavgpool
          - flatten
          - {linear: 5, name: aux}
          - {conv: {out: 2, kernel: 1}, from: body, name: main}
        outputs: [main]
    """,
    "a stride on one axis": """
        input: [1, 1, 16]
        layers:
          - conv: {out: 3, kernel: 4, stride: [2, 1], padding: same, dilation: 2}
    """,
    "a norm as a pool": """
        input: [4, 9]
        layers: [{lppool: {kernel: 2, norm: 3}}, relu, mish]
    """,
}


@pytest.mark.parametrize("text", ODD.values(), ids=list(ODD))
def test_odd_networks_agree(text: str) -> None:
    found = verify(cnncalc.loads(yaml(text)))
    assert found.ok, found.diagnostics


IN_ONE_DIMENSION = """
input: [2, 40]
layers:
  - conv: {out: 4, kernel: 3, padding: same}
  - maxpool: {kernel: 3, dilation: 2}
  - upsample: 2
  - conv_transpose: {out: 2, kernel: 3, stride: 2}
"""
IN_THREE_DIMENSIONS = """
input: [2, 12, 20, 16]
layers:
  - conv: {out: 4, kernel: [1, 3, 3], padding: [0, 1, 1]}
  - maxpool: {kernel: [1, 2, 2]}
  - groupnorm: 2
  - layernorm: {over: channels}
"""


def test_convolutions_in_one_and_three_dimensions_agree() -> None:
    for text in (IN_ONE_DIMENSION, IN_THREE_DIMENSIONS):
        assert verify(cnncalc.loads(text)).ok


def test_shared_weights_are_counted_over_all_calls() -> None:
    found = verify(cnncalc.loads(SIAMESE), batch=2)
    assert found.ok, found.diagnostics
    (shared,) = [layer for layer in found.layers if layer.row.path == "b.conv1"]
    (owner,) = [layer for layer in found.layers if layer.row.path == "a.conv1"]
    assert "macs" not in {check.what for check in shared.checks}
    assert [(check.predicted, check.note) for check in owner.checks if check.what == "macs"] == [
        (2 * 2 * 100 * 64, "all 2 calls together")
    ]


def some() -> list[str]:
    """Return a fast network of each family, two in a full run; `verify --all` runs the others."""
    chosen = []
    for _, family in groupby(BUNDLED, key=lambda network: network.spec.file):
        cheap = {}
        for name, spec, variant in family:
            totals = cnncalc.analyze(spec, variant).totals
            if totals.macs < 16 * 10**9 and totals.params < 140 * 10**6:
                cheap[name] = totals.macs
        chosen += sorted(cheap, key=lambda name: cheap[name])[: 1 + FULL]
    return [*chosen, "resnet50", "unet"]


@pytest.mark.long
@pytest.mark.parametrize("name", sampled(some(), 20))
def test_bundled_networks_agree(name: str) -> None:
    """Of the receptive fields, as many are measured as `verify` does, and all in a full run."""
    found = verify(cnncalc.load(name), work=WORK if FULL else QUICK)
    assert found.ok, found.diagnostics[:3]
    for layer in found.layers:
        if layer.row.op in ("conv", "conv_transpose", "linear"):
            assert {check.what for check in layer.checks} >= {
                "macs",
                "product_flops",
                "tensors",
                "output",
            }
    assert any(check.what == "macs" and check.by == "fvcore" for check in found.totals)


@cache
def on_meta() -> Verification:
    return verify(cnncalc.load("resnet18"), device="meta")


def test_meta_runs_without_fvcore() -> None:
    found = on_meta()
    assert found.ok
    assert [(check.measured, check.ok) for check in found.totals if check.what == "macs"] == [
        (None, None)
    ]
    assert "fvcore traces the network" in found.notes[0]


MOST = r"""
import re
import cnncalc
import torch
from cnncalc.torch_backend.verify.verify import verify

def most():
    return int(re.search(r"VmHWM:\s+(\d+)", open("/proc/self/status").read())[1])

before = most()
assert verify(cnncalc.load("vgg16"), device="meta").ok
print(most() - before, most())
"""


def test_vgg16_on_meta_stays_small() -> None:
    """It takes 600 MB of memory, including torch's own. Its weights alone would take 553 MB."""
    done = run_code(MOST)
    assert done.returncode == 0, done.stderr
    grown, most = map(int, done.stdout.split())  # KiB
    assert grown < 450_000  # the weights would be 540,000
    assert most < 600_000 or torch.version.cuda  # importing a build with CUDA takes 300 MB more


def test_fields_are_checked_unclipped_where_the_input_can_grow() -> None:
    spec = cnncalc.load("resnet18")
    found = measured_fields(spec, cnncalc.analyze(spec))
    last = found.spans["stage4.basic1.1.relu1"]["input", 0, True]
    assert last.measured is not None and last.measured[1] - last.measured[0] + 1 == 435
    assert found.inputs == [{"input": (3, 512, 32)}, {"input": (3, 32, 512)}]


def test_json_has_every_check() -> None:
    done = run("verify", "lenet5", "three_conv", "--format", "json")
    data = json.loads(done.stdout)
    assert (done.returncode, done.stderr, data["schema_version"], data["ok"]) == (0, "", 2, True)
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
    found = on_meta()
    screen = Console(width=width, file=io.StringIO(), record=True)
    screen.print(network_table(found, width))
    text = screen.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "✗" not in text and "receptive fields" in text


FAULT = """
from cnncalc.ops.linear import Linear
right = Linear.cost
Linear.cost = lambda s, x, y: right(s, x, y=y)._replace(mac=9)
"""


def test_a_difference_is_an_error_at_its_line(tmp_path: Any) -> None:
    """The fault is planted from outside, in a process of its own."""
    (tmp_path / "net.yaml").write_text(SPEC)
    done = run_code(FAULT + code_of("verify", "net.yaml"), folder=tmp_path)
    assert done.returncode == 1
    assert re.search(r"head +7 ✓ +77 ✓ 77 +9 ✗ 70", done.stdout), done.stdout
    line = SPEC.splitlines().index("  - {linear: 7, name: head}") + 1
    error = "error[CNN406]: head: macs: predicted 9, measured 70 by fvcore"
    assert f"{error}\n  --> net.yaml:{line}:6" in done.stderr
    assert "figures differ ✗" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("vgg16", "--device", "cuda:7"), "CNN402", "cuda:7"),
        (("vgg16", "--device", "tpu"), "CNN402", "unknown device `tpu`"),
        (("vgg16", "--batch", "0"), "CNN111", "--batch takes a number from 1"),
        (("vgg17",), "CNN111", "did you mean"),
        (("vgg16", "--variant", "x"), "CNN111", "x"),
        (("vgg16", "--memory", "--thorough"), "CNN111", "--thorough does not go with --memory"),
    ],
)
def test_bad_options_are_refused(arguments: tuple[str, ...], code: str, said: str) -> None:
    done = run("verify", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error[{code}]" in done.stderr and said in done.stderr


def test_without_torch_or_fvcore_an_error_says_how_to_install_it() -> None:
    for package in ("torch", "fvcore"):
        done = run_without(package, "verify", "lenet5")
        assert done.returncode == 2
        help = f"   = help: {install_command('torch')}\n"
        assert done.stderr == f"error[CNN401]: {package} is not installed\n{help}"


@pytest.mark.long
def test_random_networks_agree() -> None:
    """Every figure of random graphs agrees, including borders, holes and misaligned branches."""
    for text, _ in networks(11, GRAPHS):
        found = verify(cnncalc.loads(text), batch=2)
        assert found.ok, (found.diagnostics[:3], text)


def test_a_narrow_network_sees_the_same() -> None:
    """It has few channels, no groups, and the same fields; None if a layer depends on channels."""
    for name in ("resnext50_32x4d", "deeplabv3_resnet50", "unet", "mobilenet_v3_small"):
        report = cnncalc.analyze(cnncalc.load(name))
        few = narrowed_report(report)
        assert few is not None and few.totals.params < report.totals.params / 100
        assert [(row.path, row.receptive_fields) for row in few.rows] == [
            (row.path, row.receptive_fields) for row in report.rows
        ]
    assert narrowed_report(cnncalc.analyze(cnncalc.load("shufflenet_v2_x1_0"))) is None


def test_a_wrong_field_is_found_in_a_narrow_network(monkeypatch: pytest.MonkeyPatch) -> None:
    text = yaml("""
        input: [3, 64, 64]
        layers:
          - chain: [{conv: {out: 64, kernel: 3, padding: 1}}, relu]
            repeat: 6
    """)
    spec = cnncalc.loads(text)
    found = verify(spec, device="meta", work=10**8)
    assert found.ok and "with at most 4 channels" in found.notes[-1]
    right = ops.Conv.window
    monkeypatch.setattr(
        ops.Conv,
        "window",
        lambda op, x: (tuple((axis, Map.window(5, 1, 2)) for axis, _ in right(op, x)[0]),),
    )
    assert "receptive_field" in {
        what for _, what in differing(verify(spec, device="meta", work=10**8))
    }


def test_a_batch_larger_than_the_memory_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without memory would kill the process instead of refusing."""
    monkeypatch.setattr(allocator, "available", lambda: 1 << 20)
    spec = cnncalc.load("lenet5_modern")
    said = r"batch 1,000,000 does not fit in the memory of cpu; batch [1-9]\d? fits"
    with pytest.raises(cnncalc.Mistake, match=said):
        verify(spec, batch=10**6)
    with pytest.raises(cnncalc.Mistake, match=said):
        hold(spec, cnncalc.build(spec), batch=10**6)


def test_fewer_fields_are_measured_to_be_quick_and_counted() -> None:
    spec = cnncalc.load("resnet18")
    report = cnncalc.analyze(spec)
    quick = measured_fields(spec, report, work=QUICK)
    assert 0 < quick.measured < quick.layers
    compared = [span for spans in quick.spans.values() for span in spans.values()]
    assert not [span for span in compared if span.ok is False]
    assert report.receptive_field  # of the last layer that has one, which depends on all before
    fields = [row.receptive_field for row in report.rows if row.path in quick.spans]
    assert report.receptive_field[1] in fields
    (note,) = field_notes(quick)
    assert f"{quick.measured} of {quick.layers} layers" in note
    assert note.endswith("--thorough measures more")


@pytest.mark.parametrize("name", ["lenet5", "squeezenet1_1", "mobilenet_v3_small"])
def test_the_run_that_fvcore_traces_shows_what_another_run_shows(name: str) -> None:
    spec = cnncalc.load(name)
    network = cnncalc.build(spec).eval()
    inputs = [torch.zeros(2, *shape) for shape in cnncalc.analyze(spec).inputs.values()]
    paths, cpu = layer_paths(network), torch.device("cpu")
    alone = run_with_hooks(network, inputs, paths, cpu)
    counted = counters.fvcore_counts(network, inputs, paths)
    both: list[counters.Counts] = []

    def trace() -> None:
        both.append(counters.fvcore_counts(network, inputs, paths))

    assert noted_run(network, paths, cpu, trace) == alone
    assert both == [counted]


def test_the_network_runs_once_at_its_full_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run on meta computes nothing, and others have smaller inputs."""
    inputs: list[torch.Tensor] = []
    forward = Network.forward

    def noted(self: Network, *xs: torch.Tensor) -> Any:
        inputs.extend(xs)
        return forward(self, *xs)

    monkeypatch.setattr(Network, "forward", noted)
    assert verify(cnncalc.load("squeezenet1_1")).ok
    full = [x for x in inputs if x.shape[-2:] == (224, 224)]
    assert sorted(x.is_meta for x in full) == [False, True]


def test_a_network_that_fvcore_cannot_trace_is_verified_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("no trace\nof it")

    monkeypatch.setattr(counters, "fvcore_counts", refuse)
    found = verify(cnncalc.loads(SPEC))
    assert found.ok
    assert found.notes[0].startswith("MACs were not measured: fvcore cannot trace this network: ")
    assert found.notes[0].endswith("no trace")
    assert {c.ok for layer in found.layers for c in layer.checks if c.what == "macs"} == {None}
    assert {c.ok for layer in found.layers for c in layer.checks if c.what == "output"} == {True}


def test_threads_are_as_before() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="why"), one_thread():
            assert torch.get_num_threads() == 1
            raise ValueError("why")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_wrong_name_is_an_error_before_torch_is_loaded() -> None:
    done = run_without("torch", "verify", "no_such_network")
    assert done.returncode == 2
    assert "no file or bundled network is called `no_such_network`" in done.stderr


def test_progress_is_shown_before_torch_is_loaded() -> None:
    """The bar is on a terminal as soon as the command starts, and is gone at the end."""
    ours, theirs = os.openpty()
    code = "import sys\nsys.modules['torch'] = None\n" + code_of("verify", "lenet5")
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": python_path(), "TERM": "xterm"},
        check=False,
        timeout=120,
    )
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 2  # there is no torch
    assert "loading torch" in shown
    assert "CNN401" in shown
