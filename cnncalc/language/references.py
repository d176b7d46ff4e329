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
    return layer_inside(start, rest, graph, marks, file)


def known(name: str, scope: Scope, graph: Graph, marks: Marks, file: str) -> None:
    """Check that a layer, or a layer inside one that is there and not repeated, has this name.

    Errors: a Mistake, at `marks`, for an unknown name.
    """
    first, point, inside = name.partition(".")
    path = scope.path_of(first)
    if path is None:
        raise Mistake(_unknown(first, scope, marks, file))
    start, end, _ = scope.find(first) or (0, 0, 0)
    if point and start < end and f"{path}.0" not in graph.groups:
        layer_inside(path, inside, graph, marks, file)


def layer_inside(path: str, name: str, graph: Graph, marks: Marks, file: str) -> Group:
    """Find a layer inside the block, chain or copy at a path.

    Errors: a Mistake, at `marks`, for an unknown name.
    """
    found = graph.groups.get(f"{path}.{name}")
    if found is not None:
        return found
    message = f"`{path}` has no layer `{name}`"
    fault = Diagnostic("CNN105", message, marks.position(file), subject=name)
    start = f"{path}."
    known = [layer.removeprefix(start) for layer in graph.groups if layer.startswith(start)]
    raise Mistake(misspelled(fault, name, known, f"name a layer inside `{path}`"))


def every_copy(name: str, scope: Scope, marks: Marks, file: str) -> dict[str, int]:
    """Return the results of all copies that a repeated layer has so far, by their paths.

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
        group = graph.groups.get(path)
        written = group is not None and group[0] < group[1]  # without copies, nothing is there
        message = f"`{name}` is not repeated" if written else f"`{name}` has no copies so far"
        help = "name the layer itself" if written else "name a layer that has been repeated before"
        raise Mistake(Diagnostic("CNN105", message, place, help, subject=name))
    message = f"`{name}` has no copy {shown(number)}: here, it has {count}"
    help = "they are numbered from 0; negative numbers count from the end"
    raise Mistake(Diagnostic("CNN105", message, place, help, subject=name))


def entry_name(
    name: str, names: tuple[object, ...], number: object, marks: Marks, file: str
) -> str:
    """Return the name that an entry of a parameter's list holds; from the end if it is negative.

    Errors: a Mistake, at `marks`, for an entry that is not there, and for one that is no name.
    """
    place = marks.position(file)
    if type(number) is not int or not -len(names) <= number < len(names):
        message = f"`{name}` has no entry {shown(number)}: it has {len(names)}"
        help = "they are numbered from 0; negative numbers count from the end"
        raise Mistake(Diagnostic("CNN105", message, place, help, subject=name))
    entry = names[number]
    if not isinstance(entry, str):
        message = f"`{name}[{number}]` is to be the name of a layer, not {shown(entry)}"
        help = "give the parameter a list of names"
        raise Mistake(Diagnostic("CNN103", message, place, help, subject=name))
    return entry


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
