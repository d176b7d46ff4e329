"""Counts a box of a grid of variants, in parts of which each is one network on arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...diagnostic import Diagnostic
from ...language.spec import Spec
from ...many.array import Many
from ...many.bounds import LIMIT
from ...many.split import Overflow, Split, TooWide
from ...many.terms import Terms, picked, taken
from ...num import Num, choose
from ..count import count
from ..figures import LATENCY
from ..latency.timing import Timing
from .columns import Array, Column
from .expander import Failure, ManyExpander, Unfit
from .population import Population

_TOO_LARGE = Diagnostic("CNN004", "a figure is beyond 4.6·10¹⁸")
_MOST_OVERFLOWS = 256
_OF_MEMORY = frozenset(("activations", "activation_bytes"))


@dataclass
class Question:
    """What is counted: a spec with columns for some of its parameters, and the figures asked for.

    Attributes:
        spec: the spec.
        variant: the variant of the spec.
        fixed: values of parameters that do not vary.
        columns: values of parameters that do; a list may have columns for some entries.
        input: the shapes of inputs, by name; an entry may be a Column. None: those of the spec.
        batch: the number of images; may be a Column.
        width: the bytes of one value; may be a Column.
        figures: names of totals; see `analysis.count`.
        sizes: whether the shape of the output is asked for.
        timing: the device on which the figure `latency` is a time.
    """

    spec: Spec
    variant: str | None
    fixed: Mapping[str, Any]
    columns: Mapping[str, Any]
    input: Mapping[str, Sequence[Any]] | None
    batch: Any
    width: Any
    figures: Collection[str]
    sizes: bool = False
    timing: Timing | None = None


class Part:
    """Variants that were counted together.

    Attributes:
        population: which variants they are.
        figures: the figures by name; none if no variant fits. `output` is a shape.
        failures: layers that do not fit, in order, each with the condition for which variants.
        fault: what is wrong with all variants that did not fail before; None if nothing is.
    """

    def __init__(
        self,
        population: Population,
        figures: Mapping[str, Num],
        failures: Sequence[Failure] = (),
        fault: Diagnostic | None = None,
    ):
        self.population = population
        self.figures = figures
        self.fault = fault
        self.failures: list[tuple[str, Any, int]] = []  # path, where it is the first, how many
        fits: Any = True
        for path, where in failures:
            first = choose(fits, where, False)
            if first is not False:
                self.failures.append((path, first, _count(first, population)))
            fits = choose(where, False, fits)
        self.fits: Any = fits
        if fault is not None and fits is not False:
            self.failures.append((fault.message, fits, _count(fits, population)))
            self.fits = False

    def fill(self, box: Sequence[range], name: str, out: Array) -> None:
        """Write a figure, or the condition `fits`, of the variants in a box to their places."""
        value = self.value(name)
        positions = self.population.inside(box)
        if not all(map(len, positions)):
            return
        found = values_at(value, positions)
        out[self.population.places(box, positions)] = found

    def value(self, name: str) -> Any:
        """Return a figure, the condition `fits`, or a size of the output such as `output 0`."""
        if name == "fits":
            return self.fits
        first, _, n = name.partition(" ")
        if not n:
            return self.figures.get(name, 0)
        shape = self.figures.get(first, ())
        return shape[int(n)] if int(n) < len(shape) else 0

    def is_whole(self, box: Sequence[range]) -> bool:
        """Return whether these are all variants of a box, with the axes of the grid."""
        axes = [list(axis) for axis in self.population.axes]
        return axes == [[n] for n in range(len(box))] and self.population.shape == tuple(
            map(len, box)
        )


def values_at_points(value: Any, places: Sequence[Array]) -> Any:
    """Return the values at single points, by their positions on each axis."""
    if isinstance(value, Terms):
        return value.at_points(places)
    return picked(value.values, places) if isinstance(value, Many) else value


def values_at(value: Any, positions: Sequence[Any]) -> Any:
    """Return the values at some positions of each axis."""
    if isinstance(value, Terms):
        return value.at(positions)
    return taken(value.values, positions) if isinstance(value, Many) else value


def parts(question: Question, population: Population) -> Iterator[Part]:
    """Count variants, and yield the parts as they are done."""
    open_ = [population]
    overflows = 0
    while open_:
        population = open_.pop()
        try:
            yield _part(question, population)
            continue
        except Split as split:
            found = population.split(split.by)
        except TooWide as wide:
            found = population.halves(wide.shape.index(max(wide.shape)))
        except Overflow:
            overflows += 1
            if len(population) == 1 or overflows > _MOST_OVERFLOWS:
                yield Part(population, {}, fault=_TOO_LARGE)
                continue
            found = population.halves(population.shape.index(max(population.shape)))
        open_ += reversed(found)


def _part(question: Question, population: Population) -> Part:
    made: list[ManyExpander] = []

    def expander(*given: Any) -> ManyExpander:
        made.append(ManyExpander(*given))
        made[-1].follows_memory = not _OF_MEMORY.isdisjoint(question.figures)
        return made[-1]

    def value(given: Any) -> Any:
        if isinstance(given, tuple):
            return tuple(map(value, given))
        return population.value(given) if isinstance(given, Column) else given

    set = {**question.fixed, **{name: value(c) for name, c in question.columns.items()}}
    input = None
    if question.input is not None:
        input = {name: tuple(map(value, shape)) for name, shape in question.input.items()}
    try:
        graph = question.spec.expand_by(expander, question.variant, set, input).graph
    except Unfit:
        return Part(population, {}, made[-1].failures)
    failures = made[-1].failures if made else ()
    faults = [d for d in graph.diagnostics if d.severity == "error"]
    if faults or not graph.outputs:
        known = faults or graph.diagnostics or question.spec.diagnostics
        return Part(population, {}, failures, known[0])
    there, either = made[-1].there, made[-1].either
    batch, width = value(question.batch), value(question.width)
    totals = [name for name in question.figures if name != LATENCY]
    figures = count(graph, totals, batch, width, there, either)
    if question.timing is not None and LATENCY in question.figures:
        figures[LATENCY] = question.timing.of_many(graph, batch, there)
    if any(isinstance(figure, int) and figure > LIMIT for figure in figures.values()):
        return Part(population, {}, failures, _TOO_LARGE)
    if question.sizes:
        figures["output"] = tuple(graph.returned[0].shape)
    return Part(population, figures, failures)


def _count(condition: Any, population: Population) -> int:
    """Return for how many variants a condition holds."""
    if not isinstance(condition, Many):
        return len(population) if condition else 0
    share: int = np.count_nonzero(condition.values) * len(population)
    return int(share // condition.values.size)
