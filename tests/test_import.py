"""Networks of torch become specs that describe them, as torch itself finds."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.convert.importing import ImportedSpec, import_network, traced
from cnncalc.convert.importing import imported as of_trace
from cnncalc.graph import Graph

from .command import run
from .generated import read_as
from .samples import BUNDLED, Bundled

torch = pytest.importorskip("torch")
functional = torch.nn.functional
NETWORKS = Path(__file__).parent / "real" / "to_import.py"


def imported(name: str, *inputs: tuple[int, ...]) -> ImportedSpec:
    return import_network(f"{NETWORKS}:{name}", inputs)


@pytest.mark.parametrize(
    ("name", "inputs", "lines"),
    [
        ("Residual", [(3, 32, 32)], 36),
        ("Gated", [(3, 32, 32)], 40),
        ("Functional", [(3, 28, 28)], 24),
        ("Twice", [(3, 16, 16)], 14),
        ("Shuffled", [(8, 14, 14)], 20),
        ("Two", [(1, 12, 12), (1, 12, 12)], 20),
        ("Upwards", [(3, 32, 32)], 24),
        ("Attending", [(3, 32, 32)], 62),
        ("WithoutNorms", [(3, 8, 8)], 14),
        ("Pyramid", [(3, 32, 32)], 36),
        ("Mixer", [(3, 32, 32)], 30),
        ("Einsums", [(3, 8, 8)], 36),
        ("Skips", [(3, 32, 32)], 32),
        ("Text", [(1, 32, 24)], 16),
        ("Dense", [(3, 16, 16)], 24),
        ("Blurred", [(3, 16, 16)], 6),
    ],
)
def test_a_network_becomes_a_spec_of_it(
    name: str, inputs: list[tuple[int, ...]], lines: int
) -> None:
    found = imported(name, *inputs)
    assert found.problems == [] and found.declared == []
    assert found.verified
    assert found.lines <= lines, found.text


def test_what_has_no_operator_is_declared_as_torch_measures_it() -> None:
    found = imported("Odd", (3, 32, 32))
    assert [(part.what, part.path) for part in found.declared] == [
        ("fft_rfft2", "odd.fft_rfft21"),
        ("tensordot", "odd.tensordot1"),
    ]
    assert found.declared[1].source and found.declared[1].source.startswith("tests/real/to_import")
    assert [d.code for d in found.problems] == ["CNN410", "CNN410"]
    report = cnncalc.analyze(found.text)
    network = __import__("importlib").import_module("tests.real.to_import").Odd()
    assert report.totals.params == sum(p.numel() for p in network.parameters())
    product = next(row for row in report.rows if row.path.endswith("opaque2"))
    assert (product.params, product.macs) == (16 * 16, 16 * 16 * 32 * 32)
    assert not found.verified


def test_layers_of_which_all_results_are_joined_are_written_once() -> None:
    found = imported("Dense", (3, 16, 16))
    text = " ".join(found.text.split())
    assert "- concat: [stem, grow.*]" in text and "repeat: 5" in text, found.text
    assert cnncalc.analyze(found.text).totals.params == sum(
        p.numel() for p in __import__("tests.real.to_import").real.to_import.Dense().parameters()
    )


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "changes"),
    [
        ("Dense", (3, 16, 16), {"depth": 7}, {r"repeat: 5": "repeat: 7"}),
        ("Dense", (3, 16, 16), {"growth": 6}, {r"out: 4\b": "out: 6"}),
        ("Mixer", (3, 32, 32), {"features": 40}, {r"\b24\b": "40"}),
        (
            "Skips",
            (3, 32, 32),
            {"widths": (16, 32, 64)},
            {r"out: (\d+), kernel: 2": lambda m: f"out: {2 * int(m[1])}, kernel: 2"}
            | {r"relu: (\d+)(?=[,}\n])": lambda m: f"relu: {2 * int(m[1])}"},
        ),
    ],
)
def test_a_spec_stays_right_with_other_widths_and_depths(
    name: str, shape: tuple[int, ...], arguments: dict[str, Any], changes: dict[str, Any]
) -> None:
    text = imported(name, shape).text
    for pattern, other in changes.items():
        text = re.sub(pattern, other, text)
    wanted = import_network(f"{NETWORKS}:{name}", [shape], kwargs=arguments)
    assert wanted.verified
    assert sizes(cnncalc.loads(text).graph()) == sizes(cnncalc.loads(wanted.text).graph()), text


def test_a_local_norm_and_a_shuffle_are_one_layer_each() -> None:
    found = imported("Neighbours", (8, 6, 6))
    assert found.verified
    assert [
        line.strip("- ") for line in found.text.partition("layers:")[2].split("\n") if line
    ] == [
        "conv: {out: 8, kernel: 1, groups: 2}",
        "lrn: {alpha: 0.0002, beta: 0.7, k: 2.0}",
        "channel_shuffle: 2",
        "relu",
        "conv: {out: 8, kernel: 1, groups: 4}",
        "lrn: 4",
        "channel_shuffle: 4",
        "relu",
    ]


@pytest.mark.parametrize(
    "norm",
    [
        lambda x, y: x / (2 + 0.1 * y) ** 0.75,  # what it divides by is read twice
        lambda x, y: x.relu() / (1 + 0.1 * x.pow(2).mean(1, keepdim=True)) ** 0.75,
        lambda x, y: x / (1 + 0.1 * functional.avg_pool2d(x * x, 3, 1, 1)) ** 0.75,  # of positions
    ],
)
def test_what_only_looks_like_a_local_norm_is_none(norm: Any) -> None:
    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y = functional.pad((x * x).unsqueeze(1), (0, 0, 0, 0, 1, 1))
            y = functional.avg_pool3d(y, (3, 1, 1), stride=1).squeeze(1)
            return norm(x, y), y

    assert "lrn" not in spec_of(Network(), (4, 6, 6))


def spec_of(network: torch.nn.Module, *shapes: tuple[int, ...]) -> str:
    return of_trace(traced(network, shapes, "net")).text


def test_a_blur_is_one_layer() -> None:
    assert "- blurpool: 3" in imported("Blurred", (3, 16, 16)).text


def test_one_path_of_a_network_that_decides_by_values() -> None:
    found = imported("Forked", (3, 16, 16))
    assert [d.code for d in found.problems] == ["CNN419", "CNN418"]
    assert {d.severity for d in found.problems} == {"warning"} and not found.verified
    assert "to_import.py:" in found.problems[0].message
    assert "`other.weight` and 3 other tensors (90 values)" in found.problems[1].message
    assert cnncalc.analyze(found.text).totals.params == 8 * 28


def test_parameters_that_only_training_reads_are_named() -> None:
    found = imported("Auxiliary", (3, 16, 16))
    assert [d.code for d in found.problems] == ["CNN418"]
    assert "`auxiliary.weight` and another tensor (18 values)" in found.problems[0].message
    assert found.held is not None and found.held.ok


def sizes(graph: Graph) -> list[tuple[str, tuple[int, ...]]]:
    """Return what computes, and the shape that it gives; views may be written in other ways."""
    moves = ("flatten", "reshape", "identity", "dropout", "dropout2d", "stochastic_depth")
    nodes = [node for node in graph.nodes if node.op and node.op.key not in moves]
    return [(node.op.key, tuple(node.shape)) for node in nodes if node.op]


@pytest.mark.parametrize(
    "network",
    [n for n in BUNDLED if n.name in ("lenet5", "resnet18", "squeezenet1_1", "unet_small")],
)
def test_a_built_network_is_imported_again(network: Bundled) -> None:
    spec = cnncalc.load(network.name)
    report = cnncalc.analyze(spec)
    found = import_network_of(spec)
    again = cnncalc.analyze(found)
    assert again.totals.params == report.totals.params
    assert again.totals.macs == report.totals.macs


def import_network_of(spec: cnncalc.Spec) -> str:
    """Import the network that torch builds of a spec."""
    from cnncalc.convert.from_torch import graph_of
    from cnncalc.convert.roll import rolled_spec
    from cnncalc.torch_backend.trace.export import exported

    network = cnncalc.build(spec)
    shapes = [tuple(node.shape) for node in spec.graph().inputs]
    return rolled_spec(graph_of(exported(network, shapes)).graph, "again").text


def test_the_command_writes_a_spec(tmp_path: Path) -> None:
    target = f"{NETWORKS}:Residual"
    done = run("import", target, "--input", "3x32x32", "-o", "net.cnn.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert run("check", "net.cnn.yaml", folder=tmp_path).returncode == 0
    held = run("verify", "net.cnn.yaml", "--module", target, folder=tmp_path)
    assert held.returncode == 0, held.stdout + held.stderr
    done = run("import", target, "--input", "3x32x32", "--format", "json", folder=tmp_path)
    data = json.loads(done.stdout)
    assert data["verified"] and data["opaque"] == []
    assert data["spec"] == (tmp_path / "net.cnn.yaml").read_text("utf-8").rstrip("\n") + "\n"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["Residual"], 2, "needs the shape of the input"),
        (["Missing", "--input", "3x8x8"], 2, "has no `Missing`"),
        (["Residual", "--input", "4x32x32"], 2, "cannot be traced"),
        (["Decides", "--input", "3x8x8"], 0, "warning[CNN419]"),
        (["Decides", "--input", "3x8x8", "--strict"], 1, "error[CNN419]"),
        (["Odd", "--input", "3x32x32", "--strict"], 1, "error[CNN410]"),
    ],
)
def test_what_cannot_be_imported_is_said(arguments: list[str], code: int, says: str) -> None:
    name, *others = arguments
    done = run("import", f"{NETWORKS}:{name}", *others)
    assert done.returncode == code
    assert says in done.stderr


X = (2, 4, 6, 6)
# For operations of torch, a call that a network may make of them.
CALLS = {
    "add.Tensor": lambda x: x + x.sigmoid(),
    "mul.Tensor": lambda x: x * x.mean((2, 3), keepdim=True),
    "sub.Tensor": lambda x: x - x.tanh(),
    "div.Tensor": lambda x: x / 3,
    "maximum.default": lambda x: torch.maximum(x, x.tanh()),
    "pow.Tensor_Scalar": lambda x: x.abs() ** 3,
    "sqrt.default": lambda x: x.abs().sqrt(),
    "rsqrt.default": lambda x: x.exp().rsqrt(),
    "square.default": lambda x: x.square(),
    "mean.dim": lambda x: x.mean(1, keepdim=True),
    "sum.dim_IntList": lambda x: x.sum((2, 3)),
    "var.dim": lambda x: x.var(1, keepdim=True, unbiased=False),
    "amax.default": lambda x: x.amax((1,), keepdim=True),
    "linalg_vector_norm.default": lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True),
    "softmax.int": lambda x: x.softmax(1),
    "cat.default": lambda x: torch.cat([x, x.relu()], 2),
    "stack.default": lambda x: torch.stack([x.flatten(2), x.relu().flatten(2)], 2),
    "split.Tensor": lambda x: x.split(2, 1)[1],
    "split_with_sizes.default": lambda x: x.split([1, 3], 1)[1],
    "chunk.default": lambda x: x.chunk(2, 3)[0],
    "unbind.int": lambda x: x.unbind(1)[2],
    "select.int": lambda x: x[:, 3],
    "slice.Tensor": lambda x: x[:, :, 1:, ::2],
    "permute.default": lambda x: x.permute(0, 2, 3, 1).contiguous(),
    "transpose.int": lambda x: x.transpose(1, 3),
    "unsqueeze.default": lambda x: x.flatten(2).unsqueeze(1),
    "view.default": lambda x: x.view(2, 2, 2, 36),
    "reshape.default": lambda x: x.reshape(2, 8, 3, 6),
    "flatten.using_ints": lambda x: x.flatten(1),
    "scaled_dot_product_attention.default": lambda x: (
        torch.nn.functional.scaled_dot_product_attention(
            *torch.cat([x, x.relu(), x.tanh()], 1).reshape(2, 3, 2, 2, 36).mT.unbind(1)
        )
    ),
    "expand.default": lambda x: x * x.mean((2, 3), keepdim=True).expand(2, 4, 6, 6),
    "batch_norm.default": lambda x: torch.nn.functional.batch_norm(
        x.flatten(2).mT.flatten(0, 1), torch.zeros(4), torch.ones(4)
    ).reshape(2, 36, 4),
    "matmul.default": lambda x: x.flatten(2).transpose(1, 2) @ x.flatten(2),
    "pad.default": lambda x: torch.nn.functional.pad(x, (1, 0, 2, 0)),
    "clamp_min.default": lambda x: x.clamp_min(0),
    "hardtanh.default": lambda x: torch.nn.functional.hardtanh(x, 0, 6),
    "upsample_nearest2d.vec": lambda x: torch.nn.functional.interpolate(x, scale_factor=2),
    "upsample_bilinear2d.vec": lambda x: torch.nn.functional.interpolate(
        x, size=(9, 7), mode="bilinear"
    ),
    "adaptive_avg_pool2d.default": lambda x: torch.nn.functional.adaptive_avg_pool2d(x, 3),
    "avg_pool2d.default": lambda x: torch.nn.functional.avg_pool2d(x, 3, 2, 1),
    "max_pool2d.default": lambda x: torch.nn.functional.max_pool2d(x, 2),
}


@pytest.mark.parametrize("operation", CALLS)
def test_an_operation_of_torch_is_read(operation: str) -> None:
    """The layers compute what the call computes: their values are compared."""

    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return CALLS[operation](x)

    from cnncalc.convert.from_torch import graph_of
    from cnncalc.convert.roll import rolled_spec
    from cnncalc.torch_backend.trace.export import exported

    trace = exported(Network(), [X[1:]])
    assert operation.partition(".")[0] in {call.name.strip("_") for call in trace.calls}
    found = graph_of(trace)
    assert found.declared == []
    spec = cnncalc.loads(rolled_spec(found.graph, "one").text)
    x = torch.randn(2, *X[1:])
    torch.testing.assert_close(cnncalc.build(spec).eval()(x), Network()(x))


def test_what_is_said_of_torchs_operations_is_complete() -> None:
    lines = (Path(__file__).parent / "published" / "aten_operations.txt").read_text("utf-8")
    operations = [line.split()[0] for line in lines.splitlines() if not line.startswith("#")]
    assert len(operations) == 77
    assert all(map(read_as, operations)), [o for o in operations if not read_as(o)]
    assert CALLS.keys() <= set(operations)


def windows(x: torch.Tensor) -> torch.Tensor:
    """Turn windows of 3×3 into images of their own, and back."""
    y = x.view(2, 4, 2, 3, 2, 3).permute(0, 2, 4, 3, 5, 1).reshape(-1, 9, 4).softmax(1)
    return y.view(2, 2, 2, 3, 3, 4).permute(0, 5, 1, 3, 2, 4).reshape(2, 4, 6, 6)


def heads(x: torch.Tensor) -> torch.Tensor:
    """Multiply heads that are images of a larger batch."""
    y = x.reshape(4, 2, 36)
    return (y.mT @ y.relu()).softmax(-1).view(2, 2, 36, 36)


def shuffled(x: torch.Tensor) -> torch.Tensor:
    """Mix the channels of two groups."""
    return x.view(2, 2, 2, 6, 6).transpose(1, 2).reshape(2, 4, 6, 6)


def of_one_head(x: torch.Tensor) -> torch.Tensor:
    """Let all heads of queries read the same keys."""
    return x.flatten(3).view(2, 4, 6, 6) @ x.mean(1, keepdim=True).mT


@pytest.mark.parametrize(
    ("function", "keys"),
    [
        (windows, ["reshape", "permute", "reshape", "softmax", "reshape", "permute", "reshape"]),
        (heads, None),
        (shuffled, ["channel_shuffle"]),
        (of_one_head, None),
    ],
)
def test_images_and_axes_may_be_moved_about(function: Any, keys: list[str] | None) -> None:
    class Network(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return function(x)

    from cnncalc.convert.from_torch import graph_of
    from cnncalc.convert.roll import rolled_spec
    from cnncalc.torch_backend.trace.export import exported

    found = graph_of(exported(Network(), [X[1:]]))
    assert found.declared == []
    assert keys is None or [node.op.key for node in found.graph.nodes if node.op] == keys
    spec = cnncalc.loads(rolled_spec(found.graph, "one").text)
    x = torch.randn(3, *X[1:])
    y = torch.cat([function(x[n : n + 1].expand(2, -1, -1, -1))[:1] for n in range(3)])
    torch.testing.assert_close(cnncalc.build(spec).eval()(x), y)
