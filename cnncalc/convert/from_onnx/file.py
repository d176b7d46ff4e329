"""Reads what an ONNX file says of its network: all but the weights.

Numbers of fields are those of onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from struct import error as struct_error
from typing import Any, NamedTuple

from ...num import Shape
from .elements import FLOAT32, FLOATS, INTEGERS, decoded, shortest
from .wire import Budget, Damaged, Message, Span, signed

_MOST_FLOATS = 4096  # of a constant whose values are read
_MOST_INTEGERS = 65_536
_MOST_AXES = 64
_MOST_SIZE = 10**12  # of an axis
_DEEPEST = 8  # graphs inside one another


class Tensor(NamedTuple):
    """A constant of the file; `values` is None if there are too many, or they are elsewhere."""

    name: str
    sizes: Shape
    is_float: bool
    values: tuple[int | float, ...] | None


class OnnxNode(NamedTuple):
    """A node as it is in the file. A missing input or output is ''."""

    op: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    metadata: Mapping[str, str]

    def reads(self) -> Iterator[str]:
        """Yield the names of what it reads, also in graphs inside it."""
        yield from self.inputs
        for value in self.attributes.values():
            if isinstance(value, OnnxFile):
                yield from (output.name for output in value.outputs)
                for node in value.nodes:
                    yield from node.reads()


class OnnxValue(NamedTuple):
    """The name and the axes of a tensor: a number, a name, or None for an unknown size."""

    name: str
    axes: tuple[int | str | None, ...] | None


class OnnxFile(NamedTuple):
    """A network in a file, or a graph inside a node, such as a branch of `If`."""

    producer: str
    opsets: Mapping[str, int]  # by domain
    nodes: list[OnnxNode]
    constants: Mapping[str, Tensor]
    inputs: list[OnnxValue]
    outputs: list[OnnxValue]
    described: Mapping[str, OnnxValue]  # tensors inside, with sizes that the file states


def read_onnx(path: Path) -> OnnxFile:
    """Return the network in a file. Its weights stay on the disk.

    Errors: Damaged for a file that is not ONNX; OSError.
    """
    with path.open("rb") as stream:
        if not stream.read(1):
            raise Damaged("it is empty")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            view = memoryview(data)
            try:
                return _model(Message(view, Span(0, len(view)), Budget()))
            finally:
                view.release()


def _model(message: Message) -> OnnxFile:
    graph, opsets, producer, version = None, {}, "", 0
    for number, value in message.fields():
        if number == 1 and isinstance(value, int):
            version = value
        elif number == 2:
            producer = message.text(value)
        elif number == 7:
            graph = message.inner(value)
        elif number == 8:
            domain, opset = _opset(message.inner(value))
            opsets[domain] = opset
    if graph is None or not version:
        raise Damaged("there is no model in it")
    return _graph(graph)._replace(producer=producer, opsets=opsets)


def _opset(message: Message) -> tuple[str, int]:
    domain, version = "", 0
    for number, value in message.fields():
        if number == 1:
            domain = message.text(value)
        elif number == 2 and isinstance(value, int):
            version = value
    return "" if domain == "ai.onnx" else domain, version


def _graph(message: Message, depth: int = 0) -> OnnxFile:
    if depth > _DEEPEST:
        raise Damaged(f"it has graphs inside one another, more than {_DEEPEST} deep")
    nodes: list[OnnxNode] = []
    constants: dict[str, Tensor] = {}
    described: dict[str, OnnxValue] = {}
    inputs: list[OnnxValue] = []
    outputs: list[OnnxValue] = []
    for number, value in message.fields():
        if number == 1:
            nodes.append(_node(message.inner(value), depth))
        elif number == 5:
            tensor = _tensor(message.inner(value))
            constants[tensor.name] = tensor
        elif number in (11, 12, 13):
            found = _value(message.inner(value))
            if number == 13:
                described[found.name] = found
            else:
                (inputs if number == 11 else outputs).append(found)
        elif number == 15:
            tensor = _sparse(message.inner(value))
            constants[tensor.name] = tensor
    inputs = [given for given in inputs if given.name not in constants]
    described |= {given.name: given for given in outputs}
    return OnnxFile("", {}, nodes, constants, inputs, outputs, described)


def _node(message: Message, depth: int) -> OnnxNode:
    inputs: list[str] = []
    outputs: list[str] = []
    attributes: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    texts = {3: "", 4: "", 7: ""}
    for number, value in message.fields():
        if number == 1:
            inputs.append(message.text(value))
        elif number == 2:
            outputs.append(message.text(value))
        elif number == 5:
            name, attribute = _attribute(message.inner(value), depth)
            attributes[name] = attribute
        elif number in texts:
            texts[number] = message.text(value)
        elif number == 9:
            key, text = _entry(message.inner(value))
            metadata[key] = text
    if not texts[4]:
        raise Damaged(f"a node at byte {message.span.start:,} has no operator")
    domain = "" if texts[7] == "ai.onnx" else texts[7]
    return OnnxNode(
        op=texts[4],
        domain=domain,
        name=texts[3],
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        attributes=attributes,
        metadata=metadata,
    )


def _entry(message: Message) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    for number, value in message.fields():
        if number in texts:
            texts[number] = message.text(value)
    return texts[1], texts[2]


def _attribute(message: Message, depth: int) -> tuple[str, Any]:
    """Return the name and the value of an attribute; a list is a tuple."""
    name, kind = "", 0
    found: Any = None
    many: list[Any] = []
    for number, value in message.fields():
        if number == 1:
            name = message.text(value)
        elif number == 20 and isinstance(value, int):
            kind = value
        elif number == 2:
            found = shortest(float(_number(value)))
        elif number == 3:
            found = signed(int(_number(value)))
        elif number == 4:
            found = message.text(value)
        elif number == 5:
            found = _tensor(message.inner(value))
        elif number == 6:
            found = _graph(message.inner(value), depth + 1)
        elif number == 7:
            many += _floats(message, value)
        elif number == 8:
            many += message.integers(value, _MOST_INTEGERS)
        elif number == 9:
            many.append(message.text(value))
        if len(many) > _MOST_INTEGERS:
            raise Damaged(f"attribute `{name}` has more than {_MOST_INTEGERS:,} values")
    is_list = 6 <= kind <= 10 or many
    return name, tuple(many) if is_list else found


def _number(value: int | float | Span) -> int | float:
    if isinstance(value, Span):
        raise Damaged(f"bytes are where a number should be, at byte {value.start:,}")
    return value


def _floats(message: Message, value: int | float | Span) -> list[float]:
    """Return a float, or those of a packed field."""
    if not isinstance(value, Span):
        return [shortest(float(value))]
    count = (value.end - value.start) // 4
    if count > _MOST_INTEGERS:
        raise Damaged(f"a list at byte {value.start:,} has more than {_MOST_INTEGERS:,} numbers")
    found = decoded(message.raw(value, 4 * count), FLOAT32, count) or ()
    return [float(number) for number in found]


def _tensor(message: Message) -> Tensor:
    """Return a constant; its values are read if they are few. A file may have none of them."""
    sizes: list[int] = []
    kind, name, raw, elsewhere = 0, "", None, False
    listed: list[int | float | Span] = []
    for number, value in message.fields():
        if number == 1:
            sizes += message.integers(value, _MOST_AXES)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number in (4, 5, 7, 10, 11):
            listed.append(value)
        elif number == 8:
            name = message.text(value)
        elif number == 9:
            raw = value
        elif number == 14 and isinstance(value, int):
            elsewhere = value == 1
        if len(sizes) > _MOST_AXES:
            raise Damaged(f"constant `{name}` has more than {_MOST_AXES} axes")
    if any(not 0 <= size <= _MOST_SIZE for size in sizes):
        raise Damaged(f"constant `{name}` has the sizes {sizes}")
    shape = tuple(sizes)
    count = prod(shape)
    values = None
    known = (kind in INTEGERS or kind in FLOATS) and (raw is not None or listed or count == 0)
    most = _MOST_INTEGERS if kind in INTEGERS else _MOST_FLOATS
    if known and count <= most and not elsewhere:
        values = _values(message, kind, count, raw, listed)
        if values is not None and len(values) != count:
            raise Damaged(f"constant `{name}` has {len(values)} of {count} values")
    return Tensor(name, shape, kind in FLOATS, values)


def _values(
    message: Message,
    kind: int,
    count: int,
    raw: int | float | Span | None,
    listed: list[int | float | Span],
) -> tuple[int | float, ...] | None:
    """Return the values of a constant, which are bytes, or a list of integers or floats."""
    try:
        if isinstance(raw, Span):
            return decoded(message.raw(raw, 8 * count), kind, count)
        if kind in INTEGERS:
            return tuple(n for value in listed for n in message.integers(value, _MOST_INTEGERS))
        if kind == FLOAT32:
            return tuple(n for value in listed for n in _floats(message, value))
    except struct_error:
        raise Damaged(f"a constant at byte {message.span.start:,} has too few bytes") from None
    return None


def _sparse(message: Message) -> Tensor:
    """Return a sparse constant, without values: `values` has the name, `dims` the sizes."""
    name, sizes = "", []
    for number, value in message.fields():
        if number == 1:
            name = _tensor(message.inner(value)).name
        elif number == 3:
            sizes += message.integers(value, _MOST_AXES)
    return Tensor(name, tuple(sizes), True, None)


def _value(message: Message) -> OnnxValue:
    """Return a tensor's name and axes: ValueInfoProto, TypeProto, TypeProto.Tensor."""
    name, axes = "", None
    for number, value in message.fields():
        if number == 1:
            name = message.text(value)
        elif number == 2:
            kind = message.inner(value)
            for inner, content in kind.fields():
                if inner == 1:
                    axes = _axes(kind.inner(content))
    return OnnxValue(name, axes)


def _axes(message: Message) -> tuple[int | str | None, ...] | None:
    for number, value in message.fields():
        if number == 2:
            shape = message.inner(value)
            found = [_axis(shape.inner(axis)) for n, axis in shape.fields() if n == 1]
            if len(found) > _MOST_AXES:
                raise Damaged(f"a tensor has more than {_MOST_AXES} axes")
            return tuple(found)
    return None


def _axis(message: Message) -> int | str | None:
    found: int | str | None = None
    for number, value in message.fields():
        if number == 1 and isinstance(value, int):
            found = signed(value)
        elif number == 2:
            found = message.text(value) or None
    return found if isinstance(found, str) or found is not None and found >= 0 else None
