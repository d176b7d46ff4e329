"""The functions of `layers.txt`: which there are, what they take, and what they use."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ...graph import Graph
from ..to_torch import helpers

_FILE = Path(__file__).with_name("layers.txt")
_RESERVED = frozenset(("slice",))  # names that the functions themselves use


class Function(NamedTuple):
    """A definition: its text, the fields that it takes, and the names that it reads."""

    text: str
    fields: frozenset[str]
    reads: frozenset[str]


def layer_names(graph: Graph) -> dict[str, str]:
    """Return the names of layers in Keras by their paths: backends refuse dots in names."""
    paths = [node.path for node in graph.nodes]
    apart = separator(paths)
    return {path: path.replace(".", apart) for path in paths}


def separator(paths: Iterable[str]) -> str:
    """Return what replaces dots in paths, so that the names still differ."""
    known = set(paths)
    return "_" if len({path.replace(".", "_") for path in known}) == len(known) else "-"


def function_name(key: str) -> str:
    """Return the name of the function of an operator."""
    return f"{key}_" if key in _RESERVED else key


def _read(text: str) -> dict[str, Function]:
    found = {}
    for node in ast.parse(text).body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            continue
        arguments = node.args.args if isinstance(node, ast.FunctionDef) else []
        source = ast.get_source_segment(text, node) or ""
        reads = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        fields = frozenset(argument.arg for argument in arguments[1:]) - {"name"}
        found[node.name] = Function(source, fields, frozenset(reads - {node.name}))
    return found


FUNCTIONS = _read(_FILE.read_text("utf-8"))


def definitions(names: Iterable[str], of_numbers: Iterable[str]) -> list[str]:
    """Return the texts of functions with all that they use, and those of functions of numbers."""
    wanted: set[str] = set()
    open_ = list(names)
    while open_:
        name = open_.pop()
        if name in FUNCTIONS and name not in wanted:
            wanted.add(name)
            open_ += FUNCTIONS[name].reads
    numbers = helpers.of_numbers(of_numbers)
    return [*numbers, *(FUNCTIONS[name].text for name in FUNCTIONS if name in wanted)]


def sharing(text: str) -> str:
    """Return the text of a function in which layers with a name are made once alone."""
    return helpers.formatted(_Once().visit(ast.parse(text)).body[0])


class _Once(ast.NodeTransformer):
    """Turns `layers.Conv2D(…, name=name)` into `once(layers.Conv2D, …, name=name)`."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        named = any(key.arg == "name" or key.arg is None for key in node.keywords)
        is_once = isinstance(node.func, ast.Name) and node.func.id in ("super", "once")
        if not named or is_once or not _makes_layer(node.func):
            return node
        once = ast.Name("once", ast.Load())
        return ast.Call(once, [node.func, *node.args], node.keywords)


def _makes_layer(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id == "layers"
    if isinstance(function, ast.Call):
        return isinstance(function.func, ast.Name) and function.func.id == "of_rank"
    return isinstance(function, ast.Name) and function.id in ("layer", "pool", "ChannelScale")
