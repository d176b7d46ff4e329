"""Proposes repairs of the input: channels first, no batch axis, more channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...diagnostic import Edit
from ...language.yaml_flow import in_yaml
from ...language.yaml_tree import Marks
from ...num import Shape
from .case import Candidate, Case
from .yaml_edits import Edits


def input_marks(case: Case, name: str) -> Marks | None:
    """Return where an input's shape is written; None if it is not written as numbers."""
    data, marks = case.spec.document.input, case.spec.marks.find("input")
    if isinstance(data, dict):
        data, marks = data.get(name), marks.find(name)
    return marks if isinstance(data, list) and all(type(n) is int for n in data) else None


def resized_input(case: Case, name: str, now: Shape, wanted: Shape) -> Edits:
    """Return edits that change the shape of an input, or the parameters that it names."""
    data, marks = case.spec.document.input, case.spec.marks.find("input")
    if isinstance(data, dict):
        data, marks = data.get(name), marks.find(name)
    if not isinstance(data, list) or len(data) != len(wanted):
        return None
    if all(type(entry) is int for entry in data):
        return (marks.whole(in_yaml(list(wanted))),)
    edits: dict[Edit, None] = {}  # in order; two sides may name the same parameter
    for n, (entry, old, new) in enumerate(zip(data, now, wanted)):
        if old == new:
            continue
        place = marks.find(n) if type(entry) is int else _parameter(case, entry)
        if place is None:
            return None
        edits[case.text.edit(*case.text.span(place), str(new))] = None
    return tuple(edits) or None


def _parameter(case: Case, entry: Any) -> Marks | None:
    """Return where the value of the parameter that an entry names is, if it is a number."""
    name = str(entry).strip()
    for path in (("variants", case.variant, "params"), ("params",)):
        found = case.spec.marks.find(*path)
        if name in found.items and name in found.keys:
            place = found.items[name]
            return place if case.text.as_written(place).isdigit() else None
    return None


def channels_first(case: Case) -> Iterator[Candidate]:
    """Move the channels to the front: [224, 224, 3] → [3, 224, 224].

    A sequence may have any number of them, so it is turned only to get an expected shape.
    """
    for node in case.graph.inputs:
        shape, marks = node.shape, input_marks(case, node.path)
        if len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) >= 16 and marks is not None:
            right = in_yaml([shape[2], *shape[:2]])
            title = f"channels come first: `input: {right}`"
            yield Candidate(title, (marks.whole(right),), shape=False, plain=True, resizes=True)
        if len(shape) == 2 and case.fault.diagnostic.code == "CNN301" and marks is not None:
            right = in_yaml([shape[1], shape[0]])
            title = f"channels come first: `input: {right}`, or `- permute: [1, 0]` as first layer"
            yield Candidate(title, (marks.whole(right),), shape=False, plain=True, resizes=True)


def batch_axis(case: Case) -> Iterator[Candidate]:
    """Remove the batch axis: [1, 3, 224, 224] → [3, 224, 224]."""
    for node in case.graph.inputs:
        shape, marks = node.shape, input_marks(case, node.path)
        if len(shape) == 4 and shape[1] in (1, 3, 4) and marks is not None:
            right = in_yaml(list(shape[1:]))
            title = f"an input has no batch axis: `input: {right}`"
            yield Candidate(title, (marks.whole(right),), shape=False, plain=True, resizes=True)


def grey_or_colour(case: Case) -> Iterator[Candidate]:
    """Use an image of three channels instead of one, if the layer reads the image."""
    x, source = case.shapes[0], case.graph.nodes[case.fault.inputs[0]]
    marks = input_marks(case, source.path) if source.op is None and x[0] == 1 else None
    if marks is not None:
        right = in_yaml([3, *x[1:]])
        title = f"an image of 3 channels, `input: {right}`,"
        yield Candidate(title, (marks.whole(right),), resizes=True)
