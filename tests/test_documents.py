"""The documents show what commands print, their links work, and nothing is missing.

CNNCALC_UPDATE=1 writes into them what the commands print now, and the parts made from the code.
"""

from __future__ import annotations

import doctest
import json
import re
import runpy
import shlex
from collections.abc import Iterable
from pathlib import Path

import pytest

import cnncalc
from cnncalc.analysis.schema import spec_schema
from cnncalc.checking import config
from cnncalc.language.expression_functions import FUNCTIONS
from cnncalc.language.names import GRAPH_WORDS

from .command import ROOT, run
from .generated import PARTS
from .settings import UPDATE

README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINKED = [*PAGES, ROOT / "specs" / "README.md", ROOT / "cnncalc" / "rules.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)
LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6} (.+)$", re.M)
MOST_BYTES = 20_480  # of the README
# Keys in JSON below which keys are names of layers, tensors or operators.
FREE = ("input", "outputs", "by_operator", "silent", "predicted", "measured", "arithmetic")


def page_name(page: Path) -> str:
    """Return the path of a page in the repository."""
    return page.relative_to(ROOT).as_posix()


def printed(command: str, folder: Path) -> str:
    """Return what a command prints, in a terminal of 100 columns without colours."""
    name, *arguments = shlex.split(command)
    assert name == "cnncalc", f"pages show commands of cnncalc, not {command}"
    done = run(*arguments, folder=folder)
    lines = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    # What differs between runs and between versions of torch.
    text = re.sub(r"(?m)^(time +)[\d.]+ s$", r"\g<1>1.0 s", "\n".join(lines))
    return re.sub(r"torch \d+\.\d+\.\d+\S*", "torch 2.13.0", text)


def shown(block: str, folder: Path) -> str:
    """Return a console block with every command followed by what it prints."""
    commands = [line for line in block.splitlines() if line.startswith("$ ")]
    result = "".join(f"{line}\n{printed(line[2:], folder)}\n" for line in commands)
    assert "```" not in result, f"Markdown cannot be shown in a block: {commands}"
    return result


def tried(text: str, folder: Path) -> str:
    """Return a page as it should be.

    From top to bottom, this writes the files that the page shows, and runs its commands. Files that
    are no text are beside the tests.
    """
    for name in re.findall(r"(?m)^\$ cnncalc import (\S+\.onnx)", text):
        (folder / name).write_bytes((ROOT / "tests" / "real" / name).read_bytes())

    def current(block: re.Match[str]) -> str:
        kind, content = block.groups()
        if kind in ("yaml", "python", "toml") and content.startswith("# "):
            file = folder / content.partition("\n")[0][2:].strip()
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, "utf-8")
        if kind != "console":
            return block[0]
        return f"```console\n{shown(content, folder)}```"

    return BLOCK.sub(current, text)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_a_page_shows_what_commands_print(page: Path, tmp_path: Path) -> None:
    text = page.read_text("utf-8")
    if "```console" in text:
        pytest.importorskip("torch")
    wanted = tried(text, tmp_path)
    for mark, part in PARTS.items():
        if f"<!-- {mark} -->" in wanted:
            pattern = rf"(<!-- {mark} -->\n).*?(<!-- /{mark} -->)"
            made = f"\n{part()}\n\n"
            wanted = re.sub(pattern, lambda m, made=made: f"{m[1]}{made}{m[2]}", wanted, flags=re.S)
    if UPDATE:
        page.write_text(wanted, "utf-8")
    assert text == wanted or UPDATE, (
        "CNNCALC_UPDATE=1 pytest tests/test_documents.py writes what is printed now"
    )


def test_every_generated_part_is_on_a_page() -> None:
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert [mark for mark in PARTS if text.count(f"<!-- {mark} -->") != 1] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_examples_in_python(page: Path) -> None:
    blocks = [block for kind, block in BLOCK.findall(page.read_text("utf-8")) if kind == "python"]
    shown = [block for block in blocks if block.startswith(">>> ")]
    if shown:
        pytest.importorskip("torch")
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    names: dict[str, object] = {}  # an example may use what those above it made
    for number, block in enumerate(shown):
        name = f"{page_name(page)}, example {number + 1}"
        example = doctest.DocTestParser().get_doctest(block, names, name, str(page), None)
        runner.run(example, clear_globs=False)
        names = example.globs
    assert runner.summarize(verbose=False).failed == 0


def anchors(page: Path) -> set[str]:
    """Return the anchors that links may name in a page: its headings, as GitHub and MkDocs do."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    found = set()
    for heading in HEADING.findall(text):
        words = re.sub(r"[^\w\s-]", "", heading.replace("`", "").lower())
        found.add(re.sub(r"\s", "-", words.strip()))
    return found


@pytest.mark.parametrize("page", LINKED, ids=page_name)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    text = re.sub(r"`[^`\n]+`", "", BLOCK.sub("", page.read_text("utf-8")))
    for match in LINK.finditer(text):
        link = match[1] or match[2]
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        found = target.is_relative_to(ROOT) and target.exists()
        if not found or (anchor and anchor not in anchors(target)):
            wrong.append(link)
    assert wrong == []


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / link[1].partition("#")[0]).resolve()
        for page in LINKED
        for link in LINK.finditer(page.read_text("utf-8"))
        if link[1]
    }
    assert [page_name(page) for page in PAGES if page not in linked and page != README] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= MOST_BYTES


def test_the_pictures_are_what_is_drawn() -> None:
    script = runpy.run_path(str(DOCS / "picture.py"))
    for name in script["PICTURES"]:
        drawn, file = script["drawn"](name), script["FOLDER"] / f"{name}.svg"
        if UPDATE:
            file.write_text(drawn, "utf-8")
        assert file.read_text("utf-8") == drawn, "python docs/picture.py draws it again"
    assert {file.stem for file in script["FOLDER"].iterdir()} == set(script["PICTURES"])


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    blocks = [block.strip() for kind, block in BLOCK.findall(text) if kind == "sh"]
    command = next(block for block in blocks if "pytest" in block)
    assert command in (ROOT / ".ci" / "run").read_text("utf-8")


def keys_of(value: object, free: tuple[str, ...]) -> set[str]:
    """Return every key in JSON, except below keys whose own keys are names that users choose."""
    found: set[str] = set()
    if isinstance(value, dict):
        for key, inner in value.items():
            found.add(key)
            below = inner.values() if isinstance(inner, dict) and key in free else [inner]
            for each in below:
                found |= keys_of(each, free)
    if isinstance(value, list):
        for inner in value:
            found |= keys_of(inner, free)
    return found


@pytest.mark.parametrize(
    "command",
    [
        "analyze siamese.cnn.yaml",
        "check siamese.cnn.yaml",
        "diff vgg16 vgg19",
        "compare siamese.cnn.yaml",
        "memory siamese.cnn.yaml --optimizer adam --fit 8GB",
        "zoo lenet5",
        "ops",
        "ops conv",
        "verify siamese.cnn.yaml --device meta",
        "verify vector.yaml --module torch.nn:Identity",
        "profile siamese.cnn.yaml",
    ],
)
def test_every_key_of_json_is_documented(command: str, tmp_path: Path) -> None:
    if command.startswith(("verify", "profile")):
        pytest.importorskip("torch")
    language = (DOCS / "reference" / "language.md").read_text("utf-8")
    blocks = [block for kind, block in BLOCK.findall(language) if kind == "yaml"]
    siamese = next(block for block in blocks if block.startswith("# siamese.cnn.yaml"))
    (tmp_path / "siamese.cnn.yaml").write_text(siamese, "utf-8")
    (tmp_path / "vector.yaml").write_text("input: [3]\nlayers: [linear: 2]\n", "utf-8")
    done = run(*command.split(), "--format", "json", folder=tmp_path)
    assert done.returncode == ("--module" in command), done.stderr
    keys = keys_of(json.loads(done.stdout), FREE)
    section = (DOCS / "reference" / "json.md").read_text("utf-8")
    assert sorted(key for key in keys if f"`{key}`" not in section) == []


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("configuration.md", config._KEYS),
        ("language.md", spec_schema()["properties"]),
        ("language.md", GRAPH_WORDS),
        ("language.md", FUNCTIONS),
        ("library.md", cnncalc.__all__),
    ],
    ids=["configuration", "keys of a spec", "words of a layer", "functions", "library"],
)
def test_every_word_is_documented(page: str, words: Iterable[str]) -> None:
    text = (DOCS / "reference" / page).read_text("utf-8")
    assert [word for word in words if not re.search(rf"`{word}\b", text)] == []


def test_the_first_command_after_the_set_up_works() -> None:
    blocks = BLOCK.findall(README.read_text("utf-8"))
    (set_up, first), (kind, second) = blocks[:2]
    assert set_up == "sh" and first.rstrip().endswith("&& . .venv/bin/activate")
    assert kind == "console" and second.startswith("$ cnncalc analyze ")
