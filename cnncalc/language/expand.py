"""Steps → graph: write out repeats, put in blocks, resolve names and infer shapes, in one walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..diagnostic import Diagnostic, Mistake, first_of, misspelled
from ..graph import Graph, Group, Node, checked
from ..num import Shape
from ..ops.base import Op
from .expectations import Expectations
from .limits import MAX_LAYERS, Limits
from .scope import Expansion, Fault, Scope
from .steps import BlockSteps, Step
from .validation import shown, validate
from .values import value_at, work
from .yaml_tree import Marks


class Expander:
    """Expands one network."""

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

    def expand(
        self, inputs: dict[str, Shape], steps: list[Step], outputs: list[str], marks: Marks
    ) -> Expansion:
        """Return the expansion; where a layer is wrong, the nodes before it and the diagnostic.

        `outputs` are names of layers, written at `marks`; without any, it is the last layer.
        """
        graph = self._graph
        for name, shape in inputs.items():
            graph.nodes.append(Node(name, None, (), shape))
            self._expansion.written.append(None)
        channels = next(iter(inputs.values()))[0]
        names = {name: (n, n + 1, n) for n, name in enumerate(inputs)}
        scope = Scope({**self._params, "c": channels}, names=names)
        try:
            last = self._layers(steps, scope, 0)
        except Mistake as mistake:
            graph.diagnostics.extend(mistake.diagnostics)
            if any(d.code == "CNN004" for d in mistake.diagnostics):
                graph.nodes.clear()  # too many to be of use to anyone
                self._expansion.written.clear()
                self._expansion.faults.clear()
            return self._expansion
        try:
            graph.outputs = self._outputs(outputs, scope, marks) or (last,)
        except Mistake as mistake:
            graph.diagnostics.extend(mistake.diagnostics)
        else:
            graph.diagnostics.extend(first_of(self._expectations.unmet(scope.names)))
        return self._expansion

    def _outputs(self, names: list[str], scope: Scope, marks: Marks) -> tuple[int, ...]:
        """The nodes of the outputs; a layer that `when` left out is not one of them.

        Errors: a Mistake with every unknown name.
        """
        found = [scope.find(name) or self._graph.groups.get(name) for name in names]
        unknown = [index for index, group in enumerate(found) if group is None]
        if unknown:
            faults = (self._unknown_output(names[n], scope, marks.find(n)) for n in unknown)
            raise Mistake(*first_of(faults))
        return tuple(group[2] for group in found if group and group[1] > group[0])

    def _unknown_output(self, name: str, scope: Scope, marks: Marks) -> Diagnostic:
        message = f"`outputs` names `{name}`, and no layer is called so"
        fault = Diagnostic("CNN105", message, marks.position(self._file), subject=name)
        return misspelled(fault, name, scope.names)

    def _value(self, prepared: Any, values: dict[str, Any], marks: Marks) -> Any:
        """Return the value of prepared data, and count the work."""
        self._limits.work(work(prepared, values))
        return value_at(prepared, values, marks, self._file)

    def _layers(self, steps: list[Step], scope: Scope, x: int) -> int:
        """Expand layers one after the other, from node x, and return the node of the result."""
        self._limits.nesting(scope.depth, scope.prefix)
        for step in steps:
            try:
                x = self._step(step, scope, x)
            except Mistake as mistake:
                faults = (d.at(step.place, *scope.context) for d in mistake.diagnostics)
                raise Mistake(*faults) from None
        return x

    def _step(self, step: Step, scope: Scope, x: int) -> int:
        """Expand one layer as written: all its copies."""
        start, path = len(self._graph.nodes), scope.prefix + step.name
        if step.source is not None:
            x = self._resolve(step.source, scope, step.marks.find("from"))[2]
        if step.repeat is None and step.each is None:
            x = self._copy(step, scope, path, x, {})
        else:
            for i, row in enumerate(self._rows(step, scope)):
                x = self._copy(step, scope.copy(i), f"{path}.{i}", x, row)
        end = len(self._graph.nodes)
        scope.names[step.name] = self._graph.groups[path] = (start, end, x)
        if step.share is not None and start < end:
            self._share(step, scope, start)
        if step.expect is not None or self._expectations.of_variant:
            fault = self._expectations.fault(step, scope, path, self._graph, x)
            if fault is not None:
                self._graph.diagnostics.append(fault.diagnostic)
                self._expansion.faults.append(fault)
        return x

    def _rows(self, step: Step, scope: Scope) -> Iterator[dict[str, Any]]:
        """The arguments of each copy."""
        if step.each is not None:
            marks = step.marks.find("each")
            for n, row in enumerate(step.each):
                yield {
                    key: self._value(value, scope.values, marks.find(n, key))
                    for key, value in row.items()
                }
            return
        marks = step.marks.find("repeat")
        count = self._value(step.repeat, scope.values, marks)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_LAYERS:
            too_many = type(count) is int and count > 0
            wrong = f"more than {MAX_LAYERS:,}" if too_many else shown(count)
            message = f"`repeat` takes a number of times, not {wrong}"
            raise Mistake(Diagnostic("CNN103", message, marks.position(self._file)))
        for _ in range(count):
            yield {}

    def _copy(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        """Expand one copy of a layer, unless its `when` is false."""
        self._limits.copy(len(self._graph.nodes), len(scope.values))
        if step.when is not None and not self._wanted(step, scope, row):
            return x
        if step.kind == "op":
            return self._operator(step, scope, path, x, row)
        if step.kind == "fault":
            raise Mistake()  # reported when it was read; what comes after it is unknown
        if step.kind == "join":
            return self._join(step, scope, path, x)
        if step.kind == "chain":
            inside = scope.inside(path, {**scope.values, **row})
            return self._layers(step.layers or [], inside, x)
        return self._block(step, scope, path, x, row)

    def _wanted(self, step: Step, scope: Scope, row: dict[str, Any]) -> bool:
        """The value of `when`; that of a chain may use the arguments of its row."""
        values = {**scope.values, **row} if step.kind == "chain" else scope.values
        marks = step.marks.find("when")
        wanted = self._value(step.when, values, marks)
        if not isinstance(wanted, bool):
            message = f"`when` takes a condition, not {shown(wanted)}"
            position = marks.position(self._file)
            raise Mistake(Diagnostic("CNN103", message, position, help="compare: `depth > 0`"))
        return wanted

    def _operator(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        op = step.ready or self._instance(step, scope, row)
        inputs = [x]
        for field in op.layers_named:
            name = getattr(op, field)
            if name is not None:
                inputs.append(self._resolve(name, scope, step.body_marks.find(field))[2])
        return self._node(step, op, tuple(inputs), path, scope)

    def _instance(self, step: Step, scope: Scope, row: dict[str, Any]) -> Op:
        """The operator with its parameters put in."""
        assert step.op is not None
        body = {**self._arguments(step, scope), **row}
        return validate(step.op, body, step.body_marks, self._file, f"`{step.key}`")

    def _arguments(self, step: Step, scope: Scope) -> dict[str, Any]:
        return {
            key: self._value(prepared, scope.values, step.body_marks.find(key))
            for key, prepared in step.body.items()
        }

    def _node(self, step: Step, op: Op, inputs: tuple[int, ...], path: str, scope: Scope) -> int:
        nodes = self._graph.nodes
        try:
            xs = [nodes[n].shape for n in inputs]
            shape = self._limits.shape(checked(op, xs), path)
        except Mistake as mistake:
            diagnostic = mistake.diagnostics[0].at(step.place)
            self._expansion.faults.append(Fault(diagnostic, step, scope, path, inputs, op))
            raise
        node = Node(path, op, inputs, shape, step.place, scope.context)
        node.read = xs
        nodes.append(node)
        self._expansion.written.append((step, scope))
        return len(nodes) - 1

    def _join(self, step: Step, scope: Scope, path: str, x: int) -> int:
        assert step.op is not None
        inputs: list[int] = []
        self._limits.join(len(step.sources or step.branches or ()))
        if step.sources is not None:
            for index, name in enumerate(step.sources):
                inputs.append(self._resolve(name, scope, step.body_marks.find(index))[2])
        else:
            for name, layers in (step.branches or {}).items():
                inside = scope.inside(f"{path}.{name}", scope.values)
                inputs.append(self._layers(layers, inside, x))
        return self._node(step, step.op(), tuple(inputs), path, scope)

    def _block(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        block = self._blocks[step.key]
        given = {**self._arguments(step, scope), **row}
        self._limits.scope(len(self._params) + len(block.params))
        values = {**self._params, "c": self._graph.nodes[x].shape[0]}
        for name, default in block.params.items():
            if name in given:
                values[name] = given[name]
            else:
                values[name] = self._value(default, values, block.marks.find("params", name))
        context = (f"block `{step.key}`, used at line {step.place.line}", *scope.context)
        inside = Scope(values, path + ".", {"input": (x, x + 1, x)}, scope, step, context)
        return self._layers(block.layers, inside, x)

    def _resolve(self, name: str, scope: Scope, marks: Marks) -> Group:
        """Find an earlier layer by its name, or by a parameter that holds its name."""
        carried = scope.values.get(name)
        wanted = carried if isinstance(carried, str) else name
        found = scope.find(wanted)
        if found is None:
            message = f"no earlier layer is called `{wanted}`"
            position = marks.position(self._file)
            raise Mistake(
                misspelled(
                    Diagnostic("CNN105", message, position, subject=wanted),
                    wanted,
                    set(scope.visible()),
                    "names reach from the innermost block outward, and only backward",
                )
            )
        return found

    def _share(self, step: Step, scope: Scope, start: int) -> None:
        """Let the nodes from `start` on use the weights of another layer's nodes."""
        marks = step.marks.find("share")
        first, end, _ = self._resolve(step.share or "", scope, marks)
        if not _share_weights(self._graph, range(first, min(end, start)), start):
            raise Mistake(
                Diagnostic(
                    "CNN112",
                    f"`{step.name}` cannot use the weights of `{step.share}`: "
                    "they are not the same layers with the same shapes",
                    marks.position(self._file),
                    help="weights can be shared between equal bodies on inputs with as many "
                    "channels",
                )
            )


def _share_weights(graph: Graph, lenders: range, start: int) -> bool:
    """Let the nodes from `start` on use the lenders' weights, one by one.

    Return whether they are the same layers with the same shapes.
    """
    borrowers = range(start, len(graph.nodes))
    same = len(lenders) == len(borrowers)
    for n, m in zip(lenders, borrowers):
        lender, borrower = graph.nodes[n], graph.nodes[m]
        weights = _weights(graph, borrower)
        same &= lender.op is not None and lender.op == borrower.op
        same &= weights == _weights(graph, lender)
        if borrower.op and (weights or borrower.op.buffers(*graph.shapes_into(borrower))):
            borrower.shares = n if lender.shares is None else lender.shares
    return same


def _weights(graph: Graph, node: Node) -> dict[str, Shape]:
    return node.op.weights(*graph.shapes_into(node)) if node.op else {}
