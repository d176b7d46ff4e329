"""Imports point one way and never in a circle, and these tests can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from .command import ROOT

LINT = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `lint-imports` on the package in a folder, with the contracts of its pyproject.toml."""
    return subprocess.run(
        [*LINT, "--no-cache"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the package, to plant imports in."""
    skip = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "cnncalc", tmp_path / "cnncalc", ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def plant(file: Path, line: str) -> None:
    """Plant an import inside a function, where it is easily overlooked."""
    text = file.read_text("utf-8")
    file.write_text(f"{text}\n\ndef planted() -> None:\n    {line}\n", "utf-8")


def test_the_floors_hold() -> None:
    done = linted(ROOT)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("graph.py", "from .language.steps import Step", "Arrows point one way"),
        ("ops/conv.py", "from ..torch_backend import build", "Arrows point one way"),
        ("checking/run.py", "from ..torch_backend import build", "Arrows point one way"),
        ("analysis/rows.py", "import torch", "torch has two homes"),
        ("analysis/rows.py", "import rich", "rich is for what people see"),
        ("render/columns.py", "import typer", "typer is for the command line"),
        ("checking/config.py", "import yaml", "YAML is read in one place"),
    ],
)
def test_a_planted_import_breaks_them(copy: Path, file: str, line: str, broken: str) -> None:
    plant(copy / "cnncalc" / file, line)
    done = linted(copy)
    assert done.returncode == 1
    assert f"{broken} BROKEN" in done.stdout, done.stdout[-2000:]


def circles(graph: grimp.ImportGraph) -> list[set[str]]:
    """Return groups of modules that import each other, directly or through others of the group."""
    ahead = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    ahead["cnncalc"] = set()  # the public module imports upwards, but only for type checkers
    reached = {module: reachable(module, ahead) for module in ahead}
    groups: list[set[str]] = []
    for module in sorted(ahead):
        group = {other for other in reached[module] if module in reached[other]}
        if group and group not in groups:
            groups.append(group)
    return groups


def reachable(module: str, ahead: dict[str, set[str]]) -> set[str]:
    """Return all modules that a module imports, directly or indirectly."""
    found: set[str] = set()
    open_ = [module]
    while open_:
        for other in ahead[open_.pop()] - found:
            found.add(other)
            open_.append(other)
    return found


def test_modules_do_not_import_in_circles(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Imports inside functions and imports for type checkers count too."""
    assert circles(grimp.build_graph("cnncalc", cache_dir=None)) == []
    plant(copy / "cnncalc" / "num.py", "from .cost import Cost")
    script = (
        "import grimp, sys; sys.path.insert(0, '.'); from tests.test_floors import circles;"
        "print(*map(sorted, circles(grimp.build_graph('cnncalc', cache_dir=None))))"
    )
    (copy / "tests").mkdir()
    for name in ("__init__.py", "command.py", "forks.py", "test_floors.py"):
        shutil.copy(ROOT / "tests" / name, copy / "tests")
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "['cnncalc.cost', 'cnncalc.num']", done.stderr
