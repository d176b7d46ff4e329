"""The commands for CI: check, lock, rule."""

from __future__ import annotations

import sys
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ..diagnostic import Diagnostic, Mistake
from . import options as o
from .output import USAGE, complain, put, shaded

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        help="files, folders, file#variant, bundled names, or -; the current folder if none is named",
        metavar="[PATH]…",
    ),
]
Lock = Annotated[
    str | None,
    typer.Option(
        "--lock",
        metavar="FILE",
        help="the lock, if it is not cnncalc.lock; --locked is then implied",
    ),
]
LockFile = Annotated[
    str | None,
    typer.Option("--lock", metavar="FILE", help="the lock, if it is not cnncalc.lock"),
]
Codes = Annotated[
    list[str] | None,
    typer.Option(
        "--select", metavar="CODE,…", help="only these codes; CNN5 means all that begin so"
    ),
]
Ignored = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="CODE,…", help="not these codes")
]


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
        Findings, typer.Option("--format", help="how to print the findings")
    ] = Findings.full,
    output: o.Output = None,
    also: Annotated[
        list[str] | None,
        typer.Option(
            "--also", metavar="FORMAT=FILE", help="write another format to a file; may be repeated"
        ),
    ] = None,
    select: Codes = None,
    ignore: Ignored = None,
    fail_on: Annotated[
        Level | None,
        typer.Option("--fail-on", help="the least severity that fails; error unless said"),
    ] = None,
    only_specs: Annotated[
        bool,
        typer.Option(
            "--only-specs",
            help="pass over named files without a top-level `cnncalc`, as in folders",
        ),
    ] = False,
    exit_zero: Annotated[
        bool, typer.Option("--exit-zero", help="exit 0 whatever is found")
    ] = False,
    fix: Annotated[bool, typer.Option("--fix", help="make the fixes that are certain")] = False,
    fix_all: Annotated[
        bool,
        typer.Option(
            "--fix-all",
            help="make fixes that are a matter of choice too, but none of what is expected or budgeted",
        ),
    ] = False,
    locked: Annotated[
        bool, typer.Option("--locked", help="fail where a figure is not the locked one")
    ] = False,
    lock: Lock = None,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE", help="leave out the findings of this file"),
    ] = None,
    write_baseline: Annotated[
        str | None,
        typer.Option(
            "--write-baseline",
            metavar="FILE",
            help="write the findings as a baseline instead of printing them",
        ),
    ] = None,
) -> None:
    """Every spec and every variant: language, shapes, expectations, budgets, and notes on the design."""
    from ..checking.lock import NAME, read_lock
    from ..checking.run import Job, processors, stale_in
    from ..checking.run import check as checking
    from ..checking.suppress import read_baseline
    from ..render.findings.tally import counted

    config = overridden(select, ignore, fail_on)
    also_in = outputs(also)
    targets = named(paths, config, only_specs)
    if (fix or fix_all) and ("-", None) in targets:
        raise Mistake(Diagnostic("CNN111", "--fix writes to files, and `-` is standard input"))
    lock_file = lock or config.lock or NAME
    known = baseline or config.baseline
    job = Job(
        config,
        read_baseline(known) if known and not write_baseline else frozenset(),
        "all" if fix_all else "certain" if fix else "",
        read_lock(lock_file) if locked or lock else None,
        str(Path(lock_file).parent),
    )
    found = checking(targets, job, processors())
    if job.lock is not None:
        found += stale_in(lock_file, found, job)
    for kind, file in also_in:
        put(in_format(kind, found), file)
    if write_baseline:
        put(in_format("json", found), write_baseline)
        put(f"{write_baseline}: {counted(sum(len(file.findings) for file in found), 'finding')}")
        return
    if format is Findings.full and output is None:
        from ..render.findings.full import render

        put(render(found, colour=shaded(sys.stdout)))
    else:
        put(in_format(format.value, found), output)
    if any(file.fails for file in found) and not exit_zero:
        raise typer.Exit(
            2
            if any(finding.diagnostic.code in USAGE for file in found for finding in file.findings)
            else 1
        )


def in_format(kind: str, found: list[Any]) -> str:
    """Findings in a format, by the module of its name."""
    text: str = import_module(f"..render.findings.{kind}", __package__).render(found)
    return text


def outputs(texts: list[str] | None) -> list[tuple[str, str]]:
    """``sarif=out.sarif`` → ("sarif", "out.sarif")."""
    pairs = []
    for text in texts or ():
        kind, equals, file = text.partition("=")
        if not equals or kind not in Findings.__members__ or not file:
            raise Mistake(
                Diagnostic(
                    "CNN111",
                    f"--also takes FORMAT=FILE, not `{text}`",
                    help=f"formats are {', '.join(Findings.__members__)}",
                )
            )
        pairs.append((kind, file))
    return pairs


def overridden(
    select: list[str] | None = None, ignore: list[str] | None = None, fail_on: Level | None = None
) -> Any:
    """The project's configuration, with the options over it."""
    from ..checking.config import codes_of, configured

    config = configured(Path.cwd())
    return config._replace(
        select=codes_of(select) or config.select,
        ignore=config.ignore | codes_of(ignore),
        fail_on=fail_on.value if fail_on else config.fail_on,
    )


def named(
    paths: list[str] | None, config: Any, only_specs: bool = False
) -> list[tuple[str, str | None]]:
    """The specs below the paths; a mistake where there are none."""
    from ..checking.files import found

    targets = list(found(paths or ["."], config.exclude, config.root, only_specs))
    if not targets and not only_specs:
        raise Mistake(
            Diagnostic(
                "CNN002",
                f"no specs in {', '.join(paths or ['.'])}",
                help="specs are *.cnn.yaml, and YAML with a top-level key `cnncalc`",
            )
        )
    return targets


def lock(paths: Paths = None, lock: LockFile = None) -> None:
    """Writes the figures of every network to cnncalc.lock, for `check --locked`; of the networks named, if any are."""
    from ..checking.lock import NAME, read_lock, written
    from ..checking.run import Job, processors
    from ..checking.run import check as checking
    from ..render.findings.tally import counted

    config = overridden()
    file = lock or config.lock or NAME
    found = checking(
        named(paths, config), Job(config, lock_folder=str(Path(file).parent)), processors()
    )
    wrong = [
        finding.diagnostic
        for one in found
        for finding in one.findings
        if finding.diagnostic.severity == "error"
    ]
    if wrong:
        complain(wrong, {one.file: one.text for one in found})
        raise typer.Exit(1)
    networks = {name: figures for one in found for name, figures in one.figures.items()}
    if paths and Path(file).exists():
        declared = {name for one in found for name in one.declared}
        files = {name.partition("#")[0] for name in declared}
        networks = {
            name: figures
            for name, figures in read_lock(file).items()
            if name in declared or name.partition("#")[0] not in files
        } | networks
    before = read_lock(file) if Path(file).exists() else {}
    moved = sum(before[name] != figures for name, figures in networks.items() if name in before)
    news = [
        f"{n} {word}"
        for n, word in (
            (len(networks.keys() - before.keys()), "new"),
            (moved, "changed"),
            (len(before.keys() - networks.keys()), "removed"),
        )
        if n
    ]
    put(written(networks), file)
    put(
        f"{file}: {counted(len(networks), 'network')}"
        + (f", {', '.join(news)}" if news else ", nothing changed")
    )


def rule(
    code: Annotated[
        str | None,
        typer.Argument(help="such as CNN204, or CNN2 for all that begin so", metavar="CODE"),
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="the page of all rules")] = False,
    output: o.Output = None,
) -> None:
    """What a code means, with an example and the fix; without one, or with its beginning, the list of them."""
    from .. import rules

    if all and code is not None:
        raise Mistake(
            Diagnostic("CNN111", "a code, and --all beside it", help="cnncalc rule CNN204")
        )
    known = {
        name: rule for name, rule in rules.rules().items() if name.startswith((code or "").upper())
    }
    if all:
        put(rules.page().rstrip(), output)
    elif code is None or len(known) > 1:
        put(
            "\n".join(f"{rule.code} {rule.severity:<7} {rule.title}" for rule in known.values()),
            output,
        )
    else:
        put(rules.rule(code).text, output)
