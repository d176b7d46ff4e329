"""The command check: reports findings on specs, by hand or in CI."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import option_values as values
from . import options as o
from .option_values import usage
from .output import USAGE, is_coloured, is_terminal, present, say, text_width
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
    variant: Annotated[
        str | None,
        typer.Option("--variant", metavar="NAME", help="check only this variant of each spec"),
    ] = None,
    set: o.Set = None,
    input: o.Input = None,
    format: Annotated[
        Findings, o.choice("--format", Findings, "format of the findings")
    ] = Findings.full,
    output: o.Output = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also",
            metavar="FORMAT=FILE",
            help="also write the findings to a file, in another format; may be repeated",
        ),
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            metavar="CODE,CODE…",
            help="report only these codes; CNN5 means all codes that begin with CNN5",
        ),
    ] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="CODE,CODE…", help="do not report these codes"),
    ] = None,
    all_notes: Annotated[
        bool,
        typer.Option(
            "--all-notes",
            help="also show notes after which nothing needs to change, such as CNN502",
        ),
    ] = False,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            "--exclude",
            metavar="PATTERN",
            help="skip files and folders whose path matches, such as drafts or '*/old/*', beside"
            " those that the configuration excludes; may be repeated",
        ),
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
            help="skip files that are not specs, even if they are named",
        ),
    ] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="exit 0 whatever is found")
    ] = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="apply the fixes that cannot be wrong")
    ] = False,
    fix_all: Annotated[
        bool,
        typer.Option(
            "--fix-all",
            help="also apply a fix where there are several to choose from, if all of them give the"
            " same output shapes and change no expectation or budget",
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
    """Check every variant of specs: language, shapes, expectations, budgets and design.

    With --set or --input, each network is checked up to its first error, and no fix is offered.

    Examples:
        Check every spec in the current folder and the folders inside it:
        cnncalc check
        Check ResNet-50, and write a report for code scanning:
        cnncalc check resnet50 --also sarif=cnncalc.sarif
    """
    from ..analysis.analyze import Settings
    from ..checking.config import codes_of
    from ..checking.lock import LOCK_FILE, read_lock
    from ..checking.run import Job, check_project
    from ..checking.suppress import read_baseline
    from ..processes import processors

    config = configuration()
    config = config._replace(
        select=codes_of(select) or config.select,
        ignore=config.ignore | codes_of(ignore),
        exclude=(*config.exclude, *(exclude or ())),
        fail_on=fail_on.value if fail_on else config.fail_on,
        all_notes=all_notes,
    )
    others = _outputs(also)
    specs = [(name, _variant(own, variant)) for name, own in targets(paths, config, only_specs)]
    settings = Settings(values.settings(set), values.input_shapes(input))
    if fix or fix_all:
        _refuse_streams(specs)
    if set or input:
        _refuse_as_written({"--fix": fix, "--fix-all": fix_all, "--locked": locked, "--lock": lock})
    fixes = "certain" if fix else ""
    known = None if write_baseline else baseline or config.baseline
    lock_file = lock or config.lock or LOCK_FILE
    job = Job(
        config=config,
        baseline=read_baseline(known) if known else frozenset(),
        fix="all" if fix_all else fixes,
        lock=read_lock(lock_file) if locked or lock else None,
        lock_folder=str(Path(lock_file).parent),
        settings=settings,
    )
    found = check_project(specs, job, lock_file, processors())
    for kind, file in others:
        present("findings", kind, file, found)
    if write_baseline:
        _write_baseline(write_baseline, found)
        return
    on_screen = format is Findings.full and output is None and is_terminal(sys.stdout)
    shown = (found, text_width()) if on_screen else (found,)
    colour = on_screen and is_coloured(sys.stdout)
    present("findings", format.value, output, *shown, colour=colour)
    if not exit_zero:
        _exit(found)


def _variant(own: str | None, given: str | None) -> str | None:
    """Return the variant to check of a spec: that of its path, or that of --variant."""
    if own is not None and given is not None and own != given:
        raise usage(f"--variant is {given}, but a PATH names the variant {own}", "name only one")
    return own or given


def _refuse_as_written(options: Mapping[str, object]) -> None:
    """Refuse options that are about networks as they are written."""
    for option, given in options.items():
        if given:
            why = "is for networks as they are written, without --set or --input"
            raise usage(f"{option} {why}")


def _refuse_streams(specs: list[Target]) -> None:
    """Refuse to fix anything but files, such as standard input or a pipe."""
    for name, _ in specs:
        if name == "-":
            raise usage("--fix needs a file, and `-` is standard input")
        if os.path.exists(name) and not (os.path.isfile(name) or os.path.isdir(name)):
            raise usage(f"--fix needs a file, and {name} is not a file")


def _outputs(texts: list[str] | None) -> list[tuple[str, str]]:
    """Parse ``sarif=out.sarif`` as ("sarif", "out.sarif")."""
    pairs = []
    for text in texts or ():
        kind, _, file = text.partition("=")
        if kind not in Findings.__members__ or not file:
            known = f"the formats are {', '.join(Findings.__members__)}"
            raise usage(f"--also takes FORMAT=FILE, not `{text}`", known)
        pairs.append((kind, file))
    return pairs


def _write_baseline(file: str, found: list[Checked]) -> None:
    from ..wording import plural

    present("findings", "json", file, found)
    say(f"{file}: {plural(sum(len(checked.findings) for checked in found), 'finding')}")


def _exit(found: list[Checked]) -> None:
    """Exit with 2 if something could not be read, or with 1 if anything else fails."""
    codes: set[str] = set()
    for checked in found:
        codes.update(finding.diagnostic.code for finding in checked.findings)
    if any(checked.fails for checked in found):
        raise typer.Exit(2 if codes & USAGE else 1)
