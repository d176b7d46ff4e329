"""Finds the earlier layers that names refer to."""

from __future__ import annotations

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..graph import Group
from ..num import Open
from .scope import Scope
from .yaml_tree import Marks


def resolved(name: str, scope: Scope, marks: Marks, file: str) -> Group:
    """Find an earlier layer by its name, or by a parameter whose value is its name.

    Errors: a Mistake, at `marks`, for an unknown name.
    """
    carried = scope.values.get(name)
    if isinstance(carried, Open):
        carried = carried.one()
    wanted = carried if isinstance(carried, str) else name
    found = scope.find(wanted)
    if found is None:
        message = f"no earlier layer is called `{wanted}`"
        raise Mistake(
            misspelled(
                Diagnostic("CNN105", message, marks.position(file), subject=wanted),
                wanted,
                set(scope.visible()),
                "name an earlier layer of the same block, or of a block around it",
            )
        )
    return found


def unknown_output(name: str, scope: Scope, place: Position) -> Diagnostic:
    """Describe a name in `outputs` that no layer has."""
    message = f"`outputs` names `{name}`, but no layer has that name"
    fault = Diagnostic("CNN105", message, place, subject=name)
    return misspelled(fault, name, scope.names)
