"""Expands steps to a graph: repeats, blocks, names and shapes, in one walk."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any

from ..diagnostic import BlockUse, Mistake, Position, first_of
from ..graph import Group, Node, checked, refuse_wrong_numbers
from ..num import NoFormula, Open, Shape, choose
from ..ops.base import Op
from ..pausing import pause
from .expansion_faults import (
    joins_nothing,
    no_condition,
    passes_another,
    without_formula,
    wrong_repeat,
)
from .expectations import Expectations
from .expression import Expression
from .limits import MAX_LAYERS, Limits
from .references import (
    copy_number,
    entry_name,
    every_copy,
    layer_inside,
    resolved,
    unknown_output,
)
from .scope import NO_COPIES, OF_SIZES, Expansion, Fault, Scope, entered
from .share import share
from .steps import EVERY_COPY, BlockSteps, Chosen, LayerName, Numbered, Step
from .validation import validate
from .values import value_at, work
from .yaml_tree import Marks


class Expander:
    """Expands one network.

    The public methods are the steps that a count of many variants does in its own way.
    """

    def __init__(
        self,
        file: str,
        blocks: dict[str, BlockSteps],
        params: dict[str, Any],
        expectations: Expectations,
    ):
        self._file = file
        self._blocks = blocks
        self._params = params
        self._expectations = expectations
        self._expansion = Expansion()
        self._graph = self._expansion.graph
        self._limits = Limits()
        self._checkpoints: list[tuple[range, Position]] = []

    def expand(
        self,
        inputs: dict[str, Shape],
        integers: Container[str],
        steps: list[Step],
        outputs: list[str],
        marks: Marks,
    ) -> Expansion:
        """Return the expansion; if a layer is wrong, the nodes before it and the diagnostic.

        `integers` has the names of the inputs that hold integers.
        `outputs` are names of layers, written at `marks`; if empty, the last layer is the output.
        """
        graph = self._graph
        for name, shape in inputs.items():
            node = Node(name, None, (), shape)
            node.integers = name in integers
            graph.nodes.append(node)
            self._expansion.written.append(None)
        names = {name: (n, n + 1, n) for n, name in enumerate(inputs)}
        values = entered(next(iter(inputs.values())), self._params)
        values[OF_SIZES] -= self._params.keys()
        scope = Scope(values, names=names)
        try:
            last = self._layers(steps, scope, 0)
        except Mistake as mistake:
            graph.diagnostics.extend(mistake.diagnostics)
            if any(d.code == "CNN004" for d in mistake.diagnostics):
                graph.nodes.clear()  # too many to be useful
                self._expansion.written.clear()
                self._expansion.faults.clear()
            return self._expansion
        try:
            graph.outputs = self.outputs(outputs, scope, marks) or (last,)
        except Mistake as mistake:
            graph.diagnostics.extend(mistake.diagnostics)
        else:
            graph.diagnostics.extend(first_of(self._expectations.unmet(scope.names)))
        for numbers, place in self._checkpoints:
            fault = graph.checkpoint(numbers)
            if fault is not None:
                graph.diagnostics.append(fault.at(place))
        return self._expansion

    def outputs(self, names: list[str], scope: Scope, marks: Marks) -> tuple[int, ...]:
        """Return the nodes of the outputs, without layers that `when` leaves out.

        Errors: a Mistake with every unknown name.
        """
        found = [scope.find(name) or self._graph.groups.get(name) for name in names]
        unknown = [index for index, group in enumerate(found) if group is None]
        if unknown:
            places = [marks.find(n).position(self._file) for n in unknown]
            faults = (unknown_output(names[n], scope, place) for n, place in zip(unknown, places))
            raise Mistake(*first_of(faults))
        return tuple(group[2] for group in found if group and group[1] > group[0])

    def value(self, prepared: Any, values: dict[str, Any], marks: Marks) -> Any:
        """Return the value of prepared data, and count the work for it."""
        self._limits.work(work(prepared, values))
        if type(prepared) is Expression and not prepared.names.isdisjoint(values[OF_SIZES]):
            self._graph.follows_input = True
        return value_at(prepared, values, marks, self._file)

    def _layers(self, steps: list[Step], scope: Scope, x: int) -> int:
        """Expand layers one after the other, from node x, and return the node of the result."""
        self._limits.nesting(scope.depth, scope.prefix)
        passing: Step | None = None  # a layer that is left out, and passes on what it names
        for step in steps:
            if passing is not None and step.reads_previous:
                self._graph.diagnostics.append(passes_another(passing, scope))
            passing = None
            try:
                start, before = len(self._graph.nodes), x
                x = self._step(step, scope, x)
            except Mistake as mistake:
                faults = (d.at(step.place, *scope.context) for d in mistake.diagnostics)
                raise Mistake(*faults) from None
            except NoFormula as error:
                raise Mistake(without_formula(step, scope, error)) from None
            if step.source is not None and x != before and len(self._graph.nodes) == start:
                passing = step
        if passing is not None and scope.parent is not None:
            self._graph.diagnostics.append(passes_another(passing, scope))
        return x

    def _step(self, step: Step, scope: Scope, x: int) -> int:
        """Expand one layer as written: all its copies."""
        pause()
        start, path = len(self._graph.nodes), scope.prefix + step.name
        if step.source is not None:
            x = self._find(step.source, scope, step.marks.find("from"))[2]
        if not step.is_repeated:
            x, ends = self.copy(step, scope, path, x, {}), [len(self._graph.nodes)]
        else:
            x, ends = self._copies(step, scope, path, x)
        end = len(self._graph.nodes)
        scope.names[step.name] = self._graph.groups[path] = (start, end, x)
        if step.share is not None and start < end:
            self._share(step, scope, start, ends)
        if step.expect is not None or self._expectations.of_variant:
            fault = self._expectations.fault(step, scope, path, self._graph, x)
            if fault is not None:
                self._graph.diagnostics.append(fault.diagnostic)
                self._expansion.faults.append(fault)
        return x

    def _copies(self, step: Step, scope: Scope, path: str, x: int) -> tuple[int, list[int]]:
        """Expand the copies of a repeated layer; return the result, and where each copy ends."""
        if scope.copies is NO_COPIES:
            scope.copies = {}
        results = scope.copies[step.name] = {}
        ends: list[int] = []
        for i, (row, wanted) in enumerate(self.rows(step, scope)):
            before, own = len(self._graph.nodes), f"{path}.{i}"
            x = self.copy(step, scope.copy(step.counter, i), own, x, row, wanted)
            ends.append(len(self._graph.nodes))
            self._graph.groups[own] = (before, ends[-1], x)
            if ends[-1] > before:
                results[own] = x
        return x, ends

    def _share(self, step: Step, scope: Scope, start: int, ends: list[int]) -> None:
        """Let the copies of a layer, from node `start` on, use the weights of another one.

        If it names itself, the others use those of the first copy.
        """
        assert step.share is not None
        copies = len(ends)
        if step.share == step.name:
            lender: Group = (start, ends[0], ends[0])
            start, copies = ends[0], copies - 1
        else:
            lender = self._find(step.share, scope, step.marks.find("share"))
        if copies:
            share(self._graph, lender, start, copies, step, self._file)

    def _find(self, name: LayerName, scope: Scope, marks: Marks) -> Group:
        """Find an earlier layer by its name.

        Errors: a Mistake, at `marks`, for an unknown name.
        """
        return resolved(self._chosen(name, scope, marks), scope, self._graph, marks, self._file)

    def _chosen(self, name: LayerName, scope: Scope, marks: Marks) -> str:
        """Return the name that the conditions choose, with the numbers of copies in it."""
        while isinstance(name, Chosen):
            condition = self.value(name.condition, scope.values, marks)
            self._is_condition("from", condition, marks)
            name = name.left if condition else name.right
        if isinstance(name, Numbered):
            return self._numbered(name, scope, marks)
        return name

    def _numbered(self, name: Numbered, scope: Scope, marks: Marks) -> str:
        """Return a name with the numbers of copies, or the entries of lists, that are given."""
        text = ""
        for before, prepared in name.copies:
            number = self.value(prepared, scope.values, marks)
            if isinstance(number, Open):
                number = number.one()
            text += before
            names = scope.values.get(text)
            if isinstance(names, tuple):
                text = entry_name(text, names, number, marks, self._file)
                continue
            n = copy_number(text, number, scope, self._graph, marks, self._file)
            text += f".{n}"
            self.copies([resolved(text, scope, self._graph, marks, self._file)[2]])
        return text + name.rest

    def rows(self, step: Step, scope: Scope) -> Iterator[tuple[dict[str, Any], Any]]:
        """Yield the arguments of each copy, and the condition that it is there."""
        if step.each is not None:
            marks = step.marks.find("each")
            for n, row in enumerate(step.each):
                arguments = {
                    key: self.value(value, scope.values, marks.find(n, key))
                    for key, value in row.items()
                }
                yield arguments, True
            return
        for _ in range(int(self.repeats(step, scope))):
            yield {}, True

    def repeats(self, step: Step, scope: Scope) -> Any:
        """Return how many copies a `repeat` makes."""
        marks = step.marks.find("repeat")
        count = self.value(step.repeat, scope.values, marks)
        if isinstance(count, Open) and not count.is_condition and 0 <= count <= MAX_LAYERS:
            return count
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_LAYERS:
            raise Mistake(wrong_repeat(count, marks.position(self._file)))
        return count

    def copy(
        self,
        step: Step,
        scope: Scope,
        path: str,
        x: int,
        row: dict[str, Any],
        wanted: Any = True,
    ) -> int:
        """Expand one copy of a layer if it is wanted and its `when` is not false."""
        self._limits.copy(len(self._graph.nodes), len(scope.values))
        if step.when is not None:
            wanted = choose(wanted, self.condition("when", step, scope, row), False)
        if wanted is True:
            return self.trained(step, scope, path, x, row)
        return self.partly(wanted, step, scope, path, x, row)

    def partly(
        self, wanted: Any, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]
    ) -> int:
        """Expand a layer that is only there if it is `wanted`; without it, the result is x."""
        return self.trained(step, scope, path, x, row) if wanted else x

    def trained(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        """Expand a copy that is there, and note how it is trained."""
        if step.freeze is None and step.checkpoint is None:
            return self.body(step, scope, path, x, row)
        frozen, again = (
            getattr(step, word) is not None and self.condition(word, step, scope, row)
            for word in ("freeze", "checkpoint")
        )
        start = len(self._graph.nodes)
        x = self.body(step, scope, path, x, row)
        numbers = range(start, len(self._graph.nodes))
        if frozen:
            self._graph.freeze(numbers)
        if again:
            self._checkpoints.append((numbers, step.place))
        return x

    def body(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        """Expand the operator, join, block or chain of a copy."""
        if step.kind == "op":
            return self._operator(step, scope, path, x, row)
        if step.kind == "fault":
            raise Mistake()  # already reported by the reader; what comes after it is unknown
        if step.kind == "join":
            return self._join(step, scope, path, x)
        if step.kind == "chain":
            inside = scope.inside(path, {**scope.values, **row})
            return self._layers(step.layers or [], inside, x)
        return self._block(step, scope, path, x, row)

    def condition(self, word: str, step: Step, scope: Scope, row: dict[str, Any]) -> Any:
        """Return the value of `when`, `freeze` or `checkpoint`.

        That of a chain may use the arguments of its row.
        """
        values = {**scope.values, **row} if step.kind == "chain" else scope.values
        marks = step.marks.find(word)
        condition = self.value(getattr(step, word), values, marks)
        self._is_condition(word, condition, marks)
        return condition

    def _is_condition(self, word: str, value: Any, marks: Marks) -> None:
        """Raise a Mistake for a value that is not a condition."""
        is_open = isinstance(value, Open) and value.is_condition
        if not is_open and not isinstance(value, bool):
            raise Mistake(no_condition(word, value, marks.position(self._file)))

    def _operator(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        op = step.ready or self.instance(step, scope, row)
        inputs = [x]
        for field in op.layers_named:
            name = getattr(op, field)
            if name is not None:
                marks = step.body_marks.find(field)
                named = self._find(name, scope, marks)[2]
                inputs.append(named)
                if op.reads_places:
                    node = self._graph.nodes[named]
                    op = op.attached(node.op, self._graph.nodes[x].shape)
                    inputs.append(node.inputs[0])
        return self.node(step, op, tuple(inputs), path, scope)

    def instance(self, step: Step, scope: Scope, row: dict[str, Any]) -> Op:
        """Return the operator with the values of its fields."""
        assert step.op is not None
        body = {**self._arguments(step, scope), **row}
        return validate(step.op, body, step.body_marks, self._file, f"`{step.key}`")

    def _arguments(self, step: Step, scope: Scope) -> dict[str, Any]:
        return {
            key: self.value(prepared, scope.values, step.body_marks.find(key))
            for key, prepared in step.body.items()
        }

    def node(self, step: Step, op: Op, inputs: tuple[int, ...], path: str, scope: Scope) -> int:
        nodes = self._graph.nodes
        try:
            refuse_wrong_numbers(op, [nodes[n] for n in inputs])
            xs = [nodes[n].shape for n in inputs]
            shape = self._limits.shape(self.shape_of(op, xs), path)
        except Mistake as mistake:
            diagnostic = mistake.diagnostics[0].at(step.place)
            self._expansion.faults.append(Fault(diagnostic, step, scope, path, inputs, op))
            raise
        node = Node(path, op, inputs, shape, step.place, scope.context)
        node.read = xs
        nodes.append(node)
        self._expansion.written.append((step, scope))
        return len(nodes) - 1

    def shape_of(self, op: Op, xs: list[Shape]) -> Shape:
        """Return the shape of a layer's output.

        Errors: a Mistake for inputs that it does not take.
        """
        return checked(op, xs)

    def _join(self, step: Step, scope: Scope, path: str, x: int) -> int:
        assert step.op is not None
        inputs: list[int] = []
        for branch in step.branches:
            found = [*self._branch(branch, scope, f"{path}.{branch.name}", x)]
            self._limits.join(len(found))
            inputs += found
        if not inputs:
            raise Mistake(joins_nothing(step))
        op = self.instance(step, scope, {}) if step.body else step.op()
        return self.node(step, op, tuple(inputs), path, scope)

    def _branch(self, branch: Step, scope: Scope, path: str, x: int) -> Iterator[int]:
        """Yield the results of a branch: one, none if its `when` is false, or one for each copy."""
        if not branch.is_repeated:
            yield from self._branch_copy(branch, scope, path, x, {})
            return
        for i, (row, wanted) in enumerate(self.rows(branch, scope)):
            if wanted:
                copy = scope.copy(branch.counter, i)
                yield from self._branch_copy(branch, copy, f"{path}.{i}", x, row)

    def _branch_copy(
        self, branch: Step, scope: Scope, path: str, x: int, row: dict[str, Any]
    ) -> list[int]:
        """Return the results of one copy of a branch."""
        self._limits.copy(len(self._graph.nodes), len(scope.values))
        if branch.when is not None and not self.condition("when", branch, scope, row):
            return []
        inside = scope.inside(path, {**scope.values, **row} if row else scope.values)
        if branch.is_name:
            return self._listed(branch, inside)
        if branch.source is not None:
            x = self._find(branch.source, inside, branch.marks.find("from"))[2]
        return [self._layers(branch.layers or [], inside, x)]

    def _listed(self, branch: Step, scope: Scope) -> list[int]:
        """Return the earlier layers that an entry of a join's list names."""
        assert branch.source is not None
        marks = branch.marks.find("from")
        if not branch.is_many:
            return [self._find(branch.source, scope, marks)[2]]
        name, _, rest = self._chosen(branch.source, scope, marks).partition(EVERY_COPY)
        copies = every_copy(name, scope, marks, self._file)
        results = self.copies([*copies.values()])
        if not rest:
            return results
        inside = rest.removeprefix(".")
        return [layer_inside(path, inside, self._graph, marks, self._file)[2] for path in copies]

    def copies(self, results: list[int]) -> list[int]:
        """Return the results of the copies of a layer that are there."""
        return results

    def _block(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        block = self._blocks[step.key]
        given = {**self._arguments(step, scope), **row}
        self._limits.scope(len(self._params) + len(block.params))
        values = entered(self._graph.nodes[x].shape, self._params)
        names = values[OF_SIZES]
        if not (names.isdisjoint(self._params) and names.isdisjoint(block.params)):
            values[OF_SIZES] = names - self._params.keys() - block.params.keys()
        for name, default in block.params.items():
            if name in given:
                values[name] = given[name]
            else:
                values[name] = self.value(default, values, block.marks.find("params", name))
        context = (BlockUse(step.key, step.place), *scope.context)
        inside = Scope(values, path + ".", {"input": (x, x + 1, x)}, scope, step, context)
        return self._layers(block.layers, inside, x)
