"""Budgets, which limit figures of a network or its layers. `analyze` warns; `check` fails."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from ..at_least import AtLeast
from ..diagnostic import MOST, Diagnostic, Fix, Mistake, misspelled, too_many
from ..language.validation import plain, shown
from ..language.yaml_tree import Marks
from ..num import Shape
from ..wording import bytes_text, duration_text, shape_text
from .bound import Bound, bounds_of, in_digits, rounded, verdict_on
from .figures import (
    LATENCY,
    MAX_BATCH,
    OF_A_RUN,
    RECEPTIVE_FIELDS,
    SUMMED,
    Printed,
    budget_figures,
    field_of,
    figure,
    in_bytes,
    printed,
    printed_time,
)
from .result import Budget, Report, settings_text
from .undeclared import undeclared

WITH_GATES, WITHOUT_GATES = RECEPTIVE_FIELDS
NANO = 1e-9
_OF_MEMORY = (*OF_A_RUN, MAX_BATCH)
_Judged = tuple[list[Budget], list[Diagnostic]]


def budgets(
    report: Report, budget: dict[str, Any], marks: Marks, file: str, at: str | None = None
) -> tuple[list[Budget], list[Diagnostic]]:
    """Compare each limit with the computed figure, and warn about each that is not kept.

    `at` is the layer or block to which the budget belongs; None for the network, whose budget may
    contain budgets of layers under its key `at`. `marks` are the positions of the limits in `file`.
    """
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for what, limit in budget.items():
        if len(found) >= MOST:
            return results, [*found, too_many(found[-1])]
        if what == "at" and at is None:
            judged = _by_layer(report, limit, marks.find("at"), file)
        else:
            judged = _one_figure(report, what, limit, marks, file, at, budget)
        results += judged[0]
        found += judged[1]
    return results, found


def _by_layer(report: Report, layers: Any, marks: Marks, file: str) -> _Judged:
    """Judge the budgets of layers and blocks, by name."""
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for name, budget in layers.items() if isinstance(layers, dict) else [("", layers)]:
        if len(found) >= MOST:
            break
        if not isinstance(budget, dict):
            found.append(
                Diagnostic(
                    "CNN103",
                    f"`at` takes budgets by layer, not {shown(budget)}",
                    marks.find(name).position(file),
                    help="write `at: {conv1: {params: < 10k}}`",
                )
            )
        elif not report.group(name) and name not in report.graph.groups:
            fault = Diagnostic(
                "CNN105",
                f"`at` names `{name}`, but no layer has that name",
                marks.key(file, name),
                subject=name,
            )
            found.append(misspelled(fault, name, report.graph.groups))
        else:
            kept, exceeded = budgets(report, budget, marks.find(name), file, name)
            results += kept
            found += exceeded
    return results, found


def _one_figure(
    report: Report,
    what: str,
    limit: Any,
    marks: Marks,
    file: str,
    at: str | None,
    given: Iterable[str],
) -> _Judged:
    """Judge one figure by its limit, or by both of its limits."""
    if what in _OF_MEMORY:
        return _memory(report, what, limit, marks, file, at, given)
    if what == LATENCY and at is None:
        return _latency(report, limit, marks, file)
    seen = field_of(report, what, at)
    if seen is not None and seen.unknown:  # no number to compare
        help = "set the budget on an earlier layer, or remove it"
        return [], [_undecided(what, marks, file, at, seen.unknown, help)]
    ours: Any = seen.sizes if seen is not None else figure(report, what, at)
    if ours is None:
        return [], [_no_figure(what, marks, file, at, given)]
    if what == "shape" and isinstance(ours, tuple):
        return _shape(ours, limit, marks.find("shape"), file, at)
    return _by_bounds(_Subject(report, what, at), ours, limit, marks, file)


def _memory(
    report: Report,
    what: str,
    limit: Any,
    marks: Marks,
    file: str,
    at: str | None,
    given: Iterable[str],
) -> _Judged:
    """Judge a figure of memory, beside whose limit is how the network runs."""
    from .memory.budget import computed, settings_of  # only for those who ask

    settings, fault = settings_of(what, limit, marks.find(what), file)
    if fault is not None:
        return [], [fault]
    found = computed(report, what, at, settings)
    if found.unknown:
        return [], [_undecided(what, marks, file, at, found.unknown, "remove the budget")]
    if found.value is None:
        return [], [_no_figure(what, marks, file, at, given)]
    if isinstance(limit, dict):
        limit = {key: value for key, value in limit.items() if key in ("max", "min")}
    subject = _Subject(report, what, at, settings, found.about)
    return _by_bounds(subject, found.value, limit, marks, file)


def _latency(report: Report, limit: Any, marks: Marks, file: str) -> _Judged:
    """Judge the time on a device, beside whose limit is how the network runs."""
    from .latency.budget import computed, settings_of  # only for those who ask

    place = marks.find(LATENCY)
    settings, fault = settings_of(limit, place, file)
    if fault is not None:
        return [], [fault]
    try:
        found = computed(report, settings)
    except Mistake as mistake:
        first = mistake.diagnostics[0]
        of_type = first.code == "CNN425"  # the type of the command
        help = "write `dtype` beside the limit" if of_type else first.help or ""
        return [], [_undecided(LATENCY, marks, file, None, first.message, help)]
    limit = {key: value for key, value in limit.items() if key in ("max", "min")}
    subject = _Subject(report, LATENCY, None, settings, found.about)
    return _by_bounds(subject, found.value, limit, marks, file)


class _Subject(NamedTuple):
    """What a budget limits; `about` is why the figure is so large or small, if that is known."""

    report: Report
    what: str
    at: str | None
    settings: dict[str, Any] = {}
    about: str = ""

    @property
    def text(self) -> str:
        """The figure as messages name it."""
        where = f" of `{self.at}`" if self.at else ""
        return f"{self.what}{where}{settings_text(self.settings)}"


def _by_bounds(subject: _Subject, ours: Any, limit: Any, marks: Marks, file: str) -> _Judged:
    """Judge a number, or the sizes of a receptive field, by each bound of a limit."""
    what = subject.what
    place = marks.find(what)
    written = "`< 24 GiB`, {max: 24 GiB} or {min: 1 MiB}"
    if what == LATENCY:
        written = "{max: 5 ms, device: rtx4090}"
    elif not in_bytes(what):
        written = "`< 26M`, {max: 26M} or {min: 224}"
    results: list[Budget] = []
    found: list[Diagnostic] = []
    for one in bounds_of(limit, place):
        number = _number(one.value, what)
        if number is None:
            given = limit if one.value is None else one.value
            message = f"a budget is written {written}, not {shown(given)}"
            at = one.marks.position(file)
            found.append(Diagnostic("CNN103", message, at, in_digits(limit)))
            break
        has_unit = in_bytes(what) and number.step > 1  # 0.7 MiB are no whole number of bytes
        if isinstance(number.value, Fraction) and not has_unit and what != LATENCY:
            message = f"{what} is a whole number, but the budget is {one.text}"
            help = f"add its unit: {'24.5 GiB' if in_bytes(what) else '25.6M'}"
            found.append(Diagnostic("CNN103", message, one.marks.position(file), help))
            break
        extreme = max if one.is_maximum else min  # the axis of a receptive field that decides
        size: int = extreme(ours) if isinstance(ours, tuple) else ours
        verdict = verdict_on(size, one, number)
        if isinstance(size, AtLeast) and (verdict == "kept") is one.is_maximum:
            found.append(_undeclared(subject, marks, file))
            continue
        results.append(
            Budget(
                what=what,
                limit=one.text,
                ours=size,
                verdict=verdict,
                at=subject.at,
                settings=subject.settings,
            )
        )
        if verdict != "kept":
            found.append(_exceeded(subject, size, one, number, file))
    return results, found


def _number(value: Any, what: str) -> Printed | None:
    return printed_time(value) if what == LATENCY else printed(value, in_bytes(what))


def _undeclared(subject: _Subject, marks: Marks, file: str) -> Diagnostic:
    """Return a warning that a budget cannot be judged: layers do not declare the figure."""
    report, what, at = subject.report, subject.what, subject.at
    why = undeclared(report.graph, at).why(what) or report.undeclared.why(what) or ""
    help = "declare the figure in the layer, or remove the budget"
    return _undecided(what, marks, file, at, why, help)


def _undecided(
    what: str, marks: Marks, file: str, at: str | None, why: str, help: str
) -> Diagnostic:
    """Return a warning that a budget cannot be judged, because its figure is not known."""
    where = f" of `{at}`" if at else ""
    return Diagnostic(
        "CNN308",
        f"{what}{where} is unknown, so its budget cannot be checked: {why}",
        marks.key(file, what),
        help=help,
        severity="warning",
        subject=what,
    )


def _no_figure(
    what: str, marks: Marks, file: str, at: str | None, given: Iterable[str]
) -> Diagnostic:
    """Return an error for an unknown figure, or one that this network or layer does not have."""
    known = budget_figures() if at else (*budget_figures(), "at")
    if what in known:
        message = f"{f'`{at}`' if at else 'this network'} has no {what}"
    else:
        message = f"unknown figure `{what}`"
    fault = Diagnostic("CNN101", message, marks.key(file, what))
    return misspelled(fault, what, known, f"the figures are {', '.join(known)}", given)


def _exceeded(subject: _Subject, ours: int, limit: Bound, number: Printed, file: str) -> Diagnostic:
    """Return a warning for a limit that is not kept: by how much, and what would be kept."""
    report, what, at = subject.report, subject.what, subject.at
    bound, share, first = number.value, "", ""
    if bound and ours < 10 * bound:
        way, excess = ("over", ours - bound) if limit.is_maximum else ("under", bound - ours)
        share = f" ({float(excess / bound):.1%} {way})"
    if subject.about:
        first = f"{subject.about}; "
    elif limit.is_maximum:
        first = _largest(report, what, at)
    elif what == WITH_GATES:
        first = _kept_without_gates(report, at, limit, number)
    told = f"{ours:,} = {bytes_text(ours)}" if what in OF_A_RUN else f"{ours:,}"
    if what == LATENCY:
        told = duration_text(ours * NANO)
    message = f"{subject.text} is {told}, but the budget is {limit.text}{share}"
    place = limit.marks.position(file)
    if isinstance(ours, AtLeast):
        why = undeclared(report.graph, at).why(what) or report.undeclared.why(what)
        return Diagnostic("CNN302", message, place, why, severity="warning", subject=what)
    right = rounded(ours, limit.is_maximum, in_bytes(what))
    if what == LATENCY:
        right = duration_text(ours * 1.01 * NANO if limit.is_maximum else ours * 0.99 * NANO)
    written = right
    if limit.key:
        right = f"{limit.key}: {right}"
    else:
        # in YAML a plain `>` begins a block of text
        right = written = f"<= {right}" if limit.is_maximum else f"{{min: {right}}}"
    return Diagnostic(
        "CNN302",
        message,
        place,
        f"{first}if {told if what == LATENCY else f'{ours:,}'} is right, write `{right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (limit.marks.whole(written),), restates=True),
        subject=what,
    )


def _largest(report: Report, what: str, at: str | None) -> str:
    """Return which layer contributes most to a sum, if there are several."""
    rows = report.rows if at is None else report.group(at)
    if what not in SUMMED or len(rows) < 2:
        return ""
    row = max(rows, key=operator.attrgetter(what))
    return f"`{row.path}` has {getattr(row, what):,} of it; "


def _kept_without_gates(report: Report, at: str | None, limit: Bound, number: Printed) -> str:
    """Return what to limit instead, if the field without gates keeps the limit."""
    seen = field_of(report, WITHOUT_GATES, at)
    sizes = seen.sizes if seen is not None else None
    if not sizes or verdict_on(min(sizes), limit, number) != "kept":
        return ""
    why = ""
    if at is None and report.receptive_field:
        why = f"layers after `{report.receptive_field[0]}` see the whole input through gates; "
    return f"{why}without gates, the field is {min(sizes):,}: limit `{WITHOUT_GATES}` instead; "


def _shape(ours: Shape, limit: Any, place: Marks, file: str, at: str | None) -> _Judged:
    """Judge a shape by a budget for it; `_` matches any size."""
    if not isinstance(limit, list) or not all(n == "_" or type(n) is int for n in limit):
        message = f"`shape` takes a shape, [channels, …], not {shown(limit)}"
        return [], [Diagnostic("CNN103", message, place.position(file))]
    wanted = "×".join(map(plain, limit))
    agrees = len(limit) == len(ours) and all(want in ("_", n) for want, n in zip(limit, ours))
    shape = shape_text(ours)
    if agrees:
        return [Budget(what="shape", limit=wanted, ours=shape, verdict="kept", at=at)], []
    right = f"[{', '.join(map(str, ours))}]"
    where = f" of `{at}`" if at else ""
    fault = Diagnostic(
        "CNN302",
        f"the shape{where} is {shape}, but the budget is {wanted}",
        place.position(file),
        f"if {shape} is right, write `shape: {right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (place.whole(right),), restates=True),
        subject="shape",
    )
    return [Budget(what="shape", limit=wanted, ours=shape, verdict="differs", at=at)], [fault]
