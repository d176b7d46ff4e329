"""One variant that is tried: its settings, and its figures or what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ...at_least import AtLeast
from ...diagnostic import Mistake
from ...language.expression_limits import ExpressionError
from ...language.spec import Spec
from ..analyze import analyze
from ..figures import LATENCY, OF_A_RUN, ONE_BY_ONE, TOTALS, figure
from ..latency.timing import Timing
from ..memory.overview import Wanted, at_inference, overview
from ..memory.run import Run
from ..result import BYTES, Report
from ..sweep.asked import Condition
from ..sweep.names import of_parameters, shapes


class Trial(NamedTuple):
    """A variant.

    Attributes:
        settings: the value of each name that varies.
        figures: its figures by name; empty if these values give no valid network.
        fault: what is wrong with it; None if nothing is.
    """

    settings: dict[str, Any]
    figures: dict[str, Any]
    fault: str | None = None

    def meets(self, condition: Condition) -> bool:
        """Return whether it is a network that meets a condition."""
        return self.fault is None and _value(self, condition) is True

    def unmet(self, conditions: Sequence[Condition]) -> list[Condition]:
        """Return the conditions that it does not meet."""
        return [condition for condition in conditions if not self.meets(condition)]


def _value(trial: Trial, condition: Condition) -> Any:
    if any(isinstance(trial.figures.get(name), AtLeast) for name in condition.names):
        return None
    try:
        return condition.expression.value({**trial.figures, **trial.settings})
    except ExpressionError:  # of a figure that this network does not have
        return None


def excess(trial: Trial, condition: Condition) -> float:
    """Return by which share a figure misses its limit; 1 for a condition that is not so simple."""
    body = condition.expression.body
    if not isinstance(body, ast.Compare) or len(body.comparators) != 1:
        return 1.0
    scope = {**trial.figures, **trial.settings}
    sides = []
    for side in (body.left, body.comparators[0]):
        value = scope.get(side.id) if isinstance(side, ast.Name) else getattr(side, "value", None)
        if not isinstance(value, (int, Fraction)) or isinstance(value, bool):
            return 1.0
        sides.append(float(value))
    return abs(sides[0] - sides[1]) / max(abs(sides[1]), 1e-9)


class Trials:
    """Makes trials of one spec; each is analysed once.

    `needed` are names of figures that are found only where they are needed: memory and receptive
    fields.
    """

    def __init__(
        self,
        spec: Spec,
        variant: str | None,
        fixed: Mapping[str, Any],
        input: Any,
        batch: int,
        dtype: str,
        optimizer: str,
        needed: frozenset[str],
        timing: Timing | None = None,
    ):
        if input is not None and not isinstance(input, Mapping):
            input = {next(iter(spec.input_ranks)): input}
        self._spec, self._variant, self._fixed = spec, variant, fixed
        self._input: Mapping[str, Any] = input or {}
        self._batch, self._dtype, self._optimizer = batch, dtype, optimizer
        self._needed, self._timing = needed, timing
        self._known: dict[tuple[Any, ...], Trial] = {}

    @property
    def options(self) -> dict[str, Any]:
        """The same settings as options of a sweep."""
        return {
            "variant": self._variant,
            "set": self._fixed,
            "input": self._input or None,
            "batch": self._batch,
            "dtype": self._dtype,
            "device": self._timing,
        }

    def trial(self, settings: Mapping[str, Any]) -> Trial:
        """Return the trial of some settings."""
        key = tuple(settings.items())
        if key not in self._known:
            self._known[key] = self._made(dict(settings), self._needed)
        return self._known[key]

    def with_memory(self, trial: Trial) -> Trial:
        """Return a trial with what it needs in memory too."""
        return trial if trial.fault else self._made(trial.settings, self._needed | set(OF_A_RUN))

    def report(self, settings: Mapping[str, Any]) -> Report:
        """Analyse the network with some settings."""
        own, others = of_parameters(self._spec, self._variant, self._fixed, settings)
        return analyze(
            self._spec,
            others.get("variant", self._variant),
            set={**self._fixed, **own},
            input=shapes(self._spec, self._input, others),
            batch=others.get("batch", self._batch),
            dtype=others.get("dtype", self._dtype),
        )

    def _made(self, settings: dict[str, Any], needed: frozenset[str]) -> Trial:
        try:
            report = self.report(settings)
        except Mistake as mistake:
            return Trial(settings, {}, mistake.diagnostics[0].message)
        errors = [d.message for d in report.diagnostics if d.severity == "error"]
        if errors or not report.complete:
            return Trial(settings, {}, errors[0] if errors else "it has errors")
        figures: dict[str, Any] = {name: getattr(report.totals, name) for name in TOTALS}
        for name in ONE_BY_ONE:
            if name in needed and name not in OF_A_RUN:
                figures[name] = figure(report, name)
        if LATENCY in needed and self._timing is not None:
            figures[LATENCY] = self._timing.nanoseconds(report.graph, report.batch)
        if not needed.isdisjoint(OF_A_RUN):
            figures |= self._memory(report)
        return Trial(settings, figures)

    def _memory(self, report: Report) -> dict[str, Any]:
        run = Run(
            mode="training" if report.dtype != "int8" else "inference",
            batch=report.batch,
            width=BYTES[report.dtype],
            optimizer=self._optimizer if report.dtype != "int8" else "none",
        )
        try:
            found = overview(report, run, Wanted()).figures
        except Mistake:  # nothing is trained
            found = overview(report, at_inference(run), Wanted()).figures
        return {name: getattr(found, name) for name in OF_A_RUN}
