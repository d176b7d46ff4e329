"""Sets up the tests: few threads, and tests skipped if an optional package is not installed."""

from __future__ import annotations

import gc
import inspect
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

# Threads that spin while they wait make a busy machine twenty times slower.
os.environ["OMP_WAIT_POLICY"] = "passive"
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["OMP_NUM_THREADS"] = "1"

# A shell's background jobs ignore Ctrl-C, and so would the commands that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


class SkipWithout(MetaPathFinder):
    """Skips a test, or a file of tests, that imports an optional package which is not installed.

    It comes last on the path: it is asked only for what no other finder has.
    """

    packages = ("torch", "numpy", "fvcore", "keras")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: object = None
    ) -> ModuleSpec | None:
        if fullname in self.packages:
            pytest.skip(f"{_importing_test()} needs {fullname}", allow_module_level=True)
        return None


def _importing_test() -> str:
    """Return the name of the test file that is being imported or run."""
    names = (Path(frame.filename).name for frame in inspect.stack(context=0))
    return next((name for name in names if name.startswith("test_")), "this")


sys.meta_path.append(SkipWithout())


@pytest.fixture(autouse=True)
def _path_of_modules() -> Iterator[None]:
    """Undo what importing a user's network adds to `sys.path`.

    Processes that a later test starts inherit it, and a folder may hold another `json.py`.
    """
    before = sys.path.copy()
    yield
    sys.path[:] = before


def pytest_runtest_setup() -> None:
    """Let the garbage collector pass over what there is before a test, above all torch's modules.

    It would take half a second for them, and tests of memory collect garbage before each run.
    """
    gc.collect()
    gc.freeze()
