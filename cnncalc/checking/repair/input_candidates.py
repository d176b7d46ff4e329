"""Repairs of the input: channels first, more or fewer of them, another size."""

from __future__ import annotations

from collections.abc import Iterator

from ...language.yaml_flow import in_yaml
from ...language.yaml_tree import Marks
from ...num import Shape
from ...wording import shape_text
from .case import Candidate, Case


def _input_marks(case: Case, name: str) -> Marks | None:
    """Where an input's shape is written, if it is written in numbers."""
    data, marks = case.spec.document.input, case.spec.marks.find("input")
    if isinstance(data, dict):
        data, marks = data.get(name), marks.find(name)
    return marks if isinstance(data, list) and all(type(n) is int for n in data) else None


def channels_first(case: Case) -> Iterator[Candidate]:
    """[224, 224, 3] → [3, 224, 224]."""
    for node in case.graph.inputs:
        shape, marks = node.shape, _input_marks(case, node.path)
        if len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) >= 16 and marks is not None:
            right = in_yaml([shape[2], *shape[:2]])
            title = f"channels come first: `input: {right}`"
            yield Candidate(title, (marks.whole(right),), shape=False, plain=True)


def batch_axis(case: Case) -> Iterator[Candidate]:
    """[1, 3, 224, 224] → [3, 224, 224]."""
    for node in case.graph.inputs:
        shape, marks = node.shape, _input_marks(case, node.path)
        if len(shape) == 4 and shape[1] in (1, 3, 4) and marks is not None:
            right = in_yaml(list(shape[1:]))
            title = f"an input has no batch axis: `input: {right}`"
            yield Candidate(title, (marks.whole(right),), shape=False, plain=True)


def grey_or_colour(case: Case) -> Iterator[Candidate]:
    """An image of three channels instead of one, if the layer reads the image."""
    x, source = case.shapes[0], case.graph.nodes[case.fault.inputs[0]]
    marks = _input_marks(case, source.path) if source.op is None and x[0] == 1 else None
    if marks is not None:
        right = in_yaml([3, *x[1:]])
        yield Candidate(f"an image of 3 channels, `input: {right}`,", (marks.whole(right),))


def other_sizes(case: Case, most: int) -> Iterator[Candidate]:
    """The nearest input sizes that repair the finding and, if any do, also all later errors.

    For a window that is too large, the smallest larger size; else the nearest below and above.
    """
    nodes = case.graph.inputs
    shape, marks = nodes[0].shape, _input_marks(case, nodes[0].path)
    if len(nodes) > 1 or len(shape) < 2 or marks is None:
        return
    if most < 8:  # the network is too long to be tried at many sizes
        return
    larger = case.fault.diagnostic.code == "CNN204"
    changes = _fitting_changes(case, shape, most, larger, complete=True)
    changes = changes or _fitting_changes(case, shape, most, larger, complete=False)
    if not changes:
        return
    sizes = " or ".join(shape_text(_resized(shape, change)) for change in changes)
    title = f"an input of {sizes}"
    step = changes[-1] - changes[0]
    if step > 1 and not (shape[1] + changes[0]) % step:
        title += f", or another multiple of {step}"
    nearest = _resized(shape, min(changes, key=abs))
    edits = (marks.whole(in_yaml(list(nearest))),)
    yield Candidate(title, edits, shape=len(changes) == 1)


def _fitting_changes(
    case: Case, shape: Shape, most: int, larger: bool, complete: bool
) -> list[int]:
    """Size changes that make the network fit, at most `most` of them tried.

    With `larger`, the smallest increase; else the nearest change in both directions. Multiples of
    powers of two are tried, the nearest first.
    """
    n = shape[1]
    found: list[int] = []
    changes = [size - n for size in _sizes_to_try(n) if size > n or not larger]
    for change in sorted(changes, key=abs)[:most]:
        if change == 0 or min(shape[1:]) + change <= 0:
            continue
        if any((other > 0) == (change > 0) for other in found):
            continue  # this direction has one already
        if _fits(case, _resized(shape, change), complete):
            if larger:
                return [_smallest_increase(case, shape, change, complete)]
            found.append(change)
    return sorted(found)


def _sizes_to_try(n: int) -> set[int]:
    """Sizes around n: the multiples of powers of two below and above it, and its own multiples."""
    sizes = {n - 1, 2 * n, 4 * n, 8 * n, 16 * n}
    for step in (1, 2, 4, 8, 16, 32, 64):
        below = n // step * step
        sizes |= {below, below + step}
    return sizes


def _resized(shape: Shape, change: int) -> Shape:
    """An image with each side longer by so many pixels."""
    return (shape[0], *(n + change for n in shape[1:]))


def _fits(case: Case, shape: Shape, complete: bool) -> bool:
    """Whether the finding is gone at another input size and, if `complete`, all other errors."""
    graph = case.spec.graph(case.variant, input=shape)
    if complete or not graph.nodes:
        return bool(graph.outputs)
    finding = (case.fault.diagnostic.code, case.fault.diagnostic.position)
    gone = all((d.code, d.position) != finding for d in graph.diagnostics)
    return gone and (bool(graph.outputs) or len(graph.nodes) >= len(case.graph.nodes))


def _smallest_increase(case: Case, shape: Shape, increase: int, complete: bool) -> int:
    """The smallest size increase that fits, given one that does."""
    too_small = 0
    while increase - too_small > 1:
        middle = (too_small + increase) // 2
        if _fits(case, _resized(shape, middle), complete):
            increase = middle
        else:
            too_small = middle
    return increase
