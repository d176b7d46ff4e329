"""Finds layers by their paths: the lists of layers of a spec, and what is inside each layer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..language.spec import Spec
from ..language.steps import Step

_SEGMENT = re.compile(r"(\[[^\]]*\])|[A-Za-z0-9_*]+")


class Layers(NamedTuple):
    """A list of layers as written: its name, the block that it is in, and the list around it."""

    id: str
    block: str | None
    steps: list[Step]
    around: Layers | None


class Segment(NamedTuple):
    """A segment of a path.

    Attributes:
        start: where it starts in the path.
        end: where it ends.
        layer: the layer that it names, with its list; None for a branch or the number of a copy.
        inside: the lists of layers inside what it names, by branch.
    """

    start: int
    end: int
    layer: tuple[Layers, Step] | None
    inside: dict[str, Layers]


class LayerLists:
    """All lists of layers of a spec, each after the one around it."""

    def __init__(self, spec: Spec):
        self._spec = spec
        self._all = [*_lists(spec)]
        self.by_id = {layers.id: layers for layers in self._all}
        self._inside: dict[int, dict[str, Layers]] = {}  # by step: its lists, by branch
        for layers in self._all:
            step, branch = _owner(layers)
            if step is not None:
                self._inside.setdefault(id(step), {})[branch] = layers

    def __iter__(self) -> Iterator[Layers]:
        return iter(self._all)

    def inside(self, path: str, layers: Layers) -> list[str]:
        """Return the names of the layers and branches inside a layer or a copy of it.

        The path is written in a list of layers and ends with a point, as in `stage1.0.`.
        """
        along = [*self.along(path, layers)]
        if not along or along[-1].end < len(path) - 1:
            return []
        last = along[-1]
        if last.layer is not None and last.layer[1].is_repeated:
            return []  # the number of a copy is due
        own = last.inside.get("")
        return [*last.inside] if own is None else [step.name for step in own.steps if step.key]

    def along(self, path: str, layers: Layers | None) -> Iterator[Segment]:
        """Yield the segments of a path that is written in a list, up to one that names nothing."""
        inside: dict[str, Layers] | None = None
        for segment in _SEGMENT.finditer(path):
            word, start, end = segment[0], segment.start(), segment.end()
            if segment[1] or word.isdigit() or word == "*":
                yield Segment(start, end, None, inside or {})
                continue
            if inside is not None and word in inside and "" not in inside:
                inside = {"": inside[word]}
                yield Segment(start, end, None, inside)
                continue
            found = (
                self._find_outward(word, layers) if inside is None else _find(word, inside.get(""))
            )
            if found is None:
                return
            _, step = found
            inside = self._inside.get(id(step), {})
            if step.key in self._spec.blocks:
                inside = {"": self.by_id[f"blocks.{step.key}"]}
            yield Segment(start, end, found, inside)

    def _find_outward(self, word: str, layers: Layers | None) -> tuple[Layers, Step] | None:
        """Find a layer by its name, from the innermost list outward, then at the top level."""
        here = layers
        while here is not None:
            found = _find(word, here)
            if found is not None:
                return found
            here = here.around
        if layers is not None and layers.block is not None:
            return _find(word, self.by_id["layers"])
        return None


def _find(word: str, layers: Layers | None) -> tuple[Layers, Step] | None:
    """Find a layer by its name in a list."""
    for step in layers.steps if layers is not None else ():
        if step.name == word:
            assert layers is not None
            return layers, step
    return None


def _owner(layers: Layers) -> tuple[Step | None, str]:
    """Return the layer whose list it is, and the branch."""
    for step in layers.around.steps if layers.around is not None else ():
        if step.layers is layers.steps:
            return step, ""
        for branch in step.branches:
            if branch.layers is layers.steps:
                return step, branch.name
    return None, ""


def _lists(spec: Spec) -> Iterator[Layers]:
    """Yield every list of layers, each after the one around it."""
    open_ = [Layers("layers", None, spec.steps, None)]
    for name, block in spec.blocks.items():
        open_.append(Layers(f"blocks.{name}", name, block.layers, None))
    while open_:
        layers = open_.pop()
        yield layers
        for step in layers.steps:
            inner = [("", step.layers)] if step.layers else []
            inner += [(branch.name, branch.layers) for branch in step.branches if branch.layers]
            for branch, steps in inner:
                id = ".".join(filter(None, (layers.id, step.name, branch)))
                open_.append(Layers(id, layers.block, steps or [], layers))
