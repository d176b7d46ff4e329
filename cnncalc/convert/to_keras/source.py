"""Writes a spec as a Python file of Keras 3: a function for each block, and one for the network."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...language.spec import Spec
from ...num import Shape
from ...wording import shape_text
from ..to_torch.flows import safe
from ..to_torch.layout import INDENT, on_one_line, wrapped
from ..to_torch.uses import Use, recorded
from .flat import flat_lines
from .functions import FUNCTIONS, definitions, function_name, layer_names, sharing
from .names import Unwritable, WrittenFunction
from .refusals import refusal
from .writer import FunctionWriter

_ONCE = '''LAYERS = {}


def once(kind, *args, name=None, **kwargs):
    """Return a layer of this name, which is made once: so several calls share its weights."""
    if name not in LAYERS:
        LAYERS[name] = kind(*args, name=name, **kwargs)
    return LAYERS[name]'''
_IMPORTS = {
    "ceil": "from math import ceil",
    "floor": "from math import floor",
    "isqrt": "from math import isqrt",
    "keras": "import keras",
    "np": "import numpy as np",
    "activations": "from keras import activations",
    "initializers": "from keras import initializers",
    "layers": "from keras import layers",
    "ops": "from keras import ops",
}


def keras_source(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
) -> str:
    """Return a Python file that defines the network of a spec in Keras 3, and needs that alone.

    Maps have their channels last. The layers have the paths of the spec as names; the weights of
    the network that `build` makes fit them after a change of their axes.

    Errors: a Mistake with the errors of the spec; with CNN416 for a layer that Keras has not.
    """
    root, graph = recorded(spec, variant, set, input)
    _refuse(graph)
    return _File(spec, variant or spec.variant, root, graph, set).text()


def _refuse(graph: Graph) -> None:
    """Refuse a network with a layer that Keras does not have.

    Errors: a Mistake (CNN416) that names the first one, and how many more there are.
    """
    found: list[tuple[str, Any]] = []
    live = set(graph.live)
    for n, node in enumerate(graph.nodes):
        if node.op is not None:
            why = refusal(node.op, graph.shapes_into(node), node.shape)
            if not why and n not in live:
                why = "no output needs it, so Keras leaves it out"
            if why:
                found.append((f"`{node.path}` cannot be written in Keras: {why}", node.position))
    if found:
        more = f"{len(found) - 1} more layers cannot be written either" if found[1:] else None
        message, place = found[0]
        raise Mistake(Diagnostic("CNN416", message, place, help=more or "export it `--to torch`"))


class _File:
    """The file of one network."""

    def __init__(
        self,
        spec: Spec,
        variant: str | None,
        root: Use,
        graph: Graph,
        set: Mapping[str, Any] | None,
    ):
        self.spec, self.variant, self.root, self.graph = spec, variant, root, graph
        self.values = spec.parameter_values(variant, set)
        self.shares = any(node.shares is not None for node in graph.nodes)

    def text(self) -> str:
        """Return the file."""
        title = self.spec.title(self.variant)
        try:
            written = [*self._blocks(), self._network(None)]
        except Unwritable:
            written = [self._network(flat_lines(self.graph))]
        called = {name for function in written for name in function.called}
        numbers = {name for function in written for name in function.numbers}
        parts = definitions(called & FUNCTIONS.keys(), numbers)
        if self.shares:
            parts = [_ONCE, *map(sharing, parts)]
        parts += ["\n".join(function.lines) for function in written]
        body = parts[0]
        for _, after in pairwise(parts):
            body += f"\n\n\n{after}"
        shapes = ", ".join(shape_text(_last(node.shape)) for node in self.graph.inputs)
        outputs = ", ".join(shape_text(_last(node.shape)) for node in self.graph.returned)
        about = on_one_line(f"{title}: {shapes} -> {outputs}, with the channels last")
        apart = [""] if self.shares else ["", ""]  # a constant is nearer to the imports
        return "\n".join([f'"""{about}."""', "", *_imports(body), *apart, body, ""])

    def _blocks(self) -> Iterator[WrittenFunction]:
        """Yield the functions of the blocks, those that others call first."""
        self.functions: dict[int, WrittenFunction] = {}
        by_name: dict[str, list[Use]] = {}
        for use in self.root.all_inside():
            if use.is_block and use.step is not None:
                by_name.setdefault(use.step.key, []).append(use)
        pending = list(by_name)
        while pending:
            for name in pending:
                inner = {
                    child.step.key
                    for use in by_name[name]
                    for child in use.all_inside()
                    if child.is_block and child.step is not None
                }
                if not inner & set(pending):
                    break
            else:
                raise Unwritable("a block contains itself")
            pending.remove(name)
            uses = by_name[name]
            writer = FunctionWriter(
                self.graph, self.values, self.functions, self.spec.blocks[name], uses
            )
            function = writer.written(_free(name))
            self.functions |= {id(use): function for use in uses}
            yield function

    def _network(self, flat: list[str] | None) -> WrittenFunction:
        """Return the function of the network."""
        title = self.spec.title(self.variant)
        name = _free(safe(re.sub(r"\W+", "_", title).strip("_").lower() or "network"))
        inputs = self.graph.inputs
        variables = [safe(node.path) if len(inputs) > 1 else "inputs" for node in inputs]
        lines = [f"def {name}():", f'{INDENT}"""Return the network."""']
        if self.shares:
            lines.append(f"{INDENT}LAYERS.clear()")
        for node, variable in zip(inputs, variables):
            dtype = ', dtype="int32"' if node.integers else ""
            shape = _last(node.shape)
            given = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
            call = f'{variable} = keras.Input({given}, name="{node.path}"{dtype})'
            lines += wrapped(call, 1)
        called: set[str] = {function_name(n.op.key) for n in self.graph.nodes if n.op}
        numbers: set[str] = set()
        if flat is None:
            writer = FunctionWriter(self.graph, self.values, self.functions, None, [self.root])
            body, results = writer.network(variables, list(self.spec.document.outputs or ()))
            lines += body
            called, numbers = writer.called, writer.numbers
        else:
            lines += flat[:-1]
            results = [flat[-1]]
        given = variables[0] if len(variables) == 1 else f"[{', '.join(variables)}]"
        result = results[0] if len(results) == 1 else f"[{', '.join(results)}]"
        model = f'keras.Model({given}, {result}, name="{name}")'
        frozen = [node.path for node in self.graph.nodes if node.frozen and node.op]
        frozen = [path for path in frozen if self._has_weights(path)]
        layers = layer_names(self.graph)
        if not frozen:
            lines += wrapped(f"return {model}", 1)
        else:
            paths = ", ".join(f'"{layers[path]}"' for path in frozen)
            lines += wrapped(f"model = {model}", 1)
            paths += "," * (len(frozen) == 1)
            lines += wrapped(f"for layer in ({paths}):", 1)
            lines += [f"{INDENT * 2}model.get_layer(layer).trainable = False"]
            lines += [f"{INDENT}return model"]
        return WrittenFunction(name, lines, (), (), called, numbers)

    def _has_weights(self, path: str) -> bool:
        node = next(node for node in self.graph.nodes if node.path == path)
        assert node.op is not None
        return bool(node.op.weights(*self.graph.shapes_into(node)))


def _last(shape: Shape) -> Shape:
    """Return a shape with its channels last."""
    return (*shape[1:], shape[0])


def _free(name: str) -> str:
    """Return a name for a function that none of ours has."""
    name = safe(name)
    taken = name in FUNCTIONS or name in _IMPORTS or name in ("once", "set", "range")
    return f"{name}_block" if taken else name


def _imports(body: str) -> list[str]:
    """Return the lines that import what a file uses."""
    words = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    used = [line for name, line in _IMPORTS.items() if name in words]
    math = [line.rpartition(" ")[2] for line in used if line.startswith("from math")]
    found = [f"from math import {', '.join(sorted(math))}", ""] if math else []
    keras = [line.rpartition(" ")[2] for line in used if line.startswith("from keras")]
    found += [line for line in used if line.startswith("import")]
    return [*found, *([f"from keras import {', '.join(sorted(keras))}"] if keras else [])]
