"""Writes the comparison of a module with its spec, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..wording import DASH, plural, shape_text
from .analyze import heading
from .formats.json import Json, diagnostic_data, document
from .formats.table import DIM, GREEN, RED, facts, grid, stacked, text
from .verify import marked

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from ..torch_backend.hold.alignment import Pair
    from ..torch_backend.hold.hold import Held
    from ..torch_backend.hold.recorder import Event

WIDE = 100  # columns of a screen that has room for the weights


def table(target: str, held: Held, width: int) -> Group:
    """Write what differs between the spec and the module, in call order, and the totals."""
    env = held.environment
    where = f"on {env['device']} with torch {env['torch']}"
    title = heading(held.report, f"compared with {held.module}, {where}")
    summary = facts(_summary(held))
    if all(pair.ok for pair in held.pairs):
        return stacked(title, text(""), summary)
    return stacked(title, _calls(held, width >= WIDE), summary)


def json(target: str, held: Held) -> Json:
    """Write every computation and the totals."""
    return document(
        {
            "ok": held.ok,
            "spec": target,
            "module": held.module,
            "batch": held.report.batch,
            **held.environment,
            "seconds": round(held.seconds, 3),
            "notes": held.notes,
            "calls": [_pair_data(pair) for pair in held.pairs],
            "totals": [check._asdict() for check in held.totals],
            "values": held.values,
            "diagnostics": [diagnostic_data(d) for d in held.diagnostics],
        }
    )


def _calls(held: Held, with_weights: bool) -> Table:
    """Lay out a line for each computation that differs, and for those beside it."""
    table = grid()
    table.add_column("layer", overflow="fold")
    table.add_column("output", no_wrap=True)
    if with_weights:
        table.add_column("weights", overflow="fold")
    table.add_column("", no_wrap=True)
    table.add_column("module", overflow="fold")
    ops = {row.path: row.op for row in held.report.rows}
    for pair in _around_differences(_merged(held.pairs)):
        if isinstance(pair, int):
            table.add_row(text(f"… {plural(pair, 'line')} that agree", style=DIM))
            continue
        event = pair.expected or pair.found
        if event is None:
            continue
        kind = ops.get(event.where, event.kind) if pair.ok else event.kind
        shape = shape_text((event.shape or ())[1:]) or DASH
        weights = " ".join(shape_text(shape) or DASH for shape in event.weights)
        table.add_row(
            pair.expected.where if pair.expected else DASH,
            f"{kind} {shape}",
            *([weights] if with_weights else []),
            "✓" if pair.ok else "✗",
            _module_side(pair),
            style=None if pair.ok else RED,
        )
    return table


def _around_differences(pairs: list[Pair]) -> Iterator[Pair | int]:
    """Yield the pairs that differ and their neighbours; others only as a count."""
    kept = set()
    for n, pair in enumerate(pairs):
        if not pair.ok:
            kept |= {n - 1, n, n + 1}
    for is_kept, run in groupby(enumerate(pairs), key=lambda item: item[0] in kept):
        members = [pair for _, pair in run]
        if is_kept or len(members) == 1:
            yield from members
        else:
            yield len(members)


def _merged(pairs: list[Pair]) -> list[Pair]:
    """Drop all but the last of several computations of one layer if all agree, as for a norm."""
    kept = []
    for pair, after in zip(pairs, [*pairs[1:], None]):
        if not (pair.ok and after and after.ok and _places(pair) == _places(after)):
            kept.append(pair)
    return kept


def _places(pair: Pair) -> tuple[str, ...]:
    return tuple(event.where for event in (pair.expected, pair.found) if event)


def _module_side(pair: Pair) -> str:
    """Return where the module computes it, and if it differs, what it computes."""
    where = (pair.found.where or "forward") if pair.found else ""
    return where if pair.ok else f"{where} {pair.found or 'nothing'}".strip()


def _summary(held: Held) -> Iterator[tuple[str, Text]]:
    """Yield the totals, the verdict and the notes."""
    for check in held.totals:
        if check.what == "outputs":
            check = check._replace(
                predicted=" ".join(map(shape_text, check.predicted)),
                measured=" ".join(map(shape_text, check.measured)),
            )
        yield check.what, text(marked(check, False), style="" if check.ok else RED)
    wrong = sum(not pair.ok for pair in held.pairs)
    verdict = f"all {len(held.pairs)} computations agree ✓"
    if len(held.pairs) == 1:
        verdict = "the one computation agrees ✓"
    if held.values is False:
        verdict = "the computations agree, but not the values ✗"
    elif wrong:
        verdict = f"{wrong} of {len(held.pairs)} computations differ ✗"
    yield "result", text(verdict, style=GREEN if held.ok else RED)
    for note in held.notes:
        yield "note", text(note, style=DIM)


def _pair_data(pair: Pair) -> dict[str, Any]:
    return {
        "expected": _event_data(pair.expected),
        "found": _event_data(pair.found),
        "ok": pair.ok,
    }


def _event_data(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    return {
        "path": event.where,
        "computes": event.kind,
        "output_shape": event.shape[1:] if event.shape else None,
        "weights": event.weights,
        **dict(event.numbers),
    }
