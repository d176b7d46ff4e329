"""What the commands may import, and that this test can fail."""

from __future__ import annotations

import subprocess
import sys

import pytest

WATCHED = ("torch", "numpy", "fvcore")


def imported(code: str) -> set[str]:
    """Which of the watched packages a fresh Python has loaded after running some code."""
    script = f"import sys\n{code}\nprint('@', *[m for m in {WATCHED!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.rpartition("@")[2].split())


def command(*arguments: str) -> str:
    return f"sys.argv = ['cnncalc', *{arguments!r}]\nfrom cnncalc.cli.main import main\ntry: main()\nexcept SystemExit: pass"


@pytest.mark.parametrize(
    "arguments",
    [
        ("analyze", "vgg16"),
        ("analyze", "resnet50", "--format", "json"),
        ("explain", "vgg16", "conv1_1"),
        ("--help",),
        ("zoo",),
        ("size", "7", "-k", "3"),
        ("expand", "googlenet"),
        ("schema",),
        ("check", "specs"),
        ("check", "tests/bad"),
        ("diff", "vgg16", "vgg19"),
        ("rule", "--all"),
    ],
)
def test_commands_import_neither_torch_nor_numpy(arguments: tuple[str, ...]) -> None:
    assert imported(command(*arguments)) == set()


def test_the_library_imports_neither() -> None:
    assert imported("import cnncalc; cnncalc.analyze(cnncalc.load('vgg16'))") == set()


def test_the_test_can_fail() -> None:
    assert imported("import numpy\n" + command("analyze", "vgg16")) == {"numpy"}
    assert "torch" in imported("import cnncalc; cnncalc.build(cnncalc.load('lenet5'))")


def test_importing_the_package_is_free() -> None:
    script = "import sys, cnncalc; print(*[m for m in ('pydantic', 'yaml', 'rich', 'typer') if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.strip()
        == ""
    )
