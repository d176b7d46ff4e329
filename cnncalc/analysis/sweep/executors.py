"""Runs chunks: in this process, in several processes, or on a Dask cluster.

All yield the results in the order of the chunks, so that a sweep does not depend on who counted it.
"""

from __future__ import annotations

import gc
import logging
import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from functools import partial
from threading import Thread
from typing import Any

from ...diagnostic import Diagnostic, Mistake, first_line
from ...processes import ProcessKilled, answers
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
    try:
        yield from answers(partial(_begin, job), places, workers, "spawn", _TRIES)
    except ProcessKilled:
        raise _died() from None


def _begin(job: Job) -> Callable[[Place], Found]:
    """Return what counts chunks in a process of its own."""
    gc.disable()  # it takes a third of the time; what a chunk leaves is freed after it
    gc.freeze()
    return partial(_tidily_counted, Counter(job))


def on_dask(job: Job, places: Iterable[Place], client: Any) -> Iterator[Found]:
    """Count the chunks on a Dask cluster, and close its client.

    A worker that dies costs the time of its chunks alone.

    Errors: a Mistake if the scheduler goes away, or workers die again and again.
    """
    from distributed import KilledWorker

    pickled = pickle.dumps(job)  # goes with each chunk: scattered data would die with its workers
    count = max(1, len(client.scheduler_info()["workers"]))
    waiting: deque[Any] = deque()
    try:
        for place in places:
            waiting.append(client.submit(count_alone, pickled, place, pure=False, retries=_TRIES))
            if len(waiting) >= _AHEAD * count:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except CancelledError:
        raise _lost() from None
    except KilledWorker:
        raise _died() from None
    finally:
        client.close()


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
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # our messages say it
    made: list[Any] = []

    def make() -> None:
        try:
            made.append(Client(address, timeout=seconds, set_as_default=False))
        except Exception as error:  # of sockets, and of the protocol that the address names
            made.append(error)

    maker = Thread(target=make, daemon=True)  # Dask would wait forever for a silent port
    maker.start()
    maker.join(2 * seconds)
    if made and not isinstance(made[0], Exception):
        return made[0]
    reason = first_line(made[0]) if made else f"nothing in {2 * seconds:.0f} s"
    message = f"no Dask scheduler answers at {address}: {reason}"
    help = "start one with `dask scheduler`, and name its address, as in tcp://127.0.0.1:8786"
    raise Mistake(Diagnostic("CNN111", message, help=help))


_counters: dict[bytes, Counter] = {}  # of this process, by pickled job; the last one is kept


def count_alone(job: bytes, place: Place) -> Found:
    """Count a chunk of a pickled job that this process may not have seen before."""
    if job not in _counters:
        _counters.clear()
        _counters[job] = Counter(pickle.loads(job))
    return _counters[job].count(place)


def _died() -> Mistake:
    message = f"the process that counts a chunk of the sweep died {_TRIES} times"
    help = (
        "try fewer workers, or less at once; a script calls `cnncalc.sweep` with workers only "
        'under `if __name__ == "__main__":`'
    )
    return Mistake(Diagnostic("CNN901", message, help=help))


def _lost() -> Mistake:
    message = "the Dask scheduler went away while it counted the sweep"
    help = "start it again; a sweep that writes a file with -o goes on with --resume"
    return Mistake(Diagnostic("CNN111", message, help=help))
