"""The Python library is documented: its names, their arguments and attributes, and their examples.

The examples in all docstrings run; those of torch are skipped without it.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import cnncalc
from cnncalc.cli.option_values import settings
from cnncalc.language.parameters import as_written
from cnncalc.wording import shape_text

from .command import ROOT, run
from .docstrings import attributes, documented, methods, parameters, properties
from .library_page import HELD, Cnn

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "cnncalc").rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)
TORCH = ("build", "load_state_dict")


def offered(name: str) -> Any:
    """A name that the library exports."""
    if name in TORCH:
        pytest.importorskip("torch")
    return getattr(cnncalc, name)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_docstrings(name: str) -> None:
    if "torch" in name:
        pytest.importorskip("torch")
    if ".lsp." in name:
        pytest.importorskip("pygls")
    done = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert done.attempted > 0
    assert done.failed == 0


def sentence_faults(text: str) -> list[str]:
    """What a summary lacks."""
    faults = [] if text[:1].isupper() or text[:1].isdigit() or text[:1] == "`" else ["capital"]
    return [*faults, *([] if text.endswith(".") else ["full stop"])]


def lacking(value: Any) -> list[str]:
    """Which parts the docstring of an exported name lacks."""
    about = documented(value)
    faults = sentence_faults(about.summary)
    if inspect.isclass(value):
        known = attributes(value) or dict.fromkeys(about.names, "")
        faults += class_faults(value, list(known))
    else:
        faults += [name for name in parameters(value) if not about.names.get(name)]
        faults += [part for part in ("returns", "errors") if not getattr(about, part)]
    if not about.example:
        faults.append("example")
    return faults


def class_faults(cls: type, known: list[str]) -> list[str]:
    """Which attributes, properties and methods of a class are not documented."""
    about = documented(cls)
    faults = [name for name in known if not about.names.get(name)]
    faults += [name for name in about.names if name not in known]
    for name, function in [*properties(cls).items(), *methods(cls)]:
        own = documented(function)
        faults += [f"{name}: {fault}" for fault in sentence_faults(own.summary)]
    for name, function in methods(cls):
        own = documented(function)
        faults += [f"{name}({word})" for word in parameters(function) if not own.names.get(word)]
        if not own.summary.startswith(("Return ", "Fail ", "Write ")):
            faults.append(f"{name}: its summary does not say what it returns")
    return faults


@pytest.mark.parametrize("name", cnncalc.__all__)
def test_every_exported_name_is_documented(name: str) -> None:
    value = offered(name)
    assert lacking(value) == []
    assert ">>> import cnncalc" in documented(value).example


@pytest.mark.parametrize("place", ["verify.verify", "profile.profile", "hold.hold"])
def test_what_commands_of_torch_call_is_documented(place: str) -> None:
    pytest.importorskip("torch")
    module = importlib.import_module(f"cnncalc.torch_backend.{place}")
    assert lacking(getattr(module, place.partition(".")[2])) == []


@pytest.mark.parametrize("cls", [*HELD, Cnn], ids=lambda cls: cls.__name__)
def test_what_reports_hold_is_documented(cls: type) -> None:
    assert sentence_faults(documented(cls).summary) == []
    assert class_faults(cls, list(attributes(cls))) == []


def test_every_attribute_is_declared() -> None:
    """Classes without annotations state their attributes where they are made."""
    spec, mistake = cnncalc.load("lenet5"), cnncalc.Mistake()
    for made in (spec, mistake):
        found = {name for name in vars(made) if not name.startswith("_")}
        assert found == set(documented(type(made)).names)


def test_what_is_not_documented_is_found() -> None:
    def sizes(spec: object, batch: int = 1) -> None:
        """gives sizes

        Accepts:
            spec: a spec.
        """

    assert lacking(sizes) == ["capital", "full stop", "batch", "returns", "errors", "example"]
    assert "row(path)" in class_faults(type("Bare", (), {"row": row}), [])


def row(self: object, path: str) -> None:
    """Return the row of a layer."""


TEXT = "params: {w: 8}\ninput: [3, 20, 20]\nlayers: [{conv: {out: 2 * w, kernel: 3}}, relu]\n"


def test_networks_are_named_in_any_way(tmp_path: Path) -> None:
    file = tmp_path / "net.yaml"
    file.write_text(TEXT)
    for target in (TEXT, file, str(file), cnncalc.loads(TEXT)):
        assert cnncalc.analyze(target).totals.params == 3 * 3 * 3 * 16 + 16
    assert cnncalc.analyze("resnet18").variant == "resnet18"


@pytest.mark.parametrize("value", ["0.5", "2.5", "0.1", "8", "1e1", "[1, 0.5]"])
def test_values_count_as_on_the_command_line(value: str) -> None:
    given = json.loads(value)
    assert as_written(given) == settings([f"w={value}"])["w"]
    if value in ("0.5", "2.5"):
        assert cnncalc.analyze(TEXT, set={"w": given}).totals.params == 28 * 2 * given


def test_a_report_is_printed_as_the_command_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    for name in ("lenet5", "resnet18"):
        printed = run("analyze", name).stdout
        assert "\n".join(line.rstrip() for line in str(cnncalc.analyze(name)).split("\n")) == (
            printed.removesuffix("\n")
        )
    wrong = str(cnncalc.analyze("input: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]"))
    assert "error[CNN204]: kernel 9 does not fit" in wrong


class Cells(HTMLParser):
    """Collects the texts of the cells of a table, and all tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_notebooks_show_a_table() -> None:
    report = cnncalc.analyze("lenet5")
    found = Cells(report._repr_html_())
    for row in report.rows:
        assert row.path in found.cells and shape_text(row.output_shape) in found.cells
    assert f"{report.totals.macs:,}" in found.cells
    hostile = "name: <script>\ninput: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 9}}]"
    shown = Cells(cnncalc.analyze(hostile)._repr_html_())
    assert "script" not in shown.tags
    assert "error[CNN204]" in "".join(shown.cells)


def test_records_are_flat_and_complete() -> None:
    report = cnncalc.analyze("googlenet")
    records = report.to_dicts()
    for what in ("params", "macs", "flops", "buffers", "trainable_params"):
        assert sum(record[what] for record in records) == getattr(report.totals, what)
    assert [record["path"] for record in records] == [row.path for row in report.rows]
    assert not any(isinstance(value, dict) for record in records for value in record.values())
    assert len({tuple(record) for record in records}) == 1
    field = report.receptive_field
    assert field is not None
    (last,) = [record for record in records if record["path"] == field[0]]
    assert last["receptive_field"] == field[1].size[0]


WRONG: list[tuple[Any, dict[str, Any]]] = [
    *((target, {}) for target in (5, None, [], b"text", object(), "no network", "x: [", "")),
    *((TEXT, {"variant": variant}) for variant in ("none", 5)),
    *((TEXT, {"set": given}) for given in (5, {"v": 1}, {5: 5})),
    *((TEXT, {"input": shape}) for shape in (5, "3x8x8", {"other": (3, 8, 8)}, [[3]], (3, 8.0, 8))),
    *((TEXT, {"batch": batch}) for batch in (0, 1.5, "2", True)),
    *((TEXT, {"dtype": dtype}) for dtype in (4, "int4")),
    *((TEXT, {"convention": convention}) for convention in ("none", 4, [])),
]


@pytest.mark.parametrize(("target", "given"), WRONG)
def test_every_error_is_a_mistake(target: Any, given: dict[str, Any]) -> None:
    with pytest.raises(cnncalc.Mistake) as caught:
        cnncalc.analyze(target, **given).or_mistake()
    assert {d.severity for d in caught.value.diagnostics} == {"error"}
    assert all(d.message for d in caught.value.diagnostics)
