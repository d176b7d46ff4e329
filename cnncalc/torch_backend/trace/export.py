"""Traces a network by torch.export, without running it on values."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves, tree_map

from ...trace import Call, Measured, Ref, Trace, Weight
from ..aten import steps
from .inputs import Inputs, inputs_of
from .integers import with_integers
from .measured import measured
from .skipping import skipping_shown

_BATCH = 2  # a batch of 1 would be taken for a constant
_REGIONS = {  # calls that run others in another mode
    torch.ops.higher_order.wrap_with_autocast,
    torch.ops.higher_order.wrap_with_set_grad_enabled,
}
_COPIES = {"expand", "expand_as", "repeat", "clone", "to", "contiguous", "type_as", "detach"}
_SAME_VALUES = _COPIES | {"view", "reshape", "unsqueeze", "squeeze"}
_MOST_TAPS = 1089  # of a filter that is compared with known ones
_FILE = re.compile(r'File "([^"]+)", line (\d+)')


def exported(network: nn.Module, inputs: Inputs | Sequence[tuple[int, ...]]) -> Trace:
    """Return what a network in evaluation mode computes from inputs of these shapes.

    Accepts: shapes ``(C, *spatial)`` without the batch.
    Errors: any exception of torch.export, or of the network's own code.
    """
    if not isinstance(inputs, Inputs):
        inputs = inputs_of(network, inputs)
    images = with_integers(network.eval(), _images(network, inputs), inputs)
    args, kwargs = inputs.arguments(images)
    with quiet(), skipping_shown(network):
        if any(map(is_lazy, network.parameters())):  # they take their shapes from the first input
            network(*args, **kwargs)
        return traced(torch.export.export(network.eval(), args, kwargs, strict=False))


def exported_for_values(network: nn.Module, inputs: Inputs) -> Trace:
    """Return what a network computes from random values, if decisions in it depend on values.

    Errors: any exception of torch.export, or of the network's own code.
    """
    random = torch.Generator().manual_seed(0)
    args, kwargs = inputs.arguments(
        [torch.randn(x.shape, generator=random).to(x.device) for x in _images(network, inputs)]
    )
    with quiet():
        program = torch.export.draft_export(network.eval(), args, kwargs, strict=False)
    return _without_decisions(traced(program))


def depends_on_values(error: BaseException | None) -> bool:
    """Return whether torch.export failed because a network decides by values."""
    while error is not None:
        if "DataDependent" in type(error).__name__:
            return True
        error = error.__cause__ or error.__context__
    return False


def _images(network: nn.Module, inputs: Inputs) -> list[Tensor]:
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    return [torch.zeros(_BATCH, *shape, device=device) for shape in inputs.shapes]


def _without_decisions(trace: Trace) -> Trace:
    """Return a trace without the calls from which nothing is computed but decisions."""
    needed = {ref.call for ref in trace.outputs}
    for n in range(len(trace.calls) - 1, -1, -1):
        call = trace.calls[n]
        if n in needed or not call.name:
            needed.add(n)
            leaves = tree_leaves(dict(call.arguments), is_leaf=_is_tensor)
            needed.update(leaf.call for leaf in leaves if isinstance(leaf, Ref))
    kept = sorted(needed)
    places = {old: new for new, old in enumerate(kept)}

    def moved(value: Any) -> Any:
        return value._replace(call=places[value.call]) if isinstance(value, Ref) else value

    calls = []
    for n in kept:
        call = trace.calls[n]
        arguments = tree_map(moved, dict(call.arguments), is_leaf=_is_tensor)
        calls.append(call._replace(arguments=arguments))

    def measure(part: range) -> Measured:
        return trace.measure(range(kept[part.start], kept[part.stop - 1] + 1))

    return trace._replace(calls=calls, outputs=[*map(moved, trace.outputs)], measure=measure)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep torch from writing what it thinks of a network: what stops it is reported.

    What the network prints goes to stderr. What torch writes there is what it computed before it
    stopped.
    """
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(level)


def traced(program: Any) -> Trace:
    """Return what a program of torch.export computes."""
    return _Tracing(program).trace()


class _Tracing:
    """Turns the nodes of an exported program into calls."""

    def __init__(self, program: Any):
        self._program = program
        self._calls: list[Call] = []
        self._nodes: list[Node] = []  # of the calls
        self._values: dict[Node, Any] = {}
        self._parameters = {*program.graph_signature.parameters}

    def trace(self) -> Trace:
        """Return the whole network."""
        for node in self._program.graph.nodes:
            if node.op == "placeholder":
                self._values[node] = self._placeholder(node)
            else:
                self._follow(node, self._program.graph_module)
        returned = self._program.graph_signature.user_outputs
        by_name = {node.name: value for node, value in self._values.items()}
        found = [by_name.get(name) for name in returned]
        outputs = [value for value in found if isinstance(value, Ref)]
        numbers = {name: p.numel() for name, p in self._program.named_parameters()}
        return Trace(self._calls, outputs, numbers, partial(measured, self._nodes))

    def _follow(self, node: Node, owner: nn.Module) -> None:
        """Note the result of a node."""
        if node.op == "get_attr":
            found = owner.get_submodule(str(node.target)) if "val" not in node.meta else None
            if not isinstance(found, GraphModule):
                self._values[node] = self._weight((str(node.target),), node, trained=False)
        elif node.op == "call_function" and node.target in _REGIONS:
            self._values[node] = self._region(node, owner)
        elif node.op == "call_function":
            self._values[node] = self._call(node)

    def _region(self, node: Node, owner: nn.Module) -> Any:
        """Return the results of calls in a region of their own, such as one without autocast."""
        n = next(n for n, a in enumerate(node.args) if isinstance(a, Node) and a.op == "get_attr")
        region = owner.get_submodule(str(node.args[n].target))  # type: ignore[union-attr]
        given = iter(node.args[n + 1 :])
        assert isinstance(region, GraphModule)
        for inner in region.graph.nodes:
            if inner.op == "placeholder":
                self._values[inner] = self._value(next(given))
            elif inner.op == "output":
                results = inner.args[0]
                assert isinstance(results, (tuple, list))
                return [self._value(result) for result in results]
            else:
                self._follow(inner, region)
        return None

    def _placeholder(self, node: Node) -> Any:
        """Return an input of the network, a parameter, a buffer or a constant."""
        signature = self._program.graph_signature
        for table, trained in (
            (signature.inputs_to_parameters, True),
            (signature.inputs_to_buffers, False),
            (signature.inputs_to_lifted_tensor_constants, False),
        ):
            if node.name in table:
                name = table[node.name]
                own = self._program.state_dict.get(name)
                trained = trained and (own is None or own.requires_grad)
                found = self._weight((name,), node, trained)
                is_parameter = node.name in signature.inputs_to_parameters
                start = _only_value(own) if is_parameter else None
                return found._replace(is_parameter=is_parameter, start=start)
        if node.name not in signature.user_inputs:
            return None
        value = node.meta["val"]
        sizes = (tuple(value.shape),) if isinstance(value, Tensor) else ()
        integers = isinstance(value, Tensor) and not value.is_floating_point()
        return self._add(node, Call("", {}, frozenset(), sizes, node.name, integers=integers))

    def _weight(self, names: tuple[str, ...], node: Node, trained: bool) -> Weight:
        value = node.meta["val"]
        constant = self._constant(names[0]) if len(names) == 1 else None
        alone = isinstance(constant, Tensor) and constant.numel() == 1 and not constant.is_meta
        number = float(constant) if alone and constant is not None else None
        sizes = tuple(value.shape)
        parts = (sizes,) * len(names)
        taps = _filter_of(constant)
        return Weight(names, sizes, trained, value=number, parts=parts, filter=taps)

    def _constant(self, name: str) -> Tensor | None:
        """Return the values of a buffer or constant; None for a parameter."""
        program = self._program
        if name in self._parameters:
            return None
        found: Tensor | None = program.constants.get(name, program.state_dict.get(name))
        return found

    def _add(self, node: Node, call: Call) -> Ref:
        self._nodes.append(node)
        self._calls.append(call)
        return Ref(len(self._calls) - 1)

    def _call(self, node: Node) -> Any:
        """Return the result of a call: a `Ref`, a `Weight`, a number or a list of these."""
        if not hasattr(node.target, "_schema"):
            return self._of_python(node)
        given = self._arguments(node)
        leaves = tree_leaves(given, is_leaf=_is_tensor)
        data = [leaf for leaf in leaves if isinstance(leaf, Ref)]
        weights = list(dict.fromkeys(leaf for leaf in leaves if isinstance(leaf, Weight)))
        value = node.meta.get("val")
        if not data and isinstance(value, Tensor):
            parts = {n: s for weight in weights for n, s in zip(weight.names, weight.parts)}
            trained = any(weight.trained for weight in weights)
            parameter = any(weight.is_parameter for weight in weights)
            alike = len(weights) == 1 and prod(weights[0].sizes) == value.numel()
            name = self._name(node).strip("_")
            copied = len(weights) == 1 and name in _COPIES
            return Weight(
                names=tuple(parts),
                sizes=tuple(value.shape),
                trained=trained,
                is_parameter=parameter,
                whole=not weights or alike and weights[0].whole,
                value=_constant(node, given),
                start=weights[0].start if alike and name in _SAME_VALUES else None,
                parts=tuple(parts.values()),
                made_by=(
                    *(name for weight in weights for name in weight.made_by),
                    self._name(node),
                ),
                filter=weights[0].filter if copied else None,
            )
        if not isinstance(value, (Tensor, list, tuple)):
            return value  # a size, or nothing
        results = tree_leaves(value)
        sizes = tuple(tuple(t.shape) for t in results if isinstance(t, Tensor))
        name, defaults = self._name(node), self._defaults(node)
        path, module, only = _place(node)
        call = Call(name, given, defaults, sizes, path, module, only, _source(node))
        ref = self._add(node, call)
        if isinstance(value, Tensor):
            return ref
        return [Ref(ref.call, part) for part in range(len(sizes))]

    def _of_python(self, node: Node) -> Any:
        """Return what a function of Python computes from sizes, or takes from a list."""
        args = tree_map(self._value, node.args)
        return node.target(*args) if callable(node.target) else None

    def _value(self, argument: Any) -> Any:
        return self._values.get(argument) if isinstance(argument, Node) else argument

    def _arguments(self, node: Node) -> dict[str, Any]:
        """Return all arguments by name."""
        known = node.target._schema.arguments  # type: ignore[union-attr]
        given = {argument.name: argument.default_value for argument in known}
        given |= dict(zip((argument.name for argument in known), node.args)) | dict(node.kwargs)
        found: dict[str, Any] = {}
        for name, value in given.items():
            found[name] = tree_map(self._value, value) if value is not None else None
        return found

    def _defaults(self, node: Node) -> frozenset[str]:
        known = node.target._schema.arguments  # type: ignore[union-attr]
        given = dict(zip((argument.name for argument in known), node.args)) | dict(node.kwargs)
        return frozenset(
            argument.name
            for argument in known
            if argument.name not in given or given[argument.name] == argument.default_value
        )

    @staticmethod
    def _name(node: Node) -> str:
        name: str = node.target._schema.name.partition("::")[2]  # type: ignore[union-attr]
        found = steps(name)
        return found[0].operator if len(found) == 1 else name.strip("_")


def _is_tensor(value: Any) -> bool:
    return isinstance(value, (Ref, Weight))


def _constant(node: Node, given: dict[str, Any]) -> float | None:
    """Return the value of a tensor that is filled with one number."""
    if node.name.startswith(("full", "scalar_tensor")):
        value = given.get("fill_value", given.get("s"))
        return float(value) if isinstance(value, (int, float)) else None
    return None


def _only_value(parameter: Tensor | None) -> float | None:
    """Return the value of a parameter along one axis, if all its values are the same."""
    if parameter is None or parameter.is_meta or not parameter.is_floating_point():
        return None
    if not parameter.numel() or parameter.numel() != max(parameter.shape, default=1):
        return None
    low, high = torch.aminmax(parameter.detach())
    return float(f"{float(low):.6g}") if low == high else None


def _filter_of(constant: Any) -> tuple[float, ...] | None:
    """Return the values of each filter of a constant tensor, if all its filters are the same."""
    if not isinstance(constant, Tensor) or constant.is_meta or constant.dim() < 3:
        return None
    if not 0 < constant[:1].numel() <= _MOST_TAPS or not bool((constant == constant[:1]).all()):
        return None
    return tuple(constant[0].flatten().tolist())


def _place(node: Node) -> tuple[str, str, bool]:
    """Return the path and class of the module that made a call, and whether it is torch's own."""
    stack = [*node.meta.get("nn_module_stack", {}).values()]
    if not stack:
        return "", "", False
    path, kind = stack[-1][0], stack[-1][1]
    name = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    return path, name, name.startswith("torch.nn.modules.")


def _source(node: Node) -> str | None:
    """Return file and line of the innermost user code that made a call."""
    torch_folder = os.path.dirname(torch.__file__)
    for file, line in reversed(_FILE.findall(node.meta.get("stack_trace") or "")):
        if not file.startswith(torch_folder):
            return f"{os.path.relpath(file)}:{line}"
    return None
