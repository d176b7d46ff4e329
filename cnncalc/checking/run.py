"""A check of many files: examined, what is not wanted taken out, severities put on, fingerprinted."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Fix, Mistake, Position
from ..spec.load import read, read_bytes
from ..spec.yaml_tree import MAX_BYTES
from .config import Config
from .examine import Finding, examine
from .files import excluded, found
from .lock import figures, held
from .suppress import fingerprints, without_ignored
from .text import Text

PASSES = 10  # of --fix over one file
MANY = 24  # files from which on a second process pays

Targets = list[tuple[str, str | None]]


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

    def count(self, severity: str) -> int:
        """How many findings are of a severity."""
        return sum(finding.diagnostic.severity == severity for finding in self.findings)


class Job(NamedTuple):
    """What is asked of every file."""

    config: Config
    baseline: frozenset[str] = frozenset()
    fix: str = ""  # "", "certain" or "all"
    lock: dict[str, dict[str, Any]] | None = None  # the locked figures to hold the networks to
    lock_folder: str = "."


def check(targets: Targets, job: Job) -> list[Checked]:
    """Every file, in order; many of them by as many processes as there are processors."""
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)
    if len(targets) < MANY or workers < 2 or not hasattr(os, "fork") or sys.platform == "darwin" or any(name == "-" for name, _ in targets):
        return [check_file(name, variant, job) for name, variant in targets]
    from multiprocessing import get_context

    with get_context("fork").Pool(workers, _start, (job,)) as pool:
        return pool.map(_work, targets, chunksize=max(1, len(targets) // (4 * workers)))


def check_specs(*specs: Any, config: Config = Config()) -> list[Checked]:
    """The findings of specs: files, folders, ``file#variant`` and bundled names.

    Errors: a Mistake with CNN002 or CNN111 for what does not exist.
    """
    return check(list(found([str(spec) for spec in specs])), Job(config))


_JOB: list[Job] = []


def _start(job: Job) -> None:
    _JOB[:] = [job]


def _work(target: tuple[str, str | None]) -> Checked:
    return check_file(*target, _JOB[0])


def check_file(name: str, variant: str | None, job: Job) -> Checked:
    """One file. What cannot be read is a finding too."""
    file = "<stdin>" if name == "-" else name
    try:
        text = read_bytes(file, sys.stdin.buffer.read(MAX_BYTES + 1)) if name == "-" else read(Path(name))
    except Mistake as mistake:
        return Checked(file, "", (), tuple(Finding(d._replace(position=d.position or Position(file, 1, 1))) for d in mistake.diagnostics))
    fixed = 0
    if job.fix and name != "-":
        text, fixed = mended(text, file, variant, job)
    return check_text(text, file, variant, job)._replace(fixed=fixed)


def check_text(text: str, file: str, variant: str | None, job: Job) -> Checked:
    """One text."""
    examined = examine(text, file, variant)
    findings = list(examined.findings)
    sums = {key: figures(report) for key, report in keyed(examined.reports, file, job.lock_folder) if report.ok}
    if job.lock is not None:
        findings += [Finding(d) for d in held(job.lock, sums, examined.places)]
    wanted, ignored = without_ignored(findings, text, file)
    judged = list(counted(wanted, file, job.config))
    marked = [finding._replace(fingerprint=mark) for finding, mark in zip(judged, fingerprints(judged, text, file))]
    new = [finding for finding in marked if finding.fingerprint not in job.baseline]
    return Checked(file, text, tuple(examined.reports), tuple(new), ignored + len(wanted) - len(judged), len(marked) - len(new), 0, sums)


def counted(findings: Iterable[Finding], file: str, config: Config) -> Iterator[Finding]:
    """The findings that the configuration selects, with their severities."""
    here = frozenset().union(*(codes for pattern, codes in config.per_file if excluded(file, (pattern,))))
    for finding in findings:
        diagnostic = config.judged(finding.diagnostic)
        if diagnostic is not None and diagnostic.code not in here:
            yield finding._replace(diagnostic=diagnostic)


def keyed(reports: dict[str | None, Any], file: str, folder: str) -> Iterator[tuple[str, Any]]:
    """Each report under the name that the lock has for it: the path from the lock's folder, and the variant."""
    path = Path(os.path.relpath(file, folder)).as_posix() if file != "<stdin>" else file
    for variant, report in reports.items():
        yield (f"{path}#{variant}" if variant else path), report


def mended(text: str, file: str, variant: str | None, job: Job) -> tuple[str, int]:
    """A text with its fixes made, the certain ones or all, and written back to the file; how many were made."""
    fixed, now = 0, text
    for _ in range(PASSES):
        before = check_text(now, file, variant, job)
        findings = before.findings
        fixes = [f.diagnostic.fix for f in findings if f.diagnostic.fix and (job.fix == "all" and f.diagnostic.severity == "error" or f.diagnostic.fix.certain)]
        after = applied(now, fixes)
        if not fixes or after == now or check_text(after, file, variant, job).count("error") > before.count("error"):
            break
        now, fixed = after, fixed + len(fixes)
    if now != text:
        try:
            Path(file).write_text(now, "utf-8", newline="")
        except OSError as error:
            raise Mistake(Diagnostic("CNN002", f"cannot write {file}: {error.strerror or error}")) from None
    return now, fixed


def applied(text: str, fixes: Iterable[Fix]) -> str:
    """A text with fixes made; of two that overlap, the first."""
    return Text(text).apply([edit for fix in fixes for edit in fix.edits]).text
