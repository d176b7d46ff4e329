"""Finds chains of ONNX nodes that compute what a single node of a later version does.

Exporters write an operator that their version of ONNX lacks as several. Each chain is replaced by
the one node, if nothing else reads what is inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isclose
from typing import Any, NamedTuple

from .constants import Constant
from .file import OnnxNode

# A name stands for any tensor, the same each time; a number for a constant; the rest are nodes.
Pattern = str | float | tuple[Any, ...]
_COMMUTES = ("Add", "Mul")


class Match(NamedTuple):
    """Where a chain is: the tensors by the names in the pattern, and its nodes, by number."""

    tensors: Mapping[str, str]
    nodes: tuple[int, ...]


Settings = Mapping[str, Any]


class Chain(NamedTuple):
    """A chain, and the node that it becomes, with its inputs.

    `settings` returns the attributes of that node; None if the chain is something else after all.
    """

    pattern: tuple[Any, ...]
    op: str
    inputs: tuple[str, ...] = ("x",)
    settings: Callable[[Chains, Match], Settings | None] | None = None


class Chains:
    """The nodes of a network, in which chains are found."""

    def __init__(
        self,
        nodes: Sequence[OnnxNode],
        constants: Mapping[str, Constant],
        outputs: Sequence[str],
    ):
        self.nodes = list(nodes)
        self._constants = constants
        self._maker = {name: n for n, node in enumerate(nodes) for name in node.outputs if name}
        self._readers: dict[str, set[int]] = {}
        for n, node in enumerate(nodes):
            for name in node.reads():
                self._readers.setdefault(name, set()).add(n)
        for name in outputs:
            self._readers.setdefault(name, set()).add(len(nodes))

    def constant(self, name: str) -> Constant | None:
        """Return the constant of this name; None if it is computed."""
        return self._constants.get(name)

    def node(self, match: Match, op: str) -> OnnxNode:
        """Return the first node of a chain with this operator."""
        return next(self.nodes[n] for n in match.nodes if self.nodes[n].op == op)

    def maker(self, name: str) -> OnnxNode | None:
        """Return the node that computes a tensor; None if none does."""
        n = self._maker.get(name)
        return None if n is None else self.nodes[n]

    def number(self, match: Match, name: str) -> float | None:
        """Return a tensor of a pattern that is a single number."""
        return self._number(match.tensors[name])

    def replaced(self, known: Sequence[Chain]) -> list[OnnxNode]:
        """Return the nodes with a single one for each chain; what it was made of is left.

        A chain may begin with a shorter one, so the last nodes come first.
        """
        by_root: dict[str, list[Chain]] = {}
        for chain in known:
            by_root.setdefault(chain.pattern[0], []).append(chain)
        for n in reversed(range(len(self.nodes))):
            node = self.nodes[n]
            for chain in by_root.get(node.op, ()):
                found = self._found(chain, node)
                if found is not None:
                    self.nodes[n] = found
                    break
        return self.nodes

    def _found(self, chain: Chain, node: OnnxNode) -> OnnxNode | None:
        for match in self._matches(chain.pattern, node.outputs[0], Match({}, ())):
            inside = {name for n in match.nodes[1:] for name in self.nodes[n].outputs}
            readers = {n for name in inside for n in self._readers.get(name, ())}
            settings = chain.settings(self, match) if chain.settings else {}
            if readers <= {*match.nodes} and settings is not None:
                inputs = tuple(match.tensors[name] for name in chain.inputs)
                return node._replace(op=chain.op, inputs=inputs, attributes=settings)
        return None

    def _matches(self, pattern: Pattern, name: str | float, so_far: Match) -> Iterator[Match]:
        """Yield the ways in which a tensor is what a pattern describes."""
        if isinstance(pattern, str):
            if so_far.tensors.get(pattern, name) == name:
                yield so_far._replace(tensors={**so_far.tensors, pattern: str(name)})
        elif isinstance(pattern, (int, float)):
            number = self._number(name)
            if number is not None and isclose(number, pattern, rel_tol=1e-3, abs_tol=1e-9):
                yield so_far
        else:
            n = self._maker.get(name) if isinstance(name, str) else None
            if n is not None and self.nodes[n].op == pattern[0]:
                yield from self._inside(pattern, n, so_far)

    def _inside(self, pattern: tuple[Any, ...], n: int, so_far: Match) -> Iterator[Match]:
        op, *parts = pattern
        given = _operands(self.nodes[n])
        orders = [given, given[::-1]] if op in _COMMUTES else [given]
        for order in orders:
            if len(order) < len(parts):
                continue
            found = [so_far._replace(nodes=(*so_far.nodes, n))]
            for part, name in zip(parts, order):
                found = [m for match in found for m in self._matches(part, name, match)]
            yield from found

    def _number(self, name: str | float) -> float | None:
        if isinstance(name, (int, float)):
            return name
        given = self._constants.get(name)
        number = None if given is None else given.number
        return None if number is None else float(number)


def _operands(node: OnnxNode) -> list[str | float]:
    """Return the inputs; the bounds of Clip are attributes in older files."""
    if node.op == "Clip" and "max" in node.attributes:
        return [node.inputs[0], node.attributes.get("min", 0.0), node.attributes["max"]]
    return list(node.inputs)
