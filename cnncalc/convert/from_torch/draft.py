"""The graph that is being made of a trace: its layers, and the tensors that calls returned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...num import Shape
from ...trace import Call, Ref, Trace, Weight
from ..axes import BATCH, Group, Value
from ..layers import Layers, Unknown

MOST_AXES = 4  # that layers accept, with the channels


class Draft:
    """What is known of the graph while the calls of a trace are read, one after another.

    `values` has the result of each call that was read: a tensor, a list of tensors, or None.
    """

    def __init__(self, trace: Trace):
        self.trace = trace
        self.layers = Layers()
        self.batch = next((sizes[0] for _, sizes in trace.inputs() if sizes), 1)
        self.values: dict[Ref, Any] = {}
        self.reading = Ref(0)  # the result of the call that is being read
        self.stretched: set[Ref] = set()  # tensors of which some axes are repeated
        self._calls_of: Counter[str] = Counter(call.path for call in trace.calls if call.only)
        self._numbers: Counter[str] = Counter()
        self._reads: Counter[Ref] = Counter(trace.outputs)
        for call in trace.calls:
            self._reads.update(data_of(call))

    def of(self, ref: Ref, stretched: bool = False) -> Value:
        """Return the tensor that a call returned; its values may be repeated only if `stretched`.

        Errors: Unknown if it is not such a tensor.
        """
        value = self.values[ref if ref in self.values else Ref(ref.call)]
        if isinstance(value, list):
            value = value[ref.part] if ref.part < len(value) else None
        elif ref.part and ref not in self.values:
            raise Unknown("it reads another result of a layer than its first")
        if not isinstance(value, Value):
            raise Unknown("its result is not a tensor")
        if not stretched and ref in self.stretched:
            raise Unknown("it reads repeated values")
        return value

    def is_read_once(self, ref: Ref) -> bool:
        """Return whether one call alone reads a tensor, and it is no output."""
        return self._reads[ref] == 1

    def sizes(self, ref: Ref) -> Shape:
        """Return the sizes of a tensor that a call returned, with the batch."""
        return self.trace.calls[ref.call].sizes[ref.part]

    def shape(self, value: Value) -> Shape:
        """Return the shape of the node that a tensor is the output of."""
        return self.layers.shape(value)

    def output(self, ref: Ref) -> int:
        """Return the node that returns a tensor of the network's; the batch may be any axis.

        Errors: Unknown if the batch is merged with another axis, or missing.
        """
        value = self.of(ref)
        batch = [dim for dim, group in enumerate(value.dims) if group == (BATCH,)]
        if not batch:
            raise Unknown("an output has no axis for the images alone")
        rest = [group for dim, group in enumerate(value.dims) if dim != batch[0]]
        return self.layers.laid_out(value.node, rest, "")

    def held(self, value: Value) -> list[Shape]:
        """Return the sizes of the axes in each dimension of a tensor; the batch is one of them."""
        shape = self.shape(value)
        batch = self.batch
        return [
            tuple(batch if axis == BATCH else shape[axis] for axis in group) for group in value.dims
        ]

    def plain(self, value: Value, call: Call) -> int:
        """Return a node whose output has the axes of a tensor that a call reads, in their order.

        Errors: Unknown if the first dimension is not that of the images, one by one.
        """
        if not value.batch_first:
            raise Unknown("it moves images of the batch")
        return self.layers.laid_out(value.node, value.dims[1:], self.scope(call))

    def is_plain(self, value: Value) -> bool:
        """Return whether a tensor is the output of a layer, or of one that shuffles channels."""
        shuffled = value.batch_first and self.layers.is_shuffle(value.node, value.dims[1:])
        return shuffled or value.is_plain(self.shape(value))

    def is_flat(self, value: Value) -> bool:
        """Return whether a tensor is the output of a layer with all its axes merged in order."""
        merged = [axis for group in value.dims[1:] for axis in group]
        return value.batch_first and len(value.dims) == 2 and merged == sorted(merged)

    def separate(self, value: Value, dims: Sequence[int], call: Call) -> Value:
        """Return a tensor of which each of these dimensions is one axis of a layer's output.

        Errors: Unknown if one of them holds the batch.
        """
        if all(value.axis(dim) is not None for dim in dims):
            return value
        if any(BATCH in value.dims[dim] for dim in dims):
            raise Unknown("it moves images of the batch")
        return self.arranged(value, dims, call)

    def of_few_axes(self, value: Value, call: Call) -> Value:
        """Return a tensor that is the output of a layer with no more axes than most accept."""
        if len(self.shape(value)) <= MOST_AXES:
            return value
        return self.arranged(value, [n for n, g in enumerate(value.dims) if BATCH not in g], call)

    def in_order(self, value: Value, order: Sequence[int], call: Call) -> Value:
        """Return a tensor of a layer whose output has the axes in this order; others are of 1."""
        node = self.layers.laid_out(value.node, [(axis,) for axis in order], self.scope(call))
        places = {axis: n for n, axis in enumerate(order)} | {BATCH: BATCH}
        dims = [tuple(places[axis] for axis in g if axis in places) for g in value.dims]
        return Value(node, tuple(dims))

    def arranged(self, value: Value, merged: Sequence[int], call: Call) -> Value:
        """Return a tensor whose axes are in the order of its dimensions; some are `merged`.

        So are axes that make more images of one.
        """
        groups: list[Group] = []
        dims: list[Group] = []
        for dim, group in enumerate(value.dims):
            start = len(groups)
            if dim in merged:
                groups.append(group)
                dims.append((start,))
                continue
            axes = [axis for axis in group if axis != BATCH]
            if group[:1] == (BATCH,) and axes:
                groups.append(tuple(axes))
                dims.append((BATCH, start))
                continue
            places = {axis: start + n for n, axis in enumerate(axes)} | {BATCH: BATCH}
            groups += [(axis,) for axis in axes]
            dims.append(tuple(places[axis] for axis in group))
        node = self.layers.laid_out(value.node, groups, self.scope(call))
        return Value(node, tuple(dims))

    def scope(self, call: Call) -> str:
        """Return where layers go that a call needs before it: not inside a layer of torch.nn."""
        path = path_of(call)
        around = path.rpartition(".")[0] if call.only else path
        return f"{around}." if around else ""

    def path(self, call: Call, key: str) -> str:
        """Return a path for a layer: that of torch's module, if this is the only call it makes."""
        if call.only and self._calls_of[call.path] == 1:
            return path_of(call)
        scope = self.scope(call)
        self._numbers[scope + key] += 1
        return f"{scope}{key}{self._numbers[scope + key]}"

    def owned(self, call: Call, value: Value) -> Value:
        """Note whose parameters the layer of a call has: those of an earlier one, or its own."""
        return self.owned_by([w for w in call.arguments.values() if isinstance(w, Weight)], value)

    def owned_by(self, weights: Sequence[Weight], value: Value) -> Value:
        """Note that a layer has these parameters.

        Errors: Tied if a layer that differs from it has some of them.
        """
        names = tuple(name for weight in weights for name in weight.names)
        if not names:
            return value
        node = self.layers.graph.nodes[value.node]
        owner = self.layers.own(value.node, names, self.trace.merged)
        if owner != value.node:
            node.shares = owner
        parameters = [w for w in weights if w.is_parameter]
        node.frozen = bool(parameters) and not any(w.trained for w in parameters)
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


def only_data(call: Call) -> Ref:
    """Return the one tensor that a call reads and that depends on the network's inputs.

    Errors: Unknown if it reads none, such as a part of a parameter, or several.
    """
    found = data_of(call)
    if len(found) != 1:
        raise Unknown("it reads several tensors" if found else "it computes from parameters alone")
    return found[0]


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


def path_of(call: Call) -> str:
    """Return the path of the module that made a call."""
    return call.path.replace("@", "_")
