"""Expands a network for many variants at once.

A layer that some variants lack is expanded for all and marked; only what cannot be marked asks for
a split. A layer that does not fit is noted for the variants that it does not fit, and the others go
on. What occurs again with the very same values is computed once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ...diagnostic import Mistake
from ...graph import Node, checked, infer
from ...language.expand import Expander
from ...language.expression import Expression
from ...language.scope import Scope
from ...language.steps import Step
from ...many.array import Many
from ...many.split import Split
from ...num import Open, Shape, choose, is_open
from ...ops.base import Op
from ...ops.scale import Identity
from ...ops.shapes import units_of
from ..count import same
from ..held import Either


class Failure(NamedTuple):
    """A layer that does not fit, and the variants for which it does not."""

    path: str
    where: Any  # True, or a condition


class Unfit(Exception):
    """A layer fits none of the variants; the last failure says which."""


class ManyExpander(Expander):
    """Expands one population of variants.

    Attributes:
        failures: what does not fit, in order.
        there: by node, the condition that its layer is there; without one, it is for all.
        either: by node, the two others, one of which it stands for in each variant.
        follows_memory: whether it matters which outputs have memory of their own. Where layouts
            decide that, layers that some variants lack split the population.
    """

    follows_memory = False

    def __init__(self, *given: Any):
        super().__init__(*given)
        self.failures: list[Failure] = []
        self.there: dict[int, Any] = {}
        self.either: dict[int, Either] = {}
        self._wanted: Any = True  # the condition that the layers around this place are there
        self._seen: dict[Any, tuple[Any, Any]] = {}  # results, with what must stay alive for a key
        self._path = ""
        self._reorders = False  # whether a layer so far may leave its output in another order

    def value(self, prepared: Any, values: dict[str, Any], marks: Any, *path: Any) -> Any:
        if type(prepared) is not Expression:
            return super().value(prepared, values, marks, *path)
        read = tuple(values.get(name) for name in prepared.names)
        key = ("value", id(prepared), same(read))
        if key not in self._seen:
            self._seen[key] = read, super().value(prepared, values, marks, *path)
        return self._seen[key][1]

    def instance(self, step: Step, scope: Scope, row: dict[str, Any]) -> Op:
        body = self._arguments(step, scope)
        key = ("op", step.op, *_named(body), *_named(row))
        if key not in self._seen:
            self._seen[key] = (body, row), super().instance(step, scope, row)
        found: Op = self._seen[key][1]
        return found

    def rows(self, step: Step, scope: Scope) -> Iterator[tuple[dict[str, Any], Any]]:
        if step.each is not None:
            yield from super().rows(step, scope)
            return
        count = self.repeats(step, scope)
        most = count.ends()[1] if isinstance(count, Open) else count
        for i in range(most):
            key = ("there", i, same(count))
            if key not in self._seen:
                self._seen[key] = count, count > i
            yield {}, self._seen[key][1]

    def repeats(self, step: Step, scope: Scope) -> Any:
        count = self.value(step.repeat, scope.values, step.marks, "repeat")
        key = ("repeats", same(count))
        if key not in self._seen:
            self._seen[key] = count, super().repeats(step, scope)
        return self._seen[key][1]

    def partly(
        self, wanted: Any, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]
    ) -> int:
        if not isinstance(wanted, Many) or step.share is not None:
            return super().partly(wanted, step, scope, path, x, row)
        before = self._wanted
        self._wanted = self._known_choice(before, wanted, False)
        try:
            if not isinstance(self._wanted, Many):
                return self.trained(step, scope, path, x, row) if self._wanted else x
            y = self.trained(step, scope, path, x, row)
        except Mistake:
            raise Split(wanted) from None
        finally:
            self._wanted = before
        return x if y == x else self._either(wanted, y, x)

    def copies(self, results: list[int]) -> list[int]:
        for n in results:
            if n in self.either:
                raise Split(self.either[n].condition)  # their number depends on the variant
            if n in self.there:
                raise Split(self.there[n])
        return results

    def outputs(self, names: list[str], scope: Scope, marks: Any) -> tuple[int, ...]:
        for name in names:
            group = scope.find(name) or self._graph.groups.get(name)
            if group is not None and group[0] in self.there:
                raise Split(self.there[group[0]])  # a layer that is left out cannot be an output
        return super().outputs(names, scope, marks)

    def _either(self, wanted: Many, y: int, x: int) -> int:
        """Return a node with the shape of y where a layer is there, and of x elsewhere."""
        nodes = self._graph.nodes
        a, b = nodes[y].shape, nodes[x].shape
        if len(a) != len(b) or units_of(a) != units_of(b):
            raise Split(wanted)
        shape = a
        if any(same(n) != same(m) for n, m in zip(a, b)):
            shape = tuple(self._known_choice(wanted, n, m) for n, m in zip(a, b))
            if units_of(a):
                shape = _with_units(shape, units_of(a))
        node = Node(nodes[y].path, _IDENTITY, (y,), shape)
        node.read = [shape]
        if self.follows_memory and (self._reorders or self._graph.checkpoints):
            raise Split(wanted)
        nodes.append(node)
        self._expansion.written.append(None)
        self.either[len(nodes) - 1] = Either(wanted, y, x)
        return len(nodes) - 1

    def _known_choice(self, condition: Any, a: Any, b: Any) -> Any:
        """Return `choose`, the same object for the same objects."""
        if same(a) == same(b):
            return a
        key = ("choose", same(condition), same(a), same(b))
        if key not in self._seen:
            self._seen[key] = (condition, a, b), choose(condition, a, b)
        return self._seen[key][1]

    def node(self, step: Step, op: Op, inputs: tuple[int, ...], path: str, scope: Scope) -> int:
        self._path = path
        if self.follows_memory:
            self._reorders = self._reorders or op.reorders
            for one in self.either.values() if self._reorders else ():
                raise Split(one.condition)
        n = super().node(step, op, inputs, path, scope)
        if self._wanted is not True:
            self.there[n] = self._wanted
        return n

    def shape_of(self, op: Op, xs: list[Shape]) -> Shape:
        units = tuple(map(units_of, xs))
        key = ("shape", id(op), same(tuple(map(tuple, xs))), units, same(self._wanted))
        if key not in self._seen:
            self._seen[key] = (op, xs, self._wanted), self._shape_of(op, xs)
        shape: Shape = self._seen[key][1]
        return shape

    def _shape_of(self, op: Op, xs: list[Shape]) -> Shape:
        if not any(map(is_open, map(tuple, xs))) and not any(map(is_open, vars(op).values())):
            return checked(op, xs)
        fewest, most = op.inputs
        if len(xs) < fewest or most is not None and len(xs) > most:
            return checked(op, xs)
        if fewest == 1 and len(xs[0]) not in op.ranks:
            return checked(op, xs)
        for margin, _, equal in op.needs(*xs):
            wrong = margin != 0 if equal else margin < 0
            wrong = choose(self._wanted, wrong, False)
            if isinstance(wrong, Open):
                self.failures.append(Failure(self._path, wrong))
            elif wrong:
                self.failures.append(Failure(self._path, True))
                raise Unfit
        return infer(op, xs)


_IDENTITY = Identity()


def _named(values: dict[str, Any]) -> Iterator[Any]:
    return ((name, same(value)) for name, value in values.items())


def _with_units(shape: Shape, units: frozenset[int]) -> Shape:
    from ...graph import Sized

    found = Sized(shape)
    found.units = units
    return found
