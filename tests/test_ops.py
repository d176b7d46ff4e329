"""`ops`: every operator is explained, by its class, under every name it has."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cnncalc.analysis.ops import operators, worked
from cnncalc.ops import BY_KEY, OPS
from cnncalc.ops.base import Op

from .command import run


def described(*words: str) -> Any:
    return json.loads(run("ops", *words, "--format", "json").stdout)


@pytest.mark.parametrize("operator", operators(), ids=lambda operator: operator.name)
def test_every_operator_is_explained(operator: Any) -> None:
    text = operator.text
    assert text.torch_names or text.source
    assert text.example
    assert operator.name in text.example.layer
    for field in operator.fields:
        assert field.meaning and field.accepts, field.name
    assert set(text.fields) >= {field.name for field in operator.fields}
    found = worked(operator.name)
    assert found.note is None
    assert {"shape", "parameters", "memory"} <= {what for what, _ in found.arithmetic}


def test_the_list_has_every_operator_in_its_group() -> None:
    data = described()["operators"]
    assert [entry["name"] for entry in data] == list(BY_KEY)
    families = list(dict.fromkeys(entry["family"] for entry in data))
    shown = run("ops", COLUMNS="80").stdout
    assert [line[:-1] for line in shown.splitlines() if line[:1].isupper()] == families
    for key in BY_KEY:
        assert f"\n  {key} " in shown


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.key)
def test_torch_calls_it_so(op: type[Op]) -> None:
    """The classes named are those that the operator is built from."""
    nn = pytest.importorskip("torch").nn
    found = worked(op.key)
    names = [name.removeprefix("torch.nn.") for name in found.operator.text.torch_names]
    example = found.operator.text.example
    assert example
    if op.joins():
        return
    from cnncalc import analyze, loads

    spec = loads(f"input: {list(example.input)}\nlayers:\n  - {example.layer}\n")
    node = analyze(spec).graph.nodes[-1]
    assert node.op
    built = node.op.torch(example.input).name
    if hasattr(nn, built):
        assert built in names or not any(hasattr(nn, name) for name in names), (built, names)


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("Conv2d", "conv"),
        ("torch.nn.BatchNorm2d", "batchnorm"),
        ("Dense", "linear"),
        ("GlobalAveragePooling2D", "globalavgpool"),
        ("DepthToSpace", "pixel_shuffle"),
    ],
)
def test_names_of_other_frameworks(word: str, key: str) -> None:
    data = described(word)
    assert data["name"] == key
    assert data["note"].startswith(f"`{word}` is `{key}` here")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("LSTM", "cnncalc is about convolutional networks"),
        ("depthwise_conv", "`conv: {out: c, kernel: 3, groups: c}`"),
        ("covn", "did you mean `conv`?"),
        ("xyzzy", "`cnncalc ops` lists the operators"),
        ("", "`cnncalc ops` lists the operators"),
    ],
)
def test_other_words_are_answered(word: str, said: str) -> None:
    done = run("ops", word)
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[CNN111]" in done.stderr and said in done.stderr


def test_the_fields_with_their_defaults() -> None:
    fields = {field["name"]: field for field in described("conv")["fields"]}
    assert list(fields)[:2] == ["out", "kernel"]
    assert (fields["stride"]["default"], fields["stride"]["required"]) == (1, False)
    assert "kernel_size" in fields["kernel"]["aliases"]
    assert "list with one per spatial axis" in fields["kernel"]["accepts"]
    assert described("maxpool")["fields"][0]["main"]


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_pages_fit(width: int) -> None:
    for words in ((), ("conv",), ("upsample",), ("layernorm",)):
        for line in run("ops", *words, COLUMNS=str(width)).stdout.splitlines():
            assert len(line) <= width or "https://" in line, line


def test_formats() -> None:
    assert run("ops", "--format", "csv").stdout.count("\n") == len(OPS) + 1
    assert "| conv | Convolutions |" in run("ops", "--format", "markdown").stdout
    page = run("ops", "conv", "--format", "markdown").stdout
    assert page.startswith("### conv\n") and "| stride | 1 | step of the window |" in page
    assert run("ops", "conv", "--format", "csv").stdout.startswith("field,default,meaning,accepts")
