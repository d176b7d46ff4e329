"""ONNX files become specs: onnx infers the same shapes, and onnxruntime computes the same.

CNNCALC_FULL=1 exports more networks, and all bundled ones.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnncalc
from cnncalc.convert.from_onnx import wire
from cnncalc.convert.from_onnx.importing import import_onnx
from cnncalc.diagnostic import Mistake

from .command import run, run_code, run_without
from .real import to_import
from .settings import FULL

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import helper, numpy_helper  # noqa: E402
from torch import nn  # noqa: E402

from . import onnx_cases  # noqa: E402
from .onnx_cases import CASES, Case, chain, one, random_weights, saved  # noqa: E402
from .onnx_files import exported, imported, run_both  # noqa: E402
from .trips import TOLERANCE, differences_after_onnx, written_as_onnx  # noqa: E402

EXPORTERS: dict[str, dict[str, Any]] = {
    "dynamo": {"how": "dynamo"},
    "dynamo, not optimized": {"how": "dynamo", "optimize": False},
    "script": {"how": "script"},
    "script, version 11": {"how": "script", "opset_version": 11},
    "script, version 9": {"how": "script", "opset_version": 9},
    "dynamo, version 21": {"how": "dynamo", "opset_version": 21},
    "dynamo, weights beside": {"how": "dynamo", "external_data": True},
    "script, not folded": {
        "how": "script",
        "training": torch.onnx.TrainingMode.PRESERVE,
        "do_constant_folding": False,
    },
}


class Sequence(nn.Module):
    """Two layers in both directions, then one forwards."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 8, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(16, 5, batch_first=True)
        self.head = nn.Linear(5, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.gru(self.lstm(x)[0])[0])


class Attention(nn.Module):
    """Patches that look at one another."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.query, self.key, self.value = (nn.Linear(16, 16) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2)
        return (self.query(x) @ self.key(x).transpose(1, 2)).softmax(-1) @ self.value(x)


NETWORKS: dict[str, tuple[type[nn.Module], list[tuple[int, ...]]]] = {
    "Residual": (to_import.Residual, [(3, 32, 32)]),
    "Gated": (to_import.Gated, [(3, 32, 32)]),
    "Functional": (to_import.Functional, [(3, 28, 28)]),
    "Twice": (to_import.Twice, [(3, 16, 16)]),
    "Shuffled": (to_import.Shuffled, [(8, 14, 14)]),
    "Neighbours": (to_import.Neighbours, [(8, 6, 6)]),
    "Two": (to_import.Two, [(1, 12, 12)] * 2),
    "Upwards": (to_import.Upwards, [(3, 32, 32)]),
    "Sequence": (Sequence, [(10, 6)]),
    "Attention": (Attention, [(3, 16, 16)]),
}
SAMPLE = [
    ("Residual", "dynamo"),
    ("Residual", "script, not folded"),
    ("Gated", "dynamo, not optimized"),
    ("Sequence", "script"),
    ("Upwards", "script, version 11"),
    ("Residual", "script, version 9"),
    ("Gated", "dynamo, version 21"),
    ("Shuffled", "dynamo, weights beside"),
]
PAIRS = [(n, e) for n in NETWORKS for e in EXPORTERS] if FULL else SAMPLE


def write(name: str, exporter: str, folder: Path, **more: Any) -> Path:
    """Export one of the networks, quietly."""
    network, inputs = NETWORKS[name]
    with contextlib.redirect_stdout(io.StringIO()):
        options = {**EXPORTERS[exporter], **more}
        return exported(network(), inputs, folder / f"{name.lower()}.onnx", **options)


def agree(path: Path) -> str:
    """Import a file, compare what both compute, and return the text of the spec."""
    found = imported(path)
    assert found.declared == []
    for ours, theirs in run_both(path, found):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * abs(theirs).max())
    return found.text


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_node_is_the_operator_that_computes_the_same(case: Case, tmp_path: Path) -> None:
    text = agree(onnx_cases.written(case, tmp_path / "net.onnx"))
    layers = cnncalc.loads(text).graph().nodes[1:]
    assert " ".join(node.op.key for node in layers if node.op) == case.keys


@pytest.mark.parametrize(("name", "exporter"), PAIRS)
def test_what_exporters_write_computes_the_same(name: str, exporter: str, tmp_path: Path) -> None:
    agree(write(name, exporter, tmp_path))


@pytest.mark.parametrize("exporter", ["dynamo", "script"] if FULL else ["dynamo"])
def test_a_local_norm_and_a_shuffle_are_one_layer_each(exporter: str, tmp_path: Path) -> None:
    text = agree(write("Neighbours", exporter, tmp_path))
    keys = [node.op.key for node in cnncalc.loads(text).graph().nodes if node.op]
    assert keys == ["conv", "lrn", "channel_shuffle", "relu"] * 2


def test_equal_biases_that_a_file_holds_once_are_counted_for_each_layer(tmp_path: Path) -> None:
    case = chain("merged", "conv conv", ("Conv", "_ v b", {}), ("Conv", "_ w b", {}),
                 v=(4, 4, 1, 1), w=(4, 4, 1, 1), b=(4,))  # fmt: skip
    assert cnncalc.analyze(agree(_written(case, tmp_path))).totals.params == 2 * (16 + 4)


def test_a_weight_of_two_different_layers_is_counted_once(tmp_path: Path) -> None:
    case = chain("tied", "", ("Conv", "_ w", {}), ("Conv", "_ w", {"strides": [2, 2]}),
                 w=(4, 4, 1, 1))  # fmt: skip
    found = imported(_written(case, tmp_path))
    assert "it has weights of `conv1`, from which it differs (node Conv_1)" in str(
        found.problems[0]
    )
    assert cnncalc.analyze(found.text).totals.params == 16


def test_blocks_are_found_again(tmp_path: Path) -> None:
    text = agree(write("Residual", "script, not folded", tmp_path))
    assert len([line for line in text.splitlines() if line]) <= 36
    assert "repeat: 2" in text and "batchnorm" in text


def _keras_like(path: Path) -> Path:
    """Channels last, as tf2onnx writes them: a transpose on each side of what needs them first."""
    nodes = []

    def node(op: str, inputs: str, output: str, **attributes: Any) -> None:
        name = f"net/{output}/{op}"
        nodes.append(helper.make_node(op, inputs.split(), [output], name=name, **attributes))

    first, last = [0, 3, 1, 2], [0, 2, 3, 1]
    node("Transpose", "image", "a", perm=first)
    node("Conv", "a w1 b1", "b", auto_pad="SAME_UPPER", strides=[2, 2])
    node("Transpose", "b", "c", perm=last)
    node("Relu", "c", "d")
    node("Transpose", "d", "e", perm=first)
    node("MaxPool", "e", "f", kernel_shape=[2, 2], strides=[2, 2])
    node("Transpose", "f", "g", perm=last)
    node("ReduceMean", "g", "h", axes=[1, 2], keepdims=0)
    node("MatMul", "h w2", "i")
    node("Add", "i b2", "j")
    node("Softmax", "j", "scores", axis=-1)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 5), "b2": (5,)}
    constants = [numpy_helper.from_array(random_weights(n, s), n) for n, s in shapes.items()]
    return saved(nodes, {"image": ["batch", 16, 16, 3]}, ["scores"], constants, path)


def test_channels_last_become_channels_first(tmp_path: Path) -> None:
    text = agree(_keras_like(tmp_path / "keras.onnx"))
    assert text == (
        "cnncalc: 1\nname: keras\ninput: [3, 16, 16]\n\nlayers:\n"
        "  - conv: {out: 8, kernel: 3, stride: 2, padding: same}\n  - relu\n  - maxpool: 2\n"
        "  - globalavgpool\n  - flatten\n  - linear: 5\n  - softmax\n"
    )


def _paddle_like(path: Path) -> Path:
    """Weights in Constant nodes, names that are numbers, and sizes that are computed."""
    nodes = []
    shapes = {"w1": (6, 3, 3, 3), "s": (6,), "t": (6,), "m": (6,), "v": (6,), "w2": (24, 4)}
    values = {name: random_weights(name, shape) for name, shape in shapes.items()}
    values |= {name: np.array(n, np.int64) for name, n in _SIZES.items()}
    for name, value in values.items():
        tensor = numpy_helper.from_array(value, name)
        nodes.append(helper.make_node("Constant", [], [name], value=tensor))
    for n, (op, inputs, output, attributes) in enumerate(_PADDLE):
        name = f"p2o.{op}.{n}"
        nodes.append(helper.make_node(op, inputs.split(), [output], name=name, **attributes))
    return saved(nodes, {"x": [-1, 3, "h", "w"]}, ["scores"], [], path, inferred=False)


_SIZES = {"zero": [0], "one": [1], "rest": [-1], "two": [1, 1, 2, 2]}
_PADDLE: list[tuple[str, str, str, dict[str, Any]]] = [
    ("Conv", "x w1", "a", {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ("BatchNormalization", "a s t m v", "b", {"epsilon": 1e-5}),
    ("HardSwish", "b", "c", {}),
    ("AveragePool", "c", "d", {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("Shape", "d", "e", {}),
    ("Slice", "e zero one", "f", {}),
    ("Concat", "f rest", "g", {"axis": 0}),
    ("Reshape", "d g", "h", {}),
    ("MatMul", "h w2", "scores", {}),
]


def test_sizes_that_are_open_come_from_the_command_line(tmp_path: Path) -> None:
    path = _paddle_like(tmp_path / "paddle.onnx")
    done = run("import", str(path))
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "error[CNN412]: the file leaves sizes of input `x` open: [?, 3, h, w]\n"
        "   = help: give them: --input x=3x…x…"
    )
    assert run("import", str(path), "--input", "3x12x8").returncode == 2  # w2 does not fit
    done = run("import", str(path), "--input", "x=3x8x8")
    assert done.returncode == 0
    keys = [node.op.key for node in cnncalc.loads(done.stdout).graph().nodes[1:] if node.op]
    assert keys == ["conv", "batchnorm", "hardswish", "avgpool", "flatten", "linear"]
    assert run("import", str(path), "--input", "y=3x8x8").returncode == 2


def test_files_for_any_size(tmp_path: Path) -> None:
    """A file with dynamic axes gives the same network as one with those sizes."""
    axes = {"input": {0: "n", 2: "h", 3: "w"}}
    path = write("Upwards", "script", tmp_path, input_names=["input"], dynamic_axes=axes)
    with pytest.raises(Mistake, match="open"):
        import_onnx(path)
    found = import_onnx(path, (3, 48, 32))
    assert found.declared == []
    spec = cnncalc.loads(found.text)
    assert [node.shape for node in spec.graph().returned] == [(2, 48, 32)]


def test_layers_that_share_weights(tmp_path: Path) -> None:
    text = agree(write("Twice", "dynamo", tmp_path))
    assert "share:" in text and cnncalc.analyze(cnncalc.loads(text)).totals.params == 84


def test_norms_of_equal_values_share_nothing(tmp_path: Path) -> None:
    """Exporters store equal values once."""
    norm = ("BatchNormalization", "_ w b m v", {})
    case = chain("norms", "", norm, norm, w=(4,), b=(4,), m=(4,), v=(4,))
    found = imported(onnx_cases.written(case, tmp_path / "net.onnx"))
    assert "share" not in found.text
    assert cnncalc.analyze(cnncalc.loads(found.text)).totals.params == 16


def test_weights_that_stretch_a_tensor_are_no_shift(tmp_path: Path) -> None:
    """A vector minus each of four vectors is four vectors, whatever operator is found for that."""
    rbf = cnncalc.loads("input: [6]\nlayers: [rbf: 4]")
    path = exported(cnncalc.build(rbf), [(6,)], tmp_path / "net.onnx")
    found = imported(path)
    assert [n.shape for n in cnncalc.loads(found.text).graph().returned] == [(4,)]
    assert [part.what for part in found.declared] == ["add"]


@pytest.mark.parametrize(("op", "places"), [("GatherND", (4, 9, 8, 1)), ("Gather", (4, 9, 8))])
def test_offsets_that_are_taken_from_a_table_have_its_parameters(
    op: str, places: tuple[int, ...], tmp_path: Path
) -> None:
    """Where the places are too many to be read, it is the table that is trained all the same."""
    table = random_weights("b", (18,))
    index = np.arange(4 * 9 * 8, dtype=np.int64).reshape(places) % 18
    made = [numpy_helper.from_array(table, "b"), numpy_helper.from_array(index, "index")]
    nodes = [
        helper.make_node(op, ["b", "index"], ["taken"]),
        helper.make_node("Add", ["x", "taken"], ["y"]),
    ]
    found = import_onnx(saved(nodes, {"x": (2, 4, 9, 8)}, ["y"], made, tmp_path / "net.onnx"))
    assert not found.declared
    (layer,) = (n for n in cnncalc.loads(found.text).graph().nodes if n.op)
    assert layer.op is not None and layer.op.key == "shift"
    assert cnncalc.analyze(found.text).totals.params == (18 if op == "GatherND" else 288)


def test_a_sequence_may_have_its_steps_last(tmp_path: Path) -> None:
    """The columns of a map are the steps of an LSTM: one Transpose puts them first."""
    spec = cnncalc.loads(
        "input: [6, 1, 9]\nlayers: [reshape: [6, -1], permute: [1, 0], lstm: 8, linear: {out: 3,"
        " over: last}]"
    )
    path = exported(cnncalc.build(spec), [(6, 1, 9)], tmp_path / "net.onnx")
    text = agree(path)
    assert "lstm: 8" in text and "opaque" not in text


SOME = ("squeezenet", "mobilenet_v2")


@pytest.mark.parametrize("name", SOME)
def test_a_bundled_network_comes_back(name: str, tmp_path: Path) -> None:
    comes_back(name, tmp_path)


@pytest.mark.skipif(not FULL, reason="CNNCALC_FULL=1 tries all")
@pytest.mark.parametrize("name", sorted({*cnncalc.zoo.stems()} - {*SOME}))
def test_every_bundled_network_comes_back(name: str, tmp_path: Path) -> None:
    comes_back(name, tmp_path)


def comes_back(name: str, folder: Path) -> None:
    """Compare shapes, parameters and MACs of a network with those of its ONNX file."""
    spec = cnncalc.load(name)
    inputs = [node.shape for node in spec.graph().inputs]
    options = EXPORTERS["script, not folded"]
    path = exported(cnncalc.build(spec), inputs, folder / "net.onnx", **options)  # type: ignore[arg-type]
    found = cnncalc.loads(imported(path).text)
    ours, theirs = (cnncalc.analyze(each).totals for each in (found, spec))
    assert (ours.params, ours.macs) == (theirs.params, theirs.macs)
    assert [n.shape for n in found.graph().returned] == [n.shape for n in spec.graph().returned]


# What cannot be followed


UNPOOLED = """
input: [3, 9, 8]
layers:
  - {conv: {out: 4, kernel: 3, padding: 1}}
  - {maxpool: {kernel: 3, stride: 2, padding: 1}, name: pool}
  - {conv: {out: 4, kernel: 3, padding: 1}}
  - maxunpool: pool
"""


def test_pools_are_undone_where_the_exporter_scatters(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    spec = cnncalc.loads(UNPOOLED)
    assert written_as_onnx(spec, None, path) < TOLERANCE
    assert "maxunpool: pool" in imported(path).text
    assert differences_after_onnx(spec, None, path) == []


def test_places_that_something_else_reads_are_refused(tmp_path: Path) -> None:
    path, make = tmp_path / "net.onnx", helper.make_node
    nodes = [
        make("MaxPool", ["x"], ["y", "places"], kernel_shape=[2, 2], name="pool"),
        make("Cast", ["places"], ["numbers"], to=onnx.TensorProto.FLOAT, name="numbers"),
        make("Add", ["y", "numbers"], ["z"], name="sum"),
    ]
    x, z = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2, 3, size, size])
        for name, size in (("x", 5), ("z", 4))
    )
    onnx.save(helper.make_model(helper.make_graph(nodes, "net", [x], [z])), path)
    with pytest.raises(Mistake, match="it reads another result of a layer than its first"):
        imported(path)


def _written(node: Case, folder: Path) -> Path:
    return onnx_cases.written(node, folder / "net.onnx", inferred=node.opset < 100)


def test_what_has_no_operator_is_declared(tmp_path: Path) -> None:
    case = chain("odd", "", ("Relu", "", {}), ("Sin", "", {}), ("Conv", "_ w", {}), w=(2, 4, 1, 1))
    path = _written(case, tmp_path)
    done = run("import", str(path), "--format", "json")
    assert done.returncode == 0
    document = json.loads(done.stdout)
    assert [part["what"] for part in document["opaque"]] == ["Sin"]
    assert document["opaque"][0]["source"] == "node Sin_1"
    assert run("import", str(path), "--strict").returncode == 1


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (one("QuantizeLinear", "", "_ fill", fill=0.1, opset=100), "is quantized"),
        (one("DequantizeLinear", "", "_ fill", fill=0.1, opset=100), "is quantized"),
        (one("Sin", "")._replace(opset=100), "the file does not state its shape"),
    ],
)
def test_what_stops_an_import_is_named(case: Case, message: str, tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=message) as caught:
        imported(_written(case, tmp_path))
    (found,) = caught.value.diagnostics
    assert found.code == "CNN412" and case.nodes[0][0] in found.message


def test_a_shape_that_the_file_states_wrongly_is_found(tmp_path: Path) -> None:
    path = _written(one("MaxPool", "", kernel_shape=[2, 2]), tmp_path)
    model = onnx.load(path)
    model.graph.output[0].type.tensor_type.shape.dim[2].dim_value = 7
    onnx.save(model, path)
    with pytest.raises(Mistake, match="states another shape for node `MaxPool_0`"):
        imported(path)


# Hostile files


def _field(number: int, content: bytes) -> bytes:
    length, found = len(content), b""
    while length > 127:
        found += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + found + bytes([length]) + content


def _nested(depth: int) -> bytes:
    """Return a model with graphs inside one another."""
    graph = b""
    for _ in range(depth):
        graph = _field(1, _field(5, _field(1, b"g") + _field(6, graph)))
    return b"\x08\x08" + _field(7, graph)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"not a model at all",
        b"\x89PNG\r\n\x1a\n",
        b"\x08\x08",
        b"\x08\x08\x3a\x00",  # an empty graph
        b"\x08\x08\x3a\xff\xff\xff\xff\x07",  # a field of 2 GB
        b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\x08" + b"\xff" * 20,  # an integer without an end
        _nested(2000),
        b"\x08\x08" + _field(7, b"\x0a\x00"),  # an empty node
        b"\x08\x08" + _field(7, _field(1, _field(4, b"Relu")) * 1000),  # no input
    ],
    ids=range(12),
)
def test_a_file_that_is_no_onnx_has_one_diagnostic(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(data)
    with pytest.raises(Mistake) as caught:
        import_onnx(path)
    assert [found.code for found in caught.value.diagnostics] == ["CNN411"]


def test_a_file_of_many_small_fields_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_MOST_FIELDS", 1000)
    path = tmp_path / "net.onnx"
    path.write_bytes(b"\x08\x08" + _field(7, _field(1, _field(4, b"Relu")) * 1000))
    with pytest.raises(Mistake, match="more than 1,000 fields"):
        import_onnx(path)


def test_a_damaged_file_never_raises_anything_else(tmp_path: Path) -> None:
    source = write("Gated", "script", tmp_path).read_bytes()
    draw = random.Random(0)
    path = tmp_path / "damaged.onnx"
    for _ in range(2000 if FULL else 150):
        data = bytearray(source)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(min(len(data), 9000))
            data[at : at + draw.randint(0, 2)] = draw.randbytes(draw.randint(0, 2))
        path.write_bytes(data[: draw.randint(1, len(data))] if draw.random() < 0.2 else data)
        with contextlib.suppress(Mistake):
            import_onnx(path)


def test_a_missing_file_and_arguments_are_refused(tmp_path: Path) -> None:
    done = run("import", str(tmp_path / "none.onnx"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    path = _written(one("Relu", ""), tmp_path)
    assert run("import", str(path), "--args", "classes=3").returncode == 2


# What an import needs


def test_neither_torch_nor_onnx_is_imported(tmp_path: Path) -> None:
    path = _written(one("Conv", "", "_ w", w=(2, 4, 3, 3)), tmp_path)
    for package in ("torch", "onnx", "numpy", "google"):
        done = run_without(package, "import", str(path))
        assert done.returncode == 0, done.stderr
    loaded = run_code(
        f"import sys\nfrom pathlib import Path\n"
        f"from cnncalc.convert.from_onnx.importing import import_onnx\n"
        f"import_onnx(Path({str(path)!r}))\n"
        f"print(sorted({{'torch', 'onnx', 'numpy'}} & {{*sys.modules}}))"
    )
    assert loaded.stdout == "[]\n"


def test_that_test_can_fail() -> None:
    assert run_without("torch", "verify", "lenet5").returncode != 0


def test_weights_are_not_read(tmp_path: Path) -> None:
    """Holes in the place of weights make no difference, and take no time."""
    path = tmp_path / "net.onnx"
    model = onnx.load(_written(one("Conv", "", "_ w", w=(2, 4, 3, 3), opset=100), tmp_path))
    model.graph.initializer[0].raw_data = b""
    model.graph.initializer[0].dims[0] = 2**20
    onnx.save(model, path)
    found = import_onnx(path)
    assert "out: 1048576" in found.text
