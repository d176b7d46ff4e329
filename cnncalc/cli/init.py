"""The command init: writes the first files of a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Diagnostic, Mistake
from .option_values import usage
from .output import put, say
from .spec_paths import configuration

if TYPE_CHECKING:
    from ..render.formats.document import Document


def init(
    file: Annotated[
        str, typer.Argument(help="the spec to write", metavar="FILE")
    ] = "network.cnn.yaml",
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="copy a bundled network, such as vgg16, instead of a small example",
        ),
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="also write a workflow for GitHub Actions")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--source",
            metavar="SOURCE",
            help="with --github: what the workflow passes to pip to install cnncalc: a path in the"
            " repository, an address such as git+https://…, or a requirement",
        ),
    ] = None,
) -> None:
    """Write a first spec, and the schema that lets editors complete and explain it.

    With --github, a spec that already exists is kept, and only the workflow is written.

    Examples:
        Write a small network to begin with:
        cnncalc init network
        Copy ResNet-18, and write a workflow that installs cnncalc from ./cnncalc:
        cnncalc init mine --from resnet18 --github --source ./cnncalc
    """
    from ..checking.lock import LOCK_FILE
    from ..language.load import read
    from ..render.init import WORKFLOW_FILE, first_spec, in_shell, schema_file, workflow
    from ..zoo import bundled, is_bundled

    if github != (source is not None):
        lacking, given = ("--source", "--github") if github else ("--github", "--source")
        example = "cnncalc init --github --source git+https://…, a path or a requirement"
        raise usage(f"{given} needs {lacking}", example)
    target = Path(file if file.endswith((".yaml", ".yml")) else f"{file}.cnn.yaml")
    bundled_file, variant = bundled(start) if start is not None else (None, None)
    is_kept = github and start is None and target.exists()
    files: dict[Path, Document] = {}
    if not is_kept:
        files[target] = first_spec(target, read(bundled_file) if bundled_file else None)
    if source is not None:
        if not source.strip():
            raise usage("--source is empty", "name a path, an address or a requirement")
        lock = configuration().lock or LOCK_FILE
        files[Path(WORKFLOW_FILE)] = workflow(source, is_locked=Path(lock).exists())
    for one in files:
        if one.exists():
            taken = f"{one} already exists"
            raise Mistake(Diagnostic("CNN002", taken, help="name another file, or remove it first"))
    if is_kept:
        say(f"kept {target}, which already exists")
    else:
        schema, content = schema_file(target.parent)
        files[schema] = content
    for one, document in files.items():
        _write(one, document)
    made = f"{target}#{variant}" if variant else str(target)
    say(f"next: cnncalc analyze {in_shell(made)}")
    if start is None and not is_kept and is_bundled(file):
        say(f"this is not the bundled {file}: `--from {file}` copies that")


def _write(file: Path, document: Document) -> None:
    """Write a file, creating its folder if necessary, and report it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot write {file}: {error.strerror or error}"
        raise Mistake(Diagnostic("CNN002", message)) from None
    put(document, str(file))
    say(f"wrote {file}")
