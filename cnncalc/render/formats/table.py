"""Tables for a terminal, and the console that shows them.

rich is imported where it is used, so that the other formats load without it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ...foreign import visible

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.segment import Segment, Segments
    from rich.table import Table
    from rich.text import Text

BOLD, DIM, CYAN, RED, GREEN = "bold", "dim", "cyan", "bold red", "green"
FILE_WIDTH = 160  # columns of a table that is written to a file or a pipe
NARROWEST = 12  # columns that paths keep however narrow the screen is
# A line that begins so, after white space and colours, is a command to GitHub's runner.
_COMMAND = re.compile(r"^((?:\s|\x1b\[[\d;]*m)*):(?=(?:\x1b\[[\d;]*m)*:)")
EIGHTHS_HIGH = " ▁▂▃▄▅▆▇█"
EIGHTHS_WIDE = " ▏▎▍▌▋▊▉█"


def console(stderr: bool = False) -> Console:
    """Return a console that honours NO_COLOR and COLUMNS; a pipe gets a wide one."""
    made = partial(_console_class(), stderr=stderr, markup=False, highlight=False, emoji=False)
    found = made()
    given = os.environ.get("COLUMNS", "")
    if found.width >= 20 and (found.is_terminal or given):
        return found
    width = 80 if given else FILE_WIDTH
    return made(width=width)


@cache
def _console_class() -> type[Console]:
    """Return a class of consoles to which a string is a text on one line, whatever is in it."""
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)

    return PlainConsole


def on_lines(*lines: Text) -> Text:
    """Put texts under each other."""
    from rich.text import Text

    return Text("\n").join(lines)


def text(*parts: str | tuple[str, str], style: str = "") -> Text:
    """Assemble a text on one line from plain parts and parts with a style."""
    from rich.text import Text

    found = Text(style=style)
    for part in parts:
        words, own = (part, None) if isinstance(part, str) else part
        found.append(visible(words), own)
    return found


def noted(value: str, note: str) -> Text:
    """Assemble a text with a note in brackets."""
    return text(value, (f"  ({note})" if note else "", DIM))


def stacked(*parts: RenderableType) -> Group:
    """Put parts under each other."""
    from rich.console import Group

    return Group(*parts)


def grid(*titles: str, left: Container[str] = (), gap: int = 1) -> Table:
    """Return a table with a rule under its titles; all columns are right-aligned but the `left`."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap, 0, 0))
    for title in titles:
        table.add_column(title, justify="left" if title in left else "right", no_wrap=True)
    return table


def captioned(table: Table, caption: str) -> Table:
    """Add a line under a table."""
    table.caption, table.caption_justify = caption, "left"
    return table


def facts(rows: Iterable[tuple[str, str | Text]], width: int | None = None) -> Table:
    """Return labels in bold with what they say beside them, from a column of at least `width`."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=BOLD, no_wrap=True, min_width=width)
    for label, said in rows:
        table.add_row(label, said)
    return table


def bar(value: int, peak: int, cells: int) -> str:
    """Draw a bar in proportion to the largest value of its column."""
    if not value:
        return ""
    if cells == 1:
        return EIGHTHS_HIGH[max(1, round(8 * value / peak))]
    whole, rest = divmod(max(1, round(8 * cells * value / peak)), 8)
    return EIGHTHS_WIDE[8] * whole + EIGHTHS_WIDE[rest].strip()


def outline(body: list[list[str]]) -> dict[int, str]:
    """Shorten paths to their last names, and return the headings: blocks, by their first layer."""
    heads: dict[int, str] = {}
    above = ""
    for n, line in enumerate(body):
        block, _, name = line[0].rpartition(".")
        if block and block != above:
            heads[n] = block
        above = block
        line[0] = f"  {name}" if block else name
    return heads


class Screen:
    """Something of rich's that is laid out for a console."""

    def __init__(self, shown: RenderableType, screen: Console) -> None:
        self.shown = shown
        self.screen = screen

    def written(self, colour: bool = False) -> str:
        """Lay it out, in colour or not.

        Texts are made visible before columns get their widths; here nothing else gets through.
        """
        from rich.segment import Segment, Segments

        pieces: Iterable[Segment] = map(_visible_piece, self.screen.render(self.shown))
        if not colour:
            pieces = Segment.strip_styles(pieces)
        with self.screen.capture() as captured:
            self.screen.print(Segments(pieces), end="")
        lines = captured.get().removesuffix("\n").split("\n")
        return "\n".join(_COMMAND.sub(r"\1\\x3a", line).rstrip() for line in lines)


def _visible_piece(piece: Segment) -> Segment:
    """Return a piece of a layout, which may have ends of lines, with its text visible."""
    return piece._replace(text="\n".join(map(visible, piece.text.split("\n"))))


@dataclass
class LayerTable:
    """A table with a line for each layer, whose first column is its path.

    It is laid out here, because rich's Table takes seconds for ten thousand layers.
    """

    titles: list[str]
    body: list[list[str]]
    ends: list[str]  # the sums; empty texts for none
    numeric: list[bool]  # which columns are right-aligned
    barred: list[bool]  # which columns have a bar beside them
    bar: int = 0  # cells of a bar
    bars: list[list[str]] = field(default_factory=list)  # of each layer
    styles: list[str | None] = field(default_factory=list)  # of each layer
    above: list[list[str]] = field(default_factory=list)  # lines above the layers

    def __post_init__(self) -> None:
        for line in self._lines():
            line[:] = map(visible, line)

    @property
    def widths(self) -> list[int]:
        """The widths that the columns would like to have."""
        return [max(map(len, column)) for column in zip(*self._lines())]

    def _lines(self) -> list[list[str]]:
        return [self.titles, *self.above, *self.body, self.ends]

    def render(self, room: int | None = None) -> Segments:
        """Lay the table out. Where paths are wider than their room, blocks become headings."""
        from rich.segment import Segments

        widths = self.widths
        heads: dict[int, str] = {}
        if room is not None and widths[0] > room:
            heads = outline(self.body)
            longest = max(len(line[0]) for line in self._lines())
            widths[0] = min(longest, max(room, NARROWEST))
        layout = _Layout(widths, self)
        segments = layout.free("\n") + layout.line(self.titles, BOLD)
        segments += layout.free(f" {'─' * (layout.width - 1)}\n")
        for line in self.above:
            segments += layout.line(line, DIM)
        for n, line in enumerate(self.body):
            if n in heads:
                segments += layout.free(f" {heads[n]}\n", DIM)
            style = self.styles[n] if self.styles else None
            segments += layout.line(line, style, self.bars[n] if self.bars else [])
        if any(self.ends):
            segments += layout.free("\n") + layout.line(self.ends, BOLD)
        return Segments([*segments, *layout.free("\n")])


class _Layout:
    """Lays out lines in columns of fixed widths."""

    def __init__(self, widths: list[int], table: LayerTable) -> None:
        from rich.segment import Segment
        from rich.style import Style

        self.columns = list(zip(widths, table.numeric, table.barred))
        self.bar = table.bar
        self.width = sum(widths) + len(widths) + sum(table.barred) * (table.bar + 1)
        self.segment = Segment
        self.styles = {name: Style.parse(name) for name in (BOLD, DIM, CYAN, RED)}

    def free(self, words: str, style: str | None = None) -> list[Segment]:
        """Return a text that is not in columns."""
        return [self.segment(words, self.styles.get(style or ""))]

    def line(self, values: list[str], style: str | None, bars: Iterable[str] = ()) -> list[Segment]:
        """Return one line: a value that is too long loses its beginning."""
        segments: list[Segment] = []
        shares = iter(bars)
        pending = ""
        for value, (width, numeric, barred) in zip(values, self.columns):
            if len(value) > width:
                value = "…" + value[len(value) - width + 1 :]
            pending += " " + (value.rjust(width) if numeric else value.ljust(width))
            if barred:
                segments += self.free(pending + " ", style)
                segments += self.free(next(shares, "").ljust(self.bar), CYAN)
                pending = ""
        return segments + self.free(pending.rstrip() + "\n", style)
