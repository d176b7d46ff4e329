"""Finds the earlier layers that names refer to."""

from __future__ import annotations

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..graph import Graph, Group
from ..num import Open
from .scope import Scope
from .yaml_tree import Marks


def resolved(name: str, scope: Scope, graph: Graph, marks: Marks, file: str) -> Group:
    """Find an earlier layer by its name, or by a parameter whose value is its name.

    A name with points is that of a layer inside an earlier one: `block1.conv1`.

    Errors: a Mistake, at `marks`, for an unknown name.
    """
    first, point, rest = carried(name, scope).partition(".")
    found = scope.find(first)
    if found is None:
        raise Mistake(_unknown(first, scope, marks, file))
    if not point:
        return found
    path = f"{scope.path_of(first)}."
    if path + rest not in graph.groups:
        place = marks.position(file)
        fault = Diagnostic("CNN105", f"`{first}` has no layer `{rest}`", place, subject=rest)
        inside = [known.removeprefix(path) for known in graph.groups if known.startswith(path)]
        raise Mistake(misspelled(fault, rest, inside, f"name a layer inside `{first}`"))
    return graph.groups[path + rest]


def every_copy(name: str, scope: Scope, marks: Marks, file: str) -> list[int]:
    """Return the results of all copies that a repeated layer has so far.

    Errors: a Mistake, at `marks`, for an unknown name.
    """
    name = carried(name, scope)
    found = scope.find_copies(name)
    if found is None:
        raise Mistake(_unknown(name, scope, marks, file))
    return found


def carried(name: str, scope: Scope) -> str:
    """Return the name that a parameter holds, or the name itself if it is no parameter's."""
    first, point, rest = name.partition(".")
    value = scope.values.get(first)
    if isinstance(value, Open):
        value = value.one()
    return f"{value}{point}{rest}" if isinstance(value, str) else name


def _unknown(name: str, scope: Scope, marks: Marks, file: str) -> Diagnostic:
    message = f"no earlier layer is called `{name}`"
    return misspelled(
        Diagnostic("CNN105", message, marks.position(file), subject=name),
        name,
        {*scope.visible()},
        "name an earlier layer of the same block, or of a block around it",
    )


def unknown_output(name: str, scope: Scope, place: Position) -> Diagnostic:
    """Describe a name in `outputs` that no layer has."""
    message = f"`outputs` names `{name}`, but no layer has that name"
    fault = Diagnostic("CNN105", message, place, subject=name)
    return misspelled(fault, name, scope.names)
