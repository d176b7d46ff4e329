"""The graph that is being made of a trace: its layers, and the tensors that calls returned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from ...num import Shape
from ...trace import Call, Ref, Trace, Weight
from ..axes import Value
from ..layers import Layers, Unknown


class Draft:
    """What is known of the graph while the calls of a trace are read, one after another.

    `values` has the result of each call that was read: a tensor, a list of tensors, or None.
    """

    def __init__(self, trace: Trace):
        self.trace = trace
        self.layers = Layers()
        self.values: dict[Ref, Any] = {}
        self._calls_of: Counter[str] = Counter(call.path for call in trace.calls if call.only)
        self._numbers: Counter[str] = Counter()

    def of(self, ref: Ref) -> Value:
        """Return the tensor that a call returned.

        Errors: Unknown if it returned something else.
        """
        value = self.values[ref if ref in self.values else Ref(ref.call)]
        if isinstance(value, list):
            value = value[ref.part]
        if not isinstance(value, Value):
            raise Unknown("its result is not a tensor")
        return value

    def sizes(self, ref: Ref) -> Shape:
        """Return the sizes of a tensor that a call returned, with the batch."""
        return self.trace.calls[ref.call].sizes[ref.part]

    def shape(self, value: Value) -> Shape:
        """Return the shape of the node that a tensor is the output of."""
        return self.layers.shape(value)

    def plain(self, value: Value, call: Call) -> int:
        """Return a node whose output has the axes of a tensor that a call reads, in their order."""
        scope = f"{_path_of(call)}." if call.path else ""
        return self.layers.placed(value, scope)

    def path(self, call: Call, key: str) -> str:
        """Return a path for a layer: that of torch's module, if this is the only call it makes."""
        if call.only and self._calls_of[call.path] == 1:
            return _path_of(call)
        scope = f"{_path_of(call)}." if call.path else ""
        self._numbers[scope + key] += 1
        return f"{scope}{key}{self._numbers[scope + key]}"

    def owned(self, call: Call, value: Value) -> Value:
        """Note whose parameters a layer has: those of an earlier layer, or its own."""
        weights = [w for w in call.arguments.values() if isinstance(w, Weight)]
        names = tuple(name for weight in weights for name in weight.names)
        if not names:
            return value
        node = self.layers.graph.nodes[value.node]
        owner = self.layers.owners.setdefault(names, value.node)
        if owner != value.node:
            node.shares = owner
        node.frozen = not any(w.trained for w in weights)
        return value


def data_of(call: Call) -> list[Ref]:
    """Return the tensors that a call reads and that depend on the network's inputs."""
    found: list[Ref] = []
    for value in call.arguments.values():
        if isinstance(value, Ref):
            found.append(value)
        elif isinstance(value, list):
            found += [item for item in value if isinstance(item, Ref)]
    return found


def weights_in(value: Any) -> Iterator[Weight]:
    """Yield the parameters among the arguments of a call."""
    if isinstance(value, Weight):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from weights_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from weights_in(item)


def _path_of(call: Call) -> str:
    return call.path.replace("@", "_")
