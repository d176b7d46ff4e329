"""Source of Keras has the layers, shapes and parameters of the spec, and computes what torch does.

CNNCALC_FULL=1 writes every bundled network, and all configurations of every operator.
"""

from __future__ import annotations

import inspect
import os
from typing import Any

import pytest

import cnncalc
from cnncalc.convert.to_keras.functions import FUNCTIONS, function_name
from cnncalc.convert.to_keras.source import keras_source
from cnncalc.diagnostic import Mistake
from cnncalc.language.write import flat_spec
from cnncalc.ops import BY_KEY
from cnncalc.ops.base import Op

from .command import ROOT, run
from .samples import BUNDLED, FAMILIES, SIAMESE, Bundled, yaml
from .settings import FULL
from .test_every_operator import configurations, every_operator
from .test_export import is_formatted

torch = pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")

from .trips import keras_differences  # noqa: E402

SAMPLED = ("lenet5_modern", "mobilenet_v3_small", "densenet121")


@every_operator
def test_an_operator_computes_what_torch_does(op: type[Op]) -> None:
    for n, (_, graph) in enumerate(configurations(op)):
        if n and not FULL:
            break
        spec = cnncalc.loads(flat_spec(graph, "alone"))
        try:
            source = keras_source(spec)
        except Mistake as mistake:
            assert [d.code for d in mistake.diagnostics] == ["CNN416"]
            continue
        is_formatted(source)
        assert keras_differences(source, spec, None, numbers=True) == []


def test_the_functions_take_the_fields_of_their_operators() -> None:
    """A field that a function lacks is refused; one that it has has the default of the operator."""
    names: dict[str, Any] = {}
    exec(_text(), names)
    for key, op in BY_KEY.items():
        function = names.get(function_name(key))
        if function is None:
            continue
        for name, parameter in list(inspect.signature(function).parameters.items())[1:]:
            if name != "name" and parameter.default is not inspect.Parameter.empty:
                field = op.fields()[name]
                assert not field.is_required() and field.default == parameter.default, (key, name)
        assert FUNCTIONS[function_name(key)].fields <= set(op.fields()), key


def _text() -> str:
    return (ROOT / "cnncalc/convert/to_keras/layers.txt").read_text("utf-8")


@pytest.mark.parametrize(
    "bundled",
    BUNDLED if FULL else [b for b in BUNDLED if b.name in SAMPLED],
    ids=lambda bundled: bundled.name,
)
def test_a_bundled_network_has_the_same_layers(bundled: Bundled) -> None:
    try:
        source = keras_source(bundled.spec, bundled.variant)
    except Mistake as mistake:
        assert [d.code for d in mistake.diagnostics] == ["CNN416"]
        return
    is_formatted(source)
    assert keras_differences(source, bundled.spec, bundled.variant) == []


def test_every_bundled_network_is_written_or_refused() -> None:
    """Functions for blocks are written for most, and one reason is given for each refusal."""
    whole = refused = 0
    for bundled in FAMILIES:
        try:
            source = keras_source(bundled.spec, bundled.variant)
        except Mistake as mistake:
            refused += 1
            assert [d.code for d in mistake.diagnostics] == ["CNN416"]
            assert mistake.diagnostics[0].position is not None
        else:
            compile(source, bundled.name, "exec")
            whole += not bundled.spec.blocks or "Add a `" in source
    assert whole >= 0.75 * len(FAMILIES) and refused <= 0.15 * len(FAMILIES)


SMALL = {
    "shared towers": SIAMESE,
    "growing lists": yaml("""
        input: [4, 8, 8]
        blocks:
          grown:
            params: {n: , out: 3}
            layers:
              - {conv: {out: out, kernel: 1}, name: begun}
              - {conv: {out: out, kernel: 3, padding: 1}, name: unit, repeat: n}
              - concat: [begun, unit.*]
              - {add: {a: [{conv: {out: 2, kernel: 1}}], b: [{conv: {out: 2, kernel: 1}}]}}
        layers:
          - {grown: 2}
          - {grown: {n: 3, out: 2}}
    """),
    "conditions and tables": yaml("""
        input: [4, 9, 9]
        params: {wide: 3 / 2}
        blocks:
          unit:
            params: {out: , stride: 1, extra: false, skip: }
            layers:
              - {conv: {out: wide * out, kernel: 3, padding: 1}, when: extra}
              - conv: {out: out, kernel: 3, padding: same, stride: stride}
              - {relu: , when: stride > 1}
              - add: {own: [], begun: [{identity: , from: input}]}
                when: c == out and stride == 1
              - concat: {own: [], begun: [{identity: , from: skip}]}
                when: stride == 1
        layers:
          - {conv: {out: 4, kernel: 1}, name: first}
          - unit: {skip: first}
            each:
              - {out: 4}
              - {out: 6, extra: true}
          - {dropout: "0.1 * i", repeat: 2}
          - {unit: {out: 8, stride: 2, skip: first}, name: 3x3}
          - {conv: {out: 2 * i + 2, kernel: 1}, repeat: 2, freeze: true}
          - globalavgpool
          - flatten
          - linear: 3
    """),
    "several inputs and outputs": yaml("""
        input: {left: [2, 6, 6], right: [2, 6, 6]}
        layers:
          - {conv: {out: 3, kernel: 3}, from: left, name: a}
          - {conv: {out: 3, kernel: 3}, from: right, name: b}
          - {concat: [a, b], name: both}
          - {globalmaxpool: , name: top}
        outputs: [both, top]
    """),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_network_computes_what_torch_does(name: str) -> None:
    spec = cnncalc.loads(SMALL[name])
    source = keras_source(spec)
    is_formatted(source)
    assert "Add a `" in source or not spec.blocks, source
    assert keras_differences(source, spec, None, numbers=True) == [], source


REFUSED = (
    ("segnet", "`decode1.maxunpool1` cannot be written in Keras: Keras has no `maxunpool`"),
    ("tcn", "has no `parametrize: weight_norm`"),
    ("skresnet18", "has a stride or a dilation, not both"),
)


@pytest.mark.parametrize(("name", "said"), REFUSED)
def test_what_keras_has_not_is_one_diagnostic(name: str, said: str) -> None:
    done = run("export", name, "--to", "keras")
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count("error[CNN416]") == 1 and said in done.stderr


def test_the_source_needs_neither_torch_nor_keras(tmp_path: Any) -> None:
    for package in ("torch", "keras", "numpy"):
        (tmp_path / f"{package}.py").write_text(f"raise ImportError('{package}')\n")
    file = tmp_path / "net.py"
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    found = run("export", "resnet18", "--to", "keras", "-o", str(file), **environment)
    assert found.returncode == 0 and not found.stderr
    assert file.read_text("utf-8") == keras_source(cnncalc.load("resnet18"))
