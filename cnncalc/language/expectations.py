"""Compares expected shapes, `expect` of a layer or a variant, with the inferred ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..diagnostic import Diagnostic, Position, misspelled
from ..graph import Graph
from ..num import Shape
from ..wording import shape_text
from .scope import Fault, Scope
from .steps import Step
from .validation import plain
from .values import value_at
from .yaml_tree import Marks


class Expectations:
    """The shapes expected of a network.

    `overrides` are those of a variant, by path; they replace those of the layers. Without `apply`,
    the ones of the layers are ignored.
    """

    def __init__(self, file: str, overrides: dict[str, Any], marks: Marks, apply: bool):
        self._file = file
        self.of_variant = dict(overrides)  # those not yet compared
        self._marks = marks  # of the overrides
        self._apply = apply

    def fault(self, step: Step, scope: Scope, path: str, graph: Graph, x: int) -> Fault | None:
        """Compare the shape of node x, the result of a layer, with the expected one."""
        override = self.of_variant.pop(path, None) if self.of_variant else None
        if override is not None:
            marks = self._marks.find(path)
            wanted = self._shape(override, scope, marks)
            position = marks.position(self._file)
        elif step.expect is not None and self._apply:
            wanted = self._shape(step.expect, scope, step.marks.find("expect"))
            position = step.marks.key(self._file, "expect")
        else:
            return None
        node = graph.nodes[x]
        if _matches(node.shape, wanted):
            return None
        equation = node.op.arithmetic(*graph.shapes_into(node)) if node.op else None
        return Fault(
            diagnostic=_unexpected(path, node.shape, wanted, position, scope.context, equation),
            step=step,
            scope=scope,
            path=path,
            inputs=(x,),
            op=node.op if step.kind == "op" else None,
            wanted=wanted,
        )

    def _shape(self, expected: tuple[Any, ...], scope: Scope, marks: Marks) -> Shape:
        values: list[Any] = []
        for item in expected:
            matches_all = item == "_"
            values.append("_" if matches_all else value_at(item, scope.values, marks, self._file))
        return tuple(values)

    def unmet(self, names: Iterable[str]) -> Iterator[Diagnostic]:
        """Report the overrides whose path is not that of a layer."""
        for path in self.of_variant:
            position = self._marks.key(self._file, path)
            message = f"`expect` names `{path}`, but no layer has that name"
            yield misspelled(Diagnostic("CNN105", message, position, subject=path), path, names)


def _matches(shape: Shape, wanted: Shape) -> bool:
    return len(wanted) == len(shape) and all(w in ("_", n) for w, n in zip(wanted, shape))


def _unexpected(
    path: str,
    shape: Shape,
    wanted: Shape,
    position: Position,
    context: tuple[str, ...],
    equation: str | None,
) -> Diagnostic:
    right = shape_text(shape)
    return Diagnostic(
        "CNN301",
        f"the shape after `{path}` is {right}, expected {'×'.join(map(plain, wanted))}",
        position,
        f"if {right} is right, write `expect: [{', '.join(map(str, shape))}]`",
        equation=equation,
        context=context,
    )


def expect_shapes(steps: list[Step]) -> bool:
    """Return whether any of the layers, or of those inside them, expects a shape."""
    for step in steps:
        if step.expect is not None or expect_shapes(step.layers or []):
            return True
        if expect_shapes([*step.branches]):
            return True
    return False
