"""Writes one use of a block, or the network, layer by layer, without parameters and loops.

This is how the source has what follows from no parameter of a class: lists that grow with a
repeat, branches that vary, and layers inside a block that are read, or whose weights are used,
outside it.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from . import modules
from .expressions import constant, python
from .flows import Flow, Layer, WrittenClass, attribute, fresh, safe
from .layers import Layers
from .layout import INDENT, wrapped
from .statements import Call, Set, Statement, is_sequence, returned
from .uses import INPUT, Use

_MAIN = "x"  # the value that goes from layer to layer
_END = float("inf")  # after all layers


class UnrolledWriter(Layers):
    """Writes the class of one use. Its blocks are made and called, unless no class has them."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        (self.use,) = self.uses
        self.further = {}
        self.vars = {"self"}
        self.outside: list[int] = []  # nodes that are read, and are not in the use
        self.value_names: dict[int, str] = {}  # by node
        self.held: dict[str, int] = {}  # the node whose value a name has
        self.places: dict[int, str] = {}  # the names of where pools found their maxima
        self.lengths: dict[str, int] = {}  # of the containers so far, if they are lists
        self.body: list[Statement] = []
        self.readers: dict[int, list[float]] = {}

    def write(self, title: str) -> WrittenClass:
        """Write the class."""
        use, graph = self.use, self.graph
        is_network = self.block is None
        results = graph.outputs if is_network else (use.result,)
        self._note_readers(results)
        inputs = range(len(graph.inputs)) if is_network else [use.x]
        for n in inputs:
            path = graph.nodes[n].path if is_network else INPUT
            self._name(n, _MAIN if path == INPUT else safe(path))
        given = [self.value_names[n] for n in inputs]
        self.layers(use, _MAIN)
        returns = [self.value(n) for n in results]
        given += [self.value_names[n] for n in self.outside]
        is_plain = len(given) == len(returns) == 1
        is_plain = is_plain and is_sequence(self.body, "self", given[0], set())
        lines = [f"class {title}(nn.{'Sequential' if is_plain else 'Module'}):"]
        lines += [f"{INDENT}def __init__(self):", f"{INDENT * 2}super().__init__()", *self.init]
        if not is_plain:
            lines += ["", *wrapped(f"def forward({', '.join(['self', *given])}):", 1)]
            lines += returned(self.body, returns, 2)
        return WrittenClass(
            name=title,
            source="\n".join(lines),
            takes_c=False,
            parameters={},
            passed=set(),
            measured={},
            further=[],
            channels=constant(graph.nodes[use.result].shape[0]),
            helpers=self.helpers,
            functions=self.functions,
            outside={id(use): tuple(self.outside)},
        )

    def _note_readers(self, results: Sequence[int]) -> None:
        """Note which layers read each value, without those that no result follows from."""
        for n in results:
            self.readers.setdefault(n, []).append(_END)
        for n in reversed(self.use.numbers):
            if n in self.readers:
                for m in self.graph.nodes[n].inputs:
                    self.readers.setdefault(m, []).append(n)

    def layers(self, use: Use, var: str) -> None:
        """Write what is inside a use. `var` names what only the next layer reads."""
        is_join = use.step is not None and use.step.kind == "join"
        for child in use.children:
            if child.present and child.numbers:
                self.layer(child, self._branch_var(child) if is_join else var)

    def _branch_var(self, use: Use) -> str:
        assert use.step is not None
        return fresh(safe(use.step.name), self.vars)

    def layer(self, use: Use, var: str) -> None:
        """Write one use."""
        assert use.step is not None
        if use.step.kind == "op":
            self.operator_use(use, var)
        elif use.step.kind == "block" and id(use) in self.classes and not use.is_borrowed:
            self.block_use(use, var)
        else:
            self.layers(use, var)
            if use.step.kind == "join":
                n = use.numbers[-1]
                if n not in self.readers:
                    return
                texts = [self.value(m) for m in self.graph.nodes[n].inputs]
                text = modules.joined(self.calls[n], texts)
                self.body.append(Set(self.target(use, var), text))

    def operator_use(self, use: Use, var: str) -> None:
        """Write an operator. If it uses the weights of another one, that one's module runs."""
        n = use.numbers[-1]
        node = self.graph.nodes[n]
        owner = self.graph.owner(node)
        is_own = owner is node
        assert use.step is not None
        where = self.opened_for(node.path) if is_own else self.where(owner.path)
        flow = Flow("", constant(self.graph.nodes[use.x].shape[0]))
        layer = Layer(use.step, [use], [use], where, flow, _constants(use), "", self.body)
        source = self.operator(layer) if is_own else None
        if n in self.readers:
            inputs = self._inputs(n)
            self.run(layer._replace(target=self.target(use, var)), source, inputs)
            self._note_places(n, where)
        elif source is not None:
            self.assign(where, source)
        if node.frozen and is_own:
            self.line(f"{where}.requires_grad_(False)")

    def _inputs(self, n: int) -> tuple[str, ...]:
        """Return the names of what an operator reads."""
        node = self.graph.nodes[n]
        first, *others = node.inputs
        if node.op is not None and node.op.reads_places:
            return self.value(first), self.places[others[0]]
        return (self.value(first), *map(self.value, others))

    def _note_places(self, n: int, where: str) -> None:
        """Keep where a pool found its maxima, if another layer reads that."""
        if n in self.graph.places:
            self.places[n] = fresh(f"{self.value_names[n]}_places", self.vars)
            self.vars.add(self.places[n])
            self.body.append(Set(self.places[n], f"{where}.places"))

    def block_use(self, use: Use, var: str) -> None:
        """Write the call of a block's class."""
        cls, step, nodes = self.classes[id(use)], use.step, self.graph.nodes
        assert step is not None and use.scope is not None
        defaults = self.blocks[step.key].params
        given = {spec for spec in (*step.body, *use.row) if use.values[spec] != defaults[spec]}
        bare: list[Any] = [nodes[use.x].shape[0]] if cls.takes_c else []
        named: dict[str, Any] = {}
        for spec, text in cls.parameters.items():
            if spec in given and spec == self.blocks[step.key].main:
                bare.append(use.values[spec])
            elif spec in given:
                named[text] = use.values[spec]
        named |= {safe(spec): use.scope.values[spec] for spec in sorted(cls.passed)}
        named |= {key: by_use.get(id(use)) for key, by_use in cls.measured.items()}
        arguments = [python(constant(value)) for value in bare]
        arguments += [f"{key}={python(constant(value))}" for key, value in named.items()]
        where = self.opened_for(use.path)
        self.assign(where, f"{cls.name}({', '.join(arguments)})")
        if use.result in self.readers:
            self.body.append(Call(self.target(use, var), where, self._read(use, cls)))
        trained = [n for n in use.numbers if self.graph.has_parameters(nodes[n])]
        if trained and not any(self.graph.trains(nodes[n]) for n in trained):
            self.line(f"{where}.requires_grad_(False)")

    def _read(self, use: Use, cls: WrittenClass) -> tuple[str, ...]:
        """Return the names of what a block reads."""
        words = use.external()
        further = (words[word].node for word in cls.further)
        return tuple(map(self.value, (use.x, *further, *cls.outside.get(id(use), ()))))

    def value(self, n: int) -> str:
        """Return the name of a node's value, which is a further input if it is outside."""
        if n not in self.value_names:
            self.outside.append(n)
            self._name(n, fresh(_branch_name(self.graph.nodes[n].path), self.vars))
        return self.value_names[n]

    def target(self, use: Use, var: str) -> str:
        """Name the result of a layer: `var`, unless another layer than the next one reads it."""
        last = use.numbers[-1]
        later = [n for n in self.readers[use.result] if n > last]
        is_kept = len(later) > 1 or (var == _MAIN and later not in ([last + 1], [_END]))
        if is_kept or not self._is_free(var, last):
            assert use.step is not None
            var = safe(use.step.name)
            if not self._is_free(var, last):
                var = fresh(var, self.vars)
        self._name(use.result, var)
        return var

    def _is_free(self, text: str, last: int) -> bool:
        """Return whether a name holds nothing that is read after node `last`."""
        if text not in self.held:
            return text not in self.vars
        return max(self.readers.get(self.held[text], [0])) <= last

    def _name(self, n: int, text: str) -> None:
        self.value_names[n] = text
        self.held[text] = n
        self.vars.add(text)

    def where(self, path: str) -> str:
        """Return the place of a layer's module."""
        found = "self"
        for part in self._parts(path):
            found = _inside(found, part)
        return found

    def opened_for(self, path: str) -> str:
        """Make the containers of a module that are not there yet, and return its place."""
        found = "self"
        parts = self._parts(path)
        for part, following in pairwise(parts):
            self._fill(found, part)
            found = _inside(found, part)
            if found not in self.lengths:
                self.assign(found, "nn.ModuleList()" if following.isdigit() else "nn.Module()")
                self.lengths[found] = 0
        self._fill(found, parts[-1])
        return _inside(found, parts[-1])

    def _fill(self, where: str, part: str) -> None:
        """Put something in the place of copies without modules."""
        if part.isdigit():
            for _ in range(self.lengths[where], int(part)):
                self.assign(f"{where}[]", "nn.Identity()")
            self.lengths[where] = max(self.lengths[where], int(part) + 1)

    def assign(self, where: str, value: str) -> None:
        """Add a module at a place: the next one of a list, if it is in one."""
        if where.endswith("]"):
            self.line(f"{where.rpartition('[')[0]}.append({value})")
        else:
            super().assign(where, value)

    def _parts(self, path: str) -> list[str]:
        return path.removeprefix("" if self.block is None else f"{self.use.path}.").split(".")


def _inside(where: str, part: str) -> str:
    return f"{where}[{part}]" if part.isdigit() else attribute(where, part)


def _branch_name(path: str) -> str:
    """Return the last name in a path."""
    return safe(next(part for part in reversed(path.split(".")) if part and not part.isdigit()))


def _constants(use: Use) -> dict[str, ast.expr]:
    """Return what the expressions of a layer know, as constants."""
    assert use.scope is not None
    rows = {f"row {key}": value for key, value in use.row.items()}
    known = {**use.scope.values, **use.row, **rows}
    return {key: constant(value) for key, value in known.items()}
