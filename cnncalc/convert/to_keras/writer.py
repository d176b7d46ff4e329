"""Writes the function of a block, or of the network: its layers in the order of the spec."""

from __future__ import annotations

from collections.abc import Sequence

from ...language.steps import REQUIRED, Step
from ..to_torch.expressions import (
    MISSING,
    evaluated,
    names_in,
    translated,
)
from ..to_torch.flows import safe
from ..to_torch.layout import INDENT, wrapped
from ..to_torch.uses import INPUT
from .joins import Joins
from .names import SIZES, Copies, Copy, Unwritable, WrittenFunction


class FunctionWriter(Joins):
    """Writes one function for all uses of a block."""

    def written(self, title: str) -> WrittenFunction:
        """Return the function of the block."""
        assert self.block is not None
        if INPUT in self.kept:
            self.put("block_input = x")
        flow = self.steps(self.block.layers, [Copy(use, {}) for use in self.uses], "x", "x", "")
        body, self.lines = self.lines, []
        required, optional = [], []
        for key, text in self.params.items():
            default = self.block.params[key]
            if default is REQUIRED:
                required.append(text)
                continue
            written = translated(default, self.names)
            if not names_in(written) and evaluated(written, {}) is not MISSING:
                optional.append(f"{text}={self.plain(written)}")
                continue
            optional.append(f"{text}=None")
            self.put(f"if {text} is None:")
            self.depth += 1
            self.put(f"{text} = {self.expression(default, self.defaulted(key))}")
            self.depth -= 1
        head = [*map(safe, self.further), *required, *optional, "name=None"]
        lines = wrapped(f"def {title}({', '.join(['x', *head])}):", 0)
        lines.append(f'{INDENT}"""Add a `{self.block.name}` to a network."""')
        sizes = [key for key in SIZES if key in self.used and key not in self.params]
        lines += [f"{INDENT}{key} = {SIZES[key]}" for key in sizes]
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
        flow = self.steps(steps, [Copy(root, {})], inputs[0], "x", "")
        return self.lines, [self.variable(key) for key in outputs] or [flow]

    def defaulted(self, key: str) -> list[Copy]:
        """Return the uses of the block in which a parameter has its default."""
        found = []
        for use in self.uses:
            assert use.step is not None
            if key not in use.step.body and key not in use.row:
                inner = use.children[0] if use.children else None
                if inner is None or inner.scope is None:
                    raise Unwritable("a block without layers")
                found.append(Copy(inner, {}))
        return found

    def steps(
        self, steps: Sequence[Step], parents: Copies, flow: str, target: str, where: str
    ) -> str:
        """Write layers one after the other; return the variable of the result."""
        for step in steps:
            flow = self.step(step, parents, flow, target, where)
        return flow

    def step(self, step: Step, parents: Copies, flow: str, target: str, where: str) -> str:
        """Write a layer with its `from`, `when`, `repeat` and `each`."""
        by_parent = [
            [Copy(use, bound) for use in parent.children if use.step is step]
            for parent, bound in parents
        ]
        copies = [copy for some in by_parent for copy in some]
        keep = self.free(step.name) if step.name in self.kept else None
        if not copies:
            if keep:
                self.move(keep, flow)
            return flow
        if step.is_repeated:
            return self.loop(step, parents, by_parent, flow, target, where, keep)
        if step.source is not None:
            flow = self.reference(step.source, copies)
        path = f"{where}.{step.name}" if where else step.name
        result = self.maybe(step, copies, flow, target, path, keep)
        if keep:
            self.move(keep, result)
            return keep
        return result
