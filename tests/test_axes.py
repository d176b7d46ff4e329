"""Layers on other axes than usual: gates of positions, linear layers on an axis, joins on one."""

from __future__ import annotations

import contextlib
import random
import re
from itertools import product as pairs
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import cnncalc  # noqa: E402
from cnncalc.analysis.formula import formula  # noqa: E402
from cnncalc.analysis.formula_values import values_at  # noqa: E402
from cnncalc.analysis.sweep.sweep import sweep  # noqa: E402
from cnncalc.diagnostic import Mistake  # noqa: E402
from cnncalc.graph import checked  # noqa: E402
from cnncalc.language.write import flat_spec  # noqa: E402
from cnncalc.ops.split import Split  # noqa: E402
from cnncalc.torch_backend.hold.hold import hold  # noqa: E402
from cnncalc.torch_backend.verify.linearize import linear_values  # noqa: E402
from cnncalc.torch_backend.verify.verify import verify  # noqa: E402
from cnncalc.window import Unknown  # noqa: E402

from .command import ROOT  # noqa: E402
from .samples import yaml  # noqa: E402
from .settings import FIELDS  # noqa: E402

GOOD = Path(__file__).parent / "good"


def analyzed(layers: str, input: str = "[8, 6, 6]") -> cnncalc.Report:
    return cnncalc.analyze(cnncalc.loads(f"input: {input}\nlayers:\n{yaml(layers)}"))


def codes(report: cnncalc.Report) -> list[tuple[str, str]]:
    return [(d.severity, d.code) for d in report.diagnostics]


# ---- gates


def test_a_map_of_one_channel_gates_all_channels() -> None:
    report = cnncalc.analyze(cnncalc.load(str(GOOD / "language-spatial-gate.yaml")))
    assert report.ok and report.rows[-1].output_shape == (16, 20, 20)
    assert (report.totals.params, report.totals.macs) == (281, 105_600)
    found = verify(cnncalc.load(str(GOOD / "language-spatial-gate.yaml")))
    assert found.ok, found.diagnostics


@pytest.mark.parametrize(
    "one",
    [
        "{conv: {out: 1, kernel: 3, padding: 1}}",
        "{conv_transpose: {out: 1, kernel: 1}}",
        "{linear: {out: 1, over: channels}}",
        "{reduce: {what: max, over: channels}}",
        "{reduce: {what: mean, over: [0, 2]}}",
        "{reshape: [1, 8, 6, 6]}, {reduce: {what: sum, over: [1], keep: false}}",
        "{linear: {out: 1, over: last}}",
    ],
)
def test_a_size_that_a_layer_declares_is_broadcast_as_torch_does(one: str) -> None:
    for join in ("mul", "add", "maximum"):
        text = f"input: [8, 6, 6]\nlayers:\n  - {join}: {{x: [], gate: [{one}, sigmoid]}}\n"
        spec = cnncalc.loads(text)
        report = cnncalc.analyze(spec)
        assert report.ok and report.rows[-1].output_shape == (8, 6, 6), report.diagnostics
        found = verify(spec)
        assert found.ok, (text, found.diagnostics)


@pytest.mark.parametrize(
    "layers",
    [
        "{conv: {out: 2, kernel: 1}}, {slice: {start: -2, step: 2}}",
        "{maxpool: {kernel: [6, 1]}}",
        "{conv: {out: 1, kernel: 1}}, {conv: {out: 2, kernel: 1}}, {split: {into: 2, part: 0}}",
    ],
)
def test_a_size_of_one_by_chance_is_an_error(layers: str) -> None:
    report = analyzed(f"  - mul: {{x: [], gate: [{layers}]}}\n")
    assert codes(report) == [("error", "CNN206")]


def test_a_sweep_over_the_channels_of_a_gate_counts_only_what_fits() -> None:
    text = yaml("""
        params: {width: 1}
        input: [4, 6, 6]
        layers:
          - mul: {x: [], gate: [{conv: {out: width, kernel: 1}}]}
    """)
    spec = cnncalc.loads(text)
    rows = sweep(spec, {"width": "1:5"}, show=["params", "flops"])
    found = {row["width"]: (row["params"], row["flops"]) for row in rows}
    wanted = {}
    for width in range(1, 6):
        report = cnncalc.analyze(spec, set={"width": width})
        if report.ok:
            wanted[width] = report.totals.params, report.totals.flops
    assert sorted(wanted) == [1, 4] and found == wanted


# ---- linear layers and layer norms


def test_a_linear_layer_on_two_axes_is_torchs_and_says_so() -> None:
    report = cnncalc.analyze(cnncalc.load(str(GOOD / "language-linear-last-axis.yaml")))
    assert codes(report) == [("note", "CNN118")]
    (row,) = report.rows
    theirs = nn.Linear(64, 256)
    assert row.output_shape == tuple(theirs(torch.zeros(22, 64)).shape)
    assert row.params == sum(p.numel() for p in theirs.parameters())
    assert row.macs == 22 * 64 * 256


def test_a_linear_layer_on_a_map_asks_for_flatten() -> None:
    for input in ("[8, 6, 6]", "[8, 6, 6, 6]"):
        report = analyzed("  - linear: 4\n", input)
        assert codes(report) == [("error", "CNN201")]
        (d,) = report.diagnostics
        assert "takes a vector" in d.message and "`- flatten`" in (d.help or "")
        assert analyzed("  - linear: {out: 4, over: last}\n", input).ok


@pytest.mark.parametrize(
    ("body", "input", "notes"),
    [
        ("linear: 4", "[6]", 0),
        ("linear: 4", "[5, 6]", 1),
        ("linear: {out: 4, over: last}", "[5, 6]", 0),
        ("linear: {out: 4, over: channels}", "[5, 6]", 0),
        ("layernorm", "[6]", 0),
        ("layernorm", "[5, 6]", 1),
        ("layernorm: all", "[5, 6]", 0),
        ("layernorm: last", "[5, 6]", 0),
        ("layernorm", "[5, 6, 7]", 0),
    ],
)
def test_only_what_is_not_said_is_noted(body: str, input: str, notes: int) -> None:
    assert codes(analyzed(f"  - {body}\n", input)) == [("note", "CNN118")] * notes


def test_a_note_is_given_once_for_all_copies() -> None:
    assert len(analyzed("  - {linear: 6, repeat: 3}\n", "[5, 6]").diagnostics) == 1


BOTH = """
    - conv: {{out: 8, kernel: 3, padding: 1}}
    - {mixed}
    - gelu
    - {mixed}
"""
LINEAR, CONV = "linear: {out: 8, over: channels}", "conv: {out: 8, kernel: 1}"


@pytest.mark.parametrize("sides", [(7, 9), (7, 5, 4)])
def test_a_linear_layer_on_channels_computes_what_a_convolution_does(
    sides: tuple[int, ...],
) -> None:
    """Their tensors differ, as in torch; `verify --module` takes either for the other."""
    input = f"[3, {', '.join(map(str, sides))}]"
    specs = [
        cnncalc.loads(f"input: {input}\nlayers:\n{yaml(BOTH.format(mixed=mixed))}")
        for mixed in (LINEAR, CONV)
    ]
    reports = [cnncalc.analyze(spec) for spec in specs]
    first, second = reports
    assert (first.totals.params, first.totals.macs) == (second.totals.params, second.totals.macs)
    built = [cnncalc.build(spec).eval() for spec in specs]
    shapes = [
        tuple(network.state_dict()[f"{kind}.weight"].shape)
        for network, kind in zip(built, ("linear1", "conv2"))
    ]
    assert shapes == [(8, 8), (8, 8) + (1,) * len(sides)]
    assert type(built[0].linear1) is nn.Linear
    theirs = built[1].state_dict()
    own = zip(built[0].state_dict().items(), theirs.values())
    built[0].load_state_dict({name: t.reshape(mine.shape) for (name, mine), t in own})
    x = torch.randn(2, 3, *sides)
    torch.testing.assert_close(built[0](x), built[1](x))
    for spec, network in pairs(specs, built):
        assert hold(spec, network).ok


class Authors(nn.Module):
    """A ConvNeXt block as its authors arrange it: channels last between two permutations."""

    def __init__(self, c: int):
        super().__init__()
        self.dwconv = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.wide, self.narrow = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.gamma = nn.Parameter(torch.full((c,), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.narrow(F.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


BLOCK = yaml("""
    input: [12, 9, 10]
    layers:
      - add:
          skip: []
          body:
            - conv: {out: c, kernel: 7, padding: 3, groups: c}
            - layernorm: {over: channels, eps: 1e-6}
            - linear: {out: 4 * c, over: channels}
            - gelu
            - linear: {out: c, over: channels}
            - layer_scale
""")


def test_a_block_of_convnext_is_its_authors() -> None:
    spec, theirs = cnncalc.loads(BLOCK), Authors(12)
    found = hold(spec, theirs)
    assert found.ok, found.diagnostics
    network = cnncalc.build(spec)
    order = ["gamma", "dwconv", "norm", "wide", "narrow"]
    assert sorted(order) == sorted({name.partition(".")[0] for name in theirs.state_dict()})
    values = theirs.state_dict()
    names = [f"{part}.{kind}" for part in order[1:] for kind in ("weight", "bias")] + ["gamma"]
    own = network.state_dict()
    network.load_state_dict(
        {name: values[other].reshape(own[name].shape) for name, other in zip(own, names)}
    )
    x = torch.randn(2, 12, 9, 10)
    torch.testing.assert_close(network(x), theirs(x))


MEASURES = {
    "mean": lambda x: x.mean(1, keepdim=True),
    "sum": lambda x: x.sum(1, keepdim=True),
    "max": lambda x: x.max(1, keepdim=True)[0],
    "min": lambda x: x.amin(1, True),
    "var": lambda x: x.var(1, keepdim=True),
    "std": lambda x: torch.std(x, 1, keepdim=True),
    "norm": lambda x: torch.linalg.vector_norm(x, dim=1, keepdim=True),
}


class Measured(nn.Module):
    """A convolution and a measure of its channels."""

    def __init__(self, what: str):
        super().__init__()
        self.conv, self.what = nn.Conv2d(3, 4, 1), what

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = MEASURES[self.what](self.conv(x))
        return y


@pytest.mark.parametrize("what", MEASURES)
def test_a_measure_is_told_from_all_others(what: str) -> None:
    reduced = f"{{what: {what}, over: channels}}"
    layers = f"  - conv: {{out: 4, kernel: 1}}\n  - reduce: {reduced}\n"
    spec = cnncalc.loads(f"input: [3, 5, 6]\nlayers:\n{layers}")
    for other in MEASURES:
        assert hold(spec, Measured(other)).ok == (other == what), other


# ---- joins along an axis, and parts


@pytest.mark.parametrize("key", ["concat", "stack"])
def test_names_and_branches_may_stand_beside_the_axis(key: str) -> None:
    names = f"""
        - {{relu: , name: a}}
        - {{tanh: , from: input, name: b}}
        - {key}: {{axis: 1, of: [a, b]}}
    """
    branches = f"- {key}: {{axis: 2 - 1, a: [relu], b: [tanh]}}\n"
    shape = (8, 12, 6) if key == "concat" else (8, 2, 6, 6)
    for layers in (yaml(names), branches):
        report = analyzed(layers)
        assert report.ok and report.rows[-1].output_shape == shape, report.diagnostics
        again = cnncalc.analyze(cnncalc.loads(flat_spec(report.graph, "flat")))
        assert again.ok and again.rows[-1].output_shape == shape


def test_a_branch_may_be_called_of_if_it_is_not_alone() -> None:
    report = analyzed("- concat: {a: [relu], of: [{conv: {out: 3, kernel: 1}}]}\n")
    assert report.ok and report.rows[-1].output_shape == (11, 6, 6)
    assert codes(analyzed("- concat: {axis: [relu], b: []}\n")) == [("error", "CNN108")]
    report = analyzed("- concat: {of: [relu], other: [tanh]}\n")
    assert report.ok and report.rows[0].path == "concat1.of.relu1"


def test_parts_are_refused_where_torch_refuses_them() -> None:
    rng, both = random.Random(3), [0, 0]
    for _ in range(300):
        x = tuple(rng.randint(1, 6) for _ in range(rng.randint(1, 4)))
        axis = rng.randint(0, 3)
        sizes = tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 3)))
        part = rng.randint(0, 3)
        ours: Any = None
        theirs: Any = None
        with contextlib.suppress(Mistake):
            ours = tuple(checked(Split(into=sizes, part=part, axis=axis), [x]))
        with contextlib.suppress(RuntimeError, IndexError):
            theirs = tuple(torch.zeros(1, *x).split(list(sizes), axis + 1)[part].shape[1:])
        assert ours == theirs, (x, axis, sizes, part)
        both[ours is None] += 1
    assert min(both) > 10


def test_formulas_and_sweeps_follow_axes() -> None:
    text = yaml("""
        params: {width: 4}
        input: [width, 6, 8]
        layers:
          - concat: {axis: 1, a: [relu], b: [tanh]}
          - linear: {out: 2 * width, over: channels}
          - linear: {out: 3, over: last}
          - split: {into: 2, part: 1}
          - reduce: {what: var, over: [1], keep: false}
          - flatten: {first: 0, last: 1}
    """)
    spec = cnncalc.loads(text)
    widths = [1, 2, 5]
    rows = sweep(spec, {"width": ",".join(map(str, widths))}, show=["macs", "params", "flops"])
    assert [row["width"] for row in rows] == widths
    for row in rows:
        totals = cnncalc.analyze(spec, set={"width": row["width"]}).totals
        assert (row["macs"], row["params"], row["flops"]) == totals_of(totals)
    grid = sweep(spec, {"H": "6:9", "W": "8,10"}, show=["macs", "params", "flops"])
    assert len(grid) == 8
    for row in grid:
        totals = cnncalc.analyze(spec, input=[4, row["H"], row["W"]]).totals
        assert (row["macs"], row["params"], row["flops"]) == totals_of(totals)
    found = formula(spec, symbols=["width", "H", "W"]).formulas
    assert found is not None
    for width, h, w in ((3, 6, 8), (1, 9, 10), (5, 7, 12)):
        totals = cnncalc.analyze(spec, set={"width": width}, input=[width, h, w]).totals
        named = values_at(found, {"width": width, "H": h, "W": w})
        assert (named["macs"], named["params"], named["flops"]) == totals_of(totals)


def totals_of(totals: Any) -> tuple[int, int, int]:
    return totals.macs, totals.params, totals.flops


# ---- receptive fields


def _side_by_side(rng: random.Random) -> str:
    """Return branches that lie side by side on a map, and a layer after them."""
    axis = rng.randint(1, 2)
    kernels = [rng.choice(("[1, 1]", "[3, 3]", "[1, 3]", "[3, 1]")) for _ in range(2)]
    pads = {"[1, 1]": 0, "[3, 3]": 1, "[1, 3]": "[0, 1]", "[3, 1]": "[1, 0]"}
    branches = [f"{{conv: {{out: 2, kernel: {k}, padding: {pads[k]}}}}}" for k in kernels]
    key = rng.choice(("concat", "stack"))
    lines = [f"{key}: {{axis: {axis}, a: [{branches[0]}], b: [{branches[1]}]}}"]
    if key == "concat" and rng.random() < 0.6:
        lines.append(
            rng.choice(("conv: {out: 1, kernel: 3, padding: 1}", "maxpool: 2", "flatten: 1"))
        )
    return "input: [1, 16, 16]\nlayers:\n" + "".join(f"  - {line}\n" for line in lines)


def test_what_lies_side_by_side_is_followed_exactly_or_not_at_all() -> None:
    """Each single position of a layer sees along each axis what is said, or it is said unknown."""
    torch.manual_seed(0)
    rng, known, unknown = random.Random(7), 0, 0
    for _ in range(FIELDS):
        text = _side_by_side(rng)
        report = cnncalc.analyze(cnncalc.loads(text))
        assert report.ok, report.diagnostics
        row = report.rows[-1]
        (field,) = row.receptive_fields
        x = torch.rand(1, 1, 16, 16, dtype=torch.float64).add(0.5).requires_grad_()
        values = linear_values(report.graph, [x], len(report.graph.nodes) - 1)[-1].sum((0, 1))
        inner = list(np.ndindex(*values.shape))
        for position in rng.sample(inner, min(12, len(inner))):
            (seen,) = torch.autograd.grad(values[position], x, retain_graph=True)
            for number, axis in enumerate(field.axes):
                if isinstance(axis, Unknown):
                    unknown += 1
                    continue
                assert axis is not None and axis[0] is not None
                moving, along = axis
                at = seen[0, 0].abs().amax(1 - number).nonzero().flatten().tolist()
                span = along.at(position[moving])
                assert span is not None
                inside = max(span[0], 0), min(span[1], 15)
                assert inside == (at[0], at[-1]), (text, position, number)
                known += 1
    assert known > unknown > 0


# ---- the page


def specs_of(page: Path) -> dict[str, str]:
    blocks = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", page.read_text("utf-8"), re.S | re.M)
    return dict(blocks)


SPECS = specs_of(ROOT / "docs" / "how-to" / "axes.md")
SMALLER = {"convnext.cnn.yaml": [3, 64, 64]}  # so that it takes seconds


@pytest.mark.parametrize("name", SPECS)
def test_the_networks_of_the_page_are_verified(name: str) -> None:
    found = verify(cnncalc.loads(SPECS[name]), input=SMALLER.get(name))
    assert found.ok, found.diagnostics[:3]
    report = cnncalc.analyze(cnncalc.loads(SPECS[name]))
    assert all(entry.agrees for entry in report.published)
