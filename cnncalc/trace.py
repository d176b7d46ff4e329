"""What a network of torch or ONNX computes, call by call, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

Sizes = tuple[int, ...]  # of a tensor, with the batch


class Ref(NamedTuple):
    """The result of a call; `part` counts the tensors of a call that returns several."""

    call: int
    part: int = 0


# Classes of modules that skip a branch at random in training, by the names that they have.
SKIPPING = frozenset(("DropBranch", "DropConnect", "DropPath", "StochasticDepth"))


class Weight(NamedTuple):
    """A tensor that is computed from parameters and buffers alone: their names, and its sizes."""

    names: tuple[str, ...]
    sizes: Sizes
    trained: bool  # whether one of them is a parameter that gets a gradient
    is_parameter: bool = False  # whether it is a parameter itself
    whole: bool = True  # whether it has as many values as the one tensor that it is computed from
    value: float | None = None  # that of a constant with a single value
    start: float | None = None  # of all values of a parameter, if they are the same
    parts: tuple[Sizes, ...] = ()  # the sizes of the tensors that it is computed from
    made_by: tuple[str, ...] = ()  # the calls that compute it, in order
    filter: tuple[float, ...] | None = None  # the values of each filter, if all are constant, alike


class Call(NamedTuple):
    """One call: an operator of torch's dispatcher, before it is decomposed.

    `name` is without a namespace and without the underscore of the form in place. `arguments` holds
    all of them, by torch's names; tensors are `Ref` or `Weight`. A call without a name is an input
    of the network.
    """

    name: str
    arguments: Mapping[str, Any]
    defaults: frozenset[str]  # the arguments that have torch's default
    sizes: tuple[Sizes, ...]  # of its results
    path: str = ""  # of the module that made the call
    module: str = ""  # the class of that module
    only: bool = False  # whether the module is one of torch.nn
    source: str | None = None  # file and line of the user's code, or the name of a node
    integers: bool = False  # whether it is an input of integers
    key: str = ""  # of the operator that it is, if this is known: its fields are among `arguments`


class Measured(NamedTuple):
    """MACs of some calls for one image, and bytes kept for backward; None where nothing tells."""

    macs: int | None
    saved: int | None


class Trace(NamedTuple):
    """A network: its inputs come first among the calls.

    `parameters` has the number of values of each. `measure` measures the calls of a range. `merged`
    tells whether equal tensors of different layers may be one, as in files of ONNX.
    """

    calls: list[Call]
    outputs: list[Ref]
    parameters: Mapping[str, int]
    measure: Callable[[range], Measured]
    merged: bool = False

    def inputs(self) -> Iterator[tuple[str, Sizes]]:
        """Yield the name and the sizes of each input."""
        for call in self.calls:
            if not call.name:
                yield call.path, call.sizes[0]
