"""Offers the tried repairs of findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ...checking.finding import Finding
from ...checking.repair.edited_text import Replacement
from ...diagnostic import Fix
from ..places import Places
from .action import Action


def repairs(places: Places, findings: Iterable[Finding]) -> Iterator[Action]:
    """Yield the repairs of findings, the most likely first."""
    for finding in findings:
        fixes = finding.fixes or ((finding.diagnostic.fix,) if finding.diagnostic.fix else ())
        for n, fix in enumerate(fixes):
            changes = _changes(places, fix)
            if changes:
                is_preferred = n == 0 and not fix.alters and not fix.restates
                yield Action(fix.title, "quickfix", changes, finding, is_preferred)


def _changes(places: Places, fix: Fix) -> tuple[Replacement, ...]:
    """Return what a fix replaces; nothing if a part of it does not fit the text."""
    found = [places.edited.replacement(edit) for edit in fix.edits]
    kept = tuple(change for change in found if change is not None)
    return kept if len(kept) == len(found) else ()
