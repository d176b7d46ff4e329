"""Defines what the writer of a class passes around: values, layers, and classes as written."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from keyword import iskeyword
from typing import Any, NamedTuple

from ...language.steps import Step
from .expressions import PYTHON, constant, python, replaced
from .helpers import IMPORTS
from .statements import Statement
from .uses import Use

# What the source uses, also of Python itself.
_TAKEN = frozenset(
    (*PYTHON, *IMPORTS, "self", "super", "layer", "range", "enumerate", "sum", "tuple", "slice")
)


class Flow(NamedTuple):
    """The value that a layer reads: its name in `forward`, and its channels if they are known."""

    name: str
    channels: ast.expr | None


class Layer(NamedTuple):
    """A step to write.

    Attributes:
        uses: all its uses in the class.
        present: those that `when` lets be there.
        where: the place of its module.
        flow: what it reads.
        names: the names of the spec, as expressions of the class.
        target: the name of its result.
        out: the statements of `forward` so far.
    """

    step: Step
    uses: list[Use]
    present: list[Use]
    where: str
    flow: Flow
    names: Mapping[str, ast.expr]
    target: str
    out: list[Statement]


class WrittenClass(NamedTuple):
    """A class as written, and how to make and call it.

    Attributes:
        parameters: parameters of the constructor, by their names in the spec.
        passed: parameters of the network that it takes.
        measured: parameters for sizes that follow from no other: the value for each use.
        further: the words for further inputs.
        channels: the channels of its output, in terms of its parameters.
        helpers: the classes and functions of ours that it uses.
        functions: the functions of expressions that it uses.
        outside: the nodes that are its further inputs, for each use, if words do not tell.
    """

    name: str
    source: str
    takes_c: bool
    parameters: dict[str, str]
    passed: set[str]
    measured: dict[str, dict[int, Any]]
    further: list[str]
    channels: ast.expr | None
    helpers: set[str]
    functions: set[str]
    outside: dict[int, tuple[int, ...]]


class Inexpressible(Exception):
    """A layer that cannot be written as source, and why."""

    def __init__(self, use: Use, reason: str):
        super().__init__(reason)
        self.use, self.reason = use, reason


def attribute(container: str, text: str) -> str:
    """Return the expression of a module in a container.

    >>> attribute("self", "conv1"), attribute("self", "3x3")
    ('self.conv1', 'self.get_submodule("3x3")')
    """
    if text.isidentifier() and not iskeyword(text):
        return f"{container}.{text}"
    return f'{container}.get_submodule("{text}")'


def safe(text: str) -> str:
    """Return a name of a spec as one that Python can have here."""
    found = text if text.isidentifier() else f"_{text}"
    return f"{found}_" if iskeyword(found) or found in _TAKEN else found


def fresh(text: str, taken: Iterable[str]) -> str:
    """Return a name, with a number if it is taken.

    >>> fresh("path", ["path"]), fresh("conv1", ["conv1", "conv1_2"])
    ('path2', 'conv1_3')
    """
    known = set(taken)
    found, n = text, 2
    apart = "_" if text[-1:].isdigit() else ""
    while found in known:
        found, n = f"{text}{apart}{n}", n + 1
    return found


def total(flows: Sequence[Flow]) -> ast.expr | None:
    """Return the sum of channels; None if some are unknown."""
    counts: dict[str, tuple[list[ast.expr], ast.expr, ast.expr]] = {}
    for flow in flows:
        if flow.channels is None:
            return None
        count, each = _multiple(flow.channels)
        counts.setdefault(python(each), ([], each, flow.channels))[0].append(count)
    terms = [
        added if len(times) == 1 else ast.BinOp(_sum(times), ast.Mult(), each)
        for times, each, added in counts.values()
    ]
    return replaced(_sum(terms), {}) if terms else None


def _multiple(channels: ast.expr) -> tuple[ast.expr, ast.expr]:
    """Return how often channels have what they are a multiple of."""
    if isinstance(channels, ast.BinOp) and isinstance(channels.op, ast.Mult):
        return channels.left, channels.right
    return constant(1), channels


def _sum(terms: Sequence[ast.expr]) -> ast.expr:
    return reduce(lambda a, b: ast.BinOp(a, ast.Add(), b), terms)
