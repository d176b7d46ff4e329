"""The commands import only what they may, and this test can fail."""

from __future__ import annotations

from textwrap import indent

import pytest

from .command import code_of, run_code

HEAVY = ("torch", "numpy", "fvcore")


def imported(code: str, watched: tuple[str, ...] = HEAVY) -> set[str]:
    """Return which of the watched packages a new Python process has loaded after running code."""
    done = run_code(
        f"{code}\nimport sys\nprint('@', *[name for name in {watched!r} if name in sys.modules])"
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("@")[2].split())


def command(*arguments: str) -> str:
    """Return code that runs `cnncalc` with these arguments, and continues when it exits."""
    return f"try:{indent(code_of(*arguments), '    ')}except SystemExit:\n    pass"


COMMANDS = (
    ("analyze", "vgg16"),
    ("analyze", "resnet50", "--format", "json"),
    ("explain", "vgg16", "conv1_1"),
    ("--help",),
    ("memory", "vgg16", "--optimizer", "adam", "--fit", "24GiB"),
    ("zoo",),
    ("size", "7", "-k", "3"),
    ("sizes", "unet"),
    ("latency", "vgg16", "--device", "rtx4090"),
    ("formula", "vgg16", "--at", "H=224,W=224"),
    ("expand", "googlenet"),
    ("expand", "googlenet", "--roll"),
    ("schema",),
    ("check", "specs"),
    ("check", "tests/bad"),
    ("diff", "vgg16", "vgg19"),
    ("report", "vgg16", "--against", "vgg19"),
    ("rule", "--all"),
    ("ops", "conv"),
    ("sweep", "--help"),
)


def test_commands_import_neither_torch_nor_numpy() -> None:
    """They run one after the other in one process, which ends at the first that imports them."""
    check = f"if any(name in sys.modules for name in {HEAVY!r}):\n    sys.exit(str(sys.argv))\n"
    each = (f"{command(*arguments)}\n{check}" for arguments in COMMANDS)
    done = run_code("import sys\n" + "".join(each))
    assert done.returncode == 0, done.stderr


def test_the_library_imports_neither() -> None:
    assert imported("import cnncalc; cnncalc.analyze(cnncalc.load('vgg16'))") == set()


def test_the_test_can_fail() -> None:
    pytest.importorskip("torch")
    pytest.importorskip("numpy")
    assert imported("import numpy\n" + command("analyze", "vgg16")) == {"numpy"}
    assert "torch" in imported("import cnncalc; cnncalc.build(cnncalc.load('lenet5'))")


def test_importing_the_package_loads_little() -> None:
    assert imported("import cnncalc", ("pydantic", "yaml", "rich", "typer")) == set()
