"""A spec that has been read: its document, and the networks it can be expanded to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import PurePath
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..graph import Graph
from ..num import Shape
from .batch_axis import batch_axis_warnings
from .definitions import read_definitions
from .expand import Expander
from .expectations import Expectations, expect_shapes
from .inputs import input_shapes, suggest_channels_first
from .model import Document, Published, Variant
from .parameters import bind
from .scope import Expansion
from .steps import BlockSteps
from .yaml_tree import Marks


class Figures(NamedTuple):
    """What a variant, or the base, states beside its layers."""

    published: list[Published]
    published_marks: Marks
    budget: dict[str, Any]
    budget_marks: Marks


class Spec:
    """A network or a family of networks, as written.

    `variant` is the one that was asked for by name, and is meant where no other is given;
    `diagnostics` holds what is wrong with the text itself.
    """

    def __init__(
        self,
        file: str,
        text: str,
        document: Document,
        marks: Marks,
        variant: str | None = None,
        found: Iterable[Diagnostic] = (),
    ):
        self.file, self.text, self.document, self.marks = file, text, document, marks
        self.variant = variant
        self._definitions = read_definitions(document, marks, file, found)
        self.diagnostics = self._definitions.diagnostics

    @property
    def ok(self) -> bool:
        """Whether the text itself is free of errors."""
        return not any(d.severity == "error" for d in self.diagnostics)

    @property
    def blocks(self) -> dict[str, BlockSteps]:
        """The blocks, by name."""
        return self._definitions.blocks

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants."""
        return tuple(self.document.variants or ())

    @property
    def members(self) -> list[str | None]:
        """The networks of the family: the base (None) and the variants.

        A variant that changes nothing is the base, under its own name.
        """
        variants = self.document.variants or {}
        named = any(own is None or not own.params for own in variants.values())
        return [*variants] if named else [None, *variants]

    def title(self, variant: str | None = None) -> str:
        """The name to print."""
        own = self._own(variant)
        if own and own.name:
            return own.name
        if variant and (own is None or own.params):
            return variant
        return self.document.name or PurePath(self.file).stem.removesuffix(".cnn")

    def year(self, variant: str | None = None) -> int | None:
        """When the network was published."""
        own = self._own(variant)
        return (own and own.year) or self.document.year

    def source(self, variant: str | None = None) -> str | None:
        """Where the network was published."""
        own = self._own(variant)
        return (own and own.source) or self.document.source

    def figures(self, variant: str | None = None) -> Figures:
        """Published figures and budgets: the variant's own, or the top-level ones for the base."""
        part = self.document if variant is None else self._own(variant)
        marks = self.marks if variant is None else self.marks.find("variants", variant)
        return Figures(
            published=(part and part.published) or [],
            published_marks=marks.find("published"),
            budget=(part and part.budget) or {},
            budget_marks=marks.find("budget"),
        )

    def graph(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None, input: Any = None
    ) -> Graph:
        """Return the network of a variant, as far as it is right; its diagnostics say what is not.

        `set` replaces parameters; `input` replaces the shape of the first input, or those that a
        mapping names.
        """
        return self.expansion(variant, set, input).graph

    def expansion(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None, input: Any = None
    ) -> Expansion:
        """Return the same network with the source of every node, and with its faults."""
        variant, given = variant or self.variant, set or {}
        definitions = self._definitions
        try:
            if not definitions.sound:
                raise Mistake()
            self._check_variant(variant)
            params = self._parameters(variant, given)
            inputs = self._input_shapes(params, input)
        except Mistake as mistake:
            return Expansion(mistake.diagnostics)
        as_written = not given and input is None

        def expanded(inputs: Mapping[str, Shape]) -> Expansion:
            outputs, output_marks = self.document.outputs or [], self.marks.find("outputs")
            expectations = self._expectations(variant, as_written)
            expander = Expander(self.file, definitions.blocks, params, expectations)
            return expander.expand(dict(inputs), definitions.steps, outputs, output_marks)

        expansion = expanded(inputs)
        graph = expansion.graph
        if input is None:
            marks = self.marks.find("input")
            graph.diagnostics += batch_axis_warnings(
                graph, inputs, marks, self.file, lambda others: expanded(others).graph
            )
        graph.diagnostics = [suggest_channels_first(d, inputs) for d in graph.diagnostics]
        failed = any(d.severity == "error" for d in graph.diagnostics)
        if not as_written and not failed and self._expects_shapes:
            message = "`expect` is not checked under another input or other parameters"
            graph.diagnostics.append(Diagnostic("CNN305", message, severity="note"))
        return expansion

    def _own(self, variant: str | None) -> Variant | None:
        """What a variant itself states."""
        return (self.document.variants or {}).get(variant) if variant else None

    def _check_variant(self, variant: str | None) -> None:
        if variant is not None and variant not in (self.document.variants or ()):
            fault = Diagnostic("CNN111", f"{self.file} has no variant `{variant}`")
            otherwise = f"it has {', '.join(self.variants) or 'none'}"
            raise Mistake(misspelled(fault, variant, self.variants, otherwise))

    def _parameters(self, variant: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """The values of the parameters."""
        stated = self._own(variant)
        own = (stated and stated.params) or {}

        def place(name: str) -> Position:
            path = ("variants", variant, "params") if name in own else ("params",)
            return self.marks.find(*path).find(name).position(self.file)

        return bind(self._definitions.params, own, given, self.file, place)

    def _input_shapes(self, params: dict[str, Any], given: Any) -> dict[str, Shape]:
        position = self.marks.find("input").position(self.file)
        return input_shapes(self._definitions.inputs, params, given, self.file, position)

    def _expectations(self, variant: str | None, as_written: bool) -> Expectations:
        """The shapes to compare; none where the network is not the one written."""
        overrides: dict[str, Any] = {}
        if as_written and variant is not None:
            overrides = self._definitions.expects.get(variant, {})
        marks = self.marks.find("variants", variant, "expect")
        return Expectations(self.file, overrides, marks, apply=as_written)

    @cached_property
    def _expects_shapes(self) -> bool:
        """Whether any layer expects a shape."""
        lists = [self._definitions.steps, *(block.layers for block in self.blocks.values())]
        return any(map(expect_shapes, lists))
