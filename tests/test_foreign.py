"""Text that others wrote is shown as text, in every format of every command.

A full run, CNNCALC_RENDERS=200, has about 5,000 outputs.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt

from . import hostile
from .command import ROOT
from .hostile import Ran, called
from .settings import RENDERS

OURS = re.compile(r"\x1b\[(?:0|1|2|32|33|35|36|1;3[1256])m")  # our own colours
BAR = re.compile(r"\r?\x1b\[(?:2K|1A|\?25[hl])|\x1b\[(?:9\d|38;5;\d+)m[━╸╺]+")  # the progress bar
# Signs around numbers that follow, which Unicode counts as format characters.
ARABIC_SIGNS = (
    "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
)
CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
COMMAND = re.compile(
    r"::(error|warning|notice) (file=[^,:]*)(,line=\d+,col=\d+,endColumn=\d+)?,"
    r"title=cnncalc CNN\d{3}::[^:].*"
)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
FOUND_BY_GITHUB = re.compile(r"@\w|#\d|:[\w+-]+:|//|www\.")


def is_control(character: str) -> bool:
    """Return whether a character is invisible, by Unicode's tables and not by ours."""
    if character in ARABIC_SIGNS or character in "\u200d\u200c":
        return False  # they have a glyph; for joiners, see test_honest_text_stays
    return character != "\n" and unicodedata.category(character) in CONTROLS


def runner_reads(line: str) -> bool:
    """Return whether GitHub's runner or Azure's looks for a command in a line."""
    return line.lstrip().startswith("::") or re.search(r"##\w*\[", line) is not None


def assert_shown(text: str, ours: re.Pattern[str] | None = None) -> None:
    """Fail if a text sends something to a terminal or to the runner of a workflow."""
    plain = OURS.sub("", BAR.sub("", text))
    controls = sorted({c for c in plain if is_control(c)})
    assert not controls, (controls, text[:2000])
    for line in plain.split("\n"):
        if ours is None or not ours.fullmatch(line):
            assert not runner_reads(line), line


def assert_json(text: str) -> None:
    json.loads(text)


def assert_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text), strict=True))
    assert len(set(map(len, rows))) <= 1
    for cell in (cell for row in rows for cell in row):
        assert not re.match(r"\s*[=@]", cell), cell
        assert not re.match(r"\s*[+-]", cell) or re.fullmatch(r"[+-][\d.×/]+", cell), cell


def assert_xml(text: str) -> None:
    root = ET.fromstring(text)
    kinds = {"testsuites", "testsuite", "testcase", "failure", "system-out"}
    assert {element.tag for element in root.iter()} <= kinds


def assert_markdown(text: str) -> None:
    """Fail if a page has anything but headings, paragraphs, tables, code and bold."""
    ours = {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "inline"}
    for token in MARKDOWN.parse(text):
        assert re.sub("_(open|close)$", "", token.type) in ours, (token, text)
        for child in token.children or ():
            kind = re.sub("_(open|close)$", "", child.type)
            assert kind in {"text", "code_inline", "strong", "html_inline"}, (child, token.content)
            if kind == "html_inline":
                assert child.content == "<!-- -->"
            if kind == "text":
                assert not FOUND_BY_GITHUB.search(child.content), child.content


CHECKS: dict[str, Callable[[str], None]] = {
    "json": assert_json,
    "sarif": assert_json,
    "gitlab": assert_json,
    "csv": assert_csv,
    "junit": assert_xml,
    "markdown": assert_markdown,
}


def assert_safe(ran: Ran, format: str) -> None:
    """Fail if an output of a command is not what it should be."""
    assert_shown(ran.err)
    assert_shown(ran.out, COMMAND if format == "github" else None)
    if ran.out and format in CHECKS:
        CHECKS[format](ran.out.removesuffix("\n"))


def variants_of_screen(rng: random.Random) -> dict[str, Any]:
    """Return a random screen: its width, and whether it takes colours."""
    return {
        "terminal": rng.random() < 0.5,
        "COLUMNS": rng.choice(("60", "100", "200")),
        **rng.choice(({}, {"NO_COLOR": "1"}, {"FORCE_COLOR": "1"})),
    }


def commands() -> list[str]:
    """Return the commands that can run here."""
    torch = find_spec("torch") is not None
    return [c for c in hostile.ALL if torch or c not in ("verify", "profile", "import")]


def reads_a_spec(command: str) -> bool:
    """Return whether a command takes a spec. Not all do."""
    return "spec" in hostile.needed(command, "spec")


def cases() -> Iterator[tuple[str, int]]:
    """Yield each command with seeds: few for commands that build networks or read no spec."""
    for command in commands():
        is_quick = reads_a_spec(command) and command not in ("verify", "profile")
        share = 1 if is_quick else 40
        for seed in range(max(1, RENDERS // share)):
            yield command, seed


def render(command: str, seed: int, folder: Path) -> int:
    """Run a command in each of its formats on a hostile spec. Return how often it ran."""
    rng = random.Random(f"{command} {seed}")
    text, _ = hostile.spec(rng, hostile=rng.random() < 0.7)
    name = hostile.hostile_text(rng, file=True) if rng.random() < 0.5 else "net"
    file = folder / f"{name.lstrip('-')}.cnn.yaml"
    file.write_bytes(text.encode())
    formats = hostile.formats(command)
    for words in formats:
        arguments = [command, *words, *hostile.needed(command, file.name)]
        ran = called(arguments, folder, **variants_of_screen(rng))
        assert_safe(ran, words[-1] if words else "")
        assert "CNN901" not in ran.err, ran.err
    return len(formats)


def test_hostile_specs_are_shown_as_text(tmp_path: Path) -> None:
    count = 0
    for n, (command, seed) in enumerate(cases()):
        folder = tmp_path / str(n)
        folder.mkdir()
        count += render(command, seed, folder)
    print(f"{count} renders of hostile specs")


def test_arguments_are_shown_as_text(tmp_path: Path) -> None:
    """Every parameter of every command gets a text that nobody would give it."""
    count = 0
    for command in commands():
        for parameter in hostile.parameters(command):
            if not parameter.is_text:
                continue
            for seed in range(max(1, RENDERS // 10)):
                rng = random.Random(f"{command} {parameter.name} {seed}")
                folder = tmp_path / str(count)
                folder.mkdir()
                (folder / "net.cnn.yaml").write_text(hostile.spec(rng, False).text, "utf-8")
                words = echoed(command, parameter, hostile.hostile_text(rng, file=True))
                format = rng.choice(hostile.formats(command))
                if parameter.name in ("format", "write_baseline"):  # these print no findings
                    format = []
                ran = called([command, *format, *words], folder, **variants_of_screen(rng))
                assert_safe(ran, format[-1] if format else "")
                for file in folder.rglob("*.*"):
                    if file.is_file() and file.name != "net.cnn.yaml":
                        assert_shown(file.read_text("utf-8"), COMMAND)
                count += 1
    print(f"{count} renders of hostile words")


def echoed(command: str, parameter: hostile.Parameter, text: str) -> list[str]:
    """Return the words of a command with a text for one of its parameters."""
    words = hostile.needed(command, "net.cnn.yaml")
    if parameter.flag:
        return [*words, f"{parameter.flag}={text}"]
    position = [p.name for p in hostile.parameters(command) if not p.flag].index(parameter.name)
    plain = words[:position]
    return [*plain, "--", text, *words[position + 1 :]]


INJECTED = sorted((Path(__file__).parent / "injected").glob("*.yaml"))


@pytest.mark.parametrize("file", INJECTED, ids=lambda file: file.stem)
@pytest.mark.parametrize("command", list(filter(reads_a_spec, commands())))
def test_hostile_files_are_shown_as_text(file: Path, command: str, tmp_path: Path) -> None:
    copy = tmp_path / file.name
    copy.write_bytes(file.read_bytes())
    for words in hostile.formats(command):
        arguments = [command, *words, *hostile.needed(command, file.name)]
        ran = called(arguments, tmp_path, COLUMNS="100")
        assert_safe(ran, words[-1] if words else "")


def test_names_of_a_module_are_shown_as_text(tmp_path: Path) -> None:
    """`verify --module` shows names and messages of code that somebody else wrote."""
    pytest.importorskip("torch")
    (tmp_path / "foreign_net.py").write_text(MODULE, "utf-8")
    (tmp_path / "net.cnn.yaml").write_text(
        "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 4, kernel: 3}\n  - relu\n"
    )
    for target in ("Net", "Fails", "Raises", "No\x1b[35m\n::error::x", "Net\n"):
        for words in hostile.formats("verify"):
            arguments = ["verify", "net.cnn.yaml", "--module", f"foreign_net:{target}", *words]
            ran = called(arguments, tmp_path, COLUMNS="160")
            assert_safe(ran, words[-1])
            assert "CNN901" not in ran.err
            if target == "Net" and words[-1] == "json":
                assert json.loads(ran.out)["ok"]


MODULE = r"""
from torch import nn

NAME = "a\x1b[35m\n::error::x[red]"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module(NAME, nn.Conv2d(3, 4, 3))

    def forward(self, x):
        return getattr(self, NAME)(x).relu()


class Fails(Net):
    def forward(self, x):
        raise ValueError("\x1b]0;t\x07\r::error::x\u202e" + NAME)


def Raises():
    raise type(NAME, (Exception,), {})(NAME)


Net.__name__ = Net.__qualname__ = "N\x1b[2J##[error]"
"""


def test_names_reach_json_exactly(tmp_path: Path) -> None:
    rng = random.Random(0)
    for n in range(20):
        text, name = hostile.spec(rng, hostile=False)
        (tmp_path / f"{n}.cnn.yaml").write_text(text, "utf-8")
        ran = called(["analyze", f"{n}.cnn.yaml", "--format", "json"], tmp_path)
        assert json.loads(ran.out)["name"] == name
        expanded = called(["expand", f"{n}.cnn.yaml"], tmp_path)
        (tmp_path / "flat.cnn.yaml").write_text(expanded.out, "utf-8")
        again = called(["analyze", "flat.cnn.yaml", "--format", "json"], tmp_path)
        assert json.loads(again.out)["name"] == name


@pytest.mark.parametrize("screen", [{"COLUMNS": "60"}, {"COLUMNS": "200", "FORCE_COLOR": "1"}])
def test_an_honest_name_is_shown_as_it_is(screen: dict[str, str], tmp_path: Path) -> None:
    name = f"{hostile.HONEST} [red] 3×3"
    spec = {"name": name, "input": [3, 8, 8], "layers": ["relu"]}
    (tmp_path / "é ×.cnn.yaml").write_text(json.dumps(spec, ensure_ascii=False), "utf-8")
    for words in ([], ["--format", "markdown"]):
        ran = called(["analyze", "é ×.cnn.yaml", *words], tmp_path, **screen)
        assert name in re.sub(r"\n", " ", OURS.sub("", ran.out))


def test_a_caret_is_under_its_place(tmp_path: Path) -> None:
    """So it is even after characters that take two columns or none, or are shown as escapes."""
    line = "  - {conv: {out: 1, kernel: 1}, name: x, when: '\"你é́\u202e\" == 1', bad: 2}"
    (tmp_path / "a.cnn.yaml").write_text(f"input: [3, 8, 8]\nlayers:\n{line}\n", "utf-8")
    shown, carets = called(["check"], tmp_path).out.split("\n")[3:5]
    from rich.cells import cell_len

    assert cell_len(shown[: shown.index("bad")]) == carets.index("^")


@pytest.mark.parametrize("key", ["lock", "baseline"])
@pytest.mark.parametrize("path", ["../out.json", "/tmp/out.json", "link.json", "a/../../out.json"])
def test_paths_of_the_configuration_stay_in_the_project(
    key: str, path: str, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "out.json").write_text("{}")
    (project / "link.json").symlink_to(tmp_path / "out.json")
    (project / "net.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    (project / "pyproject.toml").write_text(f"[tool.cnncalc]\nselect = []\n{key} = '{path}'\n")
    for command in ("check", "lock"):
        ran = called([command], project)
        assert (ran.code, "CNN111" in ran.err) == (2, True), ran
        assert "pyproject.toml:3:1" in ran.err
    assert (tmp_path / "out.json").read_text() == "{}"
    (project / "pyproject.toml").write_text(f"[tool.cnncalc]\n{key} = 'a/../net.json'\n")
    assert "points outside" not in called(["check"], project).err
    (project / "pyproject.toml").write_text("[tool.cnncalc]\n")
    free = called(["lock", "--lock", "../out.lock"], project)
    assert (free.code, (tmp_path / "out.lock").exists()) == (0, True)


def test_a_file_may_be_called_like_an_option(tmp_path: Path) -> None:
    """The hooks end the options before the files that they pass."""
    from cnncalc.language.yaml_tree import parse

    text = "input: [3, 8, 8]\nlayers:\n  - rleu\n"
    (tmp_path / "--fix.yaml").write_text(f"cnncalc: 1\n{text}")
    (tmp_path / "net.yaml").write_text(f"cnncalc: 1\n{text}")
    hooks = parse((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"), "hooks")[0]
    for hook in hooks:
        assert hook["args"][-1] == "--"
    words = [*hooks[0]["entry"].split()[1:], *hooks[0]["args"], "--fix.yaml", "net.yaml"]
    ran = called(words, tmp_path)
    assert (ran.code, "--fix.yaml:4:5" in ran.out) == (1, True), ran
    assert "rleu" in (tmp_path / "net.yaml").read_text()


def test_the_action_runs_no_text_of_its_inputs() -> None:
    from cnncalc.language.yaml_tree import parse

    steps = parse((ROOT / "action.yml").read_text("utf-8"), "action")[0]["runs"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert not any("${{" in run for run in runs)
    (checks,) = (run for run in runs if "cnncalc check" in run)
    before, end, after = checks.partition("words+=(--)")
    assert end and "CNNCALC_PATHS" in after and "CNNCALC_ARGS" in before


def test_the_tests_can_fail() -> None:
    for text in ("\x1b[34m", "x\n \u3000::error::", "a ##[x]", "\u202e", "\udcff", "\x85"):
        with pytest.raises(AssertionError):
            assert_shown(text)
    for page in ("<b>x</b>", "[a](b)", "![a](b)", "# a\n\n- b", "https://x", "@x", "a\n***"):
        with pytest.raises(AssertionError):
            assert_markdown(page)
    with pytest.raises(AssertionError):
        assert_csv("=1,2")
