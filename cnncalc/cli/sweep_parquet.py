"""Writes the variants of a sweep to a Parquet file, a row group for each chunk.

A Parquet file ends with its index, so an unfinished one cannot be read. It is written beside the
file that was asked for, in pieces of many chunks each, and the pieces are joined at the end.
"""

from __future__ import annotations

import os
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..at_least import AtLeast
from ..diagnostic import Diagnostic, Mistake
from ..extras import install_command
from .sweep_note import Note

if TYPE_CHECKING:
    from ..analysis.sweep.best import Rows
    from ..analysis.sweep.job import Job
    from ..analysis.sweep.run import State

_PIECE = 2**22  # variants after which a piece ends, from which a stopped sweep goes on


class ParquetFile:
    """A Parquet file of variants; see `sweep_files.RowsFile`."""

    def __init__(self, job: Job, file: str, note: Note, state: State | None):
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            message = "--format parquet needs the package pyarrow"
            raise Mistake(Diagnostic("CNN401", message, help=install_command("sweep"))) from None
        self.streams = not job.asked.keeps_few
        self.state = state
        self._job, self._file, self._note = job, file, note
        self._arrow, self._parquet = pyarrow, pyarrow.parquet
        self._pieces: list[str] = []
        self._writer: Any = None
        self._size = 0  # variants in the piece that is open
        self._schema: Any = None
        if state is not None:
            while os.path.exists(self._piece(len(self._pieces))) and len(self._pieces) < note.size:
                self._pieces.append(self._piece(len(self._pieces)))

    def _piece(self, n: int) -> str:
        return f"{self._file}.{n}"

    def write(self, rows: Rows) -> None:
        """Write variants as a row group."""
        table = self._table(rows)
        if self._writer is None:
            self._schema = self._schema or table.schema
            self._pieces.append(self._piece(len(self._pieces)))
            self._writer = self._parquet.ParquetWriter(self._pieces[-1], self._schema)
        self._writer.write_table(table.cast(self._schema))
        self._size += len(rows)

    def _table(self, rows: Rows) -> Any:
        columns = self._job.grid.arrays(rows.numbers)
        columns.update({name: rows.figures[name] for name in self._job.asked.figures})
        arrays = {name: self._arrow.array(_plain(values)) for name, values in columns.items()}
        return self._arrow.table(arrays)

    def after(self, state: State) -> None:
        """End a piece if it is long enough, and then note how far the sweep is."""
        self.state = state
        if self._size >= _PIECE:
            self._end_piece()
            self._note.write(state, len(self._pieces))

    def _end_piece(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._size = None, 0

    def close(self) -> None:
        """Join the pieces."""
        self._end_piece()
        if self.state is not None:
            self._note.write(self.state, len(self._pieces))
        if not self._pieces:
            empty = {name: self._arrow.array([]) for name in self._names()}
            self._parquet.write_table(self._arrow.table(empty), self._file)
            return
        if len(self._pieces) == 1:
            os.replace(self._pieces[0], self._file)
            return
        schema = self._parquet.read_schema(self._pieces[0])
        with self._parquet.ParquetWriter(self._file, schema) as writer:
            for piece in self._pieces:
                opened = self._parquet.ParquetFile(piece)
                for n in range(opened.num_row_groups):
                    writer.write_table(opened.read_row_group(n))
        if self._note.is_complete():
            for piece in self._pieces:
                os.remove(piece)

    def _names(self) -> list[str]:
        return [*self._job.grid.names, *self._job.asked.figures]


def _plain(values: Any) -> Any:
    """Return values as Arrow takes them."""
    return list(map(_plain_value, values)) if values.dtype.kind == "O" else values


def _plain_value(value: Any) -> Any:
    """Return a fraction as a float, a list as a list, and None for what is partly unknown."""
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, AtLeast) else value
