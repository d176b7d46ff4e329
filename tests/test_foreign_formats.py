"""Each format's document reads back as the text it was given, even for texts that nobody expects.

test_foreign.py tests the commands.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import unicodedata
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment, Segments

from cnncalc.foreign import visible
from cnncalc.language.yaml_flow import quoted
from cnncalc.language.yaml_tree import parse
from cnncalc.render.formats.csv import Csv
from cnncalc.render.formats.json import Json
from cnncalc.render.formats.lines import Lines
from cnncalc.render.formats.markdown import Page
from cnncalc.render.formats.table import LayerTable, Screen, console, facts, text
from cnncalc.render.formats.workflow import Command, Commands
from cnncalc.render.formats.xml import Xml

from .hostile import HONEST, PIECES
from .test_foreign import MARKDOWN, assert_markdown, assert_shown, is_control

PACKAGE = Path(__file__).parent.parent / "cnncalc"
FOREIGN = st.lists(st.sampled_from(PIECES) | st.text(), max_size=4).map("".join)
MARKS = st.text("`\\|*_~#[]()!<>&;:@-+=.1aw /\n", max_size=12)


@settings(deadline=None)
@given(FOREIGN)
def test_foreign_text_becomes_visible(foreign: str) -> None:
    shown = visible(foreign)
    assert "\n" not in shown
    assert visible(shown) == shown
    assert_shown(f"x{shown}")
    if not set(map(unicodedata.category, foreign)) - {"Ll", "Lu", "Nd", "Zs", "Po", "Ps", "Pe"}:
        assert shown == foreign or "##" in foreign


def test_every_control_character_becomes_visible() -> None:
    every = filter(is_control, map(chr, range(0x110000)))
    assert [c for c in every if visible(f"a{c}b") == f"a{c}b"] == []


@pytest.mark.parametrize("honest", HONEST.split())
def test_honest_text_stays(honest: str) -> None:
    assert visible(honest) == honest


@pytest.mark.parametrize(
    "hidden",
    ["a\u200db", "a\u200c", "\u200d👩", "👩\u200d", "a\ufe0f", "👩\ufe0f\ufe0f", "`\u0338"],
)
def test_a_joiner_is_shown_where_it_joins_nothing(hidden: str) -> None:
    assert "\\u" in visible(hidden)


@settings(deadline=None)
@given(FOREIGN)
def test_lines_show_text(foreign: str) -> None:
    assert_shown(Lines(foreign, ("  ", foreign), ((foreign, "error"), "x")).written())
    plain = Lines(((foreign, "error"), foreign)).written()
    colour = Lines(((foreign, "error"), foreign)).written(colour=True)
    if not plain.startswith("\\x3a"):
        assert colour.replace("\x1b[1;31m", "").replace("\x1b[0m", "") == plain


@settings(deadline=None)
@given(FOREIGN)
def test_json_reads_back(foreign: str) -> None:
    data = {foreign: [foreign, 1]}
    written = Json(data).written()
    assert json.loads(written) == data
    assert_shown(written)


@settings(deadline=None)
@given(FOREIGN)
@example("=1")
@example("-2+3")
@example(" +1")
def test_csv_reads_back(foreign: str) -> None:
    written = Csv([foreign, 1, "a,b"], ["x", -2, None]).written()
    assert_shown(written)
    (cell, one, both), (_, two, _) = csv.reader(io.StringIO(written), strict=True)
    assert (one, both, two) == ("1", "a,b", "-2")
    read = cell.removeprefix("'") if cell[:1] == "'" and foreign[:1] != "'" else cell
    assert read.replace("\\x3a:", "::") == visible(foreign).replace("\\x3a:", "::")
    assert not re.match(r"\s*[=@]", cell)


@settings(deadline=None)
@given(FOREIGN)
def test_xml_reads_back(foreign: str) -> None:
    root = ET.Element("a", name=foreign)
    root.text = f"{foreign}\nx"
    written = Xml(root).written()
    assert_shown(written)
    read = ET.fromstring(written)
    assert read.get("name", "").replace("\\x3a:", "::") == visible(foreign).replace("\\x3a:", "::")


@settings(deadline=None)
@given(FOREIGN)
def test_workflow_commands_read_back(foreign: str) -> None:
    command = Command("error", {"file": foreign, "line": 1}, (foreign, "x"))
    written = Commands(command).written()
    assert "\n" not in written
    head, properties, message = re.fullmatch(r"(::error) ([^:]*)::(.*)", written).groups()  # type: ignore[union-attr]
    file, line = properties.split(",")
    assert (head, line) == ("::error", "line=1")
    decoded = file.removeprefix("file=").replace("%2C", ",").replace("%3A", ":")
    assert decoded.replace("%25", "%") == visible(foreign)
    assert message.replace("%25", "%") == f"{visible(foreign)}%0Ax".replace("%25", "%")


@settings(max_examples=300, deadline=None)
@given(FOREIGN | MARKS, FOREIGN | MARKS)
@example("``<img src=//evil.example/x>", "")
@example("`\\|<b>x</b>`", "[a][b]")
@example("[a", "](http://evil.example)")
@example("a #", "1. a")
def test_markdown_reads_back(one: str, other: str) -> None:
    """Reading a page gives what was written, except the backticks around code."""
    page = Page()
    page.heading(one)
    page.table(["a", ""], [False, True], [[one, other], [other, "x"]])
    page.paragraph(one)
    written = page.written()
    assert_shown(written)
    assert_markdown(written)
    texts = [content(token) for token in MARKDOWN.parse(written) if token.type == "inline"]
    due = [one, "a", "", one, other, other, "x", one]
    if not one.strip(" "):
        due.pop()
    assert list(map(as_read, texts)) == [as_read(visible(text)) for text in due]


def content(token: object) -> str:
    """Return the text of a piece of a page."""
    children = token.children or ()  # type: ignore[attr-defined]
    return "".join(child.content for child in children if child.type != "html_inline")


def as_read(text: str) -> str:
    """Return a text without backticks and without the blanks that Markdown drops."""
    return re.sub(r"[\s`]+", "", text)


@settings(deadline=None)
@given(FOREIGN)
def test_yaml_reads_back(foreign: str) -> None:
    written = quoted(foreign)
    assert_shown(f"x{written}")
    if not any(0xD800 <= ord(c) <= 0xDFFF or c == "\0" for c in foreign):
        assert parse(f"name: {written}", "x")[0] == {"name": foreign}


@settings(deadline=None)
@given(FOREIGN)
def test_tables_show_text(foreign: str) -> None:
    """Text in a table is shown as it is, in the width of its column."""
    screen = console()
    table = facts([("label", text(foreign, (foreign, "bold"))), (foreign, foreign)])
    written = Screen(table, screen).written()
    assert_shown(written)
    for line in written.split("\n"):  # an escape at its start was not expected
        assert cell_len(line.replace("\\x3a:", "::", 1)) <= screen.width
    layers = LayerTable(["a"], [[foreign]], [""], [False], [False]).render(40)
    assert_shown(Screen(layers, screen).written())


def test_markup_is_text() -> None:
    words = "[red]a[/red] [link=http://x]b[/link] :smile:"
    assert words in Screen(facts([("", words)]), console()).written()


def test_the_screen_catches_text_that_was_not_made_visible() -> None:
    raw = Segments([Segment("\n\u3000::error::x\x1b[31m\u202e\n")])
    for colour in (False, True):
        assert_shown(Screen(raw, console()).written(colour))


def test_only_documents_write() -> None:
    """Only these files print, or make objects of rich."""
    rules = {
        r"\bprint\(|sys\.std(out|err)\.write|\becho\(": {"cli/output.py"},
        r"from rich\.(console|text|segment) import (?!.*RenderableType)": {
            "cli/progress.py",
            "render/formats/table.py",
        },
        r"from_markup|\bmarkup=True": set(),
    }
    for pattern, homes in rules.items():
        found = {file for file, code in running_code() if re.search(pattern, code)}
        assert found <= homes, (pattern, found)


def running_code() -> list[tuple[str, str]]:
    """Return the code of each file without its docstrings and imports for types."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                node.body = [ast.Pass()]
            elif isinstance(body, list) and body and isinstance(body[0], ast.Expr):
                body[0] = ast.Expr(ast.Constant(0))
        found.append((path.relative_to(PACKAGE).as_posix(), ast.unparse(tree)))
    return found
