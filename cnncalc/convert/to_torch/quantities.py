"""Finds expressions for the numbers in a class: every one is checked in every use."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ...graph import Graph
from ...language.steps import BlockSteps
from . import modules
from .expressions import (
    MISSING,
    PYTHON,
    constant,
    evaluated,
    functions_in,
    holds,
    name,
    names_in,
    python,
    replaced,
    same,
    whole,
)
from .flows import Inexpressible, fresh, safe
from .uses import Use


class Quantities:
    """The names of a class, with their values in each of its uses."""

    def __init__(
        self,
        block: BlockSteps | None,
        uses: Sequence[Use],
        graph: Graph,
        parameters: Mapping[str, Any],
    ):
        """`parameters` are those of the network."""
        self.block, self.uses, self.graph, self.parameters = block, uses, graph, parameters
        self.params = {spec: safe(spec) for spec in (block.params if block else ())}
        # A switch or a word of the network decides what the class looks like.
        constants = {k: constant(v) for k, v in parameters.items() if isinstance(v, (bool, str))}
        self.passed = {key: safe(key) for key in parameters if key not in constants}
        own = {key: name(text) for key, text in {**self.passed, **self.params}.items()}
        self.names: dict[str, ast.expr] = {**constants, **own}
        if block is None:
            self.names["c"] = constant(graph.inputs[0].shape[0])
        self.used: set[str] = set()
        self.functions: set[str] = set()
        self.measured: dict[str, dict[int, Any]] = {}
        self.locals: set[str] = set()
        self.open_locals: frozenset[str] = frozenset()
        self.bound: dict[int, dict[str, Any]] = {}  # values of local names, by use

    def values(self, use: Use) -> dict[str, Any]:
        """Return the values of all names at a use."""
        assert use.scope is not None
        found = self.own_values(use.scope.values)
        at: Use | None = use
        while at is not None:
            for key, value in self.bound.get(id(at), {}).items():
                found.setdefault(key, value)
            at = at.parent if at is not use.instance else None
        for key, by_use in self.measured.items():
            if id(use.instance) in by_use:
                found[key] = by_use[id(use.instance)]
        return found

    def own_values(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values that a scope of the spec has for names of the class."""
        own = {**self.passed, **self.params, "c": "c"}
        return {own[key]: value for key, value in scope.items() if key in own}

    def channels_at(self, nodes: Iterable[int]) -> list[Any]:
        """Return the channels of nodes."""
        return [self.graph.nodes[n].shape[0] for n in nodes]

    def py(self, body: ast.expr) -> str:
        """Write an expression, and note what it uses."""
        names, functions = names_in(body), functions_in(body)
        known = {"c", *self.params.values(), *self.passed.values(), *self.measured, *self.locals}
        for text in (*sorted(names - known), *sorted(functions - PYTHON.keys())):
            raise Inexpressible(self.uses[0], f"an expression in it uses `{text}`")
        self.used |= names
        self.functions |= functions
        return python(body)

    def choose(
        self, wanted: Sequence[Any], uses: Sequence[Use], candidates: Iterable[ast.expr | None]
    ) -> ast.expr | None:
        """Return the first candidate that has the wanted value in all uses."""
        scopes = [self.values(use) for use in uses]
        for candidate in candidates:
            if candidate is None:
                continue
            if holds(candidate, wanted, scopes):
                return candidate
            if names_in(candidate) and holds(whole(candidate), wanted, scopes):
                return whole(candidate)
        return None

    def for_all_axes(
        self, wanted: Sequence[Any], uses: Sequence[Use], candidates: Iterable[ast.expr | None]
    ) -> ast.expr | None:
        """Return the first candidate whose one value stands for all axes, in all uses."""
        scopes = [self.values(use) for use in uses]
        for candidate in candidates:
            if candidate is None:
                continue
            found = [evaluated(candidate, scope) for scope in scopes]
            if all(map(_spreads_to, found, wanted)):
                return candidate
        return None

    def quantity(
        self,
        wanted: Sequence[Any],
        uses: Sequence[Use],
        candidates: Iterable[ast.expr | None],
        what: str,
        any_axis: bool = False,
    ) -> ast.expr:
        """Return an expression for the values of a quantity, one for each use.

        With `any_axis`, one number may stand for all axes. What follows from nothing becomes a
        parameter of the class, called `what`.
        """
        listed = list(candidates)
        found = self.choose(wanted, uses, listed)
        if found is not None:
            return found
        if all(same(value, wanted[0]) and type(value) is type(wanted[0]) for value in wanted):
            return modules.plain(wanted[0], any_axis)
        if all(isinstance(value, tuple) and value for value in wanted):
            if any_axis and all(len(set(value)) == 1 for value in wanted):
                return self.quantity([value[0] for value in wanted], uses, listed, what)
            repeated = self._repeated(wanted, uses, listed, what)
            if repeated is not None:
                return repeated
            if len({len(value) for value in wanted}) == 1:
                columns = enumerate(zip(*wanted))
                parts = [self.quantity(col, uses, listed, f"{what}{n}") for n, col in columns]
                return ast.Tuple(parts, ast.Load())
        known = sorted(self.values(uses[0]), key=lambda key: (key != "c", key))
        bases = [*(base for base in listed if base is not None), *map(name, known)]
        found = self.choose(wanted, uses, [*bases, *self.multiples(wanted, uses, bases)])
        return found or self._measure(wanted, uses, what)

    def _repeated(
        self,
        wanted: Sequence[Any],
        uses: Sequence[Use],
        listed: Sequence[ast.expr | None],
        what: str,
    ) -> ast.expr | None:
        """Return a list that has one value several times, if a name says how often."""
        counts = [len(value) for value in wanted]
        if len(set(counts)) == 1 or any(len(set(value)) > 1 for value in wanted):
            return None
        names = (name(key) for key in sorted(self.values(uses[0]).keys() - {"c"}))
        count = self.choose(counts, uses, names)
        if count is None:
            return None
        channels = zip(self.channels_at(use.x for use in uses), wanted, counts)
        if all(c == value[0] * n for c, value, n in channels) and listed[0] is not None:
            each: ast.expr = ast.BinOp(listed[0], ast.FloorDiv(), count)
        else:
            each = self.quantity([value[0] for value in wanted], uses, listed, what)
        return ast.BinOp(ast.Tuple([each], ast.Load()), ast.Mult(), count)

    def multiples(
        self, wanted: Sequence[Any], uses: Sequence[Use], bases: Iterable[ast.expr]
    ) -> Iterator[ast.expr]:
        """Yield whole multiples and parts of expressions that have the first wanted value."""
        scope, b = self.values(uses[0]), wanted[0]
        for base in bases:
            a = evaluated(base, scope)
            if isinstance(a, int) and a // 2 == b:
                yield ast.BinOp(base, ast.FloorDiv(), constant(2))
            if not all(isinstance(value, int) and value for value in (a, b)):
                continue
            if b % a == 0:
                yield replaced(ast.BinOp(base, ast.Mult(), constant(b // a)), {})
            elif a % b == 0:
                yield ast.BinOp(base, ast.FloorDiv(), constant(a // b))

    def _measure(self, wanted: Sequence[Any], uses: Sequence[Use], what: str) -> ast.expr:
        """Make a quantity that follows from nothing else a parameter of the class."""
        by_use: dict[int, Any] = {}
        for value, use in zip(wanted, uses):
            if not same(by_use.setdefault(id(use.instance), value), value):
                return self._listed(wanted, uses, what)
        if self.block is None:
            raise Inexpressible(uses[0], f"`{what}` follows from no parameter")
        for key, known in self.measured.items():
            if known == by_use:
                return name(key)
        key = fresh(what, {*self.measured, *self.params.values(), *self.passed.values()})
        self.measured[key] = by_use
        return name(key)

    def _listed(self, wanted: Sequence[Any], uses: Sequence[Use], what: str) -> ast.expr:
        """Return an entry of a list, for a quantity that differs between copies."""
        for key in sorted(self.locals):
            rows = _rows(wanted, [self.values(use).get(key) for use in uses])
            if rows is not None:
                return ast.Subscript(constant(rows), name(key), ast.Load())
        raise Inexpressible(uses[0], f"`{what}` differs between copies")

    def new_local(self, text: str) -> str:
        """Return a name for a loop's variable in the constructor."""
        taken = {*self.params.values(), *self.passed.values(), *self.open_locals}
        letters = "ijklmn" if text == "i" else ""
        free = [key for key in letters if key not in taken]
        found = free[0] if free else fresh(text, taken)
        self.locals.add(found)
        self.open_locals |= {found}
        return found


def _rows(wanted: Sequence[Any], indices: Sequence[Any]) -> list[Any] | None:
    """Return the wanted values by index; None if they are not a list by it."""
    rows: dict[int, Any] = {}
    for value, index in zip(wanted, indices):
        if not isinstance(index, int) or not same(rows.setdefault(index, value), value):
            return None
    is_list = sorted(rows) == list(range(len(rows)))
    return [rows[n] for n in range(len(rows))] if is_list else None


def _spreads_to(found: Any, wanted: Any) -> bool:
    """Return whether a value is the wanted one, or that of each axis."""
    if found is MISSING:
        return False
    if isinstance(wanted, tuple) and not isinstance(found, tuple):
        found = (found,) * len(wanted)
    return same(found, wanted)
