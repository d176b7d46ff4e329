"""Writes a gallery: a page for every bundled network, and an index with a search."""

from __future__ import annotations

from collections.abc import Callable
from itertools import starmap
from pathlib import Path
from typing import Any

from ...analysis.analyze import analyze
from ...analysis.result import Report
from ...analysis.zoo import BundledNetwork, of_report
from ...diagnostic import Diagnostic, Mistake
from ...language.load import bundled_spec
from ...processes import mapped, processors
from ...text_file import reason, write_text
from ...zoo import files
from ..zoo import network_data
from .document import HtmlPage, network_page
from .family import Member
from .network import Subject, shown

INDEX = "index.html"


def write_gallery(folder: str, version: str, tick: Callable[[str], None]) -> int:
    """Write the pages into a folder, which is made if there is none; return how many there are.

    `tick` is called with the name of each file of specs that is done. Files are handled by several
    processes, if the system can fork.

    Errors: a Mistake with CNN002 for a folder or file that cannot be written.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot write {folder}: {reason(error)}")) from None
    cards: list[dict[str, Any]] = []
    jobs = [(str(path), folder, version) for path in files()]
    for path, found in zip(files(), mapped(_write_family, jobs, processors(), "wrote pages")):
        cards += found
        tick(path.stem)
    index = HtmlPage("Networks", "gallery", shown({"version": version, "networks": cards}))
    write_text(Path(folder) / INDEX, index.written() + "\n")
    return len(cards) + 1


def _write_family(job: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Write a page for each network of a file; return what the index shows of them."""
    path, folder, version = job
    spec = bundled_spec(Path(path))
    stem = Path(path).stem
    networks = []
    for variant in spec.members:
        target = f"{stem}.yaml#{variant}" if variant else f"{stem}.yaml"
        report = analyze(spec, variant)
        networks.append((of_report(variant or stem, target, report), report))
    family = tuple(starmap(_member, networks)) if len(networks) > 1 else ()
    cards = []
    for n, (network, report) in enumerate(networks):
        subject = Subject(
            name=network.name,
            report=report,
            sources={spec.file: spec.text},
            diagnostics=tuple(report.diagnostics),
            family=(
                *family[:n],
                *(each._replace(own=True) for each in family[n : n + 1]),
                *family[n + 1 :],
            ),
        )
        page = network_page([subject], version, home=INDEX)
        write_text(Path(folder) / f"{network.name}.html", page.written() + "\n")
        cards.append({**network_data(network), "title": report.name, "source": report.source})
    return cards


def _member(network: BundledNetwork, report: Report) -> Member:
    return Member(
        name=network.name,
        title=report.name,
        params=report.totals.params,
        macs=report.totals.macs,
        page=f"{network.name}.html",
    )
