"""What the names and expressions of a spec are called in the function of a block."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ...graph import Graph
from ...language.steps import EVERY_COPY, BlockSteps, Chosen, LayerName, Numbered
from ..to_torch.expressions import (
    MISSING,
    as_in_python,
    constant,
    evaluated,
    functions_in,
    holds,
    name,
    names_in,
    python,
    translated,
    whole,
)
from ..to_torch.flows import safe
from ..to_torch.layout import wrapped
from ..to_torch.uses import INPUT, Place, Use
from .functions import FUNCTIONS, separator

SIZES = {"c": "x.shape[-1]", "h": "x.shape[1]", "w": "x.shape[2]", "d": "x.shape[1]"}
_TAKEN = ("x", "name", "inputs", "keras", "layers", "ops", "np")


class Unwritable(Exception):
    """A block that cannot become a function."""


class WrittenFunction(NamedTuple):
    """A function as written.

    Attributes:
        further: the words of the spec for maps that it takes beside its input.
        parameters: the parameters of the block that it takes.
        called: the functions that it calls.
        numbers: the functions of expressions that it calls.
    """

    name: str
    lines: list[str]
    further: tuple[str, ...]
    parameters: tuple[str, ...]
    called: set[str]
    numbers: set[str]


class Copy(NamedTuple):
    """A use of a step, and the values of loops around it by their variables."""

    use: Use
    bound: Mapping[str, Any]


Copies = Sequence[Copy]


class Names:
    """The variables, parameters and expressions of one function, for all uses of a block."""

    def __init__(
        self,
        graph: Graph,
        values: Mapping[str, Any],
        functions: Mapping[int, WrittenFunction],
        block: BlockSteps | None,
        uses: Sequence[Use],
    ):
        self.graph, self.functions, self.block, self.uses = graph, functions, block, uses
        self.apart = separator(node.path for node in graph.nodes)
        self.called: set[str] = set()
        self.numbers: set[str] = set()
        self.lines: list[str] = []
        self.depth = 1
        self.used: set[str] = set()  # names that expressions read
        further = {w for use in uses for w in use.external()} if block is not None else set()
        self.further = tuple(sorted(further))
        self.kept = self.layers_read()
        self.lists = self.layers_copied()
        own = block.params if block is not None else {}
        self.params = {key: safe(key) for key in own if key not in self.further}
        self.names: dict[str, ast.expr] = {
            **{key: name(key) for key in SIZES},
        }
        if block is None:
            shape = graph.inputs[0].shape
            self.names |= {key: constant(n) for key, n in zip(_axes(len(shape)), shape)}
        self.names |= {key: constant(value) for key, value in values.items()}
        self.names |= {key: name(text) for key, text in self.params.items()}
        self.taken = {*_TAKEN, *self.params.values(), *map(safe, self.further), *SIZES}
        self.taken |= {*FUNCTIONS, *(function.name for function in functions.values())}
        self.live: list[str] = []
        self.inputs: dict[str, str] = {}  # variables of the network's inputs

    def layers_read(self) -> set[str]:
        """Return the names of layers whose results are read by name."""
        found: set[str] = set()
        for use in self.uses:
            for inner in use.inside():
                places = dict(inner.named)
                if inner.is_block:
                    places |= inner.external()
                found |= {place.name for place in places.values() if place.instance is use}
        return found

    def layers_copied(self) -> set[str]:
        """Return the names of repeated layers of which copies are read."""
        found: set[str] = set()
        for use in self.uses:
            names = {inner.step.name for inner in use.inside() if inner.step is not None}
            for inner in use.inside():
                word = inner.step.source if inner.step is not None else None
                if isinstance(word, Numbered):
                    found.add(word.copies[0][0])
                elif isinstance(word, str) and word.endswith(EVERY_COPY):
                    found.add(word.removesuffix(EVERY_COPY))
            if not found <= names:
                raise Unwritable(f"copies of a layer elsewhere: {found - names}")
        return found

    def variable(self, key: str) -> str:
        """Return the variable of a layer of this block."""
        if key in self.lists:
            return f"{self.free(key)}[-1]"
        if key == INPUT and self.block is not None:
            return "block_input"
        if self.block is None and key in self.inputs and key not in self.kept_steps:
            return self.inputs[key]
        return self.free(key)

    @property
    def kept_steps(self) -> set[str]:
        """The names of all layers of the network."""
        return {use.step.name for root in self.uses for use in root.children if use.step}

    def free(self, key: str) -> str:
        """Return a variable for a word of the spec, which nothing else has."""
        text = safe(key)
        return f"{text}_" if text in self.taken or text in self.names else text

    def place(self, place: Place, use: Use) -> str:
        """Return the variable of what a word means at a use."""
        if place.instance is use.instance:
            if place.step is None and place.name != INPUT and self.block is not None:
                raise Unwritable("an input of the network")
            return self.variable(place.name)
        for word, other in use.instance.external().items():
            if other == place and word in self.further:
                return safe(word)
        raise Unwritable("a layer elsewhere")

    def reference(self, word: LayerName, copies: Copies) -> str:
        """Return the expression of the layer that a word names."""
        if isinstance(word, Chosen):
            left, right = (self.chosen(side, copies) for side in (word.left, word.right))
            if left == right:
                return left
            return f"{left} if {self.expression(word.condition, copies)} else {right}"
        if isinstance(word, Numbered):
            if len(word.copies) > 1 or word.rest:
                raise Unwritable("a layer inside a copy")
            key, number = word.copies[0]
            return f"{self.free(key)}[{self.expression(number, copies)}]"
        if word.endswith(EVERY_COPY):
            return f"*{self.free(word.removesuffix(EVERY_COPY))}"
        texts = set()
        for use, _ in copies:
            place = use.named.get(word)
            if place is None:
                raise Unwritable(f"a layer inside another: {word}")
            texts.add(self.place(place, use))
        if len(texts) != 1:
            raise Unwritable("different layers")
        return texts.pop()

    def chosen(self, side: LayerName, copies: Copies) -> str:
        """Return the variable of one of two names."""
        if not isinstance(side, str) or "." in side:
            raise Unwritable("a choice of layers inside layers")
        some = [copy for copy in copies if side in copy.use.named]
        return self.reference(side, some) if some else "None"

    def scope(self, copy: Copy, inside: bool = False) -> dict[str, Any]:
        """Return the values of the names of the function at a use, or inside that of a block."""
        use, found = copy.use, dict(copy.bound)
        within = use.step is None or inside and use.step.kind == "block"
        values = use.values if within or use.scope is None else use.scope.values
        for key, value in values.items():
            replaced = self.names.get(key)
            if isinstance(replaced, ast.Name):
                found.setdefault(replaced.id, value)
        return found

    def expression(self, prepared: Any, copies: Copies) -> str:
        """Return prepared data of the spec as Python that has the same values in all uses."""
        if not copies:
            raise Unwritable("an expression without a use")
        body = translated(prepared, self.names)
        scopes = [self.scope(copy) for copy in copies]
        wanted = [evaluated(body, scope) for scope in scopes]
        if MISSING in wanted:
            raise Unwritable(f"an expression: {python(body)}")
        for candidate in (body, whole(body), constant(wanted[0])):
            if holds(candidate, wanted, scopes):
                return self.plain(candidate)
        if any(isinstance(value, Fraction) for value in wanted):  # then it may be a float
            found = [as_in_python(body, scope) for scope in scopes]
            if all(float(a) == float(b) for a, b in zip(found, wanted)):
                return self.plain(body)
        raise Unwritable(f"an expression: {python(body)}")

    def plain(self, body: ast.expr) -> str:
        """Write an expression, and note what it reads."""
        self.used |= names_in(body)
        self.numbers |= functions_in(body)
        return python(body)

    def put(self, line: str) -> None:
        """Write a line."""
        self.lines += wrapped(line, self.depth)

    def move(self, target: str, value: str) -> None:
        """Write an assignment, unless the value is there already."""
        if target != value:
            self.put(f"{target} = {value}")


def _axes(axes: int) -> Iterable[str]:
    """Return the names of the axes of a map, the channels first."""
    return {2: ("c", "w"), 3: ("c", "h", "w"), 4: ("c", "d", "h", "w")}.get(axes, ("c",))
