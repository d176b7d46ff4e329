"""Finds names in a spec: where layers, blocks, parameters and variants are declared and used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ..language.names import AXES
from ..language.spec import Spec
from ..language.steps import Step
from ..language.yaml_tree import Marks
from .places import Places

Kind = Literal["layer", "block", "parameter", "variant"]
_IDENTIFIER = re.compile(r"(?<![\w.])[A-Za-z_]\w*", re.ASCII)
_PATH = re.compile(r"(?<![\w.\])])[A-Za-z0-9_]+(?:(?:\[[^\]]*\])?\.[A-Za-z0-9_*]+)*", re.ASCII)
_BEFORE = re.compile(r" *(?:- +)*")
_SEGMENT = re.compile(r"(\[[^\]]*\])|[A-Za-z0-9_*]+")
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


class Layers(NamedTuple):
    """A list of layers as written: its name, the block that it is in, and the list around it."""

    id: str
    block: str | None
    steps: list[Step]
    around: Layers | None


class Names:
    """All names of a spec."""

    def __init__(self, spec: Spec, places: Places):
        self.spec, self.places = spec, places
        self.lists = [*_lists(spec)]
        self.by_id = {layers.id: layers for layers in self.lists}
        self._inside: dict[int, dict[str, Layers]] = {}  # by step: its lists, by branch
        for layers in self.lists:
            step, branch = self._owner(layers)
            if step is not None:
                self._inside.setdefault(id(step), {})[branch] = layers
        self._passed: dict[str, set[str]] = {name: set() for name in spec.blocks}
        self._find_passed()
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
        for layers in self.lists:
            if layers.id == name.owner:
                return next((step for step in layers.steps if step.name == name.word), None)
        return None

    def inside(self, path: str, layers: Layers) -> list[str]:
        """Return the names of the layers and branches inside a layer or a copy of it.

        The path is written in a list of layers and ends with a point, as in `stage1.0.`.
        """
        along = [*self._along(path, layers)]
        if not along or along[-1][0].end() < len(path) - 1:
            return []
        _, found, lists = along[-1]
        if found is not None and found[1].is_repeated:
            return []  # the number of a copy is due
        own = lists.get("")
        return [*lists] if own is None else [step.name for step in own.steps if step.key]

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

    def scalars(self) -> Iterator[tuple[str | None, str, Marks]]:
        """Yield the values that may be expressions, each with its block and its key."""
        marks = self.spec.marks
        for part in ("input", "params"):
            for key, value in _leaves(marks.find(part), part) if part in marks.items else ():
                yield None, key, value
        for variant in marks.find("variants").items.values():
            for part in ("params", "expect"):
                if part in variant.items:
                    for key, value in _leaves(variant.items[part], part):
                        yield None, key, value
        for name in self.spec.blocks:
            block = marks.find("blocks", name)
            for part in ("params", "layers"):
                if part in block.items:
                    for key, value in _leaves(block.items[part], part):
                        yield name, key, value
        if "layers" in marks.items:
            for key, value in _leaves(marks.items["layers"], "layers"):
                yield None, key, value

    def _owner(self, layers: Layers) -> tuple[Step | None, str]:
        if layers.around is None:
            return None, ""
        for step in layers.around.steps:
            if step.layers is layers.steps:
                return step, ""
            for branch in step.branches:
                if branch.layers is layers.steps:
                    return step, branch.name
        return None, ""

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
            for given in _arguments(step):
                for word in given.keys:
                    if word in self.spec.blocks[step.key].params:
                        parameter = Name("parameter", step.key, word)
                        yield Mention(parameter, *self.places.key(given, word))
        for marks in (*self._references(step), *self._passed_to(step)):
            yield from self._paths(marks, layers)

    def _references(self, step: Step) -> Iterator[Marks]:
        """Yield the values that name earlier layers."""
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

    def _find_passed(self) -> None:
        """Find the parameters of each block that are names of layers, not numbers."""
        count = -1
        while count != (count := sum(map(len, self._passed.values()))):
            for layers in self.lists:
                if layers.block is None:
                    continue
                own = self.spec.blocks[layers.block].params
                for step in layers.steps:
                    for marks in (*self._references(step), *self._passed_to(step)):
                        words = _IDENTIFIER.findall(self.places.edited.as_written(marks))
                        self._passed[layers.block] |= own.keys() & {*words}

    def _passed_to(self, step: Step) -> Iterator[Marks]:
        """Yield the arguments of a block's use that name layers."""
        passed = self._passed.get(step.key)
        if not passed:
            return
        for given in _arguments(step):
            if not given.keys and self.spec.blocks[step.key].main in passed:
                yield given
            yield from (given.items[word] for word in given.keys if word in passed)

    def _paths(self, marks: Marks, layers: Layers) -> Iterator[Mention]:
        """Yield the layers that a value names."""
        start, end = self.places.span(marks)
        for found in _PATH.finditer(self.places.text, start, end):
            yield from self._path(found[0], found.start(), layers)

    def _path(self, path: str, start: int, layers: Layers | None) -> Iterator[Mention]:
        """Yield the layers along a path such as `stage1.0.conv1`."""
        for part, found, _ in self._along(path, layers):
            if found is not None:
                yield Mention(found[0], start + part.start(), start + part.end())

    def _along(
        self, path: str, layers: Layers | None
    ) -> Iterator[tuple[re.Match[str], tuple[Name, Step] | None, dict[str, Layers]]]:
        """Yield the parts of a path, each with its layer and the lists inside, by branch.

        A part has no layer if it is a branch or the number of a copy. The path ends at a part
        that names nothing.
        """
        inside: dict[str, Layers] | None = None
        for part in _SEGMENT.finditer(path):
            word = part[0]
            if part[1] or word.isdigit() or word == "*":
                yield part, None, inside or {}
                continue
            if inside is not None and word in inside and "" not in inside:
                inside = {"": inside[word]}
                yield part, None, inside
                continue
            outward = inside is None
            found = self._find(word, layers if inside is None else inside.get(""), outward)
            if found is None:
                return
            name, step = found
            inside = self._inside.get(id(step), {})
            if step.key in self.spec.blocks:
                inside = {"": self.by_id[f"blocks.{step.key}"]}
            yield part, (name, step), inside

    def _find(
        self, word: str, layers: Layers | None, outward: bool = True
    ) -> tuple[Name, Step] | None:
        """Find a layer by its name, from the innermost list outward, then at the top level."""
        here = layers
        while here is not None:
            for step in here.steps:
                if step.name == word:
                    return Name("layer", here.id, word), step
            here = here.around if outward else None
        if outward and layers is not None and layers.block is not None:
            return self._find(word, self.by_id["layers"])
        return None

    def _of_parameters(self) -> Iterator[Mention]:
        """Yield the parameters in values."""
        for block, key, marks in self.scalars():
            known = self.parameters(block)
            if key == "name" or not known:
                continue
            start, end = self.places.span(marks)
            for found in _IDENTIFIER.finditer(self.places.text, start, end):
                if found[0] in known:
                    yield Mention(known[found[0]], found.start(), found.end())

    def _from_outside(self) -> Iterator[Mention]:
        """Yield layers that outputs, expectations, budgets and published figures name."""
        marks, top = self.spec.marks, self.by_id.get("layers")
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


def _arguments(step: Step) -> list[Marks]:
    """Return what a use of a block gives to its parameters, once or for each copy."""
    rows = step.marks.items.get("each")
    return [step.body_marks, *(rows.items.values() if rows is not None else ())]


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


def _leaves(marks: Marks, key: str) -> Iterator[tuple[str, Marks]]:
    """Yield the scalars in a value, each with the key that it belongs to."""
    if not marks.items and not marks.keys:
        yield key, marks
    for step, value in marks.items.items():
        yield from _leaves(value, step if isinstance(step, str) else key)
