"""Finds names in a spec: where layers, blocks, parameters and variants are declared and used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ..language.names import AXES
from ..language.spec import Spec
from ..language.steps import Step
from ..language.yaml_tree import Marks
from .layer_lists import LayerLists, Layers
from .layers_named import LayersNamed, arguments
from .places import Places
from .values import values_of

Kind = Literal["layer", "block", "parameter", "variant"]
_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)
_PATH = re.compile(r"(?<![\w.\])])[A-Za-z0-9_]+(?:(?:\[[^\]]*\])?\.[A-Za-z0-9_*]+)*", re.ASCII)
_BEFORE = re.compile(r" *(?:- +)*")
BUILT_IN = frozenset(["c", "i", "sizes", *AXES])  # names that expressions always know


class Name(NamedTuple):
    """A name: of a layer in a list of layers, of a block's parameter, and so on.

    Attributes:
        kind: what it names.
        owner: the list of layers, or the block; empty for the network.
        word: the name.
    """

    kind: Kind
    owner: str
    word: str


class Mention(NamedTuple):
    """A place where a name is written; a layer without a `name` is declared by its operator."""

    name: Name
    start: int
    end: int
    declares: bool = False
    is_implied: bool = False


class Names:
    """All names of a spec."""

    def __init__(self, spec: Spec, places: Places):
        self.spec, self.places = spec, places
        self.lists = LayerLists(spec)
        self._layers_named = LayersNamed(spec, self.lists, places)
        self.mentions = sorted(self._mentions(), key=lambda found: (found.start, -found.end))

    def at(self, offset: int) -> Mention | None:
        """Return the innermost name at an offset."""
        found = [m for m in self.mentions if m.start <= offset <= m.end]
        return min(found, key=lambda m: (m.is_implied, m.end - m.start), default=None)

    def of(self, name: Name) -> list[Mention]:
        """Return every place where a name is written."""
        return [mention for mention in self.mentions if mention.name == name]

    def parameters(self, block: str | None) -> dict[str, Name]:
        """Return the parameters that expressions in a block know, or at the top level."""
        known = {word: Name("parameter", "", word) for word in self.spec.parameter_names}
        if block is not None and block in self.spec.blocks:
            own = self.spec.blocks[block].params
            known |= {word: Name("parameter", block, word) for word in own}
        return known

    def layer(self, name: Name) -> Step | None:
        """Return the layer that has a name."""
        layers = self.lists.by_id.get(name.owner)
        steps = layers.steps if layers is not None else []
        return next((step for step in steps if step.name == name.word), None)

    def step_at(self, offset: int) -> tuple[Layers, Step] | None:
        """Return the innermost layer around an offset, and the list that it is in.

        Blanks and dashes at the start of a line belong to what comes after them.
        """
        line = self.places.line_of(offset)
        start = self.places.start_of_line(line)
        before = _BEFORE.match(self.places.text, start, self.places.end_of_line(line))
        offset = max(offset, before.end() if before is not None else start)
        best: tuple[int, Layers, Step] | None = None
        for layers in self.lists:
            for step in layers.steps:
                start, end = self.places.span(step.marks)
                if start <= offset <= end and (best is None or end - start <= best[0]):
                    best = (end - start, layers, step)
        return best and best[1:]

    def _mentions(self) -> Iterator[Mention]:
        yield from self._declarations()
        for layers in self.lists:
            for step in layers.steps:
                yield from self._of_step(step, layers)
        yield from self._of_parameters()
        yield from self._from_outside()

    def _declarations(self) -> Iterator[Mention]:
        marks = self.spec.marks
        for part, kind in (("params", "parameter"), ("blocks", "block"), ("variants", "variant")):
            owned = marks.items.get(part)
            for word in owned.keys if owned else ():
                name = Name(kind, "", word)  # type: ignore[arg-type]  # one of Kind
                yield Mention(name, *self.places.key(marks.items[part], word), declares=True)
        for block in self.spec.blocks:
            params = marks.find("blocks", block).items.get("params")
            for word in params.keys if params else ():
                name = Name("parameter", block, word)
                assert params is not None
                yield Mention(name, *self.places.key(params, word), declares=True)
        for variant in marks.find("variants").items.values():
            params = variant.items.get("params")
            for word in params.keys if params else ():
                assert params is not None
                yield Mention(Name("parameter", "", word), *self.places.key(params, word))

    def _of_step(self, step: Step, layers: Layers) -> Iterator[Mention]:
        name = Name("layer", layers.id, step.name)
        start = self.places.start(step.place)
        if "name" in step.marks.items:
            yield Mention(name, *self.places.span(step.marks.items["name"]), declares=True)
        elif step.key:
            end = start + step.place.length
            yield Mention(name, start, end, declares=True, is_implied=True)
        if step.key in self.spec.blocks:
            block = Name("block", "", step.key)
            yield Mention(block, start, start + step.place.length)
            for given in arguments(step):
                for word in given.keys:
                    if word in self.spec.blocks[step.key].params:
                        parameter = Name("parameter", step.key, word)
                        yield Mention(parameter, *self.places.key(given, word))
        for marks in self._layers_named.by(step):
            yield from self._paths(marks, layers)

    def _paths(self, marks: Marks, layers: Layers) -> Iterator[Mention]:
        """Yield the layers that a value names."""
        start, end = self.places.span(marks)
        for found in _PATH.finditer(self.places.text, start, end):
            yield from self._path(found[0], found.start(), layers)

    def _path(self, path: str, start: int, layers: Layers | None) -> Iterator[Mention]:
        """Yield the layers along a path such as `stage1.0.conv1`."""
        for segment in self.lists.along(path, layers):
            if segment.layer is not None:
                owner, step = segment.layer
                name = Name("layer", owner.id, step.name)
                yield Mention(name, start + segment.start, start + segment.end)

    def _of_parameters(self) -> Iterator[Mention]:
        """Yield the parameters in values."""
        for block, key, marks in values_of(self.spec):
            known = self.parameters(block)
            if key == "name" or not known:
                continue
            start, end = self.places.span(marks)
            for found in _IDENTIFIER.finditer(self.places.text, start, end):
                if found[0] in known:
                    yield Mention(known[found[0]], found.start(), found.end())

    def _from_outside(self) -> Iterator[Mention]:
        """Yield layers that outputs, expectations, budgets and published figures name."""
        marks, top = self.spec.marks, self.lists.by_id.get("layers")
        for output in marks.find("outputs").items.values() if "outputs" in marks.items else ():
            yield from self._paths_of(output, top)
        for owner in (marks, *marks.find("variants").items.values()):
            for part in ("expect", "budget"):
                named = owner.items.get(part)
                if part == "budget" and named is not None:
                    named = named.items.get("at")
                for path in named.keys if named is not None else ():
                    assert named is not None
                    yield from self._path(path, self.places.key(named, path)[0], top)
            published = owner.items.get("published")
            for entry in published.items.values() if published is not None else ():
                if "at" in entry.items:
                    yield from self._paths_of(entry.items["at"], top)

    def _paths_of(self, marks: Marks, layers: Layers | None) -> Iterator[Mention]:
        if layers is not None:
            yield from self._paths(marks, layers)
