"""Writes the lines of a constructor, and finds the layers that names mean in `forward`."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...language.expression import Expression
from ...language.steps import EVERY_COPY, Step
from .expressions import name, names_in, translated
from .flows import Flow, Inexpressible, Layer, fresh, safe
from .layout import wrapped
from .quantities import Quantities
from .statements import Call, If, Set, Statement, is_sequence
from .uses import INPUT, Place, Use


class Constructor(Quantities):
    """The lines of a constructor so far, and the names of values in `forward`."""

    def __init__(self, *arguments: Any):
        super().__init__(*arguments)
        self.init: list[str] = []
        self.depth = 2
        self.inputs: dict[str, str] = {INPUT: "x"}
        self.flows: dict[int, Flow] = {}  # the results of steps, by their identities
        self.lists: dict[int, Flow] = {}  # of the results of all copies of steps
        self.further = self._further()
        self.kept, self.listed = self._read_by_others()
        self.vars = {"self", *self.further.values()}

    def _further(self) -> dict[str, str]:
        """Return the words for layers outside, with the names of the inputs that hold them."""
        found: dict[str, str] = {}
        for use in self.uses if self.block else ():
            for word in use.external():
                if word.endswith(EVERY_COPY):
                    raise Inexpressible(use, f"it reads `{word}`, which is outside")
                found.setdefault(word, safe(word))
        return found

    def _read_by_others(self) -> tuple[set[int], set[int]]:
        """Return the steps whose results others read, and those of which they read every copy.

        0 stands for the input.
        """
        own = set(map(id, self.uses))
        last: set[int] = set()
        every: set[int] = set()
        for instance in self.uses:
            for use in instance.inside():
                places = dict(use.named)
                if use.step is not None and use.step.kind == "block" and use.present:
                    places |= use.external()
                for word, place in places.items():
                    if id(place.instance) in own:
                        found = every if word.endswith(EVERY_COPY) else last
                        found.add(id(place.step) if place.step else 0)
        return last, every

    def kept_names(self) -> set[str]:
        """Return the names of results that other layers read."""
        return {self.flows[key].name for key in self.kept if key in self.flows}

    def new_var(self, text: str) -> str:
        """Return a name for a value in `forward`."""
        found = fresh(safe(text), self.vars)
        self.vars.add(found)
        return found

    def name_of(self, word: str, place: Place) -> str:
        """Return the name of the value that a word means."""
        if any(place.instance is use for use in self.uses):
            if place.step is None:
                return self.inputs[place.name]
            return self.flows[id(place.step)].name
        return self.further[word]

    def place(self, word: str, use: Use) -> Place:
        """Return what a word means at a use."""
        if word not in use.named:
            raise Inexpressible(use, f"`{word}` is inside another layer")
        return use.named[word]

    def flow_of(self, word: str, use: Use) -> Flow:
        """Return the value that a word means."""
        place = self.place(word, use)
        is_own = any(place.instance is own for own in self.uses)
        if is_own and place.step is not None:
            return self.flows[id(place.step)]
        is_input = is_own and self.block is not None
        return Flow(self.name_of(word, place), name("c") if is_input else None)

    def source_of(self, step: Step, uses: Sequence[Use]) -> str:
        """Return the name that `from` has in all uses of a step."""
        if isinstance(step.source, str):
            return step.source
        names = {use.source for use in uses}
        if len(names) > 1:
            raise Inexpressible(uses[0], "which layer it reads depends on the copy")
        return str(names.pop())

    def line(self, text: str) -> None:
        """Add a line."""
        self.init.append("\n".join(wrapped(text, self.depth)))

    def assign(self, where: str, value: str) -> None:
        """Add a module at a place."""
        above, found, last = where.rpartition('.get_submodule("')
        if found and where.endswith('")'):
            self.line(f'{above}.add_module("{last[:-2]}", {value})')
        else:
            self.line(f"{where} = {value}")

    @contextmanager
    def indented(self, header: str) -> Iterator[int]:
        """Add lines under a header, or nothing if there are none; yield the header's place."""
        place = len(self.init)
        self.line(header)
        self.depth += 1
        yield place
        self.depth -= 1
        if len(self.init) == place + 1:
            self.init.pop()

    def opened(self, where: str) -> int:
        """Make a container, and return the line that does."""
        self.assign(where, "nn.Sequential()")
        return len(self.init) - 1

    def closed(
        self, place: int, where: str, x: Flow, inner: list[Statement], out: list[Statement]
    ) -> bool:
        """Add what runs in a container: a call of it if it is a sequence, else its statements.

        Return whether it is one. A container with nothing in it is not made.
        """
        if len(self.init) == place + 1:
            self.init.pop()
        elif not is_sequence(inner, where, x.name, self.kept_names()):
            self.becomes(place, "nn.Module")
        else:
            last = inner[-1]
            assert isinstance(last, Call)
            out.append(Call(last.target, where, (x.name,)))
            return True
        out += inner
        return False

    def becomes(self, place: int, kind: str) -> None:
        """Make a container of another kind."""
        self.init[place] = self.init[place].replace("nn.Sequential", kind)

    @contextmanager
    def conditional(self, layer: Layer, test: ast.expr) -> Iterator[list[Statement]]:
        """Write what is only there under a condition, which `forward` reads from an attribute."""
        above, _, last = layer.where.rpartition(".")
        flag = f"{above}.has_{last}" if last.isidentifier() else f"{above}.has_{layer.step.name}"
        self.line(f"{flag} = {self.py(test)}")
        body: list[Statement] = []
        with self.indented(f"if {flag}:"):
            yield body
        if layer.flow.name != layer.target:
            layer.out.append(Set(layer.target, layer.flow.name))
        layer.out.append(If(flag, body))

    def freeze(self, step: Step, module: str, names: Mapping[str, ast.expr]) -> None:
        """Write that the parameters of a module are not trained."""
        if step.freeze is None:
            return
        test = translated(step.freeze, names)
        if not isinstance(test, ast.Constant):
            with self.indented(f"if {self.py(test)}:"):
                self.line(f"{module}.requires_grad_(False)")
        elif test.value:
            self.line(f"{module}.requires_grad_(False)")


def is_varied(prepared: Any, names: Mapping[str, ast.expr]) -> bool:
    """Return whether a value of a body depends on parameters that the class has."""
    is_open = isinstance(prepared, (Expression, tuple))
    return is_open and bool(names_in(translated(prepared, names)))
