"""Shows a network in a notebook: its page where it is, or its table, or a figure of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import __version__
from ..analysis.analyze import analyze
from ..analysis.result import Report
from ..diagnostic import Diagnostic, Mistake
from ..language.spec import Spec
from ..text_file import write_bytes, write_text

_PAGE = "cnncalc.render.page"
_HIGHEST = 5000  # pixels


class Shown:
    """A network that a notebook shows.

    Attributes:
        report: its report.
        height: how many pixels of the notebook its page takes.
    """

    def __init__(self, report: Report, height: int):
        self.report = report
        self.height = height

    def __str__(self) -> str:
        """Return the table that `cnncalc analyze` prints."""
        return str(self.report)

    def __repr__(self) -> str:
        return f"<{self.report.name}: {len(self.report.rows)} layers>"

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, or the table where there is no page."""
        page = page_of(self.report)
        if page is None:
            return self.report._repr_html_()
        rights = 'sandbox="allow-scripts allow-downloads" allow="clipboard-write"'
        size = f'width="100%" height="{self.height}" frameborder="0"'
        title = escape(self.report.name)
        return f'<iframe {rights} {size} title="{title}" srcdoc="{escape(page)}"></iframe>'


def show(
    spec: Spec | str | Path,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    dtype: str = "float32",
    height: int = 720,
) -> Shown:
    """Show a network in a notebook: its graph, table and memory on a page, or its table.

    Accepts:
        spec: the name of a bundled network, a path, the text of a spec, or what `load` or `loads`
            returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name, such as `{"width": 48}`.
        input: a shape `(C, *spatial)` for the first input, or a mapping of names to such shapes.
        batch: the number of images.
        dtype: the type of the numbers.
        height: how many pixels of the notebook the page takes.

    Returns:
        What a notebook shows if it is the last line of a cell; its `report` is that of `analyze`.

    Errors:
        A Mistake for wrong arguments.

    Example:
        >>> import cnncalc
        >>> cnncalc.show("lenet5")
        <LeNet-5: 14 layers>
    """
    if not isinstance(height, int) or isinstance(height, bool) or not 0 < height <= _HIGHEST:
        message = f"`height` is a number of pixels up to {_HIGHEST:,}, not {height!r}"
        raise Mistake(Diagnostic("CNN111", message))
    report = analyze(spec, variant, set=set, input=input, batch=batch, dtype=dtype)
    return Shown(report, height)


def page_of(report: Report) -> str | None:
    """Return the page of a network; None where this copy of cnncalc has no pages."""
    if find_spec(_PAGE) is None:
        return None
    document, network = import_module(f"{_PAGE}.document"), import_module(f"{_PAGE}.network")
    subject = network.Subject(
        name=report.name, report=report, diagnostics=tuple(report.diagnostics)
    )
    return str(document.network_page([subject], __version__).written())


class Figure:
    """A figure of a network, which notebooks show.

    Attributes:
        svg: the text of its SVG file.
        name: the name of the network.

    Example:
        >>> import cnncalc
        >>> figure = cnncalc.figure("vgg16", style="layers")
        >>> figure.svg[:5]
        '<svg '
    """

    def __init__(self, svg: str, name: str):
        self.svg = svg
        self.name = name

    def __repr__(self) -> str:
        return f"<figure of {self.name}>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, file: str | Path) -> None:
        """Write the figure to a file: as PDF if its name ends so, else as SVG.

        Accepts:
            file: a path, such as `net.svg` or `net.pdf`.

        Errors:
            A Mistake if the file cannot be written (CNN002), and for PDF without svglib (CNN401).
        """
        if str(file).lower().endswith(".pdf"):
            from ..convert.drawing.pdf import pdf

            write_bytes(file, pdf(self.svg))
        else:
            write_text(file, self.svg)


def figure(
    spec: Spec | str | Path,
    variant: str | None = None,
    *,
    style: str = "blocks",
    depth: int | None = None,
    figures: Sequence[str] = (),
    theme: str = "light",
    colours: Mapping[str, str] | None = None,
    font: str | None = None,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
) -> Figure:
    """Draw a network for a paper, a slide or a notebook, as `cnncalc export --to svg` does.

    Accepts:
        spec: the name of a bundled network, a path, the text of a spec, or what `load` or `loads`
            returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        style: blocks, layers or textbook.
        depth: down to which depth blocks are opened; None chooses it.
        figures: what each box shows, such as `["params", "macs"]`.
        theme: light, dark or grey.
        colours: colours of your own, such as `{"conv": "#4477aa", "background": "none"}`.
        font: names of fonts, as in CSS.
        set: values that replace parameters of the spec, by name, such as `{"width": 48}`.
        input: a shape `(C, *spatial)` for the first input, or a mapping of names to such shapes.

    Returns:
        A Figure, which notebooks show, and whose `save` writes SVG or PDF.

    Errors:
        A Mistake for wrong arguments (CNN111, CNN422), with the errors of the spec, and for a
        network that is too large for a figure (CNN423).

    Example:
        >>> import cnncalc
        >>> cnncalc.figure("lenet5", style="textbook")
        <figure of LeNet-5>
    """
    from ..convert.drawing.figures import figure as drawn
    from ..convert.drawing.figures.look import look
    from ..convert.drawing.figures.numbers import figures_of, known

    names = known(list(figures))
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int) or depth < 1):
        raise Mistake(Diagnostic("CNN111", f"`depth` is a positive number, not {depth!r}"))
    pairs = [f"{name}={colour}" for name, colour in (colours or {}).items()]
    chosen = look(theme, pairs, font)
    report = analyze(spec, variant, set=set, input=input).or_mistake()
    lines = figures_of(report, names)
    svg = drawn(style, report.graph, report.name, chosen, depth=depth, figures=lines)
    return Figure(svg, report.name)
