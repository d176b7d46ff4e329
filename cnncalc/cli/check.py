"""The commands for CI: check, lock, rule."""

from __future__ import annotations

import sys
from contextlib import suppress
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .output import USAGE, complain, put, shaded

Paths = Annotated[Optional[list[str]], typer.Argument(help="files, folders, file#variant, bundled names, or -; the current folder if none is named", metavar="[PATH]…")]  # noqa: UP045 (typer reads it at run time)
Lock = Annotated[Optional[str], typer.Option("--lock", metavar="FILE", help="the lock, if it is not cnncalc.lock")]  # noqa: UP045
Codes = Annotated[Optional[list[str]], typer.Option("--select", metavar="CODE,…", help="only these codes; CNN5 means all that begin so")]  # noqa: UP045
Ignored = Annotated[Optional[list[str]], typer.Option("--ignore", metavar="CODE,…", help="not these codes")]  # noqa: UP045


class Findings(str, Enum):
    """Formats of findings."""

    full, concise, json, github = "full", "concise", "json", "github"
    sarif, junit, gitlab, markdown = "sarif", "junit", "gitlab", "markdown"


class Level(str, Enum):
    """Severities."""

    error, warning, note = "error", "warning", "note"


def check(
    paths: Paths = None,
    format: Annotated[Findings, typer.Option("--format", help="how to print the findings")] = Findings.full,
    output: o.Output = None,
    also: Annotated[Optional[list[str]], typer.Option("--also", metavar="FORMAT=FILE", help="write another format to a file; may be repeated")] = None,  # noqa: UP045
    select: Codes = None,
    ignore: Ignored = None,
    fail_on: Annotated[Optional[Level], typer.Option("--fail-on", help="the least severity that fails; error unless said")] = None,  # noqa: UP045
    only_specs: Annotated[bool, typer.Option("--only-specs", help="pass over named files without a top-level `cnncalc`, as in folders")] = False,
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="exit 0 whatever is found")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="make the fixes that are certain")] = False,
    fix_all: Annotated[bool, typer.Option("--fix-all", help="make every fix of an error, those that are a matter of choice too")] = False,
    locked: Annotated[bool, typer.Option("--locked", help="fail where a figure is not the locked one")] = False,
    lock: Lock = None,
    baseline: Annotated[Optional[str], typer.Option("--baseline", metavar="FILE", help="leave out the findings of this file")] = None,  # noqa: UP045
    write_baseline: Annotated[Optional[str], typer.Option("--write-baseline", metavar="FILE", help="write the findings as a baseline, and exit 0")] = None,  # noqa: UP045
) -> None:
    """Every spec and every variant: language, shapes, expectations, budgets, and notes on the design."""
    from ..checking.config import configured
    from ..checking.lock import NAME, read_lock, stale
    from ..checking.run import Checked, Finding, Job, counted, keyed
    from ..checking.run import check as checking
    from ..checking.suppress import read_baseline

    config = overridden(configured(Path.cwd()), select, ignore, fail_on)
    others = outputs(also)
    targets = named(paths, config.exclude, only_specs)
    lock_file = lock or config.lock or NAME
    known = baseline or config.baseline
    locks = read_lock(lock_file) if locked or lock else None
    job = Job(config, read_baseline(known) if known and not write_baseline else frozenset(), "all" if fix_all else "certain" if fix else "", locks, str(Path(lock_file).parent))
    found = checking(targets, job)
    if locks is not None:
        paths_checked = {next(iter(keyed({None: None}, file.file, job.lock_folder)))[0] for file in found}
        gone = [Finding(d) for d in stale(locks, lock_file, paths_checked, {name for file in found for name in file.figures} | unread(found, job.lock_folder))]
        if gone:
            found.append(Checked(lock_file, Path(lock_file).read_text("utf-8"), (), tuple(counted(gone, lock_file, config))))
    if write_baseline:
        put(in_format("json", found), write_baseline)
        return
    for kind, file in others:
        put(in_format(kind, found), file)
    if format is Findings.full and output is None:
        from ..report.findings.full import render

        put(render(found, colour=shaded(sys.stdout)))
    else:
        put(in_format(format.value, found), output)
    severities = [(finding.diagnostic.code, finding.diagnostic.severity) for file in found for finding in file.findings]
    if not exit_zero and any(config.fails(severity) for _, severity in severities):
        raise typer.Exit(2 if any(code in USAGE for code, _ in severities) else 1)


def unread(found: list[Any], folder: str) -> set[str]:
    """Networks of files with errors, whose figures are not known: their entries are not stale."""
    from ..checking.run import keyed

    return {name for file in found for name, _ in keyed(dict.fromkeys(file.networks), file.file, folder)}


def in_format(kind: str, found: list[Any]) -> str:
    """Findings in a format, by the module of its name."""
    text: str = import_module(f"..report.findings.{kind}", __package__).render(found)
    return text


def outputs(texts: list[str] | None) -> list[tuple[str, str]]:
    """``sarif=out.sarif`` → ("sarif", "out.sarif")."""
    pairs = []
    for text in texts or ():
        kind, equals, file = text.partition("=")
        if not equals or kind not in Findings.__members__ or not file:
            raise Mistake(Diagnostic("CNN111", f"--also takes FORMAT=FILE, not `{text}`", help=f"formats are {', '.join(Findings.__members__)}"))
        pairs.append((kind, file))
    return pairs


def overridden(config: Any, select: list[str] | None, ignore: list[str] | None, fail_on: Level | None) -> Any:
    """The configuration with the options over it."""
    from ..checking.config import codes_of

    return config._replace(
        select=codes_of(select) or config.select, ignore=config.ignore | codes_of(ignore), fail_on=fail_on.value if fail_on else config.fail_on)  # fmt: skip


def named(paths: list[str] | None, exclude: tuple[str, ...], only_specs: bool = False) -> list[tuple[str, str | None]]:
    """The specs below the paths; a mistake where there are none."""
    from ..checking.files import found

    targets = list(found(paths or ["."], exclude, only_specs))
    if not targets and not only_specs:
        raise Mistake(Diagnostic("CNN002", f"no specs in {', '.join(paths or ['.'])}", help="specs are *.cnn.yaml, and YAML with a top-level key `cnncalc`"))
    return targets


def lock(paths: Paths = None, lock: Lock = None) -> None:
    """Writes the figures of every network to cnncalc.lock, for `check --locked`."""
    from ..checking.config import configured
    from ..checking.lock import NAME, read_lock, written
    from ..checking.run import Job
    from ..checking.run import check as checking

    config = configured(Path.cwd())
    file = lock or config.lock or NAME
    found = checking(named(paths, config.exclude), Job(config, lock_folder=str(Path(file).parent)))
    wrong = [finding.diagnostic for one in found for finding in one.findings if finding.diagnostic.severity == "error"]
    if wrong:
        complain(wrong, {one.file: one.text for one in found})
        raise typer.Exit(1)
    networks = {name: figures for one in found for name, figures in one.figures.items()}
    if paths:
        with suppress(Mistake):
            files = {name.partition("#")[0] for name in networks}
            networks |= {name: figures for name, figures in read_lock(file).items() if name.partition("#")[0] not in files}
    put(written(networks), file)
    put(f"{file}: {len(networks)} networks")


def rule(
    code: Annotated[Optional[str], typer.Argument(help="such as CNN204", metavar="[CODE]")] = None,  # noqa: UP045
    all: Annotated[bool, typer.Option("--all", help="the page of all rules")] = False,
    output: o.Output = None,
) -> None:
    """What a code means, with an example and the fix."""
    from .. import rules

    if all == (code is not None):
        raise Mistake(Diagnostic("CNN111", "name a code, or --all", help="cnncalc rule CNN204"))
    put(rules.page().rstrip() if code is None else rules.rule(code).text, output)
