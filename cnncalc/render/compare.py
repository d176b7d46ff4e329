"""Writes what every convention counts of a network, in every format: by operator, and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..analysis.compare import Count
from ..analysis.result import Report
from ..at_least import AtLeast
from ..conventions import Term, parsed
from ..wording import DASH, shape_text, short
from .analyze import heading
from .formats.csv import Csv
from .formats.json import Json, document, with_unknown
from .formats.markdown import Page
from .formats.table import BOLD, DIM, facts, grid, on_lines, stacked, text

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

WIDE, NARROW = 100, 80  # columns that layer counts need; operators need
NAMES = 4  # operators named in a sentence; JSON lists all
LABELS = 11  # columns for the names of conventions
BUILT = (
    "The counts are for the network as cnncalc builds it, from modules of torch.nn. If code uses a"
    " function, a subclass or `+` instead of such a module, torchinfo, ptflops and thop count"
    " differently."
)
OPERATIONS = "mac, add, mul, div, cmp, exp: operations of a layer"
SYMBOLS = {
    "x": "values in its input",
    "y": "values in its output",
    "places": "positions of its output",
    "weights": "parameters that it uses",
    "filters": "parameters without biases",
    "read": "values that it reads, including padding",
}


def table(report: Report, counts: list[Count], width: int) -> Group:
    """Write what each convention counts by operator, the sums, and why the sums differ."""
    from rich.padding import Padding

    sums = _sums(counts) if width < NARROW else _operators(report, counts, width >= WIDE)
    paragraphs = [Padding(part, (0, 0, 1, 0)) for part in _paragraphs(report, counts)]
    return stacked(heading(report, dtype=False), sums, _legend(counts), *paragraphs)


def json(report: Report, counts: list[Count]) -> Json:
    """Write every convention."""
    return document(
        {
            "name": report.name,
            "variant": report.variant,
            "input": report.inputs,
            "batch": report.batch,
            "conventions": [_data(report, count) for count in counts],
        }
    )


def csv(report: Report, counts: list[Count]) -> Csv:
    """Write a line for each operator, the sums, and the parameters."""
    return Csv(_titles(counts), *_lines(report, counts))


def markdown(report: Report, counts: list[Count]) -> Page:
    """Write a heading and the lines of the CSV as a table."""
    shapes = ", ".join(map(shape_text, report.inputs.values()))
    batch = f", batch {report.batch:,}" if report.batch > 1 else ""
    titles = _titles(counts)
    lines = [[name, *map(_separated, cells)] for name, *cells in _lines(report, counts)]
    page = Page()
    page.heading(f"{report.name}, input {shapes}{batch}")
    page.table(titles, [False] + [True] * len(counts), lines)
    return page


def _operators(report: Report, counts: list[Count], with_layers: bool) -> Table:
    """Lay out a line for each operator that some convention counts, and the sums."""
    distinct = _distinct(counts)
    table = grid("operator", left=("operator",), gap=1 if with_layers else 0)
    if with_layers:
        table.add_column("layers", justify="right", no_wrap=True)
    for count in distinct:
        table.add_column(count.convention.name, justify="right", no_wrap=True, min_width=8)
    layers = Counter(row.op for row in report.rows)
    for op, number in layers.items():
        cells = [count.by_operator[op] for count in distinct]
        if any(cells):
            shown = [str(number)] if with_layers else []
            table.add_row(op, *shown, *map(_brief, cells))
    table.add_section()
    shown = [str(len(report.rows))] if with_layers else []
    table.add_row("total", *shown, *(_brief(count.total) for count in distinct), style=BOLD)
    return table


def _sums(counts: list[Count]) -> Table:
    """Lay out only the sums, for a screen that is too narrow for the operators."""
    table = grid()
    table.add_column("convention")
    table.add_column("total", justify="right")
    for count in counts:
        if count.convention.terms:
            table.add_row(count.convention.name, _brief(count.total))
    return table


def _distinct(counts: list[Count]) -> list[Count]:
    """Return the first convention with each list of rules, if it counts more than parameters."""
    found: dict[tuple[Term, ...], Count] = {}
    for count in counts:
        if count.convention.terms:
            found.setdefault(count.convention.terms, count)
    return list(found.values())


def _brief(value: int) -> str:
    return short(value) if value else DASH


def _legend(counts: list[Count]) -> Text:
    """Return what the names in the rules below mean."""
    used: set[str] = set()
    for count in counts:
        for term in count.terms:
            used.update(*parsed(term.formula))
    symbols = [f"{name}: {what}" for name, what in SYMBOLS.items() if name in used]
    lines = (BUILT, "; ".join([OPERATIONS, *symbols]), "")
    return on_lines(*(text((line, DIM)) for line in lines))


def _paragraphs(report: Report, counts: list[Count]) -> Iterator[Table]:
    """Yield a paragraph for each convention; rules that several share are explained once."""
    macs = counts[0]
    explained: set[tuple[Term, ...]] = set()
    for count in counts:
        terms = count.convention.terms
        lines = _notes(report, count)
        if terms not in explained:
            lines = [*_sentences(report, count, macs), *lines]
        explained.add(terms)
        head = text(_headline(count, macs), (f"  {count.convention.who}", DIM))
        rows: Iterable[tuple[str, Text]] = (("", text(line)) for line in lines)
        yield facts([(count.convention.name, head), *rows], LABELS)


def _headline(count: Count, macs: Count) -> str:
    """Return ``4,111,512,576 flops = 4.112 G, 1.0055 × MACs``; for Keras, the parameters."""
    if not count.convention.terms:
        return f"{count.params:,} parameters"
    line = f"{count.total:,} {count.convention.unit} = {short(count.total)}"
    known = not isinstance(macs.total, AtLeast) and not isinstance(count.total, AtLeast)
    if known and macs.total and abs(count.total / macs.total - 1) >= 0.0005:
        line += f", {count.total / macs.total:.4g} × MACs"
    return line


def _sentences(report: Report, count: Count, macs: Count) -> Iterator[str]:
    """Yield a convention's rule, where it differs, what it leaves out, and its parameters."""
    if count.total:
        yield count.rule
        yield from _against(count, macs)
    for why, names in count.silent.items():
        if why:
            yield f"counts nothing for {_listed(names)}: {why}"
    if count.params != report.totals.params and count.convention.terms:
        counted = f"{count.params:,} parameters, of {report.totals.params:,}"
        yield f"{counted}: {count.convention.about_params}"


def _against(count: Count, macs: Count) -> Iterator[str]:
    """Yield how it differs from the multiply–accumulates, by operator, largest difference first."""
    twice = any(term.formula.startswith("2*mac") for term in count.convention.terms)
    factor, unit = (2, "2 × MACs") if twice else (1, "MACs")
    apart = [
        (op, n - factor * macs.by_operator[op])
        for op, n in count.by_operator.items()
        if not isinstance(n + macs.by_operator[op], AtLeast)
    ]
    apart.sort(key=lambda pair: -abs(pair[1]))
    shown = [f"{op} {n:+,}".replace("-", "−") for op, n in apart if n]
    if shown:
        yield f"compared with {unit}: {_listed(shown)}"


def _notes(report: Report, count: Count) -> list[str]:
    """Return the notes of the convention that concern this network."""
    present = {row.op for row in report.rows}
    return [
        note.text
        for note in count.convention.notes
        if not note.operators or present & set(note.operators.split())
    ]


def _listed(items: list[str]) -> str:
    """Return the first of many names, and how many more there are."""
    if len(items) > NAMES + 1:
        items = [*items[:NAMES], f"{len(items) - NAMES} more"]
    return ", ".join(items)


def _data(report: Report, count: Count) -> dict[str, Any]:
    """Return a convention for JSON; null where it counts only parameters."""
    convention = count.convention
    data = {
        "name": convention.name,
        "who": convention.who,
        "unit": convention.unit or None,
        "total": count.total if convention.terms else None,
        "params": count.params,
        "rule": count.rule if convention.terms else None,
        "by_operator": count.by_operator,
        "silent": count.silent,
        "notes": [note.text for note in convention.notes],
    }
    return with_unknown(data, report.undeclared)


def _titles(counts: list[Count]) -> list[str]:
    return ["operator", *(count.convention.name for count in counts)]


def _lines(report: Report, counts: list[Count]) -> Iterator[list[Any]]:
    """Yield the operators, the sums and the parameters; None if only parameters are counted."""
    for op in dict.fromkeys(row.op for row in report.rows):
        yield [op, *(_counted(count, count.by_operator[op]) for count in counts)]
    yield ["total", *(_counted(count, count.total) for count in counts)]
    yield ["params", *(count.params for count in counts)]


def _counted(count: Count, value: int) -> int | None:
    return value if count.convention.terms else None


def _separated(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
