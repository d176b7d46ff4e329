"""Writes what a network needs of a microcontroller: SRAM and flash, and where its tensors are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.memory.deployment import Deployment
from ..analysis.memory.devices import Device
from ..analysis.result import Report
from ..wording import bytes_text, shape_text
from .analyze import heading
from .formats.csv import Csv
from .formats.entries import FILE_WIDTH
from .formats.json import Json, diagnostic_data, document
from .formats.markdown import Page
from .formats.table import DIM, GREEN, RED, bar, ending, facts, grid, noted, stacked, text
from .memory_order import gain

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

BAR, WIDE = 16, 80  # cells of a tensor's bar, and the columns of a screen that shows it
OTHERS = 30  # columns that the table needs beside the paths and the bars
TITLES = ("tensor", "shape", "bytes", "offset")
CAPTION = "tensors in SRAM while the busiest layer runs; the runtime itself is not counted"


class Planned(NamedTuple):
    """A network on a device."""

    deployment: Deployment
    device: Device

    @property
    def sram(self) -> int:
        """The device's bytes of SRAM."""
        return self.device.sram or 0

    @property
    def flash(self) -> int:
        """The device's bytes of flash."""
        return self.device.flash or 0


def table(report: Report, found: Planned, width: int) -> Group:
    """Lay out what a device has and the network needs."""
    head = heading(report), text((f"inference, on {found.device.name}", DIM)), text()
    return stacked(
        *head, arena(found.deployment, found.device.name, found.sram, found.flash, width)
    )


def arena(found: Deployment, device: str, sram: int, flash: int, width: int = FILE_WIDTH) -> Group:
    """Lay out what a device has and the network needs, and the tensors at the busiest layer."""
    busiest = found.arena.busiest
    bound = noted(bytes_text(found.arena.bound), "no arena can be smaller in this order")
    lines = (
        ("SRAM", _against(found.sram, sram, device)),
        ("flash", _against(found.flash, flash, device)),
        ("lower bound", bound),
        ("busiest layer", found.graph.nodes[busiest].path),
        ("order", _order(found)),
    )
    bars = BAR if width >= WIDE else 0
    table = grid(*TITLES, *[""] * bool(bars), left=("tensor", ""))
    for placed in found.arena.at(busiest):
        node, size = found.graph.nodes[placed.tensor.layer], placed.tensor.size
        path = ending(node.path, max(width - OTHERS - bars, 12))
        drawn = [bar(size, found.arena.size, bars)] if bars else []
        sizes = f"{size:,}", f"{placed.offset:,}"
        table.add_row(path, shape_text(node.shape), *sizes, *drawn)
    return stacked(facts(lines), table, text((CAPTION, DIM)))


def _against(needed: int, given: int, device: str) -> Text:
    """A size, and whether the device has as much."""
    words = f"of {bytes_text(given)} on {device}"
    if needed <= given:
        return text(f"{needed:,} = {bytes_text(needed)} ", (words, DIM), (" ✓", GREEN))
    over = f" ✗ {bytes_text(needed - given)} too much"
    return text(f"{needed:,} = {bytes_text(needed)} ", (words, DIM), (over, RED))


def _order(found: Deployment) -> str:
    """In which order the layers run."""
    if found.used:
        return "not as written: this order needs less"
    if found.order is None or found.order.saved:
        return "as written"
    return f"as written; {gain(found.order)}"


def arena_data(found: Deployment, device: str, sram: int, flash: int) -> dict[str, Any]:
    """Return the sizes in bytes, and every tensor with its place."""
    nodes = found.graph.nodes
    return {
        "device": device,
        "fits": found.fits(sram, flash),
        "sram": {"needed": found.sram, "available": sram, "bound": found.arena.bound},
        "flash": {
            "needed": found.flash,
            "available": flash,
            "weights": found.weights,
            "others": found.others,
        },
        "busiest": nodes[found.arena.busiest].path,
        "reordered": found.used,
        "layers": [node.path for node in nodes if node.op is not None],
        "tensors": [
            {
                "path": nodes[placed.tensor.layer].path,
                "bytes": placed.tensor.size,
                "offset": placed.offset,
                "first": nodes[placed.tensor.first].path,
                "last": nodes[placed.tensor.last].path,
            }
            for placed in found.arena.placed
        ],
    }


def json(report: Report, found: Planned | None) -> Json:
    """Write the sizes in bytes, and every tensor with its place."""
    data = None
    if found:
        data = arena_data(found.deployment, found.device.name, found.sram, found.flash)
    return document(
        {
            "name": report.name,
            "variant": report.variant,
            "file": report.file,
            "input": report.inputs,
            "batch": report.batch,
            "dtype": report.dtype,
            "arena": data,
            "diagnostics": [diagnostic_data(d) for d in report.diagnostics],
        }
    )


def csv(report: Report, found: Planned) -> Csv:
    """Write every tensor in the arena: its place, and the first and last layer that needs it."""
    nodes = found.deployment.graph.nodes
    rows = (
        [
            nodes[placed.tensor.layer].path,
            placed.tensor.size,
            placed.offset,
            nodes[placed.tensor.first].path,
            nodes[placed.tensor.last].path,
        ]
        for placed in found.deployment.arena.placed
    )
    return Csv(["path", "bytes", "offset", "first", "last"], *rows)


def markdown(report: Report, found: Planned) -> Page:
    """Write what a device has and the network needs, and the tensors at the busiest layer."""
    page, deployment = Page(), found.deployment
    page.heading(f"{report.name}, {report.dtype}, on {found.device.name}")
    rows = [
        ["SRAM", bytes_text(deployment.sram), bytes_text(found.sram)],
        ["flash", bytes_text(deployment.flash), bytes_text(found.flash)],
    ]
    page.table(["memory", "needed", "on the device"], [False, True, True], rows)
    busiest, nodes = deployment.arena.busiest, deployment.graph.nodes
    page.paragraph(f"Busiest layer: `{nodes[busiest].path}`. Order: {_order(deployment)}.")
    tensors = [
        [
            nodes[placed.tensor.layer].path,
            shape_text(nodes[placed.tensor.layer].shape),
            f"{placed.tensor.size:,}",
            f"{placed.offset:,}",
        ]
        for placed in deployment.arena.at(busiest)
    ]
    page.table(list(TITLES), [False, False, True, True], tensors)
    page.paragraph(CAPTION)
    return page
