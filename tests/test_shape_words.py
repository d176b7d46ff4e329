"""Branches that vary, layers inside blocks, recursion, and the sizes that enter a block."""

from __future__ import annotations

from itertools import product

import pytest

import cnncalc
from cnncalc.analysis.formula import formula
from cnncalc.analysis.formula_values import values_at
from cnncalc.analysis.smallest_input import smallest_input
from cnncalc.language.write import flat_spec

from .samples import yaml
from .test_language import report

INSIDE = """
    input: [4, 16, 16]
    blocks:
      two:
        layers:
          - {conv: {out: 8, kernel: 1}, name: low}
          - {conv: {out: 6, kernel: 1}, name: high}
"""


def inputs(found: cnncalc.Report, path: str) -> tuple[str, ...]:
    row = found.row(path)
    assert row is not None, [row.path for row in found.rows]
    return row.inputs


def test_a_name_reaches_a_layer_inside_a_block() -> None:
    found = report("- {two: , name: module}\n- {relu: , from: module.low}", INSIDE)
    assert inputs(found, "relu1") == ("module.low",)
    found = report("- two:\n  repeat: 2\n- concat: [two1.0.low, two1.1.low, two1]", INSIDE)
    assert inputs(found, "concat1") == ("two1.0.low", "two1.1.low", "two1.1.high")


def test_a_parameter_may_carry_the_block_inside_which_a_layer_is() -> None:
    head = f"""{yaml(INSIDE)}
  reader:
    params: {{of: }}
    layers:
      - {{relu: , from: of.low}}
"""
    found = report("- {two: , name: module}\n- reader: {of: module}", head)
    assert inputs(found, "reader1.relu1") == ("module.low",)


@pytest.mark.parametrize(("deep", "wide"), [*product(("true", "false"), repeat=2)])
def test_a_condition_chooses_the_layer_that_is_read(deep: str, wide: str) -> None:
    head = f"{yaml(INSIDE)}params: {{deep: {deep}, wide: {wide}}}\n"
    layers = """
        - {identity: , name: stem}
        - {two: , name: m}
        - relu:
          from: m.low if deep else stem if (false if wide else true) else m.high
        - concat: [m, {from: m.low if wide else input}]
    """
    found = report(layers, head)
    wanted = "m.low" if deep == "true" else "m.high" if wide == "true" else "stem"
    assert inputs(found, "relu1") == (wanted,)
    assert inputs(found, "concat1") == ("m.high", "m.low" if wide == "true" else "input")


def test_branches_repeat_and_are_left_out() -> None:
    layers = """
        - concat:
            path:
              repeat: {times: 3, as: j}
              layers:
                - conv: {out: 2 * j + 2, kernel: 2 * j + 1, padding: same}
            row:
              each: [{k: 1}, {k: 5}]
              layers:
                - conv: {out: 1, kernel: k, padding: same}
            absent:
              when: c > 4
              layers: [relu]
            identity:
              when: c == 4
    """
    found = report(layers)
    assert inputs(found, "concat1") == (
        *(f"concat1.path.{n}.conv1" for n in range(3)),
        *(f"concat1.row.{n}.conv1" for n in range(2)),
        "input",
    )
    assert found.rows[-1].output_shape == (2 + 4 + 6 + 1 + 1 + 4, 16, 16)


def test_a_list_grows_with_a_repeat() -> None:
    layers = """
        - chain:
            - concat: [input, unit.*]
            - conv: {out: 3, kernel: 1}
          name: unit
          repeat: 3
        - concat: [unit.*, input]
    """
    found = report(layers)
    units = tuple(f"unit.{n}.conv1" for n in range(3))
    for n in range(3):
        assert inputs(found, f"unit.{n}.concat1") == ("input", *units[:n])
    assert inputs(found, "concat1") == (*units, "input")


STREAMS = """
    input: [4, 16, 16]
    params: {streams: [1, 2, 3], width: 2}
    layers:
      - chain:
          - chain:
              - conv: {out: width * (k + 1), kernel: 1}
                from: input if n == 0 else module[n - 1].stream[min(k, streams[n - 1] - 1)]
            name: stream
            repeat: {times: "streams[n]", as: k}
          - add:
              path:
                repeat: {times: "streams[n]", as: k}
                from: stream[k]
                layers:
                  - conv: {out: 4, kernel: 1}
            name: fused
        name: module
        repeat: {times: len(streams), as: n}
"""


def test_a_number_chooses_a_copy() -> None:
    listed = "['module[-1].fused', 'module[0].stream[-1]', module.1]"
    found = cnncalc.analyze(cnncalc.loads(f"{yaml(STREAMS)}  - concat: {listed}\n"))
    assert inputs(found, "concat1") == (
        "module.2.fused",
        "module.0.stream.0.conv1",
        "module.1.fused",
    )
    assert inputs(found, "module.2.stream.1.conv1") == ("module.1.stream.1.conv1",)
    assert inputs(found, "module.2.stream.2.conv1") == ("module.1.stream.1.conv1",)
    for k in range(3):
        assert inputs(found, f"module.2.fused.path.{k}.conv1") == (f"module.2.stream.{k}.conv1",)


def test_a_parameter_may_carry_the_layer_whose_copy_is_read() -> None:
    head = f"""{yaml(INSIDE)}
  reader:
    params: {{of: , k: }}
    layers:
      - {{relu: , from: "of[k].low"}}
"""
    found = report("- {two: , name: module, repeat: 2}\n- reader: {of: module, k: 1}", head)
    assert inputs(found, "reader1.relu1") == ("module.1.low",)


def test_fields_and_parameters_take_layers_inside_blocks() -> None:
    head = f"""{yaml(INSIDE)}
  enlarge:
    params: {{of: }}
    layers: [{{upsample: {{like: of}}}}]
"""
    layers = """
        - {two: , name: module}
        - maxpool: 2
        - upsample: {like: module.low}
        - maxpool: 2
        - enlarge: module.low
    """
    found = report(layers, head)
    assert inputs(found, "upsample1") == ("maxpool1", "module.low")
    assert inputs(found, "enlarge1.upsample1") == ("maxpool2", "module.low")


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_parameter_may_be_a_list_of_names(count: int) -> None:
    head = f"""{yaml(INSIDE)}
  node:
    params: {{skips: }}
    layers:
      - concat: [{{from: "skips[i]", repeat: len(skips)}}, input]
      - {{relu: , from: "skips[0]"}}
"""
    names = ["stem", "module.low", "module"][:count]
    layers = f"""
        - {{identity: , name: stem}}
        - {{two: , name: module}}
        - node: [{", ".join(names)}]
    """
    found = report(layers, head)
    paths = ["stem", "module.low", "module.high"]
    assert inputs(found, "node1.concat1") == (*paths[:count], "module.high")
    assert inputs(found, "node1.relu1") == ("stem",)


def test_a_layer_inside_every_copy() -> None:
    layers = """
        - {two: , name: unit, repeat: 3, when: i != 1}
        - add: [unit.*.low]
    """
    assert inputs(report(layers, INSIDE), "add1") == ("unit.0.low", "unit.2.low")


def test_a_copy_that_is_left_out_is_none_of_every_copy() -> None:
    layers = """
        - conv: {out: 4, kernel: 1}
          repeat: 3
          when: i != 1
          name: part
        - add: [part.*]
    """
    assert inputs(report(layers), "add1") == ("part.0", "part.2")


TREE = """
    input: [4, 16, 16]
    blocks:
      tree:
        params: {levels: , out: }
        layers:
          - chain:
              - tree: {levels: levels - 1 - i, out: out}
            name: below
            repeat: levels - 1
          - {conv: {out: out, kernel: 3, padding: 1}, name: left}
          - {conv: {out: out, kernel: 3, padding: 1}, name: right}
          - concat: [right, left, below.*]
          - conv: {out: out, kernel: 1}
"""


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_a_block_contains_smaller_ones_of_itself(levels: int) -> None:
    found = report(f"- tree: {{levels: {levels}, out: 8}}", TREE)
    joins = sum(row.op == "concat" for row in found.rows)
    assert joins == 2 ** (levels - 1)
    assert len(inputs(found, "tree1.concat1")) == levels + 1


def test_expressions_know_the_sizes_that_enter_a_block() -> None:
    head = """
        input: [4, 6, 16, 18]
        params: {h: 1}
        blocks:
          gate:
            layers:
              - avgpool: {kernel: [d, 1, w]}
              - conv: {out: "sizes[0] + w + len(sizes) + h", kernel: 1}
    """
    assert report("- gate", head).rows[-1].output_shape == (6 + 18 + 3 + 1, 1, 16, 1)


def test_no_smallest_input_is_named_if_layers_depend_on_its_size() -> None:
    layers = """
        - conv: {out: 8, kernel: 3, stride: 2}
        - avgpool: {kernel: "[KERNEL, KERNEL]", stride: 1}
        - conv: {out: 8, kernel: 2}
    """
    head = "input: [4, 32, 32]\n"
    fixed = report(layers.replace("KERNEL", "7"), head)
    assert smallest_input(fixed.graph) == (4, 17, 17)
    follows = report(layers.replace("KERNEL", "h // 4"), head)
    assert smallest_input(follows.graph) is None


def test_copies_may_share_the_weights_of_the_first_one() -> None:
    layers = """
        - conv: {out: 4, kernel: 3, padding: 1}
          name: again
          repeat: 3
          share: again
        - {two: , name: module}
        - conv: {out: 8, kernel: 1}
          from: again
          share: module.low
    """
    found = report(layers, INSIDE)
    assert found.totals.params == (4 * 4 * 9 + 4) + (4 * 8 + 8) + (8 * 6 + 6)
    shared = [row.shared_with for row in found.rows if row.shared_with]
    assert shared == ["again.0", "again.0", "module.low"]


EVERYTHING = """
    input: [8, 16, 16]
    params: {n: 2, deep: true, levels: 2, growth: 4, wide: 1}
    blocks:
      dense:
        params: {units: }
        layers:
          - chain:
              - concat: [input, unit.*]
              - conv: {out: growth, kernel: 3, padding: 1}
            name: unit
            repeat: units
          - concat: [input, unit.*]
      tree:
        params: {level: }
        layers:
          - tree: level - 1
            when: level > 1
          - conv: {out: 4 * level + c, kernel: 3, padding: 1}
            name: own
      reader:
        params: {many: }
        layers:
          - chain:
              - {conv: {out: 2, kernel: 1}, name: low}
              - conv: {out: 8, kernel: 1}
            name: pair
            repeat: n
          - concat: [pair.*.low, {from: "many[i]", repeat: len(many)}]
    layers:
      - dense: n
        name: first
      - concat:
          path:
            repeat: {times: n, as: j}
            layers:
              - conv: {out: 4 * wide, kernel: 2 * j + 1, padding: same}
          skip: {when: deep, layers: []}
      - relu:
        from: concat1 if deep else first.concat1
      - tree: levels
        name: tree
      - concat: [tree.own, {from: first, when: deep}, first.unit.0.conv1]
      - reader: [tree, concat2]
      - avgpool: {kernel: "[h // 2, w // 2]"}
      - conv: {out: 8, kernel: 1}
      - conv: {out: 8, kernel: 1}
        repeat: 2
        name: last
        share: last
        when: c == 8
"""
POINTS = [*product((1, 2, 3), (True, False), (1, 2, 3))]


def at(point: tuple[int, bool, int]) -> dict[str, object]:
    return dict(zip(("n", "deep", "levels"), point))


def test_the_flat_spec_has_the_same_graph() -> None:
    spec = cnncalc.loads(yaml(EVERYTHING).replace("    share: last\n", ""))
    for point in POINTS[:6]:
        graph = spec.graph(set=at(point))
        flat = cnncalc.loads(flat_spec(graph, "flat")).graph()
        assert [(n.op, n.inputs, n.shape) for n in graph.nodes] == [
            (n.op, n.inputs, n.shape) for n in flat.nodes
        ]


def test_a_sweep_counts_each_variant_as_analyze_does() -> None:
    spec = cnncalc.loads(yaml(EVERYTHING))
    over = {"n": [1, 2, 3], "deep": [True, False], "levels": [1, 2, 3]}
    found = cnncalc.sweep(spec, over=over, show=["params", "macs"])
    assert len(found) == len(POINTS)
    for row in found:
        given = {name: row[name] for name in over}
        totals = cnncalc.analyze(spec, set=given).or_mistake().totals
        assert (row["params"], row["macs"]) == (totals.params, totals.macs), given


def test_a_sweep_follows_the_numbers_of_copies() -> None:
    text = yaml(STREAMS) + "  - relu:\n    from: module[-1].stream[last]\n"
    spec = cnncalc.loads(
        text.replace("width: 2", "width: 2, last: 0, count: 3").replace("len(streams)", "count")
    )
    over = {"count": [1, 2, 3], "last": [0, -1], "width": [1, 2, 5]}
    found = cnncalc.sweep(spec, over=over, show=["params", "macs", "activations"])
    assert len(found) == 18
    for row in found:
        given = {name: row[name] for name in over}
        totals = cnncalc.analyze(spec, set=given).or_mistake().totals
        assert row["params"] == totals.params, given
        assert (row["macs"], row["activations"]) == (totals.macs, totals.activations), given


def test_formulas_hold() -> None:
    spec = cnncalc.loads(yaml(EVERYTHING))
    made = formula(spec, symbols=["growth"]).formulas
    assert made is not None
    for growth in (1, 5, 64):
        totals = cnncalc.analyze(spec, set={"growth": growth}).or_mistake().totals
        figures = values_at(made, {"growth": growth})
        assert (figures["params"], figures["macs"]) == (totals.params, totals.macs)


def test_the_built_network_agrees() -> None:
    from cnncalc.torch_backend.verify.verify import verify

    spec = cnncalc.loads(yaml(EVERYTHING))
    for point in (POINTS[0], POINTS[-1]):
        assert verify(spec, set=at(point)).ok


SHARED = """
input: [3, 16, 16]
params: {n: 3, w: 8, late: true}
blocks:
  unit:
    params: {out: }
    layers: [conv: {out: out, kernel: 3, padding: 1}, batchnorm, relu]
  pair:
    layers: [{unit: w, name: a}, {unit: w, share: a}]
layers:
  - conv: {out: w, kernel: 1}
  - {unit: w, name: first}
  - {unit: w, repeat: n, share: first}
  - {unit: w, repeat: n, name: own, share: own}
  - {pair: , name: p}
  - {unit: w, share: p.a, when: late}
  - {pair: , share: p, repeat: 2}
  - {unit: w, repeat: n, name: many}
  - {unit: w, repeat: n, share: many}
  - {unit: w, share: "many[1]"}
  - {unit: w, share: "first if late else p.a"}
"""


def test_weights_are_shared_with_copies_and_across_blocks() -> None:
    spec = cnncalc.loads(SHARED)
    unit = 8 * 8 * 9 + 8 + 16
    for n in (2, 3, 4):
        params = cnncalc.analyze(spec, set={"n": n}).or_mistake().totals.params
        assert params == 3 * 8 + 8 + (3 + n) * unit  # first, own, p.a, and those of many
    swept = cnncalc.sweep(spec, {"n": [0, 1, 2, 3], "w": [4, 8], "late": [True, False]})
    assert {row["n"] for row in swept} == {2, 3}  # there is no many[1] before
    for row in swept:
        given = {name: row[name] for name in ("n", "w", "late")}
        totals = cnncalc.analyze(spec, set=given).or_mistake().totals
        assert (row["params"], row["macs"]) == (totals.params, totals.macs), given
    none = cnncalc.analyze(spec, set={"n": 0})
    assert [d.message for d in none.diagnostics] == ["`many` has no copies so far"]


def test_torch_shares_the_same_weights() -> None:
    torch = pytest.importorskip("torch")
    from cnncalc.torch_backend.build import Network
    from cnncalc.torch_backend.verify.few_channels import narrowed_report

    # The first unit reads the input, whose channels a narrow copy keeps.
    text = SHARED.replace("[3, 16", "[8, 16").replace("  - conv: {out: w, kernel: 1}\n", "")
    spec = cnncalc.loads(text)
    report = cnncalc.analyze(spec).or_mistake()
    network = cnncalc.build(spec)
    assert sum(p.numel() for p in network.parameters()) == report.totals.params
    other = cnncalc.build(spec)
    other.load_state_dict(network.state_dict())
    x = torch.randn(1, 8, 16, 16)
    assert torch.equal(network.eval()(x), other.eval()(x))
    few = narrowed_report(report)
    assert few is not None
    Network(few.graph)(torch.zeros(1, 8, 47, 1))
