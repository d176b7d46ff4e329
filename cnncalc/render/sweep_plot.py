"""Draws the variants of a sweep as an SVG: a point for each, and the frontier as a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any
from xml.sax.saxutils import escape

from ..analysis.sweep.best import frontier, sortable
from ..analysis.sweep.run import Sweep
from ..at_least import AtLeast
from ..foreign import visible
from ..wording import number_text, short, value_text

_WIDTH, _HEIGHT = 720, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 20, 40, 60
_TICKS = 6
_MOST = 5000  # points that are drawn; of more, every so many
_UNITS = {"_bytes": "bytes", "_peak": "bytes", "saved": "bytes"}
_STYLE = """
text { font: 12px sans-serif; fill: #333; } .title { font-size: 14px; font-weight: bold; }
.grid { stroke: #ddd; } .axis { stroke: #333; } .point { fill: #4477aa; fill-opacity: 0.5; }
.frontier { stroke: #cc3311; fill: none; stroke-width: 1.5; } .best { fill: #cc3311; }
@media (prefers-color-scheme: dark) { text { fill: #ddd; } .grid { stroke: #444; }
.axis { stroke: #ddd; } .background { fill: #111; } }
"""


class Svg:
    """A picture as its elements."""

    def __init__(self, elements: Sequence[str], name: str) -> None:
        self.elements, self.name = elements, name

    def written(self, colour: bool = False) -> str:
        """Write the picture."""
        size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        head += f"<title>{_text(self.name)}</title>"
        return "\n".join([head, f"<style>{_STYLE}</style>", *self.elements, "</svg>"])


class _Scale:
    """Where the values of an axis are in the picture: by their logarithms if they are far apart."""

    def __init__(self, values: Sequence[float], start: int, stop: int):
        self.low, self.high = min(values), max(values)
        self.is_log = self.low > 0 and self.high / self.low > 50
        if self.low == self.high:
            self.low, self.high = self.low - 1, self.high + 1
            self.is_log = False
        self._start, self._stop = start, stop

    def _part(self, value: float) -> float:
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def at(self, value: float) -> float:
        """Return where a value is."""
        return round(self._start + self._part(value) * (self._stop - self._start), 1)

    def ticks(self) -> list[float]:
        """Return round values for the marks of the axis."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            marks = [m * 10.0**power for power in powers for m in (1, 2, 5)]
            marks = [mark for mark in marks if self.low <= mark <= self.high]
            return marks[:: max(1, len(marks) // _TICKS)]
        rough = (self.high - self.low) / _TICKS
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step) + 1)]


def plot(sweep: Sweep) -> Svg:
    """Draw the variants by two figures: those of the frontier, or the first two that are shown."""
    asked = sweep.job.asked
    names = [order.name for order in asked.pareto][:2]
    names += [name for name in (*sweep.figures, *sweep.names) if name not in names]
    x_name, y_name = (names * 2)[:2]
    rows = [row for row in sweep if _is_known(row[x_name]) and _is_known(row[y_name])]
    points = [(float(row[x_name]), float(row[y_name])) for row in rows]
    title = f'<text class="title" x="{_LEFT}" y="22">{_text(_title(sweep))}</text>'
    background = f'<rect class="background" fill="white" width="{_WIDTH}" height="{_HEIGHT}"/>'
    if not points:
        return Svg([background, title], _title(sweep))
    xs = _Scale([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    ys = _Scale([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    step = -(-len(points) // _MOST)
    elements = [background, title, *_axis_x(xs, x_name), *_axis_y(ys, y_name)]
    for (x, y), row in zip(points[::step], rows[::step]):
        elements.append(_circle("point", xs.at(x), ys.at(y), row))
    largest = {order.name for order in asked.pareto if order.largest_first}
    columns = zip((x_name, y_name), zip(*points))
    objectives = [sortable(values, name in largest) for name, values in columns]
    best = sorted(frontier(objectives).tolist(), key=lambda n: points[n])
    line = " ".join(f"{xs.at(points[n][0])},{ys.at(points[n][1])}" for n in best)
    elements.append(f'<polyline class="frontier" points="{line}"/>')
    for n in best:
        elements.append(_circle("best", xs.at(points[n][0]), ys.at(points[n][1]), rows[n]))
    return Svg(elements, _title(sweep))


def _circle(kind: str, x: float, y: float, row: Mapping[str, Any]) -> str:
    """Draw a variant; its title is all that is known of it."""
    said = "\n".join(_text(f"{name} {_value(value)}") for name, value in row.items())
    focus = ' tabindex="0"' if kind == "best" else ""
    place = f'class="{kind}" cx="{x}" cy="{y}" r="3"{focus}'
    return f"<circle {place}><title>{said}</title></circle>"


def _value(value: Any) -> str:
    return (
        number_text(value)
        if isinstance(value, (int, Fraction)) and value < 10_000
        else (value_text(value))
    )


def _title(sweep: Sweep) -> str:
    name = sweep.job.specs[0].title(sweep.job.specs[0].variant)
    return f"{name}: {len(sweep):,} variants over {', '.join(sweep.names)}"


def _text(text: str) -> str:
    return escape(visible(text))


def _label(name: str) -> str:
    unit = next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")
    return _text(f"{name} ({unit})" if unit else name)


def _number(value: float) -> str:
    return short(int(value)) if value == int(value) else f"{value:g}"


def _axis_x(scale: _Scale, name: str) -> list[str]:
    bottom = _HEIGHT - _BOTTOM
    found = [
        f'<line class="axis" x1="{_LEFT}" y1="{bottom}" x2="{_WIDTH - _RIGHT}" y2="{bottom}"/>'
    ]
    for value in scale.ticks():
        x = scale.at(value)
        found.append(f'<line class="grid" x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}"/>')
        label = _number(value)
        found.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{label}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    y = _HEIGHT - 14
    found.append(f'<text x="{middle}" y="{y}" text-anchor="middle">{_label(name)}</text>')
    return found


def _axis_y(scale: _Scale, name: str) -> list[str]:
    found = [f'<line class="axis" x1="{_LEFT}" y1="{_TOP}" x2="{_LEFT}" y2="{_HEIGHT - _BOTTOM}"/>']
    for value in scale.ticks():
        y = scale.at(value)
        right = _WIDTH - _RIGHT
        found.append(f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}"/>')
        label = _number(value)
        found.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{label}</text>')
    middle = (_TOP + _HEIGHT - _BOTTOM) // 2
    turned = f'x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})"'
    found.append(f"<text {turned}>{_label(name)}</text>")
    return found


def _is_known(value: Any) -> bool:
    return value is not None and not isinstance(value, AtLeast)
