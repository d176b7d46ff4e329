"""Starts commands fast: a process that has imported the package forks for each of them.

Python and the imports take 0.6 s, and 3 s with torch; a fork takes 10 ms. The command still has a
process of its own, with its own folder, environment and streams, and the process that forks runs
nothing else, so a command finds nothing that another one left.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import subprocess
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from cnncalc.cli.main import run
from cnncalc.diagnostic import Mistake

ROOT = Path(__file__).parent.parent
USE_TORCH = ("import", "profile", "verify")  # commands
NEED_TORCH = ("cnncalc.torch_backend", "cnncalc.ops.torch_")  # modules
OF_TORCH = ("torch.export", "torch._dynamo", "torch.profiler", "fvcore.nn")  # imported when used
AT_START = ("PYTHON", "FAKE_CUDA")  # how variables begin that are read when Python starts
STREAMS = ("stdin", "stdout", "stderr")
_START = 600  # seconds: where torch is not in the memory, its import may take more than one minute


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    returncode: int
    stdout: str
    stderr: str


class Forks:
    """A process that forks for each command."""

    def __init__(self, with_torch: bool, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, *["torch"] * with_torch],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # or `select` would not see a line that was read with the one before
            cwd=ROOT,
            env={**os.environ, **environment},
        )
        atexit.register(self.end)

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.communicate()

    def run(
        self,
        arguments: tuple[str, ...],
        folder: Path,
        stdin: str,
        timeout: float,
        environment: Mapping[str, str],
    ) -> Ended:
        """Run `cnncalc` with these arguments.

        Errors: subprocess.TimeoutExpired, after the command was killed.
        """
        with TemporaryDirectory() as place:
            streams = {name: Path(place) / name for name in STREAMS}
            streams["stdin"].write_text(stdin, "utf-8")
            self._ask(
                arguments=arguments,
                folder=str(folder),
                environment=dict(environment),
                streams=[str(streams[name]) for name in STREAMS],
            )
            child = self._answer(_START)
            try:
                code = self._answer(timeout)
            except TimeoutError:
                os.kill(child, signal.SIGKILL)
                self._answer(_START)
                raise subprocess.TimeoutExpired(["cnncalc", *arguments], timeout)
            out, err = (streams[name].read_text("utf-8") for name in STREAMS[1:])
            return Ended(code, out, err)

    def _ask(self, **request: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(request)}\n".encode())
        self.process.stdin.flush()

    def _answer(self, timeout: float) -> int:
        """Return the next number that the process writes: of its child, or its exit code."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        if not ready:
            raise TimeoutError
        return int(self.process.stdout.readline())


@cache
def _forks(with_torch: bool, at_start: tuple[tuple[str, str], ...]) -> Forks:
    return Forks(with_torch, dict(at_start))


def forks_for(arguments: tuple[str, ...], environment: Mapping[str, str]) -> Forks:
    """Return the process that has imported what a command with these variables may need."""
    with_torch = arguments[:1] in [(command,) for command in USE_TORCH]
    at_start = [(name, environment[name]) for name in environment if name.startswith(AT_START)]
    return _forks(with_torch, tuple(sorted(at_start)))


def _serve(with_torch: bool) -> None:
    """Fork for each line of the standard input, and answer with its child and its exit code."""
    own = _preload(with_torch)
    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            _become(own, **json.loads(line))
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _preload(with_torch: bool) -> dict[str, str]:
    """Import the package, and return the environment variables that it sets."""
    before = {*os.environ}
    files = [
        file.relative_to(ROOT).with_suffix("") for file in sorted((ROOT / "cnncalc").rglob("*.py"))
    ]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files]
    needing = [name for name in names if name.startswith(NEED_TORCH)]
    others = [name for name in names if name not in (*needing, "cnncalc.__main__")]
    for name in (*others, *((*needing, *OF_TORCH) if with_torch else ())):
        with suppress(ImportError, Mistake):  # of a package that is not installed
            import_module(name)
    gc.freeze()  # or the collector would write to the pages that forks share
    return {name: os.environ[name] for name in os.environ if name not in before}


def _become(
    own: dict[str, str],
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    streams: list[str],
) -> None:
    """Run a command in this process, and end it."""
    try:
        flags = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2)
        for number, (stream, flag) in enumerate(zip(streams, flags)):
            os.dup2(os.open(stream, flag), number)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update({**own, **environment})
        sys.path[0] = folder
        sys.argv = ["cnncalc", *arguments]
        run()
    except BaseException:
        traceback.print_exc()
    os._exit(1)


if __name__ == "__main__":
    _serve(with_torch="torch" in sys.argv[1:])
