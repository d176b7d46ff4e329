"""Every operator, alone in a network, through all that a user can ask of it.

Random configurations come from the operator's own schema, so that a new one is covered as it is.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.analysis.explain import explain
from cnncalc.analysis.result import Report, Row
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.language.values import words_of
from cnncalc.language.write import flat_spec
from cnncalc.num import product
from cnncalc.ops import BY_KEY, OPS, torch_modules
from cnncalc.ops.base import Op
from cnncalc.ops.torch_call import TorchCall
from cnncalc.ops.words import plain_forms, translations
from cnncalc.torch_backend.aten import computed_by
from cnncalc.torch_backend.verify.verify import verify

from .cases import case, instance
from .command import run
from .settings import CASES

CONFIGURATIONS = max(CASES // 50, 4)  # of each operator
every_operator = pytest.mark.parametrize("op", OPS, ids=lambda op: op.key)


def configurations(op: type[Op]) -> Iterator[tuple[Op, Graph]]:
    """Some configurations that suit their inputs, each as a graph of inputs and one layer."""
    rng, found = random.Random(f"alone {op.key}"), 0
    while found < CONFIGURATIONS:
        body, shapes = case(op, rng)
        made = instance(op, body)
        if made is None:
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
def test_an_operator_alone(op: type[Op]) -> None:
    for made, graph in configurations(op):
        text = flat_spec(graph, "alone")
        spec = cnncalc.loads(text)
        report = cnncalc.analyze(spec)
        assert report.ok, (text, report.diagnostics)
        (row,) = report.rows
        assert row.output_shape == tuple(graph.nodes[-1].shape), text
        the_numbers_of_explain_multiply(report, row)
        found = verify(spec)
        assert found.ok, (text, [str(d) for d in found.diagnostics[:3]])
        runs_as_source(made, [tuple(node.shape) for node in graph.inputs], spec)


@every_operator
def test_what_runs_in_place_survives_backward(op: type[Op]) -> None:
    """Between two layers with weights, and with one after it that would write over its output."""
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
    assert tried or "inplace" not in op.fields() or op.key.startswith("dropout")


def number(text: str) -> int:
    return int(text.replace(",", ""))


def the_numbers_of_explain_multiply(report: Report, row: Row) -> None:
    """What `explain` prints comes to the figures of the report."""
    for what, how in explain(report, row.path):
        figures = [*map(number, re.findall(r"(?<![\w.])\d[\d,]*(?![\w.])", how))]
        if what == "parameters":
            tensors = re.findall(r"[\w.]+ ([\d·]+)(?: = ([\d,]+))?", how)
            sizes = [product(map(int, shape.split("·"))) for shape, _ in tensors]
            assert all(not told or number(told) == n for (_, told), n in zip(tensors, sizes)), how
            assert sum(sizes) == row.params, how
            assert len(sizes) < 2 or how.endswith(f"→ {row.params:,}"), how
        if what == "MACs":
            *factors, total = figures
            assert product(factors) == total == row.macs, how
        if what == "FLOPs":
            assert figures[-1] == row.flops, how
            assert len(figures) == 1 or 2 * row.macs + sum(figures[2:-1]) == row.flops, how
        if what == "memory" and "=" not in how:
            assert figures == [0] and row.activation_bytes == 0, how
        elif what == "memory":
            *factors, values, width, total = figures
            assert total == row.activation_bytes == values * width, how
            assert not factors or product(factors) == values, how


def runs_as_source(made: Op, shapes: list[tuple[int, ...]], spec: cnncalc.Spec) -> None:
    """The printed call makes the module that the network runs: same tensors, same output."""
    names = {"nn": nn, **vars(torch_modules)}
    written = eval(made.torch(*shapes).source(), names)
    built = cnncalc.build(spec)
    own = {name.removeprefix("it."): tensor for name, tensor in built.state_dict().items()}
    written.load_state_dict(own)
    xs = [torch.randn(2, *shape) for shape in shapes]
    with torch.no_grad():
        expected = built.eval()(*(x.clone() for x in xs))
        found = written.eval()(*xs)
    assert torch.allclose(found, expected, rtol=0, atol=0, equal_nan=True), made


@cache
def printed_schema() -> str:
    return json.dumps(json.loads(run("schema").stdout))


@every_operator
def test_the_schema_and_the_words_of_an_operator(op: type[Op]) -> None:
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
    """The words for what is computed."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found += [step.kind for step in computed_by(func, args, kwargs or {})]
        return func(*args, **(kwargs or {}))


@every_operator
def test_the_dispatchers_names_are_those_that_torch_uses(op: type[Op]) -> None:
    """An operator that says what the dispatcher calls it is recognised when its module runs.

    Not in every form: a circular pad, say, is written with copies.
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
    """Calls compare by what they make, and nest."""
    pool = cnncalc.ops.MaxPool(kernel=2, padding=((0, 1), (1, 0)))
    call = pool.torch((3, 8, 8))
    assert call == pool.torch((3, 8, 8)) != cnncalc.ops.MaxPool(kernel=2).torch((3, 8, 8))
    assert isinstance(call.arguments["pool"], TorchCall)
    assert call.source().startswith("PaddedPool(pool=nn.MaxPool2d(kernel_size=(2, 2)")


def test_a_network_holds_no_operator() -> None:
    """Modules take numbers: what is built does not need the rules."""
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
