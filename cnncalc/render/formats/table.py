"""Lays out tables for a terminal, and makes the console that shows them.

rich is imported where it is used, so that the other formats work without loading it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from ...foreign import visible
from .entries import FILE_WIDTH

if TYPE_CHECKING:
    from rich.console import Console, Group, RenderableType
    from rich.segment import Segment, Segments
    from rich.table import Table
    from rich.text import Text

BOLD, DIM, CYAN, RED, GREEN = "bold", "dim", "cyan", "bold red", "green"
NARROWEST = 12  # columns that paths get even on a narrow screen
# GitHub's runner reads a line that begins like this, after white space and colours, as a command.
_COMMAND = re.compile(r"^((?:\s|\x1b\[[\d;]*m)*):(?=(?:\x1b\[[\d;]*m)*:)")
EIGHTHS_HIGH = " ▁▂▃▄▅▆▇█"
EIGHTHS_WIDE = " ▏▎▍▌▋▊▉█"


def console(stderr: bool = False) -> Console:
    """Return a console that respects NO_COLOR and COLUMNS; a pipe is as wide as a file."""
    made = partial(_console_class(), stderr=stderr, markup=False, highlight=False, emoji=False)
    found = made()
    given = os.environ.get("COLUMNS", "")
    if found.width >= 20 and (found.is_terminal or given):
        return found
    width = 80 if given else FILE_WIDTH
    return made(width=width)


@cache
def _console_class() -> type[Console]:
    """Return a console class that shows any string as plain text on one line."""
    from rich.console import Console

    class PlainConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(visible(text), **options)

    return PlainConsole


def on_lines(*lines: Text) -> Text:
    """Put each text on its own line."""
    from rich.text import Text

    return Text("\n").join(lines)


def text(*parts: str | tuple[str, str], style: str = "") -> Text:
    """Make a text on one line from plain parts and parts with a style."""
    from rich.text import Text

    found = Text(style=style)
    for part in parts:
        words, own = (part, None) if isinstance(part, str) else part
        found.append(visible(words), own)
    return found


def noted(value: str, note: str) -> Text:
    """Make a text with a note in brackets."""
    return text(value, (f"  ({note})" if note else "", DIM))


def stacked(*parts: RenderableType) -> Group:
    """Put each part below the one before."""
    from rich.console import Group

    return Group(*parts)


def no_room(left_out: list[str], advice: str = "") -> list[Text]:
    """Return a line that names the columns that are not shown, if there are any."""
    if not left_out:
        return []
    return [text((f"No room for the columns {', '.join(left_out)}{advice}.", DIM))]


def grid(*titles: str, left: Container[str] = (), gap: int = 1) -> Table:
    """Return a table with a rule under its titles; columns not in `left` are right-aligned."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap, 0, 0))
    for title in titles:
        table.add_column(title, justify="left" if title in left else "right", no_wrap=True)
    return table


def fitting(
    titles: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    width: int,
    left: Container[str] = (),
    optional: Sequence[str] = (),
) -> Table:
    """Return such a table that is no wider than `width`.

    Columns that are `optional` are left out where there is no room, the first of them first. Then
    the cells of the first column lose their beginnings.
    """
    lines: list[list[str | Text]] = [[*titles], *map(list, rows)]
    without = list(optional)
    widths = [max(len(str(cell)) for cell in column) for column in zip(*lines)]
    least = min(widths[0], max(NARROWEST, len(titles[0])))
    while without and _grid_width([least, *widths[1:]]) > width:
        place = lines[0].index(without.pop(0))
        del widths[place]
        for line in lines:
            del line[place]
    room = max(width - _grid_width([0, *widths[1:]]), 1)
    table = grid(*map(str, lines[0]), left=left)
    for line in lines[1:]:
        table.add_row(ending(str(line[0]), room), *line[1:])
    return table


def _grid_width(widths: Sequence[int]) -> int:
    """Return how wide a grid with such columns is, with what is between and around them."""
    return sum(widths) + 2 * len(widths)


def captioned(table: Table, caption: str) -> Table:
    """Add a caption below a table."""
    table.caption, table.caption_justify = caption, "left"
    return table


def facts(rows: Iterable[tuple[str, str | Text]], width: int | None = None) -> Table:
    """Return bold labels, in a column of `width` or more, with their facts beside them."""
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style=BOLD, no_wrap=True, min_width=width)
    table.add_column(overflow="fold")
    for label, said in rows:
        table.add_row(label, said)
    return table


def bar(value: int, peak: int, cells: int) -> str:
    """Draw a bar that is proportional to the largest value of its column."""
    if not value:
        return ""
    if cells == 1:
        return EIGHTHS_HIGH[max(1, round(8 * value / peak))]
    whole, rest = divmod(max(1, round(8 * cells * value / peak)), 8)
    return EIGHTHS_WIDE[8] * whole + EIGHTHS_WIDE[rest].strip()


def ending(path: str, room: int) -> str:
    """Return a path, or as much of its end as there is room for."""
    return path if len(path) <= room else f"…{path[len(path) - room + 1 :]}"


def outline(body: list[list[str]]) -> dict[int, str]:
    """Shorten paths to their last names; return blocks as headings, by line of first layer.

    A name that is a number keeps the name before it.
    """
    heads: dict[int, str] = {}
    above = ""
    for n, line in enumerate(body):
        block, _, name = line[0].rpartition(".")
        if name.isdigit():
            block, _, before = block.rpartition(".")
            name = f"{before}.{name}" if before else name
        if block and block != above:
            heads[n] = block
        above = block
        line[0] = f"  {name}" if block else name
    return heads


class Screen:
    """An object of rich that is laid out for a console."""

    def __init__(self, shown: RenderableType, screen: Console) -> None:
        self.shown = shown
        self.screen = screen

    def written(self, colour: bool = False) -> str:
        """Lay it out, with or without colours.

        Texts are made visible before columns get their widths; this makes sure of it.
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
    """Make the text of a piece of a layout visible, but keep its line ends."""
    return piece._replace(text="\n".join(map(visible, piece.text.split("\n"))))


@dataclass
class LayerTable:
    """A table with a line for each layer, beginning with its path.

    It is laid out here, because rich's Table takes seconds for ten thousand layers.
    """

    titles: list[str]
    body: list[list[str]]
    ends: list[str]  # the sums; empty texts if there are none
    numeric: list[bool]  # which columns are right-aligned
    barred: list[bool]  # which columns have a bar beside them
    bar: int = 0  # cells of a bar
    bars: list[list[str]] = field(default_factory=list)  # of each layer
    styles: list[str | None] = field(default_factory=list)  # of each layer
    above: list[list[str]] = field(default_factory=list)  # lines above the layers
    gap: int = 1  # spaces between columns

    def __post_init__(self) -> None:
        for line in self._lines():
            line[:] = map(visible, line)

    @property
    def widths(self) -> list[int]:
        """Return the widths that the columns need."""
        return [max(map(len, column)) for column in zip(*self._lines())]

    def keep(self, count: int) -> None:
        """Keep the first columns only."""
        for line in self._lines():
            del line[count:]
        self.numeric, self.barred = self.numeric[:count], self.barred[:count]

    def width(self, bar: int) -> int:
        """Return the width that a line needs, with bars of so many cells."""
        return self.width_of(self.widths, bar)

    def width_of(self, widths: Sequence[int], bar: int) -> int:
        """Return the same for columns of these widths."""
        bars = sum(self.barred) * (bar + 1) if bar else 0
        return 1 + sum(widths) + self.gap * (len(widths) - 1) + bars

    def _lines(self) -> list[list[str]]:
        return [self.titles, *self.above, *self.body, self.ends]

    def render(self, room: int | None = None) -> Segments:
        """Lay the table out. If paths are wider than `room`, blocks become headings."""
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
        self.gap = " " * table.gap
        self.width = table.width_of(widths, table.bar)
        self.segment = Segment
        self.styles = {name: Style.parse(name) for name in (BOLD, DIM, CYAN, RED)}

    def free(self, words: str, style: str | None = None) -> list[Segment]:
        """Return a text that is not in a column."""
        return [self.segment(words, self.styles.get(style or ""))]

    def line(self, values: list[str], style: str | None, bars: Iterable[str] = ()) -> list[Segment]:
        """Return one line; a value that is too long loses its beginning."""
        segments: list[Segment] = []
        shares = iter(bars)
        pending, gap = "", " "
        for value, (width, numeric, barred) in zip(values, self.columns):
            value = ending(value, width)
            pending += gap + (value.rjust(width) if numeric else value.ljust(width))
            gap = self.gap
            if barred:
                segments += self.free(pending + " ", style)
                segments += self.free(next(shares, "").ljust(self.bar), CYAN)
                pending = ""
        return segments + self.free(pending.rstrip() + "\n", style)
