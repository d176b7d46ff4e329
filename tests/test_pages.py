"""What pages tell people to run works: shell commands, tests for pytest, workflows and hooks.

Blocks of kind `console` are run by test_documents.py, and the examples of `--help` by test_help.py.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from cnncalc.cli.app import app_for

from .command import ROOT, run, run_python
from .test_documents import BLOCK, PAGES, page_name

TEXTS = {page_name(page): page.read_text("utf-8") for page in PAGES}
INLINE = re.compile(r"(?<!`)`((?:cnncalc |--)[^`\n]+)`")
OTHERS = ("--", "--fix.yaml")  # no options: the end of options, and the name of a file
GENERATED = re.compile(r"<!-- commands -->.*<!-- /commands -->", re.S)
NET = "cnncalc: 1\ninput: [3, 8, 8]\nlayers: [{conv: {out: 4, kernel: 3}}]\n"


def blocks(text: str, *kinds: str) -> list[str]:
    """The contents of a page's blocks of some kinds, without what is made from `--help`."""
    return [content for kind, content in BLOCK.findall(GENERATED.sub("", text)) if kind in kinds]


def files_of(text: str) -> dict[str, str]:
    """The files that a page shows, as they are at its end."""
    named = [part for part in blocks(text, "yaml", "python", "toml") if part.startswith("# ")]
    return {part.partition("\n")[0][2:].strip(): part for part in named}


def write(files: dict[str, str], folder: Path) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")


SHELL = [
    (name, line)
    for name, text in TEXTS.items()
    for block in blocks(text, "sh")
    for line in block.splitlines()
    if line.startswith("cnncalc ")
]


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository with one spec, as a reader may have it."""
    (tmp_path / "net.cnn.yaml").write_text(NET, "utf-8")
    for words in ("init -q -b main", "add .", "commit -q -m first"):
        identity = ["-c", "user.name=reader", "-c", "user.email=reader@example.org"]
        subprocess.run(["git", *identity, *words.split()], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(("name", "line"), SHELL, ids=[line for _, line in SHELL])
def test_commands_in_shell_blocks(name: str, line: str, repository: Path) -> None:
    if "--device cuda" in line:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("takes minutes on a card")
    _, command, first, *_ = (*shlex.split(line), "")
    if command in ("verify", "profile", "import"):
        pytest.importorskip("torch")
    if command == "import" and not first.endswith((".yaml", ".onnx")):
        pytest.importorskip(re.split(r"[.:]", first)[0])  # the package that has the network
    done = run(*shlex.split(line)[1:], folder=repository)
    if "--device cuda" in line:
        assert (done.returncode, "CNN402" in done.stderr) == (2, True), done.stderr
    else:
        assert done.returncode == 0, done.stdout + done.stderr


def known_options() -> dict[str, set[str]]:
    """The options of every command, by its name."""
    commands = get_command(app_for([])).commands
    found = {}
    for name, command in commands.items():
        forms = [[*parameter.opts, *parameter.secondary_opts] for parameter in command.params]
        found[name] = {"--help"}.union(*forms)
    return found


def unknown_words(code: str, options: dict[str, set[str]]) -> list[str]:
    """The command, or the options, in a piece of code that cnncalc does not have."""
    words = shlex.split(code.replace("\\|", "|").replace("'", ""))
    every = {"--version", "--install-completion", "--show-completion"}.union(*options.values())
    known = every
    if words[0] == "cnncalc" and not words[1].startswith("-"):
        if words[1] not in options:
            return [words[1]]
        known = options[words[1]]
    return [word for word in words if word.startswith("--") and word.split("=")[0] not in known]


def test_commands_and_options_in_sentences_exist() -> None:
    options = known_options()
    found = [
        (name, code)
        for name, text in TEXTS.items()
        for code in INLINE.findall(BLOCK.sub("", text))
        if code not in OTHERS and unknown_words(code, options)
    ]
    assert found == []
    assert unknown_words("cnncalc analyse vgg16", options) == ["analyse"]
    assert unknown_words("cnncalc analyze vgg16 --quick", options) == ["--quick"]


@pytest.mark.parametrize(
    "name", [name for name, text in TEXTS.items() if "test_networks.py" in files_of(text)]
)
def test_tests_on_pages_pass(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    write(files_of(TEXTS[name]), tmp_path)
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_networks.py"]
    done = run_python(*words, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "passed" in done.stdout


WORKFLOWS = [
    (name, file)
    for name, text in TEXTS.items()
    for file in files_of(text)
    if file.startswith(".github/workflows/")
]


@pytest.mark.parametrize(("name", "file"), WORKFLOWS)
def test_workflows_on_pages(name: str, file: str, tmp_path: Path) -> None:
    """They have the schema of workflows, and what our action gets from them passes.

    The clone that they name has specs with mistakes, as cnncalc's tests do. Other specs of the
    page are examples of mistakes, so the checked folder does not have them.
    """
    files = files_of(TEXTS[name])
    write({path: text for path, text in files.items() if not path.endswith(".cnn.yaml")}, tmp_path)
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = run_python(*words, str(tmp_path / file))
    assert done.returncode == 0, done.stdout
    inputs = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["inputs"]
    steps = yaml.safe_load(files[file])["jobs"]["check"]["steps"]
    (ours,) = [step for step in steps if step["uses"] == "./cnncalc"]
    assert ours["with"].keys() <= inputs.keys()
    given = {name: value.get("default", "") for name, value in inputs.items()} | ours["with"]
    for spec in (tmp_path / "net.cnn.yaml", tmp_path / "cnncalc" / "tests" / "wrong.cnn.yaml"):
        write({str(spec): NET}, tmp_path)
    spec.write_text(NET.replace("kernel: 3", "kernel: 9"), "utf-8")
    run("lock", folder=tmp_path)
    options, paths = given["args"].splitlines(), given["paths"].splitlines()
    done = run("check", *options, "--", *paths, folder=tmp_path)
    assert done.returncode == 0, done.stdout


def test_the_hooks_on_the_page_exist() -> None:
    known = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    page = TEXTS["docs/how-to/pre-commit.md"]
    written = yaml.safe_load(files_of(page)[".pre-commit-config.yaml"])
    used = [hook for repo in written["repos"] for hook in repo["hooks"]]
    (second,) = [part for part in blocks(page, "yaml") if not part.startswith("# ")]
    used += yaml.safe_load(second)
    assert {hook["id"] for hook in used} <= {hook["id"] for hook in known}
    assert used[-1]["args"][-1] == "--"
    assert all(f"`{hook['id']}`" in page for hook in known)
