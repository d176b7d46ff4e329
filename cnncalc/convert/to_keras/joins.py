"""Writes the branches of a join."""

from __future__ import annotations

from ...language.steps import Step
from ..to_torch.flows import fresh, safe
from .functions import function_name
from .layers import Layers
from .names import Copies, Copy, Unwritable


class Joins(Layers):
    """Writes joins, whose branches may be repeated or not there."""

    def join(self, step: Step, copies: Copies, flow: str, target: str, path: str) -> str:
        """Write the branches of a join, and the join."""
        row, self.row = self.row, {}
        assert step.op is not None
        parts: list[str] = []
        begun = len(self.live)
        self.live.append(flow)
        listed = None
        if not all(branch.is_single for branch in step.branches):
            listed = fresh("parts", {*self.taken, *self.live})
            self.live.append(listed)
            self.put(f"{listed} = []")
        for branch in step.branches:
            inner = [
                Copy(use, bound)
                for parent, bound in copies
                for use in parent.children
                if use.step is branch
            ]
            if listed is None:
                parts.append(self.branch(branch, inner, flow, path))
                continue
            self.collect(branch, inner, copies, flow, path, listed)
        del self.live[begun:]
        self.row = row
        function = function_name(step.op.key)
        self.called.add(function)
        arguments = [listed or f"[{', '.join(parts)}]", *self.fields(step, copies)]
        arguments.append(self.named(step, copies, path))
        self.put(f"{target} = {function}({', '.join(arguments)})")
        return target

    def collect(
        self,
        branch: Step,
        copies: Copies,
        parents: Copies,
        flow: str,
        path: str,
        listed: str,
    ) -> None:
        """Write a branch that may not be there, and add its result to a list."""
        if branch.is_repeated:
            self.collect_copies(branch, copies, parents, flow, path, listed)
            return
        present = [copy for copy in copies if copy.use.present]
        if not present:
            return
        is_choice = len(present) < len(copies)
        if is_choice:
            if branch.when is None:
                raise Unwritable("a branch that is not there in some uses")
            self.put(f"if {self.expression(branch.when, copies)}:")
            self.depth += 1
        self.put(f"{listed}.append({self.branch(branch, present, flow, path)})")
        self.depth -= is_choice

    def collect_copies(
        self,
        branch: Step,
        copies: Copies,
        parents: Copies,
        flow: str,
        path: str,
        listed: str,
    ) -> None:
        """Write a loop over the copies of a branch, and add their results to a list."""
        if branch.each is not None or not all(copy.use.present for copy in copies):
            raise Unwritable("a branch that is not there in some copies")
        by_parent = [
            [Copy(use, bound) for use in parent.children if use.step is branch]
            for parent, bound in parents
        ]
        counter, outer = self.counter(branch, parents)
        counted = [
            Copy(use, {**bound, counter: n})
            for some in by_parent
            for n, (use, bound) in enumerate(some)
        ]
        count = self.counted(branch, parents, by_parent, outer)
        self.put(f"for {counter} in range({count}):")
        self.depth += 1
        result = self.branch(branch, counted, flow, path, f".{{{counter}}}")
        self.put(f"{listed}.append({result})")
        self.depth -= 1
        self.end_counter(branch, outer)

    def branch(self, branch: Step, copies: Copies, flow: str, path: str, number: str = "") -> str:
        """Write a branch; return the variable of its result."""
        if branch.source is not None:
            text = self.reference(branch.source, copies)
            flow = f"({text})" if " if " in text else text
        if not branch.layers:
            return flow
        variable = fresh(self.free(branch.name), {*self.taken, *self.live, *map(safe, self.kept)})
        self.live.append(variable)
        return self.steps(branch.layers, copies, flow, variable, f"{path}.{branch.name}{number}")
