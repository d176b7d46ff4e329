"""`--help` cuts nothing off, names values in words, and its examples work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from cnncalc.cli.app import COMMANDS, GROUPS, app_for
from cnncalc.cli.help import examples_of
from cnncalc.render.columns import COLUMNS
from cnncalc.render.formats.entries import Entry, Section
from cnncalc.render.help import Example, page

from .command import run, run_without
from .test_imports import command, imported

WIDTHS = (60, 80, 120, 200)
STAYING = ("lsp", "watch")  # they run until they are ended; see test_lsp.py and test_watch.py
OF_TORCH = (*GROUPS["Run a network in torch"], "import")  # tested with what runs in torch


def group() -> Any:
    """Return the app as typer builds it."""
    return typer.main.get_command(app_for([]))


EXAMPLES = [
    (name, example.command)
    for name, made in [("", group()), *group().commands.items()]
    for example in examples_of(made)
]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_or_too_wide(width: int) -> None:
    for name in ("", *COMMANDS):
        text = run(*filter(None, [name]), "--help", COLUMNS=str(width)).stdout
        assert not re.search(r"\.\.\.|<\w+>|\[\[", text), text
        for line in text.splitlines():
            assert len(line) <= width or line.strip().startswith("cnncalc "), line
            assert line == line.rstrip()


def test_commands_are_listed_by_what_people_want() -> None:
    text = run("--help").stdout
    headings = re.findall(r"^(\S.*):$", text, re.M)
    assert headings == [*GROUPS, "Options", "Examples"]
    for name, made in group().commands.items():
        sentence = made.help.partition("\n\n")[0]
        assert re.match(r"[A-Z][a-z]+ .*\.\Z", sentence, re.S), sentence
        assert " ".join(sentence.split()) in " ".join(text.split()), name


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_h_is_help(name: str) -> None:
    words = [name] if name else []
    short, long = run(*words, "-h"), run(*words, "--help")
    assert (short.returncode, short.stderr) == (0, "")
    assert short.stdout == long.stdout
    assert long.stdout.startswith(f"Usage: {' '.join(['cnncalc', *words])} ")
    assert len(re.findall(r"^Examples:$", long.stdout, re.M)) == 1


def test_options_list_the_words_they_take() -> None:
    def listed(name: str, option: str) -> str:
        found = re.search(rf"{option} .*?(?=\n  -|\n\n)", run(name, "--help").stdout, re.S)
        assert found, (name, option)
        return " ".join(found[0].split())

    assert ", ".join(COLUMNS) in listed("analyze", "--columns")
    assert "table, json, csv, markdown (default: table)" in listed("analyze", "--format")
    assert "float64, float32, float16, bfloat16, int8 (default: float32)" in listed(
        "analyze", "--dtype"
    )
    assert "macs, flops, paper," in listed("analyze", "--convention")
    assert "error, warning, note" in listed("check", "--fail-on")
    assert "name, year, receptive_field," in listed("zoo", "--sort")


def test_every_command_has_two_examples_of_its_own() -> None:
    for name in COMMANDS:
        own = [words for of, words in EXAMPLES if of == name]
        assert len(own) == 2, name
        assert all(words.startswith(f"cnncalc {name}") for words in own)


@pytest.mark.parametrize(
    "words", [words for name, words in EXAMPLES if name not in (*OF_TORCH, *STAYING)]
)
def test_examples_work(words: str, tmp_path: Path) -> None:
    """The examples run outside the checkout, in a folder with one spec."""
    run("init", "net", folder=tmp_path)
    done = run(*shlex.split(words)[1:], folder=tmp_path)
    counted = r"[\d,]+ variants\n" if "sweep" in words and " -o " in words else ""
    assert done.returncode == 0 and re.fullmatch(counted, done.stderr), done.stderr
    assert done.stdout or "-o" in words


@pytest.mark.parametrize("words", [words for name, words in EXAMPLES if name in OF_TORCH])
def test_examples_that_need_torch_are_right(words: str, tmp_path: Path) -> None:
    arguments = shlex.split(words)[1:]
    assert "CNN401" in run_without("torch", *arguments).stderr  # so the arguments are right
    pytest.importorskip("torch")
    if "cuda" not in words:
        networks = (Path(__file__).parent / "real" / "to_import.py").read_text("utf-8")
        (tmp_path / "model.py").write_text(f"{networks}\n\nNet = Residual\n", "utf-8")
        done = run(*arguments, folder=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_call_names_the_words_too() -> None:
    done = run("explain")
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: cnncalc explain [OPTIONS] SPEC [LAYER]\n")
    assert "Missing argument 'SPEC'" in done.stderr


def test_a_command_loads_no_page_of_help() -> None:
    pages = ("cnncalc.cli.help", "cnncalc.render.help")
    assert imported(command("size", "7", "-k", "3"), pages) == set()
    assert imported(command("size", "--help"), pages) == set(pages)
    assert imported(command("--help"), ("pydantic", "rich")) == set()


def test_words_are_in_colour_on_a_terminal() -> None:
    options = [Section("Options", [Entry("--ceil", "round up")])]
    shown = [Example("A window", "cnncalc size 7 -k 3")]
    text = page(Entry("cnncalc size", "[OPTIONS] N"), ["Compute."], options, shown, 80)
    coloured = text.written(True)
    assert "\x1b[36m--ceil\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d*m", "", coloured) == text.written()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("analyze", "lenet5", "--view", "texbook"), "'--view': 'texbook' is not one of"),
        (("analyze", "lenet5", "--batch", "1e3"), "'--batch': it takes a whole number."),
        (("size", "9", "-k", "3", "-p", "sam"), "did you mean `same`?"),
    ],
)
def test_wrong_values_are_refused_in_plain_words(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in " ".join(done.stderr.split())


def test_init_says_that_a_bundled_name_is_not_copied(tmp_path: Path) -> None:
    hint = "this is not the bundled resnet50: `--from resnet50` copies that"
    assert hint in run("init", "resnet50", folder=tmp_path).stdout
    for arguments in (("init", "mine"), ("init", "other", "--from", "resnet50")):
        done = run(*arguments, folder=tmp_path)
        assert done.returncode == 0
        assert "bundled" not in done.stdout
