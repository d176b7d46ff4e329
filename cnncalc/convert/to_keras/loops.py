"""Writes layers that are repeated, or are there under a condition."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ...language.steps import Step
from ..to_torch.expressions import (
    constant,
    holds,
    name,
    translated,
    whole,
)
from ..to_torch.flows import fresh, safe
from .names import Copies, Copy, Names, Unwritable


class Loops(Names):
    """Writes conditions and loops; `row` has the variables of a table's columns."""

    row: dict[str, str] = {}

    def one(self, step: Step, copies: Copies, flow: str, target: str, path: str) -> str:
        """Write a layer that is there; return the variable of its result."""
        raise NotImplementedError

    def maybe(
        self, step: Step, copies: Copies, flow: str, target: str, path: str, keep: str | None
    ) -> str:
        """Write one copy of a layer, under its condition."""
        present = [copy for copy in copies if copy.use.present]
        if not present:
            return flow
        if len(present) == len(copies):
            return self.one(step, copies, flow, keep or target, path)
        if step.when is None:
            raise Unwritable("a layer that is not there in some uses")
        self.move(target, flow)
        self.put(f"if {self.expression(step.when, copies)}:")
        self.depth += 1
        result = self.one(step, present, target, target, path)
        self.move(target, result)
        self.depth -= 1
        return target

    def loop(
        self,
        step: Step,
        parents: Copies,
        by_parent: Sequence[Copies],
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
                self.move(keep, flow)
            return keep or flow
        if listed and not all(every):
            raise Unwritable("a copy that is not there")
        if listed:
            self.put(f"{self.free(step.name)} = []")
        self.move(target, flow)
        counter, outer = self.counter(step, parents)
        copies = [
            Copy(use, {**bound, counter: n})
            for some in by_parent
            for n, (use, bound) in enumerate(some)
        ]
        if step.each is None:
            count = self.counted(step, parents, by_parent, outer)
            self.put(f"for {counter} in range({count}):")
            row: dict[str, str] = {}
        else:
            row = self.table(step, counter, copies)
        path = f"{where}.{step.name}" if where else step.name
        self.depth += 1
        self.row = row
        result = self.maybe(step, copies, target, target, f"{path}.{{{counter}}}", None)
        self.row = {}
        self.move(target, result)
        if listed:
            self.put(f"{self.free(step.name)}.append({target})")
        self.depth -= 1
        self.live.pop()
        self.end_counter(step, outer)
        if keep and not listed:
            self.move(keep, target)
            return keep
        return target

    def counted(
        self,
        step: Step,
        parents: Copies,
        by_parent: Sequence[Copies],
        outer: ast.expr | None,
    ) -> str:
        """Return the number of copies of a repeated layer."""
        counter = self.names.pop(step.counter)
        if outer is not None:
            self.names[step.counter] = outer
        counts = [len(some) for some in by_parent]
        body = translated(step.repeat, self.names)
        scopes = [self.scope(parent, inside=True) for parent in parents]
        for candidate in (body, whole(body), constant(counts[0])):
            if holds(candidate, counts, scopes):
                self.names[step.counter] = counter
                return self.plain(candidate)
        raise Unwritable("a number of copies")

    def table(self, step: Step, counter: str, copies: Copies) -> dict[str, str]:
        """Begin the loop over the rows of a table; return the variables of its columns."""
        assert step.each is not None
        rows = step.each
        keys = list(dict.fromkeys(key for row in rows for key in row))
        if any(set(row) != set(keys) for row in rows):
            texts = []
            for n, row in enumerate(rows):
                some = [copy for copy in copies if copy.bound[counter] == n]
                entries = [f'"{key}": {self.expression(row[key], some)}' for key in row]
                texts.append(f"{{{', '.join(entries)}}}")
            variable = fresh("row", {*self.taken, *self.live})
            self.put(f"rows = ({', '.join(texts)}{',' * (len(texts) == 1)})")
            self.put(f"for {counter}, {variable} in enumerate(rows):")
            return {**dict.fromkeys(keys, ""), "**": variable}
        variables = {key: fresh(safe(key), {*self.taken, *self.live}) for key in keys}
        texts = []
        for n, row in enumerate(rows):
            some = [copy for copy in copies if copy.bound[counter] == n]
            cells = [self.expression(row[key], some) for key in keys]
            texts.append(f"({', '.join(cells)})" if len(keys) > 1 else cells[0])
        self.put(f"rows = ({', '.join(texts)}{',' * (len(texts) == 1)})")
        columns = ", ".join(variables[key] for key in keys)
        target = f"({columns})" if len(keys) > 1 else columns
        self.put(f"for {counter}, {target} in enumerate(rows):")
        return variables

    def counter(self, step: Step, parents: Copies) -> tuple[str, ast.expr | None]:
        """Begin a loop: return its variable, and what the name of the counter meant before."""
        taken = {*self.taken, *self.live, *(key for _, b in parents for key in b)}
        counter = fresh(safe(step.counter), taken)
        outer = self.names.get(step.counter)
        self.names[step.counter] = name(counter)
        self.live.append(counter)
        return counter, outer

    def end_counter(self, step: Step, outer: ast.expr | None) -> None:
        """Let the name of a counter mean what it meant before the loop."""
        if outer is None:
            del self.names[step.counter]
        else:
            self.names[step.counter] = outer
