"""What a check gives: findings, and files with theirs."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..diagnostic import Diagnostic


class Finding(NamedTuple):
    """A diagnostic in a file, and the variants that have it (None: the network without a variant)."""

    diagnostic: Diagnostic
    variants: tuple[str | None, ...] = ()
    later: bool = False  # met once the errors before it were mended
    hides: bool = False  # what depends on it is not checked
    fails: bool = False  # whether it makes the check fail
    fingerprint: str = ""

    @property
    def place(self) -> tuple[int, int]:
        """Line and column; what has none comes first."""
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
    figures: dict[str, dict[str, Any]] = {}  # of the networks without error, for the lock
    declared: frozenset[str] = (
        frozenset()
    )  # the names that the lock may have for its networks, checked or not

    def count(self, severity: str) -> int:
        """How many findings are of a severity."""
        return sum(finding.diagnostic.severity == severity for finding in self.findings)

    @property
    def fails(self) -> bool:
        """Whether a finding makes the check fail."""
        return any(finding.fails for finding in self.findings)
