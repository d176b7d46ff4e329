"""Writes what torch's caching allocator takes from a card for a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...wording import bytes_text
from ..formats.table import DIM, grid, stacked, text

if TYPE_CHECKING:
    from rich.console import Group

    from ...analysis.memory.allocator import Reserved

TITLES = ("segments", "requested", "allocated", "reserved", "unused")


def allocator(runs: Sequence[Reserved]) -> Group:
    """Lay out a line for each way to run the allocator."""
    table = grid(*TITLES, left=TITLES[:1])
    for run in runs:
        table.add_row(*allocator_cells(run))
    return stacked(table, text((allocator_note(runs), DIM)))


def allocator_cells(run: Reserved) -> tuple[str, ...]:
    """Return the kind of segments, three peaks, and the fragmentation."""
    segments = "expandable" if run.expandable else "as usual"
    sizes = map(bytes_text, (run.requested, run.allocated, run.reserved))
    return segments, *sizes, f"{run.fragmentation:.1%}"


def allocator_note(runs: Sequence[Reserved]) -> str:
    """Return what the columns mean, and what is not in them."""
    return "; ".join(_notes(runs))


def _notes(runs: Sequence[Reserved]) -> Iterator[str]:
    yield "peaks; unused: the share of the reserved memory, at the peak"
    if runs and runs[0].allowance:
        yield f"with {bytes_text(runs[0].allowance)} for the workspace of cuBLAS (--workspace)"
    yield "without what cuDNN takes while a convolution runs"


def allocator_data(run: Reserved) -> dict[str, Any]:
    """Return the figures of one way to run the allocator, in bytes."""
    return {
        "expandable_segments": run.expandable,
        "requested_peak": run.requested,
        "allocated_peak": run.allocated,
        "reserved_peak": run.reserved,
        "reserved_when_most_allocated": run.reserved_then,
        "fragmentation": run.fragmentation,
        "allowance": run.allowance,
    }
