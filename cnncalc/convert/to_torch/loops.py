"""Writes layers that are repeated, as loops."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from re import search
from typing import Any

from ...language.steps import Step
from .containers import Containers
from .expressions import evaluated, holds, name, names_in, python, replaced, translated
from .flows import Flow, Inexpressible, Layer, fresh, safe
from .layers import row_keys
from .statements import Append, Call, If, Loop, Set, Statement, is_sequence
from .uses import Use

Copies = dict[int, list[Use]]  # of a layer, by what they are written in


class Loops(Containers):
    """Writes loops."""

    def loop(self, layer: Layer) -> Flow:
        before = self.open_locals
        copies: Copies = {}
        for use in layer.uses:
            copies.setdefault(id(use.parent), []).append(use)
        header, names = self.counted(layer, copies)
        every = self.every_copy(layer)
        place = self.opened(layer.where)
        begun = len(self.init)
        running = self.running(layer, copies)
        channels = layer.flow.channels if running is None else running
        flow = Flow(layer.target, channels)
        inner = layer._replace(flow=flow, names=names, out=[])
        self.depth += 1
        outside, self.init = self.init, []
        test = self.condition(inner)
        result, is_plain = self.copy(inner, test)
        after = self.moved_on(layer, copies, running, result)
        body, self.init = self.init, outside
        self.depth -= 1
        self.open_locals = before
        if running is not None and after is not running and begun < len(self.init):
            body = self.without_unread(python(running), begun, body)
        self.line(with_used(header, body))
        self.init += body
        if is_plain and every is None:
            layer.out.append(Call(layer.target, layer.where, (layer.flow.name,)))
        else:
            self.becomes(place, "nn.ModuleList")
            if layer.flow.name != layer.target:
                layer.out.append(Set(layer.target, layer.flow.name))
            if every is not None:
                layer.out.append(Set(every, "[]"))
                inner.out.append(Append(every, layer.target))
                channels = self.channels_of_copies(layer, result)
                self.lists[id(layer.step)] = Flow(f"*{every}", channels)
            layer.out.append(Loop("layer", layer.where, inner.out))
        return Flow(layer.target, after)

    def without_unread(self, text: str, begun: int, body: list[str]) -> list[str]:
        """Return the lines of a loop without a name that they never read; it is not begun then."""
        rest = [line for line in body if not line.lstrip().startswith(f"{text} = ")]
        if len(body) - len(rest) > 1 or any(search(rf"\b{text}\b", line) for line in rest):
            return body
        del self.init[begun]
        return rest

    def every_copy(self, layer: Layer) -> str | None:
        """Name the list of all results of a loop; None if no layer reads them."""
        if id(layer.step) not in self.listed:
            return None
        if len(layer.present) < len(layer.uses):
            raise Inexpressible(layer.uses[0], "some of its copies are left out")
        return self.new_var(layer.step.name)

    def channels_of_copies(self, layer: Layer, result: Flow) -> ast.expr | None:
        """Return the sum of the channels of copies, if all have as many."""
        if result.channels is None or names_in(result.channels) & self.locals:
            return None
        if layer.step.repeat is None:
            return None
        count = translated(layer.step.repeat, layer.names)
        return replaced(ast.BinOp(count, ast.Mult(), result.channels), {})

    def counted(self, layer: Layer, copies: Copies) -> tuple[str, dict[str, ast.expr]]:
        """Return the header of a loop, and the names in it."""
        if layer.step.each is not None:
            return self.by_rows(layer, copies)
        variable = self.new_local("i")
        self.number(copies, variable)
        count = translated(layer.step.repeat, layer.names)
        first = [uses[0] for uses in copies.values()]
        found = self.choose([*map(len, copies.values())], first, [count])
        if found is None:
            raise Inexpressible(first[0], "its number of copies cannot be written")
        names = {**layer.names, layer.step.counter: name(variable)}
        return f"for {variable} in range({self.py(found)}):", names

    def number(self, copies: Copies, variable: str) -> None:
        """Let a name hold the number of each copy."""
        for uses in copies.values():
            for n, use in enumerate(uses):
                self.bound.setdefault(id(use), {})[variable] = n

    def by_rows(self, layer: Layer, copies: Copies) -> tuple[str, dict[str, ast.expr]]:
        """Return the header of a loop over the rows of `each`, and the names in it."""
        step, names = layer.step, dict(layer.names)
        keys = row_keys(step)
        variables = {key: self.new_local(safe(key)) for key in keys}
        for uses in copies.values():
            for use in uses:
                row = {variables[key]: self.row_value(step, use, key) for key in keys}
                self.bound.setdefault(id(use), {}).update(row)
        rows = [self.row(step, row, keys, layer.names) for row in step.each or ()]
        for key in keys:
            names[f"row {key}"] = name(variables[key])
            if step.kind != "block":
                names[key] = name(variables[key])
        table = ", ".join(map(self.py, rows)) + "," * (len(rows) == 1)
        targets = ", ".join(variables.values())
        if any(step.counter in names_in(translated(value, {})) for value in step.body.values()):
            variable = self.new_local("i")
            self.number(copies, variable)
            names[step.counter] = name(variable)
            bracketed = f"({targets})" if len(keys) > 1 else targets
            return f"for {variable}, {bracketed} in enumerate(({table})):", names
        return f"for {targets} in ({table}):", names

    def row(
        self, step: Step, row: Mapping[str, Any], keys: list[str], names: Mapping[str, ast.expr]
    ) -> ast.expr:
        """Return a row of the table, with the block's defaults where it has no entry."""
        entries = []
        for key in keys:
            if key in row:
                entries.append(translated(row[key], names))
            elif step.kind == "block":
                entries.append(translated(self.blocks[step.key].params[key], self.names))
            else:
                entries.append(ast.Constant(None))
        return entries[0] if len(entries) == 1 else ast.Tuple(entries, ast.Load())

    def row_value(self, step: Step, use: Use, key: str) -> Any:
        """Return the value of an entry of a row."""
        if key in use.row or step.kind != "block":
            return use.row.get(key)
        default = translated(self.blocks[step.key].params[key], {})
        return evaluated(default, use.scope.values if use.scope else {})

    def running(self, layer: Layer, copies: Copies) -> ast.expr | None:
        """Start a name for channels that change from copy to copy; None if they do not."""
        changes = False
        for uses in copies.values():
            read = self.channels_at(use.x for use in uses)
            changes = changes or len({*read, *self.channels_at([uses[-1].result])}) > 1
        if not changes:
            return None
        if layer.flow.channels is None:
            raise Inexpressible(layer.present[0], "its channels follow from no parameter")
        start = python(layer.flow.channels)
        text = "channels"
        if start != text:
            text = fresh(text, {*self.params.values(), *self.passed.values()})
            self.line(f"{text} = {self.py(layer.flow.channels)}")
        self.locals.add(text)
        for uses in copies.values():
            for use, n in zip(uses, self.channels_at(use.x for use in uses)):
                self.bound.setdefault(id(use), {})[text] = n
        return name(text)

    def moved_on(
        self, layer: Layer, copies: Copies, running: ast.expr | None, result: Flow
    ) -> ast.expr | None:
        """Write what the next copy reads, and return the channels after the loop."""
        if running is None:
            return layer.flow.channels
        wanted = self.channels_at(use.result for use in layer.uses)
        following = self.quantity(wanted, layer.uses, [result.channels], "channels")
        if python(following) != python(running):
            self.line(f"{python(running)} = {self.py(following)}")
        for parent, uses in copies.items():
            (after,) = self.channels_at([uses[-1].result])
            self.bound.setdefault(parent, {})[python(running)] = after
        closed = self.closed_form(layer, following, running)
        last = [uses[-1] for uses in copies.values()]
        if closed is not None and not names_in(closed) & self.locals:
            scopes = [self.values(use) for use in last]
            if holds(closed, self.channels_at(use.result for use in last), scopes):
                return closed
        return running

    def closed_form(self, layer: Layer, following: ast.expr, running: ast.expr) -> ast.expr | None:
        """Return the channels after a loop without its names, also if each copy adds as many."""
        if not isinstance(following, ast.BinOp) or not isinstance(following.op, ast.Add):
            return following
        added = following.right
        is_sum = python(following.left) == python(running) and layer.step.repeat is not None
        if not is_sum or layer.flow.channels is None or names_in(added) & self.locals:
            return following
        count = translated(layer.step.repeat, layer.names)
        added = ast.BinOp(count, ast.Mult(), added)
        return replaced(ast.BinOp(layer.flow.channels, ast.Add(), added), {})

    def copy(self, layer: Layer, test: ast.expr | None) -> tuple[Flow, bool]:
        """Write one copy; return its result, and whether the copies are a plain sequence."""
        if layer.step.share is not None:
            raise Inexpressible(layer.present[0], "its copies share weights")
        if layer.step.kind in ("chain", "join") or any(self.hooks(layer)):
            return self.contained(layer, test)
        further = self.further_inputs(layer)
        if test is not None and further:
            raise Inexpressible(layer.present[0], "it reads other layers under a condition")
        self.line(f"{layer.where}.append({self.chosen(layer, test)})")
        self.freeze(layer.step, f"{layer.where}[-1]", layer.names)
        layer.out.append(Call(layer.target, "layer", (layer.flow.name, *further)))
        return self.after(layer), not further

    def contained(self, layer: Layer, test: ast.expr | None) -> tuple[Flow, bool]:
        """Write a copy that is a container: of a chain, or of a join's branches."""
        if layer.step.kind not in ("chain", "join"):
            raise Inexpressible(layer.present[0], "its copies need other axes or padding")
        place = len(self.init)
        self.line("layer = nn.Sequential()")
        if test is not None:
            self.line(f"layer.is_there = {self.py(test)}")
        inner: list[Statement] = []
        inside = layer._replace(out=inner)
        if layer.step.kind == "chain":
            steps, names = layer.step.layers or [], layer.names
            result = self.steps(
                steps, layer.present, "layer", layer.flow, names, layer.target, inner
            )
        else:
            result = self.joined(inside, self.branches(inside, "layer"))
        is_plain = test is None and is_sequence(inner, "layer", layer.flow.name, self.kept_names())
        if not is_plain:
            self.becomes(place, "nn.Module")
        self.line(f"{layer.where}.append(layer)")
        self.freeze(layer.step, "layer", layer.names)
        if result.name != layer.target:
            inner.append(Set(layer.target, result.name))
        layer.out.extend([If("layer.is_there", inner)] if test is not None else inner)
        return self.after(layer, [result]), is_plain


def with_used(header: str, body: list[str]) -> str:
    """Return the header of a loop, without a name for numbers that nothing reads."""
    variable = header.split()[1]
    if "range" in header and not any(search(rf"\b{variable}\b", line) for line in body):
        return header.replace(f"for {variable} in", "for _ in", 1)
    return header
