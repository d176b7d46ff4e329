"""The result of an analysis: a Row per layer, their Totals, and the Report that holds both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

from ..at_least import AtLeast
from ..cost import Cost
from ..diagnostic import Diagnostic, Mistake, Position
from ..graph import Graph, Node
from ..num import Shape
from ..wording import listed
from .receptive_field import ReceptiveField, last_field
from .undeclared import Undeclared, declares, undeclared

BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1}  # per value

# A figure of a network or layer; None: it has no such figure, or it is unknown.
Figure = int | Shape | Literal["all"] | None


class Row(NamedTuple):
    """One layer.

    Shapes are ``(C, *spatial)``, without the batch. Operations and activations are for the whole
    batch, but `cost` is for one image. Parameters and receptive fields do not depend on the batch.

    Attributes:
        path: its path, such as ``stem.conv1``.
        op: its operator, as written in a spec.
        inputs: the paths of the layers, or inputs of the network, that it reads.
        input_shapes: their shapes, in the same order.
        output_shape: the shape of its output.
        weights: trained weights that it owns.
        biases: trained biases that it owns.
        affine: scales and shifts of norms, `layer_scale`, and slopes of PReLU.
        buffers: values that are saved but not trained.
        cost: the operations for one image, by class.
        batch: the number of images.
        activations: values of its output; 0 for views and for layers that run in place.
        activation_bytes: the same in bytes.
        receptive_fields: one for each input of the network that it sees; none for a vector.
        ungated_fields: the same without gates.
        shared_with: the path of the layer that owns its weights, if another layer does.
        position: where it is written.
        counted: the operations by the report's convention; None if that counts parameters alone.
        frozen_params: those of `params` that training leaves as they are.
        saved: bytes that backward keeps of this layer, and of none before; None if not asked for.
        peak: the most bytes in memory while it runs at inference; None if not asked for.
        declared: whether its parameters, operations and saved bytes are declared, not computed.
        backward_macs: multiply–accumulates of its backward pass, for the batch; None if not asked
            for.
        backward_bytes: the bytes that its backward pass reads and writes; None if not asked for.
        latency: seconds that it takes on a device, for the batch; None if not asked for.
        bound: what bounds that: compute, memory or launch.
    """

    path: str
    op: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    weights: int
    biases: int
    affine: int
    buffers: int
    cost: Cost
    batch: int
    activations: int
    activation_bytes: int
    receptive_fields: tuple[ReceptiveField, ...]
    ungated_fields: tuple[ReceptiveField, ...]
    shared_with: str | None
    position: Position | None
    counted: int | None
    frozen_params: int = 0
    saved: int | None = None
    peak: int | None = None
    declared: bool = False
    backward_macs: int | None = None
    backward_bytes: int | None = None
    latency: float | None = None
    bound: str | None = None

    @property
    def receptive_field(self) -> ReceptiveField | None:
        """The receptive field on the first network input that the layer sees; None for a vector."""
        return self.receptive_fields[0] if self.receptive_fields else None

    @property
    def receptive_field_without_gates(self) -> ReceptiveField | None:
        """The same without gates: inputs that a join stretches over the map."""
        return self.ungated_fields[0] if self.ungated_fields else None

    @property
    def params(self) -> int:
        """Trained values: weights, biases and affine; 0 if another layer owns them."""
        return self.weights + self.biases + self.affine

    @property
    def trainable_params(self) -> int:
        """The parameters that training changes."""
        return 0 if self.params == self.frozen_params else self.params - self.frozen_params

    @property
    def macs(self) -> int:
        """Multiply–accumulates of convolutions and linear layers, for the batch."""
        macs: int = self.cost.mac * self.batch
        return macs

    @property
    def flops(self) -> int:
        """2·MACs plus every other arithmetic operation, for the batch."""
        flops: int = self.cost.flops * self.batch
        return flops


class Totals(NamedTuple):
    """Sums over the layers, for the batch.

    Attributes:
        params: trained values: weights, biases and affine. Shared ones count once.
        weights: trained weights.
        biases: trained biases.
        affine: scales and shifts of norms, `layer_scale`, and slopes of PReLU.
        trainable_params: the parameters that training changes.
        frozen_params: the parameters that training leaves as they are.
        buffers: values that are saved but not trained.
        macs: multiply–accumulates of convolutions and linear layers.
        flops: 2·MACs plus every other arithmetic operation.
        activations: values of the inputs and of every output, each tensor once.
        conv_activations: values of the outputs of convolutions and linear layers alone.
        activation_bytes: `activations` in bytes of the report's dtype.
        param_bytes: `params` in bytes of the report's dtype.
        counted: the operations by the report's convention; None if that counts parameters alone.
        counted_params: the parameters by the report's convention.
    """

    params: int = 0
    weights: int = 0
    biases: int = 0
    affine: int = 0
    trainable_params: int = 0
    frozen_params: int = 0
    buffers: int = 0
    macs: int = 0
    flops: int = 0
    activations: int = 0
    conv_activations: int = 0
    activation_bytes: int = 0
    param_bytes: int = 0
    counted: int | None = 0
    counted_params: int = 0


class Declared(NamedTuple):
    """The parts of the totals that `opaque` layers declare: they are not computed.

    Attributes:
        paths: the paths of the layers that declare any.
        params: their parameters; shared ones count once. None if no layer declares its own.
        macs: their multiply–accumulates, for the batch; None if no layer declares its own.
    """

    paths: tuple[str, ...]
    params: int | None
    macs: int | None

    def __str__(self) -> str:
        """Write ``1,200 parameters and 3,000 MACs, by attention``, with three names at most."""
        names = [*self.paths[:3]]
        if len(self.paths) > 3:
            names.append(f"{len(self.paths) - 3} more")
        counts = ((self.params, "parameters"), (self.macs, "MACs"))
        parts = [f"{count:,} {words}" for count, words in counts if count is not None]
        return f"{' and '.join(parts) or 'memory'}, by {listed(names)}"


def _sum_of_known(counts: list[int]) -> int | None:
    known = [count for count in counts if not isinstance(count, AtLeast)]
    return sum(known) if known else None


class Comparison(NamedTuple):
    """A published figure beside the computed one.

    Attributes:
        what: the figure, such as ``params``.
        at: the path of a layer or block; None for the whole network.
        printed: the figure as published: a number, a text such as ``138M``, or a list.
        ours: the computed figure.
        agrees: whether the computed figure rounds to the printed digits.
        source: where it was published.
        erratum: why it differs, if the spec says so.
    """

    what: str
    at: str | None
    printed: Any
    ours: Figure
    agrees: bool
    source: str | None
    erratum: str | None


class Budget(NamedTuple):
    """A limit beside the computed figure.

    Attributes:
        what: the figure, such as ``macs``.
        limit: the limit in words, such as ``< 150M``.
        ours: the computed figure: a number, or a shape in words.
        verdict: kept, exceeded (too much), missed (too little), or differs (another shape).
        at: the path of a layer or block; None for the whole network.
        settings: of a budget on memory, how the network runs.
    """

    what: str
    limit: str
    ours: int | str
    verdict: Literal["kept", "exceeded", "missed", "differs"]
    at: str | None = None
    settings: dict[str, Any] = {}

    @property
    def subject(self) -> str:
        """The figure in words: ``macs at conv1``, ``training_peak (batch 32, adam)``."""
        where = f" at {self.at}" if self.at else ""
        return f"{self.what}{where}{settings_text(self.settings)}"


def settings_text(settings: Mapping[str, Any]) -> str:
    """Write how the network of a budget on memory runs.

    >>> settings_text({"batch": 32, "optimizer": "adam", "loss": "cross_entropy"})
    ' (batch 32, optimizer adam, loss cross_entropy)'
    """
    words = []
    for key, value in settings.items():
        if value is True:
            words.append(key)
        elif value is not False:
            words.append(_SETTINGS.get(key, f"{key} {{}}").format(value))
    return f" ({', '.join(words)})" if words else ""


# How settings are written whose names would say nothing.
_SETTINGS = {
    "memory": "in {}",
    "mode": "{}",
    "dtype": "{}",
    "amp": "AMP {}",
    "device": "on {}",
}


@dataclass(eq=False, repr=False)
class Report:
    """Everything known of a network; of a wrong one, everything before the first wrong layer.

    Attributes:
        name: the name of the network, or of its variant.
        file: what messages call its spec.
        variant: the name of the variant; None for the base.
        source: where the network was published.
        year: when it was published.
        inputs: the shape ``(C, *spatial)`` of each input, by its name.
        outputs: the shape of each output, by the path of its layer; empty if a layer is wrong.
        batch: the number of images.
        dtype: the type of number that bytes are for.
        rows: a Row for each layer, in the order they run.
        totals: the sums over the layers.
        graph: the network as a graph.
        published: published figures beside the computed ones.
        convention: the convention of `counted` in the rows and totals.
        rule: its formula, as far as this network needs it.
        not_compared: how many published figures hold for other settings than the given ones.
        budgets: the limits of the spec beside the computed figures.
        budget_of_base: whether the spec has a budget at its top level that holds for the base, and
            not for this variant.
        diagnostics: what was found: errors, warnings and notes.
        not_followed: the layers at which a receptive field stops being followed.
        parameters: the values of the spec's parameters, by name; fractions are exact.

    Example:
        >>> import cnncalc
        >>> report = cnncalc.analyze("vgg16")
        >>> row = report.row("conv1_1")
        >>> row.output_shape, row.params, row.macs
        ((64, 224, 224), 1792, 86704128)
        >>> path, field = report.receptive_field
        >>> path, field.size, field.stride
        ('pool5', (212, 212), (32, 32))
    """

    name: str
    file: str
    variant: str | None
    source: str | None
    year: int | None
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]
    batch: int
    dtype: str
    rows: list[Row]
    totals: Totals
    graph: Graph
    published: list[Comparison] = field(default_factory=list)
    convention: str = "macs"
    rule: str = "mac"
    not_compared: int = 0
    budgets: list[Budget] = field(default_factory=list)
    budget_of_base: bool = False
    diagnostics: list[Diagnostic] = field(default_factory=list)
    not_followed: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Return whether there are no errors."""
        return not any(d.severity == "error" for d in self.diagnostics)

    @property
    def complete(self) -> bool:
        """Return whether every layer was analysed."""
        return bool(self.graph.outputs)

    @cached_property
    def declared(self) -> Declared | None:
        """The parts of the totals that `opaque` layers declare; None if there are no such layers.

        Their FLOPs, twice their MACs, and the bytes that backward keeps are declared too. What such
        a layer does not declare is `undeclared`.
        """
        rows = [row for row in self.rows if row.declared]
        if not rows:
            return None
        some = [row for row in rows if (known := self.node(row.path)) and declares(known)]
        return Declared(
            paths=tuple(row.path for row in some),
            params=_sum_of_known([row.params for row in rows]),
            macs=_sum_of_known([row.macs for row in rows]),
        )

    @cached_property
    def undeclared(self) -> Undeclared:
        """What `opaque` layers do not declare: the figures with these are unknown."""
        return undeclared(self.graph)

    def or_mistake(self) -> Report:
        """Return the report itself if it has no error.

        Errors:
            A Mistake that holds the report's errors.
        """
        if not self.ok:
            raise Mistake(*(d for d in self.diagnostics if d.severity == "error"))
        return self

    @property
    def receptive_field(self) -> tuple[str, ReceptiveField] | None:
        """The path and receptive field of the last layer that has a number for each axis.

        A layer that sees a whole axis has no number there, and neither has one whose field is not
        followed. Only layers on the way to the first output are considered. None if none is left.
        """
        return self._last_field("receptive_field")

    @property
    def receptive_field_without_gates(self) -> tuple[str, ReceptiveField] | None:
        """Return the same without gates."""
        return self._last_field("receptive_field_without_gates")

    def _last_field(self, which: str) -> tuple[str, ReceptiveField] | None:
        rows = {row.path: row for row in self.rows}
        nodes = self.graph.nodes
        return last_field(self.graph, lambda n: getattr(rows[nodes[n].path], which))

    def __str__(self) -> str:
        """Return the table that `cnncalc analyze` prints, with what was found."""
        return str(self._written_by("report_text"))

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self.rows)} layers>"

    def _repr_html_(self) -> str:
        """Return the same as a table of HTML, which notebooks show."""
        return str(self._written_by("report_html"))

    def _written_by(self, function: str) -> Any:
        """Call a function of the modules above, which `cnncalc` loads for this by its name."""
        from importlib import import_module

        return getattr(import_module(__name__.partition(".")[0]), function)(self)

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dict for each layer, such as `pandas.DataFrame` takes.

        The keys are those of the JSON, without nesting: a receptive field is one number, or a tuple
        where the axes differ; "all" stands for the whole input, None for none or for one that is
        not followed.
        """
        found: list[dict[str, Any]] = self._written_by("report_records")
        return found

    def row(self, path: str) -> Row | None:
        """Return the row of a layer; None if there is no such layer.

        Accepts:
            path: the path of a layer, such as ``stem.conv1``.
        """
        return self._row_at.get(path)

    def group(self, path: str) -> list[Row]:
        """Return the rows of a layer, block or chain; none if there is no such path.

        Accepts:
            path: the path of a layer, block, branch or chain.
        """
        written = self.graph.groups.get(path)
        if written is None:  # one copy of a layer, or one branch
            return self._rows_in.get(path, [])
        first = len(self.inputs)  # inputs are nodes without a row, and come first
        return self.rows[written[0] - first : written[1] - first]

    def result(self, path: str) -> Row | None:
        """Return the row whose output is that of a layer, block or chain.

        Accepts:
            path: the path of a layer, block, branch or chain.
        """
        written = self.graph.groups.get(path)
        if written is None:
            return next(iter(reversed(self.group(path))), None)
        number = written[2] - len(self.inputs)
        return self.rows[number] if number >= 0 else None

    def node(self, path: str) -> Node | None:
        """Return the node of a layer in the graph; None if there is no such layer.

        Accepts:
            path: the path of a layer, such as ``stem.conv1``.
        """
        return self._node_at.get(path)

    @cached_property
    def _node_at(self) -> dict[str, Node]:
        return {node.path: node for node in reversed(self.graph.nodes)}

    @cached_property
    def _row_at(self) -> dict[str, Row]:
        return {row.path: row for row in reversed(self.rows)}

    @cached_property
    def _rows_in(self) -> dict[str, list[Row]]:
        """Return the rows in each path: ``a.b.conv1`` is in ``a``, in ``a.b`` and in itself."""
        rows_in: dict[str, list[Row]] = {}
        for row in self.rows:
            path = row.path
            while path:
                rows_in.setdefault(path, []).append(row)
                path = path.rpartition(".")[0]
        return rows_in
