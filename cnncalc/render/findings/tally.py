"""Lists findings in the order of their files, and sums them up; shared by the formats."""

from __future__ import annotations

from collections.abc import Iterator

from ...checking.finding import Checked, Finding
from ...wording import plural


def all_findings(checked: list[Checked]) -> Iterator[tuple[Checked, Finding]]:
    """Yield every finding with its file."""
    for file in checked:
        for finding in file.findings:
            yield file, finding


def summary(checked: list[Checked]) -> str:
    """Return ``2 files, 5 networks: 1 error, 2 notes``."""
    specs = sum(not file.file.endswith(".lock") for file in checked)
    networks = sum(len(file.networks) for file in checked)
    counts = {
        severity: sum(file.count(severity) for file in checked)
        for severity in ("error", "warning", "note")
    }
    found = ", ".join(plural(n, severity) for severity, n in counts.items() if n)
    parts = [
        f"{plural(specs, 'file')}, {plural(networks, 'network')}: {found or 'all is well'}",
        *(f"{n} {what}" for what, n in _aside(checked).items() if n),
    ]
    return "; ".join(parts)


def _aside(checked: list[Checked]) -> dict[str, int]:
    """Return how many findings are left out, were fixed, or can be fixed."""
    fixes = [finding.diagnostic.fix for _, finding in all_findings(checked)]
    return {
        "ignored": sum(file.ignored for file in checked),
        "not shown without --all-notes": sum(file.hidden for file in checked),
        "in the baseline": sum(file.known for file in checked),
        "fixed": sum(file.fixed for file in checked),
        "fixable with --fix": sum(bool(fix and fix.certain) for fix in fixes),
    }


def remarks(file: Checked, finding: Finding) -> list[str]:
    """Return what a reader must know beside the message, each as words that can follow `=`."""
    variants = whose(file, finding)
    found = [
        variants and f"in {variants}",
        finding.later and "found after repairing the errors before it",
        finding.hides and "what depends on this is not checked",
    ]
    return [remark for remark in found if remark]


def whose(file: Checked, finding: Finding) -> str:
    """Return the variants with a finding: ``resnet50, resnet101 and 3 more``; "" for all."""
    names = [variant or "the base" for variant in finding.variants]
    if not names or len(file.networks) < 2 or len(names) == len(file.networks):
        return ""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
