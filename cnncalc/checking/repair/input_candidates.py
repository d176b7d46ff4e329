"""Repairs of the input: channels first, more or fewer of them, another size."""

from __future__ import annotations

from collections.abc import Iterator

from ...language.write import value as in_yaml
from ...language.yaml_tree import Marks
from ...num import Shape
from ...ops.base import named
from .case import Candidate, Case


def input_marks(case: Case, name: str) -> Marks | None:
    """Where an input's shape is written, if it is written in numbers."""
    data, marks = case.spec.document.input, case.spec.marks.find("input")
    if isinstance(data, dict):
        data, marks = data.get(name), marks.find(name)
    return marks if isinstance(data, list) and all(type(n) is int for n in data) else None


def channels_first(case: Case) -> Iterator[Candidate]:
    """[224, 224, 3] → [3, 224, 224]."""
    for node in case.graph.inputs:
        shape, marks = node.shape, input_marks(case, node.path)
        if len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) >= 16 and marks is not None:
            right = in_yaml([shape[2], *shape[:2]])
            yield Candidate(
                f"channels come first: `input: {right}`",
                (marks.whole(right),),
                shape=False,
                plain=True,
            )


def batch_axis(case: Case) -> Iterator[Candidate]:
    """[1, 3, 224, 224] → [3, 224, 224]."""
    for node in case.graph.inputs:
        shape, marks = node.shape, input_marks(case, node.path)
        if len(shape) == 4 and shape[1] in (1, 3, 4) and marks is not None:
            right = in_yaml(list(shape[1:]))
            yield Candidate(
                f"an input has no batch axis: `input: {right}`",
                (marks.whole(right),),
                shape=False,
                plain=True,
            )


def grey_or_colour(case: Case) -> Iterator[Candidate]:
    """An image of three channels instead of one, where the layer reads the image."""
    x, source = case.shapes[0], case.graph.nodes[case.fault.inputs[0]]
    marks = input_marks(case, source.path) if source.op is None and x[0] == 1 else None
    if marks is not None:
        right = in_yaml([3, *x[1:]])
        yield Candidate(f"an image of 3 channels, `input: {right}`,", (marks.whole(right),))


def other_sizes(case: Case, most: int) -> Iterator[Candidate]:
    """Input sizes at which it fits, and all that comes after if there are any: the least larger one for a window, else the nearest below and above."""
    nodes = case.graph.inputs
    shape, marks = nodes[0].shape, input_marks(case, nodes[0].path)
    if (
        len(nodes) > 1 or len(shape) < 2 or marks is None or most < 8
    ):  # of a network too long to be tried at many sizes
        return
    larger = case.fault.diagnostic.code == "CNN204"
    found = next(
        (
            deltas
            for whole in (True, False)
            if (deltas := fitting(case, shape, most, larger, whole))
        ),
        [],
    )
    if found:
        sizes = [named(grown(shape, delta)) for delta in found]
        step = found[-1] - found[0]
        more = (
            f", or another multiple of {step}"
            if step > 1 and not (shape[1] + found[0]) % step
            else ""
        )
        yield Candidate(
            f"an input of {' or '.join(sizes)}{more}",
            (marks.whole(in_yaml(list(grown(shape, min(found, key=abs))))),),
            shape=len(found) == 1,
        )


def fitting(case: Case, shape: Shape, most: int, larger: bool, whole: bool) -> list[int]:
    """How much larger inputs are that fit: the least; or, if smaller ones may do too, the nearest on both sides. By steps of a power of two."""
    n = shape[1]
    sizes = (
        {n // step * step + up for step in (1, 2, 4, 8, 16, 32, 64) for up in (0, step)}
        | {n - 1}
        | {n * factor for factor in (2, 4, 8, 16)}
    )
    found: list[int] = []
    for delta in sorted((size - n for size in sizes if size > n or not larger), key=abs)[:most]:
        beside = all((other > 0) != (delta > 0) for other in found)
        if (
            delta
            and beside
            and min(shape[1:]) + delta > 0
            and fits(case, grown(shape, delta), whole)
        ):
            if larger:
                return [least(case, shape, delta, whole)]
            found.append(delta)
    return sorted(found)


def grown(shape: Shape, delta: int) -> Shape:
    """An image with each side longer by so many pixels."""
    return (shape[0], *(n + delta for n in shape[1:]))


def fits(case: Case, shape: Shape, whole: bool) -> bool:
    """Whether the finding is gone at another input size, and with `whole` any other error too."""
    graph, mine = case.spec.graph(case.variant, input=shape), case.fault.diagnostic
    if whole or not graph.nodes:
        return bool(graph.outputs)
    gone = not any(d.code == mine.code and d.position == mine.position for d in graph.diagnostics)
    return gone and (bool(graph.outputs) or len(graph.nodes) >= len(case.graph.nodes))


def least(case: Case, shape: Shape, delta: int, whole: bool) -> int:
    """How much larger the smallest input is that fits, known that `delta` more does."""
    low = 0
    while delta - low > 1:
        middle = (low + delta) // 2
        low, delta = (low, middle) if fits(case, grown(shape, middle), whole) else (middle, delta)
    return delta
