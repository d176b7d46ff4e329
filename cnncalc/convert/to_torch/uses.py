"""Records how the layers of a spec are used: each copy of each layer, with its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...diagnostic import Mistake
from ...graph import Graph
from ...language.expand import Expander
from ...language.expression import Expression
from ...language.scope import Scope
from ...language.spec import Spec
from ...language.steps import EVERY_COPY, Step

_PLAIN = re.compile(r"\w+\Z")
INPUT = "input"  # names the input of the block or network


class Place(NamedTuple):
    """What a name in a spec means: a step of a block's use, or its input by name; and its node."""

    instance: Use
    step: Step | None
    name: str
    node: int


class Use:
    """One copy of a layer, block, join, chain or branch; or the whole network, which has no step.

    Attributes:
        path: of its layers.
        x: the node that it reads.
        result: the node of its result.
        numbers: all its nodes.
        present: whether `when` lets it be there.
        named: the layers that it names, by the words in the spec. Words are left out that depend
            on parameters, or name a layer inside another one.
        fields: those of the words that are in fields of an operator.
        source: the name that `from` has here, if that depends on the copy.
        values: of a block, what its expressions know.
    """

    def __init__(
        self,
        step: Step | None,
        scope: Scope | None,
        row: Mapping[str, Any],
        path: str = "",
        x: int = 0,
    ):
        self.step, self.scope, self.row, self.path, self.x = step, scope, row, path, x
        self.parent: Use | None = None
        self.children: list[Use] = []
        self.present = step is None
        self.result = x
        self.numbers = range(0)
        self.named: dict[str, Place] = {}
        self.fields: list[str] = []
        self.source: str | None = None
        self.values: Mapping[str, Any] = {}

    @property
    def is_block(self) -> bool:
        """Whether this is a block that is there."""
        return self.present and self.step is not None and self.step.kind == "block"

    @property
    def instance(self) -> Use:
        """The use of the block that it is written in, or the network."""
        use = self.parent or self
        while use.step is not None and use.step.kind != "block":
            assert use.parent is not None
            use = use.parent
        return use

    @property
    def is_borrowed(self) -> bool:
        """Whether this, or what it is in, uses the weights of another layer."""
        use: Use | None = self
        while use is not None:
            if use.step is not None and use.step.share is not None:
                return True
            use = use.parent
        return False

    def inside(self) -> Iterator[Use]:
        """Yield the uses that are written in the same block or branch, however deep."""
        for child in self.children:
            yield child
            if child.step is not None and child.step.kind != "block":
                yield from child.inside()

    def all_inside(self) -> Iterator[Use]:
        """Yield the uses inside, also those in blocks."""
        for child in self.children:
            yield child
            yield from child.all_inside()

    def external(self) -> dict[str, Place]:
        """Return what the layers of a block name that is not in it, by the words in the spec."""
        found: dict[str, Place] = {}
        for use in self.inside():
            words = dict(use.named)
            if use.step is not None and use.step.kind == "block" and use.present:
                words |= use.external()
            for word, place in words.items():
                if place.instance is not self:
                    found.setdefault(word, place)
        return found


class Recorder(Expander):
    """Expands a spec, and keeps the use of each layer."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.root = Use(None, None, {})
        self._open = [self.root]
        self._written: dict[int, tuple[Use, dict[str, Step]]] = {}  # by the names of a scope

    @property
    def graph(self) -> Graph:
        """The network so far."""
        return self._graph

    def copy(
        self,
        step: Step,
        scope: Scope,
        path: str,
        x: int,
        row: dict[str, Any],
        wanted: Any = True,
    ) -> int:
        use = Use(step, scope, row, path, x)
        use.parent = self._open[-1]
        steps = self._written.setdefault(id(scope.names), (use.instance, {}))[1]
        steps[step.name] = step
        use.fields = _field_words(step)
        self._note_places(use, *use.fields)
        self._open[-1].children.append(use)
        self._open.append(use)
        start = len(self._graph.nodes)
        use.result = super().copy(step, scope, path, x, row, wanted)
        use.numbers = range(start, len(self._graph.nodes))
        self._open.pop()
        return use.result

    def branch(
        self, branch: Step, scope: Scope, path: str, x: int, row: dict[str, Any]
    ) -> list[int]:
        use = Use(branch, scope, row, path, x)
        use.parent = self._open[-1]
        self._note_places(use)
        self._open[-1].children.append(use)
        self._open.append(use)
        start = len(self._graph.nodes)
        results = super().branch(branch, scope, path, x, row)
        use.present = bool(results)
        use.result = results[-1] if results else x
        use.numbers = range(start, len(self._graph.nodes))
        self._open.pop()
        return results

    def trained(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        self._open[-1].present = True
        return super().trained(step, scope, path, x, row)

    def layers(self, steps: list[Step], scope: Scope, x: int) -> int:
        use = self._open[-1]
        if scope.step is not None and scope.step is use.step:
            use.values = scope.values
        return super().layers(steps, scope, x)

    def _note_places(self, use: Use, *words: str) -> None:
        """Note what `from` means at a use, and these words for layers."""
        assert use.step is not None and use.scope is not None
        source = use.step.source
        if source is not None:
            if not isinstance(source, str):
                use.source = source = self.chosen(source, use.scope, use.step.marks.find("from"))
            words = (source, *words)
        for word in words:
            place = self._place(word, use.scope)
            if place is not None:
                use.named[word] = place

    def _place(self, word: str, scope: Scope) -> Place | None:
        """Find what a word means, as `resolved` does; None if that is inside another layer.

        Every copy of a layer means the layer.
        """
        word = word.removesuffix(EVERY_COPY)
        name = scope.values.get(word)
        if not isinstance(name, str):
            name = word
        if not _PLAIN.match(name):
            return None
        found: Scope | None = scope
        while found is not None and name not in found.names:
            found = found.parent
        if found is None:
            return Place(self.root, None, name, 0)  # an error, which the expansion reports
        instance, steps = self._written[id(found.names)]
        return Place(instance, steps.get(name), name, found.names[name][2])


def _field_words(step: Step) -> list[str]:
    """Return the words by which the fields of an operator name layers."""
    found = []
    for field in step.op.layers_named if step.op else ():
        written = step.body.get(field)
        if isinstance(written, Expression):
            written = written.text.strip()
        if isinstance(written, str):
            found.append(written)
    return found


def recorded(
    spec: Spec, variant: str | None, set: Mapping[str, Any] | None, input: Any
) -> tuple[Use, Graph]:
    """Return the uses of a spec, and its graph.

    Errors: a Mistake with the errors of the spec.
    """
    graph = spec.graph(variant, set, input)
    errors = [d for d in (*spec.diagnostics, *graph.diagnostics) if d.severity == "error"]
    if errors:
        raise Mistake(*errors)
    made: list[Recorder] = []

    def recorder(*arguments: Any) -> Recorder:
        made.append(Recorder(*arguments))
        return made[-1]

    graph = spec.expand_by(recorder, variant, {} if set is None else set, input).graph
    made[-1].root.numbers = range(len(graph.inputs), len(graph.nodes))
    return made[-1].root, graph
