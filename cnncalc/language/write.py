"""A network written out flat, as a spec again: no blocks, repeats or parameters."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..graph import Graph, Node


def flat_spec(graph: Graph, name: str) -> str:
    """YAML of the graph: one line a layer, named by its path with `_` for `.`; it analyses to the same figures."""
    names = flat_names(graph)
    lines = [f"name: {quoted(name)}"]
    shapes = {node.path: list(node.shape) for node in graph.inputs}
    lines.append(f"input: {value(shapes['input'] if list(shapes) == ['input'] else shapes)}")
    lines.append("layers:")
    previous = 0
    for n, node in enumerate(graph.nodes):
        if node.op is not None:
            lines += layer(graph, n, node, names, previous)
            previous = n
    if graph.outputs and graph.outputs != (previous,):
        lines.append(f"outputs: [{', '.join(names[n] for n in graph.outputs)}]")
    return "\n".join(lines)


def flat_names(graph: Graph) -> list[str]:
    """A name for each node: its path with `_` for `.`, made unique where two fall together."""
    taken: set[str] = set()
    names = []
    for node in graph.nodes:
        name = node.path.replace(".", "_")
        while name in taken:
            name += "_"
        taken.add(name)
        names.append(name)
    return names


def layer(graph: Graph, n: int, node: Node, names: list[str], previous: int) -> list[str]:
    op = node.op
    assert op is not None
    if op.joins():
        body: Any = f"[{', '.join(names[m] for m in node.inputs)}]"
    else:
        fields = {
            key: getattr(op, key) for key, f in op.fields().items() if getattr(op, key) != f.default
        }
        for field, source in zip((f for f in op.layers_named if f in fields), node.inputs[1:]):
            fields[field] = names[source]
        body = value(fields) if fields else None
    lines = [f"  - {op.key}" + (f": {body}" if body is not None else ": {}")]
    lines.append(f"    name: {names[n]}")
    if not op.joins() and node.inputs[0] != previous:
        lines.append(f"    from: {names[node.inputs[0]]}")
    if node.shares is not None:
        lines.append(f"    share: {names[node.shares]}")
    return lines


class Word(str):
    """A word that stands as it is: a name in an expression."""


def value(data: Any) -> str:
    """A value in YAML's flow style."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{key}: {value(item)}" for key, item in data.items()) + "}"
    if isinstance(data, (list, tuple)):
        return "[" + ", ".join(map(value, data)) + "]"
    if isinstance(data, bool) or data is None:
        return {True: "true", False: "false", None: "null"}[data]
    if isinstance(data, Fraction):
        return (
            str(data.numerator)
            if data.denominator == 1
            else f'"{data.numerator} / {data.denominator}"'
        )
    if isinstance(data, float):
        return repr(data) if "e" not in repr(data) or "." in repr(data) else f"{data:.1e}"
    return str(data)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
