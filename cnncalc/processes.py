"""Calls a function for many jobs in several processes.

Each process has a pipe of its own. In the pools of the standard library all share one, and a
process that is killed while it writes a result leaves the others, and the caller, waiting forever.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from .diagnostic import Diagnostic, Mistake, internal_fault

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_MOST = 8  # processes
_AHEAD = 4  # jobs that wait for each process
_PATIENCE = 1.0  # seconds that a process has to end
Job = TypeVar("Job")
Result = TypeVar("Result")


class ProcessKilled(Exception):
    """A process was killed, for example because memory was full."""


def processors() -> int:
    """Return how many processes may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)


def can_fork() -> bool:
    """Return whether processes may be forked: macOS cannot do it safely."""
    return hasattr(os, "fork") and sys.platform != "darwin" and can_start()


def can_start() -> bool:
    """Return whether this process may start others: a daemon of `multiprocessing` may not."""
    module = sys.modules.get("multiprocessing")
    return module is None or not module.current_process().daemon


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, where the system can; it never reaches a process that starts meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def mapped(
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    workers: int,
    what: str,
    at_once: int = 1,
) -> Iterator[Result]:
    """Yield what a function returns for each job, in order.

    Several processes call it if there are to be several, and the system can fork; each takes so
    many jobs `at_once`. They end with this one, also on Ctrl-C.

    Errors: a Mistake with CNN901 if a process that does `what` is killed; what the function raises.
    """
    if workers < 2 or not can_fork():
        yield from map(function, jobs)
        return
    starts = range(0, len(jobs), at_once)  # a fork has the jobs themselves

    def begin() -> Callable[[int], list[Result]]:
        return lambda n: [function(job) for job in jobs[n : n + at_once]]

    try:
        for results in answers(begin, starts, min(workers, len(starts)), "fork"):
            yield from results
    except ProcessKilled:
        help = "memory may be full: take fewer at a time to see which one it is"
        raise Mistake(
            Diagnostic("CNN901", f"a process that {what} was killed", help=help)
        ) from None


def answers(
    begin: Callable[[], Callable[[Job], Result]],
    jobs: Iterable[Job],
    workers: int,
    method: str,
    tries: int = 0,
) -> Iterator[Result]:
    """Yield what several processes answer to jobs, in order.

    Accepts:
        begin: returns the function that answers; each process calls it once.
        jobs: what the function is called with: small, or a process that writes its answer and
            whoever gives it a job would wait for each other.
        workers: the number of processes.
        method: how they start: "fork" or "spawn". The second pickles `begin`.
        tries: how often a job is given to another process after its own was killed.

    Errors: ProcessKilled if that does not help; what the function raises.
    """
    source, again = enumerate(jobs), deque[tuple[int, Job]]()
    killed = Counter[int]()
    known: dict[int, _Answer] = {}
    due = 0  # the number of the next answer
    team: list[_Worker[Job]] = []
    try:
        while len(team) < workers:
            team.append(_Worker(method, begin, team))
        while True:
            free = _AHEAD * workers - len(known) - sum(len(worker.jobs) for worker in team)
            for _ in range(free):
                job = again.popleft() if again else next(source, None)
                if job is None:
                    break
                min(team, key=lambda worker: len(worker.jobs)).take(job)
            if due in known:
                answer = known.pop(due)
                due += 1
                if answer.error is not None:
                    raise answer.error
                yield answer.result
            elif not any(worker.jobs for worker in team):
                return
            for worker in _with_news(team, waits=due not in known):
                found = worker.answer()
                if found is not None:
                    known[worker.jobs.popleft()[0]] = found
                    continue
                number = worker.jobs[0][0]
                killed[number] += 1
                if killed[number] > tries:
                    raise ProcessKilled
                again.extend(worker.jobs)
                worker.end()
                team.remove(worker)
                team.append(_Worker(method, begin, team))
    finally:
        for worker in team:
            worker.end()


class _Answer(NamedTuple):
    """What a function returned, or the exception that it raised."""

    result: Any = None
    error: Exception | None = None


class _Worker(Generic[Job]):
    """A process that answers jobs, and our end of its pipe.

    No other process has that pipe: it ends when this one is killed.

    Attributes:
        jobs: the jobs that it has not answered, with their numbers.
    """

    def __init__(
        self,
        method: str,
        begin: Callable[[], Callable[[Job], Any]],
        others: Sequence[_Worker[Job]],
    ):
        from multiprocessing import get_context, resource_tracker

        context: Any = get_context(method)
        if method == "spawn" and sys.platform != "win32":
            resource_tracker.ensure_running()  # while interrupts are held, it would let them in
        self.jobs: deque[tuple[int, Job]] = deque()
        self.pipe, theirs = context.Pipe()
        inherited = [worker.pipe for worker in (self, *others)] if method == "fork" else []
        self._process = context.Process(target=_serve, args=(theirs, begin, inherited), daemon=True)
        with interrupts_held():
            self._process.start()
        theirs.close()

    def take(self, job: tuple[int, Job]) -> None:
        """Give it a job with a number."""
        self.jobs.append(job)
        with suppress(OSError):  # it was killed, which `answer` finds
            self.pipe.send(job[1])

    def answer(self) -> _Answer | None:
        """Return the answer to the first of its jobs; None if it was killed."""
        try:
            found: _Answer = self.pipe.recv()
        except (EOFError, OSError):
            return None
        return found

    def end(self) -> None:
        """End it, whatever it does; it has a moment to remove what it has half written."""
        self.pipe.close()
        self._process.terminate()
        self._process.join(_PATIENCE)
        self._process.kill()
        self._process.join()


def _with_news(team: Sequence[_Worker[Job]], waits: bool) -> list[_Worker[Job]]:
    """Return the workers that have answered or were killed; wait for one if asked to."""
    from multiprocessing.connection import wait

    busy = {worker.pipe: worker for worker in team if worker.jobs}
    return [busy[pipe] for pipe in wait([*busy], None if waits and busy else 0)]


def _serve(
    pipe: Connection,
    begin: Callable[[], Callable[[Any], Any]],
    inherited: Iterable[Connection],
) -> None:
    """Answer jobs until the other end of the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    for other in inherited:  # or theirs would never end
        other.close()
    function = cache(begin)
    with suppress(EOFError, OSError, MemoryError):
        while True:
            job = pipe.recv()
            pipe.send(_answer(lambda: function()(job)))


def _answer(call: Callable[[], Any]) -> _Answer:
    """Call a function. A fault of ours is described here: its traceback stays in this process."""
    try:
        return _Answer(call())
    except (Mistake, OSError, MemoryError) as error:
        return _Answer(error=error)
    except Exception as error:
        return _Answer(error=Mistake(internal_fault(error)))
