"""A check of many files: examined, what is not wanted taken out, severities put on, fingerprinted."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Fix, Mistake, Position
from ..language.load import from_input, read
from .config import Config
from .files import excluded, found, relative
from .finding import Checked, Finding
from .lock import compared, figures, stale
from .repair.edited_text import Text
from .repair.search import examine
from .suppress import fingerprints, without_ignored

PASSES = 30  # of --fix over one file
BOM = "\ufeff".encode()
MANY = 24  # files from which on further processes pay

Targets = list[tuple[str, str | None]]


class Job(NamedTuple):
    """What is asked of every file."""

    config: Config
    baseline: frozenset[str] = frozenset()
    fix: str = ""  # "", "certain" or "all"
    lock: dict[str, dict[str, Any]] | None = None  # the locked figures to hold the networks to
    lock_folder: str = "."


def check(targets: Targets, job: Job, workers: int = 1) -> list[Checked]:
    """Every file, in order; many of them by several processes, where the system can fork."""
    if (
        workers < 2
        or len(targets) < MANY
        or not hasattr(os, "fork")
        or sys.platform == "darwin"
        or any(name == "-" for name, _ in targets)
    ):
        return [check_file(name, variant, job=job) for name, variant in targets]
    from multiprocessing import get_context

    with get_context("fork").Pool(workers) as pool:
        return pool.starmap(
            partial(check_file, job=job), targets, chunksize=max(1, len(targets) // (4 * workers))
        )


def processors() -> int:
    """How many processes may run at once."""
    return min(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8
    )


def check_specs(*specs: Any, config: Config = Config()) -> list[Checked]:
    """The findings of specs: files, folders, ``file#variant`` and bundled names.

    Errors: a Mistake with CNN002 or CNN111 for what does not exist.
    """
    return check(list(found([str(spec) for spec in specs])), Job(config))


def check_file(name: str, variant: str | None, *, job: Job) -> Checked:
    """One file. What cannot be read is a finding too."""
    file = "<stdin>" if name == "-" else name
    try:
        text = from_input() if name == "-" else read(Path(name))
    except Mistake as mistake:
        return Checked(
            file,
            "",
            (),
            tuple(
                Finding(d._replace(position=d.position or Position(file, 1, 1)), fails=True)
                for d in mistake.diagnostics
            ),
        )
    fixed = 0
    if job.fix:
        text, fixed = mended(text, file, variant, job)
    return check_text(text, file, variant, job)._replace(fixed=fixed)


def check_text(text: str, file: str, variant: str | None, job: Job) -> Checked:
    """One text."""
    examined = examine(text, file, variant)
    findings = list(examined.findings)
    path = relative(file, job.lock_folder)
    sums = {
        in_lock(path, name): figures(report)
        for name, report in examined.reports.items()
        if report.ok
    }
    if job.lock is not None:
        findings += [Finding(d) for d in compared(job.lock, sums, examined.places)]
    complete = variant is None and not any(
        finding.diagnostic.severity == "error" for finding in findings
    )  # else notes may be missing
    wanted, ignored = without_ignored(findings, text, file, complete)
    judged = list(counted(wanted, file, job.config))
    marked = [
        finding._replace(fingerprint=mark)
        for finding, mark in zip(
            judged, fingerprints(judged, text, relative(file, job.config.root))
        )
    ]
    new = [finding for finding in marked if finding.fingerprint not in job.baseline]
    declared = frozenset(
        in_lock(path, name) for name in examined.places
    )  # of a file that cannot be read nothing is known
    return Checked(
        file,
        text,
        tuple(examined.reports),
        tuple(new),
        ignored + len(wanted) - len(judged),
        len(marked) - len(new),
        0,
        sums,
        declared,
    )


def counted(findings: Iterable[Finding], file: str, config: Config) -> Iterator[Finding]:
    """The findings that the configuration selects, with their severities."""
    path = relative(file, config.root)
    here = frozenset().union(
        *(codes for pattern, codes in config.per_file if excluded(path, (pattern,)))
    )
    for finding in findings:
        diagnostic = config.judged(finding.diagnostic)
        if diagnostic is not None and diagnostic.code not in here:
            yield finding._replace(diagnostic=diagnostic, fails=config.fails(diagnostic.severity))


def stale_in(lock_file: str, checked: list[Checked], job: Job) -> list[Checked]:
    """The lock as a file of its own, if it has entries that no spec has."""
    declared = {name for file in checked for name in file.declared}
    found = tuple(
        counted(
            (Finding(d) for d in stale(job.lock or {}, lock_file, declared)), lock_file, job.config
        )
    )
    return [Checked(lock_file, Path(lock_file).read_text("utf-8"), (), found)] if found else []


def in_lock(path: str, variant: str | None) -> str:
    """The name that the lock has for a network."""
    return f"{path}#{variant}" if variant else path


def mended(text: str, file: str, variant: str | None, job: Job) -> tuple[str, int]:
    """A text with its fixes made, the certain ones or all, and written back to the file; how many were made."""
    fixed, now = 0, text
    for _ in range(PASSES):
        before = check_text(now, file, variant, job)
        fixes = [
            finding.diagnostic.fix
            for finding in before.findings
            if finding.diagnostic.fix and finding.diagnostic.fix.certain
        ]
        if (
            not fixes and job.fix == "all"
        ):  # one at a time: the first may mend what others are about
            fixes = [
                f.diagnostic.fix
                for f in before.findings
                if f.diagnostic.fix
                and not f.diagnostic.fix.restates
                and f.diagnostic.severity == "error"
            ][:1]
        after = applied(now, fixes)
        if after == now or check_text(after, file, variant, job).count("error") > before.count(
            "error"
        ):
            break
        now, fixed = after, fixed + len(fixes)
    if now != text:
        try:
            mark = BOM if Path(file).read_bytes().startswith(BOM) else b""
            Path(file).write_bytes(mark + now.encode("utf-8"))
        except OSError as error:
            raise Mistake(
                Diagnostic("CNN002", f"cannot write {file}: {error.strerror or error}")
            ) from None
    return now, fixed


def applied(text: str, fixes: Iterable[Fix]) -> str:
    """A text with fixes made; of two that overlap, the first."""
    return Text(text).apply(*(fix.edits for fix in fixes)).text
