"""Files that a sweep writes chunk by chunk, and from which a stopped sweep goes on.

Beside an unfinished file stands `FILE.resume`, which says how far it is.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from ..diagnostic import Diagnostic, Mistake
from ..text_file import reason
from .option_values import usage
from .sweep_note import Note

if TYPE_CHECKING:
    from ..analysis.sweep.best import Rows
    from ..analysis.sweep.job import Job
    from ..analysis.sweep.run import State


class RowsFile:
    """A text of variants; nothing is written before the first chunk is there.

    Attributes:
        streams: whether each chunk is written when it is counted.
        state: how far an earlier run came.
    """

    def __init__(self, job: Job, format: str, state: State | None, stream: TextIO | None = None):
        from ..render.sweep_rows import CsvRows, JsonRows

        self.streams = not job.asked.keeps_few
        self.state = state
        self._job = job
        self._format = CsvRows() if format == "csv" else JsonRows()
        self._stream = stream
        self._has_head = state is not None and self.streams
        self._figures = set(job.asked.figures)

    def _opened(self) -> TextIO:
        """Return where the text goes; at first, write its head."""
        if self._stream is None:
            self._stream = self._open()
        if not self._has_head:
            self._has_head = True
            names = [*self._job.grid.names, *self._job.asked.figures]
            self._stream.write(self._format.head(names))
        return self._stream

    def _open(self) -> TextIO:
        raise NotImplementedError

    def write(self, rows: Rows) -> None:
        """Write variants."""
        if len(rows):
            columns = columns_of(self._job, rows)
            self._opened().write(self._format.lines(columns, self._figures))

    def after(self, state: State) -> None:
        """Note how far the sweep is."""

    def close(self) -> None:
        """Write what is left."""
        self._opened().flush()


class NoFile(RowsFile):
    """No file, for formats that are written at the end."""

    def __init__(self) -> None:
        self.streams, self.state = False, None

    def write(self, rows: Rows) -> None:
        """Write nothing."""

    def close(self) -> None:
        """Write nothing."""


class Resumable(RowsFile):
    """A text file of which is known after each chunk how much of it is right.

    What it held before stays until the first chunk is there.
    """

    def __init__(self, job: Job, format: str, file: str, note: Note, state: State | None):
        super().__init__(job, format, state)
        self._file, self._note = file, note
        self._right = note.size if self._has_head else 0  # bytes
        if state is None:
            _try_to_open(file)
        elif os.path.getsize(file) < self._right:
            message = f"--resume: {file} is shorter than {file}.resume says"
            raise usage(message, "without --resume the sweep starts from the beginning")

    def _open(self) -> TextIO:
        descriptor = os.open(
            self._file, os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666
        )
        stream = TextIOWrapper(os.fdopen(descriptor, "wb"), "utf-8", newline="")
        _lock(stream, self._file)
        if self.state is None:
            self._note.remove()  # that of an earlier sweep
        stream.truncate(self._right)
        stream.seek(self._right)
        return stream

    def after(self, state: State) -> None:
        """Write the lines so far, and then how far the sweep is."""
        stream = self._opened()
        stream.flush()
        self._right = stream.tell()
        self._note.write(state, self._right if self.streams else 0)

    def close(self) -> None:
        """Write what is left, without half a chunk."""
        stream = self._opened()
        stream.flush()
        if self.streams and self._note.is_there:
            stream.truncate(self._right)
        stream.close()


def _try_to_open(file: str) -> None:
    """Find out whether a file can be written, and leave everything as it is."""
    exists = os.path.exists(file)
    os.close(os.open(file, os.O_WRONLY | (0 if exists else os.O_CREAT | os.O_EXCL), 0o666))
    if not exists:
        os.remove(file)


def _lock(stream: TextIO, file: str) -> None:
    """Keep other sweeps from writing the same file, where the system can."""
    with suppress(ImportError):
        import fcntl

        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"cannot write {file}: another sweep is writing it"
            help = "wait until it has ended, or name another file"
            raise Mistake(Diagnostic("CNN002", message, help=help)) from None


@contextmanager
def rows_file(job: Job, format: str | None, file: str | None, resume: bool) -> Iterator[Any]:
    """Open what a sweep writes its variants to; if it is done, nothing is left to resume."""
    if format is None:
        yield NoFile()
        return
    if file is None:
        if not isinstance(sys.stdout, TextIOWrapper):
            raise Mistake(Diagnostic("CNN002", "standard output is closed"))
        opened = RowsFile(job, format, None, sys.stdout)
        yield opened
        opened.close()
        return
    note = Note(job, file, format)
    try:
        state = note.read() if resume else None
        made = _made(job, format, file, note, state)
    except (OSError, ValueError) as error:
        raise Mistake(Diagnostic("CNN002", f"cannot write {file}: {reason(error)}")) from None
    try:
        yield made
        made.close()
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write {file}: {reason(error)}"
        help = "repeat the command with --resume to go on from there" if note.is_there else None
        raise Mistake(Diagnostic("CNN002", message, help=help)) from None
    note.remove_if_done()


def _made(job: Job, format: str, file: str, note: Note, state: State | None) -> Any:
    """Return what writes a format to a file."""
    if format == "parquet":
        from .sweep_parquet import ParquetFile

        return ParquetFile(job, file, note, state)
    if os.path.exists(file) and not stat.S_ISREG(os.stat(file).st_mode):  # as /dev/stdout may be
        stream = TextIOWrapper(open(file, "wb"), "utf-8", newline="")  # noqa: SIM115
        return RowsFile(job, format, state, stream)
    return Resumable(job, format, file, note, state)


def columns_of(job: Job, rows: Rows) -> dict[str, list[Any]]:
    """Return the settings and figures of variants by name."""
    figures = {name: rows.figures[name].tolist() for name in job.asked.figures}
    return {**job.grid.listed(rows.numbers), **figures}
