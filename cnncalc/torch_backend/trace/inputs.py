"""How the inputs of a network are given: in order, by name, or inside dicts and lists."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from ...diagnostic import Diagnostic, Mistake, misspelled
from ...num import Shape

Shapes = Sequence[Shape] | Mapping[str, Shape]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]  # by position, and by name


class Inputs(NamedTuple):
    """The shapes of the inputs, in the order in which torch lists them, and where they go."""

    shapes: list[Shape]
    places: TreeSpec
    batch: int = 1  # the number of images with which the network may be called

    def arguments(self, images: Sequence[Tensor]) -> Arguments:
        """Return the arguments of a call of the network with these images."""
        found: Arguments = tree_unflatten(list(images), self.places)
        return found


def inputs_of(network: nn.Module, shapes: Shapes) -> Inputs:
    """Return the inputs of a network. Names are those of arguments of its forward.

    ``images.left`` is an entry of a dict, and ``maps.0`` one of a list.

    Errors: a Mistake with CNN404 if forward has no such argument.
    """
    if not isinstance(shapes, Mapping):
        _refuse_others(network, tuple(range(len(shapes))), {})
        _, places = tree_flatten((tuple(range(len(shapes))), {}))
        return Inputs(list(shapes), places)
    given: dict[str, Any] = {}
    for name, shape in shapes.items():
        *outer, last = name.split(".")
        inside = given
        for part in outer:
            inside = inside.setdefault(part, {})
        inside[last] = _Leaf(tuple(shape))
    named = {name: _with_lists(value) for name, value in given.items()}
    known = inspect.signature(network.forward).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
    for name in named:
        if name not in known and not takes_any:
            message = f"the module's forward has no argument `{name}`"
            raise Mistake(misspelled(Diagnostic("CNN404", message), name, list(known)))
    _refuse_others(network, (), named)
    ordered = {name: named[name] for name in known if name in named} | named
    leaves, places = tree_flatten(((), ordered))
    return Inputs([leaf.shape for leaf in leaves], places)


def _refuse_others(network: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise a Mistake if forward takes other arguments than these."""
    signature = inspect.signature(network.forward)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        needed = [name for name, p in signature.parameters.items() if p.default is p.empty]
        options = " ".join(f"--input {name}=3x224x224" for name in needed)
        message = f"the module's forward cannot be called with these inputs: {error}"
        raise Mistake(Diagnostic("CNN404", message, help=f"give all of them: {options}")) from None


class _Leaf:
    """A shape that stands where a tensor goes."""

    def __init__(self, shape: Shape):
        self.shape = shape


def _with_lists(value: Any) -> Any:
    """Turn dicts whose keys are 0, 1, 2 … into lists."""
    if not isinstance(value, dict):
        return value
    entries = {key: _with_lists(entry) for key, entry in value.items()}
    if list(entries) == [str(n) for n in range(len(entries))]:
        return [*entries.values()]
    return entries
