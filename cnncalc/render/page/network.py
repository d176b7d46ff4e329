"""One network as data for a page: its layers, totals, memory, budgets and published figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...analysis.diff import Diff
from ...analysis.latency.device_file import Device
from ...analysis.memory.rows import with_memory
from ...analysis.memory.runs import Runs
from ...analysis.receptive_field import ReceptiveField
from ...analysis.result import Budget, Comparison, Report
from ...diagnostic import Diagnostic
from ...foreign import visible
from ...language.validation import plain
from ...wording import axes_text, shape_text, value_text
from ..diagnostics import lines_of, lines_of_others, notes_alike
from ..formats.lines import joined
from .changes import change_data
from .devices import devices_data
from .family import Member
from .layers import known_parts, layer_columns, layer_numbers, tables, unknown_of
from .memory import memory_data
from .packed import packed
from .times import Times


class Subject(NamedTuple):
    """A network to show.

    Attributes:
        name: what it is called where several networks are listed.
        report: its analysis; None if its spec cannot be read.
        sources: the texts of the files that its diagnostics are about.
        diagnostics: what was found.
        family: the networks of its file, itself included.
        diff: how it differs from an older network.
        times: the measured times of its layers.
        devices: devices on which times are predicted; None for the default devices.
    """

    name: str
    report: Report | None
    sources: Mapping[str, str] = {}
    diagnostics: tuple[Diagnostic, ...] = ()
    family: tuple[Member, ...] = ()
    diff: Diff | None = None
    times: Times | None = None
    devices: tuple[Device, ...] | None = None


def network_data(subject: Subject) -> dict[str, Any]:
    """Return what a page shows of a network."""
    found = _findings(subject)
    report = subject.report
    if report is None:
        return {"name": subject.name, "file": subject.name, "diagnostics": found, "layers": None}
    shared = tables(report)
    runs = Runs(report) if report.complete else None
    layers = layer_columns(with_memory(report, runs), shared, runs)
    data = {
        "name": report.name,
        "file": report.file,
        "variant": report.variant,
        "source": report.source,
        "year": report.year,
        "batch": report.batch,
        "dtype": report.dtype,
        "complete": report.complete,
        "inputs": {name: list(shape) for name, shape in report.inputs.items()},
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
        "parameters": {name: plain(value) for name, value in report.parameters.items()},
        "totals": known_parts(report.totals._asdict()),
        "unknown": unknown_of(report.totals._asdict()),
        "field": _field(report.receptive_field),
        "field_without_gates": _field(report.receptive_field_without_gates),
        "memory": memory_data(runs) if runs else None,
        "devices": devices_data(report, subject.devices) if report.complete else [],
        "layers": layers,
        "budgets": [_budget(budget) for budget in report.budgets],
        "published": [_comparison(entry) for entry in report.published],
        "not_compared": report.not_compared,
        "family": [member._asdict() for member in subject.family],
        "diagnostics": found,
    }
    numbers = layer_numbers(report)
    if subject.times is not None:
        layers["seconds"] = packed(subject.times.of(list(numbers)))
        data["times"] = subject.times.about
    if subject.diff is not None:
        data["diff"] = change_data(subject.diff, shared, numbers)
    return {**data, "tables": shared.written()}


def _field(found: tuple[str, ReceptiveField] | None) -> dict[str, Any] | None:
    """Return the receptive field of the last layer that does not see the whole input."""
    if found is None:
        return None
    path, seen = found
    return {"at": path, "size": axes_text(seen.size)}


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "subject": budget.subject,
        "limit": budget.limit,
        "ours": value_text(budget.ours),
        "verdict": budget.verdict,
        "at": budget.at,
    }


def _comparison(entry: Comparison) -> dict[str, Any]:
    ours = entry.ours
    return {
        "what": entry.what,
        "at": entry.at,
        "printed": value_text(entry.printed),
        "ours": shape_text(ours) if isinstance(ours, tuple) else value_text(ours),
        "agrees": entry.agrees,
        "source": entry.source,
        "erratum": entry.erratum,
    }


def _findings(subject: Subject) -> list[dict[str, Any]]:
    """Return the diagnostics; of many notes alike, the first."""
    alike = notes_alike(subject.diagnostics)
    found = []
    for diagnostic in subject.diagnostics:
        same = alike.get(diagnostic.code, [diagnostic])
        if diagnostic is not same[0]:
            continue
        place = diagnostic.position
        lines = [*lines_of(diagnostic, subject.sources), *lines_of_others(same, None)]
        found.append(
            {
                "code": diagnostic.code,
                "severity": diagnostic.severity,
                "line": place.line if place else None,
                "text": joined([lines]).written().split("\n"),
            }
        )
    return found


def shown(value: Any) -> Any:
    """Return data with every text visible: what a name hides or reorders is shown as an escape."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): shown(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [shown(entry) for entry in value]
    return value
