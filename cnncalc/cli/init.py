"""The command init: the first files of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..diagnostic import Diagnostic, Mistake
from .output import put

SCHEMA = "cnncalc.schema.json"
WORKFLOW_FILE = ".github/workflows/cnncalc.yml"


def init(
    file: Annotated[
        str, typer.Argument(help="the spec to write", metavar="FILE")
    ] = "network.cnn.yaml",
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="NAME",
            help="begin with a bundled network, such as vgg16, instead of a small example",
        ),
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="a workflow for GitHub Actions too")
    ] = False,
) -> None:
    """A first spec, with the schema that editors complete and explain it by."""
    from ..analysis.figures import known_figures
    from ..language.load import bundled, read
    from ..language.schema import json_schema
    from ..language.write import quoted
    from ..render.json import dumps
    from .starter import SPEC, WORKFLOW

    variant = None
    target = Path(file if file.endswith((".yaml", ".yml")) else f"{file}.cnn.yaml")
    schema = target.parent / SCHEMA
    if start is None:
        text = SPEC.format(
            schema=SCHEMA, file=target.name, name=quoted(target.name.partition(".")[0])
        )
    else:
        path, variant = bundled(start)
        text = f"# yaml-language-server: $schema={SCHEMA}\n" + read(path)
    files = {target: text, **({Path(WORKFLOW_FILE): WORKFLOW} if github else {})}
    for one in files:
        if one.exists():
            raise Mistake(
                Diagnostic(
                    "CNN002", f"{one} already exists", help="name another file, or remove it first"
                )
            )
    for one, content in {**files, schema: dumps(json_schema(known_figures()))}.items():
        try:
            one.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Mistake(
                Diagnostic("CNN002", f"cannot write {one}: {error.strerror or error}")
            ) from None
        put(content.rstrip("\n"), str(one))
        put(f"wrote {one}")
    put(f"next: cnncalc analyze {target}{f'#{variant}' if variant else ''}")
