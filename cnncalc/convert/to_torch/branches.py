"""Writes the branches of joins: those that are there once, under a condition, or repeated."""

from __future__ import annotations

import ast

from ...language.steps import Step
from .containers import by_step
from .flows import Flow, Inexpressible, Layer, attribute, safe
from .loops import Copies, Loops, with_used
from .statements import Append, Call, If, Loop, Set, Statement, is_sequence
from .uses import Use


class Branches(Loops):
    """Writes branches. A result that is a list of values has a star before its name."""

    def branches(self, layer: Layer, where: str) -> list[Flow]:
        children = by_step(layer.present)
        flows: list[Flow] = []
        for branch in layer.step.branches:
            uses = children.get(id(branch), [])
            if uses and branch.is_many:
                flows.append(self.every_result(branch, uses[0]))
            elif uses:
                flows += self.branch(self.begun(layer, branch, uses, where))
        return flows

    def begun(self, layer: Layer, branch: Step, uses: list[Use], where: str) -> Layer:
        """Return a branch as a layer to write, which reads what the branch begins with."""
        flow, name = layer.flow, branch.name
        if branch.source is not None:
            source = self.source_of(branch, uses)
            flow, name = self.flow_of(source, uses[0]), name or source
        present = [use for use in uses if use.present]
        inside = attribute(where, name)
        return Layer(branch, uses, present, inside, flow, layer.names, name, layer.out)

    def every_result(self, branch: Step, use: Use) -> Flow:
        """Return the list of the results of all copies of a layer."""
        place = use.named.get(str(branch.source))
        known = self.lists.get(id(place.step)) if place else None
        if known is None or not branch.is_single:
            raise Inexpressible(use, "how many layers it joins is known to each use alone")
        return known

    def branch(self, layer: Layer) -> list[Flow]:
        """Write a branch, and return its results."""
        if not layer.present:
            return []
        if layer.step.is_repeated:
            return [self.repeated(layer)]
        test = self.condition(layer)
        is_always = len(layer.present) == len(layer.uses)
        if test is None or is_always and isinstance(test, ast.Constant):
            return [self.inside(layer)]
        return [self.optional(layer, test)]

    def inside(self, layer: Layer) -> Flow:
        """Write the layers of a branch that is there, and return its result."""
        if not layer.step.layers:
            return layer.flow
        var = self.new_var(layer.target)
        place = self.opened(layer.where)
        inner: list[Statement] = []
        result = self.steps(
            layer.step.layers, layer.present, layer.where, layer.flow, layer.names, var, inner
        )
        self.closed(place, layer.where, layer.flow, inner, layer.out)
        return result

    def optional(self, layer: Layer, test: ast.expr) -> Flow:
        """Write a branch that is only there under a condition: a list of one value or none."""
        var = self.new_var(layer.target)
        above = layer.where.rpartition(".")[0]
        flag = f"{above}.has_{safe(layer.target)}"
        self.line(f"{flag} = {self.py(test)}")
        body: list[Statement] = []
        with self.indented(f"if {flag}:"):
            result = self.inside(layer._replace(out=body))
        if not body:
            layer.out.append(Set(var, f"[{result.name}] if {flag} else []"))
        elif len(body) == 1 and isinstance(body[0], Call):
            call = f"{body[0].module}({', '.join(body[0].inputs)})"
            layer.out.append(Set(var, f"[{call}] if {flag} else []"))
        else:
            layer.out += [Set(var, "[]"), If(flag, [*body, Append(var, result.name)])]
        channels = result.channels
        if channels is not None:
            channels = ast.IfExp(test, channels, ast.Constant(0))
        return Flow(f"*{var}", channels)

    def repeated(self, layer: Layer) -> Flow:
        """Write copies of a branch that all read the same: a list of values."""
        if len(layer.present) < len(layer.uses):
            raise Inexpressible(layer.uses[0], "some of its copies are left out")
        before = self.open_locals
        copies: Copies = {}
        for use in layer.uses:
            copies.setdefault(id(use.parent), []).append(use)
        header, names = self.counted(layer, copies)
        results, value = self.new_var(layer.target), self.new_var("y")
        place = self.opened(layer.where)
        inner: list[Statement] = []
        self.depth += 1
        outside, self.init = self.init, []
        self.line("layer = nn.Sequential()")
        result = self.steps(
            layer.step.layers or [], layer.present, "layer", layer.flow, names, value, inner
        )
        is_plain = is_sequence(inner, "layer", layer.flow.name, self.kept_names())
        if not is_plain:
            self.becomes(0, "nn.Module")
        self.line(f"{layer.where}.append(layer)")
        body, self.init = self.init, outside
        self.depth -= 1
        self.open_locals = before
        self.line(with_used(header, body))
        self.init += body
        self.becomes(place, "nn.ModuleList")
        if is_plain:
            text = f"[layer({layer.flow.name}) for layer in {layer.where}]"
            layer.out.append(Set(results, text))
        else:
            layer.out.append(Set(results, "[]"))
            layer.out.append(Loop("layer", layer.where, [*inner, Append(results, result.name)]))
        return Flow(f"*{results}", self.channels_of_copies(layer, result))
