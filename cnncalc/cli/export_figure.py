"""Figures of `cnncalc export --to svg` and `--to pdf`: their options, and how they are made."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import typer

from ..text_file import write_bytes, write_text
from .option_values import depth_of, usage
from .output import finish_with_errors, say_exactly
from .spec_report import spec_report

STYLES = ("blocks", "layers", "textbook")
THEMES = ("light", "dark", "grey")

Style = Annotated[
    str | None,
    typer.Option(
        "--style",
        metavar="STYLE",
        help="svg, pdf: blocks, a diagram of the blocks with each kind opened beside it (default);"
        " layers, a column of all layers; textbook, a row of maps in perspective",
        autocompletion=lambda: list(STYLES),
    ),
]
Show = Annotated[
    str | None,
    typer.Option(
        "--show", metavar="A,B", help="svg, pdf: figures in each box, such as params,macs"
    ),
]
Theme = Annotated[
    str | None,
    typer.Option(
        "--theme",
        metavar="THEME",
        help=f"svg, pdf: {', '.join(THEMES[:-1])} or {THEMES[-1]} (default: light)",
        autocompletion=lambda: list(THEMES),
    ),
]
Colour = Annotated[
    list[str] | None,
    typer.Option(
        "--colour",
        metavar="NAME=COLOUR",
        help="svg, pdf: a colour of your own, such as conv=#4477aa or background=none; may be"
        " repeated",
    ),
]
Font = Annotated[
    str | None,
    typer.Option("--font", metavar="NAMES", help="svg: fonts, such as 'Georgia, serif'"),
]


Beside = Annotated[
    str | None,
    typer.Option(
        "--beside",
        metavar="SPEC,SPEC",
        help="svg, pdf: with --style layers, the columns of other networks beside this one",
    ),
]


class Wanted(NamedTuple):
    """The options of a figure, as they are given."""

    style: str | None
    theme: str | None
    colours: tuple[str, ...]
    font: str | None
    show: str | None
    depth: str | None
    beside: str | None = None


def put_figure(
    to: str,
    wanted: Wanted,
    spec: str,
    variant: str | None,
    set: list[str] | None,
    input: list[str] | None,
    output: str | None,
) -> None:
    """Draw a network, and write the figure to stdout or to a file."""
    from ..convert.drawing.figures import figure, figure_of_several
    from ..convert.drawing.figures.diagram import Subject
    from ..convert.drawing.figures.look import look
    from ..convert.drawing.figures.numbers import figures_of, known

    if to == "pdf" and output is None:
        raise usage("a PDF is not text", "name the file: -o net.pdf")
    style = wanted.style or STYLES[0]
    others = _names(wanted.beside)
    if others and style != "layers":
        raise usage("--beside is for columns of layers", "add --style layers")
    names = known(_names(wanted.show))
    depth = None if wanted.depth is None else depth_of(wanted.depth)
    chosen = look(wanted.theme or THEMES[0], wanted.colours, wanted.font)
    subjects = []
    for name in (spec, *others):
        own = (variant, set, input) if name == spec else (None, None, None)
        report, sources = spec_report(name, *own)
        finish_with_errors(report.diagnostics, sources)
        figures = figures_of(report, names)
        subjects.append((report.name, Subject(report.graph, chosen, depth, figures)))
    if others:
        svg = figure_of_several(subjects)
    else:
        svg = figure(style, report.graph, report.name, chosen, depth=depth, figures=figures)
    if to == "pdf":
        from ..convert.drawing.pdf import pdf

        write_bytes(str(output), pdf(svg))
    elif output is None:
        say_exactly(svg)
    else:
        write_text(output, svg)


def _names(text: str | None) -> list[str]:
    """Parse ``params,macs`` as names."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]
