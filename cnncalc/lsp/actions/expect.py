"""Offers to state the shape after a layer as its `expect`."""

from __future__ import annotations

from collections.abc import Iterator

from ...language.steps import Step
from ..view import View
from .action import Action
from .words import word_beside


def add_expect(view: View, step: Step) -> Iterator[Action]:
    """Yield the change that adds the shape of a layer, in the use that is shown."""
    use = next((use for use in view.shown if use.step is step), None)
    if use is None or step.expect is not None or use.group[0] == use.group[1]:
        return
    shape = view.expansion.graph.nodes[use.group[2]].shape
    written = f"[{', '.join(map(str, shape))}]"
    change = word_beside(view.places, step, "expect", written)
    if change is not None:
        yield Action(f"Expect {written} after {step.name}", "refactor.rewrite", (change,))
