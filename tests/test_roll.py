"""A graph becomes a spec with blocks that has its layers, and that a person could have written."""

from __future__ import annotations

import contextlib
import random
import re
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.convert import roll
from cnncalc.convert.roll import rolled_spec
from cnncalc.diagnostic import Mistake
from cnncalc.graph import Graph, Node, checked
from cnncalc.language.write import flat_spec
from cnncalc.ops import OPS
from cnncalc.ops.base import Op

from .block_graphs import block_networks
from .cases import COMPUTED, case, instance
from .command import run
from .graphs import networks
from .module_paths import mobilenet_v2, resnet
from .samples import BUNDLED, FAMILIES, SIAMESE, Bundled, sample
from .settings import CASES

SPECS = Path(__file__).parent.parent / "specs"
# Its copies have two results, and all of the second ones are added: that is not found again so far.
LONG = {"wavenet"}


def layers_of(graph: Graph) -> list[Any]:
    """Return all that makes a network what it is, apart from the paths of its layers."""
    found: list[Any] = []
    for node in graph.nodes:
        op = node.op
        fields = {k: v for k, v in vars(op).items() if k not in op.layers_named} if op else {}
        frozen = graph.owner(node).frozen
        found.append((op and op.key, fields, node.inputs, node.shape, node.shares, frozen))
    checkpoints = sorted((part.start, part.stop) for part in graph.checkpoints)
    return [found, graph.outputs, checkpoints, [node.path for node in graph.inputs]]


def rolled(graph: Graph, name: str = "net") -> str:
    """Return the text of a graph, after a comparison of its layers."""
    result = rolled_spec(graph, name)
    spec = cnncalc.loads(result.text)
    assert spec.ok and spec.title() == name, result.text
    found = spec.graph()
    assert layers_of(found) == layers_of(graph), result.text
    assert result.paths == {a.path: b.path for a, b in zip(found.nodes, graph.nodes)}
    return result.text


def flat(graph: Graph) -> Graph:
    """Return a network from its flat spec: its paths say nothing about blocks."""
    return cnncalc.loads(flat_spec(graph, "flat")).graph()


def lines_of(text: str) -> int:
    """Count the lines of a network: not those about names, sources and figures, nor empty ones."""
    about = ("cnncalc", "name", "year", "source", "variants", "published", "budget")
    count, counts = 0, True
    for line in text.splitlines():
        key = re.match(r"(\w+):", line)
        counts = key[1] not in about if key else counts
        count += bool(counts and line.strip() and not line.startswith("#"))
    return count


@pytest.mark.parametrize("network", FAMILIES, ids=lambda network: network.name)
def test_a_bundled_network_is_the_same_after_its_blocks_were_found_again(network: Bundled) -> None:
    graph = network.spec.graph(network.variant)
    text = rolled(graph)
    if len(graph.nodes) > 40 and network.name not in LONG:
        assert lines_of(text) < len(graph.nodes) / 1.5


@pytest.mark.parametrize(
    "network", [n for n in BUNDLED if n.spec.members[0] == n.variant], ids=lambda n: n.name
)
def test_a_network_is_the_same_from_its_graph_alone(network: Bundled) -> None:
    graph = flat(network.spec.graph(network.variant))
    text = rolled(graph)
    if len(graph.nodes) > 40 and network.name not in LONG:
        assert lines_of(text) < len(graph.nodes) / 1.1


@pytest.mark.parametrize(
    ("file", "variant"),
    [
        ("resnet", "resnet50"),
        ("resnet", "resnet152"),
        ("mobilenet_v2", None),
        ("efficientnet", "efficientnet_b0"),
        ("densenet", "densenet121"),
        ("googlenet", None),
        ("convnext", "convnext_tiny"),
        ("regnet", "regnet_y_400mf"),
        ("unet", None),
    ],
)
def test_it_takes_no_more_lines_than_a_person_took(file: str, variant: str | None) -> None:
    text = rolled(cnncalc.load(file).graph(variant))
    assert lines_of(text) <= lines_of((SPECS / f"{file}.yaml").read_text("utf-8"))


RESNET50 = """\
cnncalc: 1
name: ResNet-50
input: [3, 224, 224]

blocks:
  conv_bn:
    params: {out: , kernel: 1, stride: 1}
    layers:
      - conv: {out: out, kernel: kernel, stride: stride, padding: kernel // 2, bias: false}
      - batchnorm
  bottleneck:
    params: {width: , stride: 1}
    layers:
      - add:
          body:
            - conv_bn: width
            - relu
            - conv_bn: {out: width, kernel: 3, stride: stride}
            - relu
            - conv_bn: 4 * width
          shortcut:
            - {conv_bn: {out: 4 * width, stride: stride}, when: stride > 1 or c != 4 * width}
      - relu
  stage:
    params: {width: , depth: , stride: 1}
    layers:
      - {bottleneck: {width: width, stride: stride if i == 0 else 1}, repeat: depth}

layers:
  - conv_bn: {out: 64, kernel: 7, stride: 2}
  - relu
  - maxpool: {kernel: 3, stride: 2, padding: 1}
  - stage: {width: 64, depth: 3}
  - stage: {width: 128, depth: 4, stride: 2}
  - stage: {width: 256, depth: 6, stride: 2}
  - stage: {width: 512, depth: 3, stride: 2}
  - globalavgpool
  - flatten
  - linear: 1000
"""


def test_the_text_is_what_a_person_would_write() -> None:
    assert rolled(cnncalc.load("resnet50").graph(), "ResNet-50") == RESNET50


CONDITIONS = {
    "mobilenet_v2": ["when: expand > 1", "when: stride == 1 and c == out", "expand * c"],
    "resnet18": ["when: stride > 1 or c != out", "stride: stride if i == 0 else 1"],
    "efficientnet_b0": ["squeeze_excite: c // 4", "when: expand > 1", "depth: 3, expand: 6"],
    "mobilenet_v3_large": [
        "make_divisible(c // 4)",
        "act == 'hardswish'",
        "when: se",
        "width != c",
    ],
    "deeplabv3_resnet50": ["dilation * (kernel // 2)", "dilation if i == 0 else dilation2"],
    "densenet121": ["bn_relu_conv: c // 2", "- {dense: , repeat: 24}"],
    "convnext_tiny": ["groups: c", "out: 4 * c", "- stage: 9"],
    "googlenet": ["- inception: {a: 64, b: 96, b2: 128, "],
    "unet": ["- {crop: {like: lift}, from: skip}", "- up: down4"],
    "regnet_y_400mf": ["groups: out // 8", "- stage: {out: 440, depth: 6}"],
    "retinanet_resnet50_fpn": ["share: class3", "outputs: [class3, box3, class4"],
    "shufflenet_v2_x1_0": ["slice: {start: c // 2}", "- {unit: , repeat: depth}"],
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_expressions_and_conditions_are_those_of_the_design(name: str) -> None:
    text = rolled(cnncalc.load(name).graph())
    assert [part for part in CONDITIONS[name] if part not in text] == []


def changed(text: str, edits: dict[str, str]) -> str:
    """Return a text with other lines, each of which must be there."""
    lines = text.splitlines()
    assert edits.keys() <= {line.strip() for line in lines}, text
    return "\n".join(
        line.replace(line.strip(), edits.get(line.strip(), line.strip())) if line else line
        for line in lines
    )


def scaled(text: str, by: Fraction) -> str:
    """Return a text with other widths in its rows and calls, rounded as MobileNet does."""

    def rounded(found: re.Match[str]) -> str:
        near = int(by * int(found[2]) + 4) // 8 * 8
        return f"{found[1]}{near + 8 * (10 * near < 9 * by * int(found[2]))}"

    head, layers = text.split("\nlayers:\n")
    return f"{head}\nlayers:\n" + re.sub(r"(out: |conv_bn: )(\d+)", rounded, layers)


def deeper(text: str, depths: dict[int, int]) -> str:
    """Return a text with other depths; with the same depth, stages are changed alike."""
    return re.sub(r"depth: (\d+)", lambda m: f"depth: {depths.get(int(m[1]), int(m[1]))}", text)


def figures(spec: cnncalc.Spec, variant: str | None = None, **set: Any) -> list[Any]:
    """Return the operator, shape and parameters of each layer; and what they cost together."""
    found = cnncalc.analyze(spec, variant, set=set)
    assert found.ok, found.diagnostics
    rows = [(row.op, row.output_shape, row.params, row.macs) for row in found.rows]
    return [*rows, found.totals.params, found.totals.macs]


DEEPER = [("resnet50", "resnet101", {6: 23}), ("resnet50", "resnet152", {6: 36, 4: 8})]


@pytest.mark.parametrize(("name", "other", "depths"), DEEPER)
def test_a_network_of_other_depth_is_the_one_of_its_family(
    name: str, other: str, depths: dict[int, int]
) -> None:
    text = deeper(rolled(cnncalc.load(name).graph()), depths)
    assert figures(cnncalc.loads(text)) == figures(cnncalc.load(other), other)


EDITS = {
    ("convnext_tiny", "convnext_base"): {
        "- conv: {out: 96, kernel: 4, stride: 4}": "- conv: {out: 128, kernel: 4, stride: 4}",
        "- stage: 9": "- stage: 27",
        "- stochastic_depth: 0.1": "- stochastic_depth: 0.5",
    },
    ("densenet121", "densenet161"): {
        "- conv: {out: 64, kernel: 7, stride: 2, padding: 3, bias: false}": (
            "- conv: {out: 96, kernel: 7, stride: 2, padding: 3, bias: false}"
        ),
        "- bn_relu_conv: 128": "- bn_relu_conv: 192",
        "- bn_relu_conv: {out: 32, kernel: 3}": ("- bn_relu_conv: {out: 48, kernel: 3}"),
        "- {dense: , repeat: 24}": "- {dense: , repeat: 36}",
        "- {dense: , repeat: 16}": "- {dense: , repeat: 24}",
    },
    ("regnet_x_400mf", "regnet_x_800mf"): {
        "- stage: {out: 32, depth: 1}": "- stage: {out: 64, depth: 1}",
        "- stage: {out: 64, depth: 2}": "- stage: {out: 128, depth: 3}",
        "- stage: {out: 160, depth: 7}": "- stage: {out: 288, depth: 7}",
        "- stage: {out: 400, depth: 12}": "- stage: {out: 672, depth: 5}",
    },
    ("shufflenet_v2_x1_0", "shufflenet_v2_x2_0"): {
        "- stage: {width: 58, depth: 3}": "- stage: {width: 122, depth: 3}",
        "- stage: {width: 116, depth: 7}": "- stage: {width: 244, depth: 7}",
        "- stage: {width: 232, depth: 3}": "- stage: {width: 488, depth: 3}",
        "- conv_bn: 1024": "- conv_bn: 2048",
    },
    ("vgg16d", "vgg19"): {
        "- stage: {out: 256, depth: 3}": "- stage: {out: 256, depth: 4}",
        "- {stage: {out: 512, depth: 3}, repeat: 2}": "- {stage: {out: 512, depth: 4}, repeat: 2}",
    },
    ("resnet18", "resnet34"): {
        "- stage: {out: 64, depth: 2}": "- stage: {out: 64, depth: 3}",
        "- stage: {out: 128, depth: 2, stride: 2}": "- stage: {out: 128, depth: 4, stride: 2}",
        "- stage: {out: 256, depth: 2, stride: 2}": "- stage: {out: 256, depth: 6, stride: 2}",
        "- stage: {out: 512, depth: 2, stride: 2}": "- stage: {out: 512, depth: 3, stride: 2}",
    },
}


@pytest.mark.parametrize(("name", "other"), EDITS)
def test_a_network_of_other_width_is_the_one_of_its_family(name: str, other: str) -> None:
    text = changed(rolled(cnncalc.load(name).graph()), EDITS[name, other])
    assert figures(cnncalc.loads(text)) == figures(cnncalc.load(other), other)


@pytest.mark.parametrize("width", [Fraction(1, 2), Fraction(7, 5), Fraction(2)])
def test_mobilenet_v2_stays_right_under_other_widths_and_depths(width: Fraction) -> None:
    """With width 2, the first block has as many channels as the stem, and so a residual."""
    spec = cnncalc.load("mobilenet_v2")
    text = scaled(rolled(spec.graph()), width)
    if width < 1:
        text = text.replace("- conv_bn: 640", "- conv_bn: 1280")
    assert figures(cnncalc.loads(text)) == figures(spec, width=width)
    shorter = cnncalc.loads(spec.text.replace("depth: 3", "depth: 5"))
    text = deeper(rolled(spec.graph()), {3: 5})
    assert figures(cnncalc.loads(text)) == figures(shorter)


def test_efficientnet_b0_becomes_b2() -> None:
    text = scaled(rolled(cnncalc.load("efficientnet_b0").graph()), Fraction(11, 10))
    text = deeper(text, {1: 2, 2: 3, 3: 4, 4: 5}).replace("[3, 224, 224]", "[3, 288, 288]")
    found = cnncalc.analyze(cnncalc.loads(text.replace("dropout: 0.2", "dropout: 0.3")))
    assert found.totals.params == 9109994  # torchvision's
    assert found.totals.macs == cnncalc.analyze(cnncalc.load("efficientnet_b2")).totals.macs


@pytest.mark.parametrize("width", [Fraction(1, 4), Fraction(3, 2)])
def test_resnet_stays_right_under_other_widths(width: Fraction) -> None:
    """The inner width of a bottleneck is that of the stage."""
    text = rolled(cnncalc.load("resnet50").graph())
    head, layers = text.split("\nlayers:\n")
    layers = re.sub(r"(width|out): (\d+)", lambda m: f"{m[1]}: {int(width * int(m[2]))}", layers)
    found = cnncalc.loads(f"{head}\nlayers:\n{layers}")
    assert figures(found) == figures(cnncalc.load("resnet50"), width=width)


@pytest.mark.parametrize("graph", [resnet("resnet18"), resnet("resnet50")], ids=("18", "50"))
def test_the_paths_of_a_torch_module_give_its_blocks(graph: Graph) -> None:
    text = rolled(graph)
    assert "  stage:\n" in text and "when: stride > 1 or c != " in text
    assert lines_of(text) <= 42


def test_what_does_the_work_in_a_module_is_part_of_its_block() -> None:
    """The module `features.3` holds `conv.0` to `conv.3` and the sum."""
    text = rolled(mobilenet_v2())
    assert "- {conv_bn_relu6: {out: expand * c, kernel: 1}, when: expand > 1}" in text
    assert "- {add: [input, body], when: stride == 1 and c == out}" in text
    assert "- {out: 160, depth: 3, expand: 6, stride: 2}" in text


def test_blocks_are_named_after_classes_where_they_are_known() -> None:
    graph = resnet("resnet50")
    kinds = {f"layer{n}.{k}": "Bottleneck" for n in range(1, 5) for k in range(8)}
    text = rolled_spec(graph, "net", kinds).text
    assert "  bottleneck:\n    params: {width: , stride: 1}\n" in text


COLLECTED = """
input: [8, 16, 16]
blocks:
  layer:
    params: {{out: 4}}
    layers:
      - batchnorm
      - relu
      - {{conv: {{out: out, kernel: 3, padding: 1, bias: false}}}}
layers:
  - {{conv: {{out: 8, kernel: 1}}, name: x0}}
{layers}
  - batchnorm
"""


def collected(depth: int) -> Graph:
    """Return a network whose layers read the concatenation of all outputs before them."""
    lines = ["  - {layer: , name: x1}"]
    for n in range(2, depth + 1):
        names = ", ".join(f"x{k}" for k in range(n))
        lines += [f"  - {{concat: [{names}], name: all{n}}}", f"  - {{layer: , name: x{n}}}"]
    lines.append(f"  - concat: [{', '.join(f'x{k}' for k in range(depth + 1))}]")
    return cnncalc.loads(COLLECTED.format(layers="\n".join(lines))).graph()


def test_concatenations_that_collect_may_grow() -> None:
    graph = collected(8)
    plain, grown = rolled_spec(graph, "net"), rolled_spec(graph, "net", grow=True)
    assert (plain.grown, grown.grown) == (0, 7)
    assert layers_of(cnncalc.loads(plain.text).graph()) == layers_of(graph)
    assert "repeat: 8" in grown.text or "repeat: 7" in grown.text, grown.text
    assert "concat: [x0, x1, x.*]" in plain.text
    assert max(lines_of(grown.text), lines_of(plain.text)) <= 25


def test_concatenations_that_grow_have_the_same_values() -> None:
    torch = pytest.importorskip("torch")
    graph = collected(5)
    outputs = []
    for grow in (False, True):
        text = rolled_spec(graph, "net", grow=grow).text
        network = cnncalc.build(cnncalc.loads(text)).eval()
        state = [torch.linspace(-1, 1, value.numel()) for value in network.parameters()]
        with torch.no_grad():
            for value, new in zip(network.parameters(), state):
                value.copy_(new.reshape(value.shape))
            outputs.append(network(torch.linspace(-1, 1, 2048).reshape(1, 8, 16, 16)))
    assert torch.equal(*outputs)


def test_few_concatenations_stay_as_they_are() -> None:
    graph = collected(3)
    assert rolled_spec(graph, "net", grow=True) == rolled_spec(graph, "net")


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.key)
def test_every_operator_is_the_same(op: type[Op]) -> None:
    """Random configurations too: every field is written, and read back."""
    rolled(cnncalc.loads(sample(op)).graph())
    if op not in COMPUTED:
        return
    rng, tried = random.Random(op.key), 0
    while tried < 3:
        body, shapes = case(op, rng)
        made = instance(op, body)
        with contextlib.suppress(Mistake):
            if made is not None:
                graph = Graph()
                graph.nodes = [Node(f"x{n}", None, (), shape) for n, shape in enumerate(shapes)]
                y = checked(made, shapes)
                graph.nodes.append(Node("it", made, tuple(range(len(shapes))), y))
                graph.outputs = (len(shapes),)
                rolled(graph)
                tried += 1


def test_random_networks_are_the_same() -> None:
    for _, report in networks(11, CASES // 4):
        rolled(report.graph)


def test_random_networks_of_blocks_are_the_same() -> None:
    """They have shared, frozen and checkpointed parts, and several inputs and outputs."""
    words = {"share: ": 0, "freeze: ": 0, "checkpoint: ": 0, "outputs: ": 0, "when: ": 0}
    for spec in block_networks(5, CASES // 5):
        text = rolled(spec.graph())
        for word in words:
            words[word] += word in text
    assert min(words.values()) > 0, words


def test_towers_share_their_weights() -> None:
    text = rolled(cnncalc.loads(SIAMESE).graph())
    assert "input: {left: [1, 20, 20], right: [1, 20, 20]}" in text
    assert "share: a" in text and "outputs: [distance, a]" in text


TRAINED = """
input: [8, 16, 16]
blocks:
  tower:
    layers:
      - conv: {out: c, kernel: 3, padding: 1}
      - batchnorm
      - relu
layers:
  - {tower: , repeat: 4, checkpoint: true}
  - {tower: , repeat: 3, freeze: true}
  - {tower: , repeat: 3}
"""


def test_copies_that_are_frozen_or_checkpointed_are_runs_of_their_own() -> None:
    text = rolled(cnncalc.loads(TRAINED).graph())
    assert "- {tower: , repeat: 4, checkpoint: true}" in text
    assert "- {tower: , repeat: 3, freeze: true}" in text
    assert "- {tower: , repeat: 3}" in text


def test_a_checkpoint_of_any_layers_becomes_a_block() -> None:
    graph = cnncalc.load("vgg16").graph()
    assert graph.checkpoint(range(3, 9)) is None
    assert "checkpoint: true" in rolled(graph)


def test_a_short_network_has_no_blocks() -> None:
    text = rolled(cnncalc.load("lenet5").graph())
    assert "blocks:" not in text
    assert "layers:\n  - conv: {out: 6, kernel: 5}\n" in text


def test_a_wrong_text_is_found_and_a_flatter_one_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first two have another network, or none."""
    graph, written = cnncalc.load("resnet18").graph(), roll.text_of
    wrong = iter([("stride: 2, padding: 1", "stride: 2"), ("bias", "bios")])

    def spoilt(found: Any, given: Graph, name: str) -> str:
        text = written(found, given, name)
        return text.replace(*next(wrong)) if found.blocks else text

    monkeypatch.setattr(roll, "text_of", spoilt)
    text = rolled(graph)
    assert "blocks:" not in text
    assert next(wrong, None) is None


CHANGES = {
    "bias: false": "bias: true",
    "kernel // 2": "0",
    "stride: 2": "stride: 1",
    "repeat: depth": "repeat: depth + 1",
    "depth: 4": "depth: 5",
    "4 * width": "2 * width",
    "- relu": "- silu",
    "params: {width: , depth: , stride: 1}": "params: {width: , depth: , stride: 2}",
}


@pytest.mark.parametrize("part", CHANGES)
def test_the_check_notices_every_change(part: str) -> None:
    graph = cnncalc.load("resnet50").graph()
    text = rolled(graph)
    assert part in text
    found = cnncalc.loads(text.replace(part, CHANGES[part]))
    assert not roll.is_same(found.graph(), graph)


@pytest.mark.parametrize("change", ["frozen", "checkpoint", "outputs", "shares"])
def test_the_check_notices_words_and_outputs(change: str) -> None:
    graph = cnncalc.load("resnet50").graph()
    other = graph.copy()
    if change == "frozen":
        other.freeze([1])
    elif change == "checkpoint":
        other.checkpoint(range(5, 9))
    elif change == "outputs":
        other.outputs = (5,)
    else:
        other.nodes[20].shares = 10
    assert roll.is_same(graph, graph.copy())
    assert not roll.is_same(other, graph)


def test_nested_joins_take_time_that_grows_with_their_number_only() -> None:
    """Each join is searched for its branches once."""
    inner = "[relu]"
    for _ in range(11):
        inner = f"[{{add: {{a: {inner}, b: [sigmoid]}}}}, tanh]"
    graph = flat(cnncalc.loads(f"input: [4, 8, 8]\nlayers: {inner}").graph())
    start = time.perf_counter()
    rolled(graph)
    assert time.perf_counter() - start < 2


def test_a_deep_network_takes_well_under_a_second() -> None:
    graph = cnncalc.load("resnet152").graph()
    start = time.perf_counter()
    rolled_spec(graph, "net")
    assert time.perf_counter() - start < 2  # 0.4 s alone on a machine; others may run beside it


def test_expand_rolls_a_flat_spec(tmp_path: Path) -> None:
    long, tidy = tmp_path / "long.cnn.yaml", tmp_path / "tidy.cnn.yaml"
    assert run("expand", "resnet34", "-o", str(long)).returncode == 0
    done = run("expand", str(long), "--roll", "-o", str(tidy))
    assert done.returncode == 0, done.stderr
    assert 5 * len(tidy.read_text().splitlines()) < len(long.read_text().splitlines())
    found, wanted = (cnncalc.analyze(cnncalc.load(str(path))) for path in (tidy, long))
    assert found.totals == wanted.totals and found.totals.params == 21797672  # torchvision's


def test_expand_keeps_what_comes_before_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "wrong.cnn.yaml"
    path.write_text("input: [3, 8, 8]\nlayers:\n  - relu\n  - conv: {out: 4, kernel: 9}\n")
    done = run("expand", str(path), "--roll")
    assert done.returncode == 1
    assert "- relu" in done.stdout and "CNN" in done.stderr


def test_outputs_keep_their_order() -> None:
    head = "[{conv: {out: 4, kernel: 3, padding: 1}}, batchnorm, relu, {conv: {out: 5, kernel: 1}}]"
    branches = ", ".join(f"{{chain: {head}, from: stem, name: heads{n}}}" for n in range(3))
    text = f"input: [3, 8, 8]\nlayers: [{{conv: {{out: 4, kernel: 3}}, name: stem}}, {branches}]"
    graph = cnncalc.loads(f"{text}\noutputs: [heads2, heads0, heads1]").graph()
    for node in graph.nodes:
        node.path = re.sub(r"heads(\d)", r"heads.\1", node.path)
    rolled = rolled_spec(graph, "net").text
    assert "blocks:" in rolled and rolled.endswith("outputs: [heads_out2, heads, heads_out]\n")
    assert cnncalc.loads(rolled).graph().outputs == graph.outputs
