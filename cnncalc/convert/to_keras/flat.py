"""Writes a network of Keras layer by layer, where its blocks cannot become functions."""

from __future__ import annotations

from ...graph import Graph
from ..to_torch.expressions import constant, python
from ..to_torch.flows import safe
from ..to_torch.layout import wrapped
from .functions import FUNCTIONS, function_name, layer_names


def flat_lines(graph: Graph) -> list[str]:
    """Return a line for each layer, and last an expression of the outputs."""
    inputs = len(graph.inputs)
    names = {n: safe(node.path.replace(".", "_")) for n, node in enumerate(graph.nodes)}
    if inputs == 1:
        names[0] = "inputs"
    layers = layer_names(graph)
    lines: list[str] = []
    for n, node in enumerate(graph.nodes):
        op = node.op
        if op is None:
            continue
        function = FUNCTIONS[function_name(op.key)]
        given = [names[m] for m in node.inputs]
        arguments = [f"[{', '.join(given)}]"] if type(op).joins() else given[:1]
        for name, field in op.fields().items():
            value = getattr(op, name)
            is_default = not field.is_required() and value == field.default
            if name in op.layers_named and value is not None:
                arguments.append(f"{name}={given[1]}")
            elif name in function.fields and not is_default:
                arguments.append(f"{name}={python(constant(value))}")
        path = node.path if node.shares is None else graph.nodes[node.shares].path
        arguments.append(f'name="{layers[path]}"')
        call = f"{names[n]} = {function_name(op.key)}({', '.join(arguments)})"
        lines += wrapped(call, 1)
    results = [names[n] for n in graph.outputs]
    return [*lines, results[0] if len(results) == 1 else f"[{', '.join(results)}]"]
