"""Shapes of inputs that are given or written with another rank than was meant."""

from __future__ import annotations

import pytest
import typer

import cnncalc
from cnncalc.cli.app import app_for
from cnncalc.diagnostic import Mistake

from .command import run
from .samples import BUNDLED, SIAMESE, Bundled

VGG = cnncalc.load("vgg16")
COMMANDS = typer.main.get_command(app_for([])).commands  # type: ignore[attr-defined]
RUNNING = ("verify", "profile")  # they need torch
LAYER = {"explain": "conv1_1"}  # what a command takes after the spec
OF_SPECS = [
    name
    for name, command in COMMANDS.items()
    if any("--input" in parameter.opts for parameter in command.params)
]


def test_some_commands_take_an_input() -> None:
    assert {"analyze", "explain", "verify", "profile"} <= set(OF_SPECS)


@pytest.mark.parametrize("name", OF_SPECS)
def test_every_command_refuses_an_input_of_another_rank(name: str) -> None:
    if name in RUNNING:
        pytest.importorskip("torch")
    layer = [LAYER[name]] if name in LAYER else []
    done = run(name, "vgg16", *layer, "--input", "224x224")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error[CNN111]" in done.stderr and "`3x224x224`" in done.stderr


@pytest.mark.parametrize(
    ("given", "suggested"),
    [
        ((224, 224), "`3x224x224`"),
        ((192, 256), "`3x192x256`"),
        ((224,), "`3x224x224`"),
        ((3, 192), "`3x192x192`"),
        ((1, 3, 192, 256), "`3x192x256`"),
        ((8, 3, 192, 256), "`3x192x256`, at batch 8"),
    ],
)
def test_the_library_refuses_it_too(given: tuple[int, ...], suggested: str) -> None:
    pytest.importorskip("torch")
    for use in (cnncalc.analyze, cnncalc.build):
        try:
            found = use(VGG, input=given)
        except Mistake as mistake:
            (diagnostic,) = mistake.diagnostics
        else:
            (diagnostic,) = found.diagnostics
        assert diagnostic.code == "CNN111"
        assert suggested in (diagnostic.help or "")


def test_a_named_input_keeps_its_rank() -> None:
    spec = cnncalc.loads(SIAMESE)
    assert cnncalc.analyze(spec, input={"left": (1, 24, 24), "right": (1, 24, 24)}).ok
    (found,) = cnncalc.analyze(spec, input={"right": (20, 20)}).diagnostics
    assert (found.code, found.help) == ("CNN111", "channels come first: `1x20x20`")


@pytest.mark.parametrize("network", BUNDLED, ids=lambda network: network.name)
def test_no_bundled_network_takes_another_rank_or_has_a_batch_axis(network: Bundled) -> None:
    graph = network.spec.graph(network.variant)
    assert "CNN115" not in {d.code for d in graph.diagnostics}
    shape = graph.inputs[0].shape
    for given in (shape[1:], (1, *shape)):
        if 1 <= len(given) <= 4:
            found = network.spec.graph(network.variant, input=given).diagnostics
            assert [d.code for d in found] == ["CNN111"]


def codes(text: str) -> set[str]:
    return {d.code for d in cnncalc.analyze(cnncalc.loads(text)).diagnostics}


PLAIN = "  - conv: {out: 8, kernel: 3, padding: 1}\n"


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ("[1, 3, 32, 32]", PLAIN),
        ("[1, 1, 28, 28]", PLAIN),
        ("[1, 4, 64, 64]", PLAIN),
        ("[n, 2 + n, 32, 32]", PLAIN),
        ("[1, 3, 32, 32]", "  - conv: {out: 8, kernel: [3, 3], padding: 1}\n"),
        ("[1, 3, 32, 32]", "  - conv: {out: 8, kernel: 3}\n  - maxpool: 2\n"),
        ("[1, 3, 32, 32]", PLAIN + "    expect: [8, 32, 32]\n"),
    ],
)
def test_a_leading_1_is_a_warning_where_nothing_asks_for_three_axes(
    shape: str, layers: str
) -> None:
    assert "CNN115" in codes(f"input: {shape}\nparams: {{n: 1}}\nlayers:\n{layers}")


@pytest.mark.parametrize(
    ("shape", "layers"),
    [
        ("[1, 64, 64, 64]", PLAIN),
        ("[1, 5, 64, 64]", PLAIN),
        ("[3, 3, 64, 64]", PLAIN),
        ("[1, 28, 28]", PLAIN),
        ("[1, 3, 64]", PLAIN),
        ("[1, 3, 32, 32]", "  - conv: {out: 8, kernel: [1, 3, 3]}\n"),
        ("[1, 3, 32, 32]", "  - conv: {out: 8, kernel: 3, padding: [1, 1, 1]}\n"),
        ("[1, 3, 32, 32]", PLAIN + "  - upsample: {scale: 2, mode: trilinear}\n"),
        ("[1, 3, 32, 32]", PLAIN + "    expect: [8, 3, 32, 32]\n"),
        ("[1, 3, 32, 32]", "  - permute: [0, 2, 3, 1]\n" + PLAIN),
        ("[1, 3, 32, 32]", "  - slice: {axis: 3, stop: 8}\n" + PLAIN),
        ("[1, 3, 32, 32]", "  - adaptiveavgpool: [1, 7, 7]\n" + PLAIN),
    ],
)
def test_it_is_none_where_three_axes_are_meant(shape: str, layers: str) -> None:
    assert "CNN115" not in codes(f"input: {shape}\nlayers:\n{layers}")


def test_removing_the_1_makes_it_a_network_of_images() -> None:
    text = "input: [1, 3, 32, 32]\nlayers:\n" + PLAIN
    (warning,) = cnncalc.analyze(cnncalc.loads(text)).diagnostics
    assert warning.fix is not None and not warning.fix.certain
    (edit,) = warning.fix.edits
    line = text.splitlines()[edit.line - 1]
    assert line[: edit.column - 1] + line[edit.end_column - 1 :] == "input: [3, 32, 32]"
