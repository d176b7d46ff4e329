"""The command lock: writes the figures that `check --locked` compares with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .output import USAGE, complain_in, put, say
from .spec_paths import Paths, configuration, targets

if TYPE_CHECKING:
    from ..checking.finding import Checked


def lock(
    paths: Paths = None,
    lock: Annotated[
        str | None,
        typer.Option("--lock", metavar="FILE", help="write this file instead of cnncalc.lock"),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline", metavar="FILE", help="also lock networks whose errors this file lists"
        ),
    ] = None,
) -> None:
    """Write the figures of every network to cnncalc.lock, which `check --locked` compares with.

    With paths, it updates only the networks in them. A network with errors that are not in the
    baseline is not locked.

    Examples:
        Lock every network in the current folder:
        cnncalc lock
        Lock one network in a file of another name:
        cnncalc lock resnet18 --lock resnet.lock
    """
    from ..checking.lock import LOCK_FILE, changes_in_words, lock_text, read_lock
    from ..checking.relock import refused_in_words, relocked
    from ..checking.run import Job, check_files
    from ..checking.suppress import read_baseline
    from ..language.load import is_file
    from ..processes import processors
    from ..render.formats.json import Encoded
    from ..wording import plural

    config = configuration()
    file = lock or config.lock or LOCK_FILE
    known = baseline or config.baseline
    job = Job(
        config=config,
        baseline=read_baseline(known) if known else frozenset(),
        lock_folder=str(Path(file).parent),
    )
    found = check_files(targets(paths, config), job, processors())
    before = read_lock(file) if is_file(Path(file)) else {}
    now, refused = relocked(before, found, job.lock_folder, complete=not paths)
    reason = refused_in_words(refused)
    done = f"{plural(len(now), 'network')}, {changes_in_words(before, now)}"
    if now == before and (now or reason):
        done = f"not written, because nothing changed in {plural(len(now), 'network')}"
        if not now:
            done = "not written"
    else:
        put(Encoded(lock_text(now)), file)
    say(f"{file}: {done}; {reason}" if reason else f"{file}: {done}")
    _finish(found)


def _finish(found: list[Checked]) -> None:
    """Write the errors to stderr, and exit with 2 if a file could not be read, or 1."""
    from ..render.findings.full import lines_of_finding
    from ..render.findings.tally import all_findings

    errors = [
        (file, finding)
        for file, finding in all_findings(found)
        if finding.diagnostic.severity == "error"
    ]
    complain_in(lines_of_finding(file, finding) for file, finding in errors)
    if errors:
        codes = {finding.diagnostic.code for _, finding in errors}
        raise typer.Exit(2 if codes & USAGE else 1)
