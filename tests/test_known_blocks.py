"""A block that is copied from an earlier use is what it would be if it were expanded again."""

from __future__ import annotations

from typing import Any

import pytest

import cnncalc
from cnncalc.graph import Graph

from .block_graphs import block_networks
from .samples import BUNDLED, Bundled
from .settings import CASES, sampled


def described(graph: Graph) -> Any:
    """Return all that a graph says, in words that can be compared."""
    nodes = [
        (n.path, repr(n.op), n.inputs, repr(n.shape), n.position, n.context, n.frozen, n.shares)
        for n in graph.nodes
    ]
    read = [list(map(tuple, graph.shapes_into(node))) for node in graph.nodes if node.op]
    found = [(d.code, d.message, d.position) for d in graph.diagnostics]
    units = [getattr(node.shape, "units", None) for node in graph.nodes]
    return (
        nodes,
        read,
        units,
        [*graph.groups.items()],
        [*graph.blocks.items()],
        graph.outputs,
        graph.checkpoints,
        graph.follows_input,
        found,
    )


def assert_same(spec: cnncalc.Spec, variant: str | None = None) -> None:
    assert described(spec.graph(variant)) == described(spec.expansion(variant).graph)


@pytest.mark.parametrize("bundled", sampled(BUNDLED, 30), ids=lambda bundled: bundled.name)
def test_bundled_networks(bundled: Bundled) -> None:
    assert_same(bundled.spec, bundled.variant)


def test_variants_of_a_file_know_each_others_blocks() -> None:
    specs = {bundled.spec.file: bundled.spec for bundled in BUNDLED}
    for spec in sampled([*specs.values()], 12):
        for variant, graph in spec.graphs(spec.members):
            assert described(graph) == described(spec.expansion(variant).graph)


def test_random_blocks() -> None:
    for spec in block_networks(31, CASES // 8):
        assert_same(spec)


CONV = "conv: {out: 8, kernel: 3, padding: 1}"
TRICKY = {
    "an outer layer that is the block's input in the first use": """
  b: {layers: [relu, {add: [skip, relu1]}]}
layers: [{relu: , name: skip}, b, b, b]
""",
    "its own input": """
  b: {layers: [relu, {add: [input, relu1]}]}
layers: [{relu: , name: skip}, b, b, b]
""",
    "a parameter with the name of a layer": """
  b: {params: {of: }, layers: [relu, {add: [of, relu1]}]}
layers: [{relu: , name: a}, {b: a}, {b: b1}, {b: a}, {b: a, repeat: 3}]
""",
    "every copy of an outer layer": """
  b: {layers: [relu, {concat: [unit.*]}, {conv: {out: 8, kernel: 1}}]}
layers: [{relu: , name: unit, repeat: 2}, {chain: [{b: , repeat: 2}], repeat: 2}]
""",
    "no copy of an outer layer yet": """
  b: {layers: [relu, {concat: [unit.*, relu1]}, {conv: {out: 8, kernel: 1}}]}
layers:
  - {relu: , name: unit, repeat: 2, when: c > 8}
  - {b: , repeat: 2}
""",
    "the last copy of an outer layer": """
  b: {layers: [relu, {add: ["unit[-1]", relu1]}]}
layers:
  - {relu: , name: unit, repeat: 2}
  - {b: , repeat: 3}
""",
    "what an outer name passes on": """
  b: {params: {on: }, layers: [{relu: , from: skip, when: on}]}
layers: [{relu: , name: skip}, {b: false, repeat: 2}, relu, {b: false, repeat: 2}]
""",
    "true beside 1": """
  b: {params: {bias: }, layers: [{conv: {out: 8, kernel: 1, bias: bias}}]}
layers: [{b: true}, {b: false}, {b: 1}]
""",
    "a list of conditions": """
  b: {params: {on: }, layers: [{relu: , when: "on[0]"}, tanh]}
layers: [{b: {on: [true]}}, {b: {on: [false]}}, {b: {on: [1]}}]
""",
    "a maximum's places in the block's input": """
  b: {layers: [{maxunpool: {indices: input}}]}
layers: [{maxpool: 2, name: a}, b, {maxpool: 2}, b]
""",
    "sizes, and the network's parameter in a default of an inner block": """
  inner: {params: {out: n}, layers: [{conv: {out: "out + h - h", kernel: 1}}]}
  b: {layers: [inner, {conv: {out: 8, kernel: 1}}]}
layers: [b, b, {maxpool: 2}, b, b]
params: {n: 4}
""",
    "a warning in each use": """
  b: {layers: [{relu: , name: a}, tanh, {relu: , from: a, when: false}, sigmoid]}
layers: [b, b, b]
""",
    "a mistake in the second use": """
  b: {layers: [{conv: {out: 8, kernel: 3}}]}
layers: [{b: , repeat: 9}]
""",
    "shared and frozen weights": """
  b: {layers: [{conv: {out: 8, kernel: 1}}]}
layers: [{b: , name: a, freeze: true}, b, {b: , share: a}, {b: , checkpoint: true}, b]
""",
    "weights shared inside": """
  b: {layers: [{conv: {out: 8, kernel: 1}, name: a}, {conv: {out: 8, kernel: 1}, share: a}]}
layers: [{b: , repeat: 3}, {chain: [b], name: twice, repeat: 2}]
""",
    "weights shared by the copies inside, of which one use shares again": """
  b: {layers: [{conv: {out: 8, kernel: 1}, name: a, repeat: 3, share: a}]}
layers: [{b: , name: first}, b, {b: , share: first}, b]
""",
    "weights of the block's input, and of an outer layer": """
  b: {layers: [{conv: {out: 8, kernel: 1}, share: input}]}
  d: {layers: [{conv: {out: 8, kernel: 1}, share: outer}]}
layers: [{conv: {out: 8, kernel: 1}, name: outer}, b, b, d, d]
""",
    "frozen inside, and weights of a frozen layer": """
  b:
    params: {on: true}
    layers:
      - {conv: {out: 8, kernel: 1}, name: a, freeze: on}
      - {batchnorm: }
      - {conv: {out: 8, kernel: 1}, share: a}
layers: [{b: , repeat: 2}, {b: false, repeat: 2}, {b: , freeze: true}, b]
""",
    "a checkpoint inside": """
  b: {layers: [{chain: [{conv: {out: 8, kernel: 1}}, relu], checkpoint: true}]}
layers: [{b: , repeat: 3}]
""",
    "an axis that was made 1": """
  b: {layers: [{mul: {gate: [{avgpool: 1}], map: []}}]}
layers: [{conv: {out: 8, kernel: 16}}, b, globalavgpool, b]
""",
}


@pytest.mark.parametrize("name", TRICKY)
def test_tricky_blocks(name: str) -> None:
    spec = cnncalc.loads(f"input: [8, 16, 16]\nblocks:{TRICKY[name]}")
    assert_same(spec)
    for _, graph in spec.graphs([None, None]):
        assert described(graph) == described(spec.expansion().graph)


def test_a_variant_that_is_expanded_later_has_its_own_values() -> None:
    spec = cnncalc.loads(
        "input: [8, 16, 16]\nparams: {n: 4, k: 1}\nvariants: {a: {params: {k: 3}}, b: {}}\n"
        "blocks: {b: {layers: [{conv: {out: n, kernel: k, padding: k // 2}}]}}\n"
        "layers: [{b: , repeat: 3}]"
    )
    found = [[node.op for node in graph.nodes[1:]] for _, graph in spec.graphs([None, "a", "b"])]
    assert found[0] == found[2] != found[1]


def test_the_limits_count_copies() -> None:
    """A network that is too large is refused as one whose blocks are expanded one by one."""
    text = (
        "input: [8]\nblocks:\n  a: {layers: [{relu: , repeat: 100}]}\n"
        "  b: {layers: [{a: , repeat: 100}]}\nlayers: [{b: , repeat: 3}]"
    )
    assert_same(cnncalc.loads(text))
    assert [d.code for d in cnncalc.loads(text).graph().diagnostics] == ["CNN004"]
    empty = text.replace("relu: ,", "relu: , when: false,")
    assert_same(cnncalc.loads(empty.replace("repeat: 3}", "repeat: 20}")))
