"""Wrong inputs, and other wrong arguments of the library, are refused or reported."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import typer

import cnncalc
from cnncalc.cli.app import app_for
from cnncalc.diagnostic import Mistake

from .command import run
from .samples import FAMILIES, SIAMESE, Bundled

VGG = cnncalc.load("vgg16")
COMMANDS = typer.main.get_command(app_for([])).commands  # type: ignore[attr-defined]
RUNNING = ("verify", "profile")  # these commands need torch
FURTHER = {  # arguments of a command after the spec
    "explain": ["conv1_1"],
    "export": ["--to", "dot"],
    "fit": ["--vary", "batch", "--budget", "macs < 1T"],
    "latency": ["--device", "rtx4090"],
}
OF_SPECS = [
    name
    for name, command in COMMANDS.items()
    if any("--input" in parameter.opts for parameter in command.params)
    # sweep reports the variants that are no networks; import has no spec yet
    and name not in ("sweep", "import")
]


def test_some_commands_take_an_input() -> None:
    assert {"analyze", "explain", "verify", "profile"} <= set(OF_SPECS)


@pytest.mark.parametrize("name", OF_SPECS)
def test_every_command_refuses_an_input_of_another_rank(name: str) -> None:
    if name in RUNNING:
        pytest.importorskip("torch")
    done = run(name, "vgg16", *FURTHER.get(name, []), "--input", "224x224")
    said = done.stdout if name == "check" else done.stderr  # findings are what `check` prints
    assert done.returncode == 2
    assert (name == "check" or not done.stdout) and not (done.stdout and done.stderr)
    assert "error[CNN111]" in said and "`3x224x224`" in said


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


@pytest.mark.parametrize("network", FAMILIES, ids=lambda network: network.name)
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
def test_a_leading_1_is_not_reported_where_three_axes_are_meant(shape: str, layers: str) -> None:
    assert "CNN115" not in codes(f"input: {shape}\nlayers:\n{layers}")


def test_removing_the_1_makes_it_a_network_of_images() -> None:
    text = "input: [1, 3, 32, 32]\nlayers:\n" + PLAIN
    (warning,) = cnncalc.analyze(cnncalc.loads(text)).diagnostics
    assert warning.fix is not None and not warning.fix.certain
    (edit,) = warning.fix.edits
    line = text.splitlines()[edit.line - 1]
    assert line[: edit.column - 1] + line[edit.end_column - 1 :] == "input: [3, 32, 32]"


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("[28, 28]", True),
        ("{a: [5, 5]}", True),
        ("[4, 4]", False),
        ("[28, 30]", False),
        ("[28]", False),
        ("[28, 28, 28]", False),
    ],
)
def test_an_input_of_two_equal_entries_is_noted(text: str, noted: bool) -> None:
    spec = cnncalc.loads(f"input: {text}\nlayers:\n  - relu\n")
    found = [d for d in cnncalc.analyze(spec).diagnostics if d.code == "CNN116"]
    assert len(found) == noted
    assert all(d.severity == "note" and d.help and "[1, " in d.help for d in found)


ANYTHING: list[dict[str, Any]] = [
    *({"batch": batch} for batch in (0, -1, 1.5, True, "2", None, 10**10)),
    *({"dtype": dtype} for dtype in ("float33", 3, None, [1])),
    *({"input": given} for given in (5, "3x4x4", {"input": 5}, [], [None], {5: (1, 2)})),
    *({"set": given} for given in (5, "width=3", 0, {5: 5})),
    {"variant": 5},
    {"convention": 5},
]


@pytest.mark.parametrize("arguments", ANYTHING, ids=str)
def test_the_library_answers_any_argument_with_a_mistake(arguments: dict[str, Any]) -> None:
    spec = cnncalc.load("lenet5")
    with pytest.raises(cnncalc.Mistake) as raised:
        cnncalc.analyze(spec, **arguments).or_mistake()
    assert {d.code for d in raised.value.diagnostics} == {"CNN111"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"dtype": "foo"}, "CNN111"),
        ({"dtype": torch.int8}, "CNN111"),
        ({"device": 5}, "CNN402"),
        ({"set": 5}, "CNN111"),
        ({"input": 5}, "CNN111"),
    ],
)
def test_build_answers_any_argument_with_a_mistake(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(cnncalc.Mistake) as raised:
        cnncalc.build(cnncalc.load("lenet5"), **arguments)
    assert {d.code for d in raised.value.diagnostics} == {code}


def test_a_spec_that_is_not_a_text_is_a_mistake() -> None:
    with pytest.raises(cnncalc.Mistake, match="a spec is a text, not int"):
        cnncalc.loads(5)  # type: ignore[arg-type]


def test_dir_lists_the_public_names() -> None:
    assert {*cnncalc.__all__} <= {*dir(cnncalc)}
