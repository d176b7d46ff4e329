"""Writes the variants of a sweep as a table, and what became of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..analysis.figures import LATENCY
from ..analysis.sweep.run import Reason, Sweep
from ..wording import figure_text, shape_text, short, value_text
from .formats.markdown import Page
from .formats.table import grid, no_room, stacked

if TYPE_CHECKING:
    from rich.console import Group

_TITLES = {
    "macs": "MACs",
    "flops": "FLOPs",
    "receptive_field": "field",
    "receptive_field_without_gates": "ungated",
    "trainable_params": "trainable",
    "frozen_params": "frozen",
    "conv_activations": "of convs",
    "activation_bytes": "act. bytes",
    "param_bytes": "param bytes",
    "inference_peak": "inference bytes",
    "training_peak": "training bytes",
}
_ALL_DIGITS = 100  # columns of a screen on which figures have all their digits


def table(sweep: Sweep, width: int) -> Group:
    """Write a line for each variant; on a narrow screen with shorter figures, and not all of them.

    A number is never cut.
    """
    columns, figures = _columns(sweep), set(sweep.figures)
    narrow = width < _ALL_DIGITS
    gap = 1 if narrow else 2
    written = {
        name: [_titled(name), *(_cell(name, value, narrow and name in figures) for value in values)]
        for name, values in columns.items()
    }
    left_out: list[str] = []
    while _grid_width(written, gap) > width and [*written][-1] in figures and len(written) > 1:
        left_out.insert(0, _titled(written.popitem()[0]))
    left = [titles[0] for name, titles in written.items() if not _is_numeric(columns[name])]
    listed = grid(*(cells[0] for cells in written.values()), left=left, gap=gap)
    for row in zip(*(cells[1:] for cells in written.values())):
        listed.add_row(*row)
    return stacked(listed, *no_room(left_out, ": `--show` chooses what to show"))


def _titled(name: str) -> str:
    return _TITLES.get(name, name)


def _grid_width(columns: Mapping[str, list[str]], gap: int) -> int:
    """Return how wide a grid of these cells is, with what is between and around them."""
    return 1 + sum(max(map(len, cells)) + 1 + gap for cells in columns.values())


def markdown(sweep: Sweep) -> Page:
    """Write a line for each variant."""
    columns = _columns(sweep)
    page = Page()
    cells = [[_cell(name, value, False) for value in each] for name, each in columns.items()]
    right = [_is_numeric(values) for values in columns.values()]
    page.table([*map(_titled, columns)], right, [*map(list, zip(*cells))])
    return page


def summary(sweep: Sweep) -> list[str]:
    """Write how many variants there are, and why some are no networks."""
    counted = "1 variant" if sweep.counted == 1 else f"{sweep.counted:,} variants"
    if sweep.counted < sweep.total:
        counted = f"stopped after {sweep.counted:,} of {sweep.total:,} variants"
    parts = [counted]
    if sweep.fitting < sweep.counted:
        parts.append(f"{sweep.counted - sweep.fitting:,} of them are no networks")
    if sweep.job.asked.where:
        parts.append(f"{sweep.matching:,} meet {_conditions(sweep)}")
    if sweep.job.asked.pareto:
        parts.append(f"{sweep.on_frontier:,} on the frontier")
    if sweep.rows is not None and len(sweep) < (sweep.on_frontier or sweep.matching):
        parts.append(f"{len(sweep):,} shown")
    return ["; ".join(parts), *map(_reason, sweep.reasons)]


def _conditions(sweep: Sweep) -> str:
    return " and ".join(condition.text for condition in sweep.job.asked.where)


def _reason(reason: Reason) -> str:
    settings = settings_text(reason.example)
    if reason.diagnostic is None:
        return f"  {reason.variants:,} for other reasons, such as {settings}"
    found = reason.diagnostic
    return f"  {reason.variants:,} with {found.code}, such as {settings}: {found.message}"


def settings_text(settings: Mapping[str, Any]) -> str:
    """Write settings as ``width 0.5, H 224``."""
    return ", ".join(f"{name} {setting_text(value)}" for name, value in settings.items())


def setting_text(value: Any) -> str:
    """Write the value of a parameter as a spec has it."""
    if isinstance(value, Fraction):
        return fraction_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(setting_text, value))}]"
    return "none" if value is None else str(value)


def fraction_text(value: Fraction) -> str:
    """Write a fraction with a decimal point if that is exact, else as p/q."""
    rest = value.denominator
    digits = 0
    while rest % 2 == 0 or rest % 5 == 0:
        rest = rest // 10 if rest % 10 == 0 else rest // 2 if rest % 2 == 0 else rest // 5
        digits += 1
    if rest != 1 or digits > 18:
        return f"{value.numerator}/{value.denominator}"
    return f"{float(value):.{digits}f}" if abs(value) < 10**6 else str(float(value))


def _columns(sweep: Sweep) -> dict[str, list[Any]]:
    assert sweep.rows is not None
    return sweep.columns(sweep.rows)


def _is_numeric(values: Iterable[Any]) -> bool:
    return all(isinstance(value, (int, Fraction)) for value in values)


def _cell(name: str, value: Any, is_short: bool) -> str:
    """Write a setting as it is, a time with its unit, and a figure with separators or a unit."""
    if name == LATENCY and isinstance(value, int):
        return figure_text(name, value)
    if isinstance(value, tuple) and all(type(n) is int for n in value):
        return shape_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return short(value) if is_short else value_text(value)
    return value_text(value) if value is None else setting_text(value)
