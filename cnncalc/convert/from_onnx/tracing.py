"""Turns the nodes of an ONNX file into the calls of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...num import Shape
from ...trace import Call, Measured, Ref, Trace
from ..layers import Unknown
from .arithmetic import ARITHMETIC
from .attributes import wrong_attribute
from .chains import Chains
from .constants import Constant
from .file import OnnxFile, OnnxNode, OnnxValue, Tensor
from .folding import folded, sizes_of
from .known_chains import CHAINS
from .naming import Place, clean, places
from .placed import PLACED
from .recurrent import LAYERS, Steps, of_steps, recurrent, with_steps_first
from .step import Given, Result, Step
from .views import VIEWS, permuted

_RULES = {**VIEWS, **ARITHMETIC, **PLACED}
_QUANTIZED = {"QuantizeLinear", "DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger",
              "MatMulInteger", "DynamicQuantizeLinear"}  # fmt: skip
_VALUES = ("value", "value_int", "value_ints", "value_float", "value_floats")


class OnnxTrace:
    """A network in a file, traced for inputs of some sizes."""

    def __init__(self, file: OnnxFile, sizes: Mapping[str, Shape], as_stated: bool):
        self._file = file
        self._calls: list[Call] = []
        self._values: dict[str, Given | Steps] = {"": None}
        self._sequences: set[str] = set()  # tensors that a recurrent layer reads
        self._symbols: dict[str, int] = {}
        self._as_stated = as_stated  # whether the sizes that the file states are those here
        self._sizes = sizes
        self.kinds: dict[str, str] = {}  # the classes of modules by their paths, if they are known
        for given in file.inputs:
            for axis, size in zip(given.axes or (), sizes[given.name]):
                if isinstance(axis, str):
                    self._symbols[axis] = size

    def trace(self) -> Trace:
        """Return the calls. Errors: a Mistake with CNN412 for a node that cannot be followed."""
        file = self._file
        outputs = [output.name for output in file.outputs]
        constants = _constants(file)
        nodes = [node for node in file.nodes if node.op != "Constant" or node.domain]
        nodes = _needed(Chains(nodes, constants, outputs).replaced(CHAINS), outputs)
        self._values |= constants
        for given in file.inputs:
            self._values[given.name] = self._input(given, nodes)
        self._sequences = {node.inputs[0] for node in nodes if node.op in LAYERS and node.inputs}
        found, self.kinds = places(nodes)
        for node, place in zip(nodes, found):
            self._follow(node, place)
        refs = [_batch_first(self._values.get(name)) for name in outputs]
        if not refs or not all(isinstance(ref, Ref) for ref in refs):
            raise _mistake("an output of the network does not depend on its inputs")
        weights = {name: prod(own.sizes) for own in constants.values() for name in own.names}
        returned = [ref for ref in refs if isinstance(ref, Ref)]
        return Trace(self._calls, returned, weights, lambda part: Measured(None, None), True)

    def _input(self, given: OnnxValue, nodes: Sequence[OnnxNode]) -> Ref:
        """Add an input. If it is only read with its channels moved first, they are first here."""
        sizes = self._sizes[given.name]
        orders = {
            node.attributes.get("perm") if node.op == "Transpose" else None
            for node in nodes
            if given.name in node.inputs
        }
        order = orders.pop() if len(orders) == 1 else None
        last = len(sizes) - 1
        moved = order is not None and order == (0, last, *range(1, last))
        if moved:
            sizes = (sizes[0], sizes[-1], *sizes[1:-1])
        looked_up = any(n.op == "Gather" and n.inputs[1:] == (given.name,) for n in nodes)
        path = clean(given.name)
        self._calls.append(Call("", {}, frozenset(), (sizes,), path, integers=looked_up))
        ref = Ref(len(self._calls) - 1)
        if not moved:
            return ref
        step = self._step(OnnxNode("Transpose", "", "", (), (), {}, {}), Place())
        return permuted(step, ref, (0, *range(2, last + 1), 1))

    def _step(self, node: OnnxNode, place: Place) -> Step:
        return Step(
            op=node.op,
            attributes=node.attributes,
            given=[_without_order(self._values.get(name)) for name in node.inputs],
            outputs=node.outputs,
            calls=self._calls,
            place=place,
            source=f"node {_name(node)}",
            opset=self._file.opsets.get("", 1),
        )

    def _follow(self, node: OnnxNode, place: Place) -> None:
        """Find what a node gives."""
        for name in node.reads() if node.op != "If" else node.inputs:
            if name not in self._values:
                message = f"node `{_name(node)}` reads `{name[:60]}`, which is not there before it"
                raise _mistake(message)
        wrong = wrong_attribute(node.attributes)
        if wrong is not None:
            raise _mistake(f"attribute `{wrong[:60]}` of node `{_name(node)}` has another type")
        if node.op in _QUANTIZED:
            raise _mistake(
                f"the network is quantized: node `{_name(node)}` is `{node.op}`",
                help="import the file that it was made from, with numbers in float",
            )
        step = self._step(node, place)
        count = len(self._calls)
        result: Result | Steps
        try:
            if node.op == "If":
                self._follow_branch(node, step, place)
                return
            result = self._result(step, node)
            self._agrees(node, step, result)
        except Unknown as error:
            del self._calls[count:]
            result = self._unknown(node, step, str(error))
        listed = result if isinstance(result, list) else [result]
        self._values.update(zip((name for name in node.outputs), listed))

    def _follow_branch(self, node: OnnxNode, step: Step, place: Place) -> None:
        """Follow the branch that runs, if its condition is a constant."""
        condition = step.constant(0)
        if condition is None or condition.number is None:
            raise Unknown("which branch runs depends on values")
        branch = node.attributes.get("then_branch" if condition.number else "else_branch")
        if not isinstance(branch, OnnxFile):
            raise Unknown("it has no such branch")
        self._values |= _constants(branch)
        for inner in branch.nodes:
            if inner.op != "Constant" or inner.domain:
                self._follow(inner, place)
        for name, output in zip(node.outputs, branch.outputs):
            self._values[name] = self._values.get(output.name)

    def _result(self, step: Step, node: OnnxNode) -> Result | Steps:
        if node.domain:
            raise Unknown(f"no operator is {node.op} of {node.domain}")
        for n, name in enumerate(node.inputs):
            value = self._values[name]
            if isinstance(value, Steps):
                return of_steps(step, n, value, self._of_node)  # type: ignore[no-any-return]
        if node.op == "Transpose" and not self._sequences.isdisjoint(node.outputs):
            turned = with_steps_first(step)
            if turned is not None:
                return turned
        if node.op in LAYERS and step.attribute("layout"):
            return recurrent(step, step.data())
        return self._of_node(step)

    def _of_node(self, step: Step) -> Result:
        """Return what a node makes of tensors with the batch first, or of constants."""
        data = step.input(0) if step.given else None
        if step.op == "Shape" and isinstance(data, Ref):
            return sizes_of(step.sizes(data), step.attributes)
        if not any(isinstance(given, Ref) for given in step.given):
            constants = [given for given in step.given if not isinstance(given, Ref)]
            return folded(step.op, constants, step.attributes)
        rule = _RULES.get(step.op)
        return rule(step) if rule is not None else step.add_operator()

    def _agrees(self, node: OnnxNode, step: Step, result: Result | Steps) -> None:
        """Compare the sizes of a result with what the file states, apart from the batch.

        Errors: a Mistake with CNN412.
        """
        stated = self._stated(node.outputs[0]) if node.outputs else None
        if stated is None or not isinstance(result, Ref):
            return
        sizes = step.sizes(result)
        if len(sizes) != len(stated) or sizes[1:] != stated[1:]:
            shown = " and ".join(str([*each[1:]]) for each in (stated, sizes))
            message = f"the file states another shape for node `{_name(node)}` than it has: {shown}"
            raise _mistake(message, help="infer the shapes in the file again")

    def _stated(self, name: str) -> Shape | None:
        """Return the sizes that the file states for a tensor, if all are known."""
        value = self._file.described.get(name)
        if value is None or value.axes is None or not self._as_stated:
            return None
        sizes = [self._symbols.get(axis) if isinstance(axis, str) else axis for axis in value.axes]
        return None if None in sizes else tuple(size for size in sizes if size is not None)

    def _unknown(self, node: OnnxNode, step: Step, why: str) -> Result:
        """Return what a node without an operator gives: the file must state its shape.

        Errors: a Mistake with CNN412 if it does not.
        """
        outputs = [name for name in node.outputs if name]
        sizes = [own for name in outputs if (own := self._stated(name)) is not None]
        if not any(isinstance(given, Ref) for given in step.given):
            if len(sizes) == 1:
                names = [n for c in step.given if isinstance(c, Constant) for n in c.names]
                return Constant(sizes[0], None, True, tuple(names), False)
            raise _mistake(f"node `{_name(node)}` ({node.op}) is not followed: {why}")
        if len(sizes) < len(outputs):
            message = f"node `{_name(node)}` ({node.op}) is not followed, and the file does not"
            raise _mistake(
                f"{message} state its shape: {why}",
                help="infer the shapes in the file with `onnx.shape_inference`, for fixed sizes",
            )
        return step.add_unknown(sizes)


def _mistake(message: str, help: str | None = None) -> Mistake:
    return Mistake(Diagnostic("CNN412", message, help=help))


def _name(node: OnnxNode) -> str:
    """Return what to call a node in a message."""
    return (node.name or next(iter(node.outputs), "") or node.op)[:80]


def _constants(file: OnnxFile) -> dict[str, Constant]:
    """Return the constants of a file: initializers, and nodes that hold one."""
    found = {name: _constant(name, tensor) for name, tensor in file.constants.items()}
    for node in file.nodes:
        if node.op == "Constant" and not node.domain and node.outputs:
            given = next((v for n in _VALUES if (v := node.attributes.get(n)) is not None), None)
            found[node.outputs[0]] = _constant(node.outputs[0], given)
    return found


def _constant(name: str, given: Any) -> Constant:
    if isinstance(given, Tensor):
        names = (name,) if given.is_float else ()
        return Constant(given.sizes, given.values, given.is_float, names, table=given.sizes)
    if isinstance(given, (int, float)):
        return Constant((), (given,), isinstance(given, float))
    values = given if isinstance(given, tuple) else ()
    is_float = any(isinstance(value, float) for value in values)
    return Constant((len(values),), values, is_float)


def _without_order(value: Given | Steps) -> Given:
    return value.ref if isinstance(value, Steps) else value


def _batch_first(value: Given | Steps) -> Given:
    """Return an output of the network: of each sequence alone, it is the same in any order."""
    whole = isinstance(value, Steps) and "d" not in value.axes
    return value.ref if isinstance(value, Steps) and whole else _of_images(value)


def _of_images(value: Given | Steps) -> Given:
    return None if isinstance(value, Steps) else value


def _needed(nodes: Sequence[OnnxNode], outputs: Sequence[str]) -> list[OnnxNode]:
    """Return the nodes that an output depends on."""
    read = set(outputs)
    found = []
    for node in reversed(nodes):
        if not read.isdisjoint(node.outputs):
            found.append(node)
            read.update(node.reads())
    return found[::-1]
