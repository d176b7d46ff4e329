"""Writes lists of layers: those of a block, a chain or a branch, and joins of branches."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from ...language.steps import Step
from . import modules
from .expressions import name, python, translated
from .flows import Flow, Inexpressible, Layer, attribute, total
from .layers import Layers
from .statements import Call, If, Set, Statement, is_sequence
from .uses import Use

_LONG = 34  # columns of an expression that is not repeated


class Containers(Layers):
    """Writes layers in containers."""

    def steps(
        self,
        steps: Sequence[Step],
        parents: Sequence[Use],
        container: str,
        flow: Flow,
        names: Mapping[str, ast.expr],
        var: str,
        out: list[Statement],
    ) -> Flow:
        """Write steps in a container, and return their result. `var` names what others read not."""
        children = by_step(parents)
        for step in steps:
            uses = children.get(id(step), [])
            if step.source is not None and uses:
                flow = self.flow_of(self.source_of(step, uses), uses[0])
            present = [use for use in uses if use.present]
            if present:
                target = self.new_var(step.name) if id(step) in self.kept else var
                where = attribute(container, step.name)
                self.modules[id(step)] = where
                flow = self.step(Layer(step, uses, present, where, flow, names, target, out))
                flow = self.shortened(flow, uses) if container == "self" else flow
            self.flows[id(step)] = flow
        return flow

    def shortened(self, flow: Flow, uses: Sequence[Use]) -> Flow:
        """Give channels that would be written at length a name, in the class of the network."""
        if self.block is not None or flow.channels is None:
            return flow
        if len(python(flow.channels)) <= _LONG:
            return flow
        self.line(f"channels = {self.py(flow.channels)}")
        self.locals.add("channels")
        (value,) = self.channels_at([uses[-1].result])
        self.bound.setdefault(id(uses[-1].instance), {})["channels"] = value
        return flow._replace(channels=name("channels"))

    def step(self, layer: Layer) -> Flow:
        """Write one step, with all its copies."""
        if layer.step.repeat is not None or layer.step.each is not None:
            return self.loop(layer)
        test = self.condition(layer)
        if layer.step.kind == "chain":
            return self.chain(layer, test)
        if layer.step.kind == "join":
            return self.join(layer, test)
        return self.single(layer, test)

    def loop(self, layer: Layer) -> Flow:
        """Write a step that is repeated."""
        raise NotImplementedError

    def condition(self, layer: Layer) -> ast.expr | None:
        """Return the condition of `when`; None if the layer is always there."""
        if layer.step.when is None:
            return None
        test = translated(layer.step.when, layer.names)
        if isinstance(test, ast.Constant) and test.value is True:
            return None
        if self.choose([use.present for use in layer.uses], layer.uses, [test]) is None:
            raise Inexpressible(layer.uses[0], "its condition cannot be written")
        return test

    def single(self, layer: Layer, test: ast.expr | None) -> Flow:
        """Write a layer that is one module."""
        if test is None and any(self.hooks(layer)):
            self.with_hooks(layer)
            return self.after(layer)
        inputs = (layer.flow.name, *self.further_inputs(layer))
        if test is not None and (len(inputs) > 1 or any(self.hooks(layer)) or layer.step.share):
            with self.conditional(layer, test) as body:
                self.single(layer._replace(out=body), None)
            return self.after(layer)
        module = layer.where
        if layer.step.share is not None:
            module = self.lent(layer)
        else:
            self.assign(module, self.chosen(layer, test))
        self.freeze(layer.step, module, layer.names)
        layer.out.append(Call(layer.target, module, inputs))
        self.note_places(layer, layer.out)
        return self.after(layer)

    def chosen(self, layer: Layer, test: ast.expr | None) -> str:
        """Return the source of a module, or of the identity if a condition does not hold."""
        source = self.module(layer)
        return source if test is None else f"{source} if {self.py(test)} else nn.Identity()"

    def chain(self, layer: Layer, test: ast.expr | None) -> Flow:
        """Write a chain in a container of its own."""
        step, where, flow = layer.step, layer.where, layer.flow
        place = self.opened(where)
        inner: list[Statement] = []
        parts = (step.layers or [], layer.present, where, flow, layer.names, layer.target, inner)
        if test is None:
            result = self.steps(*parts)
            self.closed(place, where, flow, inner, layer.out)
        else:
            with self.indented(f"if {self.py(test)}:"):
                result = self.steps(*parts)
            if is_sequence(inner, where, flow.name, self.kept_names()):
                self.closed(place, where, flow, inner, layer.out)  # an empty one is the identity
            else:
                self.becomes(place, "nn.Module")
                flag = f"{where}.is_there"
                self.init.insert(place + 1, "")
                keep, self.init = self.init, []
                self.line(f"{flag} = {self.py(test)}")
                keep[place + 1] = self.init[0]
                self.init = keep
                if flow.name != layer.target:
                    layer.out.append(Set(layer.target, flow.name))
                _name(inner, result, layer.target)
                layer.out.append(If(flag, inner))
                result = result._replace(name=layer.target)
        self.freeze(step, where, layer.names)
        _name(layer.out, result, layer.target)
        return self.after(layer, [result])

    def join(self, layer: Layer, test: ast.expr | None) -> Flow:
        """Write a join: its branches, and what it computes of them."""
        if test is not None:
            with self.conditional(layer, test) as body:
                result = self.join(layer._replace(out=body), None)
            return self.after(layer, [result])
        place = len(self.init)
        self.assign(layer.where, "nn.Module()")
        flows = self.branches(layer, layer.where)
        if len(self.init) == place + 1:
            self.init.pop()
        self.freeze(layer.step, layer.where, layer.names)
        return self.joined(layer, flows)

    def joined(self, layer: Layer, flows: list[Flow]) -> Flow:
        """Write what a join computes of its branches."""
        call = self.calls[layer.present[0].numbers[-1]]
        text = modules.joined(call, [each.name for each in flows])
        if text != layer.target:
            layer.out.append(Set(layer.target, text))
        return self.after(layer, [Flow("", total(flows)), *flows])

    def branches(self, layer: Layer, where: str) -> list[Flow]:
        """Write the branches of a join, and return their results."""
        raise NotImplementedError


def by_step(parents: Sequence[Use]) -> dict[int, list[Use]]:
    """Return what is directly inside some uses, by the steps."""
    children: dict[int, list[Use]] = {}
    for parent in parents:
        for child in parent.children:
            children.setdefault(id(child.step), []).append(child)
    return children


def _name(out: list[Statement], result: Flow, target: str) -> None:
    """Give a result the name of the layer that it is the result of."""
    if result.name != target:
        out.append(Set(target, result.name))
