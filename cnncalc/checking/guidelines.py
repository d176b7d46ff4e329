"""What is not wrong but worth a thought: pixels a stride drops, fields that do not suit the input, layers without effect, tight or heavy ones."""

from __future__ import annotations

from collections.abc import Iterator

from ..analysis.figures import one_size
from ..analysis.rows import Report
from ..diagnostic import Diagnostic, Severity
from ..graph import Graph, Node
from ..num import product
from ..ops.activation import Relu, Relu6
from ..ops.base import named
from ..ops.conv import Conv
from ..ops.linear import Linear
from ..ops.norm import BatchNorm
from ..ops.pool import AvgPool, MaxPool
from ..ops.reshape import Flatten
from ..ops.sliding import Sliding, window_line

TIGHT = 8  # a layer that hands on less than one in so many of the values it gets
SMALL = 4  # a field less than one in so many of the input's size
HEAVY = 10**6  # parameters of a linear layer that is worth a word


def guidelines(report: Report) -> Iterator[Diagnostic]:
    """The notes on a network that is right."""
    graph = report.graph
    readers = graph.readers()
    shared = {
        n for k, node in enumerate(graph.nodes) if node.shares is not None for n in (k, node.shares)
    }
    for n, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        if isinstance(node.op, Sliding):
            yield from dropped_pixels(graph, node)
            yield from uneven_same(node)
        if isinstance(node.op, Conv):
            yield from large_filter(graph, node)
        if type(node.op) is BatchNorm:
            yield from one_value(node)
            if readers[node.inputs[0]] == 1 and node.inputs[0] not in shared:
                yield from idle_bias(node, graph.nodes[node.inputs[0]])
        yield from without_effect(graph, n)
    yield from field_and_input(report)
    yield from tight(graph)
    yield from heavy(report)


def note(
    code: str,
    node: Node,
    message: str,
    help: str | None = None,
    equation: str | None = None,
    severity: Severity = "note",
) -> Diagnostic:
    """A note on a layer."""
    return Diagnostic(code, message, node.position, help, equation, node.context, severity)


def dropped_pixels(graph: Graph, node: Node) -> Iterator[Diagnostic]:
    """Pixels behind the last window, beyond its padding, and beyond the gap that a stride leaves between windows anyway."""
    op, x = node.op, graph.nodes[node.inputs[0]].shape
    assert isinstance(op, Sliding)
    if op.padding == "same" or op.ceil_mode:
        return
    for axis, (k, s, d, (lo, hi)) in enumerate(zip(*op.geometry(len(x) - 1), op.around(x))):
        n, span = x[1 + axis], d * (k - 1) + 1
        rest = (n + lo + hi - span) % s
        unread = rest - hi - max(s - span, 0)
        if unread > 0:
            larger, smaller = n + s - rest, n - rest
            fits = f"an input of {smaller} or {larger} fits exactly here"
            pads = (
                p
                for p in range(lo + 1, k // 2 + 1)
                if (n + 2 * p - span) % s <= p + max(s - span, 0)
            )
            fields, unread = op.fields(), rest - hi
            more = [
                f"`padding: {p}` reads {'it' if unread == 1 else 'them'}"
                for p in [next(pads, None)]
                if p and lo == hi and "padding" in fields
            ]
            more += ["`ceil_mode: true` reads what is left"] * ("ceil_mode" in fields)
            last = "position" if unread == 1 else f"{unread} positions"
            yield note(
                "CNN501",
                node,
                f"`{node.path}` never reads the last {last} of {n}",
                "; ".join([fits, *more]),
                window_line(n, k, s, lo, hi, d),
                "warning",
            )
            return


def uneven_same(node: Node) -> Iterator[Diagnostic]:
    """`same` with a stride: what it means differs between frameworks."""
    op = node.op
    if (
        isinstance(op, Sliding)
        and op.padding == "same"
        and max(op.geometry(len(node.shape) - 1)[1]) > 1
    ):
        yield note(
            "CNN509",
            node,
            "`same` with a stride: ⌈n/s⌉ with the odd pixel behind, as in TensorFlow; torch refuses it",
            "give the padding in numbers for a network that torch builds without padding apart",
        )


def large_filter(graph: Graph, node: Node) -> Iterator[Diagnostic]:
    """A filter of 5×5 or more where a chain of 3×3 sees as much with fewer weights."""
    op, c = node.op, graph.nodes[node.inputs[0]].shape[0]
    assert isinstance(op, Conv)
    kernel, stride, dilation = op.geometry(len(node.shape) - 1)
    k, axes = kernel[0], len(kernel)
    if (
        k < 5
        or k % 2 == 0
        or len({*kernel}) > 1
        or max(*stride, *dilation) > 1
        or op.groups > 1
        or op.connections is not None
    ):
        return
    links = (k - 1) // 2
    one, chain = k**axes * c * op.out, 3**axes * (c * op.out + (links - 1) * op.out**2)
    if chain < one:
        small = "×".join(["3"] * axes)
        yield note(
            "CNN506",
            node,
            f"{'×'.join(map(str, kernel))} filters have {one:,} weights; {links} layers of {small} see as much with {chain:,}",
            f"a chain of {links} convolutions with kernel 3, and activations between them",
        )


def one_value(node: Node) -> Iterator[Diagnostic]:
    """A batch norm that sees one value per channel and image."""
    if product(node.shape[1:]) == 1:
        yield note(
            "CNN508",
            node,
            f"`{node.path}` sees one value per channel: training needs a batch of at least 2",
            "torch refuses to train it with a batch of 1",
        )


def idle_bias(node: Node, before: Node) -> Iterator[Diagnostic]:
    """A bias just before a batch norm, which alone reads it and whose mean takes it away."""
    if getattr(before.op, "bias", False) is True:
        yield note(
            "CNN510",
            before,
            f"the bias of `{before.path}` has no effect: `{node.path}` subtracts the mean",
            "set `bias: false`",
        )


def without_effect(graph: Graph, n: int) -> Iterator[Diagnostic]:
    """Layers that nothing reads, and those that change nothing."""
    node = graph.nodes[n]
    if n not in graph.live:
        if not any(n in other.inputs for other in graph.nodes[n + 1 :]):
            yield note(
                "CNN504",
                node,
                f"nothing reads `{node.path}`",
                "remove it, or name it in `outputs`",
                severity="warning",
            )
        return
    before = graph.nodes[node.inputs[0]]
    if isinstance(node.op, (Relu, Relu6)) and type(before.op) is type(node.op):
        yield note(
            "CNN504",
            node,
            f"`{node.path}` changes nothing: `{before.path}` has done it",
            "remove one of them",
            severity="warning",
        )
    if (
        isinstance(node.op, (MaxPool, AvgPool))
        and set(node.op.geometry(len(node.shape) - 1)[0]) == {1}
        and node.shape == before.shape
    ):
        yield note(
            "CNN504",
            node,
            f"`{node.path}` changes nothing: its window is one position",
            "remove it",
            severity="warning",
        )


def field_and_input(report: Report) -> Iterator[Diagnostic]:
    """The receptive field of the last layer that does not see everything, beside the size of the input."""
    if report.receptive_field is None:
        return
    path, seen = report.receptive_field
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
    if any(f > n for f, n in zip(seen.size, seen.input_sizes) if f):
        yield note(
            "CNN502",
            node,
            f"the receptive field at `{path}`, {size}, is larger than the input, {sizes}",
            "part of what each position could see is padding; deeper layers add little context",
        )
    elif (
        node is last
        and any(other.op and other.op.multiplies for other in maps)
        and any(f * SMALL < n for f, n in zip(seen.size, seen.input_sizes) if f)
    ):
        yield note(
            "CNN503",
            node,
            f"the receptive field at `{path}`, {size}, is much smaller than the input, {sizes}",
            "what is larger cannot be recognised there: more layers, strides or dilation widen it",
        )


def tight(graph: Graph) -> Iterator[Diagnostic]:
    """A layer that everything passes through and that hands on few of the values that come in."""
    last_use = {
        source: n for n, node in enumerate(graph.nodes) for source in node.inputs
    } | dict.fromkeys(graph.outputs, len(graph.nodes))
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
            and product(before.shape) > TIGHT * product(node.shape)
        ):
            yield note(
                "CNN505",
                node,
                f"`{node.path}` is a tight bottleneck: {named(before.shape)} to {named(node.shape)}, {product(before.shape) / product(node.shape):.1f} times fewer values",
                "let H·W·C fall more slowly: more channels here, or a smaller stride",
            )
        before = node


def heavy(report: Report) -> Iterator[Diagnostic]:
    """A linear layer on a flattened map that holds most of the parameters."""
    for node, row in zip((node for node in report.graph.nodes if node.op), report.rows):
        source = report.graph.nodes[node.inputs[0]]
        if (
            isinstance(node.op, Linear)
            and isinstance(source.op, Flatten)
            and row.params > max(HEAVY, report.totals.params // 2)
        ):
            x = report.graph.nodes[source.inputs[0]].shape
            if product(x[1:]) > 1:
                yield note(
                    "CNN507",
                    node,
                    f"`{node.path}` holds {row.params:,} of {report.totals.params:,} parameters, since it reads all of {named(x)}",
                    f"`- globalavgpool` before the flatten leaves {x[0] * node.op.out:,} weights",
                )
