"""Builds the torch network of a graph. The modules are named by the paths of the layers."""

from __future__ import annotations

import contextlib
import importlib
import os
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..analysis.freezing import freeze_parts
from ..analysis.memory.checkpoints import checkpointed
from ..analysis.memory.gradients import Gradients
from ..analysis.memory.in_place import written_over
from ..diagnostic import Diagnostic, Mistake
from ..graph import Graph, Node
from ..language.load import spec_of
from ..language.spec import Spec
from ..language.validation import shown
from ..num import Shape
from ..ops.base import Op
from .device import device_of
from .user_code import import_network


class Planned(NamedTuple):
    """A layer to run: its module's path, its inputs, and the values that nothing needs after it."""

    path: str
    inputs: tuple[int, ...]
    released: tuple[int, ...]


class Segment(NamedTuple):
    """Layers that backward computes again: numbers of their values, and of those they read."""

    numbers: range
    inputs: tuple[int, ...]


class Network(nn.Module):
    """A network that runs its layers in order, and frees each value after its last use.

    Where gradients are computed, the layers of a checkpoint run again in backward. Classes of the
    user are imported, so whoever makes it has to be allowed to (`refuse_code`).
    """

    def __init__(self, graph: Graph):
        super().__init__()
        self.plan: list[Planned] = []
        self.entries, self.results = len(graph.inputs), graph.outputs
        over = written_over(graph)
        last_readers: dict[int, int] = {}
        # Where a pool found its maxima is the value ~n, if the pool is node n.
        sources = [_sources(node) for node in graph.nodes]
        for n, read in enumerate(sources):
            last_readers |= dict.fromkeys(read, n)
        for n, node in enumerate(graph.nodes):
            if node.op is None:
                continue
            owner = graph.owner(node)
            if owner is node:
                xs = graph.shapes_into(node)
                module = _module(node, node.op, xs, n in graph.places)
                if node.op.storage_in_training(*xs) == "inplace" and n not in over:
                    # Something else still needs its input.
                    module.inplace = False  # type: ignore[assignment]  # it is a plain attribute
                if node.frozen:
                    module.requires_grad_(False)
                _attach(self, node.path, module)
            last = {m for m in (*sources[n], n) if last_readers.get(m, m) == n}
            released = tuple(m for m in last if m not in graph.outputs)
            self.plan.append(Planned(owner.path, sources[n], released))
        again = checkpointed(graph, Gradients(graph)).values()  # no gradient passes the others
        self.checkpoints = {p.numbers.start: _segment(self, p.numbers) for p in again}

    def forward(self, *inputs: Tensor) -> Any:
        """Return the output of the network, or the tuple of its outputs."""
        values: dict[int, Any] = dict(enumerate(inputs))
        n, end = self.entries, self.entries + len(self.plan)
        while n < end:
            segment = self.checkpoints.get(n) if torch.is_grad_enabled() else None
            if segment is None:
                _run(self, range(n, n + 1), values)
                n += 1
            else:
                _run_again_in_backward(self, segment, values)
                n = segment.numbers.stop
        outputs = tuple(values[n] for n in self.results)
        return outputs[0] if len(outputs) == 1 else outputs


def _segment(network: Network, numbers: range) -> Segment:
    """Return the layers of a checkpoint with the values that they read from outside."""
    read = (m for n in numbers for m in network.plan[n - network.entries].inputs)
    outside = (m for m in read if (m if m >= 0 else ~m) not in numbers)
    return Segment(numbers, tuple(dict.fromkeys(outside)))


def _sources(node: Node) -> tuple[int, ...]:
    """Return the values that a layer is called with: of a pool whose maxima it puts back, ~n."""
    if node.op is not None and node.op.reads_places:
        return node.inputs[0], ~node.inputs[1]
    return node.inputs


def _module(node: Node, op: Op, xs: list[Shape], has_places: bool) -> nn.Module:
    """Return the module of a layer: torch's, ours, or the user's; `has_places` of a pool.

    Errors: a Mistake with CNN403 if the user's class cannot be made.
    """
    if op.operation is not None:
        _refuse_missing(node, op.operation)
    if op.code is None:
        call = op.torch(*xs)
        return (call._replace(name=f"Placed{call.name}") if has_places else call).build()
    try:
        return import_network(op.code.target, (), op.code.arguments, given_by="`module`")
    except Mistake as mistake:
        placed = (d._replace(position=node.position) for d in mistake.diagnostics)
        raise Mistake(*placed) from None


def _refuse_missing(node: Node, operation: str) -> None:
    """Raise a Mistake with CNN401 if a package has no compiled operation here."""
    package, name = operation.split("::")
    with contextlib.suppress(ImportError, OSError, RuntimeError):  # it fails without its operations
        importlib.import_module(package)
    if not hasattr(getattr(torch.ops, package), name):
        message = f"`{node.path}` runs an operation of {package}, which is not installed here"
        help = f"pip install {package}; everything that does not run the network works without it"
        raise Mistake(Diagnostic("CNN401", message, node.position, help, context=node.context))


def refuse_code(graph: Graph, allowed: bool) -> None:
    """Raise a Mistake if a layer is made by no class, or by one that may not run (CNN408)."""
    for node in graph.nodes:
        if node.op is None or not node.op.declared or node.shares is not None:
            continue
        fault = None
        if node.op.code is None:
            message = f"`{node.path}` is declared only: no class says how to make it"
            help = "add `module: package.module:Class`"
            fault = Diagnostic("CNN408", message, node.position, help, context=node.context)
        elif not allowed:
            message = f"`{node.path}` is made by `{node.op.code.target}`, which is code of yours"
            help = "if you trust it, allow it to run with --allow-code"
            fault = Diagnostic("CNN408", message, node.position, help, context=node.context)
        if fault is not None:
            raise Mistake(fault)


def _run(network: Network, numbers: range, values: dict[int, Any]) -> None:
    """Run some layers, and free each value after its last use."""
    for n in numbers:
        path, sources, released = network.plan[n - network.entries]
        module = _module_at(network, path)
        values[n] = module(*(values[m] for m in sources))
        places = getattr(module, "places", None)
        if places is not None:  # the network holds them, as long as they are needed
            values[~n] = places
            module.places = None  # type: ignore[assignment]  # it is a plain attribute
        for m in released:
            del values[m]


def _run_again_in_backward(network: Network, segment: Segment, values: dict[int, Any]) -> None:
    """Run the layers of a checkpoint, and free the values that nothing needs after it."""
    numbers, sources = segment

    def layers(*given: Any) -> tuple[Tensor, Any]:
        inside = dict(zip(sources, given))
        del given
        _run(network, numbers, inside)
        last = numbers.stop - 1
        return inside[last], inside.get(~last)

    given = [values[m] for m in sources]
    last = numbers.stop - 1
    values[last], places = checkpoint(layers, *given, use_reentrant=False)
    if places is not None:
        values[~last] = places
    for n in numbers:
        for m in network.plan[n - network.entries].released:
            values.pop(m, None)


def layer_paths(network: Network) -> list[str]:
    """Return the paths of the modules in the order in which they run."""
    return [path for path, _, _ in network.plan]


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """Return the outputs of a network as a tuple, however many it has."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _module_at(network: nn.Module, path: str) -> nn.Module:
    """Find the module at a path.

    The checks of `get_submodule` would take a millisecond in each run of a deep network.
    """
    module: Any = network
    for name in path.split("."):
        module = module._modules[name]
    found: nn.Module = module
    return found


def _attach(root: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a dotted path. A join takes over the branches that are already below it."""
    *above, name = path.split(".")
    for part in above:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    branches = root._modules.get(name)
    if branches is not None:
        for child, inner in branches.named_children():
            module.add_module(child, inner)
    root._modules[name] = module


def build(
    spec: Spec | str | os.PathLike[str],
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    freeze: Collection[str] = (),
    train_only: Collection[str] = (),
    allow_code: bool = False,
) -> Network:
    """Build the torch network of a spec, from plain modules named by the paths of the layers.

    Accepts:
        spec: the name of a bundled network, a path, the text of a spec, or what `load` or `loads`
            returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name.
        input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to such shapes.
        device: where its weights are: a torch device, or cpu, cuda, cuda:1, …, or meta, on which
            no weight is allocated.
        dtype: the type of the weights, such as ``torch.float16``; by default torch's own default.
        freeze: paths of layers, blocks, branches and chains whose parameters are not trained,
            beside those that the spec freezes.
        train_only: paths of the only ones whose parameters are trained.
        allow_code: whether the classes that `opaque` layers name may be imported and run.

    Returns:
        A torch.nn.Module, in training mode. It is called with one tensor ``(N, C, *spatial)`` for
        each input, and returns the output, or a tuple of several outputs. `requires_grad` is False
        for frozen parameters.

    Errors:
        A Mistake that holds the errors of the spec; with CNN111 for an unknown path, or where dtype
        is not a type of real or complex numbers; with CNN402 where the device cannot be used; with
        CNN408 for an `opaque` layer without a class, or with one that is not allowed to run. Where
        torch is not installed, an ImportError.

    Example:
        >>> import cnncalc
        >>> network = cnncalc.build("vgg16", device="meta")
        >>> network.get_submodule("conv1_1")
        Conv2d(3, 64, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
        >>> sum(weight.numel() for weight in network.parameters())
        138357544
    """
    if dtype is not None:
        _refuse_other_types(dtype)
    spec = spec_of(spec)
    graph = spec.graph(variant, set, input)
    errors = [d for d in (*spec.diagnostics, *graph.diagnostics) if d.severity == "error"]
    if errors:
        raise Mistake(*errors)
    freeze_parts(graph, freeze, train_only)
    refuse_code(graph, allow_code)
    where = device if isinstance(device, torch.device) else device_of(device)
    return assemble(graph, where, dtype)


def _refuse_other_types(dtype: Any) -> None:
    """Raise a Mistake unless weights can have this type: torch converts only to such ones."""
    if not isinstance(dtype, torch.dtype) or not (dtype.is_floating_point or dtype.is_complex):
        what = "dtype is a torch.dtype of real or complex numbers, such as torch.float16"
        raise Mistake(Diagnostic("CNN111", f"{what}, not {shown(dtype)}"))


def assemble(
    graph: Graph, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> Network:
    """Build the torch network of a graph."""
    with torch.device(device):
        network = Network(graph)
    return network.to(dtype) if dtype else network
