"""The command explain: shows the arithmetic of one layer, or of all."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from ..diagnostic import Diagnostic, Mistake, misspelled
from . import options as o
from .output import finish_with_errors, put, text_width
from .spec_report import spec_report

if TYPE_CHECKING:
    from ..analysis.result import Report
    from ..render.explain import Explained

_SHOWN = 4  # layers of those that are meant


class Written(str, Enum):
    """Formats of arithmetic."""

    text, markdown, latex = "text", "markdown", "latex"


def explain(
    spec: o.Spec,
    layer: Annotated[
        str | None,
        typer.Argument(
            metavar="LAYER",
            help="path of a layer or block, as `analyze` shows it; without it, every layer is"
            " explained",
        ),
    ] = None,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    format: Annotated[
        Written, o.choice("--format", Written, "format of the arithmetic")
    ] = Written.text,
    output: o.Output = None,
) -> None:
    """Show the arithmetic of one layer or block, or of every layer, with its numbers.

    Examples:
        See why the first layer of AlexNet is 55×55:
        cnncalc explain alexnet conv1
        Write the arithmetic of every layer of LeNet-5 for a report:
        cnncalc explain lenet5 --format latex
    """
    from ..render import explain as render

    report, sources = spec_report(spec, variant, set, input, batch)
    found = _explained(report, layer)
    if found and format is Written.text:
        put(render.text(found, text_width(output)), output)
    elif found:
        write = render.markdown if format is Written.markdown else render.latex
        put(write(found), output)
    elif report.ok and layer is not None:
        fault = Diagnostic("CNN111", f"no layer is called `{layer}`")
        raise Mistake(_not_found(fault, layer, [row.path for row in report.rows]))
    finish_with_errors(report.diagnostics, sources)


def _not_found(fault: Diagnostic, layer: str, paths: list[str]) -> Diagnostic:
    """Add the layers that are meant: those whose path begins with a word or has it as a part."""
    meant = [path for path in paths if path.startswith(layer) or layer in path.split(".")]
    if len(meant) < 2:
        listing = "`cnncalc analyze SPEC --format csv --columns path` lists the layers"
        return misspelled(fault, layer, paths, listing)
    shown = [f"`{path}`" for path in meant[:_SHOWN]]
    if len(meant) > _SHOWN:
        shown.append("…")
    return fault._replace(help=f"{len(meant):,} layers match: {', '.join(shown)}")


def _explained(report: Report, path: str | None) -> list[Explained]:
    """Return the layer or block with this path, or every layer if there is none."""
    from ..analysis.explain import explain_all
    from ..render.explain import Explained, explained

    if path is None:
        return [Explained(row.path, row, lines) for row, lines in explain_all(report)]
    found = explained(report, path)
    return [found] if found is not None else []
