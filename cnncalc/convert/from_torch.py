"""Makes a graph of the calls of a network of torch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake
from ..graph import Graph
from ..num import Shape
from ..ops import BY_KEY
from ..ops.base import alike
from ..ops.called import Called
from ..trace import Call, Ref, Trace, Weight
from .axes import Value, plain, positive
from .layers import Layers, Unknown

_SAME = {
    "alias", "detach", "contiguous", "clone", "to", "lift_fresh_copy", "to_copy", "expand_as",
    "expand", "type_as", "detach_copy", "lift_fresh",
}  # fmt: skip
_NOTHING = {"assert_tensor_metadata", "assert_scalar", "assert_async", "sym_constrain_range"}
_RESHAPES = {"view", "reshape", "flatten", "unflatten", "reshape_as", "view_as", "unsafe_view"}
_UNUSED = {"cudnn_enabled", "training", "train", "dtype", "memory_format", "scales_h", "scales_w",
           "scale_factors", "scales", "half_to_float", "input_shape"}  # fmt: skip
_MEASURES = {
    **{name: name for name in ("mean", "sum", "var", "std")},
    "amax": "max",
    "amin": "min",
    "linalg_vector_norm": "norm",
}
NOTHING_SET: Mapping[str, Any] = MappingProxyType({})
_JOINS = {"add", "sub", "mul", "div", "maximum", "minimum"}

_LATER = "no layer, until one needs the axes in another order"
_NUMBERS = "`scale` or `shift` for a number or parameters"
_TAKES = "`slice`"
# What becomes of calls that are not an operator by their name alone.
READ_AS: Mapping[str, str] = {
    **dict.fromkeys(_SAME, "no layer: it computes nothing"),
    **dict.fromkeys(_NOTHING, "no layer: it checks the network"),
    **dict.fromkeys(_RESHAPES, "`flatten` or `reshape`; no layer if only axes of 1 come or go"),
    "getitem": "no layer: it takes one of several results",
    **dict.fromkeys(("permute", "transpose"), f"{_LATER}; then `permute`"),
    **dict.fromkeys(("squeeze", "unsqueeze"), f"{_LATER}; then `reshape`"),
    **dict.fromkeys(("slice", "split", "split_with_sizes", "chunk"), _TAKES),
    **dict.fromkeys(("select", "unbind"), f"{_TAKES}, whose axis of 1 is dropped"),
    "cat": "`concat`",
    "stack": "`stack`",
    "matmul": "`matmul`",
    **{name: f"`{name}` of two tensors; {_NUMBERS}" for name in ("add", "sub", "mul", "div")},
    "maximum": "`maximum`",
    "minimum": "`minimum`",
    "addcmul": "`scale` and `shift`, if two of its tensors are parameters",
    "mean": "`globalavgpool` over all positions, otherwise `reduce`",
    "amax": "`globalmaxpool` over all positions, otherwise `reduce`",
    **dict.fromkeys(("sum", "amin", "var", "std", "linalg_vector_norm"), "`reduce`"),
    "scaled_dot_product_attention": "declared with the module around it, as `opaque`: `attention`"
    " has the projections too",
    "index": "declared as `opaque`: it may take any positions",
}


class Declared(NamedTuple):
    """A part of the network without an operator: its figures are declared, as measured."""

    path: str  # of the layer
    what: str  # the call that has no operator
    module: str  # the class of the module that it is a part of
    source: str | None  # the line in the user's code
    why: str


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
        self._layers = Layers()
        self._values: dict[Ref, Any] = {}
        self._calls_of: Counter[str] = Counter(call.path for call in trace.calls if call.only)
        self._numbers: Counter[str] = Counter()
        self._begun: dict[int, int] = {}  # by call, the number of layers before it
        self._declared: list[Declared] = []

    def run(self) -> Imported:
        """Return the graph, with the parts that are only declared."""
        calls, n = self._trace.calls, 0
        inputs = sum(1 for call in calls if not call.name)
        while n < len(calls):
            call = calls[n]
            self._begun[n] = len(self._layers.graph.nodes)
            if not call.name:
                path = "input" if inputs == 1 else call.path
                self._values[Ref(n)] = self._layers.input(path, call.sizes[0][1:])
            else:
                try:
                    self._values[Ref(n)] = self._value(call)
                except Unknown as error:
                    n = self._declare(n, str(error))
                    continue
            n += 1
        graph = self._layers.graph
        graph.outputs = tuple(self._layers.placed(self._of(ref), "") for ref in self._trace.outputs)
        return Imported(graph, self._declared)

    # Parts without an operator

    def _declare(self, n: int, why: str) -> int:
        """Add a layer with declared figures for call n, or for a module that makes it.

        Returns the number of the next call. Errors: a Mistake if there is no such part.
        """
        for part in self._parts_around(n):
            ends = self._ends(part)
            if ends is None:
                continue
            source, result = ends
            call = self._trace.calls[n]
            self._layers.drop_after(self._begun[part.start])
            for ref in [ref for ref in self._values if ref.call >= part.start]:
                del self._values[ref]
            try:
                value = self._opaque(part, source, result, n)
            except Unknown:
                continue
            self._values[Ref(result.call)] = value
            path = self._layers.graph.nodes[value.node].path
            inside = [d for d in self._declared if d.path in self._layers.dropped]
            self._declared = [d for d in self._declared if d not in inside]
            self._declared.append(Declared(path, call.name, call.module, call.source, why))
            return part.stop
        call = self._trace.calls[n]
        place = f" ({call.source})" if call.source else ""
        message = f"no operator is `{call.name}`{place}, and what is around it is not one layer"
        raise Mistake(Diagnostic("CNN404", f"{message}: {why}"))

    def _parts_around(self, n: int) -> Iterator[range]:
        """Yield call n alone, and the calls of each module around it, the smallest first.

        A call that has only a part of a parameter is not left alone.
        """
        alone = all(weight.whole for weight in _weights_in(self._trace.calls[n].arguments))
        if alone:
            yield range(n, n + 1)
        path = self._trace.calls[n].path
        while path:
            inside = [
                m
                for m, call in enumerate(self._trace.calls)
                if call.path == path or call.path.startswith(f"{path}.")
            ]
            if inside and inside == list(range(inside[0], inside[-1] + 1)):
                yield range(inside[0], inside[-1] + 1)
            path = path.rpartition(".")[0]

    def _ends(self, part: range) -> tuple[Ref, Ref] | None:
        """Return the one tensor that a part reads, and the one of its own that others read."""
        calls = self._trace.calls
        read = {ref for n in part for ref in self._data(calls[n]) if ref.call not in part}
        later = {ref for call in calls[part.stop :] for ref in self._data(call)}
        given = {ref for ref in (*later, *self._trace.outputs) if ref.call in part}
        if len(read) != 1 or len(given) != 1:
            return None
        source, result = read.pop(), given.pop()
        sizes, from_ = self._sizes(result), self._sizes(source)
        whole = result.part == 0 and len(sizes) > 1 and len(from_) > 1 and sizes[0] == from_[0]
        return (source, result) if whole else None

    def _opaque(self, part: range, source: Ref, result: Ref, n: int) -> Value:
        calls = self._trace.calls
        node = self._plain(self._of(source), calls[part.start])
        x, y = self._layers.graph.nodes[node].shape, self._sizes(result)[1:]
        held = [w for m in part for w in _weights_in(calls[m].arguments)]
        names = {name for weight in held for name in weight.names} - self._layers.named()
        found = self._trace.measure(part)
        same = [0 < axis < len(x) and x[axis] == size for axis, size in enumerate(y)]
        body: dict[str, Any] = {
            "out": tuple(None if kept else size for kept, size in zip(same, y)),
            "params": sum(self._trace.parameters.get(name, 0) for name in names),
            "macs": found.macs,
            "saved": found.saved,
        }
        if y == tuple(x):
            del body["out"]
        path = self._path(calls[n], calls[n].name)
        if len(part) > 1:
            path = self._around(part)
        value = self._layers.add("opaque", body, [node], path, y)
        self._layers.owners[tuple(sorted(names))] = value.node
        return value

    def _around(self, part: range) -> str:
        """Return the path of the innermost module that makes all calls of a part."""
        paths = [self._trace.calls[n].path.split(".") for n in part]
        common = []
        for parts in zip(*paths):
            if len(set(parts)) > 1:
                break
            common.append(parts[0])
        return ".".join(common).replace("@", "_")

    def _of(self, ref: Ref) -> Value:
        """Return the tensor that a call returned."""
        value = self._values[ref if ref in self._values else Ref(ref.call)]
        if isinstance(value, list):
            value = value[ref.part]
        if not isinstance(value, Value):
            raise Unknown("its result is not a tensor")
        return value

    def _value(self, call: Call) -> Any:
        """Return what a call computes. A view adds no layer."""
        name = call.name
        if name in _NOTHING:
            return None
        if name in _SAME:
            return self._of(self._data(call)[0])
        own: Callable[[Call], Any] | None = getattr(self, f"_{name.strip('_')}", None)
        if name in _RESHAPES:
            own = self._reshape
        elif name in _JOINS or name == "rsub":
            own = self._arithmetic
        return own(call) if own else self._called(call)

    # Places and paths

    def _path(self, call: Call, key: str) -> str:
        """Return a path for a layer: that of torch's module, if this is the only call it makes."""
        if call.only and self._calls_of[call.path] == 1:
            return call.path.replace("@", "_")
        scope = f"{call.path.replace('@', '_')}.".removeprefix(".") if call.path else ""
        self._numbers[scope + key] += 1
        return f"{scope}{key}{self._numbers[scope + key]}"

    def _scope(self, call: Call) -> str:
        """Return where layers go that a call needs before it: not inside a layer of torch.nn."""
        path = call.path.rpartition(".")[0] if call.only else call.path
        return f"{path.replace('@', '_')}." if path else ""

    def _plain(self, value: Value, call: Call) -> int:
        return self._layers.placed(value, self._scope(call))

    @staticmethod
    def _data(call: Call) -> list[Ref]:
        found: list[Ref] = []
        for value in call.arguments.values():
            if isinstance(value, Ref):
                found.append(value)
            elif isinstance(value, list):
                found += [item for item in value if isinstance(item, Ref)]
        return found

    # Views

    def _permute(self, call: Call) -> Value:
        (ref,) = self._data(call)
        dims = [positive(d, len(call.sizes[0])) for d in call.arguments["dims"]]
        return _possible(self._of(ref).permuted(dims))

    def _transpose(self, call: Call) -> Value:
        (ref,) = self._data(call)
        dims = [*range(len(call.sizes[0]))]
        a, b = (positive(call.arguments[name], len(dims)) for name in ("dim0", "dim1"))
        dims[a], dims[b] = dims[b], dims[a]
        return _possible(self._of(ref).permuted(dims))

    def _unsqueeze(self, call: Call) -> Value:
        (ref,) = self._data(call)
        return _possible(
            self._of(ref).with_axis(positive(call.arguments["dim"], len(call.sizes[0])))
        )

    def _squeeze(self, call: Call) -> Value:
        (ref,) = self._data(call)
        sizes = self._sizes(ref)
        given = call.arguments.get("dim")
        wanted = range(1, len(sizes)) if given is None else given
        dims = [wanted] if isinstance(wanted, int) else [*wanted]
        dims = [d for d in (positive(d, len(sizes)) for d in dims) if sizes[d] == 1]
        return _possible(self._of(ref).without(dims))

    def _sizes(self, ref: Ref) -> Shape:
        return self._trace.calls[ref.call].sizes[ref.part]

    def _reshape(self, call: Call) -> Value:
        """Return a tensor with other sizes: only axes of 1 come or go, or a layer reshapes it."""
        ref = self._data(call)[0]
        value, old, new = self._of(ref), self._sizes(ref), call.sizes[0]
        if not new or old[0] != new[0]:
            raise Unknown("it moves images of the batch")
        if old == new:
            return value
        view = _with_ones(value, old[1:], new[1:])
        if view is not None:
            return view
        node = self._plain(value, call)
        x = self._layers.graph.nodes[node].shape
        if len(new) == 2:
            return self._layers.add("flatten", {}, [node], self._path(call, "flatten"), new[1:])
        sizes = _relative(x, new[1:])
        return self._layers.add(
            "reshape", {"sizes": sizes}, [node], self._path(call, "reshape"), new[1:]
        )

    # Parts

    def _slice(self, call: Call) -> Value:
        (ref,) = self._data(call)
        given = call.arguments
        sizes = self._sizes(ref)
        dim = positive(given["dim"], len(sizes))
        start, stop, step = slice(given["start"], given["end"], given["step"]).indices(sizes[dim])
        return self._part(call, ref, dim, start, stop, step)

    def _part(self, call: Call, ref: Ref, dim: int, start: int, stop: int, step: int = 1) -> Value:
        """Return some positions of an axis."""
        value, size = self._of(ref), self._sizes(ref)[dim]
        if (start, stop, step) == (0, size, 1):
            return value
        axis = value.axis(dim)
        if axis is None:
            raise Unknown("it takes a part of the batch")
        body: dict[str, Any] = {"axis": axis, "start": start, "step": step}
        if stop < size:
            body["stop"] = stop
        body = {k: v for k, v in body.items() if v != {"axis": 0, "start": 0, "step": 1}.get(k)}
        y = self._layers.add("slice", body, [value.node], self._path(call, "slice"))
        return Value(y.node, value.order)

    def _split(self, call: Call) -> list[Value]:
        (ref,) = self._data(call)
        dim = positive(call.arguments["dim"], len(self._sizes(ref)))
        found, start = [], 0
        for sizes in call.sizes:
            found.append(self._part(call, ref, dim, start, start + sizes[dim]))
            start += sizes[dim]
        return found

    _split_with_sizes = _chunk = _tensor_split = _split

    def _unbind(self, call: Call) -> list[Value]:
        (ref,) = self._data(call)
        dim = positive(call.arguments["dim"], len(self._sizes(ref)))
        parts = [self._part(call, ref, dim, n, n + 1) for n in range(self._sizes(ref)[dim])]
        return [_possible(part.without([dim])) for part in parts]

    def _select(self, call: Call) -> Value:
        (ref,) = self._data(call)
        sizes = self._sizes(ref)
        dim = positive(call.arguments["dim"], len(sizes))
        at = positive(call.arguments["index"], sizes[dim])
        return _possible(self._part(call, ref, dim, at, at + 1).without([dim]))

    # Joins

    def _cat(self, call: Call) -> Value:
        refs = call.arguments["tensors"]
        if not all(isinstance(ref, Ref) for ref in refs):
            raise Unknown("it joins parameters")
        values, order = self._alike(call, refs)
        axis = order[positive(call.arguments["dim"], len(call.sizes[0])) - 1]
        if axis is None:
            raise Unknown("it joins along the batch, or along an axis of 1 that is new")
        nodes = [value.node for value in values]
        return self._joined("concat", call, nodes, order, {"axis": axis} if axis else {})

    def _joined(
        self,
        key: str,
        call: Call,
        nodes: Sequence[int],
        order: tuple[int | None, ...],
        body: Mapping[str, Any] = NOTHING_SET,
    ) -> Value:
        y = self._layers.add(key, body, nodes, self._path(call, key))
        return Value(y.node, order)

    def _alike(self, call: Call, refs: Sequence[Ref]) -> tuple[list[Value], tuple[int | None, ...]]:
        """Return tensors whose axes are in one order, and that order; others get a layer for it."""
        values = [self._of(ref) for ref in refs]
        orders = {value.order for value in values}
        lengths = {len(self._layers.shape(value)) for value in values}
        if len(orders) == 1 and len(lengths) == 1:
            return values, values[0].order
        nodes = [self._plain(value, call) for value in values]
        found = [plain(n, self._layers.graph.nodes[n].shape) for n in nodes]
        return found, found[0].order

    def _arithmetic(self, call: Call) -> Value:
        """Join two tensors, or scale or shift one by a number or by parameters."""
        a, b = call.arguments["self"], call.arguments["other"]
        if call.arguments.get("alpha", 1) != 1:
            raise Unknown("it has a factor `alpha`")
        if call.arguments.get("rounding_mode"):
            raise Unknown("it rounds")
        if isinstance(a, Ref) and isinstance(b, Ref):
            return self._join(call, a, b)
        if not isinstance(a, Ref):
            a, b = b, a
            if call.name not in ("add", "mul", "maximum", "minimum"):
                raise Unknown("it divides or subtracts from a parameter")
        return self._with_weight(call, a, b)

    def _addcmul(self, call: Call) -> Value:
        """Return x + value·a·b: a scale and a shift if x and one factor are parameters."""
        given = call.arguments
        factors = [given["tensor1"], given["tensor2"]]
        tensors = [t for t in factors if isinstance(t, Ref)]
        others = [t for t in factors if not isinstance(t, Ref)]
        if given.get("value", 1) != 1 or len(tensors) != 1 or isinstance(given["self"], Ref):
            raise Unknown("it is not a scale and a shift by parameters")
        scaled = self._scaled(call._replace(name="mul"), self._of(tensors[0]), others[0])
        return self._scaled(call._replace(name="add"), scaled, given["self"])

    def _join(self, call: Call, a: Ref, b: Ref) -> Value:
        left, right = self._of(a), self._of(b)
        longest = max(len(left.order), len(right.order))
        padded = [
            Value(v.node, (*[None] * (longest - len(v.order)), *v.order)) for v in (left, right)
        ]
        sizes = [v.sizes(self._layers.shape(v)) for v in padded]
        key = call.name
        if key == "rsub":
            key, padded, sizes = "sub", padded[::-1], sizes[::-1]
        full = next((v for v, own in zip(padded, sizes) if own == call.sizes[0][1:]), None)
        if full is None:
            raise Unknown("both of its inputs are stretched")
        nodes = []
        for v in padded:
            same = v.order == full.order and len(self._layers.shape(v)) == len(
                self._layers.shape(full)
            )
            nodes.append(v.node if same else self._in_order(v, full, call))
        return self._joined(key, call, nodes, full.order)

    def _in_order(self, value: Value, full: Value, call: Call) -> int:
        """Return a node with the axes of a tensor in the order of another one's node."""
        axes = len(self._layers.shape(full))
        order: list[int | None] = [None] * axes
        for own, axis in zip(value.order, full.order):
            if axis is not None:
                order[axis] = own
        return self._plain(Value(value.node, tuple(order)), call)

    def _with_weight(self, call: Call, ref: Ref, other: Any) -> Value:
        return self._scaled(call, self._of(ref), other)

    def _scaled(self, call: Call, value: Value, other: Any) -> Value:
        """Scale or shift a tensor by a number, or by trained values."""
        shape = self._layers.shape(value)
        key = {"mul": "scale", "div": "scale", "add": "shift", "sub": "shift"}.get(call.name)
        if isinstance(other, Weight) and other.value is not None and not other.trained:
            other = other.value
        if isinstance(other, (int, float)) and not isinstance(other, bool):
            by = {"div": lambda n: 1 / n, "sub": lambda n: -n, "rsub": lambda n: n}.get(call.name)
            if key is None:
                raise Unknown(f"no operator is {call.name} with a number")
            y = self._layers.add(
                key, {"by": float(by(other) if by else other)}, [value.node], self._path(call, key)
            )
            return Value(y.node, value.order)
        if not isinstance(other, Weight) or key is None or not other.trained:
            raise Unknown("it computes with a constant")
        ones = (1,) * (len(value.order) - len(other.sizes)) + tuple(other.sizes)
        held = [value.order[n] for n, size in enumerate(ones[-len(value.order) :]) if size != 1]
        if len(ones) > len(value.order) and ones[0] != 1 or call.name in ("div", "sub"):
            raise Unknown("it computes with parameters of another shape")
        spatial = tuple(range(1, len(shape)))
        kinds = {
            (): "one",
            (0,): "per_channel",
            spatial: "per_position",
            (0, *spatial): "per_value",
        }
        trained = kinds.get(tuple(sorted(axis or 0 for axis in held)))
        if trained is None:
            raise Unknown("its parameters differ along some axes only")
        if shape[0] == 1 and prod(other.sizes) == 1 and call.name == "mul":
            trained = "one"
        start = 1.0 if key == "scale" else 0.0
        y = self._layers.add(
            key, {"by": start, "trained": trained}, [value.node], self._path(call, key)
        )
        return Value(y.node, value.order)

    # Means and everything else

    def _mean(self, call: Call) -> Value:
        """Reduce some axes, which are then dropped or kept: to means, sums, maxima and so on."""
        (ref,) = self._data(call)
        value, sizes = self._of(ref), self._sizes(ref)
        given = call.arguments.get("dim")
        if given is None or given == []:
            given = [*range(len(sizes))]
        listed = [given] if isinstance(given, int) else given
        dims = [positive(d, len(sizes)) for d in listed]
        axes = tuple(sorted(a for d in dims if (a := value.axis(d)) is not None))
        if len(axes) != len(dims):
            raise Unknown("it reduces the batch")
        shape = tuple(self._layers.shape(value))
        reduced = self._reduced(call, value.node, shape, axes)
        found = Value(reduced.node, value.order)
        return found if call.arguments.get("keepdim") else _possible(found.without(dims))

    _sum = _amax = _amin = _var = _std = _linalg_vector_norm = _mean

    def _reduced(self, call: Call, node: int, shape: Shape, axes: tuple[int, ...]) -> Value:
        """Add the layer that reduces axes of a node's output: a global pool if there is one."""
        y = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
        described = Called(call.name, {"axes": axes}, frozenset(), {}, (shape,), y)
        if call.name in ("mean", "amax"):
            with suppress(Unknown):
                return self._layers.called(described, [node], lambda key: self._path(call, key))
        given = call.arguments
        unbiased = given.get("unbiased", given.get("correction", 1) in (None, 1))
        if given.get("ord", 2) != 2 or given.get("correction", 1) not in (None, 0, 1):
            raise Unknown("it is another norm or variance than `reduce` has")
        words = {(0,): "channels", tuple(range(1, len(shape))): "positions"}
        body: dict[str, Any] = {"what": _MEASURES[call.name], "over": words.get(axes, axes)}
        if call.name in ("var", "std") and not unbiased:
            body["unbiased"] = False
        return self._layers.add("reduce", body, [node], self._path(call, "reduce"), y)

    def _layer_norm(self, call: Call) -> Value:
        (ref,) = self._data(call)
        value = self._of(ref)
        normed = len(call.arguments["normalized_shape"])
        axes = tuple(a for a in value.order[-normed:] if a is not None)
        settings = {"axes": tuple(sorted(axes)), "eps": call.arguments["eps"]}
        return self._in_place_of(call, value, settings)

    def _softmax(self, call: Call) -> Value:
        (ref,) = self._data(call)
        value = self._of(ref)
        axis = value.axis(positive(call.arguments["dim"], len(call.sizes[0])))
        return self._in_place_of(call, value, {"axis": axis})

    _log_softmax = _softmax

    def _in_place_of(
        self, call: Call, value: Value, settings: dict[str, Any], y: Shape | None = None
    ) -> Value:
        """Add a layer on the axes as they are; the tensor keeps the order of its axes."""
        shape = tuple(self._layers.shape(value))
        weights = self._weights(call)
        described = Called(
            call.name,
            settings,
            frozenset(),
            weights,
            (shape,),
            y or shape,
            self._buffers(call),
            call.key,
        )
        found = self._layers.called(described, [value.node], lambda key: self._path(call, key))
        return self._owned(call, Value(found.node, value.order))

    def _linear(self, call: Call) -> Value:
        (ref,) = self._data(call)
        value = self._of(ref)
        shape = self._layers.shape(value)
        if len(value.order) == 1:
            return self._called(call)
        if value.order[-1] != 0 or len(value.order) != len(shape):
            value = plain(n := self._plain(value, call), self._layers.graph.nodes[n].shape)
            shape = self._layers.shape(value)
        axis = value.order[-1]
        y = list(shape)
        y[axis or 0] = call.sizes[0][-1]
        settings = {"over": "channels" if axis == 0 else "last"}
        return self._in_place_of(call, value, settings, tuple(y))

    def _matmul(self, call: Call) -> Value:
        refs = self._data(call)
        if len(refs) != 2 or any(len(self._sizes(ref)) < 3 for ref in refs):
            raise Unknown("it does not multiply two tensors with images")
        nodes = [self._plain(self._of(ref), call) for ref in refs]
        y = self._layers.add("matmul", {}, nodes, self._path(call, "matmul"), call.sizes[0][1:])
        return y

    _bmm = _matmul

    def _stack(self, call: Call) -> Value:
        refs = call.arguments["tensors"]
        dim = positive(call.arguments["dim"], len(call.sizes[0]))
        if not all(isinstance(ref, Ref) for ref in refs) or dim == 0:
            raise Unknown("it joins parameters or the batch")
        nodes = [self._plain(self._of(ref), call) for ref in refs]
        body = {"axis": dim - 1} if dim > 1 else {}
        return self._layers.add("stack", body, nodes, self._path(call, "stack"), call.sizes[0][1:])

    def _lstm(self, call: Call) -> list[Value]:
        """Return the outputs of a recurrent layer that begins with zeros; its states are others."""
        given = call.arguments
        ref, weights = given["input"], given["params"]
        if not given["batch_first"] or any(isinstance(h, Ref) for h in _listed(given["hx"])):
            raise Unknown("it begins with states of its own, or has the steps first")
        held = {f"weight{n}": tuple(weight.sizes) for n, weight in enumerate(weights)}
        hidden = weights[1].sizes[1]
        body = {
            "out": hidden,
            "layers": given["num_layers"],
            "bidirectional": bool(given["bidirectional"]),
            "bias": bool(given["has_biases"]),
            "dropout": float(given["dropout"]),
        }
        key = {"lstm": "lstm", "gru": "gru"}.get(call.name)
        if key is None or call.name == "lstm" and weights[0].sizes[0] != 4 * hidden:
            raise Unknown("its layers are projected")
        node = self._plain(self._of(ref), call)
        y = self._layers.add_with(key, body, [node], self._path(call, key), call.sizes[0][1:], held)
        return [self._owned(call, y)]

    _gru = _lstm

    def _called(self, call: Call) -> Value:
        """Add the layer that is an operator of its own."""
        values = [self._of(ref) for ref in self._data(call)]
        elementwise = (
            len(values) == 1
            and not self._weights(call)
            and call.sizes[0] == self._sizes(self._data(call)[0])
            and (not call.key or BY_KEY[call.key].elementwise)
        )
        settings = self._settings(call)
        if elementwise and not values[0].is_plain(self._layers.shape(values[0])):
            return self._in_place_of(call, values[0], settings)
        nodes = [self._plain(value, call) for value in values]
        xs = tuple(self._layers.graph.nodes[n].shape for n in nodes)
        y = call.sizes[0][1:]
        described = Called(
            call.name,
            settings,
            call.defaults,
            self._weights(call),
            xs,
            y,
            self._buffers(call),
            call.key,
        )
        found = self._layers.called(described, nodes, lambda key: self._path(call, key))
        return self._owned(call, found)

    def _settings(self, call: Call) -> dict[str, Any]:
        """Return the arguments that are no tensors, with one number for alike axes."""
        found: dict[str, Any] = {}
        for name, value in call.arguments.items():
            if name in _UNUSED or value is None or value == [] or _has_tensor(value):
                continue
            per_axis = isinstance(value, (list, tuple)) and not call.key
            found[name] = alike(value) if per_axis else value
        return found

    @staticmethod
    def _weights(call: Call) -> dict[str, Shape]:
        """Return the shapes of the parameters and buffers of a call.

        Errors: Unknown if one is a part of a tensor, or computed from several.
        """
        weights = {k: w for k, w in call.arguments.items() if isinstance(w, Weight)}
        if not all(weight.whole for weight in weights.values()):
            raise Unknown("its weights are a part of a parameter, or computed from several")
        return {name: tuple(weight.sizes) for name, weight in weights.items()}

    @staticmethod
    def _buffers(call: Call) -> frozenset[str]:
        weights = {k: w for k, w in call.arguments.items() if isinstance(w, Weight)}
        return frozenset(name for name, w in weights.items() if not w.is_parameter)

    def _owned(self, call: Call, value: Value) -> Value:
        """Note whose parameters a layer has: those of an earlier layer, or its own."""
        weights = [w for w in call.arguments.values() if isinstance(w, Weight)]
        names = tuple(name for weight in weights for name in weight.names)
        if not names:
            return value
        node = self._layers.graph.nodes[value.node]
        owner = self._layers.owners.setdefault(names, value.node)
        if owner != value.node:
            node.shares = owner
        node.frozen = not any(w.trained for w in weights)
        return value


def _has_tensor(value: Any) -> bool:
    if isinstance(value, (Ref, Weight)):
        return True
    return isinstance(value, (list, tuple)) and any(map(_has_tensor, value))


def _weights_in(value: Any) -> Iterator[Weight]:
    """Yield the parameters among the arguments of a call."""
    if isinstance(value, Weight):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _weights_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _weights_in(item)


def _listed(value: Any) -> list[Any]:
    """Return a list as it is, and any other value in one."""
    return value if isinstance(value, list) else [value]


def _possible(value: Value | None) -> Value:
    if value is None:
        raise Unknown("it moves the batch")
    return value


def _with_ones(value: Value, old: Shape, new: Shape) -> Value | None:
    """Return the tensor with axes of 1 added or dropped; None if that does not give these sizes."""
    kept = [axis for axis, n in zip(value.order, old) if n != 1]
    if [n for n in old if n != 1] != [n for n in new if n != 1]:
        return None
    if len(old) == len(new):
        return None
    rest, order = iter(kept), []
    ones = iter([axis for axis, n in zip(value.order, old) if n == 1])
    for n in new:
        order.append(next(rest) if n != 1 else next(ones, None))
    return Value(value.node, tuple(order))


def _relative(x: Shape, y: Shape) -> Shape:
    """Return sizes of which the largest new one is left open, so that other inputs fit."""
    sizes = list(y)
    new = [n for n, size in enumerate(y) if size not in x]
    open_ = max(new or range(len(y)), key=lambda n: y[n])
    sizes[open_] = -1
    return tuple(sizes)
