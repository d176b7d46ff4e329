"""A spec that has been read: its document, its steps, and the networks it can be expanded to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, misspelled
from ..graph import Graph
from .expand import Expander
from .expression import ExpressionError
from .layers import LayerReader, read_parameters
from .model import Document, Published, Variant
from .names import GRAPH_WORDS, NAME, name_fault
from .steps import BlockSteps, Step
from .validation import shown
from .values import ANY_WORD, evaluate, expression_fault, prepare
from .yaml_tree import Marks

ROOT_NAMES = frozenset({"c"})


class Figures(NamedTuple):
    """What a variant, or the base, carries beside its layers."""

    published: list[Published]
    published_marks: Marks
    budget: dict[str, Any]
    budget_marks: Marks


class Spec:
    """A network or a family of networks, as written. `diagnostics` holds what is wrong with the text itself."""

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
        self.variant = (
            variant  # the one that was asked for by name, and that is meant where none is given
        )
        self.params: dict[str, Any] = {}
        self.blocks: dict[str, BlockSteps] = {}
        self.diagnostics: list[Diagnostic] = list(found)
        self._inputs: dict[str, tuple] = {}
        self._expects: dict[str, dict[str, Any]] = {}  # per variant: shapes after layers
        self.steps: list[Step] = []
        self._read()

    @property
    def ok(self) -> bool:
        """Whether the text itself is free of errors."""
        return not any(d.severity == "error" for d in self.diagnostics)

    sound = False  # whether all but the layers is free of errors, so that the layers before a faulty one can be expanded

    @cached_property
    def expects(self) -> bool:
        """Whether any layer expects a shape."""
        return _expects(self.steps) or any(_expects(block.layers) for block in self.blocks.values())

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the variants."""
        return tuple(self.document.variants or ())

    def title(self, variant: str | None = None) -> str:
        """The printed name."""
        from pathlib import PurePath

        own = self._own(variant)
        changed = (
            variant if own is None or own.params else None
        )  # a variant that changes nothing is the base by another name
        return (
            (own and own.name)
            or changed
            or self.document.name
            or PurePath(self.file).stem.removesuffix(".cnn")
        )

    def _own(self, variant: str | None) -> Variant | None:
        """What a variant itself says."""
        return (self.document.variants or {}).get(variant) if variant else None

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
            (part and part.published) or [],
            marks.find("published"),
            (part and part.budget) or {},
            marks.find("budget"),
        )

    def graph(
        self, variant: str | None = None, set: Mapping[str, Any] | None = None, input: Any = None
    ) -> Graph:
        """The network of a variant, with parameters replaced by `set` and the input by `input`, as far as it is right."""
        variant = variant or self.variant
        try:
            if not self.sound:
                raise Mistake()
            self._known_variant(variant)
            params = self._bind(variant, set or {})
            inputs = self._shapes(params, input)
        except Mistake as mistake:
            return Graph(mistake.diagnostics)
        moved = bool(set) or input is not None
        expects = {} if moved or variant is None else self._expects.get(variant, {})
        expect_marks = self.marks.find("variants", variant, "expect")
        expander = Expander(
            self.file, self.blocks, params, expects, expect_marks, check_expects=not moved
        )
        graph = expander.expand(
            inputs, self.steps, self.document.outputs or [], self.marks.find("outputs")
        )
        graph.diagnostics = [channels_first(d, inputs) for d in graph.diagnostics]
        failed = any(d.severity == "error" for d in graph.diagnostics)
        if moved and not failed and self.expects:
            graph.diagnostics.append(
                Diagnostic(
                    "CNN305",
                    "`expect` is not checked under another input or other parameters",
                    severity="note",
                )
            )
        return graph

    def _known_variant(self, variant: str | None) -> None:
        if variant is not None and variant not in self.variants:
            raise Mistake(
                misspelled(
                    Diagnostic("CNN111", f"{self.file} has no variant `{variant}`"),
                    variant,
                    self.variants,
                    f"it has {', '.join(self.variants) or 'none'}",
                )
            )

    def _read(self) -> None:
        reader = LayerReader(self.file, self.blocks)
        self._declare_blocks(reader)
        names = frozenset(self.document.params or ())
        self.params = read_parameters(
            reader,
            self.document.params,
            self.marks.find("params"),
            frozenset(),
            may_be_required=False,
        )
        self._read_variants(reader, names)
        self._inputs = self._read_inputs(reader, names)
        sound = not reader.errors
        for name, written in (self.document.blocks or {}).items():
            block = self.blocks[name]
            before = set(reader.used_blocks)
            reader.used_blocks = set()
            block.layers = reader.layers(
                written.layers,
                block.marks.find("layers"),
                names | frozenset(block.params) | ROOT_NAMES,
            )
            block.uses, reader.used_blocks = reader.used_blocks, before | reader.used_blocks
        self.steps = reader.layers(
            self.document.layers, self.marks.find("layers"), names | ROOT_NAMES
        )
        for step in self.steps:
            if step.name in self._inputs:
                reader.report(
                    "CNN108",
                    f"the name `{step.name}` is taken by an input",
                    step.place,
                    "give one of them another name",
                )
        if self.document.outputs == []:
            reader.report(
                "CNN103",
                "`outputs` is empty",
                self.marks.key(self.file, "outputs"),
                "leave it out: the last layer is the output",
            )
        self.diagnostics += reader.diagnostics
        if not self.steps and not self.diagnostics:
            self.diagnostics.append(
                Diagnostic(
                    "CNN102",
                    "`layers` is empty",
                    self.marks.key(self.file, "layers"),
                    help="add a layer: `- relu`",
                )
            )
        cycles = list(self._cycles())
        self.diagnostics += cycles
        self.sound = sound and bool(self.steps) and not cycles
        if self.ok:  # a misspelled use is no reason to complain of the declaration too
            self.diagnostics += [*self._unused(reader), *self._hidden()]

    def _declare_blocks(self, reader: LayerReader) -> None:
        from ..ops import BY_KEY

        names = self.marks.find("blocks")
        for name in self.document.blocks or ():
            taken = name in BY_KEY or name in ("chain", *GRAPH_WORDS)
            fault = (
                "the language has this word already"
                if taken
                else None
                if NAME.match(name) and not name.isdigit()
                else "names consist of letters, digits and `_`"
            )
            if fault:
                reader.report(
                    "CNN108", f"`{name}` is no name for a block", names.key(self.file, name), fault
                )
            self.blocks[name] = BlockSteps(name, names.find(name))
        top = frozenset(self.document.params or ())
        for name, block in (self.document.blocks or {}).items():
            marks = names.find(name, "params")
            self.blocks[name].params = read_parameters(
                reader, block.params, marks, top | ROOT_NAMES, may_be_required=True
            )

    def _read_variants(self, reader: LayerReader, names: frozenset[str]) -> None:
        for variant, own in (self.document.variants or {}).items():
            for name in (own and own.params) or ():
                if name not in names:
                    place = self.marks.find("variants", variant, "params").key(self.file, name)
                    reader.add(
                        misspelled(
                            Diagnostic(
                                "CNN106",
                                f"variant `{variant}` sets `{name}`, which is no parameter",
                                place,
                            ),
                            name,
                            names,
                        )
                    )
            marks = self.marks.find("variants", variant, "expect")
            shapes = (own and own.expect) or {}
            self._expects[variant] = {
                path: reader.expected(shape, marks.find(path), names | ROOT_NAMES)
                for path, shape in shapes.items()
            }

    def _read_inputs(self, reader: LayerReader, names: frozenset[str]) -> dict[str, tuple]:
        data, marks = self.document.input, self.marks.find("input")
        named = data if isinstance(data, dict) else {"input": data}
        inputs = {}
        for name, shape in named.items():
            place = marks.find(name) if isinstance(data, dict) else marks
            if not isinstance(shape, list) or not 1 <= len(shape) <= 4:
                reader.report(
                    "CNN103",
                    f"an input is [channels, *spatial] with one to four entries, not {shown(shape)}",
                    place.position(self.file),
                    "input: [3, 224, 224]",
                )
                continue
            fault = name_fault(name) if name != "input" else None
            if fault:
                reader.report(
                    "CNN108", f"`{name}` is no name for an input", marks.key(self.file, name), fault
                )
            inputs[name] = reader.prepared(shape, place, names)
        if not inputs and not reader.diagnostics:
            reader.report("CNN103", "a network has at least one input", marks.position(self.file))
        return inputs

    def _cycles(self) -> Iterable[Diagnostic]:
        """Blocks that contain themselves, found by taking away, again and again, those that use no block that is left."""
        left = {
            name: {inner for inner in block.uses if inner in self.blocks}
            for name, block in self.blocks.items()
        }
        free = [name for name, uses in left.items() if not uses]
        users: dict[str, list[str]] = {}
        for name, uses in left.items():
            for inner in uses:
                users.setdefault(inner, []).append(name)
        while free:
            done = free.pop()
            left.pop(done)
            for user in users.get(done, ()):
                left[user].discard(done)
                if not left[user]:
                    free.append(user)
        for name in left:
            path = [name]
            while (inner := min(left[path[-1]])) not in path:
                path.append(inner)
            if inner == name:
                loop = " → ".join([*path, name] if len(path) < 8 else [*path[:6], "…", name])
                yield Diagnostic(
                    "CNN109",
                    f"block `{name}` contains itself: {loop}",
                    self.marks.find("blocks").key(self.file, name),
                    help="use `repeat`",
                )
                return

    def _hidden(self) -> Iterable[Diagnostic]:
        """Parameters of blocks that have the name of one of the network's, which the block then cannot see."""
        for name, block in self.blocks.items():
            for param in block.params:
                if param in self.params:
                    place = block.marks.find("params").key(self.file, param)
                    yield Diagnostic(
                        "CNN114",
                        f"parameter `{param}` of block `{name}` hides the network's own `{param}`",
                        place,
                        "give one of them another name",
                        severity="note",
                    )

    def _unused(self, reader: LayerReader) -> Iterable[Diagnostic]:
        for name, block in self.blocks.items():
            if name not in reader.used_blocks:
                yield Diagnostic(
                    "CNN110",
                    f"block `{name}` is never used",
                    self.marks.find("blocks").key(self.file, name),
                    severity="warning",
                )
            for param in block.params:
                if param not in reader.used_names:
                    yield Diagnostic(
                        "CNN110",
                        f"parameter `{param}` of block `{name}` is never used",
                        block.marks.find("params").key(self.file, param),
                        severity="warning",
                    )
        for param in self.params:
            if param not in reader.used_names:
                yield Diagnostic(
                    "CNN110",
                    f"parameter `{param}` is never used",
                    self.marks.find("params").key(self.file, param),
                    severity="warning",
                )

    def _bind(self, variant: str | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Values of the parameters, in the order they are declared; each may use those before it."""
        own = self._own(variant)
        overrides: dict[str, Any] = {**((own and own.params) or {}), **given}
        for name in given:
            if name not in self.params:
                raise Mistake(
                    misspelled(
                        Diagnostic(
                            "CNN111", f"--set {name}: {self.file} has no parameter `{name}`"
                        ),
                        name,
                        self.params,
                        f"it has {', '.join(self.params) or 'none'}",
                    )
                )
        values: dict[str, Any] = {}
        for name, default in self.params.items():
            place = (
                self.marks.find("variants", variant, "params")
                if own and own.params and name in own.params
                else self.marks.find("params")
            )
            try:
                values[name] = evaluate(
                    prepare(overrides[name], frozenset(values), ANY_WORD)
                    if name in overrides
                    else default,
                    values,
                )
            except ExpressionError as error:
                raise Mistake(
                    expression_fault(
                        error,
                        None if name in given else place.find(name).position(self.file),
                        values,
                    )
                ) from None
        return values

    def _shapes(self, params: dict[str, Any], given: Any) -> dict[str, tuple]:
        shapes = {}
        for name, prepared in self._inputs.items():
            try:
                shape = evaluate(prepared, params)
            except ExpressionError as error:
                raise Mistake(
                    expression_fault(error, self.marks.find("input").position(self.file), params)
                ) from None
            shapes[name] = shape
        if given is not None:
            shapes.update(given if isinstance(given, dict) else {next(iter(shapes)): tuple(given)})
        for name, shape in shapes.items():
            if name not in self._inputs:
                raise Mistake(
                    misspelled(
                        Diagnostic("CNN111", f"{self.file} has no input `{name}`"),
                        name,
                        self._inputs,
                    )
                )
            if (
                not all(
                    isinstance(n, int) and not isinstance(n, bool) and 0 < n <= 10**9 for n in shape
                )
                or not 1 <= len(shape) <= 4
            ):
                place = None if given is not None else self.marks.find("input").position(self.file)
                raise Mistake(
                    Diagnostic(
                        "CNN103" if given is None else "CNN111",
                        f"an input is one to four positive integers, [channels, *spatial], not {shown(shape)}",
                        place,
                    )
                )
        return shapes


def _expects(steps: list[Step]) -> bool:
    inner = (s for step in steps for s in (step.layers or [], *(step.branches or {}).values()))
    return any(step.expect is not None for step in steps) or any(map(_expects, inner))


def channels_first(diagnostic: Diagnostic, inputs: dict[str, tuple]) -> Diagnostic:
    """A shape fault where the input looks like [height, width, channels]: the likelier advice."""
    for shape in inputs.values():
        if (
            diagnostic.code[:4] == "CNN2"
            and diagnostic.severity == "error"
            and len(shape) == 3
            and shape[2] in (1, 3)
            and min(shape[:2]) >= 16
        ):
            return diagnostic._replace(
                help=f"channels come first: did you mean [{shape[2]}, {shape[0]}, {shape[1]}]?"
            )
    return diagnostic
