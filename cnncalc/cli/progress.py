"""Progress bars on a terminal, for commands that take long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..foreign import visible

if TYPE_CHECKING:
    from rich.progress import Progress


def each(items: list[str], verb: str) -> Iterator[str]:
    """Yield the items, with a bar on a terminal if there are several."""
    if len(items) < 2 or not sys.stderr.isatty():
        yield from items
        return
    with _bar() as shown:
        task = shown.add_task(verb, total=len(items))
        for item in items:
            shown.update(task, description=visible(f"{verb} {item}"))
            yield item
            shown.advance(task)


@contextmanager
def ticking(total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal; give what moves it on and says what is next."""
    if not sys.stderr.isatty():
        yield lambda what: None
        return
    with _bar() as shown:
        task = shown.add_task("building", total=total)
        yield lambda what: shown.update(task, description=visible(what), advance=1)


def _bar() -> Progress:
    """Return a progress bar on stderr that goes away when it is done."""
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
