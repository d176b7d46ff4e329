"""Input sizes that repair a finding: the nearest ones that fit, and how far they are apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import NamedTuple

from ...analysis.sizes import accepts
from ...diagnostic import Mistake
from ...graph import Graph, checked
from ...num import Shape
from ...wording import shape_text
from .case import Candidate, Case
from .input_candidates import resized_input

_FAR = 128  # the largest change of a side that is tried
_WORK = 20_000  # most layers whose shapes are computed in either direction
_EXPANSIONS = 4  # most inputs at which the whole network is expanded
_STEPS = (2, 4, 8, 16, 32, 64, 128)  # multiples to which sides that differ are rounded
_TIMES = (2, 4, 8, 16)  # for a window that is too large

Fits = Callable[[Shape], bool]


class _Sizes(NamedTuple):
    """Shapes of the input that fit, the smallest first, and what each side is a multiple of."""

    shapes: list[Shape]
    step: int = 1  # between one size that fits and the next; 1 if it is not known
    multiples: bool = False  # every multiple of `step` fits


def other_sizes(case: Case) -> Iterator[Candidate]:
    """The nearest input sizes that repair the finding and, if any do, also all later errors.

    For a window that is too large, the smallest larger size; else the nearest below and above,
    with the smallest distance from one size that fits to the next. All were tried.
    """
    inputs = case.graph.inputs
    shape = tuple(inputs[0].shape) if len(inputs) == 1 else ()
    if len(shape) < 2 or resized_input(case, inputs[0].path, shape, _resized(shape, 1)) is None:
        return
    found = _sizes(case, shape)
    if not found.shapes:
        return
    title = f"an input of {' or '.join(map(shape_text, found.shapes))}"
    if found.step > 1 and found.multiples:
        title += f", or another multiple of {found.step}"
    elif found.step > 1:
        title += f", and on in steps of {found.step}"
    nearest = min(found.shapes, key=lambda one: sum(abs(m - n) for m, n in zip(one, shape)))
    edits = resized_input(case, inputs[0].path, shape, nearest)
    yield Candidate(title, edits, shape=len(found.shapes) == 1, resizes=True)


def _sizes(case: Case, shape: Shape) -> _Sizes:
    """The sizes to propose."""
    larger = case.fault.diagnostic.code == "CNN204"
    changes = _changes(case) if not larger else [n * shape[1] - shape[1] for n in _TIMES]
    shapes = [_resized(shape, n) for n in changes if 2 * (min(shape[1:]) + n) >= min(shape[1:])]
    if len(set(shape[1:])) > 1 and not larger:
        shapes = _rounded(shape) + shapes
    fitting = filter(_repaired(case), shapes)
    first, fits = _first_that_fits(case, fitting)
    if first is None:
        return _Sizes([])
    if larger:
        return _Sizes([_resized(shape, _smallest(shape, first[1] - shape[1], fits))])
    if first[1] - shape[1] == first[-1] - shape[-1]:
        return _neighbours(shape, changes, fits)
    step = next((n for n in changes if n > 0 and fits(_resized(first, n))), 0)
    return _apart([first], first, step, fits)


def _changes(case: Case) -> list[int]:
    """Changes of every side, the smallest first."""
    most = min(_FAR, max(4, _WORK // max(len(case.graph.nodes), 1)))
    return list(chain.from_iterable((-n, n) for n in range(1, most + 1)))


def _rounded(shape: Shape) -> list[Shape]:
    """The sides rounded to multiples, each by itself."""
    found: list[Shape] = []
    for step in _STEPS:
        up = tuple(-(-n // step) * step for n in shape[1:])
        down = tuple(n // step * step for n in shape[1:])
        found += [(shape[0], *sides) for sides in (down, up) if min(sides) > 0]
    return [one for one in dict.fromkeys(found) if one != shape]


def _resized(shape: Shape, change: int) -> Shape:
    """An image with each side longer by so many pixels."""
    return (shape[0], *(n + change for n in shape[1:]))


def _repaired(case: Case) -> Fits:
    """Whether the layers up to the finding, and the layer itself, fit another input."""
    nodes, fault = case.graph.nodes, case.fault

    def fits(shape: Shape) -> bool:
        shapes: list[Shape] = []
        try:
            for node in nodes:
                xs = [shapes[n] for n in node.inputs]
                shapes.append(checked(node.op, xs) if node.op else shape)
            if fault.op is not None:
                checked(fault.op, [shapes[n] for n in fault.inputs])
        except Mistake:
            return False
        return True

    return fits


def _first_that_fits(case: Case, shapes: Iterator[Shape]) -> tuple[Shape | None, Fits]:
    """The first shape under which the whole network is right, and whether another one fits it.

    If there is none, the first under which the finding is gone.
    """
    first: Shape | None = None
    for _, shape in zip(range(_EXPANSIONS), shapes):
        graph = case.spec.graph(case.variant, input=shape)
        if graph.outputs:
            return shape, _accepted_by(graph)
        first = first or shape
    return first, _repaired(case)


def _accepted_by(graph: Graph) -> Fits:
    return lambda shape: accepts(graph, [shape])


def _neighbours(shape: Shape, changes: list[int], fits: Fits) -> _Sizes:
    """The nearest sizes below and above, and their distance if the sizes beyond keep it."""
    down = (n for n in changes if n < 0 < min(shape[1:]) + n)
    below = next((n for n in down if fits(_resized(shape, n))), None)
    above = next((n for n in changes if n > 0 and fits(_resized(shape, n))), None)
    shapes = [_resized(shape, n) for n in (below, above) if n is not None]
    if below is None or above is None:
        return _Sizes(shapes)
    return _apart(shapes, shapes[1], above - below, fits)


def _apart(shapes: list[Shape], shape: Shape, step: int, fits: Fits) -> _Sizes:
    """These shapes with their distance, if the sizes beyond the last keep it."""
    if step < 1 or not all(fits(_resized(shape, step * n)) for n in (1, 2, 3, 4)):
        return _Sizes(shapes)
    return _Sizes(shapes, step=step, multiples=all(n % step == 0 for n in shape[1:]))


def _smallest(shape: Shape, change: int, fits: Fits) -> int:
    """The smallest increase that fits, given one that does."""
    too_small = 0
    while change - too_small > 1:
        middle = (too_small + change) // 2
        if fits(_resized(shape, middle)):
            change = middle
        else:
            too_small = middle
    return change
