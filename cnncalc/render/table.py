"""A report as a table for people, by rich."""

from __future__ import annotations

import os
from typing import NamedTuple

from rich.console import Console, Group
from rich.segment import Segment, Segments
from rich.style import Style
from rich.table import Table
from rich.text import Text

from ..analysis.published import Comparison
from ..analysis.rows import Report, Row
from ..conventions import CONVENTIONS
from .columns import (
    BARRED,
    DASH,
    Column,
    axes_text,
    chosen,
    input_values,
    mebibytes,
    shape_text,
    short,
    text,
    totals,
)

WIDE, BLOCKS = 110, " ▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉█"
BOLD, DIM, CYAN = Style(bold=True), Style(dim=True), Style(color="cyan")


def render(
    report: Report, rows: list[Row], width: int, columns: tuple[str, ...] | None = None
) -> Group:
    """The table of the rows, the totals, the published figures."""
    shown = table(report, rows, chosen(report, columns), width)
    if not report.complete:  # sums of a part of the network would mislead
        return Group(heading(report), shown, Text("and no further: see the error", "dim"))
    return Group(heading(report), shown, summary(report))


def heading(report: Report, dtype: bool = True) -> Text:
    """The network's name, input and source."""
    inputs = ", ".join(
        (f"{name} " if len(report.inputs) > 1 else "") + shape_text(shape)
        for name, shape in report.inputs.items()
    )
    line = Text.assemble(
        (report.name, "bold"),
        f"  input {inputs}",
        f", batch {report.batch}" if report.batch > 1 else "",
        f", {report.dtype}" if dtype else "",
    )
    return line.append(f"\n{report.source}", "dim") if report.source else line


def table(report: Report, rows: list[Row], columns: list[Column], width: int) -> Segments:
    """One line per layer; the input above, the sums below. A counted column has its bar beside it.

    Laid out here, not by rich's Table, whose layout takes seconds for ten thousand layers.
    """
    bar = 6 if width >= WIDE else 1
    ends = (
        ["" if end is None else text(end) for end in totals(report, columns)]
        if report.complete
        else [""] * len(columns)
    )
    body = [[text(column.value(row)) for column in columns] for row in rows]
    for line in body:
        line[:] = [
            DASH if value == "0" and column.key in BARRED else value
            for value, column in zip(line, columns)
        ]
    above = [
        ["" if value is None else text(value) for value in line]
        for line in input_values(report, columns)
    ]
    lines = [[column.title for column in columns], *above, *body, ends]
    widths = [max(map(len, column)) for column in zip(*lines)]
    barred = sum(column.key in BARRED for column in columns)
    heads: dict[int, str] = {}
    if columns[0].key == "path":
        room = max(width - sum(widths[1:]) - (len(columns) + 1) - barred * (bar + 1), 12)
        if widths[0] > room:
            heads = outline(body)
            widths[0] = min(max(len(line[0]) for line in lines), room)
    layout = Layout(columns, widths, bar)
    peaks = {
        c.key: max((c.value(row) for row in rows), default=0) for c in columns if c.key in BARRED
    }
    bars = [
        [share(c.value(row), peaks[c.key], bar) for c in columns if c.key in BARRED] for row in rows
    ]
    rule = " " + "─" * (layout.width - 1) + "\n"
    segments = [Segment("\n"), *layout.line(lines[0], BOLD), Segment(rule)]
    for line in above:
        segments += layout.line(line, DIM)
    for n, (line, shares) in enumerate(zip(body, bars)):
        if n in heads:
            segments.append(Segment(f" {heads[n]}\n", DIM))
        segments += layout.line(line, None, shares)
    if report.complete:
        segments += [Segment("\n"), *layout.line(ends, BOLD)]
    return Segments([*segments, Segment("\n")])


def outline(body: list[list[str]]) -> dict[int, str]:
    """Paths too long for their column become headings, each over the layers directly in it; those keep their last name."""
    heads, above = {}, ""
    for n, line in enumerate(body):
        block, _, name = line[0].rpartition(".")
        if block != above and block:
            heads[n] = block
        above = block
        line[0] = f"  {name}" if block else name
    return heads


class Layout(NamedTuple):
    """Widths of the columns and of the bars beside them."""

    columns: list[Column]
    widths: list[int]
    bar: int

    @property
    def width(self) -> int:
        return (
            sum(self.widths)
            + len(self.columns)
            + sum(self.bar + 1 for column in self.columns if column.key in BARRED)
        )

    def line(
        self, values: list[str], style: Style | None, bars: list[str] | None = None
    ) -> list[Segment]:
        """One line: a path that is too long loses its beginning, numbers stand to the right."""
        segments, shares, pending = [], iter(bars or ()), ""
        for column, value, width in zip(self.columns, values, self.widths):
            if len(value) > width:
                value = "…" + value[len(value) - width + 1 :]
            pending += " " + (value.rjust(width) if column.numeric else value.ljust(width))
            if column.key in BARRED:
                segments += [
                    Segment(pending + " ", style),
                    Segment(next(shares, "").ljust(self.bar), CYAN),
                ]
                pending = ""
        return [*segments, Segment(pending.rstrip() + "\n", style)]


def share(value: int, peak: int, cells: int) -> str:
    """A bar in proportion to the largest value of its column."""
    if not value:
        return ""
    if cells == 1:
        return BLOCKS[max(1, round(8 * value / peak))]
    eighths = max(1, round(8 * cells * value / peak))
    return EIGHTHS[8] * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def summary(report: Report) -> Table:
    """The totals in words, then budgets and published figures."""
    t, convention = report.totals, CONVENTIONS[report.convention]
    parts = " + ".join(
        f"{getattr(t, part):,} {part}"
        for part in ("weights", "biases", "affine")
        if getattr(t, part)
    )
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_row("parameters", noted(f"{t.params:,} = {mebibytes(t.param_bytes)}", parts))
    if t.counted is not None:
        by = convention.unit if convention.name in ("macs", "flops") else convention.name
        grid.add_row(
            by,
            noted(
                f"{t.counted:,} = {short(t.counted)}",
                told(convention.notes[0].text) if report.rule == "mac" else report.rule,
            ),
        )
    if t.counted_params != t.params:
        grid.add_row(
            f"by {convention.name}",
            noted(f"{t.counted_params:,} parameters", convention.about_params),
        )
    grid.add_row(
        "activations",
        noted(
            f"{t.activations:,} = {mebibytes(t.activation_bytes)}",
            "the input and every output, each kept once",
        ),
    )
    if field := report.receptive_field:
        at, seen = field
        grid.add_row(
            "field",
            noted(
                f"{axes_text(seen.size)} at {at}, stride {axes_text(seen.stride)}, padding {axes_text(seen.padding)}",
                "the last layer that does not see everything",
            ),
        )
    if t.buffers:
        grid.add_row("buffers", noted(f"{t.buffers:,}", "saved, not trained"))
    for budget in report.budgets:
        grid.add_row(
            "budget",
            Text.assemble(
                f"{budget.what}{f' at {budget.at}' if budget.at else ''} {budget.ours if isinstance(budget.ours, str) else f'{budget.ours:,}'}, {budget.limit}: ",
                (budget.verdict, "green" if budget.verdict == "kept" else "bold red"),
            ),
        )
    published(report, grid)
    return grid


def told(sentence: str) -> str:
    """A sentence as a remark in brackets."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def noted(value: str, note: str) -> Text:
    return Text.assemble(value, (f"  ({note})" if note else "", "dim"))


def published(report: Report, grid: Table) -> None:
    """How many published figures agree, and those that differ, once for each reason."""
    if report.not_compared:
        grid.add_row(
            "published",
            Text(
                f"{report.not_compared} figures not compared: they are of the network as written",
                "dim",
            ),
        )
    if not report.published:
        return
    agree = [figure for figure in report.published if figure.agrees]
    differing: dict[str, list[Comparison]] = {}
    for figure in report.published:
        if not figure.agrees:
            differing.setdefault(figure.erratum or "no erratum", []).append(figure)
    sources = ", ".join(
        dict.fromkeys((figure.source or "").partition(",")[0].partition(":")[0] for figure in agree)
    )
    grid.add_row(
        "published", noted(f"{len(agree)} of {len(report.published)} figures agree", sources)
    )
    for reason, figures in differing.items():
        grid.add_row(
            "",
            Text.assemble(
                ("differs: ", "yellow"), ", ".join(map(difference, figures)), (f". {reason}", "dim")
            ),
        )


def difference(figure: Comparison) -> str:
    """``activations at conv1 253440 (290,400)``: as printed, and ours."""
    ours = f"{figure.ours:,}" if isinstance(figure.ours, int) else shape_text(figure.ours)
    shown = (
        shape_text(tuple(figure.printed))
        if isinstance(figure.printed, list)
        else str(figure.printed)
    )
    return f"{figure.what}{f' at {figure.at}' if figure.at else ''} {shown} ({ours})"


def console(plain_width: int = 160, stderr: bool = False) -> Console:
    """A console that honours NO_COLOR and COLUMNS; a pipe, having no width, gets a wide one."""
    found = Console(stderr=stderr, highlight=False, emoji=False)
    given = os.environ.get("COLUMNS", "")
    if not (found.is_terminal or given) or found.width < 20:
        found = Console(
            stderr=stderr, highlight=False, emoji=False, width=plain_width if not given else 80
        )
    return found
