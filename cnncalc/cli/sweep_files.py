"""Files that a sweep writes chunk by chunk, and from which a stopped sweep goes on.

Beside an unfinished file stands `FILE.resume`, which says how far it is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from ..diagnostic import Diagnostic, Mistake
from ..text_file import reason
from .sweep_note import Note

if TYPE_CHECKING:
    from ..analysis.sweep.best import Rows
    from ..analysis.sweep.job import Job
    from ..analysis.sweep.run import State


class RowsFile:
    """A text file of variants, or standard output."""

    def __init__(self, job: Job, format: str, stream: TextIO, state: State | None):
        from ..render.sweep_rows import CsvRows, JsonRows

        self.streams = not job.asked.keeps_few
        self.state = state
        self._job = job
        self._format = CsvRows() if format == "csv" else JsonRows()
        self._stream = stream
        self._figures = set(job.asked.figures)
        if state is None or not self.streams:
            stream.write(self._format.head([*job.grid.names, *job.asked.figures]))

    def write(self, rows: Rows) -> None:
        """Write variants."""
        if len(rows):
            columns = columns_of(self._job, rows)
            self._stream.write(self._format.lines(columns, self._figures))

    def after(self, state: State) -> None:
        """Note how far the sweep is."""

    def close(self) -> None:
        """Write what is left."""
        self._stream.flush()


class NoFile(RowsFile):
    """No file, for formats that are written at the end."""

    def __init__(self) -> None:
        self.streams, self.state = False, None

    def write(self, rows: Rows) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Write nothing."""


class Resumable(RowsFile):
    """A text file of which is known after each chunk how much of it is right."""

    def __init__(self, job: Job, format: str, file: str, stream: TextIO, state: State | None):
        super().__init__(job, format, stream, state)
        self._note = Note(job, file)

    def after(self, state: State) -> None:
        """Write the lines so far, and then how far the sweep is."""
        self._stream.flush()
        self._note.write(state, self._stream.tell() if self.streams else 0)

    def close(self) -> None:
        """Write what is left."""
        self._stream.close()


@contextmanager
def rows_file(job: Job, format: str | None, file: str | None, resume: bool) -> Iterator[Any]:
    """Open what a sweep writes its variants to; if it is done, nothing is left to resume."""
    if format is None:
        yield NoFile()
        return
    if file is None:
        if not isinstance(sys.stdout, TextIOWrapper):
            raise Mistake(Diagnostic("CNN002", "standard output is closed"))
        opened = RowsFile(job, format, sys.stdout, None)
        yield opened
        opened.close()
        return
    note = Note(job, file)
    state = note.read() if resume else None
    made: Any
    try:
        if format == "parquet":
            from .sweep_parquet import ParquetFile

            made = ParquetFile(job, file, note, state)
        else:
            mode = "r+" if state else "w"
            stream = TextIOWrapper(open(file, mode + "b"), "utf-8", newline="")  # noqa: SIM115
            if state:
                stream.truncate(note.size)
                stream.seek(note.size)
            made = Resumable(job, format, file, stream, state)
    except (OSError, ValueError) as error:
        raise Mistake(Diagnostic("CNN002", f"cannot write {file}: {reason(error)}")) from None
    try:
        yield made
    except OSError as error:
        message = f"cannot write {file}: {reason(error)}"
        help = "repeat the command with --resume to go on from there" if note.is_there else None
        raise Mistake(Diagnostic("CNN002", message, help=help)) from None
    made.close()
    note.remove_if_done()


def columns_of(job: Job, rows: Rows) -> dict[str, list[Any]]:
    """Return the settings and figures of variants by name."""
    figures = {name: rows.figures[name].tolist() for name in job.asked.figures}
    return {**job.grid.listed(rows.numbers), **figures}
