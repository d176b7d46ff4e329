"""Runs a sweep from beginning to end, and puts the results of its chunks together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command
from ...processes import can_start, interrupts_held
from .best import Rows, first, sortable
from .executors import dask_client, in_processes, in_this_process, on_dask
from .found import Failed, Found
from .grid import CHUNK, FEW, Place
from .job import Job
from .kept import reduced

_EXPLAINED = 24  # layers that do not fit, of which an example is analysed


class Reason(NamedTuple):
    """Why variants are no network.

    Attributes:
        place: the path of the layer that does not fit, or what is wrong with the spec.
        variants: how many they are.
        example: the settings of one of them.
        diagnostic: what is wrong with that one.
    """

    variants: int
    example: Mapping[str, Any]
    diagnostic: Diagnostic | None


@dataclass
class Sweep:
    """The result of a sweep.

    Attributes:
        names: what varies, in order.
        figures: the figures that are shown, in order.
        total: how many variants there are.
        counted: how many were counted; fewer if the sweep was stopped.
        fitting: how many of them are networks.
        matching: how many of those meet the conditions.
        on_frontier: how many of those no other one beats, if a frontier was asked for.
        reasons: why the others are no networks, the most frequent first.
        rows: the variants that are kept; none if they were passed on.
    """

    job: Job = field(repr=False)
    names: list[str]
    figures: list[str]
    total: int
    counted: int = 0
    fitting: int = 0
    matching: int = 0
    on_frontier: int = 0
    reasons: list[Reason] = field(default_factory=list)
    rows: Rows | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return 0 if self.rows is None else len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield each variant that is kept: its settings and figures by name."""
        if self.rows is not None:
            columns = self.columns(self.rows)
            for values in zip(*columns.values()):
                yield dict(zip(columns, values))

    def to_pandas(self) -> Any:
        """Return the variants that are kept as a `pandas.DataFrame`: a row each.

        Fractions, such as a width of 0.25, become floats.

        Errors:
            A Mistake with CNN401 if pandas is not installed.
        """
        try:
            from pandas import DataFrame
        except ImportError:
            message = "`to_pandas` needs pandas, which is not installed"
            raise Mistake(Diagnostic("CNN401", message, help=install_command("pandas"))) from None
        if self.rows is None:
            return DataFrame(columns=[*self.names, *self.figures])
        found = self.columns(self.rows)
        return DataFrame({name: list(map(_plain, values)) for name, values in found.items()})

    def columns(self, rows: Rows) -> dict[str, list[Any]]:
        """Return the settings and figures of rows by name."""
        figures = {name: rows.figures[name].tolist() for name in self.figures}
        return {**self.job.grid.listed(rows.numbers), **figures}


class State:
    """What is known of a sweep after some of its chunks."""

    def __init__(self, job: Job):
        self.job = job
        self.done = 0  # chunks
        self.counted = self.fitting = self.matching = self.on_frontier = 0
        self.kept: list[Rows] = []
        self.failed: dict[str, Failed] = {}

    def add(self, found: Found, keeps: bool) -> None:
        """Add a chunk; `keeps` says whether its rows are kept, and not passed on."""
        self.done += 1
        self.counted += found.total
        self.fitting += found.fitting
        self.matching += found.matching
        for one in found.failed:
            before = self.failed.get(one.place, one._replace(variants=0))
            self.failed[one.place] = before._replace(variants=before.variants + one.variants)
        if keeps and len(found.rows):
            self.kept.append(found.rows)
        if len(self.kept) > 16 and self.job.asked.is_reduced:
            self.kept = [reduced(Rows.joined(self.kept), self.job.asked)]

    def rows(self) -> Rows:
        """Return the rows that are kept, in order, with all figures that are shown."""
        asked = self.job.asked
        self.on_frontier = 0
        if not self.kept:
            return Rows(np.zeros(0, np.int64), {name: np.zeros(0) for name in asked.figures})
        rows = reduced(Rows.joined(self.kept), asked)
        if asked.pareto:
            self.on_frontier = len(rows)
            order = asked.sort or asked.pareto[0]
            keys = sortable(rows.figures[order.name], order.largest_first)
            rows = rows.taken(first(keys, rows.numbers, asked.top or len(rows)))
        missing = [name for name in asked.one_by_one if name not in rows.figures]
        if missing:
            rows.figures.update(self.job.one_by_one.figures(rows.numbers, missing))
        return rows


def run(
    job: Job,
    *,
    workers: int = 1,
    dask: str | None = None,
    state: State | None = None,
    passed: Callable[[Rows], None] | None = None,
    after: Callable[[State], None] | None = None,
) -> Sweep:
    """Count all chunks, and return the sweep.

    Accepts:
        job: the sweep.
        workers: how many processes count; 1: this one.
        dask: the address of a Dask scheduler whose workers count.
        state: where an earlier run stopped.
        passed: takes the rows of each chunk, where they are not kept.
        after: is called after each chunk.

    A KeyboardInterrupt ends the sweep after the last chunk that is done, if there is one.
    """
    state = state or State(job)
    try:
        for found in _results(job, state.done, workers, dask):
            keeps = passed is None or job.asked.keeps_few
            if passed is not None and not keeps:
                passed(found.rows)  # may wait long for a reader
            with interrupts_held():  # half a chunk would be neither done nor to do
                state.add(found, keeps)
                if after is not None:
                    after(state)
    except KeyboardInterrupt:
        if state.done == 0:
            raise
    return _finished(state, passed is not None)


def _results(job: Job, done: int, workers: int, dask: str | None) -> Iterator[Found]:
    chunk = FEW if job.asked.is_slow else CHUNK
    places: Iterable[Place] = islice(job.grid.places(chunk), done, None)
    if dask is not None:
        return on_dask(job, places, dask_client(dask))
    if workers > 1 and can_start():
        return in_processes(job, places, workers)
    return in_this_process(job, places)


def _finished(state: State, is_passed: bool) -> Sweep:
    job, asked = state.job, state.job.asked
    rows = state.rows() if asked.keeps_few or not state.kept else Rows.joined(state.kept)
    return Sweep(
        job=job,
        names=job.grid.names,
        figures=list(asked.figures),
        total=len(job.grid),
        counted=state.counted,
        fitting=state.fitting,
        matching=state.matching,
        on_frontier=state.on_frontier,
        reasons=_reasons(job, state.failed.values()),
        rows=None if is_passed and not asked.keeps_few else rows,
    )


def _reasons(job: Job, failed: Iterable[Failed]) -> list[Reason]:
    """Explain why variants are no networks, by one example of each rule that they break."""
    found: dict[str, Reason] = {}
    ordered: Sequence[Failed] = sorted(failed, key=lambda one: (-one.variants, one.example))
    for n, one in enumerate(ordered):
        errors: list[Diagnostic] = []
        if n < _EXPLAINED:
            report = job.one_by_one.report(one.example)
            errors = [d for d in report.diagnostics if d.severity == "error"]
        code = errors[0].code if errors else ""
        known = found.get(code)
        if known is None:
            settings = job.grid.settings(one.example)
            found[code] = Reason(one.variants, settings, errors[0] if errors else None)
        else:
            found[code] = known._replace(variants=known.variants + one.variants)
    return sorted(found.values(), key=lambda reason: -reason.variants)


def _plain(value: Any) -> Any:
    """Return a value as pandas takes it."""
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 else float(value)
    return value
