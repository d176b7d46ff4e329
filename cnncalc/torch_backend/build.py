"""A graph as a torch network, its modules named by the paths of the layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..analysis.memory.storage import storages
from ..diagnostic import Mistake
from ..graph import Graph
from ..language.spec import Spec
from .device import device_of


class Network(nn.Module):
    """Runs the layers in order and lets each value go after its last use."""

    def __init__(self, graph: Graph):
        super().__init__()
        self.plan: list[
            tuple[str, tuple[int, ...], tuple[int, ...]]
        ] = []  # module's path, its inputs, what may go after it
        self.entries, self.results = len(graph.inputs), graph.outputs
        homes = storages(graph)
        last = {source: n for n, node in enumerate(graph.nodes) for source in node.inputs}
        for n, node in enumerate(graph.nodes):
            if node.op is None:
                continue
            owner = graph.nodes[node.shares] if node.shares is not None else node
            if owner is node:
                module = node.op.module(*(graph.nodes[m].shape for m in node.inputs))
                if (
                    node.op.storage(*(graph.nodes[m].shape for m in node.inputs)) == "inplace"
                    and homes[n] == n
                ):
                    module.inplace = False  # type: ignore[assignment]  # something else still needs its input
                attach(self, node.path, module)
            gone = tuple(m for m in set(node.inputs) if last[m] == n and m not in graph.outputs)
            self.plan.append((owner.path, node.inputs, gone))

    def forward(self, *inputs: Tensor) -> Any:
        values: dict[int, Tensor] = dict(enumerate(inputs))
        for n, (path, sources, gone) in enumerate(self.plan, self.entries):
            values[n] = module_at(self, path)(*(values[m] for m in sources))
            for m in gone:
                del values[m]
        outputs = tuple(values[n] for n in self.results)
        return outputs[0] if len(outputs) == 1 else outputs


def module_at(network: nn.Module, path: str) -> nn.Module:
    """The module at a path, as `get_submodule` finds it, whose checks take a millisecond of a deep network's run."""
    module: Any = network
    for name in path.split("."):
        module = module._modules[name]
    return module


def attach(root: nn.Module, path: str, module: nn.Module) -> None:
    """Puts a module at a dotted path; a join takes over the branches that already stand below it."""
    *above, name = path.split(".")
    for part in above:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    for child, inner in root._modules[name].named_children() if name in root._modules else ():  # type: ignore[union-attr]
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
    """The torch network of a spec. On ``device="meta"`` no weight is allocated.

    Errors: a Mistake where the spec has errors, or the device cannot be used.
    """
    graph = spec.graph(variant, set, input)
    errors = [d for d in (*spec.diagnostics, *graph.diagnostics) if d.severity == "error"]
    if errors:
        raise Mistake(*errors)
    return assemble(graph, device if isinstance(device, torch.device) else device_of(device), dtype)


def assemble(
    graph: Graph, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> Network:
    """The torch network of a graph."""
    with torch.device(device):
        network = Network(graph)
    return network.to(dtype) if dtype else network
