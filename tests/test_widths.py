"""What commands print fits screens of 40 to 200 columns, and no number is ever cut.

CNNCALC_FULL=1 tries every bundled network; otherwise a few that differ are tried.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import islice
from typing import Any

import pytest

import cnncalc
from cnncalc.analysis.blocks import tree
from cnncalc.analysis.explain import explain_all
from cnncalc.cli.app import app_for
from cnncalc.diagnostic import Diagnostic
from cnncalc.ops import OPS
from cnncalc.render.columns import COLUMNS, VIEWS
from cnncalc.render.diagnostics import lines_of
from cnncalc.render.explain import Explained
from cnncalc.render.explain import text as explained_text
from cnncalc.render.formats import writer
from cnncalc.render.formats.lines import Lines
from cnncalc.render.formats.table import Screen, _console_class
from cnncalc.render.rule import listed, page
from cnncalc.rules import rules
from cnncalc.wording import value_text

from .mistakes import FILES
from .samples import BUNDLED
from .settings import FULL

WIDTHS = (40, 41, 47, 60, 80, 100, 120, 200)
REFERENCE = (99, 119, 1000)  # figures are shortened below 100 columns, in `zoo` below 120
SAMPLE = ("lenet5", "resnet50", "mobilenet_v3_small", "unet")
NETWORKS = sorted({network.name for network in BUNDLED}) if FULL else SAMPLE


def at_width(command: str, found: tuple[Any, ...], width: int) -> str:
    """Return the table of a command on a screen with so many columns."""
    made = writer(command, "table")(*found, width=width)
    if hasattr(made, "written"):
        return str(made.written())
    screen = _console_class()(
        width=width, file=io.StringIO(), markup=False, highlight=False, emoji=False
    )
    return Screen(made, screen).written()


def assert_fits(name: str, shown: Callable[[int], str], figures: set[str] = frozenset()) -> None:
    """Assert that no line is too long, and that every number is one of a wide screen, or given."""
    known = figures.union(*(numbers_in(shown(width)) for width in REFERENCE))
    for width in WIDTHS:
        text = shown(width)
        longest = max(text.split("\n"), key=len)
        assert len(longest) <= width, (name, width, longest)
        assert numbers_in(text) - known == set(), (name, width)


def numbers_in(text: str) -> set[str]:
    """Return the words of a text that are numbers or shapes."""
    words = (word.strip("(),.;:") for word in text.split())
    return {word for word in words if re.fullmatch(r"[-+]?\d[\d,.×]*", word)}


def figures_of(report: cnncalc.Report) -> set[str]:
    """Return every figure of every layer and block of a network."""
    rows = [branch.row for branch in tree(report, report.rows)]
    return {value_text(column.value(row, report)) for column in COLUMNS.values() for row in rows}


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_fit(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    figures = figures_of(report)
    choices = [None, *(tuple(keys.split()) for keys in VIEWS.values()), tuple(COLUMNS)]
    for keys in choices if FULL or name == "unet" else choices[:2]:
        found = (report, report.rows, keys)
        assert_fits(f"{name} {keys}", lambda width, f=found: at_width("analyze", f, width), figures)


def test_a_cut_number_and_a_long_line_are_found() -> None:
    with pytest.raises(AssertionError, match="cut"):
        assert_fits("cut", lambda width: "802,816"[: width - 38])
    with pytest.raises(AssertionError, match="long"):
        assert_fits("long", lambda width: "x" * 90)


@pytest.mark.parametrize("name", NETWORKS)
def test_arithmetic_fits(name: str) -> None:
    report = cnncalc.analyze(cnncalc.load(name))
    found = [Explained(row.path, row, lines) for row, lines in explain_all(report)]
    found = found if FULL else found[:40]
    assert_fits(name, lambda width: explained_text(found, width).written())


def presented(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[str, tuple[Any, ...]]:
    """Run a command; return the name of its renderer and what it is given."""
    place = {"sweep": "sweep_output"}.get(arguments[0], arguments[0])
    module = import_module(f"cnncalc.cli.{place}")
    calls: list[tuple[str, tuple[Any, ...]]] = []

    def present(command: str, format: str, file: str | None, *found: Any, **_: Any) -> None:
        calls.append((command, found))

    monkeypatch.setattr(module, "present", present)
    monkeypatch.setattr(module, "finish", lambda *_: None, raising=False)
    app_for(list(arguments))(list(arguments), standalone_mode=False)
    (call,) = calls
    return call


def commands() -> Iterator[str]:
    """Yield the calls of commands with tables, apart from `analyze`."""
    for name in NETWORKS:
        yield f"compare {name}"
        yield f"memory {name}"
        yield f"memory {name} --optimizer adam --fit 8GB"
        yield f"sizes {name}"
        yield f"formula {name}"
        yield f"zoo show {name}"
    yield from ("zoo", "ops")
    yield from ("verify --device meta lenet5", "verify --device meta lenet5 three_conv")
    yield "verify --device meta lenet5 --module torch.nn:Identity"
    yield from ("diff vgg16 vgg19", "diff vgg16 resnet50", "diff resnet50 resnet101")
    yield from ("diff resnet50 --set classes=10", "diff resnet50 resnet101 --depth 1")
    yield "sweep resnet50 --over width=0.5:1:0.25 --over H,W=128:224:96"
    yield "fit resnet50 --vary width=0.5:2:0.25 --budget params<30M"
    yield "profile lenet5 --repeat 1 --warmup 0"
    yield from (f"ops {op.key}" for op in (OPS if FULL else islice(OPS, 3)))


@pytest.mark.parametrize("call", list(commands()))
def test_tables_fit(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if call.startswith(("verify", "profile")):
        pytest.importorskip("torch")
    command, found = presented(monkeypatch, *call.split())
    assert_fits(call, lambda width: at_width(command, found, width))


def test_rules_fit() -> None:
    assert_fits("rules", lambda width: listed(rules().values(), width).written())
    for rule in rules().values():
        text = page(rule.text, 60).written()
        prose = re.sub(r"(?ms)^```.*?^```$", "", text)
        assert max(map(len, prose.split("\n"))) <= 60, rule.code
        assert text.split() == rule.text.split()
        assert page(rule.text, None).written() == rule.text


LONG_WORD = {"CNN005-tag"}  # a tag is one word, and longer than a narrow screen
MESSAGES = [path for path in FILES if path.stem not in LONG_WORD]


@pytest.mark.parametrize("path", MESSAGES if FULL else MESSAGES[::8], ids=lambda path: path.stem)
def test_messages_fit(path: Any) -> None:
    """On a terminal, text wraps, and of a long line of the source a part is shown."""
    text = path.read_text("utf-8")
    findings = [finding.diagnostic for file in cnncalc.check(path) for finding in file.findings]

    def shown(width: int) -> str:
        return "\n".join(_message(diagnostic, path.name, text, width) for diagnostic in findings)

    assert_fits(path.name, shown)


def _message(diagnostic: Diagnostic, name: str, text: str, width: int) -> str:
    place = diagnostic.position
    if place is not None:
        diagnostic = diagnostic._replace(position=place._replace(file=name[:20]))
    return Lines(*lines_of(diagnostic, {name[:20]: text}, width)).written()
