"""Expands steps to a graph: blocks, names and shapes, in one walk."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from ..diagnostic import Mistake, first_of
from ..graph import Group, Node, checked, refuse_wrong_numbers
from ..num import NoFormula, Shape
from ..ops.base import Op
from ..pausing import pause
from .branches import Branches
from .expansion_faults import passes_another, without_formula
from .expectations import Expectations
from .known_blocks import KnownBlock, KnownBlocks, distinct
from .references import unknown_output
from .scope import OF_SIZES, Expansion, Fault, Scope, entered
from .share import share
from .steps import BlockSteps, Step
from .validation import validate
from .yaml_tree import Marks


class Expander(Branches):
    """Expands one network.

    The public methods are the steps that a count of many variants does in its own way. With
    `known` blocks, a block that was expanded before from the same values is copied; such an
    expansion does not say where its layers are written.
    """

    def __init__(
        self,
        file: str,
        blocks: dict[str, BlockSteps],
        params: dict[str, Any],
        expectations: Expectations,
        known: KnownBlocks | None = None,
    ):
        super().__init__(file)
        self._blocks = blocks
        self._params = params
        self._expectations = expectations
        self._known = None if expectations.of_variant else known

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
            last = self.layers(steps, scope, 0)
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

    def layers(self, steps: list[Step], scope: Scope, x: int) -> int:
        self._limits.nesting(scope.depth, scope.prefix)
        nodes = self._graph.nodes
        passing: Step | None = None  # a layer that is left out, and passes on what it names
        for step in steps:
            if passing is not None and step.reads_previous:
                self._graph.diagnostics.append(passes_another(passing, scope))
            passing = None
            start, before = len(nodes), x
            try:
                x = self._step(step, scope, x)
            except Mistake as mistake:
                faults = (d.at(step.place, *scope.context) for d in mistake.diagnostics)
                raise Mistake(*faults) from None
            except NoFormula as error:
                raise Mistake(without_formula(step, scope, error)) from None
            if step.source is not None and x != before and len(nodes) == start:
                passing = step
        if passing is not None and scope.parent is not None:
            self._graph.diagnostics.append(passes_another(passing, scope))
        return x

    def _step(self, step: Step, scope: Scope, x: int) -> int:
        """Expand one layer as written: all its copies."""
        pause()
        nodes, path = self._graph.nodes, scope.prefix + step.name
        start = len(nodes)
        if step.source is not None:
            x = self.find(step.source, scope, step.marks.find("from"))[2]
        if step.repeat is None and step.each is None:
            x = self.copy(step, scope, path, x, {})
            ends = None
        else:
            x, ends = self._all_copies(step, scope, path, x)
        end = len(nodes)
        scope.names[step.name] = self._graph.groups[path] = (start, end, x)
        if step.share is not None and start < end:
            self._share(step, scope, start, ends or [end])
        if step.expect is not None or self._expectations.of_variant:
            fault = self._expectations.fault(step, scope, path, self._graph, x)
            if fault is not None:
                self._graph.diagnostics.append(fault.diagnostic)
                self._expansion.faults.append(fault)
        return x

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
            lender = self.find(step.share, scope, step.marks.find("share"))
        if copies:
            share(self._graph, lender, start, copies, step, self._file)

    def body(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        if step.kind == "op":
            return self._operator(step, scope, path, x, row)
        if step.kind == "block":
            return self._block(step, scope, path, x, row)
        if step.kind == "join":
            return self._join(step, scope, path, x)
        if step.kind == "chain":
            inside = scope.inside(path, {**scope.values, **row})
            return self.layers(step.layers or [], inside, x)
        raise Mistake()  # already reported by the reader; what comes after it is unknown

    def _operator(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        op = step.ready or self.instance(step, scope, row)
        if not op.layers_named:
            return self.node(step, op, (x,), path, scope)
        inputs = [x]
        for field in op.layers_named:
            name = getattr(op, field)
            if name is not None:
                marks = step.body_marks.find(field)
                named = self.find(name, scope, marks)[2]
                inputs.append(named)
                if op.reads_places:
                    node = self._graph.nodes[named]
                    op = op.attached(node.op, self._graph.nodes[x].shape)
                    inputs.append(node.inputs[0])
        return self.node(step, op, tuple(inputs), path, scope)

    def instance(self, step: Step, scope: Scope, row: dict[str, Any]) -> Op:
        assert step.op is not None
        body = {**self._arguments(step, scope), **row}
        known = {} if self._known is None else self._known.operators
        key = step.op, *[(name, distinct(value)) for name, value in body.items()]
        op = known.get(key)
        if op is None:
            op = validate(step.op, body, step.body_marks, self._file, f"`{step.key}`")
            known[key] = op
        return op

    def _arguments(self, step: Step, scope: Scope) -> dict[str, Any]:
        values, marks = scope.values, step.body_marks
        return {
            key: self.value(prepared, values, marks, key) for key, prepared in step.body.items()
        }

    def node(self, step: Step, op: Op, inputs: tuple[int, ...], path: str, scope: Scope) -> int:
        nodes = self._graph.nodes
        read = [nodes[n] for n in inputs]
        xs = [node.shape for node in read]
        try:
            refuse_wrong_numbers(op, read)
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

    def _block(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        block = self._blocks[step.key]
        given = self._arguments(step, scope)
        if row:
            given |= row
        self._limits.scope(len(self._params) + len(block.params))
        entering = self._graph.nodes[x]
        values = entered(entering.shape, self._params)
        names = values[OF_SIZES]
        if not (names.isdisjoint(self._params) and names.isdisjoint(block.params)):
            values[OF_SIZES] = names - self._params.keys() - block.params.keys()
        for name, default in block.params.items():
            if name in given:
                values[name] = given[name]
            else:
                values[name] = self.value(default, values, block.marks, "params", name)
        self._graph.blocks[path] = step.key
        context = (step.use, *scope.context)
        inside = Scope(values, path + ".", {"input": (x, x + 1, x)}, scope, step, context)
        if self._known is None:
            return self.layers(block.layers, inside, x)
        return self._known_block(self._known, block, inside, x)

    def _known_block(self, known: KnownBlocks, block: BlockSteps, scope: Scope, x: int) -> int:
        """Copy what a block was expanded to before, or expand it and remember that."""
        assert scope.step is not None
        graph = self._graph
        start = len(graph.nodes)
        key = known.key(scope.step, graph.nodes[x], scope.values)
        found = known.found.get(key)
        if found is not None and found.fits(scope, self._limits, start):
            y = found.copied(graph, scope, x)
            self._sizes_read += found.follows_input
            self._expansion.written += [None] * (len(graph.nodes) - start)
            return y
        record = KnownBlock(graph, scope, self._limits)
        oldest, self._oldest = self._oldest, start
        sizes_read, checkpoints = self._sizes_read, len(self._checkpoints)
        y = self.layers(block.layers, scope, x)
        follows = self._sizes_read > sizes_read
        # It can be copied if it names nothing outside of it, and marks nothing that is not a node.
        alone = self._oldest >= start and len(self._checkpoints) == checkpoints
        if alone and record.finish(graph, self._limits, x, y, follows):
            known.found[key] = record
        self._oldest = min(oldest, self._oldest)
        return y
