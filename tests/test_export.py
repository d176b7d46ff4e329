"""What `export` writes: source of torch that is the network that is built, ONNX files, drawings."""

from __future__ import annotations

import inspect
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.convert.drawing import drawn
from cnncalc.convert.to_torch import helpers
from cnncalc.convert.to_torch.signatures import _SIGNATURES, REQUIRED
from cnncalc.convert.to_torch.source import torch_source
from cnncalc.diagnostic import Mistake
from cnncalc.foreign import visible
from cnncalc.language.write import flat_spec
from cnncalc.ops.base import Op
from cnncalc.torch_backend.build import as_tuple

from .command import ROOT, run
from .hostile import HONEST
from .samples import BUNDLED, SIAMESE, Bundled, yaml
from .settings import FULL
from .test_every_operator import configurations, every_operator
from .test_shape_words import EVERYTHING, POINTS, TREE, at

SAMPLED = (
    "googlenet_aux", "retinanet_resnet50_fpn", "mobilenet_v3_small", "densenet121", "dla34",
    "hrnet_w18_small", "mixnet_s", "yolov8n",
)  # fmt: skip
NETWORKS = BUNDLED if FULL else [b for b in BUNDLED if b.name in SAMPLED]
RUFF = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"


def network_class(source: str) -> Any:
    """Run the source, and return the class of the network: the last one."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported.py", "exec"), names)
    classes = [value for value in names.values() if getattr(value, "__module__", "") == "exported"]
    return classes[-1]


def is_formatted(source: str) -> None:
    """Assert that ruff would change nothing, and that it finds no unused name."""
    for arguments in (("format", "--diff"), ("check", "--select", "E,F,I,W", "--ignore", "E501")):
        command = [RUFF, arguments[0], "--isolated", *arguments[1:], "-"]
        found = subprocess.run(command, input=source, text=True, capture_output=True)
        assert found.returncode == 0, found.stdout + source


def is_built(
    spec: cnncalc.Spec, source: str, images: int = 2, set: dict[str, Any] | None = None
) -> None:
    """Assert that the source is the built network: names, values, what is trained, outputs."""
    built, written = cnncalc.build(spec, set=set).eval(), network_class(source)().eval()
    assert list(written.state_dict()) == list(built.state_dict()), source
    written.load_state_dict(built.state_dict(), strict=True)
    trained = [p.requires_grad for p in built.parameters()]
    assert [p.requires_grad for p in written.parameters()] == trained
    inputs = [torch.randn(images, *node.shape) for node in spec.graph(set=set).inputs]
    with torch.no_grad():
        torch.manual_seed(0)  # some layers draw numbers
        found = as_tuple(written(*[x.clone() for x in inputs]))
        torch.manual_seed(0)
        wanted = as_tuple(built(*[x.clone() for x in inputs]))
    assert len(found) == len(wanted), source
    for y, z in zip(found, wanted):
        assert torch.equal(y.nan_to_num(), z.nan_to_num()), source


@every_operator
def test_the_source_of_an_operator_is_what_is_built(op: type[Op]) -> None:
    for n, (_, graph) in enumerate(configurations(op)):
        spec = cnncalc.loads(flat_spec(graph, "alone"))
        source = torch_source(spec)
        is_built(spec, source)
        if n == 0 or FULL:
            is_formatted(source)


@pytest.mark.parametrize("bundled", NETWORKS, ids=lambda bundled: bundled.name)
def test_the_source_of_a_bundled_network_has_the_same_modules(bundled: Bundled) -> None:
    source = torch_source(bundled.spec, bundled.variant)
    assert "cnncalc" not in source
    is_formatted(source)
    with torch.device("meta"):
        written = network_class(source)().eval()
    built = cnncalc.build(bundled.spec, bundled.variant, device="meta").eval()
    shapes = [(key, value.shape) for key, value in built.state_dict().items()]
    assert [(key, value.shape) for key, value in written.state_dict().items()] == shapes
    graph = bundled.spec.graph(bundled.variant)
    inputs = [torch.empty(2, *node.shape, device="meta") for node in graph.inputs]
    wanted = [y.shape for y in as_tuple(built(*inputs))]
    assert [y.shape for y in as_tuple(written(*inputs))] == wanted


@pytest.mark.parametrize(
    "name", ("resnet18", "dla46_c", "nas_bench_201", "lenet5", "fully_connected", "yolov8n")
)
def test_the_source_of_a_bundled_network_computes_the_same(name: str) -> None:
    spec = cnncalc.load(name)
    is_built(spec, torch_source(spec), images=1)


SMALL = {
    "shared towers": SIAMESE,
    "maxima put back": yaml("""
        input: [3, 12, 12]
        layers:
          - {conv: {out: 4, kernel: 3, padding: 1}, name: first}
          - {maxpool: 2, name: pool}
          - relu
          - maxunpool: pool
          - concat: [maxunpool1, first]
    """),
    "conditions of several layers": yaml("""
        input: [4, 9, 9]
        params: {depth: 4}
        blocks:
          unit:
            params: {out: , skip: }
            layers:
              - chain: [{conv: {out: out, kernel: 1}, name: inner}, {add: [inner, input]}]
                when: c == out
              - conv: {out: out, kernel: 3, padding: same, stride: 2}
              - {add: {a: [], b: [{upsample: {like: conv1}, from: skip}]}, when: out == 4}
        layers:
          - {unit: {out: "4 if i < 2 else 6", skip: input}, repeat: depth}
          - {conv: {out: 2 * i + 2, kernel: 1}, repeat: 3, freeze: i == 0}
          - {dropout: "0.1 * i", repeat: 2}
    """),
    "names that Python has": yaml("""
        input: [3, 8, 8]
        params: {self: 4, torch: 2}
        blocks:
          lambda_: {params: {nn: }, layers: [{conv: {out: nn, kernel: 1}, name: class}, relu]}
        layers:
          - {lambda_: self, name: 3x3}
          - {lambda_: self * torch, name: x}
          - {add: [x], name: import}
    """),
    "a block that contains itself": f"{yaml(TREE)}layers: [{{tree: {{levels: 3, out: 8}}}}]\n",
    "copies that are padded in other ways": yaml("""
        input: [4, 9, 9]
        layers:
          - {conv: {out: 4, kernel: 3, stride: 2 - i, padding: same}, repeat: 2}
          - chain: [relu, {conv: {out: 3, kernel: 5, stride: 1 + i, padding: same}}]
            repeat: 2
    """),
    "copies of a list": yaml("""
        input: [4, 9, 9]
        layers:
          - chain: [{concat: [input, unit.*]}, {conv: {out: 3, kernel: 1}}]
            name: unit
            repeat: 3
          - {conv: {out: 4, kernel: 1}, repeat: 3, when: i != 1, name: part}
          - add: [part.*]
    """),
    "weights and outputs of layers inside blocks": yaml("""
        input: [4, 16, 16]
        blocks:
          two:
            layers:
              - {conv: {out: 4, kernel: 3, padding: same}, name: low}
              - {conv: {out: 8, kernel: 1}, name: high}
          around: {layers: [{two: , name: inner}, {conv: {out: 4, kernel: 1}}]}
        layers:
          - conv: {out: 4, kernel: 3, padding: same, stride: 2}
            name: again
            repeat: 3
            share: again
          - {around: , name: a}
          - {conv: {out: 4, kernel: 3, padding: same}, from: again, share: a.inner.low}
          - {conv: {out: 4, kernel: 3, padding: same, stride: 2}, name: first}
          - {conv: {out: 4, kernel: 3, padding: same, stride: 2}, share: first}
          - {two: , name: b, share: a.inner}
          - {conv: {out: 4, kernel: 1}, name: 3x3}
          - {chain: [{conv: {out: 4, kernel: 1}}], name: class, freeze: true}
        outputs: [a.inner.low, class, b]
    """),
    "weights used twice, one layer after the other": yaml("""
        input: [4, 16, 16]
        layers:
          - {conv: {out: 4, kernel: 3, padding: same, stride: 2}, name: a}
          - {conv: {out: 4, kernel: 3, padding: same, stride: 2}, share: a}
    """),
    "sizes that enter": yaml("""
        input: [4, 6, 16, 18]
        params: {h: 1, k: 0.75}
        blocks:
          gate:
            params: {wide: 16 * k}
            layers:
              - avgpool: {kernel: [d, 1, w]}
              - conv: {out: "sizes[0] + w + h + sqrt(4) + abs(-2) + floor_log2(9)", kernel: 1}
              - conv: {out: wide, kernel: 1}
              - conv: {out: "sqrt(4 * c * c)", kernel: 1}
        layers: [gate, {gate: , name: more}]
    """),
    "no closed form": yaml("""
        input: [4, 16, 16]
        blocks:
          head:
            params: {out: }
            layers: [flatten, linear: out]
        layers:
          - {maxpool: 2, name: finer}
          - {maxpool: 2, name: coarser}
          - {head: 3, from: finer, name: a}
          - {head: 5, from: coarser, name: b}
          - concat: [a, b]
    """),
}


@pytest.mark.parametrize("what", SMALL)
def test_the_source_of_a_small_network_is_what_is_built(what: str) -> None:
    spec = cnncalc.loads(SMALL[what])
    assert spec.ok and not spec.graph().diagnostics, spec.graph().diagnostics
    source = torch_source(spec)
    is_formatted(source)
    is_built(spec, source)


@pytest.mark.parametrize(
    "name, other, changed",
    (
        ("resnet50", "resnet101", {"depths": (3, 4, 23, 3)}),
        ("resnet50", "resnext50_32x4d", {"groups": 32, "base_width": 4}),
        ("densenet121", "densenet169", {"depths": (6, 12, 32, 32)}),
        ("mnasnet1_0", "mnasnet1_3", {"width": 1.3}),
    ),
)
def test_other_arguments_make_the_other_variant(
    name: str, other: str, changed: dict[str, Any]
) -> None:
    """The parameters of the source are those of the spec, and not numbers that happen to fit."""
    cls = network_class(torch_source(cnncalc.load(name)))
    with torch.device("meta"):
        found = cls(**changed).state_dict()
    wanted = cnncalc.build(other, device="meta").state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in wanted.items()}


def test_the_signatures_are_those_of_torch() -> None:
    for name, signature in _SIGNATURES.items():
        cls = getattr(nn, name, None) or getattr(nn, f"{name}2d")
        if name in ("LSTM", "GRU"):
            cls = nn.RNNBase
        known = inspect.signature(cls.__init__).parameters
        for key, default in signature.items():
            wanted = known[key].default
            assert default == (REQUIRED if wanted is inspect.Parameter.empty else wanted), key


def test_every_module_of_ours_has_a_formatted_source() -> None:
    names = [name for name in helpers._classes() if not name.startswith("_")]
    for name in names if FULL else random.Random("helpers").sample(names, 8):
        for source in helpers.helpers_for([name]):
            found = subprocess.run(
                [RUFF, "format", "--isolated", "--diff", "-"],
                input=source + "\n",
                text=True,
                capture_output=True,
            )
            assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("point", POINTS if FULL else POINTS[::5])
def test_the_source_has_what_varies_with_a_parameter(point: tuple[int, bool, int]) -> None:
    spec = cnncalc.loads(yaml(EVERYTHING))
    source = torch_source(spec, set=at(point))
    is_formatted(source)
    is_built(spec, source, set=at(point))


def test_repeated_and_optional_branches_keep_their_parameters() -> None:
    """The source has loops and conditions, and the other values of the parameters hold too."""
    spec = cnncalc.loads(
        yaml("""
            input: [4, 9, 9]
            params: {paths: 3, width: 2.5}
            blocks:
              unit:
                params: {out: , stride: 1}
                layers:
                  - add:
                      body: [{conv: {out: out, kernel: 3, stride: stride, padding: 1}}]
                      shortcut: {when: stride == 1 and c == out}
            layers:
              - concat:
                  path:
                    repeat: {times: paths, as: j}
                    layers: [{conv: {out: 2 * width, kernel: 2 * j + 1, padding: j}}]
                  skip: {from: input, layers: [relu, {conv: {out: 1, kernel: 1}}]}
              - unit: 8
              - {unit: 8, repeat: 2}
              - unit: {out: 8, stride: 2}
        """)
    )
    source = torch_source(spec)
    is_formatted(source)
    is_built(spec, source)
    assert "for i in range(paths)" in source and "if self.add1.has_shortcut" in source
    other = network_class(source)(paths=2).state_dict()
    wanted = cnncalc.build(spec, set={"paths": 2}).state_dict()
    assert {k: v.shape for k, v in other.items()} == {k: v.shape for k, v in wanted.items()}


LISTS = yaml("""
    input: [4, 8, 8]
    params: {width: 1/2, depth: 1/3}
    blocks:
      half: {params: {part: }, layers: [split: {into: 2, part: part}]}
      stage:
        params: {out: , times: 3}
        layers:
          - {conv: {out: width * out, kernel: 1}, name: both}
          - {half: 0, from: both, name: kept}
          - {half: 1, from: both, name: begun}
          - {conv: {out: c // 2, kernel: 3, padding: 1}, repeat: times * depth, name: unit}
          - concat: [kept, begun, unit.*]
          - conv: {out: width * out, kernel: 1}
      summed:
        layers:
          - {avgpool: {kernel: 3, stride: 1, padding: 1}, repeat: 3, name: pool}
          - {add: [input, pool.*], name: sum}
          - sub: [sum, pool]
    layers:
      - conv: {out: 4, kernel: 1}
      - stage: 8
      - {stage: {out: 12, times: 6}, name: deeper}
      - summed
""")


def test_a_list_that_grows_with_a_repeat_is_a_loop() -> None:
    """The other values of the parameters hold too: the source is not written for each number."""
    spec = cnncalc.loads(LISTS)
    assert spec.ok and not spec.graph().diagnostics, spec.graph().diagnostics
    source = torch_source(spec)
    is_formatted(source)
    is_built(spec, source)
    assert source.count("class Stage") == source.count("class Summed") == 1
    assert "unit.append(x)" in source and "torch.cat((kept, begun, *unit), dim=1)" in source
    assert "sum_ = reduce(operator.add, (x, *pool2))" in source
    deeper = {"depth": 1, "width": 1}
    found = network_class(source)(**deeper).state_dict()
    wanted = cnncalc.build(spec, set=deeper).state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in wanted.items()}


def test_what_cannot_be_written_is_one_diagnostic() -> None:
    """A class in a file has no name by which a module can import it."""
    spec = cnncalc.loads(
        yaml("""
            input: [3, 8, 8]
            layers: [{opaque: {out: [3, 8, 8], params: 0, macs: 0, saved: 0, module: "net.py:Own"}}]
        """)
    )
    with pytest.raises(Mistake) as caught:
        torch_source(spec)
    assert [d.code for d in caught.value.diagnostics] == ["CNN414"]


@pytest.mark.parametrize(
    "arguments, said",
    (
        (("--to", "torhc"), "did you mean `torch`?"),
        (("--to", "coreml"), "it writes torch, keras, onnx, mermaid, dot, svg, pdf"),
        (("--to", "torch", "--depth", "2"), "--depth is for"),
        (("--to", "onnx"), "name the file: -o net.onnx"),
        (("--to", "dot", "-o", "/nowhere/net.dot"), "cannot write /nowhere/net.dot"),
    ),
)
def test_a_wrong_argument_is_one_diagnostic(arguments: tuple[str, ...], said: str) -> None:
    found = run("export", "lenet5", *arguments)
    assert found.returncode == 2 and said in found.stderr and not found.stdout
    assert found.stderr.count("error[") == 1


def test_the_source_needs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('torch')\n")
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    file = tmp_path / "net.py"
    found = run("export", "resnet18", "--to", "torch", "-o", str(file), **environment)
    assert found.returncode == 0 and not found.stderr
    assert file.read_text("utf-8") == torch_source(cnncalc.load("resnet18"))


@pytest.mark.parametrize("language", ("mermaid", "dot"))
def test_a_drawing_is_the_same_each_time_and_has_every_shape(language: str) -> None:
    spec = cnncalc.load("unet")
    graph = spec.graph()
    whole = drawn(language, graph, "U-Net", 10**9)
    assert whole == drawn(language, cnncalc.load("unet").graph(), "U-Net", 10**9)
    for node in graph.nodes:
        assert "×".join(map(str, node.shape)) in whole
    folded = drawn(language, graph, "U-Net", 1)
    assert folded.count("down1") == 1 and "4 layers" in folded
    assert len(folded) < len(whole)


HOSTILE = (
    HONEST,
    'a"]; click n0 "x"',
    "`md` <img src=//evil.example>",
    "#quot; & {init: {}} %%{init}%%",
    "end\n::error::x",
    '\\" \\N \u202e',
    '"""\nimport os',
)


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_name_stays_text(title: str) -> None:
    name = json.dumps(title, ensure_ascii=False)
    spec = cnncalc.loads(f"name: {name}\ninput: [3, 8, 8]\nlayers: [relu]\n")
    graph = spec.graph()
    text = drawn("dot", graph, spec.title(), 1)
    if shutil.which("dot"):
        found = subprocess.run(["dot", "-Tcanon"], input=text, text=True, capture_output=True)
        assert found.returncode == 0, found.stderr
    lines = drawn("mermaid", graph, spec.title(), 1).splitlines()
    assert [lines[0], *lines[2:4]] == ["---", "---", "flowchart TB"]
    shown = json.loads(lines[1].removeprefix("title: "))
    assert shown == visible(shown)
    network_class(torch_source(spec))


@pytest.mark.parametrize("batch", (1, 3))
def test_an_onnx_file_computes_what_torch_does(batch: int, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from cnncalc.convert.to_onnx import onnx_bytes

    network = cnncalc.build("three_conv").eval()
    torch.save(network.state_dict(), tmp_path / "net.pt")
    spec = cnncalc.load("three_conv")
    data = onnx_bytes(spec, any_batch=batch > 1, weights=str(tmp_path / "net.pt"))
    onnx.checker.check_model(data)
    model = onnx.load_from_string(data)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert facts["cnncalc.spec"].endswith("three_conv.yaml") and len(facts["cnncalc.sha256"]) == 64
    x = torch.randn(batch, *spec.graph().inputs[0].shape)
    session = ort.InferenceSession(data)
    (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    with torch.no_grad():
        wanted = network(x)
    torch.testing.assert_close(torch.from_numpy(found), wanted, rtol=1e-5, atol=1e-5)


def test_weights_that_do_not_fit_are_one_diagnostic(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    from cnncalc.convert.to_onnx import onnx_bytes

    torch.save({"other": torch.zeros(2)}, tmp_path / "other.pt")
    (tmp_path / "broken.pt").write_bytes(b"no weights")
    for file, code in (("other", "CNN403"), ("broken", "CNN403"), ("missing", "CNN002")):
        with pytest.raises(Mistake) as caught:
            onnx_bytes(cnncalc.load("three_conv"), weights=str(tmp_path / f"{file}.pt"))
        assert [d.code for d in caught.value.diagnostics] == [code]
