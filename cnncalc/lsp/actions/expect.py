"""Offers to state the shape after a layer as its `expect`."""

from __future__ import annotations

from collections.abc import Iterator

from ...language.steps import Step
from ...num import Shape
from ..uses import Uses
from ..view import View
from .action import Action, changed
from .same import keeps_networks
from .words import word_beside


def add_expect(view: View, step: Step) -> Iterator[Action]:
    """Yield the change that adds the shape of a layer; axes that differ among its uses are `_`."""
    if step.expect is not None:
        return
    shapes = {*_shapes(view, step)}
    if len({len(shape) for shape in shapes}) != 1:
        return
    axes = [sizes[0] if len({*sizes}) == 1 else "_" for sizes in zip(*shapes)]
    written = f"[{', '.join(map(str, axes))}]"
    change = word_beside(view.places, step, "expect", written)
    if change is None or {*axes} == {"_"}:
        return
    if keeps_networks(view, changed(view.text, (change,))):
        yield Action(f"Expect {written} after {step.name}", "refactor.rewrite", (change,))


def _shapes(view: View, step: Step) -> Iterator[Shape]:
    """Yield the shapes after a layer, in its uses and copies in every variant."""
    assert view.spec is not None
    for variant in view.spec.members:
        graph = view.graph_of(variant)
        for use in Uses(view.spec, graph).layers:
            copies = [f"{use.path}.{n}" for n in range(use.copies or 0)]
            for path in (use.path, *copies) if use.step is step else ():
                start, end, result = graph.groups[path]
                if start < end:
                    yield graph.nodes[result].shape
