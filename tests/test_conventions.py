"""Every convention agrees with the tool that it is named after, to the integer.

They are compared on every operator, random graphs and the bundled networks.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from math import prod
from pathlib import Path
from typing import Any

import pytest
import torch

import cnncalc
from cnncalc.analysis.compare import Count, counts, layer_facts, term_of
from cnncalc.analysis.field_following import receptive_fields
from cnncalc.analysis.result import Report, Row
from cnncalc.analysis.rows import rows_and_totals
from cnncalc.conventions import CONVENTIONS, OWN_MODULE, Term
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.ops.base import Op
from cnncalc.torch_backend.build import assemble
from cnncalc.torch_backend.verify.counters import enclosing

from . import graphs
from .cases import COMPUTED, case, instance
from .command import run
from .samples import BUNDLED, FAMILIES, Bundled, yaml
from .settings import CASES, FULL, GRAPHS, sampled
from .tools import TOOLS, Said

SAMPLES = max(CASES // 10, 60)  # of each operator
NETWORKS = max(GRAPHS, 200)  # random ones
LIMIT = 15 * 10**8  # multiply–accumulates; larger networks get a smaller input


def said(report: Report) -> dict[str, Said]:
    """Return what each tool reports about the torch network of a report.

    The weights are never set, because the tools do not use their values; places in a table are.
    """
    network = assemble(report.graph, "meta").to_empty(device="cpu").eval()
    for buffer in network.buffers():
        buffer.zero_()
    inputs = [torch.zeros(1, *node.shape) for node in report.graph.inputs]
    return {name: tool(network, inputs) for name, tool in TOOLS.items()}


def by_tool(report: Report) -> dict[str, Count]:
    return {name: count for name, count in by_convention(report).items() if name in TOOLS}


def by_convention(report: Report) -> dict[str, Count]:
    return {count.convention.name: count for count in counts(report)}


def agree(report: Report) -> None:
    """Assert that each convention agrees with its tool: in total, by layer, and on parameters."""
    found = said(report)
    for name, count in by_tool(report).items():
        tool = found[name]
        lost = dict(zip((row.path for row in report.rows), misread(report, name)))
        assert count.total == tool.total + sum(lost.values()), (name, count.by_operator)
        assert tool.params in (None, count.params), name
        if tool.layers is None:
            continue
        figures = dict.fromkeys((row.shared_with or row.path for row in report.rows), 0)
        for row, figure in zip(report.rows, count.layers):
            figures[row.shared_with or row.path] += figure - lost[row.path]
        theirs = dict.fromkeys(figures, 0)
        for path, figure in tool.layers.items():  # a figure inside a layer belongs to the layer
            layer = path if path in figures else enclosing(path, figures)
            if layer in theirs:
                theirs[layer] += figure
        assert theirs == figures, name


def misread(report: Report, tool: str) -> list[int]:
    """Return for each layer what a tool counts too little, for reasons that are no rule of it."""
    if tool == "thop":
        return list(map(cut_off, report.rows))
    if tool == "ptflops":
        ops = [node.op for node in report.graph.nodes if node.op is not None]
        return list(map(with_axes_moved_back, report.rows, ops))
    return [0] * len(report.rows)


def with_axes_moved_back(row: Row, op: Op | None) -> int:
    """Return what ptflops loses, or adds if negative, of a linear layer over the channels.

    It takes the size of the last axis for the layer's outputs. In our module that axis is another
    one by then, because the channels are moved back by a hook.
    """
    if row.op != "linear" or op.over != "channels" or op.parametrize:  # type: ignore[union-attr]
        return 0
    *_, out = row.output_shape
    (features, *axes), bias = row.input_shapes[0], len(op.weights(*row.input_shapes)) > 1
    return (features + bias) * prod(axes) * (row.output_shape[0] - out)


def cut_off(row: Row) -> int:
    """Return what thop loses of an adaptive mean.

    It truncates a product of quotients, which floating point may leave slightly below a whole
    number.
    """
    if row.op not in ("adaptiveavgpool", "globalavgpool"):
        return 0
    x = torch.tensor(row.input_shapes[0][1:], dtype=torch.float64)
    y = torch.tensor(row.output_shape[1:], dtype=torch.float64)
    exact = prod(row.input_shapes[0]) + prod(row.output_shape)
    lost = exact - int(((x / y).prod() + 1) * prod(row.output_shape))
    assert lost in (0, 1)
    return lost


def single(op: Op, shapes: list[tuple[int, ...]]) -> Report:
    """Return a network of one layer."""
    graph = Graph()
    graph.nodes = [Node(f"x{n}", None, (), shape) for n, shape in enumerate(shapes)]
    graph.nodes.append(Node("layer", op, tuple(range(len(shapes))), checked(op, shapes)))
    graph.outputs = (len(shapes),)
    rows, totals = rows_and_totals(graph, receptive_fields(graph))
    return Report("one", "one.yaml", None, None, None, {}, {}, 1, "float32", rows, totals, graph)


@lru_cache
def samples(op: type[Op]) -> list[Report]:
    """Return random configurations of an operator that are valid: more if it has modes."""
    rng, found = random.Random(f"conventions {op.key}"), list[Report]()
    while len(found) < SAMPLES * (3 if "mode" in op.fields() else 1):
        body, shapes = case(op, rng)
        made = instance(op, body)
        with contextlib.suppress(Mistake):
            projects = getattr(made, "projection", None)  # ptflops and thop ignore some of it
            found += [single(made, shapes)] if made and not projects else []
    return found


def terms_of(report: Report) -> dict[str, Term | None]:
    """Return the term by which each tool's convention counts a layer."""
    (layer,) = layer_facts(report)
    return {name: term_of(CONVENTIONS[name].terms, layer) for name in TOOLS}


def measured(op: type[Op]) -> Iterator[Report]:
    """Yield the samples that the tools count: each with a term of its own, and some others."""
    used: list[dict[str, Term | None]] = []
    for n, report in enumerate(samples(op)):
        terms = terms_of(report)
        if FULL or n % 6 == 0 or terms not in used:
            yield report
        used.append(terms)


@pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.key)
def test_every_operator_agrees_with_the_tools(op: type[Op]) -> None:
    for report in measured(op):
        agree(report)


UNDONE = yaml("""
    input: [2, 8, 8]
    layers:
      - {maxpool: 2, name: pool}
      - maxunpool: pool
""")


def test_a_pool_that_is_undone_agrees_with_the_tools() -> None:
    agree(cnncalc.analyze(cnncalc.loads(UNDONE)))


def test_every_term_is_compared_with_its_tool() -> None:
    """The samples above use each term of each tool's convention; an unused one would be a guess."""
    used: dict[str, set[Term | None]] = {name: set() for name in TOOLS}
    undone = cnncalc.analyze(cnncalc.loads(UNDONE))
    for layer in layer_facts(undone):
        for name in TOOLS:
            used[name].add(term_of(CONVENTIONS[name].terms, layer))
    for op in COMPUTED:
        for report in measured(op):
            for name, term in terms_of(report).items():
                used[name].add(term)
    for name in TOOLS:
        assert not set(CONVENTIONS[name].terms) - used[name], name


def test_a_wrong_rule_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    text = yaml("""
        input: [3, 8, 8]
        layers:
          - conv: {out: 4, kernel: 3}
          - batchnorm
          - relu
          - globalavgpool
          - flatten
          - linear: 5
    """)
    spec = cnncalc.loads(text)
    agree(cnncalc.analyze(spec))
    for name in TOOLS:
        for n, term in enumerate(CONVENTIONS[name].terms):
            wrong = list(CONVENTIONS[name].terms)
            wrong[n] = term._replace(formula=f"{term.formula} + places")
            uses = term in by_tool(cnncalc.analyze(spec))[name].terms
            with monkeypatch.context() as patched:
                patched.setitem(CONVENTIONS, name, CONVENTIONS[name]._replace(terms=tuple(wrong)))
                if uses:
                    with pytest.raises(AssertionError):
                        agree(cnncalc.analyze(spec))


@pytest.mark.parametrize("seed", range(8))
def test_random_graphs_agree_with_the_tools(seed: int) -> None:
    rng, done = random.Random(f"conventions {seed}"), 0
    while done < NETWORKS // 8:
        report = cnncalc.analyze(cnncalc.loads(graphs.spec(rng)))
        if report.ok:
            agree(report)
            done += 1


def affordable(spec: cnncalc.Spec, variant: str | None) -> Report:
    """Return the network at its own input; a large one at an input that takes little time."""
    report = cnncalc.analyze(spec, variant)
    (shape,) = report.inputs.values() if len(report.inputs) == 1 else [()]
    side = shape[-1] if len(shape) > 2 else 0
    while report.totals.macs > LIMIT and side > 32:
        side = side * 7 // 8
        smaller = cnncalc.analyze(spec, variant, input=(*shape[:-2], side, side))
        report = smaller if smaller.ok else report
    return report


@pytest.mark.long
@pytest.mark.parametrize("network", sampled(FAMILIES, 20), ids=lambda network: network.name)
def test_a_bundled_network_agrees_with_the_tools(network: Bundled) -> None:
    agree(affordable(network.spec, network.variant))


def test_the_figures_are_those_that_the_tools_print() -> None:
    """For ResNet-50, the command's figures are those in the tools' own output."""
    data = json.loads(run("compare", "resnet50", "--format", "json").stdout)
    shown = {entry["name"]: entry for entry in data["conventions"]}
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
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        assert f"= {digits}" in line, name


def test_a_convention_names_what_it_leaves_out() -> None:
    """It names operators, or layers that are counted differently from others, with the reason."""
    lenet5 = by_convention(cnncalc.analyze(cnncalc.load("lenet5")))
    assert lenet5["thop"].silent == {
        "their types are not in its list": ["tanh", "rbf"],
        OWN_MODULE: ["C3"],
    }
    assert lenet5["ptflops"].silent[OWN_MODULE] == ["C3"]
    assert lenet5["flops"].silent == {}
    for _, spec, variant in BUNDLED:
        report = cnncalc.analyze(spec, variant)
        for count in counts(report):
            named = set(chain.from_iterable(count.silent.values()))
            assert sum(count.by_operator.values()) == count.total == sum(count.layers)
            for row, figure in zip(report.rows, count.layers):
                explained = row.op in named or row.path in named
                place = (count.convention.name, row.path)
                assert bool(figure) or not row.flops or explained, place


def test_odd_networks_are_compared(tmp_path: Path) -> None:
    (tmp_path / "vector.yaml").write_text("input: [5]\nlayers: [relu, softmax]\n")
    wrong = "input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]\n"
    (tmp_path / "wrong.yaml").write_text(wrong)
    vector = run("compare", "vector.yaml", folder=tmp_path)
    assert vector.returncode == 0
    assert "counts nothing for relu, softmax: they do no multiply–accumulates" in vector.stdout
    refused = run("compare", "wrong.yaml", "--format", "json", folder=tmp_path)
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["conventions"] == []
    assert "error[CNN204]" in refused.stderr


def test_the_table_fits_the_screen() -> None:
    for width in (60, 79, 80, 100, 200):
        shown = run("compare", "resnet50", COLUMNS=str(width)).stdout
        assert max(map(len, shown.splitlines())) <= width
        assert "…" not in shown and shown.count("thop") >= 2, width


def test_the_command_writes_csv_and_markdown() -> None:
    text = run("compare", "resnet50", "--format", "csv").stdout
    head, *operators, total, params = csv.reader(text.splitlines())
    assert head == ["operator", *CONVENTIONS]
    assert (total[0], params[0]) == ("total", "params")
    assert (total[-1], params[-1]) == ("", "25610152")
    for column in range(1, len(CONVENTIONS)):
        assert sum(int(line[column]) for line in operators) == int(total[column])
    shown = run("compare", "resnet50", "--format", "markdown").stdout
    assert shown.startswith("### ResNet-50, input 3×224×224\n\n| operator | macs |")


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
@pytest.mark.parametrize("convention", CONVENTIONS)
def test_analyze_counts_by_convention(convention: str, format: str) -> None:
    done = run("analyze", "lenet5", "--convention", convention, "--format", format, "--depth", "1")
    assert (done.returncode, done.stderr) == (0, "")
    count = by_convention(cnncalc.analyze(cnncalc.load("lenet5")))[convention]
    if format == "json":
        data = json.loads(done.stdout)
        assert data["totals"]["counted"] == (count.total if count.convention.terms else None)
        assert data["totals"]["counted_params"] == count.params
        assert (data["convention"], data["rule"]) == (convention, count.rule)
    if convention in TOOLS and format in ("table", "markdown"):
        assert f"{count.total:,}" in done.stdout and "mac" in done.stdout


def test_columns_may_show_a_convention() -> None:
    done = run("analyze", "lenet5", "--convention", "keras", "--columns", "path,counted")
    assert done.returncode == 0
    done = run("analyze", "lenet5", "--convention", "fvcre")
    assert done.returncode == 2 and "did you mean `fvcore`?" in done.stderr


def test_the_flops_convention_is_the_flops_of_the_report() -> None:
    """The rule that is printed for `flops` is the sum in the report."""
    for name in ("resnet50", "googlenet", "lenet5", "convnext_tiny"):
        report = cnncalc.analyze(cnncalc.load(name), convention="flops", batch=3)
        assert [row.counted for row in report.rows] == [row.flops for row in report.rows]
        assert report.totals.counted == report.totals.flops


def test_the_batch_multiplies() -> None:
    spec = cnncalc.load("unet_same")
    ones = counts(cnncalc.analyze(spec, input=(1, 64, 64), batch=1))
    eights = counts(cnncalc.analyze(spec, input=(1, 64, 64), batch=8))
    for one, eight in zip(ones, eights):
        assert (8 * one.total, one.params) == (eight.total, eight.params)


# By our name: the name in keras.applications, and how many more parameters Keras has.
KERAS = {
    "mobilenet_v2": ("MobileNetV2", 0),
    "densenet121": ("DenseNet121", 0),
    "vgg16": ("VGG16", 0),
    # Its convolutions have biases, a value for each output channel.
    "resnet50": ("ResNet50", 26_560),
    # A layer normalises its input: it has a mean and a variance per colour, and a count.
    "efficientnet_b0": ("EfficientNetB0", 7),
    # Its batch norms have no scale.
    "inception_v3": ("InceptionV3", -17_216),
}


@pytest.mark.parametrize("name", KERAS)
def test_keras_applications_have_the_parameters(name: str) -> None:
    applications: Any = keras().applications
    network = getattr(applications, KERAS[name][0])(weights=None)
    found = cnncalc.analyze(cnncalc.load(name), convention="keras").totals
    assert found.counted is None
    assert network.count_params() == found.counted_params + KERAS[name][1]


@pytest.mark.long
def test_keras_layers_have_the_parameters() -> None:
    """Keras makes and counts each kind of layer with parameters in the bundled networks."""
    tried = set()
    for _, spec, variant in sampled(BUNDLED, 70):
        report = cnncalc.analyze(spec, variant)
        totals = cnncalc.analyze(spec, variant, convention="keras").totals
        norms = [row for row in report.rows if row.op == "batchnorm" and row.shared_with is None]
        statistics = sum(2 * row.output_shape[0] for row in norms)
        assert totals.counted_params - totals.params == statistics
        nodes = [node for node in report.graph.nodes if node.op is not None]
        for row, node in zip(report.rows, nodes):
            made = keras_layer(node.op, row.input_shapes[0])
            key = (row.op, row.input_shapes[0][0], row.params)
            if made is None or row.shared_with or row.params > 300_000 or key in tried:
                continue
            if getattr(node.op, "parametrize", None):
                continue  # Keras has no such layers
            tried.add(key)
            shape = row.input_shapes[0]
            over = getattr(node.op, "over", None)
            if over == "channels" or row.op != "linear" and over != "last":
                shape = (*(max(n, 16) for n in shape[1:]), shape[0])  # Keras has channels last
            made.build((None, *shape))
            one = by_convention(single(node.op, [row.input_shapes[0]]))["keras"]
            assert made.count_params() == one.params, row.path
    assert len(tried) > 200


def keras() -> Any:
    """Return Keras, which runs on torch."""
    os.environ["KERAS_BACKEND"] = "torch"
    return pytest.importorskip("keras")


def keras_layer(op: Any, x: tuple[int, ...]) -> Any:
    """Return the Keras layer of an operator, channels last; None if Keras has none."""
    layers, n = keras().layers, len(x) - 1
    if op.key == "conv" and op.connections is None:
        kind = getattr(layers, f"Conv{n}D")
        return kind(op.out, op.geometry(n)[0], groups=op.groups, use_bias=op.bias)
    if op.key == "conv_transpose" and op.groups == 1:
        return getattr(layers, f"Conv{n}DTranspose")(op.out, op.kernel, use_bias=op.bias)
    if op.key == "linear":
        return layers.Dense(op.out, use_bias=op.bias)
    if op.key == "batchnorm":
        return layers.BatchNormalization(center=op.affine, scale=op.affine)
    if op.key == "layernorm":
        axes = -1 if op.over in ("channels", "last") else list(range(1, n + 2))
        return layers.LayerNormalization(axis=axes)
    return None
