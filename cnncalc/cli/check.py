"""The command check: findings on specs, for CI."""

from __future__ import annotations

import os
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options as o
from .option_values import usage
from .output import USAGE, is_coloured, present, say
from .spec_paths import Paths, configuration, targets

if TYPE_CHECKING:
    from ..checking.files import Target
    from ..checking.finding import Checked


class Findings(str, Enum):
    """Formats of findings."""

    full, concise, json, github = "full", "concise", "json", "github"
    sarif, junit, gitlab, markdown = "sarif", "junit", "gitlab", "markdown"


class Level(str, Enum):
    """Severities."""

    error, warning, note = "error", "warning", "note"


def check(
    paths: Paths = None,
    format: Annotated[
        Findings, o.choice("--format", Findings, "format of the findings")
    ] = Findings.full,
    output: o.Output = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="FORMAT=FILE",
            help="write the findings to a file as well, in another format; may be repeated",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="CODE,CODE…",
            help="report only these codes; CNN5 is all that begin with it",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="CODE,CODE…", help="do not report these codes"),
    ] = None,
    fail_on: Annotated[
        Level | None,
        typer.Option(
            "--fail-on",
            metavar="SEVERITY",
            help="exit 1 if there is a finding of this severity or a higher one:"
            f" {', '.join(Level.__members__)} (default: error, or what the configuration says)",
        ),
    ] = None,
    only_specs: Annotated[
        bool,
        typer.Option(
            "--only-specs",
            help="skip named files that are not specs, as in folders",
        ),
    ] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="exit 0 whatever the findings are")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="apply the fixes that cannot be wrong")
    ] = False,
    fix_all: Annotated[
        bool,
        typer.Option(
            "--fix-all",
            help="also apply fixes that are a matter of choice, if no output shape depends on the"
            " choice and nothing that is expected or budgeted changes",
        ),
    ] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="report figures that differ from the lock as errors")
    ] = False,
    lock: Annotated[
        str | None,
        typer.Option(
            "--lock",
            metavar="FILE",
            help="compare with this lock instead of cnncalc.lock; implies --locked",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline", metavar="FILE", help="do not report the findings that this file lists"
        ),
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option(
            "--write-baseline",
            metavar="FILE",
            help="write the findings to a file for --baseline instead of printing them",
        ),
    ] = None,
) -> None:
    """Check every variant of specs: language, shapes, expectations, budgets, notes on the design.

    Examples:
        Every spec in the current folder, and in the folders in it:
        cnncalc check
        ResNet-50, with a report for code scanning:
        cnncalc check resnet50 --also sarif=cnncalc.sarif
    """
    from ..checking.config import codes_of
    from ..checking.lock import LOCK_FILE, read_lock
    from ..checking.run import Job, check_files, processors, stale_lock
    from ..checking.suppress import read_baseline

    config = configuration()
    config = config._replace(
        select=codes_of(select) or config.select,
        ignore=config.ignore | codes_of(ignore),
        fail_on=fail_on.value if fail_on else config.fail_on,
    )
    others = _outputs(also)
    specs = targets(paths, config, only_specs)
    if fix or fix_all:
        _refuse_streams(specs)
    fixes = "certain" if fix else ""
    known = None if write_baseline else baseline or config.baseline
    lock_file = lock or config.lock or LOCK_FILE
    job = Job(
        config=config,
        baseline=read_baseline(known) if known else frozenset(),
        fix="all" if fix_all else fixes,
        lock=read_lock(lock_file) if locked or lock else None,
        lock_folder=str(Path(lock_file).parent),
    )
    found = check_files(specs, job, processors())
    if job.lock is not None:
        found += stale_lock(lock_file, found, job)
    for kind, file in others:
        present("findings", kind, file, found)
    if write_baseline:
        _write_baseline(write_baseline, found)
        return
    on_screen = format is Findings.full and output is None
    colour = on_screen and is_coloured(sys.stdout)
    present("findings", format.value, output, found, colour=colour)
    if not exit_zero:
        _exit(found)


def _refuse_streams(specs: list[Target]) -> None:
    """Refuse to fix what is no file, such as standard input or a pipe."""
    for name, _ in specs:
        if name == "-":
            raise usage("--fix writes to files, and `-` is standard input")
        if os.path.exists(name) and not (os.path.isfile(name) or os.path.isdir(name)):
            raise usage(f"--fix writes to files, and {name} is none")


def _outputs(texts: list[str] | None) -> list[tuple[str, str]]:
    """Read ``sarif=out.sarif`` as ("sarif", "out.sarif")."""
    pairs = []
    for text in texts or ():
        kind, _, file = text.partition("=")
        if kind not in Findings.__members__ or not file:
            known = f"formats are {', '.join(Findings.__members__)}"
            raise usage(f"--also takes FORMAT=FILE, not `{text}`", known)
        pairs.append((kind, file))
    return pairs


def _write_baseline(file: str, found: list[Checked]) -> None:
    from ..wording import plural

    present("findings", "json", file, found)
    say(f"{file}: {plural(sum(len(checked.findings) for checked in found), 'finding')}")


def _exit(found: list[Checked]) -> None:
    """End with 2 if something could not be read, with 1 if something else fails."""
    codes: set[str] = set()
    for checked in found:
        codes.update(finding.diagnostic.code for finding in checked.findings)
    if any(checked.fails for checked in found):
        raise typer.Exit(2 if codes & USAGE else 1)
