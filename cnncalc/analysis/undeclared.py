"""Which figures of a network are unknown, because layers do not declare them."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from ..graph import Graph, Node
from ..language.expression import Expression
from ..language.spec import Spec
from ..language.steps import Step
from ..wording import listed

_WORDS = {
    "params": "parameters",
    "macs": "multiply–accumulates",
    "saved": "bytes that backward keeps",
}
_NOUNS = {**_WORDS, "saved": "saved bytes"}  # after a pronoun
# The figures that are unknown if one is not declared.
_UNKNOWN_WITH = {
    "params": (
        "params",
        "weights",
        "trainable_params",
        "param_bytes",
        "counted_params",
        "inference_peak",
        "training_peak",
        "max_batch",
    ),
    "macs": ("macs", "flops", "counted"),
    "saved": ("saved", "training_peak", "max_batch"),
}
_SHOWN = 3  # paths that are named


class Undeclared(NamedTuple):
    """Layers of a network that do not declare some of their figures.

    Attributes:
        paths: by what they do not declare (params, macs, saved), their paths.
    """

    paths: dict[str, list[str]]

    def __bool__(self) -> bool:
        return bool(self.paths)

    def __str__(self) -> str:
        """Write ``parameters and MACs of mix, bytes that backward keeps of mix and sin``."""
        by_layers: dict[tuple[str, ...], list[str]] = {}
        for what, paths in self.paths.items():
            by_layers.setdefault(tuple(paths), []).append(_WORDS[what])
        return ", ".join(f"{listed(words)} of {_named(p)}" for p, words in by_layers.items())

    def why(self, figure: str) -> str | None:
        """Return why a figure of the network is unknown; None if it is known."""
        for what, paths in self.paths.items():
            if figure in _UNKNOWN_WITH[what]:
                some = [f"`{path}`" for path in paths]
                verb = "does not declare its" if len(paths) == 1 else "do not declare their"
                return f"{_named(some)} {verb} {_NOUNS[what]}"
        return None

    def reasons(self, figures: Collection[str]) -> dict[str, str]:
        """Return why figures are unknown, by name, for those that are."""
        found = {figure: self.why(figure) for figure in figures}
        return {figure: why for figure, why in found.items() if why}


def undeclared(graph: Graph, at: str | None = None) -> Undeclared:
    """Return what the layers of a network, or of the layer or block `at`, do not declare."""
    numbers = range(len(graph.nodes)) if at is None else graph.within(at)
    paths: dict[str, list[str]] = {}
    for n in numbers:
        node = graph.nodes[n]
        if node.op is None or not node.op.declared:
            continue
        for what in sorted(node.op.undeclared, key=list(_WORDS).index):
            if what != "params" or node.shares is None:
                paths.setdefault(what, []).append(node.path)
    return Undeclared(paths)


def may_be_unknown(specs: Iterable[Spec], figures: Collection[str]) -> frozenset[str]:
    """Return those of some figures that some layer of a spec may leave undeclared."""
    written: set[str] = set()
    for spec in specs:
        for step in _steps([*spec.steps, *(s for b in spec.blocks.values() for s in b.layers)]):
            if step.op is not None and step.op.declared:
                written |= {name for name in _WORDS if _may_be_open(step, name)}
    unknown = {figure for name in written for figure in _UNKNOWN_WITH[name]}
    return frozenset(unknown.intersection(figures))


def _steps(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from _steps([*step.branches, *(step.layers or ())])


def _may_be_open(step: Step, name: str) -> bool:
    """Return whether a layer leaves one of its figures open, or may do so by a parameter."""
    value = step.body.get(name, "?")
    if isinstance(value, Expression):
        parts = list(ast.walk(value.body))
        texts = any(isinstance(p, ast.Constant) and isinstance(p.value, str) for p in parts)
        return texts or isinstance(value.body, ast.Name)
    return isinstance(value, str)


def declares(node: Node) -> bool:
    """Return whether a layer declares at least one of its figures."""
    return node.op is not None and node.op.declared and node.op.undeclared != _WORDS.keys()


def lacks(graph: Graph, n: int, what: str) -> bool:
    """Return whether a layer, by its number, does not declare one of its figures."""
    op = graph.nodes[n].op
    return op is not None and op.declared and what in op.undeclared


def _named(paths: list[str] | tuple[str, ...]) -> str:
    more = len(paths) - _SHOWN
    return listed([*paths[:_SHOWN], *([f"{more} more"] if more > 0 else [])])
