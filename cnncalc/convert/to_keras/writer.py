"""Writes the function of a block, or of the network: its layers in the order of the spec."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ...graph import Graph
from ...language.steps import EVERY_COPY, REQUIRED, BlockSteps, Chosen, LayerName, Numbered, Step
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
from ..to_torch.flows import fresh, safe
from ..to_torch.layout import INDENT, wrapped
from ..to_torch.uses import INPUT, Place, Use
from .functions import FUNCTIONS, function_name, separator

_SIZES = {"c": "x.shape[-1]", "h": "x.shape[1]", "w": "x.shape[2]", "d": "x.shape[1]"}
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


class _Copy(NamedTuple):
    """A use of a step, and the values of loops around it by their variables."""

    use: Use
    bound: Mapping[str, Any]


_Copies = Sequence[_Copy]


class FunctionWriter:
    """Writes one function for all uses of a block."""

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
        self.kept = self._kept()
        self.lists = self._lists()
        own = block.params if block is not None else {}
        self.params = {key: safe(key) for key in own if key not in self.further}
        self.names: dict[str, ast.expr] = {
            **{key: name(key) for key in _SIZES},
        }
        if block is None:
            shape = graph.inputs[0].shape
            self.names |= {key: constant(n) for key, n in zip(_axes(len(shape)), shape)}
        self.names |= {key: constant(value) for key, value in values.items()}
        self.names |= {key: name(text) for key, text in self.params.items()}
        self.taken = {*_TAKEN, *self.params.values(), *map(safe, self.further), *_SIZES}
        self.taken |= {*FUNCTIONS, *(function.name for function in functions.values())}
        self.live: list[str] = []

    def _kept(self) -> set[str]:
        """Return the names of layers whose results are read by name."""
        found: set[str] = set()
        for use in self.uses:
            for inner in use.inside():
                places = dict(inner.named)
                if inner.is_block:
                    places |= inner.external()
                found |= {place.name for place in places.values() if place.instance is use}
        return found

    def _lists(self) -> set[str]:
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

    # The whole function

    def written(self, title: str) -> WrittenFunction:
        """Return the function of the block."""
        assert self.block is not None
        if INPUT in self.kept:
            self._put("block_input = x")
        flow = self._steps(self.block.layers, [_Copy(use, {}) for use in self.uses], "x", "x", "")
        body, self.lines = self.lines, []
        required, optional = [], []
        for key, text in self.params.items():
            default = self.block.params[key]
            if default is REQUIRED:
                required.append(text)
                continue
            written = translated(default, self.names)
            if not names_in(written) and evaluated(written, {}) is not MISSING:
                optional.append(f"{text}={self._plain(written)}")
                continue
            optional.append(f"{text}=None")
            self._put(f"if {text} is None:")
            self.depth += 1
            self._put(f"{text} = {self._expression(default, self._defaulted(key))}")
            self.depth -= 1
        head = [*map(safe, self.further), *required, *optional, "name=None"]
        lines = wrapped(f"def {title}({', '.join(['x', *head])}):", 0)
        lines.append(f'{INDENT}"""Add a `{self.block.name}` to a network."""')
        sizes = [key for key in _SIZES if key in self.used and key not in self.params]
        lines += [f"{INDENT}{key} = {_SIZES[key]}" for key in sizes]
        lines += [*self.lines, *body, f"{INDENT}return {flow}"]
        return WrittenFunction(
            title, lines, self.further, tuple(self.params), self.called, self.numbers
        )

    def network(self, inputs: Sequence[str], outputs: Sequence[str]) -> tuple[list[str], list[str]]:
        """Return the lines of the network between its inputs and its outputs, and those."""
        (root,) = self.uses
        self.taken |= set(inputs)
        self.inputs = dict(zip((node.path for node in self.graph.inputs), inputs))
        tops = {use.step.name for use in root.children if use.step}
        if not set(outputs) <= tops:
            raise Unwritable("an output is inside a block")
        self.kept |= set(outputs)
        steps = list(dict.fromkeys(use.step for use in root.children if use.step))
        flow = self._steps(steps, [_Copy(root, {})], inputs[0], "x", "")
        return self.lines, [self._variable(key) for key in outputs] or [flow]

    def _defaulted(self, key: str) -> list[_Copy]:
        """Return the uses of the block in which a parameter has its default."""
        found = []
        for use in self.uses:
            assert use.step is not None
            if key not in use.step.body and key not in use.row:
                inner = use.children[0] if use.children else None
                if inner is None or inner.scope is None:
                    raise Unwritable("a block without layers")
                found.append(_Copy(inner, {}))
        return found

    # Names

    def _variable(self, key: str) -> str:
        """Return the variable of a layer of this block."""
        if key in self.lists:
            return f"{self._free(key)}[-1]"
        if key == INPUT and self.block is not None:
            return "block_input"
        if self.block is None and key in self.inputs and key not in self.kept_steps:
            return self.inputs[key]
        return self._free(key)

    @property
    def kept_steps(self) -> set[str]:
        """The names of all layers of the network."""
        return {use.step.name for root in self.uses for use in root.children if use.step}

    def _free(self, key: str) -> str:
        text = safe(key)
        return f"{text}_" if text in self.taken or text in self.names else text

    def _place(self, place: Place, use: Use) -> str:
        """Return the variable of what a word means at a use."""
        if place.instance is use.instance:
            if place.step is None and place.name != INPUT and self.block is not None:
                raise Unwritable("an input of the network")
            return self._variable(place.name)
        for word, other in use.instance.external().items():
            if other == place and word in self.further:
                return safe(word)
        raise Unwritable("a layer elsewhere")

    def _reference(self, word: LayerName, copies: _Copies) -> str:
        """Return the expression of the layer that a word names."""
        if isinstance(word, Chosen):
            left, right = (self._chosen(side, copies) for side in (word.left, word.right))
            if left == right:
                return left
            return f"{left} if {self._expression(word.condition, copies)} else {right}"
        if isinstance(word, Numbered):
            if len(word.copies) > 1 or word.rest:
                raise Unwritable("a layer inside a copy")
            key, number = word.copies[0]
            return f"{self._free(key)}[{self._expression(number, copies)}]"
        if word.endswith(EVERY_COPY):
            return f"*{self._free(word.removesuffix(EVERY_COPY))}"
        texts = set()
        for use, _ in copies:
            place = use.named.get(word)
            if place is None:
                raise Unwritable(f"a layer inside another: {word}")
            texts.add(self._place(place, use))
        if len(texts) != 1:
            raise Unwritable("different layers")
        return texts.pop()

    def _chosen(self, side: LayerName, copies: _Copies) -> str:
        """Return the variable of one of two names."""
        if not isinstance(side, str) or "." in side:
            raise Unwritable("a choice of layers inside layers")
        some = [copy for copy in copies if side in copy.use.named]
        return self._reference(side, some) if some else "None"

    # Expressions

    def _scope(self, copy: _Copy, inside: bool = False) -> dict[str, Any]:
        """Return the values of the names of the function at a use, or inside that of a block."""
        use, found = copy.use, dict(copy.bound)
        within = use.step is None or inside and use.step.kind == "block"
        values = use.values if within or use.scope is None else use.scope.values
        for key, value in values.items():
            replaced = self.names.get(key)
            if isinstance(replaced, ast.Name):
                found.setdefault(replaced.id, value)
        return found

    def _expression(self, prepared: Any, copies: _Copies) -> str:
        """Return prepared data of the spec as Python that has the same values in all uses."""
        if not copies:
            raise Unwritable("an expression without a use")
        body = translated(prepared, self.names)
        scopes = [self._scope(copy) for copy in copies]
        wanted = [evaluated(body, scope) for scope in scopes]
        if MISSING in wanted:
            raise Unwritable(f"an expression: {python(body)}")
        for candidate in (body, whole(body), constant(wanted[0])):
            if holds(candidate, wanted, scopes):
                return self._plain(candidate)
        if any(isinstance(value, Fraction) for value in wanted):  # then it may be a float
            found = [as_in_python(body, scope) for scope in scopes]
            if all(float(a) == float(b) for a, b in zip(found, wanted)):
                return self._plain(body)
        raise Unwritable(f"an expression: {python(body)}")

    def _plain(self, body: ast.expr) -> str:
        self.used |= names_in(body)
        self.numbers |= functions_in(body)
        return python(body)

    # Layers

    def _put(self, line: str) -> None:
        self.lines += wrapped(line, self.depth)

    def _move(self, target: str, value: str) -> None:
        if target != value:
            self._put(f"{target} = {value}")

    def _steps(
        self, steps: Sequence[Step], parents: _Copies, flow: str, target: str, where: str
    ) -> str:
        """Write layers one after the other; return the variable of the result."""
        for step in steps:
            flow = self._step(step, parents, flow, target, where)
        return flow

    def _step(self, step: Step, parents: _Copies, flow: str, target: str, where: str) -> str:
        """Write a layer with its `from`, `when`, `repeat` and `each`."""
        by_parent = [
            [_Copy(use, bound) for use in parent.children if use.step is step]
            for parent, bound in parents
        ]
        copies = [copy for some in by_parent for copy in some]
        keep = self._free(step.name) if step.name in self.kept else None
        if not copies:
            if keep:
                self._move(keep, flow)
            return flow
        if step.is_repeated:
            return self._loop(step, parents, by_parent, flow, target, where, keep)
        if step.source is not None:
            flow = self._reference(step.source, copies)
        path = f"{where}.{step.name}" if where else step.name
        result = self._maybe(step, copies, flow, target, path, keep)
        if keep:
            self._move(keep, result)
            return keep
        return result

    def _maybe(
        self, step: Step, copies: _Copies, flow: str, target: str, path: str, keep: str | None
    ) -> str:
        """Write one copy of a layer, under its condition."""
        present = [copy for copy in copies if copy.use.present]
        if not present:
            return flow
        if len(present) == len(copies):
            return self._one(step, copies, flow, keep or target, path)
        if step.when is None:
            raise Unwritable("a layer that is not there in some uses")
        self._move(target, flow)
        self._put(f"if {self._expression(step.when, copies)}:")
        self.depth += 1
        result = self._one(step, present, target, target, path)
        self._move(target, result)
        self.depth -= 1
        return target

    def _loop(
        self,
        step: Step,
        parents: _Copies,
        by_parent: Sequence[_Copies],
        flow: str,
        target: str,
        where: str,
        keep: str | None,
    ) -> str:
        """Write the loop of a repeated layer."""
        if step.source is not None:
            raise Unwritable("a repeated layer with `from`")
        listed = step.name in self.lists
        every = [copy.use.present for some in by_parent for copy in some]
        if not any(every) and not listed:
            if keep:
                self._move(keep, flow)
            return keep or flow
        if listed and not all(every):
            raise Unwritable("a copy that is not there")
        if listed:
            self._put(f"{self._free(step.name)} = []")
        self._move(target, flow)
        counter, outer = self._counter(step, parents)
        copies = [
            _Copy(use, {**bound, counter: n})
            for some in by_parent
            for n, (use, bound) in enumerate(some)
        ]
        if step.each is None:
            count = self._counted(step, parents, by_parent, outer)
            self._put(f"for {counter} in range({count}):")
            row: dict[str, str] = {}
        else:
            row = self._table(step, counter, copies)
        path = f"{where}.{step.name}" if where else step.name
        self.depth += 1
        self._row = row
        result = self._maybe(step, copies, target, target, f"{path}.{{{counter}}}", None)
        self._row = {}
        self._move(target, result)
        if listed:
            self._put(f"{self._free(step.name)}.append({target})")
        self.depth -= 1
        self.live.pop()
        self._end_counter(step, outer)
        if keep and not listed:
            self._move(keep, target)
            return keep
        return target

    _row: dict[str, str] = {}

    def _counted(
        self,
        step: Step,
        parents: _Copies,
        by_parent: Sequence[_Copies],
        outer: ast.expr | None,
    ) -> str:
        """Return the number of copies of a repeated layer."""
        counter = self.names.pop(step.counter)
        if outer is not None:
            self.names[step.counter] = outer
        counts = [len(some) for some in by_parent]
        body = translated(step.repeat, self.names)
        scopes = [self._scope(parent, inside=True) for parent in parents]
        for candidate in (body, whole(body), constant(counts[0])):
            if holds(candidate, counts, scopes):
                self.names[step.counter] = counter
                return self._plain(candidate)
        raise Unwritable("a number of copies")

    def _table(self, step: Step, counter: str, copies: _Copies) -> dict[str, str]:
        """Begin the loop over the rows of a table; return the variables of its columns."""
        assert step.each is not None
        rows = step.each
        keys = list(dict.fromkeys(key for row in rows for key in row))
        if any(set(row) != set(keys) for row in rows):
            texts = []
            for n, row in enumerate(rows):
                some = [copy for copy in copies if copy.bound[counter] == n]
                entries = [f'"{key}": {self._expression(row[key], some)}' for key in row]
                texts.append(f"{{{', '.join(entries)}}}")
            variable = fresh("row", {*self.taken, *self.live})
            self._put(f"rows = ({', '.join(texts)}{',' * (len(texts) == 1)})")
            self._put(f"for {counter}, {variable} in enumerate(rows):")
            return {**dict.fromkeys(keys, ""), "**": variable}
        variables = {key: fresh(safe(key), {*self.taken, *self.live}) for key in keys}
        texts = []
        for n, row in enumerate(rows):
            some = [copy for copy in copies if copy.bound[counter] == n]
            cells = [self._expression(row[key], some) for key in keys]
            texts.append(f"({', '.join(cells)})" if len(keys) > 1 else cells[0])
        self._put(f"rows = ({', '.join(texts)}{',' * (len(texts) == 1)})")
        columns = ", ".join(variables[key] for key in keys)
        target = f"({columns})" if len(keys) > 1 else columns
        self._put(f"for {counter}, {target} in enumerate(rows):")
        return variables

    def _one(self, step: Step, copies: _Copies, flow: str, target: str, path: str) -> str:
        """Write a layer that is there; return the variable of its result."""
        if step.kind == "chain":
            row, self._row = self._row, {}
            result = self._steps(step.layers or [], copies, flow, target, path)
            self._row = row
            return result
        if step.kind == "join":
            return self._join(step, copies, flow, target, path)
        if step.kind == "block":
            return self._block(step, copies, flow, target, path)
        assert step.op is not None
        function = function_name(step.op.key)
        self.called.add(function)
        arguments = [flow, *self._fields(step, copies), self._named(step, copies, path)]
        self._put(f"{target} = {function}({', '.join(arguments)})")
        return target

    def _fields(self, step: Step, copies: _Copies) -> list[str]:
        """Return the arguments of an operator."""
        assert step.op is not None
        known = step.op.fields()
        found = []
        for key in dict.fromkeys((*step.body, *self._row)):
            if key == "inplace" or self._row.get(key) == "":
                continue
            if key == "**":
                found.append(f"**{self._row[key]}")
                continue
            if key in self._row:
                text = self._row[key]
            elif key in step.op.layers_named:
                word = step.body[key]
                text = self._reference(getattr(word, "text", word), copies)
            else:
                text = self._expression(step.body[key], copies)
            is_first = not found and known[key].is_required()
            found.append(text if is_first else f"{key}={text}")
        return found

    def _named(self, step: Step, copies: _Copies, path: str) -> str:
        """Return the argument `name`: the path of the layer, or of that whose weights it uses."""
        texts = set()
        for copy in copies:
            use = copy.use
            prefix = f"{use.instance.path}." if use.instance.step is not None else ""
            if prefix + path.format(**copy.bound) != use.path:
                raise Unwritable(f"a path: {use.path}")
            texts.add(self._shared(use, prefix) if step.share is not None else path)
        if len(texts) != 1:
            raise Unwritable("weights of different layers")
        text = texts.pop().replace(".", self.apart)
        if self.block is not None:
            return f'name=f"{{name}}{self.apart}{text}"'
        return f'name=f"{text}"' if "{" in text else f'name="{text}"'

    def _shared(self, use: Use, prefix: str) -> str:
        """Return the path, inside the block, of the layer or block whose weights a use has."""
        for n in use.numbers:
            node = self.graph.nodes[n]
            if node.shares is not None:
                rest = node.path.removeprefix(use.path)
                other = self.graph.nodes[node.shares].path
                if other.endswith(rest) and other.startswith(prefix):
                    return other.removesuffix(rest).removeprefix(prefix)
        raise Unwritable("weights of another layer")

    def _block(self, step: Step, copies: _Copies, flow: str, target: str, path: str) -> str:
        """Write the call of a block's function."""
        found = {self.functions[id(copy.use)].name for copy in copies}
        if len(found) != 1:
            raise Unwritable("several functions")
        function = self.functions[id(copies[0].use)]
        arguments = [flow]
        for word in function.further:
            texts = set()
            for use, _ in copies:
                place = use.external().get(word)
                texts.add("None" if place is None else self._place(place, use))
            texts = texts - {"None"} or texts
            if len(texts) != 1:
                raise Unwritable("different layers")
            arguments.append(f"{safe(word)}={texts.pop()}")
        if "**" in self._row:
            arguments.append(f"**{self._row['**']}")
        for key in function.parameters:
            if self._row.get(key) == "":
                continue
            if key in self._row:
                text = self._row[key]
            elif key in step.body:
                text = self._expression(step.body[key], copies)
            else:
                continue
            is_first = len(arguments) == 1 and key == function.parameters[0] and not self._row
            arguments.append(text if is_first else f"{safe(key)}={text}")
        arguments.append(self._named(step, copies, path))
        self._put(f"{target} = {function.name}({', '.join(arguments)})")
        return target

    def _join(self, step: Step, copies: _Copies, flow: str, target: str, path: str) -> str:
        """Write the branches of a join, and the join."""
        row, self._row = self._row, {}
        assert step.op is not None
        parts: list[str] = []
        begun = len(self.live)
        self.live.append(flow)
        listed = None
        if not all(branch.is_single for branch in step.branches):
            listed = fresh("parts", {*self.taken, *self.live})
            self.live.append(listed)
            self._put(f"{listed} = []")
        for branch in step.branches:
            inner = [
                _Copy(use, bound)
                for parent, bound in copies
                for use in parent.children
                if use.step is branch
            ]
            if listed is None:
                parts.append(self._branch(branch, inner, flow, path))
                continue
            self._collect(branch, inner, copies, flow, path, listed)
        del self.live[begun:]
        self._row = row
        function = function_name(step.op.key)
        self.called.add(function)
        arguments = [listed or f"[{', '.join(parts)}]", *self._fields(step, copies)]
        arguments.append(self._named(step, copies, path))
        self._put(f"{target} = {function}({', '.join(arguments)})")
        return target

    def _collect(
        self,
        branch: Step,
        copies: _Copies,
        parents: _Copies,
        flow: str,
        path: str,
        listed: str,
    ) -> None:
        """Write a branch that may not be there, and add its result to a list."""
        if branch.is_repeated:
            self._collect_copies(branch, copies, parents, flow, path, listed)
            return
        present = [copy for copy in copies if copy.use.present]
        if not present:
            return
        is_choice = len(present) < len(copies)
        if is_choice:
            if branch.when is None:
                raise Unwritable("a branch that is not there in some uses")
            self._put(f"if {self._expression(branch.when, copies)}:")
            self.depth += 1
        self._put(f"{listed}.append({self._branch(branch, present, flow, path)})")
        self.depth -= is_choice

    def _collect_copies(
        self,
        branch: Step,
        copies: _Copies,
        parents: _Copies,
        flow: str,
        path: str,
        listed: str,
    ) -> None:
        """Write a loop over the copies of a branch, and add their results to a list."""
        if branch.each is not None or not all(copy.use.present for copy in copies):
            raise Unwritable("a branch that is not there in some copies")
        by_parent = [
            [_Copy(use, bound) for use in parent.children if use.step is branch]
            for parent, bound in parents
        ]
        counter, outer = self._counter(branch, parents)
        counted = [
            _Copy(use, {**bound, counter: n})
            for some in by_parent
            for n, (use, bound) in enumerate(some)
        ]
        count = self._counted(branch, parents, by_parent, outer)
        self._put(f"for {counter} in range({count}):")
        self.depth += 1
        result = self._branch(branch, counted, flow, path, f".{{{counter}}}")
        self._put(f"{listed}.append({result})")
        self.depth -= 1
        self._end_counter(branch, outer)

    def _counter(self, step: Step, parents: _Copies) -> tuple[str, ast.expr | None]:
        """Begin a loop: return its variable, and what the name of the counter meant before."""
        taken = {*self.taken, *self.live, *(key for _, b in parents for key in b)}
        counter = fresh(safe(step.counter), taken)
        outer = self.names.get(step.counter)
        self.names[step.counter] = name(counter)
        self.live.append(counter)
        return counter, outer

    def _end_counter(self, step: Step, outer: ast.expr | None) -> None:
        if outer is None:
            del self.names[step.counter]
        else:
            self.names[step.counter] = outer

    def _branch(self, branch: Step, copies: _Copies, flow: str, path: str, number: str = "") -> str:
        """Write a branch; return the variable of its result."""
        if branch.source is not None:
            text = self._reference(branch.source, copies)
            flow = f"({text})" if " if " in text else text
        if not branch.layers:
            return flow
        variable = fresh(self._free(branch.name), {*self.taken, *self.live, *map(safe, self.kept)})
        self.live.append(variable)
        return self._steps(branch.layers, copies, flow, variable, f"{path}.{branch.name}{number}")


def _axes(axes: int) -> Iterable[str]:
    """Return the names of the axes of a map, the channels first."""
    return {2: ("c", "w"), 3: ("c", "h", "w"), 4: ("c", "d", "h", "w")}.get(axes, ("c",))
