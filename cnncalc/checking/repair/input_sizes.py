"""Proposes input sizes that repair a finding: the nearest that fit, and the step between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from itertools import chain
from operator import and_
from typing import NamedTuple

from ...analysis.input_sizes import fitting_sizes
from ...analysis.smallest_input import accepts
from ...diagnostic import Mistake
from ...graph import Graph, checked
from ...num import NoFormula, Shape
from ...wording import shape_text
from .case import Candidate, Case, expanded_layers
from .input_candidates import resized_input

_FAR = 128  # the largest change of a side that is tried
_WORK = 20_000  # most layers whose shapes are computed, for larger and for smaller sizes
_CLASSES = 20_000  # residue classes that are looked at to solve for sizes
_EXPANSIONS = 4  # most inputs for which the whole network is expanded
_STEPS = (2, 4, 8, 16, 32, 64, 128)  # if sides differ, each is rounded to multiples of these
_TIMES = (2, 4, 8, 16)  # factors of the input size, for a window that is too large

Fits = Callable[[Shape], bool]


class _Sizes(NamedTuple):
    """Shapes of the input that fit, the smallest first, and the step between such sizes."""

    shapes: list[Shape]
    step: int = 1  # from one size that fits to the next; 1 if it is unknown
    multiples: bool = False  # every multiple of `step` fits


def other_sizes(case: Case) -> Iterator[Candidate]:
    """Propose the nearest input sizes that repair the finding, and all later errors if possible.

    For a window that is too large, this is the smallest larger size that fits. Otherwise these are
    the nearest sizes below and above, with the step from one size that fits to the next. All are
    tried.
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
        title += f", or further sizes in steps of {found.step}"
    nearest = min(found.shapes, key=lambda one: sum(abs(m - n) for m, n in zip(one, shape)))
    edits = resized_input(case, inputs[0].path, shape, nearest)
    yield Candidate(title, edits, shape=len(found.shapes) == 1, resizes=True)


def _sizes(case: Case, shape: Shape) -> _Sizes:
    """Return the sizes to propose: solved for if only sizes are wrong, else found by trying."""
    return _solved(case, shape) or _tried(case, shape)


def _solved(case: Case, shape: Shape) -> _Sizes | None:
    """Return the nearest sizes that the whole network takes, with the step between such sizes.

    None if its sides differ, if it has other faults, which no size repairs, or if the nearest size
    is so far away that it would rather hide another fault.
    """
    graph = case.spec.symbolic_graph(case.variant) if len(set(shape[1:])) == 1 else Graph()
    try:
        found = fitting_sizes(graph, _CLASSES) if graph.outputs else None
    except NoFormula:
        return None
    if found is None or found.unsolved:
        return None
    fitting = reduce(and_, found.axes.values())
    n, larger = shape[1], case.fault.diagnostic.code == "CNN204"
    above, below = fitting.beyond(n), None if larger else fitting.up_to(n)
    if below is not None and 2 * below < n:
        below = None
    changes = [m - n for m in (below, above) if m is not None]
    if not larger and 4 * min(map(abs, changes), default=n) > n:
        return None
    shapes = [_resized(shape, change) for change in changes]
    _, residues, start, _ = fitting.pattern
    if larger or len(residues) != 1 or start is None or len(shapes) < 2:
        return _Sizes(shapes)
    return _Sizes(shapes, step=fitting.pattern.modulus, multiples=residues == (0,))


def _tried(case: Case, shape: Shape) -> _Sizes:
    """Return sizes that were found by trying."""
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
    """Return the changes of every side to try, the smallest first."""
    most = min(_FAR, max(4, _WORK // max(len(case.graph.nodes), 1)))
    return list(chain.from_iterable((-n, n) for n in range(1, most + 1)))


def _rounded(shape: Shape) -> list[Shape]:
    """Return shapes with each side rounded down or up to a multiple."""
    found: list[Shape] = []
    for step in _STEPS:
        up = tuple(-(-n // step) * step for n in shape[1:])
        down = tuple(n // step * step for n in shape[1:])
        found += [(shape[0], *sides) for sides in (down, up) if min(sides) > 0]
    return [one for one in dict.fromkeys(found) if one != shape]


def _resized(shape: Shape, change: int) -> Shape:
    """Return a shape in which each side is longer by `change`."""
    return (shape[0], *(n + change for n in shape[1:]))


def _repaired(case: Case) -> Fits:
    """Return a function: whether the layers up to that of the finding fit another input."""
    nodes, fault = case.graph.nodes, case.fault

    def fits(shape: Shape) -> bool:
        if case.graph.follows_input:
            return False  # it has other layers at another size
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
    """Return the first shape with which the whole network is right, and a test of other shapes.

    If there is none, return the first shape with which the finding is gone.
    """
    first: Shape | None = None
    layers = 0
    for _, shape in zip(range(_EXPANSIONS), shapes):
        if layers >= _WORK:
            break
        graph = case.spec.graph(case.variant, input=shape)
        layers += expanded_layers(graph)
        if graph.outputs:
            return shape, _accepted_by(graph)
        first = first or shape
    return first, _repaired(case)


def _accepted_by(graph: Graph) -> Fits:
    return lambda shape: not graph.follows_input and accepts(graph, [shape])


def _neighbours(shape: Shape, changes: list[int], fits: Fits) -> _Sizes:
    """Return the nearest sizes below and above, and their step if the sizes beyond keep it."""
    down = (n for n in changes if n < 0 < min(shape[1:]) + n)
    below = next((n for n in down if fits(_resized(shape, n))), None)
    above = next((n for n in changes if n > 0 and fits(_resized(shape, n))), None)
    shapes = [_resized(shape, n) for n in (below, above) if n is not None]
    if below is None or above is None:
        return _Sizes(shapes)
    return _apart(shapes, shapes[1], above - below, fits)


def _apart(shapes: list[Shape], shape: Shape, step: int, fits: Fits) -> _Sizes:
    """Return these shapes, with the step if the sizes after the last keep it."""
    if step < 1 or not all(fits(_resized(shape, step * n)) for n in (1, 2, 3, 4)):
        return _Sizes(shapes)
    return _Sizes(shapes, step=step, multiples=all(n % step == 0 for n in shape[1:]))


def _smallest(shape: Shape, change: int, fits: Fits) -> int:
    """Return the smallest increase that fits, given one that fits."""
    too_small = 0
    while change - too_small > 1:
        middle = (too_small + change) // 2
        if fits(_resized(shape, middle)):
            change = middle
        else:
            too_small = middle
    return change
