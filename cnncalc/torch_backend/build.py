"""A graph as a torch network, its modules named by the paths of the layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..analysis.memory.in_place import written_over
from ..diagnostic import Mistake
from ..graph import Graph
from ..language.spec import Spec
from .device import device_of


class Planned(NamedTuple):
    """A layer that runs: its module's path, its inputs, and the values not needed after it."""

    path: str
    inputs: tuple[int, ...]
    released: tuple[int, ...]


class Network(nn.Module):
    """Runs the layers in order, and lets each value go after its last use."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.plan: list[Planned] = []
        self.entries, self.results = len(graph.inputs), graph.outputs
        over = written_over(graph)
        last_readers: dict[int, int] = {}
        for n, node in enumerate(graph.nodes):
            last_readers |= dict.fromkeys(node.inputs, n)
        for n, node in enumerate(graph.nodes):
            if node.op is None:
                continue
            owner = node
            if node.shares is not None:
                owner = graph.nodes[node.shares]
            else:
                xs = graph.shapes_into(node)
                module = node.op.torch(*xs).build()
                if node.op.storage_in_training(*xs) == "inplace" and n not in over:
                    # Something else still needs its input.
                    module.inplace = False  # type: ignore[assignment]  # it is a plain attribute
                _attach(self, node.path, module)
            read = {m for m in node.inputs if last_readers[m] == n}
            released = tuple(m for m in read if m not in graph.outputs)
            self.plan.append(Planned(owner.path, node.inputs, released))

    def forward(self, *inputs: Tensor) -> Any:
        """Return the output of the network, or the tuple of its outputs."""
        values: dict[int, Tensor] = dict(enumerate(inputs))
        for n, (path, sources, released) in enumerate(self.plan, self.entries):
            values[n] = _module_at(self, path)(*(values[m] for m in sources))
            for m in released:
                del values[m]
        outputs = tuple(values[n] for n in self.results)
        return outputs[0] if len(outputs) == 1 else outputs


def layer_paths(network: Network) -> list[str]:
    """Return the paths of the modules in the order that they run."""
    return [path for path, _, _ in network.plan]


def as_tuple(outputs: Any) -> tuple[Tensor, ...]:
    """Return the outputs of a network, however many it has."""
    return outputs if isinstance(outputs, tuple) else (outputs,)


def _module_at(network: nn.Module, path: str) -> nn.Module:
    """Find the module at a path.

    The checks of `get_submodule` would take a millisecond of a deep network's run.
    """
    module: Any = network
    for name in path.split("."):
        module = module._modules[name]
    found: nn.Module = module
    return found


def _attach(root: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a dotted path; a join takes over the branches that are already below it."""
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
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
) -> Network:
    """Build the torch network of a spec. On ``device="meta"`` no weight is allocated.

    Errors: a Mistake where the spec has errors, or the device cannot be used.
    """
    graph = spec.graph(variant, set, input)
    errors = [d for d in (*spec.diagnostics, *graph.diagnostics) if d.severity == "error"]
    if errors:
        raise Mistake(*errors)
    where = device if isinstance(device, torch.device) else device_of(device)
    return assemble(graph, where, dtype)


def assemble(
    graph: Graph, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> Network:
    """Build the torch network of a graph."""
    with torch.device(device):
        network = Network(graph)
    return network.to(dtype) if dtype else network
