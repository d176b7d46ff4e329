"""Makes a graph of a trace: reads its calls in order, and declares what has no operator."""

from __future__ import annotations

from typing import NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...trace import Ref, Trace
from ..layers import Tied, Unknown, with_sums_joined, without_unread_moves
from ..local_norms import with_local_norms
from .declared import Declared, opaque, parts_around, undeclared
from .draft import Draft
from .readers import read


class Imported(NamedTuple):
    """A graph made of a network, and what has no operator in it."""

    graph: Graph
    declared: list[Declared]


def graph_of(trace: Trace) -> Imported:
    """Return the network as a graph.

    A call without an operator becomes a layer with declared figures: alone if it has one input and
    one output, or together with the smallest module around it that has.

    Errors: a Mistake with CNN404 if there is none but the whole network.
    """
    return _Import(trace).run()


class _Import:
    def __init__(self, trace: Trace):
        self._trace = trace
        self._draft = Draft(trace)
        self._begun: dict[int, int] = {}  # by call, the number of layers before it
        self._declared: list[Declared] = []

    def run(self) -> Imported:
        """Return the graph, with the parts that are only declared."""
        draft, calls, n = self._draft, self._trace.calls, 0
        inputs = sum(1 for call in calls if not call.name)
        while n < len(calls):
            call = calls[n]
            self._begun[n] = len(draft.layers.graph.nodes)
            if not call.name:
                path = "input" if inputs == 1 else call.path
                value = draft.layers.input(path, call.sizes[0][1:], call.integers)
                draft.values[Ref(n)] = value
            else:
                draft.reading = Ref(n)
                try:
                    draft.values[Ref(n)] = read(draft, call)
                except Unknown as error:
                    n = self._declare(n, error)
                    continue
            n += 1
        graph = draft.layers.graph
        graph.outputs = tuple(map(self._output, self._trace.outputs))
        graph = with_local_norms(with_sums_joined(without_unread_moves(graph)))
        return Imported(graph, self._declared)

    def _output(self, ref: Ref) -> int:
        try:
            return self._draft.output(ref)
        except Unknown as error:
            call = self._trace.calls[ref.call]
            place = f" ({call.source})" if call.source else ""
            message = f"no layer gives what `{call.name}`{place} returns: {error}"
            raise Mistake(Diagnostic("CNN404", message)) from None

    def _declare(self, n: int, why: Unknown) -> int:
        """Add a layer with declared figures for call n, or for a module that makes it.

        Returns the number of the next call. Errors: a Mistake if there is no such part.
        """
        draft, call = self._draft, self._trace.calls[n]
        for part in parts_around(draft, n):
            draft.layers.drop_after(self._begun[part.calls.start])
            for ref in [ref for ref in draft.values if ref.call >= part.calls.start]:
                del draft.values[ref]
            try:
                value = opaque(draft, part, call)
            except Unknown:
                continue
            draft.values[Ref(part.result.call)] = value
            path = draft.layers.graph.nodes[value.node].path
            self._declared = [d for d in self._declared if d.path not in draft.layers.dropped]
            said = str(why) if isinstance(why, Tied) else None
            self._declared.append(Declared(path, call.name, call.module, call.source, said))
            return part.calls.stop
        raise Mistake(undeclared(call, str(why)))
