"""Writes the calls of operators and of the functions of blocks."""

from __future__ import annotations

from collections.abc import Sequence

from ...language.steps import Step
from ..to_torch.flows import safe
from ..to_torch.uses import Use
from .functions import function_name
from .loops import Loops
from .names import Copies, Unwritable


class Layers(Loops):
    """Writes single layers."""

    def steps(
        self, steps: Sequence[Step], parents: Copies, flow: str, target: str, where: str
    ) -> str:
        """Write layers one after the other; return the variable of the result."""
        raise NotImplementedError

    def join(self, step: Step, copies: Copies, flow: str, target: str, path: str) -> str:
        """Write the branches of a join, and the join; return the variable of its result."""
        raise NotImplementedError

    def one(self, step: Step, copies: Copies, flow: str, target: str, path: str) -> str:
        """Write a layer that is there; return the variable of its result."""
        if step.kind == "chain":
            row, self.row = self.row, {}
            result = self.steps(step.layers or [], copies, flow, target, path)
            self.row = row
            return result
        if step.kind == "join":
            return self.join(step, copies, flow, target, path)
        if step.kind == "block":
            return self.block_call(step, copies, flow, target, path)
        assert step.op is not None
        function = function_name(step.op.key)
        self.called.add(function)
        arguments = [flow, *self.fields(step, copies), self.named(step, copies, path)]
        self.put(f"{target} = {function}({', '.join(arguments)})")
        return target

    def fields(self, step: Step, copies: Copies) -> list[str]:
        """Return the arguments of an operator."""
        assert step.op is not None
        known = step.op.fields()
        found = []
        for key in dict.fromkeys((*step.body, *self.row)):
            if key == "inplace" or self.row.get(key) == "":
                continue
            if key == "**":
                found.append(f"**{self.row[key]}")
                continue
            if key in self.row:
                text = self.row[key]
            elif key in step.op.layers_named:
                word = step.body[key]
                text = self.reference(getattr(word, "text", word), copies)
            else:
                text = self.expression(step.body[key], copies)
            is_first = not found and known[key].is_required()
            found.append(text if is_first else f"{key}={text}")
        return found

    def named(self, step: Step, copies: Copies, path: str) -> str:
        """Return the argument `name`: the path of the layer, or of that whose weights it uses."""
        texts = set()
        for copy in copies:
            use = copy.use
            prefix = f"{use.instance.path}." if use.instance.step is not None else ""
            if prefix + path.format(**copy.bound) != use.path:
                raise Unwritable(f"a path: {use.path}")
            texts.add(self.shared(use, prefix) if step.share is not None else path)
        if len(texts) != 1:
            raise Unwritable("weights of different layers")
        text = texts.pop().replace(".", self.apart)
        if self.block is not None:
            return f'name=f"{{name}}{self.apart}{text}"'
        return f'name=f"{text}"' if "{" in text else f'name="{text}"'

    def shared(self, use: Use, prefix: str) -> str:
        """Return the path, inside the block, of the layer or block whose weights a use has."""
        for n in use.numbers:
            node = self.graph.nodes[n]
            if node.shares is not None:
                rest = node.path.removeprefix(use.path)
                other = self.graph.nodes[node.shares].path
                if other.endswith(rest) and other.startswith(prefix):
                    return other.removesuffix(rest).removeprefix(prefix)
        raise Unwritable("weights of another layer")

    def block_call(self, step: Step, copies: Copies, flow: str, target: str, path: str) -> str:
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
                texts.add("None" if place is None else self.place(place, use))
            texts = texts - {"None"} or texts
            if len(texts) != 1:
                raise Unwritable("different layers")
            arguments.append(f"{safe(word)}={texts.pop()}")
        if "**" in self.row:
            arguments.append(f"**{self.row['**']}")
        for key in function.parameters:
            if self.row.get(key) == "":
                continue
            if key in self.row:
                text = self.row[key]
            elif key in step.body:
                text = self.expression(step.body[key], copies)
            else:
                continue
            is_first = len(arguments) == 1 and key == function.parameters[0] and not self.row
            arguments.append(text if is_first else f"{safe(key)}={text}")
        arguments.append(self.named(step, copies, path))
        self.put(f"{target} = {function.name}({', '.join(arguments)})")
        return target
