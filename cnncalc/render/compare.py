"""One network by every convention: side by side for each class of operator, and in words."""

from __future__ import annotations

import csv as csv_module
import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..analysis.compare import Count
from ..analysis.rows import Report
from ..conventions import Term, parsed
from .columns import DASH, shape_text, short
from .json import SCHEMA_VERSION, dumps
from .profile import PLAIN
from .table import heading

BUILT = "Of the network as cnncalc builds it, from modules of torch.nn: where a function, a subclass or `+` stands for one, torchinfo, ptflops and thop see something else.\n"
SYMBOLS = {
    "x": "values of a layer's input",
    "y": "of its output",
    "places": "positions of its output",
    "weights": "its parameters",
    "filters": "its parameters without biases",
    "read": "what it reads, padding included",
}
NAMED = 4  # operators named in a sentence; JSON has all


def table(report: Report, counts: list[Count], width: int) -> Group:
    """The operators of a network by each convention, the sums, and why they differ."""
    if width < 80:
        return Group(
            heading(report, dtype=False),
            sums(counts),
            Text(legend(counts), "dim"),
            *(Padding(part, (0, 0, 1, 0)) for part in words(report, counts)),
        )
    groups = alike(counts)
    grid = Table(**{**PLAIN, "padding": (0, 1 if width >= 100 else 0, 0, 0)})  # type: ignore[arg-type]
    grid.add_column("operator", no_wrap=True)
    if width >= 100:
        grid.add_column("layers", justify="right", no_wrap=True)
    for names, _ in groups:
        grid.add_column(names[0], justify="right", no_wrap=True, min_width=8)
    layers = Counter(row.op for row in report.rows)
    for op in layers:
        if any(count.by_operator[op] for _, count in groups):
            grid.add_row(
                op,
                *([str(layers[op])] if width >= 100 else []),
                *(brief(count.by_operator[op]) for _, count in groups),
            )
    grid.add_section()
    grid.add_row(
        "total",
        *([str(len(report.rows))] if width >= 100 else []),
        *(brief(count.total) for _, count in groups),
        style="bold",
    )
    return Group(
        heading(report, dtype=False),
        grid,
        Text(legend(counts), "dim"),
        *(Padding(part, (0, 0, 1, 0)) for part in words(report, counts)),
    )


def sums(counts: list[Count]) -> Table:
    """The sums alone, a line each, where the operators would not fit beside each other."""
    grid = Table(**PLAIN)  # type: ignore[arg-type]
    grid.add_column("convention")
    grid.add_column("total", justify="right")
    for count in counts:
        if count.convention.terms:
            grid.add_row(count.convention.name, brief(count.total))
    return grid


def legend(counts: list[Count]) -> str:
    """What the names in the rules below stand for."""
    used = {
        name
        for count in counts
        for term in count.terms
        for names in parsed(term.formula)
        for name in names
    }
    return (
        BUILT
        + "; ".join(
            [
                "mac, add, mul, div, cmp, exp: operations",
                *(f"{name}: {what}" for name, what in SYMBOLS.items() if name in used),
            ]
        )
        + "\n"
    )


def alike(counts: list[Count]) -> list[tuple[list[str], Count]]:
    """Conventions that count operations, those of one rule together."""
    groups: dict[tuple, tuple[list[str], Count]] = {}
    for count in counts:
        if count.convention.terms:
            groups.setdefault(count.convention.terms, ([], count))[0].append(count.convention.name)
    return list(groups.values())


def brief(value: int) -> str:
    """A number for a narrow column."""
    return short(value) if value else DASH


def words(report: Report, counts: list[Count]) -> Iterator[Table]:
    """A paragraph for each convention: its sum, its rule, what makes it differ, what it leaves out, its parameters."""
    macs, told = counts[0], set[tuple[Term, ...]]()
    for count in counts:
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(style="bold", no_wrap=True, min_width=11)
        grid.add_column()
        lines = (
            notes(report, count)
            if count.convention.terms in told
            else sentences(report, count, macs)
        )
        told.add(count.convention.terms)
        grid.add_row(
            count.convention.name,
            Text.assemble(headline(count, macs), (f"  {count.convention.who}", "dim")),
        )
        for line in lines:
            grid.add_row("", Text(line))
        yield grid


def headline(count: Count, macs: Count) -> str:
    """``4,111,512,576 flops = 4.112 G, 1.0055 × MACs``; of Keras, its parameters."""
    if not count.convention.terms:
        return f"{count.params:,} parameters"
    ratio = (
        f", {count.total / macs.total:.4g} × MACs"
        if macs.total and abs(count.total / macs.total - 1) >= 0.0005
        else ""
    )
    return f"{count.total:,} {count.convention.unit} = {short(count.total)}{ratio}"


def sentences(report: Report, count: Count, macs: Count) -> list[str]:
    """What a convention's figure is made of."""
    lines = [count.rule] if count.total else []
    lines += against(count, macs)
    lines += [f"nothing for {listed(names)}: {why}" for why, names in count.silent.items() if why]
    if count.params != report.totals.params and count.convention.terms:
        lines.append(
            f"{count.params:,} parameters, of {report.totals.params:,}: {count.convention.about_params}"
        )
    return lines + notes(report, count)


def against(count: Count, macs: Count) -> list[str]:
    """How it differs from the multiply–accumulates, by operator, the most first."""
    twice = any(term.formula.startswith("2*mac") for term in count.convention.terms)
    apart = {
        op: n - (2 if twice else 1) * macs.by_operator[op] for op, n in count.by_operator.items()
    }
    differing = sorted(((op, n) for op, n in apart.items() if n), key=lambda item: -abs(item[1]))
    shown = [f"{op} {n:+,}".replace("-", "−") for op, n in differing]
    return (
        [f"against {'2 × ' if twice else ''}MACs: {listed(shown)}"] if shown and count.total else []
    )


def notes(report: Report, count: Count) -> list[str]:
    """What is to be known of a convention, for this network."""
    present = {row.op for row in report.rows}
    return [
        note.text
        for note in count.convention.notes
        if not note.operators or present & set(note.operators.split())
    ]


def listed(items: list[str]) -> str:
    """Some of many, and how many more."""
    return ", ".join(
        items if len(items) <= NAMED + 1 else [*items[:NAMED], f"{len(items) - NAMED} more"]
    )


def json(report: Report, counts: list[Count]) -> str:
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "name": report.name,
            "variant": report.variant,
            "input": {name: list(shape) for name, shape in report.inputs.items()},
            "batch": report.batch,
            "conventions": [data(count) for count in counts],
        }
    )


def data(count: Count) -> dict[str, Any]:
    """One convention; the total is null where it counts parameters alone."""
    convention = count.convention
    return {
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


def cells(report: Report, counts: list[Count]) -> list[list[str]]:
    """Headings, a line for each operator, the sums and the parameters; plain numbers, none where parameters alone are counted."""
    lines = [["operator", *(count.convention.name for count in counts)]]
    lines += [
        [op, *(str(count.by_operator[op]) if count.convention.terms else "" for count in counts)]
        for op in dict.fromkeys(row.op for row in report.rows)
    ]
    lines.append(
        ["total", *(str(count.total) if count.convention.terms else "" for count in counts)]
    )
    return [*lines, ["params", *(str(count.params) for count in counts)]]


def csv(report: Report, counts: list[Count]) -> str:
    out = io.StringIO()
    csv_module.writer(out, lineterminator="\n").writerows(cells(report, counts))
    return out.getvalue().removesuffix("\n")


def markdown(report: Report, counts: list[Count]) -> str:
    first, *rest = cells(report, counts)
    separated = [
        [line[0], *(f"{int(value):,}" if value else "" for value in line[1:])] for line in rest
    ]
    table = [
        f"| {' | '.join(line)} |"
        for line in [first, ["---", *["---:"] * (len(first) - 1)], *separated]
    ]
    return "\n".join(
        [
            f"### {report.name}, input {', '.join(map(shape_text, report.inputs.values()))}{f', batch {report.batch:,}' if report.batch > 1 else ''}",
            "",
            *table,
        ]
    )
