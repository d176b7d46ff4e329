"""Runs chunks: in this process, in several processes, or on a Dask cluster.

All yield the results in the order of the chunks, so that a sweep does not depend on who counted it.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from signal import SIG_IGN, SIGINT, signal
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from .chunk import Counter
from .found import Found
from .grid import Place
from .job import Job

_AHEAD = 4  # chunks that wait for each worker
_TRIES = 5  # of a chunk whose worker died


def in_this_process(job: Job, places: Iterable[Place]) -> Iterator[Found]:
    """Count the chunks one after another."""
    if not gc.isenabled():
        gc.freeze()
    counter = Counter(job)
    for place in places:
        yield _tidily_counted(counter, place)


def _tidily_counted(counter: Counter, place: Place) -> Found:
    """Count a chunk. Where no collector runs, free the cycles that single networks leave behind."""
    found = counter.count(place)
    if counter.job.asked.is_slow and not gc.isenabled():
        gc.collect()
    return found


def in_processes(job: Job, places: Iterable[Place], workers: int) -> Iterator[Found]:
    """Count the chunks in several processes; a process that dies is replaced."""
    waiting: deque[tuple[Place, Future[Found] | None, int]] = deque()
    source = iter(places)
    pool = _pool(job, workers)
    try:
        while True:
            while len(waiting) < _AHEAD * workers:
                place = next(source, None)
                if place is None:
                    break
                waiting.append((place, None, 0))
            if not waiting:
                return
            try:
                for n, (place, future, tries) in enumerate(waiting):
                    if future is None:
                        waiting[n] = place, pool.submit(_count, place), tries
                first = waiting[0][1]
                assert first is not None
                found = first.result()
            except BrokenProcessPool:
                if waiting[0][2] >= _TRIES:
                    raise _died(waiting[0][0]) from None
                pool.shutdown(cancel_futures=True)
                pool = _pool(job, workers)
                place, _, tries = waiting[0]
                later = [(p, None, t) for p, _, t in list(waiting)[1:]]
                waiting = deque([(place, None, tries + 1), *later])
                continue
            waiting.popleft()
            yield found
    finally:
        pool.shutdown(cancel_futures=True)


def on_dask(job: Job, places: Iterable[Place], client: Any) -> Iterator[Found]:
    """Count the chunks on a Dask cluster; a worker that dies costs its chunk's time alone."""
    shared = client.scatter(job, broadcast=True, hash=False)
    count = max(1, len(client.scheduler_info()["workers"]))
    waiting: deque[Any] = deque()
    for place in places:
        waiting.append(client.submit(count_alone, shared, place, pure=False, retries=_TRIES))
        if len(waiting) >= _AHEAD * count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def dask_client(address: str, seconds: float = 10) -> Any:
    """Return a client of the cluster at an address.

    Errors: a Mistake if dask is not installed, or the address does not answer.
    """
    try:
        from distributed import Client
    except ImportError:
        from ...extras import install_command

        message = "--dask needs the package distributed"
        raise Mistake(Diagnostic("CNN401", message, help=install_command("sweep"))) from None
    try:
        return Client(address, timeout=seconds, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        message = f"no Dask scheduler answers at {address}: {reason}"
        help = "start one with `dask scheduler`, and name its address, as in tcp://127.0.0.1:8786"
        raise Mistake(Diagnostic("CNN111", message, help=help)) from None


_counters: dict[int, Counter] = {}  # of this process; the last job is kept


def count_alone(job: Job, place: Place) -> Found:
    """Count a chunk of a job that this process may not have seen before."""
    if id(job) not in _counters:
        _counters.clear()
        _counters[id(job)] = Counter(job)
    return _counters[id(job)].count(place)


_own: list[Counter] = []  # of a process of a pool


def _begin(job: Job) -> None:
    signal(SIGINT, SIG_IGN)  # whoever began the sweep stops it
    gc.disable()  # it takes a third of the time; what a chunk leaves is freed after it
    gc.freeze()
    _own[:] = [Counter(job)]


def _count(place: Place) -> Found:
    return _tidily_counted(_own[0], place)


def _pool(job: Job, workers: int) -> ProcessPoolExecutor:
    context = get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(job,))


def _died(place: Place) -> Mistake:
    message = f"the process that counts a chunk of the sweep died {_TRIES} times"
    return Mistake(Diagnostic("CNN901", message, help="try fewer --workers, or less at once"))
