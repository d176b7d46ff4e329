"""Runs a sweep, and writes its variants to the screen or to a file, as far as they are done."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import typer

from ..diagnostic import Diagnostic
from ..render.formats.document import Document
from ..render.formats.lines import joined
from ..render.formats.wrapped import wrapped
from .output import complain, on_terminal, present, say, text_width

if TYPE_CHECKING:
    from ..analysis.sweep.best import Rows
    from ..analysis.sweep.job import Job
    from ..analysis.sweep.run import State, Sweep

_SHOWN = 20  # variants of a table, unless --top says how many
_INTERRUPTED = 130


class SweepOutput:
    """Where the variants of a sweep go."""

    def __init__(
        self,
        job: Job,
        format: str,
        file: str | None,
        plot: str | None,
        warn: Callable[[Document], None],
    ):
        self.job, self.format, self.file, self.plot = job, format, file, plot
        self._warn = warn

    def run(self, workers: int, dask: str | None, resume: bool) -> None:
        """Count, write, and say what became of all variants."""
        from ..analysis.sweep.asked import limited
        from .sweep_files import rows_file

        in_table = self.format in ("table", "markdown")
        if in_table and self.file is None:
            self.job.asked = limited(self.job.asked, _SHOWN)
        with rows_file(self.job, None if in_table else self.format, self.file, resume) as rows:
            found = self._counted(workers, dask, rows)
            if not in_table and found.rows is not None:
                rows.write(found.rows)
        self._show(found, in_table)
        if self.plot is not None:
            self._draw(found)
        if found.counted < found.total:
            raise typer.Exit(_INTERRUPTED)
        if not found.fitting:
            message = "no variant gives a valid network"
            complain([Diagnostic("CNN111", message)])
            raise typer.Exit(1)

    def _counted(self, workers: int, dask: str | None, rows: Any) -> Sweep:
        from ..analysis.sweep.run import run
        from .progress import counting

        with counting(len(self.job.grid)) as shown:

            def after(state: State) -> None:
                rows.after(state)
                shown(state.counted)

            passed: Callable[[Rows], None] | None = rows.write if rows.streams else None
            return run(
                self.job,
                workers=workers,
                dask=dask,
                state=rows.state,
                passed=passed,
                after=after,
            )

    def _show(self, found: Sweep, in_table: bool) -> None:
        from ..render.sweep import summary

        if in_table and len(found):
            present("sweep", self.format, self.file, found)
        width = text_width() if on_terminal() else None
        broken = (wrapped(line, width, "", "    ") for line in summary(found))
        lines = joined(broken)
        if self.format == "table" and self.file is None:
            say(*lines.lines)
        else:
            self._warn(lines)

    def _draw(self, found: Sweep) -> None:
        from ..render.plot_page import is_page, page
        from ..render.sweep_plot import plot
        from ..text_file import write_text

        assert self.plot is not None
        drawn = plot(found)
        svg = drawn.written()
        write_text(self.plot, (page(svg, drawn.name) if is_page(self.plot) else svg) + "\n")
