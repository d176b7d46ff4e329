"""Defines a finding as the search collects it: its place, its repairs, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ...diagnostic import Diagnostic, Edit, Fix, Position
from ..finding import Finding

REPAIRABLE = ("CNN2", "CNN301")  # codes for which repairs are searched
OFFERED = 3  # most repairs that are offered for a finding
_ONCE = ("CNN003", "CNN2", "CNN301")  # codes that count once per place, whatever the message

Key = tuple[str, tuple[int, int] | None, str]


@dataclass(eq=False)
class Entry:
    """A finding at its place in the text as written; one for all variants that have it."""

    diagnostic: Diagnostic
    later: bool  # found only after earlier errors were repaired
    variants: list[str | None] = field(default_factory=list)
    fixes: list[Fix] = field(default_factory=list)  # those that the text as written allows
    complete_fixes: list[Fix] = field(default_factory=list)  # the whole network is valid after them
    placeholder: Fix | None = None  # applied only to check what comes after it
    applied: tuple[Edit, ...] = ()  # edits of its revision that lead to the next revision
    repaired_by: tuple[Edit, ...] = ()  # edits of the text as written that count as its repair
    hides: bool = False  # what depends on its layer is not checked
    consequence: bool = False  # it probably follows from an earlier finding

    @property
    def is_error(self) -> bool:
        """Whether its severity is error."""
        return self.diagnostic.severity == "error"

    @property
    def is_reported(self) -> bool:
        """Whether it is reported: every error of the text as written is."""
        return not (self.later and self.consequence)

    def finding(self) -> Finding:
        """Return the finding, with its repairs as help and the first of them as its fix."""
        fix = self.fixes[0] if self.fixes else None
        diagnostic = self.diagnostic._replace(fix=fix)
        if self.fixes and diagnostic.code.startswith(REPAIRABLE):
            titles = [fix.title for fix in self.fixes[:OFFERED]]
            diagnostic = diagnostic._replace(help="; or ".join(titles))
        return Finding(
            diagnostic=diagnostic,
            variants=tuple(self.variants),
            later=self.later,
            hides=self.hides,
            fixes=tuple(self.fixes[:OFFERED]),
        )


def key_of(diagnostic: Diagnostic, place: Position | None) -> Key:
    """Return the key of a finding: code, place in the text as written, and often the message.

    Two diagnostics with the same key are one finding. Where variants may differ in the numbers of
    a message (sizes, warnings and notes), the key leaves the message out.
    """
    place_is_enough = diagnostic.severity != "error" or diagnostic.code.startswith(_ONCE)
    wording = "" if place_is_enough else diagnostic.message
    return diagnostic.code, place and (place.line, place.column), wording
