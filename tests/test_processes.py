"""Several processes answer as one does, also if some of them are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing import active_children
from pathlib import Path

import pytest

from cnncalc.diagnostic import Mistake
from cnncalc.processes import ProcessKilled, answers, can_fork, mapped
from cnncalc.text_file import _beside

from .command import ROOT, python_path, run_code

MIB = 2**20  # far more than a pipe holds
METHODS = ["spawn", *["fork"] * can_fork()]


def repeated(number: int, times: int) -> bytes:
    """Return bytes with this value."""
    return bytes([number]) * times


def begin(times: int) -> Callable[[int], bytes]:
    """Return a function that repeats a number."""
    return partial(repeated, times=times)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert not active_children()


@pytest.mark.parametrize("method", METHODS)
def test_answers_come_in_order(method: str) -> None:
    found = answers(partial(begin, 3), iter(range(50)), 3, method)
    assert [*found] == [repeated(number, 3) for number in range(50)]


@pytest.mark.parametrize("method", METHODS)
def test_a_process_that_is_killed_while_it_writes_is_replaced(method: str) -> None:
    """Its answer stands half in the pipe; the others, and the caller, do not wait for the rest."""
    found = answers(partial(begin, MIB), range(20), 2, method, tries=2)
    first = next(found)
    time.sleep(0.5)  # both now write, and wait for a reader
    for process in active_children():
        process.kill()
    assert [first, *found] == [repeated(number, MIB) for number in range(20)]


def test_a_process_that_is_always_killed_ends_the_work() -> None:
    found = answers(partial(begin, MIB), range(20), 2, "spawn", tries=2)
    next(found)
    kills = 0
    with pytest.raises(ProcessKilled):
        while True:
            time.sleep(0.5)
            for process in active_children():
                process.kill()
                kills += 1
            next(found)
    assert kills >= 3


def test_an_exception_comes_in_its_turn() -> None:
    if not can_fork():
        pytest.skip("processes cannot be forked")

    def inverse(number: int) -> float:
        return 1 / (number - 5)

    found = mapped(inverse, range(9), 2, "divided")
    assert [next(found) for _ in range(5)] == [1 / (number - 5) for number in range(5)]
    with pytest.raises(Mistake, match=r"internal fault: ZeroDivisionError: .*\(.*:\d+\)"):
        next(found)


def test_jobs_and_answers_larger_than_a_pipe_do_not_wait_for_each_other() -> None:
    if not can_fork():
        pytest.skip("processes cannot be forked")
    jobs = [bytes([number]) * MIB for number in range(20)]
    assert [*mapped(bytes, jobs, 2, "copied")] == jobs
    assert [*mapped(bytes, jobs, 2, "copied", at_once=3)] == jobs


def test_processes_end_with_the_one_that_started_them() -> None:
    if not can_fork():
        pytest.skip("processes cannot be forked")
    code = """
import os, time
from cnncalc.processes import mapped
pids = mapped(lambda _: os.getpid() if not time.sleep(0.2) else 0, range(99), 3, "slept")
print(*{next(pids) for _ in range(9)}, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": python_path()},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    children = [int(word) for word in parent.stdout.readline().split()]
    assert len(children) == 3
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    left, end = {*children}, time.monotonic() + 30
    while left and time.monotonic() < end:
        left = {child for child in left if _runs(child)}
        time.sleep(0.1)
    assert not left


def _runs(process: int) -> bool:
    """Return whether a process runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    stat = ROOT.joinpath(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_interrupts_never_reach_a_process() -> None:
    code = """
import signal
from tests.test_processes import masks
from cnncalc.processes import answers
if __name__ == "__main__":
    for method in ("spawn", "fork"):
        assert all(answers(masks, range(12), 3, method)), method
"""
    done = run_code(code)
    assert done.returncode == 0, done.stderr


def masks() -> Callable[[int], bool]:
    """Return a function that says whether Ctrl-C is held back."""
    held = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    return lambda _: held


def test_a_process_that_is_ended_leaves_no_half_file(tmp_path: Path) -> None:
    found = answers(partial(writing, tmp_path), range(2), 1, METHODS[-1])
    assert next(found) == 0
    while not list(tmp_path.glob(".cnncalc-*")):
        time.sleep(0.01)
    found.close()  # type: ignore[attr-defined]  # a generator
    assert [*tmp_path.iterdir()] == []


def writing(folder: Path) -> Callable[[int], int]:
    """Return a function that, but for 0, is always writing a file."""

    def write(number: int) -> int:
        if number:
            with _beside(str(folder / "net.cnn.yaml")):
                time.sleep(60)
        return number

    return write


def test_a_daemon_counts_alone() -> None:
    pytest.importorskip("numpy")
    code = """
from multiprocessing import get_context
def work():
    import cnncalc
    assert len(cnncalc.sweep("lenet5", {"H": range(32, 60)}, workers=2)) == 28
process = get_context("fork").Process(target=work, daemon=True)
process.start()
process.join()
assert process.exitcode == 0
"""
    done = run_code(code)
    assert done.returncode == 0, done.stderr
