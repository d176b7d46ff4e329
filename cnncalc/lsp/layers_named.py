"""Finds the values of layers that name other layers, also through parameters of blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..language.spec import Spec
from ..language.steps import Step
from ..language.yaml_tree import Marks
from .layer_lists import LayerLists
from .places import Places

_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)


class LayersNamed:
    """The values of layers that name other layers."""

    def __init__(self, spec: Spec, lists: LayerLists, places: Places):
        self._spec = spec
        self._passed: dict[str, set[str]] = {name: set() for name in spec.blocks}
        self._find_passed(lists, places)

    def by(self, step: Step) -> Iterator[Marks]:
        """Yield the values of a layer, or of a block's use, that name other layers."""
        yield from _references(step)
        passed = self._passed.get(step.key)
        if not passed:
            return
        for given in arguments(step):
            if not given.keys and self._spec.blocks[step.key].main in passed:
                yield given
            yield from (given.items[word] for word in given.keys if word in passed)

    def _find_passed(self, lists: LayerLists, places: Places) -> None:
        """Find the parameters of each block that are names of layers, not numbers."""
        count = -1
        while count != (count := sum(map(len, self._passed.values()))):
            for layers in lists:
                if layers.block is None:
                    continue
                own = self._spec.blocks[layers.block].params
                for step in layers.steps:
                    for marks in self.by(step):
                        words = _WORD.findall(places.edited.as_written(marks))
                        self._passed[layers.block] |= own.keys() & {*words}


def arguments(step: Step) -> list[Marks]:
    """Return what a use of a block gives to its parameters, once or for each copy."""
    rows = step.marks.items.get("each")
    return [step.body_marks, *(rows.items.values() if rows is not None else ())]


def _references(step: Step) -> Iterator[Marks]:
    """Yield the values that name layers where they are written."""
    for word in ("from", "share"):
        if word in step.marks.items:
            yield step.marks.items[word]
    for branch in step.branches:
        if branch.is_name:
            yield branch.marks.find("from")
        elif "from" in branch.marks.items:
            yield branch.marks.items["from"]
    for field in step.op.layers_named if step.op is not None else ():
        if field in step.body_marks.items:
            yield step.body_marks.items[field]
