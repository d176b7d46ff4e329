"""cnncalc works where people work.

This tests the schema in the YAML language server, `init`, the pre-commit hook, the action, shell
completion, and the pytest fixture `cnn`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
import yaml

from cnncalc.analysis.schema import spec_schema
from cnncalc.ops import BY_KEY

from .command import ROOT, python_path, run
from .editor import Editor

# From npm: `npm install yaml-language-server`.
SERVER = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
INPUT = "input: [3, 8, 8]\n"
pytest_plugins = ["pytester"]


@pytest.fixture(scope="module")
def editor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    if SERVER is None:
        pytest.skip("yaml-language-server is not installed")
    schema = tmp_path_factory.mktemp("schema") / "cnncalc.schema.json"
    assert run("schema", "-o", str(schema), folder=schema.parent).returncode == 0
    client = Editor([SERVER, "--stdio"], schema.as_uri())
    yield client
    client.close()


def test_operators_are_completed(editor: Editor) -> None:
    wanted = set(BY_KEY) | {"chain", "name", "repeat"}
    for text in (
        "layers:\n  - @",
        "layers:\n  - add:\n      body:\n        - @",
        "blocks:\n  b:\n    layers:\n      - @",
        "layers:\n  - chain:\n      - @",
    ):
        assert wanted <= set(editor.completions(INPUT + text)), text


def test_fields_and_words_are_completed(editor: Editor) -> None:
    fields = list(BY_KEY["conv"].fields())
    assert editor.completions(INPUT + "layers:\n  - conv:\n      @") == fields
    others = editor.completions(INPUT + "layers:\n  - conv:\n      out: 8\n      @")
    assert set(others) == set(fields) - {"out"}
    modes = editor.completions(INPUT + "layers:\n  - conv: {out: 8, padding_mode: @}")
    assert modes == ["zeros", "reflect", "replicate", "circular"]
    beside = editor.completions(INPUT + "layers:\n  - relu:\n    @")
    assert {"name", "from", "when", "share"} <= set(beside)
    copies = editor.completions(INPUT + "layers:\n  - relu:\n    repeat:\n      @")
    assert {"times", "as"} <= set(copies)
    branch = editor.completions(INPUT + "layers:\n  - add:\n      body:\n        @")
    assert {"from", "repeat", "each", "when", "layers"} <= set(branch)
    entry = editor.completions(INPUT + "layers:\n  - add:\n    - stem\n    - from: body\n      @")
    assert {"repeat", "each", "when"} <= set(entry)
    budgets = editor.completions(INPUT + "layers: [relu]\nbudget:\n  @")
    assert {"params", "macs", "receptive_field", "shape", "at"} <= set(budgets)


def test_hover_explains(editor: Editor) -> None:
    for layer, said in (
        ("- co@nv: {out: 8, kernel: 3}", "(a convolution), as torch.nn.Conv1d"),
        ("- conv: {out: 8, ker@nel: 3}", "one per spatial axis"),
        ("- relu:\n    rep@eat: 3", "the number of copies"),
    ):
        assert said in editor.hover(f"{INPUT}layers:\n  {layer}")


def test_the_server_marks_what_is_wrong_and_nothing_else(editor: Editor) -> None:
    misspelled = editor.diagnostics(INPUT + "layers:\n  - conv: {out: 8, kernal: 3}\n")
    assert misspelled == [(3, "Property kernal is not allowed.")]
    two = editor.diagnostics(INPUT + "layers:\n  - relu:\n    tanh:\n")
    assert [line for line, _ in two] == [3]
    for spec in sorted((ROOT / "specs").glob("*.yaml")):
        assert editor.diagnostics(spec.read_text("utf-8")) == [], spec.name


def test_a_layer_has_only_one_operator() -> None:
    valid = jsonschema.Draft202012Validator(spec_schema()).is_valid

    def with_keys(*keys: str) -> dict[str, object]:
        return {"input": [3, 8, 8], "layers": [dict.fromkeys(keys)]}

    assert valid(with_keys("relu"))
    assert valid(with_keys("my_block"))
    assert not valid(with_keys("relu", "tanh"))


def test_init_writes_files_that_work(tmp_path: Path) -> None:
    done = run("init", "nets/mine", "--github", "--source", "./my tools", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    workflow = ".github/workflows/cnncalc.yml"
    files = (path for path in tmp_path.rglob("*") if path.is_file())
    assert {path.relative_to(tmp_path).as_posix() for path in files} == {
        "nets/mine.cnn.yaml",
        "nets/cnncalc.schema.json",
        workflow,
    }
    check = run("check", "--fail-on", "note", folder=tmp_path)
    assert check.returncode == 0, check.stdout
    assert "1 network: all is well" in check.stdout
    assert run("check", "--select", "CNN3", folder=tmp_path).returncode == 0
    again = run("init", "nets/mine", folder=tmp_path)
    assert again.returncode == 2
    assert "already exists" in again.stderr
    assert run("init", "net", "--from", "vgg16", folder=tmp_path).returncode == 0
    assert run("check", "net.cnn.yaml", folder=tmp_path).returncode == 0
    assert run("init", "x", "--from", "vgg1", folder=tmp_path).returncode == 2
    written = yaml.safe_load((tmp_path / workflow).read_text())
    assert written["jobs"]["check"]["steps"]
    assert written["env"] == {"CNNCALC": "./my tools", "CNNCALC_FOLDER": "my tools"}


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("./cnncalc", "cnncalc"),
        ("clone[torch]", "clone"),
        ("vendor/clone/", "vendor/clone"),
        (".", None),
        ("../elsewhere", None),
        ("git+https://example.org/cnncalc", None),
        ("cnncalc==1.0", None),
    ],
)
def test_the_workflow_leaves_out_the_specs_of_the_clone(
    source: str, folder: str | None, tmp_path: Path
) -> None:
    for place in ("clone", "vendor/clone", "cnncalc"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "wrong.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [conv]\n")
    assert run("init", "net", "--github", "--source", source, folder=tmp_path).returncode == 0
    written = yaml.safe_load((tmp_path / ".github/workflows/cnncalc.yml").read_text())
    assert written["env"].get("CNNCALC_FOLDER") == folder
    (step,) = [step for step in written["jobs"]["check"]["steps"] if "run" in step]
    assert ('--exclude "$CNNCALC_FOLDER/*"' in step["run"]) == (folder is not None)
    done = run("check", "--exclude", f"{folder}/*", "--format", "concise", folder=tmp_path)
    wrong = {line.partition(":")[0] for line in done.stdout.splitlines() if "CNN102" in line}
    every = {f"{place}/wrong.cnn.yaml" for place in ("clone", "vendor/clone", "cnncalc")}
    assert wrong == every - {f"{folder}/wrong.cnn.yaml"}


def test_init_adds_a_workflow_beside_a_spec(tmp_path: Path) -> None:
    words, workflow = ("--github", "--source", "."), tmp_path / ".github/workflows/cnncalc.yml"
    (tmp_path / "net.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    before = (tmp_path / "net.cnn.yaml").read_bytes()
    done = run("init", "net", *words, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kept net.cnn.yaml, which already exists\nwrote .github/")
    assert (tmp_path / "net.cnn.yaml").read_bytes() == before
    assert not (tmp_path / "cnncalc.schema.json").exists()
    assert "--locked" not in workflow.read_text()
    again = run("init", "net", *words, folder=tmp_path)
    assert (again.returncode, f"{workflow.name} already exists" in again.stderr) == (2, True)
    workflow.unlink()
    copied = run("init", "net", "--from", "vgg16", *words, folder=tmp_path)
    assert (copied.returncode, "net.cnn.yaml already exists" in copied.stderr) == (2, True)
    run("lock", folder=tmp_path)
    assert run("init", "net", *words, folder=tmp_path).returncode == 0
    assert "cnncalc check --locked --format github" in workflow.read_text()


@pytest.mark.parametrize(
    "words", [["--github"], ["--source", "./tools"], ["--github", "--source", " "]]
)
def test_init_asks_where_cnncalc_comes_from(tmp_path: Path, words: list[str]) -> None:
    done = run("init", *words, folder=tmp_path)
    assert (done.returncode, "--source" in done.stderr) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("ours", "file", "schema"),
    [
        (True, "action.yml", "vendor.github-actions"),
        (False, ".github/workflows/cnncalc.yml", "vendor.github-workflows"),
    ],
)
def test_files_for_github_follow_their_schemas(
    tmp_path: Path, ours: bool, file: str, schema: str
) -> None:
    run("init", "--github", "--source", ".", folder=tmp_path)
    path = (ROOT if ours else tmp_path) / file
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


UVX = f"""\
#!/bin/sh
while [ "$1" != cnncalc ]; do shift; done
shift
exec {sys.executable} -m cnncalc "$@"
"""


def test_the_action_runs(tmp_path: Path) -> None:
    """Its own script runs, with this Python in place of `uvx`."""
    (tmp_path / "uvx").write_text(UVX)
    (tmp_path / "uvx").chmod(0o755)
    (tmp_path / "my nets").mkdir()
    (tmp_path / "my nets" / "a.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [maxpool: 9]\n")
    steps = yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]
    (step,) = [step for step in steps if step.get("name") == "cnncalc check"]
    done = subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "PYTHONPATH": python_path(),
            "CNNCALC_PATHS": "my nets\n",
            "CNNCALC_ARGS": "--ignore\nCNN1\n",
            "CNNCALC_SARIF": "out.sarif",
            "CNNCALC_SUMMARY": "true",
            "GITHUB_STEP_SUMMARY": "summary.md",
            "CNNCALC_PYTHON": "3.12",
            "CNNCALC_SOURCE": ".",
        },
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=my nets/a.cnn.yaml,line=2,")
    assert '"CNN204"' in (tmp_path / "out.sarif").read_text()
    assert "CNN204" in (tmp_path / "summary.md").read_text()


def test_the_hook_is_a_command_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("services: {}\n")
    (tmp_path / "b.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text()):
        words = hook["entry"].split()
        assert words[0] == "cnncalc"
        run("lock", folder=tmp_path)
        done = run(*words[1:], "a.yaml", "b.cnn.yaml", folder=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout.startswith("1 file, ")


def test_shell_completion_names_the_commands() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("cnncalc")],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": python_path(),
            "_CNNCALC_COMPLETE": "complete_bash",
            "COMP_WORDS": "cnncalc ch",
            "COMP_CWORD": "1",
        },
    )
    assert done.stdout.split() == ["check"]


FIXTURE = """
    def test_project(cnn):
        cnn.check(".")

    def test_excluded(cnn):
        cnn.check(".", exclude=("new",))

    def test_baseline(cnn):
        cnn.check(".", baseline="all.json")

    def test_locked(cnn):
        cnn.check(".", baseline="all.json", locked=True)

    def test_nothing(cnn):
        cnn.check("empty")
"""


def test_the_fixture_reads_the_configuration_as_the_command_does(
    pytester: pytest.Pytester,
) -> None:
    good = "cnncalc: 1\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 6, kernel: 3}\n"
    bad = good.replace("kernel: 3", "kernel: 9")
    for folder, text in {"drafts": bad, "old": bad, "new": bad, "sound": good}.items():
        pytester.mkdir(folder).joinpath("net.cnn.yaml").write_text(text)
    pytester.mkdir("empty")
    for name, folders in {"old": ["old"], "all": ["old", "new"]}.items():
        words = ("check", *folders, "--write-baseline", f"{name}.json")
        assert run(*words, folder=pytester.path).returncode == 0
    pytester.makepyprojecttoml('[tool.cnncalc]\nexclude = ["drafts"]\nbaseline = "old.json"\n')
    assert run("lock", "sound", folder=pytester.path).returncode == 0
    pytester.makepyfile(FIXTURE)
    result = pytester.runpytest_subprocess("-rA")
    passed = ["test_excluded", "test_baseline", "test_locked"]
    result.assert_outcomes(passed=len(passed), failed=2)
    result.stdout.fnmatch_lines_random([f"PASSED *{name}" for name in passed])
    result.stdout.fnmatch_lines_random(["*--> new/net.cnn.yaml:4:5*", "*no specs in empty*"])
    result.stdout.no_fnmatch_line("*--> old/*")
    lock = pytester.path / "cnncalc.lock"
    lock.write_text(lock.read_text().replace('"params": ', '"params": 1'))
    result = pytester.runpytest_subprocess("-k", "locked")
    result.stdout.fnmatch_lines(["*error*CNN306*"])


def test_the_fixture_compares_networks_with_specs(pytester: pytest.Pytester) -> None:
    pytest.importorskip("torch")
    good = "input: [3, 8, 8]\nlayers:\n  - conv: {out: 6, kernel: 3}\n  - tanh\n"
    bad = "input: [3, 8, 8]\nlayers:\n  - conv: {out: 6, kernel: 9}\n"
    pytester.makefile(".yaml", good=good, bad=bad)
    pytester.makepyfile("""
        from torch import nn

        class Mine(nn.Sequential):
            def __init__(self, kernel=3):
                super().__init__(nn.Conv2d(3, 6, kernel), nn.Tanh())

        def test_good(cnn):
            cnn.check("good.yaml", "vgg16")
            cnn.holds("good.yaml", Mine)
            cnn.holds("good.yaml", Mine(3))

        def test_bad(cnn):
            cnn.check("bad.yaml")

        def test_other(cnn):
            cnn.holds("good.yaml", Mine, kernel=5)
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        ["*error*CNN204*kernel 9 does not fit*", "*--> bad.yaml:3:5*", "*CNN405*"]
    )
