"""What `verify` returns: figures checked one by one, the checks of each layer, and the whole."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...analysis.result import Report, Row
from ...diagnostic import Diagnostic
from ...wording import shape_text


class Check(NamedTuple):
    """A predicted figure beside a measured one.

    `ok` is None where the figure could not be measured; the note says why.
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
        return f"{self.what} {predicted} predicted, {measured} by {self.by}{note}"


class CheckedLayer(NamedTuple):
    """The checks of a layer, and what the counters miss of it."""

    row: Row
    checks: tuple[Check, ...]
    uncounted: int = 0  # operations that no counter sees
    fvcore_count: int = 0  # operations that fvcore counts by a rule of its own
    fvcore_rule: str | None = None  # that rule

    @property
    def note(self) -> str | None:
        """Say what the counters make of the layer."""
        if self.fvcore_count:
            return (
                f"fvcore counts {self.fvcore_count:,} ({self.fvcore_rule}), flop_counter nothing;"
                f" the ledger has {self.row.flops:,} operations"
            )
        if not self.uncounted:
            return None
        kind = "additions of a bias" if self.row.macs else "operations"
        return f"no counter sees its {self.uncounted:,} {kind}"

    @property
    def ok(self) -> bool:
        """Whether no figure differs."""
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
        """Whether no figure differs."""
        return all(layer.ok for layer in self.layers) and all(
            check.ok is not False for check in self.totals
        )

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """An error for each figure that differs, at its line in the spec."""
        found = []
        for layer in self.layers:
            for check in layer.checks:
                if check.ok is False:
                    text = f"{layer.row.path}: {check}"
                    found.append(Diagnostic("CNN406", text, layer.row.position))
        for check in self.totals:
            if check.ok is False:
                found.append(Diagnostic("CNN406", f"the network: {check}"))
        return found


def check_equal(
    what: str, predicted: Any, measured: Any, by: str, note: str | None = None
) -> Check:
    """Check a figure that must be measured exactly as predicted."""
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
