"""A report as a table for people, by rich."""

from __future__ import annotations

from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from ..analysis.fold import Report, Row
from ..analysis.published import Comparison
from ..cost import CONVENTIONS
from ..num import product
from .columns import BARRED, COLUMNS, DASH, Column, axes_text, mebibytes, shape_text, short, standard, text, totals

WIDE, BLOCKS = 110, " ▁▂▃▄▅▆▇█"
EIGHTHS = " ▏▎▍▌▋▊▉█"


def render(report: Report, rows: list[Row], width: int, columns: tuple[str, ...] | None = None, convention: str = "macs") -> Group:
    """The table of the rows, the totals, the published figures."""
    chosen = [COLUMNS[key] for key in columns or standard(convention)]
    shown = table(report, rows, chosen, width)
    if not report.ok:  # sums of a part of the network would mislead
        shown.show_footer = False
        return Group(heading(report), shown, Text("and no further: see the error", "dim"))
    return Group(heading(report), shown, summary(report, convention))


def heading(report: Report) -> Text:
    inputs = ", ".join((f"{name} " if len(report.inputs) > 1 else "") + shape_text(shape) for name, shape in report.inputs.items())
    line = Text.assemble((report.name, "bold"), f"  input {inputs}", f", batch {report.batch}" if report.batch > 1 else "", f", {report.dtype}")
    return line.append(f"\n{report.source}", "dim") if report.source else line


def table(report: Report, rows: list[Row], columns: list[Column], width: int) -> Table:
    """One line per layer; the input above, the sums below. A counted column has its bar in a column beside it."""
    bar = 6 if width >= WIDE else 1
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_footer=True)
    label = room_for_label(report, rows, columns, width, bar)
    for column, end in zip(columns, totals(report, columns)):
        number = column.total is not None or column.key.startswith("rf")
        grid.add_column(Text(column.title), Text("" if end is None else text(end), "bold"), justify="right" if number else "left", no_wrap=True)
        if column.key in BARRED:
            grid.add_column(min_width=bar, style="cyan", no_wrap=True)
    for line in input_lines(report, columns):
        grid.add_row(*line, style="dim")
    peaks = {c.key: max((c.value(row) for row in rows), default=0) for c in columns if c.key in BARRED}
    for row in rows:
        grid.add_row(*(part for column in columns for part in cells(column, row, peaks, bar, label)))
    return grid


def input_lines(report: Report, columns: list[Column]) -> list[list[str]]:
    """The inputs, which are kept as activations too."""
    lines = []
    for name, shape in report.inputs.items():
        known = {"path": name, "output": shape_text(shape), "activations": f"{product(shape) * report.batch:,}"}
        lines.append([part for c in columns for part in (known.get(c.key, ""), *([""] if c.key in BARRED else []))])
    return lines


def cells(column: Column, row: Row, peaks: dict[str, int], bar: int, label: int) -> list[str | Text]:
    """A value, and its bar where it has one."""
    value = column.value(row)
    if column.key == "path":
        return [value if len(value) <= label else "…" + value[len(value) - label + 1 :]]
    if column.key in BARRED:
        return [text(value), share(value, peaks[column.key], bar)] if value else [Text(DASH, "dim"), ""]
    return [text(value)]


def share(value: int, peak: int, cells: int) -> str:
    """A bar in proportion to the largest value of its column."""
    if cells == 1:
        return BLOCKS[max(1, round(8 * value / peak))]
    eighths = max(1, round(8 * cells * value / peak))
    return EIGHTHS[8] * (eighths // 8) + (EIGHTHS[eighths % 8] if eighths % 8 else "")


def room_for_label(report: Report, rows: list[Row], columns: list[Column], width: int, bar: int) -> int:
    """Characters left for the layers' paths when every other column is as wide as it needs to be, one space between."""
    used = 2
    for column, end in zip(columns, totals(report, columns)):
        if column.key != "path":
            widest = max((len(text(column.value(row))) for row in rows), default=0)
            used += max(widest, len(column.title), len(text(end)) if end is not None else 0) + 1
            used += bar + 1 if column.key in BARRED else 0
    return max(12, width - used - 1)


def summary(report: Report, convention: str) -> Table:
    """The totals in words, then budgets and published figures."""
    t = report.totals
    cost = t.macs if convention == "macs" else t.flops
    parts = " + ".join(f"{getattr(t, part):,} {part}" for part in ("weights", "biases", "affine") if getattr(t, part))
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_row("parameters", noted(f"{t.params:,} = {mebibytes(t.param_bytes)}", parts))
    grid.add_row("MACs" if convention == "macs" else "FLOPs", noted(f"{cost:,} = {short(cost)}", CONVENTIONS[convention]))
    grid.add_row("activations", noted(f"{t.activations:,} = {mebibytes(t.activation_bytes)}", "the input and every output, each kept once"))
    if field := report.receptive_field:
        at, seen = field
        grid.add_row("field", noted(f"{axes_text(seen.size)} at {at}, stride {axes_text(seen.stride)}, padding {axes_text(seen.padding)}", "the last layer that does not see everything"))
    if t.buffers:
        grid.add_row("buffers", noted(f"{t.buffers:,}", "saved, not trained"))
    for budget in report.budgets:
        grid.add_row("budget", Text.assemble(f"{budget.what} {budget.ours:,}, {budget.limit}: ", ("passed", "bold red") if budget.passed else ("kept", "green")))
    published(report, grid)
    return grid


def noted(value: str, note: str) -> Text:
    return Text.assemble(value, (f"  ({note})" if note else "", "dim"))


def published(report: Report, grid: Table) -> None:
    """How many published figures agree, and those that differ, once for each reason."""
    if not report.published:
        return
    agree = [figure for figure in report.published if figure.agrees]
    differing: dict[str, list[Comparison]] = {}
    for figure in report.published:
        if not figure.agrees:
            differing.setdefault(figure.erratum or "no erratum", []).append(figure)
    sources = ", ".join(dict.fromkeys((figure.source or "").partition(",")[0].partition(":")[0] for figure in agree))
    grid.add_row("published", noted(f"{len(agree)} of {len(report.published)} figures agree", sources))
    for reason, figures in differing.items():
        grid.add_row("", Text.assemble(("differs: ", "yellow"), ", ".join(map(difference, figures)), (f". {reason}", "dim")))


def difference(figure: Comparison) -> str:
    """``activations at conv1 253440 (290,400)``: as printed, and ours."""
    ours = f"{figure.ours:,}" if isinstance(figure.ours, int) else shape_text(figure.ours)
    shown = shape_text(tuple(figure.printed)) if isinstance(figure.printed, list) else str(figure.printed)
    return f"{figure.what}{f' at {figure.at}' if figure.at else ''} {shown} ({ours})"


def console(plain_width: int = 160, stderr: bool = False) -> Console:
    """A console that honours NO_COLOR and COLUMNS; a pipe, having no width, gets a wide one."""
    found = Console(stderr=stderr, highlight=False, soft_wrap=False)
    if not found.is_terminal and "COLUMNS" not in found._environ:
        found = Console(stderr=stderr, highlight=False, width=plain_width)
    return found
