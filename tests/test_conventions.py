"""Every convention against the tool it is named after, to the integer: operators, random graphs, the bundled networks."""

from __future__ import annotations

import contextlib
import json
import os
import random
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch

import cnncalc
from cnncalc.analysis.compare import Count, counts, layers, term_of
from cnncalc.analysis.rows import Report, Row, fold
from cnncalc.analysis.zoo import members, specs
from cnncalc.conventions import CONVENTIONS, OWN_MODULE, Term
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.ops import OPS
from cnncalc.ops.base import Op
from cnncalc.torch_backend.build import assemble
from cnncalc.torch_backend.verify.counters import enclosing

from . import graphs
from .cases import case, instance
from .test_cli import run
from .tools import TOOLS, Said

CASES = max(int(os.environ.get("CNNCALC_CASES", "200")) // 10, 60)
GRAPHS = max(int(os.environ.get("CNNCALC_GRAPHS", "40")), 200)
LIMIT = 15 * 10**8  # multiply–accumulates; larger networks run at a smaller input
NETWORKS = [(variant or stem, spec, variant) for stem, spec in specs() for variant in members(spec)]


def said(report: Report) -> dict[str, Said]:
    """What each tool says of the torch network of a report. The weights are never set: nobody looks at the values."""
    network = assemble(report.graph, "meta").to_empty(device="cpu").eval()
    inputs = [torch.zeros(1, *node.shape) for node in report.graph.inputs]
    return {name: tool(network, inputs) for name, tool in TOOLS.items()}


def by_tool(report: Report) -> dict[str, Count]:
    return {
        count.convention.name: count for count in counts(report) if count.convention.name in TOOLS
    }


def agree(report: Report) -> None:
    """Each convention gives what its tool says: in all, of each layer, and of the parameters."""
    found = said(report)
    for name, count in by_tool(report).items():
        tool = found[name]
        lost = {row.path: cut_off(row) if name == "thop" else 0 for row in report.rows}
        assert count.total == tool.total + sum(lost.values()), (name, count.by_operator)
        assert tool.params in (None, count.params), name
        if tool.layers is None:
            continue
        figures = dict.fromkeys((row.shared_with or row.path for row in report.rows), 0)
        for row, figure in zip(report.rows, count.layers):
            figures[row.shared_with or row.path] += figure - lost[row.path]
        theirs = dict.fromkeys(figures, 0)
        for path, figure in tool.layers.items():  # what stands inside a layer is part of it
            layer = path if path in figures else enclosing(path, figures)
            if layer in theirs:
                theirs[layer] += figure
        assert theirs == figures, name


def cut_off(row: Row) -> int:
    """What thop loses of an adaptive mean: it cuts off a product of quotients, which floating point may leave a little short of a whole number."""
    if row.op not in ("adaptiveavgpool", "globalavgpool"):
        return 0
    quotients = torch.tensor(row.input_shapes[0][1:], dtype=torch.float64) / torch.tensor(
        row.output_shape[1:], dtype=torch.float64
    )
    exact = prod(row.input_shapes[0]) + prod(row.output_shape)
    lost = exact - int((quotients.prod() + 1) * prod(row.output_shape))
    assert lost in (0, 1)
    return lost


def single(op: Op, shapes: list[tuple[int, ...]]) -> Report:
    """A network of one layer."""
    graph = Graph()
    graph.nodes = [Node(f"x{n}", None, (), shape) for n, shape in enumerate(shapes)]
    graph.nodes.append(Node("layer", op, tuple(range(len(shapes))), checked(op, shapes)))
    graph.outputs = (len(shapes),)
    rows, totals, _ = fold(graph)
    return Report("one", "one.yaml", None, None, None, {}, {}, 1, "float32", rows, totals, graph)


@lru_cache
def samples(op: type[Op]) -> list[Report]:
    """Random configurations of an operator that have a shape."""
    rng, found = random.Random(f"conventions {op.key}"), list[Report]()
    while len(found) < CASES:
        body, shapes = case(op, rng)
        made = instance(op, body)
        with contextlib.suppress(Mistake):
            found += [single(made, shapes)] if made else []
    return found


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.key)
def test_every_operator(op: type[Op]) -> None:
    for report in samples(op):
        agree(report)


def test_every_term_is_held_to_its_tool() -> None:
    """The samples above use each term of each tool's convention; one that none of them uses would be a guess."""
    used: dict[str, set[Term | None]] = {name: set() for name in TOOLS}
    for op in OPS:
        for report in samples(op):
            (layer,) = layers(report)
            for name in TOOLS:
                used[name].add(term_of(CONVENTIONS[name].terms, layer))
    for name in TOOLS:
        assert not set(CONVENTIONS[name].terms) - used[name], name


def test_a_wrong_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = cnncalc.loads(
        "input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 3}}, batchnorm, relu, globalavgpool, flatten, {linear: 5}]"
    )
    agree(cnncalc.analyze(spec))
    for name in TOOLS:
        for n, term in enumerate(CONVENTIONS[name].terms):
            wrong = [
                *CONVENTIONS[name].terms[:n],
                term._replace(formula=f"{term.formula} + places"),
                *CONVENTIONS[name].terms[n + 1 :],
            ]
            uses = term in by_tool(cnncalc.analyze(spec))[name].terms
            with monkeypatch.context() as patched:
                patched.setitem(CONVENTIONS, name, CONVENTIONS[name]._replace(terms=tuple(wrong)))
                if uses:
                    with pytest.raises(AssertionError):
                        agree(cnncalc.analyze(spec))


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs(seed: int) -> None:
    rng, done = random.Random(f"conventions {seed}"), 0
    while done < GRAPHS // 8:
        report = cnncalc.analyze(cnncalc.loads(graphs.spec(rng)))
        if report.ok:
            agree(report)
            done += 1


def affordable(spec: cnncalc.Spec, variant: str | None) -> Report:
    """The network at its own input; a large one at the largest that this machine runs in a moment."""
    report = cnncalc.analyze(spec, variant)
    (shape,) = report.inputs.values() if len(report.inputs) == 1 else [()]
    side = shape[-1] if len(shape) > 2 else 0
    while report.totals.macs > LIMIT and side > 32:
        side = side * 7 // 8
        smaller = cnncalc.analyze(spec, variant, input=(*shape[:-2], side, side))
        report = smaller if smaller.ok else report
    return report


@pytest.mark.parametrize(
    ("spec", "variant"),
    [network[1:] for network in NETWORKS],
    ids=[network[0] for network in NETWORKS],
)
def test_every_bundled_network(spec: cnncalc.Spec, variant: str | None) -> None:
    agree(affordable(spec, variant))


def test_the_figures_that_the_tools_print() -> None:
    """ResNet-50 as the issue of every comparison: the command's figures are those in the tools' own output."""
    shown = {
        entry["name"]: entry
        for entry in json.loads(run("compare", "resnet50", "--format", "json").stdout)[
            "conventions"
        ]
    }
    text = run("compare", "resnet50").stdout
    assert "torchvision  4,089,184,256 MACs = 4.089 G" in text
    tools = said(cnncalc.analyze(cnncalc.load("resnet50")))
    for name, tool in tools.items():
        assert shown[name]["total"] == tool.total
        assert f"{tool.total:,}" in text
    printed = {name: tool.printed for name, tool in tools.items() if tool.printed}
    assert printed == {
        "fvcore": "4.112G",
        "torchinfo": "4.09",
        "ptflops": "4.13 GMac",
        "thop": "4.134G",
    }
    for name, digits in (
        ("fvcore", "4.112 G"),
        ("ptflops", "4.132 G"),
        ("thop", "4.134 G"),
        ("torch", "8.178 G"),
    ):
        assert f"= {digits}" in next(
            line for line in text.splitlines() if line.startswith(f"{name} ")
        ), name


def test_what_a_convention_leaves_out_is_said() -> None:
    """Whole operators, or the layers that are counted otherwise than their like, with the reason."""
    silent = {
        count.convention.name: count.silent
        for count in counts(cnncalc.analyze(cnncalc.load("lenet5")))
    }
    assert silent["thop"] == {
        "their types are not in its list": ["tanh", "rbf"],
        OWN_MODULE: ["C3"],
    }
    assert silent["ptflops"][OWN_MODULE] == ["C3"]
    assert silent["flops"] == {}
    for _, spec, variant in NETWORKS:
        report = cnncalc.analyze(spec, variant)
        for count in counts(report):
            named = {name for names in count.silent.values() for name in names}
            assert sum(count.by_operator.values()) == count.total == sum(count.layers)
            for row, figure in zip(report.rows, count.layers):
                assert bool(figure) or not row.flops or row.op in named or row.path in named, (
                    count.convention.name,
                    row.path,
                )


def test_the_command_on_odd_networks(tmp_path: Path) -> None:
    (tmp_path / "vector.yaml").write_text("input: [5]\nlayers: [relu, softmax]\n")
    (tmp_path / "wrong.yaml").write_text(
        "input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]\n"
    )
    vector = run("compare", "vector.yaml", folder=tmp_path)
    assert (
        vector.returncode == 0
        and "nothing for relu, softmax: no multiply–accumulates" in vector.stdout
    )
    wrong = run("compare", "wrong.yaml", "--format", "json", folder=tmp_path)
    assert wrong.returncode == 1 and json.loads(wrong.stdout)["conventions"] == []
    assert "error[CNN204]" in wrong.stderr
    for width in (60, 79, 80, 100, 200):
        shown = run("compare", "resnet50", COLUMNS=str(width)).stdout
        assert max(map(len, shown.splitlines())) <= width
        assert "…" not in shown and shown.count("thop") >= 2, width
    lines = [
        line.split(",")
        for line in run("compare", "resnet50", "--format", "csv").stdout.splitlines()
    ]
    assert lines[0] == ["operator", *CONVENTIONS]
    assert (
        [line[0] for line in lines[-2:]] == ["total", "params"]
        and lines[-1][-1] == "25610152"
        and lines[-2][-1] == ""
    )
    for column in range(1, len(CONVENTIONS)):
        assert sum(int(line[column]) for line in lines[1:-2]) == int(lines[-2][column])
    assert run("compare", "resnet50", "--format", "markdown").stdout.startswith(
        "### ResNet-50, input 3×224×224\n\n| operator | macs |"
    )


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_analyze_by_convention(convention: str, format: str) -> None:
    done = run("analyze", "lenet5", "--convention", convention, "--format", format, "--depth", "1")
    assert (done.returncode, done.stderr) == (0, "")
    if format == "json":
        data = json.loads(done.stdout)
        (count,) = (
            count
            for count in counts(cnncalc.analyze(cnncalc.load("lenet5")))
            if count.convention.name == convention
        )
        assert data["totals"]["counted"] == (count.total if count.convention.terms else None)
        assert (data["convention"], data["rule"], data["totals"]["counted_params"]) == (
            convention,
            count.rule,
            count.params,
        )
    if convention in ("fvcore", "torch", "torchinfo", "ptflops", "thop") and format in (
        "table",
        "markdown",
    ):
        (count,) = (
            count
            for count in counts(cnncalc.analyze(cnncalc.load("lenet5")))
            if count.convention.name == convention
        )
        assert f"{count.total:,}" in done.stdout and "mac" in done.stdout


def test_columns_by_convention() -> None:
    assert (
        run("analyze", "lenet5", "--convention", "keras", "--columns", "path,counted").returncode
        == 0
    )
    done = run("analyze", "lenet5", "--convention", "fvcre")
    assert done.returncode == 2 and "did you mean `fvcore`?" in done.stderr


def test_flops_are_the_ledgers() -> None:
    """The rule that is printed for `flops` is the sum that the ledger makes."""
    for name in ("resnet50", "googlenet", "lenet5", "convnext_tiny"):
        report = cnncalc.analyze(cnncalc.load(name), convention="flops", batch=3)
        assert [row.counted for row in report.rows] == [row.flops for row in report.rows]
        assert report.totals.counted == report.totals.flops


def test_the_batch_multiplies() -> None:
    for one, eight in zip(
        *(
            counts(cnncalc.analyze(cnncalc.load("unet_same"), input=(1, 64, 64), batch=batch))
            for batch in (1, 8)
        )
    ):
        assert (8 * one.total, one.params) == (eight.total, eight.params)


KERAS = {  # name of ours: in keras.applications, input, what Keras has more of, and why
    "mobilenet_v2": ("MobileNetV2", 0),
    "densenet121": ("DenseNet121", 0),
    "vgg16": ("VGG16", 0),
    "resnet50": (
        "ResNet50",
        26_560,
    ),  # its convolutions have biases, a value for each output channel
    "efficientnet_b0": (
        "EfficientNetB0",
        7,
    ),  # its input is normalised by a layer with a mean and variance per colour, and a count
    "inception_v3": ("InceptionV3", -17_216),  # its batch norms have no scale
}


@pytest.mark.parametrize("name", KERAS)
def test_keras_applications(name: str) -> None:
    applications: Any = keras().applications
    network = getattr(applications, KERAS[name][0])(weights=None)
    found = cnncalc.analyze(cnncalc.load(name), convention="keras").totals
    assert found.counted is None
    assert network.count_params() == found.counted_params + KERAS[name][1]


def test_keras_layers() -> None:
    """Each kind of layer with parameters in the bundled networks, made and counted by Keras."""
    tried = set()
    for _, spec, variant in NETWORKS:
        report = cnncalc.analyze(spec, variant)
        by_keras = cnncalc.analyze(spec, variant, convention="keras")
        assert by_keras.totals.counted_params - by_keras.totals.params == sum(
            2 * row.output_shape[0]
            for row in report.rows
            if row.op == "batchnorm" and row.shared_with is None
        )
        nodes = [node for node in report.graph.nodes if node.op is not None]
        for row, node in zip(report.rows, nodes):
            made = keras_layer(node.op, row.input_shapes[0])
            key = (row.op, row.input_shapes[0][0], row.params)
            if made is None or row.shared_with or row.params > 300_000 or key in tried:
                continue
            tried.add(key)
            made.build((None, *row.input_shapes[0][1:], row.input_shapes[0][0]))
            (one,) = (
                count
                for count in counts(single(node.op, [row.input_shapes[0]]))
                if count.convention.name == "keras"
            )  # type: ignore[list-item]
            assert made.count_params() == one.params, row.path
    assert len(tried) > 300


def keras() -> Any:
    """Keras, on torch."""
    os.environ["KERAS_BACKEND"] = "torch"
    return pytest.importorskip("keras")


def keras_layer(op: Any, x: tuple[int, ...]) -> Any:
    """The Keras layer of an operator, channels last; None where Keras has none."""
    layers, n = keras().layers, len(x) - 1
    if op.key == "conv" and op.connections is None:
        return getattr(layers, f"Conv{n}D")(
            op.out, op.geometry(n)[0], groups=op.groups, use_bias=op.bias
        )
    if op.key == "conv_transpose" and op.groups == 1:
        return getattr(layers, f"Conv{n}DTranspose")(op.out, op.kernel, use_bias=op.bias)
    if op.key == "linear":
        return layers.Dense(op.out, use_bias=op.bias)
    if op.key == "batchnorm":
        return layers.BatchNormalization(center=op.affine, scale=op.affine)
    if op.key == "layernorm":
        return layers.LayerNormalization(
            axis=-1 if op.over == "channels" else list(range(1, n + 2))
        )
    return None
