"""Writes a network as a flat spec, without blocks, repeats or parameters."""

from __future__ import annotations

from typing import Any

from ..graph import Graph, Node
from ..ops.base import Op
from ..ops.field_types import ARGUMENTS
from .inputs import INTEGER
from .layer_arguments import OF
from .yaml_flow import in_yaml, quoted


def flat_spec(graph: Graph, name: str) -> str:
    """Write a graph as YAML, with one entry per layer; the spec has the same figures.

    The name of a layer is its path, with `_` for `.`.
    """
    names = _flat_names(graph)
    shapes = {node.path: _input(node) for node in graph.inputs}
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


def _input(node: Node) -> Any:
    """Return what is written for an input: its shape, with its type if that is another one."""
    shape = list(node.shape)
    return {"shape": shape, "dtype": INTEGER} if node.integers else shape


def _flat_names(graph: Graph) -> list[str]:
    """Return a unique name for each node: its path, with `_` for `.`."""
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
    """Return the lines of a layer; `previous` is the node that it reads by default."""
    lines = [f"  - {op.key}: {_body(node, op, names)}", f"    name: {name}"]
    if not op.joins() and node.inputs[0] != previous:
        lines.append(f"    from: {names[node.inputs[0]]}")
    if node.shares is not None:
        lines.append(f"    share: {names[node.shares]}")
    elif node.frozen:
        lines.append("    freeze: true")
    return lines


def _body(node: Node, op: Op, names: list[str]) -> str:
    """Return the fields of a layer that differ from their defaults, or the branches of a join."""
    fields: dict[str, Any] = {}
    for key, field in op.fields().items():
        value = getattr(op, key)
        if value != field.default:
            fields[key] = dict(value) if ARGUMENTS in field.metadata else value
    if op.joins():
        joined = [names[n] for n in node.inputs]
        return in_yaml({**fields, OF: joined} if fields else joined)
    carriers = [key for key in op.layers_named if key in fields]
    for key, source in zip(carriers, node.inputs[1:]):
        fields[key] = names[source]
    return in_yaml(fields)
