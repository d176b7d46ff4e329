"""Checks files: examines each one, drops unwanted findings, sets severities and fingerprints."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from ..analysis.analyze import Settings
from ..diagnostic import Diagnostic, Mistake, Position, internal_fault
from ..language.load import from_input, read
from ..language.spec import Spec
from ..language.validation import shown
from ..processes import mapped
from ..text_file import read_start, read_text, reason, write_text
from .config import Config
from .files import Target, excluded, find_specs, relative_path
from .finding import Checked, Finding
from .lock import Lock, lock_findings, locked_figures, network_name, stale_entries
from .repair.search import Examined, examine, examine_under
from .suppress import fingerprints, read_baseline, without_ignored

_BOM = "\ufeff".encode()
_MANY = 24  # with so many files or more, several processes are faster


class Job(NamedTuple):
    """How to check every file."""

    config: Config
    baseline: frozenset[str] = frozenset()
    fix: str = ""  # "", "certain" or "all"
    lock: Lock | None = None  # the figures that the networks must have
    lock_folder: str = "."
    settings: Settings = Settings()  # of all networks, instead of what is written

    @property
    def as_written(self) -> bool:
        """Return whether the networks are checked as they are written."""
        return not self.settings.set and self.settings.input is None


def job_of(config: Config) -> Job:
    """Return how to check files with a configuration and the baseline that it names.

    Errors: a Mistake if the baseline cannot be read.
    """
    return Job(config, read_baseline(config.baseline)) if config.baseline else Job(config)


def check_files(targets: list[Target], job: Job, workers: int = 1) -> list[Checked]:
    """Check every file, in order; many files in several processes, if the system can fork."""
    names = {name for name, _ in targets}
    apart = "-" not in names and (not job.fix or len(names) == len(targets))
    if workers < 2 or len(targets) < _MANY or not apart:
        return [_check_file(name, variant, job=job) for name, variant in targets]
    at_once = max(1, len(targets) // (4 * workers))
    check = partial(_check_target, job=job)
    return [*mapped(check, targets, workers, "checked files", at_once)]


def check_specs(*specs: Any, config: Config = Config()) -> list[Checked]:
    """Check specs as `cnncalc check` does, without reading a configuration or writing a file.

    Accepts:
        specs: files, folders, ``file#variant`` and names of bundled networks; of a folder, every
            spec in it. Also what `load` or `loads` returned.
        config: a `cnncalc.checking.config.Config`: the codes that count, their severities, and
            the lowest severity that fails. By default all codes count, and errors fail.

    Returns:
        A list with a Checked for each file, in the order of the arguments.

    Errors:
        A Mistake with CNN002 or CNN111 for a file, folder or name that does not exist, and for an
        argument of another type. What is wrong in a file raises nothing: it is in that file's
        `findings`.

    Example:
        >>> import cnncalc
        >>> (file,) = cnncalc.check("lenet5")
        >>> file.file, file.networks, file.fails, file.findings
        ('specs/lenet5.yaml', (None,), False, ())
        >>> (text,) = cnncalc.check(cnncalc.loads("input: [3, 8, 8]\\nlayers: [maxpool: 9]"))
        >>> text.file, text.fails, [found.diagnostic.code for found in text.findings]
        ('<text>', True, ['CNN204'])
    """
    job = Job(config)
    found: list[Checked] = []
    for loaded, group in groupby(specs, key=lambda spec: isinstance(spec, Spec)):
        if loaded:
            found += [check_text(spec.text, spec.file, spec.variant, job) for spec in group]
        else:
            found += check_files(list(find_specs([*map(_path_of, group)])), job)
    return found


def _path_of(spec: Any) -> str:
    if isinstance(spec, (str, os.PathLike)):
        return os.fsdecode(spec)
    message = f"`check` takes paths, names and specs, not {shown(spec)}"
    raise Mistake(Diagnostic("CNN111", message))


def _check_target(target: Target, job: Job) -> Checked:
    return _check_file(*target, job=job)


def _check_file(name: str, variant: str | None, *, job: Job) -> Checked:
    """Check one file, after fixing it if the job says so.

    A file that cannot be read or written, or that causes an internal fault, fails; the other files
    are still checked.
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
    """Return a file that could not be checked, with the reason, which no setting can ignore."""
    start = Position(file, 1, 1)
    found = (Finding(d._replace(position=d.position or start), fails=True) for d in diagnostics)
    return Checked(file, text, (), tuple(found))


def check_text(text: str, file: str, variant: str | None, job: Job) -> Checked:
    """Check one text."""
    if job.as_written:
        examined = examine(text, file, variant)
    else:
        examined = examine_under(text, file, variant, job.settings)
    return judged(examined, text, file, job, complete=variant is None and job.as_written)


def judged(examined: Examined, text: str, file: str, job: Job, complete: bool) -> Checked:
    """Return the findings of a text that count, as the job says.

    They are `complete` unless only one variant was examined, or under other settings.
    """
    findings = list(examined.findings)
    path = relative_path(file, job.lock_folder)
    figures = {
        network_name(path, name): locked_figures(examined.reports[name])
        for name in examined.members
        if examined.reports[name].ok
    }
    if job.lock is not None:
        findings += [Finding(d) for d in lock_findings(job.lock, figures, examined.places)]
    # a check of one variant, of other settings, or one with errors, may lack findings
    failed = any(finding.diagnostic.severity == "error" for finding in findings)
    wanted, ignored = without_ignored(findings, text, file, complete and not failed)
    shown = [finding for finding in wanted if not job.config.hides(finding.diagnostic)]
    selected = list(_selected(shown, file, job.config))
    marks = fingerprints(selected, text, relative_path(file, job.config.root))
    marked = [finding._replace(fingerprint=mark) for finding, mark in zip(selected, marks)]
    new = [finding for finding in marked if finding.fingerprint not in job.baseline]
    return Checked(
        file=file,
        text=text,
        networks=tuple(examined.reports),
        findings=tuple(new),
        ignored=ignored + len(shown) - len(selected),
        hidden=len(wanted) - len(shown),
        known=len(marked) - len(new),
        figures=figures,
        # empty if the file cannot be read: it may still have the networks in the lock
        declared=frozenset(network_name(path, name) for name in examined.places),
    )


def _selected(findings: Iterable[Finding], file: str, config: Config) -> Iterator[Finding]:
    """Yield the findings that the configuration selects, with their severities."""
    path = relative_path(file, config.root)
    ignored_here: set[str] = set()
    for pattern, codes in config.per_file:
        if excluded(path, (pattern,)):
            ignored_here |= codes
    for finding in findings:
        diagnostic = config.judged(finding.diagnostic)
        if diagnostic is not None and diagnostic.code not in ignored_here:
            yield finding._replace(diagnostic=diagnostic, fails=config.fails(diagnostic.severity))


def check_project(specs: list[Target], job: Job, lock_file: str, workers: int = 1) -> list[Checked]:
    """Check every file, and if the job has a lock, also the lock."""
    found = check_files(specs, job, workers)
    if job.lock is not None:
        found += stale_lock(lock_file, found, job)
    return found


def stale_lock(lock_file: str, checked: list[Checked], job: Job) -> list[Checked]:
    """Return the lock as a checked file, if it has entries that match no spec."""
    declared = {name for file in checked for name in file.declared}
    stale = map(Finding, stale_entries(job.lock or {}, lock_file, declared))
    found = tuple(_selected(stale, lock_file, job.config))
    return [Checked(lock_file, read_text(lock_file), (), found)] if found else []


def _fixed_file(text: str, file: str, variant: str | None, job: Job) -> tuple[str, int]:
    """Apply the certain fixes, or all, and write the file; return the text and their number."""
    from .fix import with_certain_fixes, with_chosen_fixes

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
    """Write a file; keep its byte order mark, if it has one."""
    try:
        start = read_start(file, len(_BOM))
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {reason(error)}")) from None
    mark = "\ufeff" if start.startswith(_BOM) else ""
    write_text(file, mark + text)
