"""Progress bars on a terminal, for commands that take a long time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..foreign import visible
from .output import is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress, Task


def each(items: list[str], verb: str) -> Iterator[str]:
    """Yield the items, and show a progress bar on a terminal if there are several."""
    if len(items) < 2 or not is_terminal(sys.stderr):
        yield from items
        return
    with _bar() as shown:
        task = shown.add_task(verb, total=len(items))
        for item in items:
            shown.update(task, description=visible(f"{verb} {item}"))
            yield item
            shown.advance(task)


@contextmanager
def ticking(
    total: int, first: str = "building", shown: bool = True
) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on a terminal; yield what advances it and names the next step.

    It begins with the `first` step. It is left out if it is not to be `shown`.
    """
    if not shown or not is_terminal(sys.stderr):
        yield lambda what: None
        return
    with _bar() as bar:
        task = bar.add_task(first, total=total)
        yield lambda what: bar.update(task, description=visible(what), advance=1)


@contextmanager
def counting(total: int) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many of very many things are done; yield what is told the count."""
    if not is_terminal(sys.stderr):
        yield lambda done: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.text import Text

    from ..render.formats.table import console
    from ..wording import short

    class Rate(TextColumn):
        """How many are done, and how many in a second."""

        def render(self, task: Task) -> Text:
            speed = f", {short(int(task.speed))}/s" if task.speed else ""
            return Text(f"{short(int(task.completed))} of {short(int(task.total or 0))}{speed}")

    columns = (BarColumn(), Rate(""), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as shown:
        task = shown.add_task("counting", total=total)
        yield lambda done: shown.update(task, completed=done)


def _bar() -> Progress:
    """Return a progress bar on stderr that disappears when it is done."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ..render.formats.table import console

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console(stderr=True),
        transient=True,
    )
