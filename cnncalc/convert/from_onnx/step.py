"""One node of ONNX with what it reads, and the calls that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...num import Shape
from ...trace import Call, Ref
from ..layers import Unknown
from .constants import Constant
from .naming import Place
from .operators import operator_of

Given = Ref | Constant | None
Result = Ref | Constant | list[Ref]


class Step:
    """A node: it reads tensors that are computed and constants, and adds calls to a trace."""

    def __init__(
        self,
        op: str,
        attributes: Mapping[str, Any],
        given: Sequence[Given],
        outputs: Sequence[str],
        calls: list[Call],
        place: Place,
        source: str,
        opset: int,
    ):
        self.op = op
        self.attributes = attributes
        self.given = given
        self.outputs = outputs  # their names
        self.opset = opset
        self._calls = calls
        self._place = place
        self._source = source

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or what it is if the file does not set it."""
        return self.attributes.get(name, default)

    def input(self, n: int) -> Given:
        """Return an input; None if it is left out."""
        return self.given[n] if n < len(self.given) else None

    def data(self, n: int = 0) -> Ref:
        """Return an input that depends on those of the network. Errors: Unknown."""
        given = self.input(n)
        if not isinstance(given, Ref):
            raise Unknown("it computes from a constant")
        return given

    def constant(self, n: int) -> Constant | None:
        """Return an input that must be a constant; None if it is left out. Errors: Unknown."""
        given = self.input(n)
        if isinstance(given, Ref):
            raise Unknown("what it computes depends on values")
        return given

    def integers(self, name: str, n: int) -> tuple[int, ...] | None:
        """Return integers that are an attribute in older files, and an input in newer ones."""
        given = self.constant(n)
        if given is not None:
            return given.integers()
        value = self.attributes.get(name)
        return (value,) if isinstance(value, int) else value

    def sizes(self, ref: Ref) -> Shape:
        """Return the sizes of a tensor, with the batch."""
        return self._calls[ref.call].sizes[ref.part]

    def add(self, name: str, sizes: Shape, /, **arguments: Any) -> Ref:
        """Add a call of torch, by its name in the dispatcher, that returns one tensor."""
        return self.add_parts(name, [sizes], **arguments)[0]

    def add_parts(self, name: str, sizes: Sequence[Shape], /, **arguments: Any) -> list[Ref]:
        """Add a call of torch that returns several tensors."""
        return self._append(name, sizes, arguments)

    def add_layer(self, key: str, ref: Ref, shape: Shape, body: Mapping[str, Any]) -> Ref:
        """Add a layer without parameters, with the fields of an operator of ours."""
        sizes = (self.sizes(ref)[0], *shape)
        return self._append(self.op, [sizes], {"self": ref, **body}, key)[0]

    def add_operator(
        self,
        attributes: Mapping[str, Any] | None = None,
        op: str = "",
        ref: Ref | None = None,
        parts: int = 1,
    ) -> Ref:
        """Add the operator that this node is, as its class says.

        Accepts: other attributes, another name and another first input than the node has; and how
        many tensors it returns, all of one shape.

        Errors: Unknown if there is none.
        """
        if any(isinstance(given, Ref) for given in self.given[1:]):
            raise Unknown("what it computes depends on values")
        others = [self.constant(n) for n in range(1, len(self.given))]
        source = ref or self.data()
        batch, *x = self.sizes(source)
        settings = self.attributes if attributes is None else attributes
        found = operator_of(op or self.op, settings, tuple(x), others)
        weights = {}  # by other names than those of fields, such as `bias`
        for n, (name, given) in enumerate(found.weights.items(), 1):
            if all(len(each.sizes) < 2 for each in found.weights.values()):
                # Exporters store equal values once, and those of norms may be equal by chance.
                given = given._replace(
                    names=tuple(f"{self.outputs[0]} {own}" for own in given.names)
                )
            weights[f"input{n}"] = given.weight(name not in found.buffers)
        arguments = {"self": source, **weights, **found.body}
        sizes = [(batch, *found.shape)] * parts
        return self._append(self.op, sizes, arguments, found.op.key)[0]

    def add_unknown(self, sizes: Sequence[Shape]) -> list[Ref]:
        """Add a call that no operator stands for."""
        arguments: dict[str, Any] = {}
        for n, given in enumerate(self.given):
            if isinstance(given, Ref) or isinstance(given, Constant) and given.number is None:
                arguments[f"input{n}"] = given if isinstance(given, Ref) else given.weight()
        return self._append(self.op, sizes, arguments)

    def _append(
        self, name: str, sizes: Sequence[Shape], arguments: Mapping[str, Any], key: str = ""
    ) -> list[Ref]:
        path, module, only = self._place
        call = Call(
            name=name,
            arguments=arguments,
            defaults=frozenset(),
            sizes=tuple(map(tuple, sizes)),
            path=path,
            module=module,
            only=only,
            source=self._source,
            key=key,
        )
        self._calls.append(call)
        return [Ref(len(self._calls) - 1, part) for part in range(len(sizes))]
