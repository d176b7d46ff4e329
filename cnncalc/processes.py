"""Calls a function for many jobs in several processes, where the system can fork."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from .diagnostic import Diagnostic, Mistake

_MOST = 8  # processes
Job = TypeVar("Job")
Result = TypeVar("Result")


def processors() -> int:
    """Return how many processes may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)


def can_fork() -> bool:
    """Return whether processes may be forked: macOS cannot do it safely."""
    return hasattr(os, "fork") and sys.platform != "darwin"


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

    Errors: a Mistake with CNN901 if a process that does `what` is killed, for example because
    memory is full.
    """
    if workers < 2 or not can_fork():
        yield from map(function, jobs)
        return
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    pool = ProcessPoolExecutor(workers, mp_context=get_context("fork"))
    waits = True
    try:
        with _interrupts_held():  # the processes start here, and never get one
            found = pool.map(function, jobs, chunksize=at_once)
        yield from found
    except BrokenProcessPool:
        help = "take fewer at a time to see which one it is"
        raise Mistake(
            Diagnostic("CNN901", f"a process that {what} was killed", help=help)
        ) from None
    except KeyboardInterrupt:
        waits = False
        for child in active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(waits, cancel_futures=waits)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back; processes that start meanwhile never get it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
