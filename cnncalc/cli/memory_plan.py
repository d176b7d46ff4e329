"""What the command memory does beside its report: plan inference, and draw a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .option_values import usage
from .output import finish, present
from .spec_report import spec_report

if TYPE_CHECKING:
    from ..analysis.memory.overview import Overview


def plan(
    spec: str,
    variant: str | None,
    set: list[str] | None,
    input: list[str] | None,
    batch: int,
    dtype: str,
    arena: str | None,
    format: str,
    output: str | None,
) -> None:
    """Find the best order of the layers, or place the tensors in the arena of a device."""
    from ..analysis.memory.deployment import deployed
    from ..analysis.memory.devices import microcontroller
    from ..analysis.memory.order import Order, best_order, in_torch
    from ..analysis.memory.run import Run
    from ..analysis.result import BYTES
    from ..render.memory_arena import Planned

    device = None if arena is None else microcontroller(arena)
    if device is not None:
        if batch != 1 or dtype not in ("float32", "int8"):
            raise usage("--arena plans for one image in int8", "leave out --batch and --dtype")
        dtype = "int8"
    report, sources = spec_report(spec, variant, set, input, batch, dtype)
    graph = report.graph
    found: Planned | Order | None = None
    if report.complete and device is not None:
        found = Planned(deployed(graph), device)
    elif report.complete:
        found = best_order(graph, in_torch(graph, Run(batch=batch, width=BYTES[dtype])))
    if found or format == "json":
        command = "memory_order" if arena is None else "memory_arena"
        present(command, format, output, report, found)
    finish((d for d in report.diagnostics if d.severity == "error"), sources)


def draw(found: Overview, file: str) -> None:
    """Draw the memory of a run over time, as SVG or as a page."""
    from ..analysis.memory.course import course
    from ..render.memory.plot import svg
    from ..render.plot_page import is_page, page
    from ..text_file import write_text

    drawn = svg(found, course(found.report.graph, found.run))
    name = f"Memory of {found.report.name}"
    write_text(file, page(drawn, name) if is_page(file) else drawn)
