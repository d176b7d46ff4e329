"""Every operator, alone in a network, passes through everything that a user can do with it.

Random configurations come from the operator's own schema, so a new operator is covered at once.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.analysis.explain import explain
from cnncalc.analysis.memory.rows import with_memory
from cnncalc.analysis.result import Report, Row
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.language.values import words_of
from cnncalc.language.write import flat_spec
from cnncalc.num import product
from cnncalc.ops import BY_KEY
from cnncalc.ops.axes import MOST_AXES
from cnncalc.ops.base import Op
from cnncalc.ops.pool import MaxPool
from cnncalc.ops.torch_call import TorchCall
from cnncalc.ops.torch_modules import OURS
from cnncalc.ops.words import plain_forms, translations
from cnncalc.torch_backend.aten import computed_by
from cnncalc.torch_backend.verify.verify import verify

from .cases import COMPUTED, case, instance
from .command import run
from .settings import CASES

CONFIGURATIONS = max(CASES // 50, 4)  # of each operator
every_operator = pytest.mark.parametrize("op", COMPUTED, ids=lambda op: op.key)


def configurations(op: type[Op]) -> Iterator[tuple[Op, Graph]]:
    """Return valid configurations, each as a graph of inputs and one layer."""
    rng, found = random.Random(f"alone {op.key}"), 0
    while found < CONFIGURATIONS:
        body, shapes = case(op, rng)
        made = instance(op, body)
        if made is None or any(len(shape) > MOST_AXES for shape in shapes):
            continue
        with contextlib.suppress(Mistake):
            graph = Graph()
            graph.nodes = [Node(f"x{n}", None, (), shape) for n, shape in enumerate(shapes)]
            y = checked(made, shapes)
            graph.nodes.append(Node("it", made, tuple(range(len(shapes))), y))
            graph.outputs = (len(shapes),)
            found += 1
            yield made, graph


@every_operator
def test_an_operator_works_alone(op: type[Op]) -> None:
    for made, graph in configurations(op):
        text = flat_spec(graph, "alone")
        spec = cnncalc.loads(text)
        report = cnncalc.analyze(spec)
        assert report.ok, (text, report.diagnostics)
        (row,) = report.rows
        assert row.output_shape == tuple(graph.nodes[-1].shape), text
        the_numbers_of_explain_multiply(report, row)
        the_field_of_explain_is_computed(report, row)
        found = verify(spec)
        assert found.ok, (text, [str(d) for d in found.diagnostics[:3]])
        runs_as_source(made, [tuple(node.shape) for node in graph.inputs], spec)


@pytest.mark.parametrize("name", ("alexnet", "resnet18", "unet", "inception_v3", "r3d_18"))
def test_the_field_of_every_layer_is_computed_from_the_one_before(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    for row in report.rows:
        the_field_of_explain_is_computed(report, row)


@every_operator
def test_what_runs_in_place_survives_backward(op: type[Op]) -> None:
    """It is between two layers with weights, and one after it would write over its output."""
    tried = 0
    for made, graph in configurations(op):
        x = graph.nodes[0].shape
        if len(graph.inputs) != 1 or made.storage(x) != "inplace":
            continue
        tried += 1
        weighted = "linear: {out: %d}" if len(x) == 1 else "conv: {out: %d, kernel: 1}"
        layer = "\n".join(flat_spec(graph, "alone").splitlines()[3:]).replace("    from: x0\n", "")
        layers = [f"  - {weighted % x[0]}", layer, "  - relu", f"  - {weighted % 2}"]
        spec = cnncalc.loads("\n".join([f"input: {list(x)}", "layers:", *layers]))
        found = verify(spec)
        assert found.ok, (made, [str(d) for d in found.diagnostics[:3]])
        for row in found.report.rows:
            what_explain_says_is_kept_adds_up(found.report, row)
    assert tried or "inplace" not in op.fields() or op.key.startswith("dropout")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def the_numbers_of_explain_multiply(report: Report, row: Row) -> None:
    """Assert that the products that `explain` prints are the figures of the report."""
    for what, how in explain(report, row.path):
        figures = [*map(number, re.findall(r"(?<![\w.])\d[\d,]*(?![\w.])", how))]
        if what == "parameters":
            tensors = re.findall(r"[\w.]+ ([\d·]+)(?: = ([\d,]+))?", how)
            sizes = [product(map(int, shape.split("·"))) for shape, _ in tensors]
            assert all(not told or number(told) == n for (_, told), n in zip(tensors, sizes)), how
            assert sum(sizes) == row.params, how
            assert len(sizes) < 2 or how.endswith(f"→ {row.params:,}"), how
        if what == "MACs":
            products, _, total = how.rpartition(" = ")
            factors = (re.findall(r"\d[\d,]*", part) for part in products.split(" + "))
            assert sum(product(map(number, part)) for part in factors) == number(total), how
            assert number(total) == row.macs, how
        if what == "FLOPs":
            assert figures[-1] == row.flops, how
            assert len(figures) == 1 or 2 * row.macs + sum(figures[2:-1]) == row.flops, how
        if what == "memory" and "=" not in how:
            assert figures == [0] and row.activation_bytes == 0, how
        elif what == "memory":
            *factors, values, width, total = figures
            assert total == row.activation_bytes == values * width, how
            assert not factors or product(factors) == values, how


def what_explain_says_is_kept_adds_up(report: Report, row: Row) -> None:
    """Assert that the products of the line `saved` are right, and that their sum is the column."""
    how = dict(explain(report, row.path))["saved"]
    known = with_memory(report).row(row.path)
    total = 0
    for factors, width, size in re.findall(r"([\d,·]+) · (\d+) bytes? = ([\d,]+) bytes", how):
        assert product(map(number, factors.split("·"))) * int(width) == number(size), how
        total += number(size)
    total += sum(map(number, re.findall(r"further ([\d,]+) bytes", how)))
    assert known is not None and total == known.saved, (row.path, how)
    assert total or "already" in how or how.startswith("0: "), how


def the_field_of_explain_is_computed(report: Report, row: Row) -> None:
    """Assert that the arithmetic of the field is right, and ends at the field of the report."""
    seen = row.receptive_field
    lines: dict[str, str] = {}
    for what, how in explain(report, row.path, runs=False):  # of several inputs, the first
        lines.setdefault(what, re.sub(r"\A\w+: (?=.)", "", how))
    for how in (lines[what] for what in ("field", "jump", "centre") if what in lines):
        for sum_, value in re.findall(r"([\d. +−·/()]+) = ([\d./-]+)", how):
            assert eval(sum_.replace("−", "-").replace("·", "*")) == float(Fraction(value)), how
    if seen is not None and seen.moves:
        for word, values in (("jump", seen.stride), ("centre", seen.centre)):
            (told,) = re.findall(r"\A(?:[^,]*= )?([^, ]+)", lines[word])
            each = [float(Fraction(one)) for one in told.split("×") if one != "varies"]
            wanted = [float(Fraction(value)) for value in values if value is not None]
            told_of_all = each * (len(wanted) // max(len(each), 1))
            assert told_of_all == pytest.approx(wanted, rel=1e-4), lines


def runs_as_source(made: Op, shapes: list[tuple[int, ...]], spec: cnncalc.Spec) -> None:
    """Assert that the printed call makes the network's own module: same tensors, same output."""
    names = {"nn": nn, **OURS}
    written = eval(made.torch(*shapes).source(), names)
    built = cnncalc.build(spec)
    own = {name.removeprefix("it."): tensor for name, tensor in built.state_dict().items()}
    written.load_state_dict(own)
    xs = [torch.randn(2, *shape) for shape in shapes]
    with torch.no_grad():
        torch.manual_seed(0)  # some layers draw random numbers at inference too
        expected = built.eval()(*(x.clone() for x in xs))
        torch.manual_seed(0)
        found = written.eval()(*xs)
    assert torch.allclose(found, expected, rtol=0, atol=0, equal_nan=True), made


@cache
def printed_schema() -> str:
    return json.dumps(json.loads(run("schema").stdout))


@every_operator
def test_the_schema_and_other_names_lead_to_an_operator(op: type[Op]) -> None:
    """Its body is in the schema, and its other names lead to it."""
    assert f'"{op.key}"' in printed_schema()
    for alias in (*vars(op).get("aliases", ()), *vars(op).get("meanings", ())):
        assert translations()[alias].op is op and plain_forms(alias)[0] == alias
        if alias not in BY_KEY:
            with pytest.raises(Mistake, match=f"`{op.key}`"):
                cnncalc.analyze(cnncalc.loads(f"input: [4, 8, 8]\nlayers: [{alias}]")).or_mistake()
    for alias in op.field_notes:
        assert alias not in op.fields() and alias not in op.field_aliases, alias
    for field, values in op.value_aliases.items():
        if field in op.fields():
            assert words_of(op)[field] >= set(values.values()), field
    for meaning in vars(op).get("meanings", {}).values():
        assert {*meaning.settings, meaning.bare or op.main} <= {*op.fields(), None}
    for alias, field in op.field_aliases.items():
        assert alias not in op.fields(), alias
        assert field in op.fields() or "field_aliases" not in vars(op), (alias, field)


class Kinds(torch.utils._python_dispatch.TorchDispatchMode):
    """Records the names of what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found += [step.kind for step in computed_by(func, args, kwargs or {})]
        return func(*args, **(kwargs or {}))


@every_operator
def test_the_dispatchers_names_are_those_that_torch_uses(op: type[Op]) -> None:
    """An operator that says what the dispatcher calls it is recognised when its module runs.

    That is not so in every form: a circular pad, for example, is computed by copies.
    """
    if not vars(op).get("aten"):
        pytest.skip("it is written with other operators")
    found: set[str] = set()
    for made, graph in configurations(op):
        module = made.torch(*(node.shape for node in graph.inputs)).build().eval()
        with torch.no_grad(), Kinds() as kinds:
            module(*(torch.randn(1, *node.shape) for node in graph.inputs))
        found.update(kinds.found)
    assert op.key in found or not found, found


def test_a_call_is_data() -> None:
    """Two calls are equal if they make the same, and calls can contain calls."""
    pool = MaxPool(kernel=2, padding=((0, 1), (1, 0)))
    call = pool.torch((3, 8, 8))
    assert call == pool.torch((3, 8, 8)) != MaxPool(kernel=2).torch((3, 8, 8))
    assert isinstance(call.arguments["pool"], TorchCall)
    assert call.source().startswith("PaddedPool(pool=nn.MaxPool2d(kernel_size=(2, 2)")


def test_a_network_holds_no_operator() -> None:
    """Modules take numbers, so a built network does not need the rules."""
    text = "input: [4, 9, 9]\nlayers:\n"
    layers = (
        "conv: {out: 4, kernel: 3, stride: 2, padding: same}",
        "conv: {out: 4, kernel: 2, padding: same}",
        "conv: {out: 2, kernel: 3, padding: 1, connections: [[0, 1], [2]]}",
        "maxpool: {kernel: 2, stride: 1, padding: [[0, 1], 0]}",
        "avgpool: {kernel: 2, stride: 1, padding: same, count_include_pad: false}",
        "layernorm: {over: channels}",
    )
    network = cnncalc.build(cnncalc.loads(text + "".join(f"  - {layer}\n" for layer in layers)))
    seen: set[int] = set()

    def walk(thing: Any) -> None:
        if id(thing) in seen or isinstance(thing, (torch.Tensor, str, bytes, int, float, type)):
            return
        seen.add(id(thing))
        assert not isinstance(thing, Op), thing
        parts = thing.values() if isinstance(thing, dict) else ()
        parts = thing if isinstance(thing, (list, tuple, set)) else parts
        for part in [*parts, *getattr(thing, "__dict__", {}).values()]:
            walk(part)

    walk(network)
    assert len(seen) > 50
