"""Answers which sizes of input a network takes, which give a wanted output, which are near one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..decisions import Decisions
from ..diagnostic import Diagnostic, Mistake, misspelled
from ..graph import Graph
from ..language.inputs import MAX_SIZE
from ..language.spec import Spec
from ..num import NoFormula, Num, Shape
from ..poly import Poly
from ..quasilinear import QuasiLinear
from ..size_set import SizeSet
from .input_sizes import InputSizes, input_sizes, quasilinear


class Layer(NamedTuple):
    """A layer and its shape, in the symbols of the input's sizes."""

    path: str
    shape: Shape
    is_output: bool


class Wanted(NamedTuple):
    """A wanted size of an output along one axis, and the sizes of input that give it.

    With the sizes in `read`, nothing is cut off. If no size gives it, `nearest` has the next
    possible outputs below and above it, each with the smallest size of input that gives it.
    """

    size: int
    symbol: str
    inputs: SizeSet
    read: SizeSet
    nearest: tuple[tuple[int, int], ...] = ()


class Near(NamedTuple):
    """The sizes next to a given one along one axis: the largest up to it, the smallest from it on.

    There is a pair for each of the three sets of `AxisSizes`.
    """

    size: int
    symbol: str
    pairs: tuple[tuple[int | None, int | None], ...]


class Sizes(NamedTuple):
    """The sizes of input that a network takes, and the answers to further questions.

    Attributes:
        name: the name of the network, or of its variant.
        file: what messages call its spec.
        variant: the name of the variant; None for the base.
        found: the sizes; None if the network has errors.
        layer: the layer whose output is shown; None if no output depends on the input's sizes.
        wanted: the sizes of input for a wanted output, by axis.
        near: the sizes next to a given one, by axis.
        listed: the first and the last size of a list.
        diagnostics: what is wrong with the network.
        same_layers_as: the inputs whose layers were solved for, if other sizes may have other
            layers; None if all have the same.
    """

    name: str
    file: str
    variant: str | None
    found: InputSizes | None
    layer: Layer | None
    wanted: tuple[Wanted, ...]
    near: tuple[Near, ...]
    listed: tuple[int, int] | None
    diagnostics: list[Diagnostic]
    same_layers_as: dict[str, Shape] | None = None

    def output(self, axis: int, n: int) -> int | None:
        """Return the size of the shown layer along an axis if the input has size n there.

        None if it depends on several sizes.
        """
        size = self.layer.shape[axis + 1] if self.layer else None
        if not isinstance(size, Poly):
            return size
        return int(size.at(**dict.fromkeys(size.symbols, n))) if len(size.symbols) == 1 else None


def sizes(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    layer: str | None = None,
    output: Sequence[int] = (),
    near: Sequence[int] = (),
    listed: tuple[int, int] | None = None,
) -> Sizes:
    """Solve for the sizes of input that a network takes; run nothing and search for nothing.

    Accepts:
        spec: what `load` or `loads` returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name.
        layer: the path of the layer or block whose output is meant; by default the first output
            of the network, or the last map before it if that is a vector.
        output: wanted sizes of that output: one for all axes, or one for each.
        near: sizes whose neighbours are wanted: one for all axes, or one for each.
        listed: the first and the last size of a list.

    Errors:
        What is wrong with the network is in `diagnostics`. A layer that does not exist, or another
        number of sizes than there are axes, raises a Mistake (CNN111).
    """
    variant = variant or spec.variant
    graph = spec.symbolic_graph(variant, set)
    decisions, same_layers_as = None, None
    if any(d.code == "CNN210" for d in graph.diagnostics):
        own = spec.graph(variant, set)
        if own.outputs:
            graph, decisions = _decided(spec, variant, set, own)
            same_layers_as = {node.path: tuple(node.shape) for node in own.inputs}
    found, diagnostics = None, [*spec.diagnostics, *graph.diagnostics]
    if graph.outputs:
        try:
            found = input_sizes(graph, decisions.made if decisions else {})
        except NoFormula as error:
            message = f"the sizes cannot be solved for: {error}"
            diagnostics.append(Diagnostic("CNN210", message))
    shown = _shown(graph, found, layer) if found else None
    declared = variant is None or variant in spec.variants
    return Sizes(
        name=spec.title(variant if declared else None),
        file=spec.file,
        variant=variant,
        found=found,
        layer=shown,
        wanted=_wanted(found, shown, output) if found and output else (),
        near=_near(found, near) if found and near else (),
        listed=listed,
        diagnostics=diagnostics,
        same_layers_as=same_layers_as,
    )


def _decided(
    spec: Spec, variant: str | None, set: Mapping[str, Any] | None, own: Graph
) -> tuple[Graph, Decisions]:
    """Return the network in symbols, with the layers that its `own` sizes have, and why it has."""
    sizes: dict[str, int] = {}
    for node, shape in zip(own.inputs, spec.symbolic_inputs(variant, set).values()):
        sizes |= {str(axis): n for axis, n in zip(shape[1:], node.shape[1:])}
    decisions = Decisions(sizes)
    symbols = {name: Poly.symbol(name, decisions) for name in sizes}
    return spec.symbolic_graph(variant, set, None, symbols), decisions


def _shown(graph: Graph, found: InputSizes, path: str | None) -> Layer | None:
    """Return the layer that is meant, or else the last map on the way to the first output."""
    if path is not None:
        number = _numbered(graph, path)
        return Layer(path, found.shapes[number], number in graph.outputs)
    before = graph.before(graph.outputs[0])
    for n in sorted(before, reverse=True):
        if any(isinstance(size, Poly) for size in found.shapes[n][1:]):
            return Layer(graph.nodes[n].path, found.shapes[n], n in graph.outputs)
    return None


def _numbered(graph: Graph, path: str) -> int:
    """Return the node whose output is that of a layer or block.

    Errors: a Mistake if there is none.
    """
    if path in graph.groups:
        return graph.groups[path][2]
    numbers = [n for n, node in enumerate(graph.nodes) if node.path == path]
    if not numbers:
        paths = [*graph.groups, *(node.path for node in graph.nodes)]
        fault = Diagnostic("CNN111", f"no layer or block is called `{path}`")
        raise Mistake(misspelled(fault, path, paths, "`cnncalc analyze` lists them"))
    return numbers[0]


def _per_axis(given: Sequence[int], axes: int, what: str) -> tuple[int, ...]:
    """Return one size for each axis.

    Errors: a Mistake for another number of sizes.
    """
    if len(given) not in (1, axes):
        message = f"{what} takes one size, or {axes}: one for each axis, not {len(given)}"
        raise Mistake(Diagnostic("CNN111", message))
    return tuple(given) * (axes // len(given))


def _wanted(found: InputSizes, layer: Layer | None, output: Sequence[int]) -> tuple[Wanted, ...]:
    """Return which sizes of input give the wanted sizes of a layer.

    Errors: a Mistake if the layer has no sizes that depend on the input's.
    """
    if layer is None or not any(isinstance(size, Poly) for size in layer.shape[1:]):
        name = "the output" if layer is None else f"`{layer.path}`"
        message = f"{name} has the same sizes for every input"
        raise Mistake(Diagnostic("CNN111", message, help="name a layer with --at LAYER"))
    targets = _per_axis(output, len(layer.shape) - 1, "--output")
    return tuple(_wanted_along(found, size, n) for size, n in zip(layer.shape[1:], targets))


def _wanted_along(found: InputSizes, size: Num, target: int) -> Wanted:
    """Return which sizes of input give a wanted size along one axis.

    Errors: a Mistake if that depends on several axes.
    """
    symbols = size.symbols if isinstance(size, Poly) else ()
    if len(symbols) != 1:
        message = f"a size of {size} cannot be solved for one axis"
        raise Mistake(Diagnostic("CNN111", message, help="name another layer with --at LAYER"))
    (symbol,) = symbols
    f, axis = quasilinear(size, symbol), found.axes[symbol]
    giving = (f - target).zero()
    inputs = axis.fitting & giving
    nearest = () if inputs else tuple(_possible_outputs(f, axis.fitting, target))
    return Wanted(target, symbol, inputs, axis.read & giving, nearest)


def _possible_outputs(f: QuasiLinear, fitting: SizeSet, target: int) -> Iterator[tuple[int, int]]:
    """Yield the next possible outputs below and above a target, with the smallest input of each."""
    below = (fitting & (f * -1 + target).positive_or_zero()).up_to(MAX_SIZE)
    above = (fitting & (f - target).positive_or_zero()).smallest
    for n in (below, above):
        if n is not None:
            output = f.at(n)
            yield output, (fitting & (f - output).zero()).smallest or n


def _near(found: InputSizes, given: Sequence[int]) -> tuple[Near, ...]:
    """Return the sizes next to the given ones."""
    targets = _per_axis(given, len(found.axes), "--near")
    return tuple(
        Near(n, axis.symbol, tuple((kind.up_to(n), kind.beyond(n)) for kind in axis.sets))
        for axis, n in zip(found.axes.values(), targets)
    )
