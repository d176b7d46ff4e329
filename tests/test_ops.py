"""`ops` explains every operator from its class, under each of its names."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cnncalc import analyze, loads
from cnncalc.analysis.ops import Operator, operators, worked
from cnncalc.analysis.result import Row
from cnncalc.cost import Cost
from cnncalc.ops import BY_KEY, OPS
from cnncalc.ops.base import Op
from cnncalc.ops.docstring import Docstring

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


WORDS = {  # of the operations that `Cost:` names, by their class in the ledger
    "mac": "multiply–accumulate",
    "add": "addition",
    "mul": "multiplication",
    "div": "division",
    "cmp": "comparison",
    "exp": "exponential|logarithm|power|root|tanh|error function",
}
SENTENCE = re.compile(r"[A-Z][a-z]+s (?!.*[.:] ).+\.")  # one, with a verb first
PAPER = re.compile(r"\b(19|20)\d\d\b|arXiv:|doi:|https://")
COUNTED = rf"(\d+) ({'|'.join(WORDS.values())})"


def example_row(operator: Operator) -> Row:
    """Return the layer of its example."""
    example = operator.text.example
    assert example
    given = written_input(BY_KEY[operator.name], example.input)
    return analyze(loads(f"input: {given}\nlayers:\n  - {example.layer}\n")).rows[-1]


def written_input(op: type[Op], shape: tuple[int, ...]) -> str:
    """Return an input as a spec has it: with its type if the operator reads integers."""
    if op.choices is None:
        return str(list(shape))
    return f"{{shape: {list(shape)}, dtype: integer}}"


def faults(text: Docstring, row: Row) -> list[str]:
    """Return what is missing or wrong in a docstring, by the layer of its example."""
    found = []
    if not SENTENCE.fullmatch(text.summary):
        found.append("the summary is not one sentence with a verb first")
    found += [f"a paragraph ends without a full stop: {p}" for p in text.details if p[-1] != "."]
    if " -> " not in (text.shapes or ""):
        found.append("no shapes")
    if not text.rule:
        found.append("no rule")
    if row.params and not text.parameters:
        found.append("no parameters")
    if not (text.torch_names or PAPER.search(text.source or "")):
        found.append("no source")
    return found + cost_faults(text.cost or "", row)


def cost_faults(text: str, row: Row) -> list[str]:
    """Return where `Cost:` differs from the count; numbers are compared if all are per value."""
    cost: Cost = row.cost
    named = {name for name, words in WORDS.items() if re.search(rf"\b({words})", text)}
    counted = {name for name, n in cost._asdict().items() if n}
    depends = "`" in text  # on fields
    if not counted and "none" not in text or counted - named or named - counted and not depends:
        return [f"the cost names {sorted(named)}, not {sorted(counted)}"]
    if depends or not re.fullmatch(rf"((, | and )?{COUNTED}s?)+ per value", text):
        return []
    stated = dict.fromkeys(WORDS, 0)
    for n, word in re.findall(COUNTED, text):
        stated[next(name for name, words in WORDS.items() if word in words.split("|"))] += int(n)
    wanted = Cost(**stated).times(row.activations)
    return [] if cost == wanted else [f"the cost is {cost}, not {wanted}"]


@pytest.mark.parametrize("operator", operators(), ids=lambda operator: operator.name)
def test_every_docstring_is_complete(operator: Operator) -> None:
    assert faults(operator.text, example_row(operator)) == []


def test_faults_of_docstrings_are_found() -> None:
    found = worked("prelu").operator
    row = example_row(found)
    text = found.text
    assert faults(text, row) == []
    for summary in ("Nothing, as torch.nn.PReLU.", "Scales values", "Takes x. It is fast."):
        assert faults(text._replace(summary=summary), row)
    parts: tuple[dict[str, Any], ...] = (
        {"shapes": None},
        {"rule": None},
        {"parameters": None},
        {"cost": None},
    )
    for missing in parts:
        assert faults(text._replace(**missing), row), missing
    assert faults(text._replace(summary="Scales values.", source="a lecture"), row)
    assert faults(text._replace(details=("no full stop",)), row)
    for cost in (
        "none",
        "1 comparison per value",
        "1 comparison and 2 multiplications per value",
        "1 comparison, 1 multiplication and 1 root per value",
    ):
        assert faults(text._replace(cost=cost), row), cost


def test_the_list_has_every_operator_in_its_group() -> None:
    data = described()["operators"]
    assert [entry["name"] for entry in data] == list(BY_KEY)
    families = list(dict.fromkeys(entry["family"] for entry in data))
    shown = run("ops", COLUMNS="80").stdout
    assert [line[:-1] for line in shown.splitlines() if line[:1].isupper()] == families
    for key in BY_KEY:
        assert f"\n  {key} " in shown


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.key)
def test_the_named_classes_are_those_of_torch(op: type[Op]) -> None:
    """The named classes are those that the operator is built from."""
    nn = pytest.importorskip("torch").nn
    found = worked(op.key)
    names = [name.removeprefix("torch.nn.") for name in found.operator.text.torch_names]
    example = found.operator.text.example
    assert example
    if op.joins():
        return
    given = written_input(op, example.input)
    spec = loads(f"input: {given}\nlayers:\n  - {example.layer}\n")
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
def test_names_of_other_frameworks_are_explained(word: str, key: str) -> None:
    data = described(word)
    assert data["name"] == key
    assert data["note"].startswith(f"`{word}` is `{key}` here")


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("LSTMCell", "which read a whole sequence"),
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


def test_fields_are_listed_with_their_defaults() -> None:
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


def test_formats_have_every_operator() -> None:
    assert run("ops", "--format", "csv").stdout.count("\n") == len(OPS) + 1
    assert "| conv | Convolutions |" in run("ops", "--format", "markdown").stdout
    page = run("ops", "conv", "--format", "markdown").stdout
    assert (
        page.startswith("### conv\n")
        and "| stride | 1 | step from one window to the next |" in page
    )
    assert run("ops", "conv", "--format", "csv").stdout.startswith("field,default,meaning,accepts")
