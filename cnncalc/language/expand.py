"""Steps → graph: repeats are written out, blocks put in, names resolved, shapes inferred, in one walk."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..graph import Graph, Node, checked
from ..ops.base import Op, named
from .expression import ExpressionError
from .steps import BlockSteps, Fault, Step
from .validation import plain, shown, validate
from .values import evaluate, expression_fault
from .yaml_tree import Marks

MAX_LAYERS, MAX_STEPS, MAX_DEPTH = 20_000, 100_000, 100


class Scope:
    """A list of layers being expanded: its values and names, and the scopes around it."""

    __slots__ = ("context", "depth", "entry", "names", "parent", "prefix", "step", "values")

    def __init__(
        self,
        values: dict[str, Any],
        prefix: str,
        entry: int,
        parent: Scope | None = None,
        context: tuple[str, ...] = (),
        names: dict[str, tuple[int, int, int]] | None = None,
        depth: int = 0,
        step: Step | None = None,
    ):
        self.step = step  # the use of a block that this is the inside of
        self.values, self.prefix, self.parent, self.context, self.depth = (
            values,
            prefix,
            parent,
            context,
            depth,
        )
        self.entry = entry  # the node that came in
        self.names = {} if names is None else names  # name: first node, end, result

    @property
    def block(self) -> Scope | None:
        """The inside of the block that this stands in, or None at the top level. A block sees no parameters but its own and the network's."""
        scope: Scope | None = self
        while scope is not None and scope.step is None:
            scope = scope.parent
        return scope

    def find(self, name: str) -> tuple[int, int, int] | None:
        """A layer's name, from the innermost scope outward."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def visible(self) -> Iterator[str]:
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.parent


class Expander:
    """Expands one network. `expects` replaces `expect` by path; `check_expects` turns the checks on."""

    def __init__(
        self,
        file: str,
        blocks: dict[str, BlockSteps],
        params: dict[str, Any],
        expects: dict[str, Any],
        expect_marks: Marks,
        check_expects: bool,
    ):
        self.file, self.blocks, self.params, self.check_expects = (
            file,
            blocks,
            params,
            check_expects,
        )
        self.expects, self.expect_marks = dict(expects), expect_marks
        self.graph = Graph()
        self.steps_taken = 0

    def expand(
        self, inputs: dict[str, tuple], steps: list[Step], outputs: list[str], marks: Marks
    ) -> Graph:
        """The graph; where a layer is wrong, the nodes before it and the diagnostic."""
        graph = self.graph
        for name, shape in inputs.items():
            graph.nodes.append(Node(name, None, (), shape))
        first = next(iter(inputs.values()))
        scope = Scope(
            {**self.params, "c": first[0]},
            "",
            0,
            names={name: (n, n + 1, n) for n, name in enumerate(inputs)},
        )
        try:
            last = self.run(steps, scope, 0)
            wanted = self._outputs(outputs, scope, marks)
            graph.outputs = tuple(end for start, stop, end in wanted if stop > start) or (
                last,
            )  # a layer that `when` left out is no output
        except Mistake as mistake:
            graph.diagnostics.extend(mistake.diagnostics)
            if any(d.code == "CNN004" for d in mistake.diagnostics):
                graph.nodes.clear()  # too many to be of use to anyone
        else:
            for path in self.expects:
                graph.diagnostics.append(
                    misspelled(
                        Diagnostic(
                            "CNN105",
                            f"`expect` names `{path}`, and no layer is called so",
                            self.expect_marks.key(self.file, path),
                        ),
                        path,
                        scope.names,
                    )
                )
        return graph

    def _outputs(self, names: list[str], scope: Scope, marks: Marks) -> list[tuple[int, int, int]]:
        """The layers that are outputs; all the names that are none, as a Mistake."""
        found = [scope.find(name) or self.graph.groups.get(name) for name in names]
        faults = [
            misspelled(
                Diagnostic(
                    "CNN105",
                    f"`outputs` names `{name}`, and no layer is called so",
                    marks.find(n).position(self.file),
                ),
                name,
                scope.names,
            )
            for n, name in enumerate(names)
            if found[n] is None
        ]
        if faults:
            raise Mistake(*faults)
        return [one for one in found if one is not None]

    def run(self, steps: list[Step], scope: Scope, x: int) -> int:
        """Expands layers one after the other; x is the node that comes in, and the result the one that goes out."""
        if scope.depth > MAX_DEPTH:
            raise Mistake(Diagnostic("CNN004", f"blocks nested deeper than {MAX_DEPTH}"))
        for step in steps:
            x = self.step(step, scope, x)
        return x

    def step(self, step: Step, scope: Scope, x: int) -> int:
        """One layer as written: all its copies."""
        start = len(self.graph.nodes)
        try:
            if step.source is not None:
                x = self.resolve(step.source, scope, step.marks.find("from"))[2]
            if step.repeat is None and step.each is None:
                x = self.copy(step, scope, scope.prefix + step.name, x, {})
            else:
                for i, row in enumerate(self.rows(step, scope)):
                    inner = Scope(
                        {**scope.values, "i": i},
                        scope.prefix,
                        scope.entry,
                        scope.parent,
                        scope.context,
                        scope.names,
                        scope.depth,
                        scope.step,
                    )
                    x = self.copy(step, inner, f"{scope.prefix}{step.name}.{i}", x, row)
            scope.names[step.name] = self.graph.groups[scope.prefix + step.name] = (
                start,
                len(self.graph.nodes),
                x,
            )
            if step.share is not None and start < len(self.graph.nodes):
                self.share(step, scope, start)
            self.expect(step, scope, scope.prefix + step.name, x)
        except Mistake as mistake:
            raise Mistake(
                *(d.at(step.place, *scope.context) for d in mistake.diagnostics)
            ) from None
        return x

    def value(self, prepared: Any, values: dict[str, Any], marks: Marks) -> Any:
        """The value of something prepared, faults placed at its mark."""
        try:
            return evaluate(prepared, values)
        except ExpressionError as error:
            raise Mistake(expression_fault(error, marks.position(self.file), values)) from None

    def rows(self, step: Step, scope: Scope) -> Iterator[dict[str, Any]]:
        """Arguments of each copy."""
        if step.each is not None:
            marks = step.marks.find("each")
            for n, row in enumerate(step.each):
                yield {
                    key: self.value(value, scope.values, marks.find(n, key))
                    for key, value in row.items()
                }
            return
        count = self.value(step.repeat, scope.values, step.marks.find("repeat"))
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_LAYERS:
            wrong = (
                f"more than {MAX_LAYERS:,}" if type(count) is int and count > 0 else shown(count)
            )
            raise Mistake(
                Diagnostic(
                    "CNN103",
                    f"`repeat` takes a number of times, not {wrong}",
                    step.marks.find("repeat").position(self.file),
                )
            )
        for _ in range(count):
            yield {}

    def copy(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        """One copy of a layer at its path, unless `when` says it is not there."""
        self.steps_taken += 1
        if self.steps_taken > MAX_STEPS or len(self.graph.nodes) > MAX_LAYERS:
            raise Mistake(
                Diagnostic(
                    "CNN004",
                    f"the network has more than {MAX_LAYERS:,} layers",
                    help="check its repeats",
                )
            )
        if step.when is not None:
            values = {**scope.values, **row} if step.kind == "chain" else scope.values
            wanted = self.value(step.when, values, step.marks.find("when"))
            if not isinstance(wanted, bool):
                raise Mistake(
                    Diagnostic(
                        "CNN103",
                        f"`when` takes a condition, not {shown(wanted)}",
                        step.marks.find("when").position(self.file),
                        help="compare: `depth > 0`",
                    )
                )
            if not wanted:
                return x
        if step.kind == "op":
            return self.operator(step, scope, path, x, row)
        if step.kind == "fault":
            raise Mistake()  # reported when it was read; what comes after it is unknown
        if step.kind == "join":
            return self.join(step, scope, path, x)
        if step.kind == "chain":
            return self.run(step.layers or [], self.inside(scope, path, {**scope.values, **row}), x)
        return self.block(step, scope, path, x, row)

    def inside(self, scope: Scope, path: str, values: dict[str, Any]) -> Scope:
        return Scope(values, path + ".", scope.entry, scope, scope.context, depth=scope.depth + 1)

    def operator(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        op = step.ready or self.instance(step, scope, row)
        if not op.layers_named:
            return self.node(step, op, (x,), path, scope)
        named_layers = [
            (field, getattr(op, field))
            for field in op.layers_named
            if getattr(op, field) is not None
        ]
        return self.node(
            step,
            op,
            (
                x,
                *(
                    self.resolve(name, scope, step.body_marks.find(field))[2]
                    for field, name in named_layers
                ),
            ),
            path,
            scope,
        )

    def instance(self, step: Step, scope: Scope, row: dict[str, Any]) -> Op:
        """The operator with its parameters put in."""
        assert step.op is not None
        body = {
            key: self.value(prepared, scope.values, step.body_marks.find(key))
            for key, prepared in step.body.items()
        }
        return validate(step.op, {**body, **row}, step.body_marks, self.file, f"`{step.key}`")

    def node(self, step: Step, op: Op, inputs: tuple[int, ...], path: str, scope: Scope) -> int:
        nodes = self.graph.nodes
        try:
            shape = checked(op, [nodes[n].shape for n in inputs])
        except Mistake as mistake:
            self.graph.faults.append(
                Fault(mistake.diagnostics[0].at(step.place), step, scope, path, inputs, op)
            )
            raise
        nodes.append(Node(path, op, inputs, shape, step, scope))
        return len(nodes) - 1

    def join(self, step: Step, scope: Scope, path: str, x: int) -> int:
        assert step.op is not None
        if step.sources is not None:
            inputs = tuple(
                self.resolve(name, scope, step.body_marks.find(index))[2]
                for index, name in enumerate(step.sources)
            )
        else:
            inputs = tuple(
                self.run(layers, self.inside(scope, f"{path}.{name}", scope.values), x)
                for name, layers in (step.branches or {}).items()
            )
        return self.node(step, step.op(), inputs, path, scope)

    def block(self, step: Step, scope: Scope, path: str, x: int, row: dict[str, Any]) -> int:
        block = self.blocks[step.key]
        given = {
            key: self.value(prepared, scope.values, step.body_marks.find(key))
            for key, prepared in step.body.items()
        } | row
        values = {**self.params, "c": self.graph.nodes[x].shape[0]}
        for name, default in block.params.items():
            values[name] = (
                given[name]
                if name in given
                else self.value(default, values, block.marks.find("params", name))
            )
        context = (f"block `{step.key}`, used at line {step.place.line}", *scope.context)
        return self.run(
            block.layers,
            Scope(
                values,
                path + ".",
                x,
                scope,
                context,
                {"input": (x, x + 1, x)},
                scope.depth + 1,
                step,
            ),
            x,
        )

    def resolve(self, name: str, scope: Scope, marks: Marks) -> tuple[int, int, int]:
        """An earlier layer, by its name or by a parameter that carries its name."""
        carried = scope.values.get(name)
        found = scope.find(carried if isinstance(carried, str) else name)
        if found is None:
            wanted = carried if isinstance(carried, str) else name
            fault = Diagnostic(
                "CNN105", f"no earlier layer is called `{wanted}`", marks.position(self.file)
            )
            raise Mistake(
                misspelled(
                    fault,
                    wanted,
                    set(scope.visible()),
                    "names reach from the innermost block outward, and only backward",
                )
            )
        return found

    def share(self, step: Step, scope: Scope, start: int) -> None:
        """Makes the new nodes use the weights of the named layer's, one by one."""
        first, end, _ = self.resolve(step.share or "", scope, step.marks.find("share"))
        nodes = self.graph.nodes
        theirs, ours = range(first, min(end, start)), range(start, len(nodes))
        differs = len(theirs) != len(ours)
        for a, b in zip(theirs, ours):
            op_a, op_b = nodes[a].op, nodes[b].op
            differs = (
                differs
                or op_a is None
                or op_a != op_b
                or weights_of(self.graph, a) != weights_of(self.graph, b)
            )
            if op_b is not None and (
                weights_of(self.graph, b)
                or op_b.buffers(*(nodes[n].shape for n in nodes[b].inputs))
            ):
                nodes[b].shares = a if nodes[a].shares is None else nodes[a].shares
        if differs:
            raise Mistake(
                Diagnostic(
                    "CNN112",
                    f"`{step.name}` cannot use the weights of `{step.share}`: they are not the same layers with the same shapes",
                    step.marks.find("share").position(self.file),
                    help="weights can be shared between equal bodies on inputs with as many channels",
                )
            )

    def expect(self, step: Step, scope: Scope, path: str, x: int) -> None:
        """Compares a layer's shape with what the spec expects of it."""
        override = self.expects.pop(path, None)
        wanted = override if override is not None else step.expect
        if wanted is None or not self.check_expects and override is None:
            return
        marks = step.marks.find("expect") if override is None else self.expect_marks.find(path)
        wanted = tuple(
            item if item == "_" else self.value(item, scope.values, marks) for item in wanted
        )
        shape = self.graph.nodes[x].shape
        if len(wanted) != len(shape) or any(w != "_" and w != n for w, n in zip(wanted, shape)):
            fault = Diagnostic(
                "CNN301",
                f"`{path}` comes out as {named(shape)}, expected {'×'.join(map(plain, wanted))}",
                step.marks.key(self.file, "expect")
                if override is None
                else marks.position(self.file),
                context=scope.context,
                equation=self._arithmetic(x),
                help=f"if {named(shape)} is right, write `expect: [{', '.join(map(str, shape))}]`",
            )
            self.graph.diagnostics.append(fault)
            self.graph.faults.append(
                Fault(
                    fault,
                    step,
                    scope,
                    path,
                    (x,),
                    self.graph.nodes[x].op if step.kind == "op" else None,
                    wanted,
                )
            )

    def _arithmetic(self, n: int) -> str | None:
        """How the size of a node comes about."""
        node = self.graph.nodes[n]
        return (
            node.op.arithmetic(*(self.graph.nodes[m].shape for m in node.inputs))
            if node.op
            else None
        )


def weights_of(graph: Graph, n: int) -> dict[str, Any]:
    """Names and shapes of a node's parameters."""
    node = graph.nodes[n]
    return node.op.weights(*(graph.nodes[m].shape for m in node.inputs)) if node.op else {}
