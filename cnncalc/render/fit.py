"""Writes the best values under budgets, and what proves that they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..analysis.figures import LATENCY, OF_A_RUN
from ..analysis.fit.fit import Fitted
from ..analysis.fit.trial import Trial
from ..analysis.sweep.asked import FIGURES, Condition
from ..wording import bytes_text, duration_text, short, value_text
from .formats.json import Json, document
from .formats.table import BOLD, DIM, facts, noted, stacked, text

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_SHOWN = ("params", "macs", "flops", "activations", *OF_A_RUN)
_LABELS = {
    "params": "parameters",
    "macs": "MACs",
    "flops": "FLOPs",
    "inference_peak": "peak, inference",
    "saved": "saved for backward",
    "training_peak": "peak, training",
}
_PEAKS = {"inference_peak", "training_peak"}
_LEFT_OUT = "the context of a card, usually 600 MiB: `cnncalc memory --fit` counts it"
_Facts = Iterator[tuple[str, "str | Text"]]


def table(found: Fitted, width: int) -> Group:
    """Write the best values with their figures, the budgets, and the values beyond."""
    goal = "largest" if found.objective.largest else "smallest"
    head = text((found.name, BOLD), f"  {goal} {found.objective.name}")
    return stacked(head, text(), facts(_facts(found)))


def _facts(found: Fitted) -> _Facts:
    """Yield what was found, and what proves it."""
    shown = found.best or found.nearest
    if found.best:
        yield "best", text((_settings(found.best), BOLD))
    elif shown:
        yield "nearest miss", noted(_settings(shown), shown.fault or "")
    if shown and not shown.fault:
        for name in _names(found, shown):
            yield _LABELS.get(name, name), _figure(name, shown.figures[name])
        for condition in found.conditions:
            yield "budget", f"{condition.text}: {_verdict(shown, condition)}"
    for trial in found.next:
        yield "next", _beyond(trial, found)
    for one in found.varied:
        yield "varied", f"{', '.join(one.names)} = {one.text}"
    yield "found by", text((found.how, DIM))
    if any(_PEAKS & {*one.names} for one in found.conditions):
        yield "left out", text((_LEFT_OUT, DIM))


def _settings(trial: Trial) -> str:
    """Write values: ``width = 0.98, depth = 3``."""
    return ", ".join(f"{name} = {_plain(value)}" for name, value in trial.settings.items())


def _plain(value: Any) -> str:
    """Write a value as in a spec; a fraction as a decimal number where that is exact."""
    if isinstance(value, Fraction):
        decimal = f"{float(value):.12g}"
        return decimal if Fraction(decimal) == value else str(value)
    return value_text(value) if isinstance(value, (tuple, bool)) else str(value)


def _names(found: Fitted, trial: Trial) -> list[str]:
    """Return the figures to show: the default ones, and those that are asked about."""
    asked = [name for one in found.conditions for name in sorted(one.names) if name in FIGURES]
    goal = [found.objective.name] if found.objective.name in FIGURES else []
    names = dict.fromkeys([*_SHOWN, *goal, *asked])
    return [name for name in names if trial.figures.get(name) is not None]


def _figure(name: str, value: Any) -> str:
    if name == LATENCY:
        return duration_text(value * 1e-9)
    if name in OF_A_RUN or name.endswith("bytes"):
        return f"{value:,} bytes = {bytes_text(value)}"
    if not isinstance(value, int):
        return value_text(value)
    return value_text(value) if value < 10_000 else f"{value:,} = {short(value)}"


def _verdict(trial: Trial, condition: Condition) -> str:
    """Write the figures of a condition, and whether it is met."""
    met = "met" if trial.meets(condition) else "not met"
    return ", ".join([*_read(trial, [condition]), met])


def _read(trial: Trial, conditions: Sequence[Condition]) -> list[str]:
    """Write the figures that conditions read: ``macs 300,812,345``."""
    names = dict.fromkeys(name for one in conditions for name in sorted(one.names))
    return [
        f"{name} {_short(trial.figures[name], name)}" for name in names if name in trial.figures
    ]


def _short(value: Any, name: str = "") -> str:
    if name == LATENCY:
        return duration_text(value * 1e-9)
    return value_text(value) if isinstance(value, int) else _plain(value)


def _beyond(trial: Trial, found: Fitted) -> str:
    """Write a trial beyond the best one, and why it is not better."""
    if trial.fault:
        return f"{_settings(trial)} does not give a valid network: {trial.fault}"
    unmet = trial.unmet(found.conditions)
    if not unmet:
        goal = f"{found.objective.name} {_short(found.objective.of(trial), found.objective.name)}"
        return f"{_settings(trial)}: {goal}"
    figures = ", ".join(_read(trial, unmet))
    broken = " and ".join(f"`{one.text}`" for one in unmet)
    verb = "is" if len(unmet) == 1 else "are"
    return f"{_settings(trial)}: {f'{figures}; ' if figures else ''}{broken} {verb} not met"


def json(found: Fitted) -> Json:
    """Write the best values, their figures, and the values beyond."""
    shown = found.best
    return document(
        {
            "name": found.name,
            "variant": found.variant,
            "file": found.file,
            "objective": {"name": found.objective.name, "largest": found.objective.largest},
            "budgets": [one.text for one in found.conditions],
            "best": None if shown is None else _values(shown),
            "figures": None if shown is None else shown.figures,
            "next": [_data(trial, found) for trial in found.next],
            "nearest": None if found.nearest is None else _data(found.nearest, found),
            "how": found.how,
            "combinations": found.total,
        }
    )


def _data(trial: Trial, found: Fitted) -> dict[str, Any]:
    return {
        "values": _values(trial),
        "figures": trial.figures,
        "fault": trial.fault,
        "unmet": [one.text for one in trial.unmet(found.conditions)],
    }


def _values(trial: Trial) -> dict[str, Any]:
    """Return settings for JSON, with floats for fractions: parameters are decimal numbers."""
    return {
        name: float(value) if isinstance(value, Fraction) else value
        for name, value in trial.settings.items()
    }
