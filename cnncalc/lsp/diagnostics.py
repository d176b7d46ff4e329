"""Diagnostics: what `check` finds in a text, with the blocks around each place."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types as lsp

from ..checking.finding import Finding
from ..diagnostic import BlockUse
from .places import Places

_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "note": lsp.DiagnosticSeverity.Information,
}
_NEEDLESS = ("CNN110", "CNN113")  # what could be removed, which editors grey out


def diagnostics(places: Places, uri: str, findings: Iterable[Finding]) -> list[lsp.Diagnostic]:
    """Return findings for the protocol, in their order."""
    return [diagnostic(places, uri, finding) for finding in findings]


def diagnostic(places: Places, uri: str, finding: Finding) -> lsp.Diagnostic:
    """Return a finding for the protocol: its message, arithmetic and help, and places around it."""
    found = finding.diagnostic
    lines = [found.message]
    lines += [found.equation] if found.equation else []
    lines += [f"help: {found.help}"] if found.help else []
    around = [
        lsp.DiagnosticRelatedInformation(
            location=lsp.Location(uri, places.range_at(use.position)), message=str(use)
        )
        for use in found.context
        if isinstance(use, BlockUse)
    ]
    where = places.range(0, 0) if found.position is None else places.range_at(found.position)
    return lsp.Diagnostic(
        range=where,
        message="\n".join(lines),
        severity=_SEVERITIES[found.severity],
        code=found.code,
        source="cnncalc",
        tags=[lsp.DiagnosticTag.Unnecessary] if found.code in _NEEDLESS else None,
        related_information=around or None,
    )
