"""What a check returns: findings, and files with their findings."""

from __future__ import annotations

from typing import NamedTuple

from ..diagnostic import Diagnostic
from .lock import Lock


class Finding(NamedTuple):
    """A diagnostic in a file, and its variants (None: the network without a variant)."""

    diagnostic: Diagnostic
    variants: tuple[str | None, ...] = ()
    later: bool = False  # found only after earlier errors were repaired
    hides: bool = False  # what depends on it is not checked
    fails: bool = False  # it makes the check fail
    fingerprint: str = ""

    @property
    def place(self) -> tuple[int, int]:
        """Line and column; findings without a position come first."""
        position = self.diagnostic.position
        return (position.line, position.column) if position else (0, 0)


class Checked(NamedTuple):
    """A file with the findings that count. `networks` names its variants (None: without one)."""

    file: str
    text: str
    networks: tuple[str | None, ...]
    findings: tuple[Finding, ...]
    ignored: int = 0  # by comments, --ignore and the like
    known: int = 0  # by the baseline
    fixed: int = 0
    figures: Lock = {}  # of the networks without error
    declared: frozenset[str] = frozenset()  # the lock's names for its networks, checked or not

    def count(self, severity: str) -> int:
        """How many findings have a severity."""
        return sum(finding.diagnostic.severity == severity for finding in self.findings)

    @property
    def fails(self) -> bool:
        """Whether a finding makes the check fail."""
        return any(finding.fails for finding in self.findings)
