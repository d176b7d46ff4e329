"""`embedding` reads inputs of integers, and looks up what torch's module does."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
import torch
from torch import nn

import cnncalc
from cnncalc.analysis.memory.arena import lifetimes
from cnncalc.analysis.memory.rows import memory_figures
from cnncalc.analysis.memory.run import Run
from cnncalc.diagnostic import Mistake
from cnncalc.language.schema import json_schema
from cnncalc.language.write import flat_spec
from cnncalc.torch_backend.inputs import random_inputs
from cnncalc.torch_backend.verify.memory import verify_memory
from cnncalc.torch_backend.verify.verify import verify

from .command import run as command_line
from .samples import yaml
from .settings import TIMELINES

# A classifier of sentences, after Kim 2014, with a second channel of words.
SENTENCES = yaml("""
    input: {words: {shape: [n], dtype: integer}, kinds: {shape: [n], dtype: integer}}
    params: {n: 20, vocabulary: 300}
    layers:
      - embedding: {vocabulary: vocabulary, out: 16}
        from: words
        name: of_words
      - embedding: {vocabulary: 12, out: 16}
        from: kinds
        name: of_kinds
      - add: [of_words, of_kinds]
      - permute: [1, 0]
      - concat:
          three: [conv: {out: 8, kernel: 3}, relu, globalmaxpool]
          four: [conv: {out: 8, kernel: 4}, relu, globalmaxpool]
      - flatten
      - linear: 2
""")


# The same in torch.
MODULE = """
import torch
from torch import nn
from torch.nn import functional as F


class Sentences(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.kinds = nn.Embedding(300, 16), nn.Embedding(12, 16)
        self.three, self.four = nn.Conv1d(16, 8, 3), nn.Conv1d(16, 8, 4)
        self.last = nn.Linear(16, 2)

    def forward(self, words, kinds):
        x = (self.words(words) + self.kinds(kinds)).transpose(1, 2)
        found = [F.relu(conv(x)) for conv in (self.three, self.four)]
        pooled = [F.adaptive_max_pool1d(x, 1) for x in found]
        return self.last(torch.cat(pooled, 1).flatten(1))
"""


def of_integers(shape: list[int], vocabulary: int, out: int) -> str:
    layer = f"embedding: {{vocabulary: {vocabulary}, out: {out}}}"
    return f"input: {{tokens: {{shape: {shape}, dtype: integer}}}}\nlayers:\n  - {layer}\n"


def configurations(count: int) -> list[tuple[list[int], int, int]]:
    rng = random.Random("embedding")
    found = []
    for _ in range(count):
        shape = [rng.randint(1, 9) for _ in range(rng.randint(1, 3))]
        found.append((shape, rng.randint(1, 40), rng.randint(1, 12)))
    return found


@pytest.mark.parametrize(("shape", "vocabulary", "out"), configurations(4 + TIMELINES // 2))
def test_all_figures_are_those_of_torch(shape: list[int], vocabulary: int, out: int) -> None:
    spec = cnncalc.loads(of_integers(shape, vocabulary, out))
    (row,) = cnncalc.analyze(spec).or_mistake().rows
    module = nn.Embedding(vocabulary, out)
    x = torch.randint(vocabulary, (2, *shape))
    assert row.output_shape == tuple(module(x).shape[1:])
    assert row.params == module.weight.numel() and row.macs == 0
    built = cnncalc.build(spec)
    built.load_state_dict(dict(zip(built.state_dict(), module.state_dict().values())))
    assert torch.equal(built(x), module(x))
    for found in (verify(spec), verify_memory(spec, batch=3)):
        assert found.ok, [str(d) for d in found.diagnostics]


def test_a_network_of_several_inputs_is_verified() -> None:
    spec = cnncalc.loads(SENTENCES)
    for found in (
        verify(spec, batch=2),
        verify_memory(spec, batch=2, run=Run(optimizer="adam")),
        verify_memory(spec, batch=2, run=Run(amp="bfloat16")),
        verify_memory(spec, batch=2, frozen=["of_words"]),
        verify_memory(spec, batch=2, frozen=["of_words", "of_kinds"]),
    ):
        assert found.ok, [str(d) for d in found.diagnostics]


def test_a_module_of_the_user_is_compared(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SENTENCES, "utf-8")
    (tmp_path / "net.py").write_text(MODULE, "utf-8")
    done = command_line("verify", "net.yaml", "--module", "net.py:Sentences", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_integers_are_in_range_of_all_that_read_them() -> None:
    text = of_integers([500], 40, 3) + "  - {embedding: {vocabulary: 7, out: 3}, from: tokens}\n"
    graph = cnncalc.loads(text).graph()
    (x,) = random_inputs(graph, 2, torch.Generator().manual_seed(0))
    assert x.dtype == torch.long and x.unique().tolist() == list(range(7))


def test_integers_take_eight_bytes_whatever_the_type() -> None:
    for dtype, width in (("float32", 4), ("float64", 8), ("bfloat16", 2)):
        report = cnncalc.analyze(cnncalc.loads(of_integers([10], 40, 3)), dtype=dtype, batch=2)
        assert report.totals.activations == 2 * (10 + 30)
        assert report.totals.activation_bytes == 2 * (10 * 8 + 30 * width)


def test_a_sweep_counts_the_same() -> None:
    spec = cnncalc.loads(SENTENCES)
    shown = ["params", "activation_bytes", "inference_peak", "training_peak"]
    rows = [*cnncalc.sweep(spec, {"n": [10, 20], "vocabulary": [50, 300]}, show=shown)]
    assert len(rows) == 4
    for row in rows:
        own = {"n": row["n"], "vocabulary": row["vocabulary"]}
        report = cnncalc.analyze(spec, set=own).or_mistake()
        totals, memory = report.totals, memory_figures(report)
        assert (row["params"], row["activation_bytes"]) == (totals.params, totals.activation_bytes)
        assert row["inference_peak"] == memory["inference_peak"]
        assert row["training_peak"] == memory["training_peak"]


def test_a_flat_spec_declares_the_integers() -> None:
    graph = cnncalc.loads(SENTENCES).graph()
    again = cnncalc.loads(flat_spec(graph, "again")).graph()
    assert [node.integers for node in again.inputs] == [True, True]
    assert [tuple(node.shape) for node in again.nodes] == [tuple(n.shape) for n in graph.nodes]


def test_an_input_without_a_name_may_be_of_integers() -> None:
    text = "input: {shape: [12], dtype: integer}\nlayers: [embedding: {vocabulary: 9, out: 4}]"
    (node,) = cnncalc.loads(text).graph().inputs
    assert node.path == "input" and node.integers


def test_inputs_may_be_called_shape_and_dtype() -> None:
    text = "input: {shape: [12], dtype: [12]}\nlayers: [add: [shape, dtype]]"
    assert [n.path for n in cnncalc.loads(text).graph().inputs] == ["shape", "dtype"]


def test_the_schema_has_inputs_of_integers() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json_schema(["params"]))
    layers = ["relu"]
    integers = {"shape": [12], "dtype": "integer"}
    for given in ([12], integers, {"a": integers, "b": [3, 8, 8]}):
        assert validator.is_valid({"input": given, "layers": layers}), given
    for given in ({"a": {"shape": [12]}}, {"a": {**integers, "dtype": "int64"}}):
        assert not validator.is_valid({"input": given, "layers": layers}), given


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("relu", "`relu` computes with numbers, but `tokens` holds integers"),
        ("concat: [tokens, tokens]", "`tokens` holds integers"),
        ("reshape: [3, 4]", "`tokens` holds integers"),
        ("embedding: {vocabulary: 9}", "`out`"),
    ],
)
def test_nothing_else_reads_integers(layer: str, message: str) -> None:
    text = f"input: {{tokens: {{shape: [12], dtype: integer}}}}\nlayers: [{layer}]"
    with pytest.raises(Mistake, match=message):
        cnncalc.analyze(cnncalc.loads(text)).or_mistake()


def test_what_is_computed_is_no_row_of_an_embedding() -> None:
    text = of_integers([12], 9, 4) + "  - embedding: {vocabulary: 9, out: 4}\n"
    with pytest.raises(Mistake, match="not the numbers of `embedding1`"):
        cnncalc.analyze(cnncalc.loads(text)).or_mistake()


@pytest.mark.parametrize(
    "command", ["analyze", "memory", "explain", "expand", "profile", "formula", "sizes", "check"]
)
def test_every_command_takes_integers(command: str, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SENTENCES, "utf-8")
    more = {"explain": ["of_words"], "profile": ["--repeat", "1", "--warmup", "0"]}
    done = command_line(command, "net.yaml", *more.get(command, []), folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_heading_says_which_inputs_are_integers(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SENTENCES, "utf-8")
    shown = command_line("analyze", "net.yaml", folder=tmp_path).stdout
    assert "input words 20 integers, kinds 20 integers, float32" in shown
    found = json.loads(
        command_line("analyze", "net.yaml", "--format", "json", folder=tmp_path).stdout
    )
    assert found["input"] == {"words": [20], "kinds": [20]}


def test_fields_follow_positions_of_the_input() -> None:
    """Behind two axes of integers, positions are those of the second one."""
    text = of_integers([2, 12], 9, 4) + "  - conv: {out: 3, kernel: [3, 1]}\n"
    spec = cnncalc.loads(text)
    (field,) = cnncalc.analyze(spec).or_mistake().rows[-1].receptive_fields
    assert field.size == (3,)
    assert verify(spec).ok


def test_orders_and_arenas_count_eight_bytes() -> None:
    graph = cnncalc.loads(of_integers([10], 40, 3)).graph()
    sizes = [tensor.size for tensor in lifetimes(graph, 4)]
    assert sizes == [80, 128]  # rounded up to 16


def test_shared_embeddings_count_once() -> None:
    layers = itertools.chain(
        ["  - {embedding: {vocabulary: 9, out: 4}, from: a, name: first}"],
        ["  - {embedding: {vocabulary: 9, out: 4}, from: b, share: first, name: second}"],
        ["  - add: [first, second]"],
    )
    shape = "{shape: [6], dtype: integer}"
    text = "\n".join([f"input: {{a: {shape}, b: {shape}}}", "layers:", *layers])
    spec = cnncalc.loads(text)
    assert cnncalc.analyze(spec).or_mistake().totals.params == 36
    assert verify(spec).ok and verify_memory(spec).ok


def test_an_exported_model_takes_integers(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    (tmp_path / "net.yaml").write_text(SENTENCES, "utf-8")
    done = command_line("export", "net.yaml", "--to", "onnx", "-o", "net.onnx", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    inputs = onnx.load(str(tmp_path / "net.onnx")).graph.input
    assert {x.type.tensor_type.elem_type for x in inputs} == {onnx.TensorProto.INT64}
