"""Draws the bytes in memory over a run as SVG: stacked by what they are, with the peak marked.

The colours follow the reader's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple
from xml.sax.saxutils import escape

from ...analysis.memory.course import Moment
from ...analysis.memory.overview import Overview, run_text
from ...foreign import visible
from ...svg import text_width
from ...wording import megabytes_text
from .words import WORDS, summit

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 744, 116, 372  # edges of the plot, in pixels
COLUMNS = 340  # moments drawn of a long run: of each stretch of steps, the highest
AXIS = "layers in the order in which they run"
TICKS = 5  # lines across the plot, at most one more
EDGE = 8  # pixels that words stay away from the edges of the picture
ENTRY, ROW = 6.3, 17  # pixels of a letter and of a line of the legend
# From bottom to top: what stays, then what backward keeps, then what comes and goes.
COLOURS = {
    "params": "#4477aa",
    "buffers": "#88a8cc",
    "optimizer": "#66ccee",
    "gradients": "#228833",
    "inputs": "#999933",
    "saved": "#ccbb44",
    "outputs": "#ee9966",
    "activation_gradients": "#ee6677",
    "temporary": "#aa3377",
}
STYLE = """
svg { background: #fff; color: #222; font: 12px system-ui, sans-serif; }
text { fill: currentColor; }
.title { font-size: 14px; font-weight: 600; }
.muted { opacity: .7; }
.line { stroke: currentColor; stroke-opacity: .18; }
.phase { stroke: currentColor; stroke-opacity: .6; stroke-dasharray: 3 3; }
.peak { stroke: currentColor; }
.label { paint-order: stroke; stroke: #fff; stroke-width: 4px; stroke-linejoin: round; }
@media (prefers-color-scheme: dark) {
  svg { background: #15181c; color: #e6e6e6; }
  .label { stroke: #15181c; }
}
"""


class _Scale(NamedTuple):
    """Where steps and bytes are on the picture."""

    steps: int
    most: int

    def x(self, step: float) -> str:
        """The left edge of a step."""
        return _number(LEFT + (RIGHT - LEFT) * step / self.steps)

    def y(self, size: float) -> str:
        """The height of some bytes."""
        return _number(BOTTOM - (BOTTOM - TOP) * size / self.most)


def svg(found: Overview, moments: Sequence[Moment]) -> str:
    """Return the picture as the text of an SVG file."""
    shown = _shown(moments)
    unit, step = _ticks(found.chosen.peak)
    most = -(-found.chosen.peak // step) * step
    scale = _Scale(steps=len(shown), most=most)
    name = f"{found.report.name}, batch {found.report.batch:,}, {found.report.dtype}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">',
        f"<title>Memory of {escape(visible(name))}: {escape(summit(found))}</title>",
        f"<style>{STYLE}</style>",
        _text(16, 24, name, "title"),
        _text(16, 42, f"{run_text(found.run)}, on {found.run.device}", "muted"),
        *_legend(shown),
        *_grid(scale, unit, step),
        *_areas(shown, scale),
        *_phases(shown, scale),
        *_columns(found, shown, scale),
        *_peak(found, shown, scale),
        _text(
            (LEFT + RIGHT) / 2,
            HEIGHT - 8,
            "layers in the order in which they run",
            "muted",
            "middle",
        ),
        "</svg>",
    ]
    return "\n".join(lines)


def _shown(moments: Sequence[Moment]) -> list[Moment]:
    """The moments that are drawn; of a long run, the highest of each stretch of steps."""
    size = -(-len(moments) // COLUMNS)
    found = []
    for _, phase in groupby(moments, key=lambda moment: moment.step.phase):
        steps = list(phase)
        for start in range(0, len(steps), size):
            found.append(max(steps[start : start + size], key=lambda moment: moment.bytes))
    return found


def _ticks(peak: int) -> tuple[str, int]:
    """The unit of the axis, and the bytes between two of its lines: 1, 2 or 5 times a power of 10.

    >>> _ticks(2_219_000_000), _ticks(1_500_000)
    (('MB', 500000000), ('kB', 500000))
    """
    step = 1
    while not any(step * times * TICKS >= peak for times in (1, 2, 5)):
        step *= 10
    step *= next(times for times in (1, 2, 5) if step * times * TICKS >= peak)
    return ("MB" if step >= 10**6 else "kB" if step >= 10**3 else "bytes"), step


def _grid(scale: _Scale, unit: str, step: int) -> Iterator[str]:
    """The lines across the plot, each with its size."""
    divisor = {"MB": 10**6, "kB": 10**3, "bytes": 1}[unit]
    for size in range(0, scale.most + 1, step):
        y = scale.y(size)
        yield f'<line class="line" x1="{LEFT}" x2="{RIGHT}" y1="{y}" y2="{y}"/>'
        yield _text(LEFT - 6, float(y) + 4, f"{size // divisor:,}", "", "end")
    yield _text(LEFT - 6, TOP - 10, unit, "muted", "end")


def _areas(moments: Sequence[Moment], scale: _Scale) -> Iterator[str]:
    """A band for each part, on top of those before it."""
    below = [0] * len(moments)
    for name in _parts(moments):
        above = [low + m.parts.get(name, 0) for low, m in zip(below, moments)]
        upper = [
            f"{scale.x(n)},{scale.y(y)} {scale.x(n + 1)},{scale.y(y)}" for n, y in enumerate(above)
        ]
        lower = [
            f"{scale.x(n + 1)},{scale.y(y)} {scale.x(n)},{scale.y(y)}" for n, y in enumerate(below)
        ]
        points = " ".join([*upper, *lower[::-1]])
        yield f'<polygon fill="{COLOURS.get(name, "#888")}" points="{points}"/>'
        below = above


def _columns(found: Overview, moments: Sequence[Moment], scale: _Scale) -> Iterator[str]:
    """A column over each step, which is not seen; its title says what is in memory there."""
    for number, moment in enumerate(moments):
        place = found.place(moment.step.layer)
        said = [f"{moment.step.phase} {place}" if place else moment.step.phase]
        said.append(f"{megabytes_text(moment.bytes)} in all")
        for name, size in sorted(moment.parts.items(), key=lambda part: -part[1]):
            if size:
                said.append(f"{megabytes_text(size)} {WORDS.get(name, name).replace('_', ' ')}")
        x, right = scale.x(number), scale.x(number + 1)
        wide = _number(float(right) - float(x))
        area = f'x="{x}" y="{TOP}" width="{wide}" height="{BOTTOM - TOP}" fill-opacity="0"'
        words = escape("\n".join(map(visible, said)))
        yield f"<rect {area}><title>{words}</title></rect>"


def _parts(moments: Sequence[Moment]) -> list[str]:
    """The parts that there are, from bottom to top."""
    present = {name for moment in moments for name, size in moment.parts.items() if size}
    return [*(name for name in COLOURS if name in present), *sorted(present - COLOURS.keys())]


def _legend(moments: Sequence[Moment]) -> Iterator[str]:
    x, y = 16.0, 60.0
    for name in _parts(moments):
        words = WORDS.get(name, name).replace("_", " ")
        words = "gradients of parameters" if name == "gradients" else words
        wide = 18 + ENTRY * len(words) + 14
        if x + wide > WIDTH:
            x, y = 16.0, y + ROW
        colour = COLOURS.get(name, "#888")
        yield f'<rect x="{_number(x)}" y="{y - 9:g}" width="11" height="11" fill="{colour}"/>'
        yield _text(x + 16, y, words)
        x += wide


def _phases(moments: Sequence[Moment], scale: _Scale) -> Iterator[str]:
    """A line where a phase begins, and its name below."""
    at = 0
    named = groupby(moments, key=lambda moment: moment.step.phase.replace("start", "forward"))
    for phase, steps in named:
        count = len(list(steps))
        if at:
            x = scale.x(at)
            yield f'<line class="phase" x1="{x}" x2="{x}" y1="{TOP}" y2="{BOTTOM + 6}"/>'
        middle, anchor = float(scale.x(at + count / 2)), "middle"
        if middle > RIGHT - 30:
            middle, anchor = RIGHT, "end"
        yield _text(middle, BOTTOM + 18, phase, "", anchor)
        at += count


def _peak(found: Overview, moments: Sequence[Moment], scale: _Scale) -> Iterator[str]:
    """The peak, with its size and where it is."""
    highest = max(range(len(moments)), key=lambda n: moments[n].bytes)
    x, y = float(scale.x(highest + 0.5)), float(scale.y(moments[highest].bytes))
    yield f'<circle class="peak" cx="{x:g}" cy="{y:g}" r="3.5" fill="none"/>'
    words = f"peak {summit(found)}"
    wide = text_width(words, 12)
    left = x - wide - 8 if x > (LEFT + RIGHT) / 2 else x + 8
    yield _text(max(min(left, WIDTH - EDGE - wide), EDGE), y - 8, words, "label")


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "") -> str:
    attributes = f' class="{kind}"' * bool(kind) + f' text-anchor="{anchor}"' * bool(anchor)
    return f'<text x="{_number(x)}" y="{_number(y)}"{attributes}>{escape(visible(words))}</text>'


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
