"""What the commands may import, and that this test can fail."""

from __future__ import annotations

from textwrap import indent

import pytest

from .command import code_of, run_code

HEAVY = ("torch", "numpy", "fvcore")


def imported(code: str, watched: tuple[str, ...] = HEAVY) -> set[str]:
    """Which of the watched packages a fresh Python has loaded after running some code."""
    done = run_code(
        f"{code}\nimport sys\nprint('@', *[name for name in {watched!r} if name in sys.modules])"
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("@")[2].split())


def command(*arguments: str) -> str:
    """Code that runs `cnncalc` with these arguments, and goes on when it exits."""
    return f"try:{indent(code_of(*arguments), '    ')}except SystemExit:\n    pass"


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
        ("ops", "conv"),
    ],
)
def test_commands_import_neither_torch_nor_numpy(arguments: tuple[str, ...]) -> None:
    assert imported(command(*arguments)) == set()


def test_the_library_imports_neither() -> None:
    assert imported("import cnncalc; cnncalc.analyze(cnncalc.load('vgg16'))") == set()


def test_the_test_can_fail() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("numpy")
    assert imported("import numpy\n" + command("analyze", "vgg16")) == {"numpy"}
    assert "torch" in imported("import cnncalc; cnncalc.build(cnncalc.load('lenet5'))")


def test_importing_the_package_is_free() -> None:
    assert imported("import cnncalc", ("pydantic", "yaml", "rich", "typer")) == set()
