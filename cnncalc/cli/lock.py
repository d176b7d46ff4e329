"""The command lock: writes the figures that `check --locked` compares with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..diagnostic import Diagnostic
from .output import complain, put, say
from .spec_paths import Paths, configuration, targets


def lock(
    paths: Paths = None,
    lock: Annotated[
        str | None,
        typer.Option("--lock", metavar="FILE", help="write this file instead of cnncalc.lock"),
    ] = None,
) -> None:
    """Write the figures of every network to cnncalc.lock, which `check --locked` compares with.

    Where paths are given, only their networks are locked anew.

    Examples:
        Every network in the current folder:
        cnncalc lock
        One network, in a lock of another name:
        cnncalc lock resnet18 --lock resnet.lock
    """
    from ..checking.lock import LOCK_FILE, Lock, changes_in_words, lock_text, merged, read_lock
    from ..checking.run import Job, check_files, processors
    from ..language.load import is_file
    from ..render.formats.json import Encoded
    from ..wording import plural

    config = configuration()
    file = lock or config.lock or LOCK_FILE
    job = Job(config, lock_folder=str(Path(file).parent))
    found = check_files(targets(paths, config), job, processors())
    errors: list[Diagnostic] = []
    networks: Lock = {}
    declared: set[str] = set()
    for checked in found:
        diagnostics = (finding.diagnostic for finding in checked.findings)
        errors += (diagnostic for diagnostic in diagnostics if diagnostic.severity == "error")
        networks |= checked.figures
        declared |= checked.declared
    if errors:
        complain(errors, {checked.file: checked.text for checked in found})
        raise typer.Exit(1)
    before = read_lock(file) if is_file(Path(file)) else {}
    if paths:
        networks = merged(before, networks, declared)
    put(Encoded(lock_text(networks)), file)
    say(f"{file}: {plural(len(networks), 'network')}, {changes_in_words(before, networks)}")
