"""Finds the earlier layers that names refer to."""

from __future__ import annotations

from bisect import bisect_left

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..graph import Graph, Group
from ..num import Open
from .limits import MAX_LAYERS
from .scope import Scope
from .validation import shown
from .yaml_tree import Marks


def resolved(name: str, scope: Scope, graph: Graph, marks: Marks, file: str) -> Group:
    """Find an earlier layer by its name, or by a parameter whose value is its name.

    A name with points is that of a layer inside an earlier one: `block1.conv1`.

    Errors: a Mistake, at `marks`, for an unknown name.
    """
    first, point, rest = carried(name, scope).partition(".")
    found = scope.find(first)
    if found is not None and not point:
        return found
    start = scope.path_of(first)
    if start is None or not point:
        raise Mistake(_unknown(first, scope, marks, file))
    path = f"{start}."
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


def copy_number(
    name: str, number: object, scope: Scope, graph: Graph, marks: Marks, file: str
) -> int:
    """Return which copy of a repeated layer a number means; from the end if it is negative.

    Errors: a Mistake, at `marks`, for an unknown name and for a copy that is not there.
    """
    first, point, rest = carried(name, scope).partition(".")
    start = scope.path_of(first)
    if start is None:
        raise Mistake(_unknown(first, scope, marks, file))
    path = f"{start}{point}{rest}"
    count = bisect_left(range(MAX_LAYERS), True, key=lambda n: f"{path}.{n}" not in graph.groups)
    if type(number) is int and -count <= number < count:
        return number % count
    place = marks.position(file)
    if not count:
        written = path in graph.groups
        message = f"`{name}` is not repeated" if written else f"`{name}` has no copies so far"
        help = "name the layer itself" if written else "name a layer that has been repeated before"
        raise Mistake(Diagnostic("CNN105", message, place, help, subject=name))
    message = f"`{name}` has no copy {shown(number)}: here, it has {count}"
    help = "they are numbered from 0; negative numbers count from the end"
    raise Mistake(Diagnostic("CNN105", message, place, help, subject=name))


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
