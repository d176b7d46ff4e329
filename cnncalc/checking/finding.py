"""What a check returns: findings, and files with their findings."""

from __future__ import annotations

from typing import NamedTuple

from ..diagnostic import Diagnostic, Fix
from .lock import Lock


class Finding(NamedTuple):
    """A diagnostic in a file.

    Attributes:
        diagnostic: what was found.
        variants: the variants in which it was found; None for the base.
        later: whether it was found only after earlier errors were repaired.
        hides: whether what depends on it was not checked.
        fails: whether it makes the check fail.
        fingerprint: the mark by which a baseline recognises it.
        fixes: all tried repairs, the most likely first; that of the diagnostic is the first.
    """

    diagnostic: Diagnostic
    variants: tuple[str | None, ...] = ()
    later: bool = False
    hides: bool = False
    fails: bool = False
    fingerprint: str = ""
    fixes: tuple[Fix, ...] = ()

    @property
    def place(self) -> tuple[int, int]:
        """Line and column; findings without a position come first."""
        position = self.diagnostic.position
        return (position.line, position.column) if position else (0, 0)


class Checked(NamedTuple):
    """A file with the findings that count.

    Attributes:
        file: the file, as it was named.
        text: what is in it.
        networks: the variants that were checked; None for the base, which is also checked under
            that name if only its requirements differ from those of a variant.
        findings: the findings that count, in the order of their places.
        ignored: how many findings comments and the configuration excuse.
        hidden: how many notes are left out because nothing needs to change and nobody asked for
            them.
        known: how many findings the baseline lists.
        fixed: how many repairs were made in the file.
        figures: the figures of the networks without errors, by the names that a lock has for them.
        declared: the names that a lock has for all networks of the file, checked or not.
    """

    file: str
    text: str
    networks: tuple[str | None, ...]
    findings: tuple[Finding, ...]
    ignored: int = 0
    hidden: int = 0
    known: int = 0
    fixed: int = 0
    figures: Lock = {}
    declared: frozenset[str] = frozenset()

    def findings_of(self, network: str | None) -> list[Finding]:
        """Return the findings about a network; one about the text concerns all networks.

        Accepts:
            network: the name of a variant; None for the base.
        """
        known = set(self.networks)
        return [
            finding
            for finding in self.findings
            if network in finding.variants or not known.intersection(finding.variants)
        ]

    def count(self, severity: str) -> int:
        """Return how many findings have a severity.

        Accepts:
            severity: error, warning or note.
        """
        return sum(finding.diagnostic.severity == severity for finding in self.findings)

    @property
    def fails(self) -> bool:
        """Whether a finding makes the check fail."""
        return any(finding.fails for finding in self.findings)
