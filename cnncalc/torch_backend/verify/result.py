"""Describes what `verify` returns: a check of each figure, of each layer, and of the network."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...analysis.result import Report, Row
from ...at_least import AtLeast
from ...diagnostic import Diagnostic
from ...wording import shape_text

_PREDICTED, _DECLARED = "CNN406", "CNN409"  # codes for figures that differ


class Check(NamedTuple):
    """A predicted figure and a measured one.

    `ok` is None if the figure could not be measured; the note says why.
    """

    what: str
    predicted: Any
    measured: Any
    by: str  # who measured it
    ok: bool | None
    note: str | None = None

    def __str__(self) -> str:
        predicted, measured = _figure_text(self.predicted), _figure_text(self.measured)
        note = f" ({self.note})" if self.note else ""
        return f"{self.what}: predicted {predicted}, measured {measured} by {self.by}{note}"


class CheckedLayer(NamedTuple):
    """The checks of a layer, and what the counters miss in it."""

    row: Row
    checks: tuple[Check, ...]
    uncounted: int = 0  # operations that no counter sees
    fvcore_count: int = 0  # operations that fvcore counts by a rule of its own
    fvcore_rule: str | None = None  # that rule

    @property
    def note(self) -> str | None:
        """Say how the counters count the layer, if they differ from cnncalc."""
        if self.fvcore_count:
            return (
                f"cnncalc counts {self.row.flops:,} operations,"
                f" fvcore {self.fvcore_count:,} ({self.fvcore_rule}), and flop_counter none"
            )
        if not self.uncounted:
            return None
        kind = "bias additions" if self.row.macs else "operations"
        return f"no counter sees its {self.uncounted:,} {kind}"

    @property
    def ok(self) -> bool:
        """Return whether no figure differs."""
        return all(check.ok is not False for check in self.checks)


class Verification(NamedTuple):
    """A spec compared with its network in torch."""

    report: Report
    layers: list[CheckedLayer]
    totals: tuple[Check, ...]
    notes: list[str]
    environment: dict[str, str | None]
    seconds: float

    @property
    def ok(self) -> bool:
        """Return whether no figure differs."""
        return all(layer.ok for layer in self.layers) and all(
            check.ok is not False for check in self.totals
        )

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Return an error for each figure that differs, at its line in the spec."""
        found = []
        for layer in self.layers:
            for check in layer.checks:
                if check.ok is False:
                    text = f"{layer.row.path}: {check}"
                    code = _DECLARED if layer.row.declared else _PREDICTED
                    found.append(Diagnostic(code, text, layer.row.position))
        code = _DECLARED if found and {d.code for d in found} == {_DECLARED} else _PREDICTED
        for check in self.totals:
            if check.ok is False:
                found.append(Diagnostic(code, f"the network: {check}"))
        return found


def check_equal(
    what: str, predicted: Any, measured: Any, by: str, note: str | None = None
) -> Check:
    """Check a figure that must be measured exactly as predicted.

    One of which layers do not declare a part cannot be held to what is measured, but it is no more.
    """
    if isinstance(predicted, AtLeast) and measured >= int(predicted):
        why = f"layers do not declare all of it; measured {measured:,}"
        return unmeasured(what, predicted, by, why)
    return Check(
        what=what,
        predicted=predicted,
        measured=measured,
        by=by,
        ok=predicted == measured,
        note=note,
    )


def unmeasured(what: str, predicted: Any, by: str, note: str) -> Check:
    """Return the check of a figure that could not be measured."""
    return Check(what=what, predicted=predicted, measured=None, by=by, ok=None, note=note)


def _figure_text(value: Any) -> str:
    """Write a figure for a message: ``1,792``, ``6×28×28``, or tensors by name."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        tensors = [f"{name} {shape_text(shape)}" for name, shape in value.items()]
        return ", ".join(tensors) or "none"
    if isinstance(value, tuple):
        if any(isinstance(part, tuple) for part in value):
            return ", ".join(map(shape_text, value))
        return shape_text(value)
    return f"{value:,}" if isinstance(value, int) else str(value)
