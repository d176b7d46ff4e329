"""Finds what is odd in a valid design: unread pixels, layers without effect, bottlenecks …"""

from __future__ import annotations

from collections.abc import Iterator

from ..analysis.figures import one_size
from ..analysis.result import Report
from ..diagnostic import Diagnostic, Severity
from ..graph import Graph, Node
from ..num import Shape, product
from ..ops.base import Op
from ..ops.reads import Slide
from ..ops.sliding import window_line
from ..wording import shape_text

_TIGHT = 8  # a tight bottleneck outputs less than 1/8 of its input values
_SMALL = 4  # a small receptive field is less than 1/4 of the input's size
_HEAVY = 10**6  # parameters of a linear layer that is worth a note


def guidelines(report: Report) -> Iterator[Diagnostic]:
    """Yield the notes and warnings on a network without errors."""
    graph = report.graph
    readers = graph.readers()
    shared: set[int] = set()
    for n, node in enumerate(graph.nodes):
        if node.shares is not None:
            shared |= {n, node.shares}
    for n, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        x = graph.nodes[node.inputs[0]].shape
        slides = node.op.slides(*graph.shapes_into(node))
        if slides:
            yield from _dropped_pixels(node, node.op, x, slides)
            yield from _uneven_same(node, node.op, slides)
            yield from _large_filter(node, node.op, x, slides)
        if node.op.centers_channels:
            yield from _one_value(node)
            if readers[node.inputs[0]] == 1 and node.inputs[0] not in shared:
                yield from _idle_bias(node, graph.nodes[node.inputs[0]])
        yield from _without_effect(graph, n)
    yield from _receptive_field(report)
    yield from _bottlenecks(graph)
    yield from _heavy_linear(report)


def _note(
    code: str,
    node: Node,
    message: str,
    help: str | None = None,
    equation: str | None = None,
    severity: Severity = "note",
) -> Diagnostic:
    """Return a note or a warning on a layer."""
    return Diagnostic(
        code,
        message,
        position=node.position,
        help=help,
        equation=equation,
        context=node.context,
        severity=severity,
    )


def _dropped_pixels(
    node: Node, op: Op, x: Shape, slides: tuple[Slide, ...]
) -> Iterator[Diagnostic]:
    """Report input positions after the last window, which a layer never reads.

    Padding, and the usual gap between strided windows, do not count.
    """
    for n, slide in zip(x[1:], slides):
        k, s, lo, hi, d, ceil = slide
        gap, rest = slide.passed_over - hi, slide.rest(n)
        if ceil or rest <= slide.passed_over:
            continue
        fitting = (p for p in range(lo + 1, k // 2 + 1) if (n + 2 * p - slide.span) % s <= p + gap)
        pad, fields, unread = next(fitting, None), op.fields(), rest - hi
        last, them = ("position", "it") if unread == 1 else (f"{unread} positions", "them")
        ways = [f"an input of {n - rest} or {n + s - rest} fits exactly here"]
        if pad and lo == hi and "padding" in fields:
            ways.append(f"`padding: {pad}` reads {them}")
        if "ceil_mode" in fields:
            ways.append("`ceil_mode: true` reads the rest")
        yield _note(
            "CNN501",
            node,
            f"`{node.path}` never reads the last {last} of {n}",
            "; ".join(ways),
            window_line(n, k, s, lo, hi, d),
            "warning",
        )
        return


def _uneven_same(node: Node, op: Op, slides: tuple[Slide, ...]) -> Iterator[Diagnostic]:
    """Report `same` with a stride, which frameworks define differently."""
    if getattr(op, "padding", None) == "same" and max(slide.stride for slide in slides) > 1:
        yield _note(
            "CNN509",
            node,
            "`same` padding with a stride gives ⌈n/s⌉ positions and pads an odd pixel at the end, "
            "as in TensorFlow; torch does not support it",
            "give the padding in numbers, so that torch needs no separate step to pad",
        )


def _large_filter(node: Node, op: Op, x: Shape, slides: tuple[Slide, ...]) -> Iterator[Diagnostic]:
    """Report a filter of 5×5 or more if a chain of 3×3 sees as much with fewer weights."""
    kernel = tuple(slide.kernel for slide in slides)
    k, axes, c, out = kernel[0], len(kernel), x[0], node.shape[0]
    dense = tuple(op.filters(x)) == (out, c, *kernel)  # every channel sees every other one
    square = len({*kernel}) == 1 and all(s.stride == s.dilation == 1 for s in slides)
    if not dense or not square or k < 5 or k % 2 == 0:
        return
    links = (k - 1) // 2
    one, chain = k**axes * c * out, 3**axes * (c * out + (links - 1) * out**2)
    if chain < one:
        small = _size_text((3,) * axes)
        yield _note(
            "CNN506",
            node,
            f"filters of {_size_text(kernel)} have {one:,} weights; "
            f"{links} layers of {small} see as much with {chain:,}",
            f"use a chain of {links} convolutions with kernel 3, with activations between them",
        )


def _size_text(kernel: Shape) -> str:
    """Return ``5×5``, or ``kernel 5`` if there is one axis: `5 filters` would be a count."""
    return shape_text(kernel) if len(kernel) > 1 else f"kernel {kernel[0]}"


def _one_value(node: Node) -> Iterator[Diagnostic]:
    """Report a batch norm that sees one value per channel and image."""
    if product(node.shape[1:]) == 1:
        yield _note(
            "CNN508",
            node,
            f"`{node.path}` sees one value per channel: training needs a batch of at least 2",
            "torch refuses to train it with a batch of 1",
        )


def _idle_bias(node: Node, before: Node) -> Iterator[Diagnostic]:
    """Report a bias that only a batch norm reads, which subtracts it with the mean."""
    if getattr(before.op, "bias", False) is True:
        yield _note(
            "CNN510",
            before,
            f"the bias of `{before.path}` has no effect: `{node.path}` subtracts the mean",
            "set `bias: false`",
        )


def _without_effect(graph: Graph, n: int) -> Iterator[Diagnostic]:
    """Report a layer that nothing reads, or that changes nothing."""
    node = graph.nodes[n]
    if n not in graph.live:
        if not any(n in other.inputs for other in graph.nodes[n + 1 :]):
            yield _note(
                "CNN504",
                node,
                f"nothing reads `{node.path}`",
                _way_to_read(graph, n),
                severity="warning",
            )
        return
    before = graph.nodes[node.inputs[0]]
    if node.op is not None and node.op.idempotent and _same_settings(node.op, before):
        yield _note(
            "CNN504",
            node,
            f"`{node.path}` changes nothing: `{before.path}` has already done the same",
            "remove one of them",
            severity="warning",
        )
    idle = node.op is not None and node.op.idle_at_one and node.shape == before.shape
    if node.op is not None and idle and _is_one_position(node.op.slides(before.shape)):
        yield _note(
            "CNN504",
            node,
            f"`{node.path}` changes nothing: its window is one position",
            "remove it",
            severity="warning",
        )


def _way_to_read(graph: Graph, n: int) -> str:
    """Return what helps a layer that nothing reads; a join after it may lack its name."""
    unread, after = graph.nodes[n], graph.nodes[min(n + 1, len(graph.nodes) - 1)]
    if after is unread or after.op is None or not after.op.joins():
        return "remove it, or name it in `outputs`"
    name = unread.path.rpartition(".")[2]
    return (
        f"`{after.op.key}` joins only what it lists: add `{name}` to the list of `{after.path}`, "
        f"or remove `{unread.path}`"
    )


def _is_one_position(slides: tuple[Slide, ...]) -> bool:
    return {slide.kernel for slide in slides} == {1}


def _same_settings(op: Op, before: Node) -> bool:
    """Return whether the layer before has the same operator and settings, except `inplace`."""
    if type(before.op) is not type(op) or before.op is None:
        return False
    ours, theirs = (each.settings(before.shape) for each in (op, before.op))
    return {**ours, "inplace": None} == {**theirs, "inplace": None}


def _receptive_field(report: Report) -> Iterator[Diagnostic]:
    """Report a receptive field that is larger than the input, or much smaller."""
    if report.receptive_field_without_gates is None:
        return
    path, seen = report.receptive_field_without_gates
    nodes = report.graph.nodes
    node = next(node for node in nodes if node.path == path)
    maps = [other for other in nodes if other.op and len(other.shape) > 1]
    last = next(
        (
            other
            for other in reversed(maps)
            if other is node or other.op and (other.op.multiplies or other.op.joins())
        ),
        None,
    )
    size, sizes = one_size(seen), "×".join(map(str, seen.input_sizes))
    pairs = [(f.size, n) for f, n in zip(seen.fields, seen.input_sizes) if f]
    if any(f > n for f, n in pairs):
        yield _note(
            "CNN502",
            node,
            f"the receptive field at `{path}` is {size}, larger than the input ({sizes})",
            "part of what each position could see is padding; deeper layers add little context",
        )
    elif (
        node is last
        and any(other.op and other.op.multiplies for other in maps)
        and any(f * _SMALL < n for f, n in pairs)
    ):
        yield _note(
            "CNN503",
            node,
            f"the receptive field at `{path}` is {size}, much smaller than the input ({sizes})",
            "objects larger than the field cannot be recognised there; "
            "more layers, strides or dilation widen it",
        )


def _bottlenecks(graph: Graph) -> Iterator[Diagnostic]:
    """Report a layer that everything passes through and that outputs few of its input values."""
    last_use: dict[int, int] = {}
    for n, node in enumerate(graph.nodes):
        last_use |= dict.fromkeys(node.inputs, n)
    last_use |= dict.fromkeys(graph.outputs, len(graph.nodes))
    weighty = [
        n
        for n, node in enumerate(graph.nodes)
        if node.op and node.op.multiplies and len(node.shape) > 1
    ]
    furthest, before = 0, None
    for n, node in enumerate(graph.nodes[: weighty[-1] if weighty else 0]):
        alone = furthest <= n
        furthest = max(furthest, last_use.get(n, n))
        if not alone or len(node.shape) == 1:
            continue
        if (
            before is not None
            and node.op is not None
            and product(node.shape[1:]) > 1
            and product(before.shape) > _TIGHT * product(node.shape)
        ):
            ratio = product(before.shape) / product(node.shape)
            yield _note(
                "CNN505",
                node,
                f"`{node.path}` is a tight bottleneck: "
                f"{shape_text(before.shape)} to {shape_text(node.shape)}, "
                f"{ratio:.1f} times fewer values",
                "use more channels here, or a smaller stride, so that H·W·C falls more slowly",
            )
        before = node


def _heavy_linear(report: Report) -> Iterator[Diagnostic]:
    """Report a linear layer on a flattened map that holds most of the parameters."""
    nodes = report.graph.nodes
    for node, row in zip((node for node in nodes if node.op), report.rows):
        source = nodes[node.inputs[0]]
        if source.op is None or row.params <= max(_HEAVY, report.totals.params // 2):
            continue
        x = nodes[source.inputs[0]].shape
        if row.macs and len(source.shape) == 1 and len(x) > 1 and product(x[1:]) > 1:
            yield _note(
                "CNN507",
                node,
                f"`{node.path}` holds {row.params:,} of {report.totals.params:,} parameters, "
                f"because it reads all of {shape_text(x)}",
                f"`- globalavgpool` before the flatten leaves {x[0] * node.shape[0]:,} weights",
            )
