"""A module held to its spec, as a table and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.style import Style
from rich.table import Table
from rich.text import Text

from .columns import shape_text
from .json import SCHEMA_VERSION, diagnostic_data, dumps
from .table import heading
from .verify import GREEN, RED, marked

if TYPE_CHECKING:
    from ..torch_backend.hold.hold import Held, Pair
    from ..torch_backend.hold.recorder import Event


def render(held: Held, width: int) -> Group:
    """What the spec computes beside what the module does, in call order, and the totals."""
    title = heading(held.report).append(
        f"\nheld to it: {held.module}, on {held.environment['device']} with torch {held.environment['torch']}",
        "dim",
    )
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    wide = width >= 100
    for name, column in (
        ("layer", {"overflow": "fold"}),
        ("output", {"no_wrap": True}),
        ("weights", {"overflow": "fold"}),
        ("", {"no_wrap": True}),
        ("module", {"overflow": "fold"}),
    ):
        if wide or name != "weights":
            grid.add_column(name, **column)  # type: ignore[arg-type]
    ops = {row.path: row.op for row in held.report.rows}
    for pair in merged(held.pairs):
        event = pair.expected or pair.found
        if event is None:
            continue
        kind = ops.get(event.where, event.kind) if pair.ok else event.kind
        weights = [" ".join(shape_text(shape) for shape in event.weights)] if wide else []
        theirs = place(pair) if pair.ok else f"{place(pair)} {pair.found or 'nothing'}".strip()
        grid.add_row(
            pair.expected.where if pair.expected else "–",
            f"{kind} {shape_text((event.shape or ())[1:])}",
            *weights,
            "✓" if pair.ok else "✗",
            theirs,
            style=None if pair.ok else RED,
        )
    return Group(title, grid, summary(held))


def merged(pairs: list[Pair]) -> list[Pair]:
    """Several computations of one layer that all agree, such as a norm's, as the last of them."""
    return [
        pair
        for pair, after in zip(pairs, [*pairs[1:], None])
        if not (pair.ok and after and after.ok and homes(pair) == homes(after))
    ]


def homes(pair: Pair) -> tuple[str, ...]:
    return tuple(event.where for event in (pair.expected, pair.found) if event)


def place(pair: Pair) -> str:
    return (pair.found.where or "forward") if pair.found else ""


def summary(held: Held) -> Table:
    """The totals and the verdict."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    for check in held.totals:
        if check.what == "outputs":
            check = check._replace(
                predicted=" ".join(map(shape_text, check.predicted)),
                measured=" ".join(map(shape_text, check.measured)),
            )
        grid.add_row(check.what, Text(marked(check, False), RED if not check.ok else Style()))
    wrong = sum(not pair.ok for pair in held.pairs)
    verdict = (
        f"{wrong} of {len(held.pairs)} computations differ ✗"
        if wrong
        else f"all {len(held.pairs)} computations agree ✓"
    )
    grid.add_row("held", Text(verdict, GREEN if held.ok else RED))
    for note in held.notes:
        grid.add_row("note", Text(note, "dim"))
    return grid


def json(target: str, held: Held) -> str:
    """The object that `verify --module --format json` prints."""
    return dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "ok": held.ok,
            "spec": target,
            "module": held.module,
            "batch": held.report.batch,
            **held.environment,
            "seconds": round(held.seconds, 3),
            "notes": held.notes,
            "calls": [
                {"expected": event(pair.expected), "found": event(pair.found), "ok": pair.ok}
                for pair in held.pairs
            ],
            "totals": [check._asdict() for check in held.totals],
            "diagnostics": [diagnostic_data(d) for d in held.diagnostics],
        }
    )


def event(found: Event | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "path": found.where,
        "computes": found.kind,
        "output_shape": list(found.shape[1:]) if found.shape else None,
        "weights": [list(shape) for shape in found.weights],
        **dict(found.numbers),
    }
