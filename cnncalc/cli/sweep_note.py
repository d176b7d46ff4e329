"""How far a sweep is: a small file beside its output, from which `--resume` goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..text_file import reason
from .option_values import usage

if TYPE_CHECKING:
    from ..analysis.sweep.job import Job
    from ..analysis.sweep.run import State


class Note:
    """How far a sweep is: a small file beside its output."""

    def __init__(self, job: Job, file: str, format: str):
        self._job, self._path = job, f"{file}.resume"
        self._sweep = digest(job, format)
        self.size = 0  # as it was read

    @property
    def is_there(self) -> bool:
        """Whether a sweep is unfinished."""
        return os.path.exists(self._path)

    def write(self, state: State, size: int) -> None:
        """Note how far the sweep is, and how many bytes of its file are right."""
        rows = state.kept
        data = {
            "job": self._sweep,
            "done": state.done,
            "size": size,
            "counted": state.counted,
            "fitting": state.fitting,
            "matching": state.matching,
            "failed": [list(one) for one in state.failed.values()],
            "rows": [
                [one.numbers.tolist(), {n: v.tolist() for n, v in one.figures.items()}]
                for one in rows
            ],
        }
        new = f"{self._path}.new"
        with open(new, "w", encoding="utf-8") as stream:
            json.dump({**data, "sum": _sum(data)}, stream)
        os.replace(new, self._path)

    def read(self) -> State:
        """Return how far the sweep is; then `size` says how many bytes of its file are right.

        Errors: a Mistake if there is nothing to resume, or another sweep wrote the file.
        """
        import numpy as np

        from ..analysis.sweep.best import Rows
        from ..analysis.sweep.found import Failed
        from ..analysis.sweep.run import State

        help = "without --resume the sweep starts from the beginning"
        try:
            with open(self._path, encoding="utf-8") as stream:
                data: Mapping[str, Any] = json.load(stream)
        except FileNotFoundError:
            raise usage(f"--resume: there is no unfinished sweep at {self._path}", help) from None
        except OSError as error:
            raise usage(f"--resume: cannot read {self._path}: {reason(error)}", help) from None
        except ValueError:
            data = {}
        own = {**data} if isinstance(data, dict) else {}
        if own.pop("sum", None) != _sum(own):
            raise usage(f"--resume: {self._path} is damaged", help)
        if own["job"] != self._sweep:
            help = "repeat the options of the sweep that was stopped"
            raise usage(f"--resume: {self._path} belongs to another sweep", help)
        state = State(self._job)
        state.done, state.counted = data["done"], data["counted"]
        state.fitting, state.matching = data["fitting"], data["matching"]
        state.failed = {one[0]: Failed(*one) for one in data["failed"]}
        for numbers, figures in data["rows"]:
            arrays = {name: _array(values) for name, values in figures.items()}
            state.kept.append(Rows(np.array(numbers, np.int64), arrays))
        self.size = data["size"]
        return state

    def is_complete(self) -> bool:
        """Return whether there is nothing left to do."""
        try:
            with open(self._path, encoding="utf-8") as stream:
                counted: int = json.load(stream)["counted"]
        except OSError:
            return True
        return counted >= len(self._job.grid)

    def remove(self) -> None:
        """Remove it, if it is there."""
        with suppress(FileNotFoundError):
            os.remove(self._path)

    def remove_if_done(self) -> None:
        """Remove it if there is nothing left to do."""
        if self.is_there and self.is_complete():
            os.remove(self._path)


def _array(values: list[Any]) -> Any:
    import numpy as np

    if all(type(value) is int for value in values):
        return np.array(values, np.int64)
    found = np.empty(len(values), object)
    for n, value in enumerate(values):
        found[n] = tuple(value) if isinstance(value, list) else value
    return found


def _sum(data: Mapping[str, Any]) -> str:
    """Return what tells a damaged note."""
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def digest(job: Job, format: str) -> str:
    """Return what is equal for the same sweep into the same format."""
    grid, asked = job.grid, job.asked
    axes = [(axis.names, [_short(values) for values in axis.values]) for axis in grid.axes]
    conditions = [condition.text for condition in asked.where]
    orders = (asked.figures, conditions, asked.sort, asked.top, asked.pareto)
    drawn = None if grid.drawn is None else sha256(grid.drawn.tobytes()).hexdigest()
    how = job.batch, job.dtype, job.optimizer, job.timing
    parts = (format, job.sources, job.fixed, job.input, *how, axes, drawn, orders)
    return sha256(repr(parts).encode()).hexdigest()


def _short(values: Any) -> str:
    return repr(values) if isinstance(values, range) else repr(list(values))
