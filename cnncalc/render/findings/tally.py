"""What the formats share: findings with their files in order, and the sums of a check in words."""

from __future__ import annotations

from collections.abc import Iterator

from ...checking.finding import Checked, Finding


def all_findings(checked: list[Checked]) -> Iterator[tuple[Checked, Finding]]:
    """Every finding with its file."""
    for file in checked:
        for finding in file.findings:
            yield file, finding


def summary(checked: list[Checked]) -> str:
    """``2 files, 5 networks: 1 error, 2 notes``."""
    networks = sum(len(file.networks) for file in checked)
    counts = [
        counted(sum(file.count(severity) for file in checked), severity)
        for severity in ("error", "warning", "note")
    ]
    found = ", ".join(count for count in counts if not count.startswith("0 ")) or "all is well"
    aside = [
        (sum(file.ignored for file in checked), "ignored"),
        (sum(file.known for file in checked), "in the baseline"),
        (sum(file.fixed for file in checked), "fixed"),
    ]
    others = "".join(f"; {n} {word}" for n, word in aside if n)
    fixable = sum(
        bool(finding.diagnostic.fix and finding.diagnostic.fix.certain)
        for _, finding in all_findings(checked)
    )
    specs = sum(not file.file.endswith(".lock") for file in checked)
    return f"{counted(specs, 'file')}, {counted(networks, 'network')}: {found}{others}" + (
        f"; {fixable} fixable with --fix" if fixable else ""
    )


def counted(n: int, word: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{n} {word}{'' if n == 1 else 's'}"


def whose(file: Checked, finding: Finding) -> str:
    """The variants that have a finding, where they are not all of them: ``resnet50, resnet101 and 3 more``."""
    names = [variant or "the base" for variant in finding.variants]
    if (
        len(file.networks) < 2
        or not names
        or finding.variants == (None,)
        and None not in file.networks
        or len(names) == len(file.networks)
    ):
        return ""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
