"""Writes a block of a spec, or the whole network, as a class of torch."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ...language.steps import REQUIRED, Step
from .branches import Branches
from .expressions import (
    constant,
    evaluated,
    holds,
    name,
    names_in,
    python,
    replaced,
    same,
    translated,
    whole,
)
from .flows import Flow, WrittenClass, safe
from .layout import INDENT, wrapped
from .statements import Statement, is_sequence, returned
from .uses import INPUT


class ClassWriter(Branches):
    """Writes one class. Its uses are those of a block, or the network alone."""

    def write(
        self, title: str, steps: Sequence[Step], inputs: Sequence[str], outputs: Sequence[str]
    ) -> WrittenClass:
        """Write the class of these steps; `inputs` and `outputs` are names of the network's."""
        if self.block is None:
            self.inputs = {key: "x" if key == INPUT else safe(key) for key in inputs}
        self.vars |= set(self.inputs.values())
        first = next(iter(self.inputs.values()))
        var = "y" if 0 in self.kept and first == "x" else "x"
        self.vars.add(var)
        self.kept |= {id(step) for step in steps if step.name in outputs}
        body: list[Statement] = []
        flow = Flow(first, self.names.get("c", name("c")))
        flow = self.steps(steps, self.uses, "self", flow, self.names, var, body)
        named = {**self.inputs, **{step.name: self.flows[id(step)].name for step in steps}}
        results = [named[output] for output in outputs] or [flow.name]
        is_plain = len(self.inputs) == 1 and not self.further and results == [flow.name]
        is_plain = is_plain and is_sequence(body, "self", first, self.kept_names() - {*results})
        header, local, derived = self.signature()
        lines = [f"class {title}(nn.{'Sequential' if is_plain else 'Module'}):"]
        lines += wrapped(f"def __init__({', '.join(header)}):", 1)
        lines += [f"{INDENT * 2}super().__init__()", *local, *self.init]
        if not is_plain:
            given = ", ".join(("self", *self.inputs.values(), *self.further.values()))
            lines += ["", *wrapped(f"def forward({given}):", 1), *returned(body, results, 2)]
        parameters = {
            spec: text
            for spec, text in self.params.items()
            if text in self.used and text not in derived and spec not in self.further
        }
        return WrittenClass(
            name=title,
            source="\n".join(lines),
            takes_c="c" in self.used and self.block is not None,
            parameters=parameters,
            passed={spec for spec, text in self.passed.items() if text in self.used},
            measured=self.measured,
            further=list(self.further),
            channels=self.own_channels(flow, derived),
            helpers=self.helpers,
            functions=self.functions,
            outside={},
        )

    def own_channels(self, flow: Flow, derived: dict[str, ast.expr]) -> ast.expr | None:
        """Return the channels of the result in terms of the parameters, if they have such."""
        if flow.channels is None:
            return None
        channels = replaced(flow.channels, derived)
        own = {"c", *self.params.values(), *self.passed.values(), *self.measured}
        return channels if names_in(channels) <= own else None

    def whole_if_due(self, spec: str, default: ast.expr) -> ast.expr:
        """Return the default of a parameter as one that is an int in Python if it is whole."""
        wanted = [use.values[spec] for use in self.uses]
        scopes = [self.own_values(use.values) for use in self.uses]
        exact = [evaluated(default, scope) for scope in scopes]
        taken = [n for n, value in enumerate(exact) if same(value, wanted[n])]
        scopes, wanted = [scopes[n] for n in taken], [wanted[n] for n in taken]
        if not names_in(default) or not taken or holds(default, wanted, scopes):
            return default
        return whole(default) if holds(whole(default), wanted, scopes) else default

    def signature(self) -> tuple[list[str], list[str], dict[str, ast.expr]]:
        """Return the constructor's parameters, the lines of those that no use sets, and these."""
        passed = {spec: text for spec, text in self.passed.items() if text in self.used}
        if self.block is None:
            values = self.parameters
            listed = [f"{t}={python(constant(values[spec]))}" for spec, t in passed.items()]
            return ["self", *listed], [], {}
        given = {key for use in self.uses if use.step for key in (*use.step.body, *use.row)}
        required: list[str] = []
        optional: list[str] = []
        local: list[str] = []
        derived: dict[str, ast.expr] = {}
        for spec in reversed(list(self.block.params)):  # each may use those before it
            text, default = self.params[spec], self.block.params[spec]
            if text not in self.used or spec in self.further:
                continue
            if default is REQUIRED:
                required.append(text)
                continue
            body = self.whole_if_due(spec, translated(default, self.names))
            if not names_in(body):
                optional.append(f"{text}={self.py(body)}")
            elif spec in given:
                optional.append(f"{text}=None")
                value = f"{self.py(body)} if {text} is None else {text}"
                local.append("\n".join(wrapped(f"{text} = {value}", 2)))
            else:
                derived[text] = body
                local.append("\n".join(wrapped(f"{text} = {self.py(body)}", 2)))
        passed_now = [text for text in self.passed.values() if text in self.used]
        main = [*reversed(required), *self.measured, *passed_now, *reversed(optional)]
        return ["self", *["c"] * ("c" in self.used), *main], local[::-1], derived
