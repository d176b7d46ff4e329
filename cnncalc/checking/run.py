"""Checks files: examines each, drops unwanted findings, sets severities and fingerprints."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, Position, internal_fault
from ..language.load import from_input, read
from ..text_file import read_start, read_text, reason, write_text
from .config import Config
from .files import Target, excluded, find_specs, relative_path
from .finding import Checked, Finding
from .fix import with_certain_fixes, with_chosen_fixes
from .lock import Lock, lock_findings, locked_figures, network_name, stale_entries
from .repair.search import examine
from .suppress import fingerprints, without_ignored

_BOM = "\ufeff".encode()
_MANY = 24  # files from which on more processes are faster


class Job(NamedTuple):
    """How to check every file."""

    config: Config
    baseline: frozenset[str] = frozenset()
    fix: str = ""  # "", "certain" or "all"
    lock: Lock | None = None  # the figures that the networks must have
    lock_folder: str = "."


def check_files(targets: list[Target], job: Job, workers: int = 1) -> list[Checked]:
    """Checks every file, in order; many of them in several processes, if the system can fork."""
    can_fork = hasattr(os, "fork") and sys.platform != "darwin"
    names = {name for name, _ in targets}
    apart = "-" not in names and (not job.fix or len(names) == len(targets))
    if workers < 2 or len(targets) < _MANY or not can_fork or not apart:
        return [_check_file(name, variant, job=job) for name, variant in targets]
    return _in_processes(targets, job, workers)


def _in_processes(targets: list[Target], job: Job, workers: int) -> list[Checked]:
    """Checks files in several processes, which end with this one, also on Ctrl-C.

    Errors: a Mistake with CNN901 if a process is killed, such as for its memory.
    """
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    pool = ProcessPoolExecutor(workers, mp_context=get_context("fork"))
    chunk = max(1, len(targets) // (4 * workers))
    waits = True
    try:
        with _interrupts_held():  # the processes begin, and never see one
            checked = pool.map(partial(_check_target, job=job), targets, chunksize=chunk)
        return list(checked)
    except BrokenProcessPool:
        message = "a process that checked files was killed"
        help = "check fewer files at a time to see which one it is"
        raise Mistake(Diagnostic("CNN901", message, help=help)) from None
    except KeyboardInterrupt:
        waits = False
        for child in active_children():
            child.kill()
        raise
    finally:
        pool.shutdown(waits, cancel_futures=waits)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back; processes that begin meanwhile never get it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processors() -> int:
    """How many processes may run at once."""
    if hasattr(os, "sched_getaffinity"):
        return min(len(os.sched_getaffinity(0)), 8)
    return min(os.cpu_count() or 1, 8)


def check_specs(*specs: Any, config: Config = Config()) -> list[Checked]:
    """The findings of specs: files, folders, ``file#variant`` and bundled names.

    Errors: a Mistake with CNN002 or CNN111 for what does not exist.
    """
    return check_files(list(find_specs([str(spec) for spec in specs])), Job(config))


def _check_target(target: Target, job: Job) -> Checked:
    return _check_file(*target, job=job)


def _check_file(name: str, variant: str | None, *, job: Job) -> Checked:
    """Checks one file, and fixes it first if the job says so.

    A file fails that cannot be read or written, or that shows a fault of ours; the others are
    checked nevertheless.
    """
    file, text = "<stdin>" if name == "-" else name, ""
    try:
        text, fixed = from_input() if name == "-" else read(Path(name)), 0
        if job.fix:
            text, fixed = _fixed_file(text, file, variant, job)
        return check_text(text, file, variant, job)._replace(fixed=fixed)
    except Mistake as mistake:
        return _failed(file, text, mistake.diagnostics)
    except Exception as error:
        return _failed(file, text, (internal_fault(error),))


def _failed(file: str, text: str, diagnostics: tuple[Diagnostic, ...]) -> Checked:
    """A file with what kept it from being checked, which nothing can ignore."""
    start = Position(file, 1, 1)
    found = (Finding(d._replace(position=d.position or start), fails=True) for d in diagnostics)
    return Checked(file, text, (), tuple(found))


def check_text(text: str, file: str, variant: str | None, job: Job) -> Checked:
    """Checks one text."""
    examined = examine(text, file, variant)
    findings = list(examined.findings)
    path = relative_path(file, job.lock_folder)
    figures = {
        network_name(path, name): locked_figures(report)
        for name, report in examined.reports.items()
        if report.ok
    }
    if job.lock is not None:
        findings += [Finding(d) for d in lock_findings(job.lock, figures, examined.places)]
    # of one variant, or after an error, findings may be missing
    complete = variant is None and not any(f.diagnostic.severity == "error" for f in findings)
    wanted, ignored = without_ignored(findings, text, file, complete)
    selected = list(_selected(wanted, file, job.config))
    marks = fingerprints(selected, text, relative_path(file, job.config.root))
    marked = [finding._replace(fingerprint=mark) for finding, mark in zip(selected, marks)]
    new = [finding for finding in marked if finding.fingerprint not in job.baseline]
    return Checked(
        file=file,
        text=text,
        networks=tuple(examined.reports),
        findings=tuple(new),
        ignored=ignored + len(wanted) - len(selected),
        known=len(marked) - len(new),
        figures=figures,
        # none if the file cannot be read: it may still have the networks in the lock
        declared=frozenset(network_name(path, name) for name in examined.places),
    )


def _selected(findings: Iterable[Finding], file: str, config: Config) -> Iterator[Finding]:
    """The findings that the configuration selects, with their severities."""
    path = relative_path(file, config.root)
    ignored_here: set[str] = set()
    for pattern, codes in config.per_file:
        if excluded(path, (pattern,)):
            ignored_here |= codes
    for finding in findings:
        diagnostic = config.judged(finding.diagnostic)
        if diagnostic is not None and diagnostic.code not in ignored_here:
            yield finding._replace(diagnostic=diagnostic, fails=config.fails(diagnostic.severity))


def stale_lock(lock_file: str, checked: list[Checked], job: Job) -> list[Checked]:
    """The lock as a checked file, if it has entries that no spec has."""
    declared = {name for file in checked for name in file.declared}
    stale = map(Finding, stale_entries(job.lock or {}, lock_file, declared))
    found = tuple(_selected(stale, lock_file, job.config))
    return [Checked(lock_file, read_text(lock_file), (), found)] if found else []


def _fixed_file(text: str, file: str, variant: str | None, job: Job) -> tuple[str, int]:
    """Applies the certain fixes, or all, and writes the file; returns the text and their number."""

    def check(text: str) -> Checked:
        return check_text(text, file, variant, job)

    now, count = with_certain_fixes(text, check)
    if job.fix == "all":
        now, chosen = with_chosen_fixes(now, check, variant)
        now, certain = with_certain_fixes(now, check)
        count += chosen + certain
    if now != text:
        _write(file, now)
    return now, count


def _write(file: str, text: str) -> None:
    """Writes a file, with the byte order mark that it has."""
    try:
        start = read_start(file, len(_BOM))
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {reason(error)}")) from None
    mark = "\ufeff" if start.startswith(_BOM) else ""
    write_text(file, mark + text)
