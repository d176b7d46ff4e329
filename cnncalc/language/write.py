"""A network written out flat, as a spec again: no blocks, repeats or parameters."""

from __future__ import annotations

from typing import Any

from ..graph import Graph, Node
from ..ops.base import Op
from .yaml_flow import in_yaml, quoted


def flat_spec(graph: Graph, name: str) -> str:
    """Write a graph as YAML, a layer an entry; it analyses to the same figures.

    A layer is named by its path, with `_` for `.`.
    """
    names = _flat_names(graph)
    shapes = {node.path: list(node.shape) for node in graph.inputs}
    given = shapes["input"] if list(shapes) == ["input"] else shapes
    lines = [f"name: {quoted(name)}", f"input: {in_yaml(given)}", "layers:"]
    previous = 0
    for n, node in enumerate(graph.nodes):
        if node.op is not None:
            lines += _layer(node, node.op, names[n], names, previous)
            previous = n
    if graph.outputs and graph.outputs != (previous,):
        lines.append(f"outputs: [{', '.join(names[n] for n in graph.outputs)}]")
    return "\n".join(lines)


def _flat_names(graph: Graph) -> list[str]:
    """Name each node by its path, with `_` for `.`, made unique where two would be the same."""
    taken: set[str] = set()
    names: list[str] = []
    for node in graph.nodes:
        name = node.path.replace(".", "_")
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names


def _layer(node: Node, op: Op, name: str, names: list[str], previous: int) -> list[str]:
    """The lines of a layer; `previous` is the node before it, which it reads by default."""
    lines = [f"  - {op.key}: {_body(node, op, names)}", f"    name: {name}"]
    if not op.joins() and node.inputs[0] != previous:
        lines.append(f"    from: {names[node.inputs[0]]}")
    if node.shares is not None:
        lines.append(f"    share: {names[node.shares]}")
    return lines


def _body(node: Node, op: Op, names: list[str]) -> str:
    """The fields of a layer that differ from their defaults, or the branches of a join."""
    if op.joins():
        return f"[{', '.join(names[n] for n in node.inputs)}]"
    fields: dict[str, Any] = {}
    for key, field in op.fields().items():
        value = getattr(op, key)
        if value != field.default:
            fields[key] = value
    carriers = [key for key in op.layers_named if key in fields]
    for key, source in zip(carriers, node.inputs[1:]):
        fields[key] = names[source]
    return in_yaml(fields)
