"""Holds a spec that has been read: its document, and the networks it expands to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..graph import Graph, remarks
from ..num import Shape
from .batch_axis import batch_axis_warnings
from .channel_axis import channel_axis_notes, with_channels_first
from .definitions import read_definitions
from .expand import Expander
from .expectations import Expectations, expect_shapes
from .inputs import input_shapes, suggest_channels_first, symbolic_shapes
from .known_blocks import KnownBlocks
from .model import Document, Published, Variant
from .parameters import bind
from .scope import Expansion
from .steps import BlockSteps, Step
from .yaml_tree import Marks

if TYPE_CHECKING:
    from ..poly import Poly


class Figures(NamedTuple):
    """The published figures and budgets of a variant or the base."""

    published: list[Published]
    published_marks: Marks
    budget: dict[str, Any]
    budget_marks: Marks


class Spec:
    """A network or a family of networks, as written. `load` and `loads` make it.

    Attributes:
        file: what messages call the spec.
        text: its YAML.
        document: what the YAML says, key by key.
        marks: the places of its parts in the text.
        variant: the variant that it was loaded for; it is meant where no other is given.
        diagnostics: what is wrong with the text itself, whatever the variant and the input.

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.load("resnet50")
        >>> spec.ok, spec.variant, spec.variants[:2], spec.title("resnet34")
        (True, 'resnet50', ('resnet18', 'resnet34'), 'ResNet-34')
        >>> [node.shape for node in spec.graph("resnet34").nodes[:2]]
        [(3, 224, 224), (64, 112, 112)]
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
    def steps(self) -> list[Step]:
        """The layers, as written."""
        return self._definitions.steps

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return tuple(self._definitions.params)

    def parameter_values(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the values of the parameters.

        Accepts:
            variant: a name in `variants`; by default the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name.

        Errors:
            A Mistake for an unknown name, or a value that cannot be computed.
        """
        return self._parameters(variant or self.variant, {} if set is None else set)

    @property
    def input_ranks(self) -> dict[str, int]:
        """The number of axes of each input, channels included, by its name."""
        return {name: len(shape) for name, shape in self._definitions.inputs.items()}

    @property
    def variants(self) -> tuple[str, ...]:
        """The names of the variants."""
        return tuple(self.document.variants or ())

    @property
    def members(self) -> list[str | None]:
        """The networks of the family: None for the base, then the names of the variants.

        Where a variant has the base's parameters, the base is listed under that name only.
        """
        variants = self.document.variants or {}
        named = any(own is None or not own.params for own in variants.values())
        return [*variants] if named else [None, *variants]

    def title(self, variant: str | None = None) -> str:
        """Return the name to print.

        Accepts:
            variant: a name in `variants`; None for the base.
        """
        own = self._own(variant)
        if own and own.name:
            return own.name
        if variant and (own is None or own.params):
            return variant
        return self.document.name or PurePath(self.file).stem.removesuffix(".cnn")

    def year(self, variant: str | None = None) -> int | None:
        """Return the year in which the network was published, or None.

        Accepts:
            variant: a name in `variants`; None for the base.
        """
        own = self._own(variant)
        return (own and own.year) or self.document.year

    def source(self, variant: str | None = None) -> str | None:
        """Return where the network was published, or None.

        Accepts:
            variant: a name in `variants`; None for the base.
        """
        own = self._own(variant)
        return (own and own.source) or self.document.source

    def figures(self, variant: str | None = None) -> Figures:
        """Return published figures and budgets: the variant's own, or the top-level ones.

        Accepts:
            variant: a name in `variants`; None for the base, which has the top-level ones.
        """
        part = self.document if variant is None else self._own(variant)
        marks = self.marks if variant is None else self.marks.find("variants", variant)
        return Figures(
            published=(part and part.published) or [],
            published_marks=marks.find("published"),
            budget=(part and part.budget) or {},
            budget_marks=marks.find("budget"),
        )

    def parameters(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the values of the spec's parameters, by name; empty if one of them has none.

        Accepts:
            variant: a name in `variants`; by default the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name.
        """
        try:
            return self.parameter_values(variant, set)
        except Mistake:
            return {}

    def graph(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None, input: Any = None
    ) -> Graph:
        """Return the network of a variant, layer by layer with its shapes.

        It ends before the first wrong layer; its `diagnostics` say what is wrong.

        Accepts:
            variant: a name in `variants`; by default the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name.
            input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to shapes.
        """
        return self._expansion(variant, set, input, self._no_known_blocks()).graph

    def graphs(self, variants: Iterable[str | None]) -> Iterator[tuple[str | None, Graph]]:
        """Return the networks of some variants, one after the other, as `graph` returns each.

        What blocks become in several of them is computed once.

        Accepts:
            variants: names in `variants`, and None for the base.
        """
        known = self._no_known_blocks()
        for variant in variants:
            yield variant, self._expansion(variant, None, None, known).graph

    def _no_known_blocks(self) -> KnownBlocks:
        """Return what is known of blocks before an expansion: nothing."""
        return KnownBlocks(self._definitions.blocks)

    def expansion(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None, input: Any = None
    ) -> Expansion:
        """Return the same network with the source of every layer, and with its mistakes.

        Accepts:
            variant: a name in `variants`; by default the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name.
            input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to shapes.
        """
        return self._expansion(variant, set, input, None)

    def _expansion(
        self,
        variant: str | None,
        set: Mapping[str, Any] | None,
        input: Any,
        known: KnownBlocks | None,
    ) -> Expansion:
        """Return the expansion; with `known` blocks, without the source of every layer."""
        variant = variant or self.variant
        given: Mapping[str, Any] = {} if set is None else set
        as_written = not given and input is None
        try:
            params, inputs = self._values(variant, given, input)
        except Mistake as mistake:
            return Expansion(mistake.diagnostics)

        def expanded(inputs: Mapping[str, Shape]) -> Expansion:
            expectations = self._expectations(variant, as_written)
            return self._expanded(partial(Expander, known=known), params, inputs, expectations)

        expansion = expanded(inputs)
        graph = expansion.graph
        if input is None:
            marks = self.marks.find("input")
            graph.diagnostics += batch_axis_warnings(
                graph, inputs, marks, self.file, lambda others: expanded(others).graph
            )
            integers = self._definitions.integers
            maps = {name: shape for name, shape in inputs.items() if name not in integers}
            graph.diagnostics += channel_axis_notes(maps, marks, self.file)
        graph.diagnostics = with_channels_first(
            graph, inputs, lambda others: expanded(others).graph
        )
        graph.diagnostics = [suggest_channels_first(d, inputs) for d in graph.diagnostics]
        graph.diagnostics += remarks(graph)
        failed = any(d.severity == "error" for d in graph.diagnostics)
        if not as_written and not failed and self._expects_shapes:
            message = "`expect` is not checked with another input or other parameters"
            graph.diagnostics.append(Diagnostic("CNN305", message, severity="note"))
        return expansion

    def symbolic_graph(
        self,
        variant: str | None = None,
        set: Mapping[str, Any] | None = None,
        input: Any = None,
        symbols: Mapping[str, Poly] | None = None,
    ) -> Graph:
        """Return the network with symbols for spatial sizes of its inputs, such as H and W.

        What layers need of symbols is not checked.

        Accepts:
            variant: a name in `variants`; by default the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name; they may be symbols.
            input: a shape for the first input, or a mapping of names to shapes.
            symbols: the sizes that are symbols, by their names; by default all are.
        """
        variant = variant or self.variant
        position = self.marks.find("input").position(self.file)
        try:
            params = self._sound_parameters(variant, {} if set is None else set)
            inputs = symbolic_shapes(
                self._definitions.inputs, params, input, symbols, self.file, position
            )
        except Mistake as mistake:
            return Graph(mistake.diagnostics)
        return self._expanded(Expander, params, inputs, self._expectations(variant, False)).graph

    def symbolic_inputs(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None
    ) -> dict[str, Shape]:
        """Return the shapes of the inputs with a symbol for each spatial size.

        Accepts:
            variant: a name in `variants`; by default the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name.

        Errors:
            A Mistake for a spec or values that are wrong.
        """
        params = self._sound_parameters(variant or self.variant, {} if set is None else set)
        position = self.marks.find("input").position(self.file)
        return symbolic_shapes(self._definitions.inputs, params, None, None, self.file, position)

    def expand_by(
        self,
        expander: Callable[..., Expander],
        variant: str | None,
        set: Mapping[str, Any],
        input: Any = None,
    ) -> Expansion:
        """Return the network as another kind of expander makes it; `expect` is not checked.

        Parameters and sizes may be `Open`: arrays of many variants, or symbols.

        Accepts:
            expander: makes the Expander from a file, blocks, parameters and expectations.
            variant: a name in `variants`; None for the one that the spec was loaded for.
            set: values that replace parameters of the spec, by name.
            input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to shapes.
                An entry of None stays as it is written.
        """
        variant = variant or self.variant
        try:
            params, inputs = self._values(variant, set, input)
        except Mistake as mistake:
            return Expansion(mistake.diagnostics)
        return self._expanded(expander, params, inputs, self._expectations(variant, False))

    def _values(
        self, variant: str | None, given: Mapping[str, Any], input: Any
    ) -> tuple[dict[str, Any], dict[str, Shape]]:
        """Return the parameters, and the shapes of the inputs.

        Errors: a Mistake for a spec or values that are wrong.
        """
        params = self._sound_parameters(variant, given)
        return params, self._input_shapes(params, input)

    def _sound_parameters(self, variant: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters.

        Errors: a Mistake for a spec or values that are wrong.
        """
        if not self._definitions.sound:
            raise Mistake()
        self._check_variant(variant)
        return self._parameters(variant, given)

    def _expanded(
        self,
        expander: Callable[..., Expander],
        params: dict[str, Any],
        inputs: Mapping[str, Shape],
        expectations: Expectations,
    ) -> Expansion:
        outputs, output_marks = self.document.outputs or [], self.marks.find("outputs")
        definitions = self._definitions
        made = expander(self.file, definitions.blocks, params, expectations)
        return made.expand(
            dict(inputs), definitions.integers, definitions.steps, outputs, output_marks
        )

    def _own(self, variant: str | None) -> Variant | None:
        """Return what a variant itself states."""
        return (self.document.variants or {}).get(variant) if variant else None

    def _check_variant(self, variant: str | None) -> None:
        if variant is not None and variant not in (self.document.variants or ()):
            fault = Diagnostic("CNN111", f"{self.file} has no variant `{variant}`")
            otherwise = f"it has {', '.join(self.variants) or 'none'}"
            raise Mistake(misspelled(fault, variant, self.variants, otherwise))

    def _parameters(self, variant: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values of the parameters."""
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
        """Return the shapes to compare; none if the network is not the one as written."""
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
