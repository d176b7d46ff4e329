"""Starts child processes for the tests: the command line as a user calls it, and Python code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from .forks import forks_for

ROOT = Path(__file__).parent.parent
Result = TypeVar("Result")


def python_path(*first: Path) -> str:
    """Return the PYTHONPATH of a child: some folders, the checkout, then that of this process."""
    inherited = os.environ.get("PYTHONPATH")
    return os.pathsep.join(map(str, [*first, ROOT, *([inherited] if inherited else [])]))


def run(
    *arguments: str,
    folder: Path = ROOT,
    stdin: str | None = None,
    timeout: float = 120,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run `cnncalc` with these arguments, on a screen of 100 columns without colours."""
    variables = _variables(environment)
    forks = forks_for(arguments, environment)
    done = forks.run(arguments, folder, stdin or "", timeout, variables)
    return subprocess.CompletedProcess(arguments, *done)


def run_code(
    code: str,
    folder: Path = ROOT,
    stdin: str | None = None,
    timeout: float = 120,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process of its own."""
    return run_python("-c", code, folder=folder, stdin=stdin, timeout=timeout, **environment)


def code_of(*arguments: str) -> str:
    """Return Python code that runs `cnncalc` with these arguments."""
    return f"""
import sys
from cnncalc.cli.main import main

sys.argv = ["cnncalc", *{arguments!r}]
main()
"""


def run_code_without(package: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run Python code where a package cannot be imported."""
    return run_code(f"import sys\nsys.modules[{package!r}] = None\n{code}")


def run_without(package: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `cnncalc` where a package cannot be imported."""
    return run_code_without(package, code_of(*arguments))


def run_python(
    *arguments: str,
    folder: Path = ROOT,
    stdin: str | None = None,
    timeout: float = 120,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run this Python with the checkout on its path."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=_variables(environment),
    )


def called_in_a_fork(function: Callable[..., Result], *arguments: Any) -> Result:
    """Return what a function returns in a process of its own.

    Errors: BrokenProcessPool if the process is killed; a `multiprocessing.Pool` would wait forever.
    """
    with ProcessPoolExecutor(1, get_context("fork")) as pool:
        return pool.submit(function, *arguments).result()


def _variables(further: dict[str, str]) -> dict[str, str]:
    """Return the environment of a child."""
    usual = {"COLUMNS": "100", "NO_COLOR": "1", "PYTHONPATH": python_path()}
    return {**os.environ, **usual, **further}
