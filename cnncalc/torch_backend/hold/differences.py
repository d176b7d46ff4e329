"""How a module differs from its spec, in words: the first difference, swapped layers, totals, and what is never read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from torch import nn

from ...analysis.rows import Report, Row
from ...diagnostic import Diagnostic, Mistake
from ...ops.base import named as sized
from .recorder import Event
from .user_module import Ran, named

if TYPE_CHECKING:
    from ..verify.verify import Check
    from .hold import Pair


def explained(report: Report, pairs: list[Pair], ran: Ran) -> list[Diagnostic]:
    """The first difference; a Mistake where forward failed and nothing differs up to there."""
    wrong = [pair for pair in pairs if not pair.ok]
    if not wrong:
        if ran.failure is None:
            return []
        last = (
            f"up to there it agrees with the spec; the last thing it computed is {pairs[-1].found} in {place(pairs[-1])}"
            if pairs
            else None
        )
        raise Mistake(Diagnostic("CNN404", ran.failure, help=last))
    first = wrong[0]
    known = next(
        (pair.expected for pair in pairs[pairs.index(first) :] if pair.expected), pairs[-1].expected
    )
    row = row_of(report, known.where) if known else None
    more = (
        f"; {len(wrong) - 1} more below differ{'s' if len(wrong) == 2 else ''}"
        if len(wrong) > 1
        else ""
    )
    more += f"; {ran.failure.replace('the module', 'then the module', 1)}" if ran.failure else ""
    return [difference(report, pairs, first, known, more).at(row and row.position)]


def returned_otherwise(report: Report, due: list[Any], ran: Ran) -> list[Diagnostic]:
    """The first output that is another tensor than the spec's, though everything is computed that should be."""
    if ran.failure is not None or len(due) != len(ran.flows):
        return []
    names = [*report.outputs]
    wrong = [n for n, (ours, theirs) in enumerate(zip(due, ran.flows)) if ours != theirs]
    said = (
        f"output {wrong[0] + 1} of the module is not `{names[min(wrong[0], len(names) - 1)]}`, but something else of the same shape"
        if wrong
        else ""
    )
    return (
        [
            Diagnostic(
                "CNN405",
                said,
                help="forward computes all that the spec does, and returns another tensor",
            )
        ]
        if wrong
        else []
    )


def difference(
    report: Report, pairs: list[Pair], first: Pair, known: Event | None, more: str
) -> Diagnostic:
    """What differs first, in one sentence."""
    if first.expected is None:
        before = (
            f"before `{name_of(report, known)}`"
            if known and pairs[-1] is not first
            else "at the end"
        )
        return Diagnostic(
            "CNN405",
            f"the module computes {first.found} in {place(first)}, {before}, which the spec does not have{more}",
        )
    name = name_of(report, first.expected)
    if first.found is None:
        return Diagnostic("CNN405", f"the module lacks `{name}`: {first.expected}{more}")
    if first.rewired:
        theirs, ours = (
            listed(
                where if where in ("the input", "its forward") else f"`{name_of(report, where)}`"
                for where in event.reads
            )
            for event in (first.found, first.expected)
        )
        return Diagnostic(
            "CNN405",
            f"`{name}` reads {ours} in the spec; the module computes it in {place(first)} from the outputs of {theirs}",
            help="the layers are the same, but connected otherwise",
        )
    other = swapped(pairs) or due_later(report, first)
    if other is not None:
        text = f"`{name}` and `{name_of(report, other.expected)}` are swapped: the module has {first.found} where the spec has {first.expected}{more}"
        both = (place(first), place(other)) if other.found else ("", "")
        return Diagnostic(
            "CNN405",
            text,
            help=f"in the module, {both[0]} and {both[1]} change places"
            if both[0] != both[1]
            else None,
        )
    return Diagnostic(
        "CNN405",
        f"`{name}` should be {first.expected}; the module has {first.found} in {place(first)}{more}",
        equation=apart(first.expected, first.found),
    )


def swapped(pairs: Sequence[Pair]) -> Pair | None:
    """The place with which the first one that differs changed places: each has what the other should have."""
    wrong = [
        (pair, pair.expected.what, pair.found.what)
        for pair in pairs
        if pair.expected and pair.found and pair.expected.what != pair.found.what
    ]
    return next(
        (pair for pair, expected, found in wrong[1:] if (expected, found) == wrong[0][:0:-1]), None
    )


def due_later(report: Report, first: Pair) -> Any:
    """Where forward fails at a layer with weights, the later layer of the spec that has just those."""
    from .hold import Pair

    if (
        first.expected is None
        or first.found is None
        or first.found.shape is not None
        or not first.found.weights
    ):
        return None
    graph = report.graph
    for node in graph.nodes:
        if node.op is not None and node.path != first.expected.where:
            shapes = sorted(
                (
                    tuple(s)
                    for s in node.op.weights(*(graph.nodes[m].shape for m in node.inputs)).values()
                ),
                key=len,
                reverse=True,
            )
            if tuple(shapes) == first.found.weights:
                return Pair(first.expected._replace(where=node.path), None)
    return None


def row_of(report: Report, where: str) -> Row | None:
    """The row that a module of ours belongs to."""
    while where and report.row(where) is None:
        where = where.rpartition(".")[0]
    return report.row(where)


def name_of(report: Report, event: Event | str | None) -> str:
    """The path of the layer that computes something; of a module of the user's own, its name."""
    where = event if isinstance(event, str) else event.where if event else ""
    row = row_of(report, where)
    return row.path if row else where or "the network"


def place(pair: Pair) -> str:
    """Where the module does it."""
    return named(pair.found.where) if pair.found else "nothing"


def apart(expected: Event, found: Event) -> str | None:
    """What differs, in a few words."""
    said = []
    if expected.kind != found.kind:
        said.append(f"{expected.kind}, not {found.kind}")
    elif expected.weights != found.weights:
        said.append(
            f"weights {listed(map(sized, expected.weights))}, not {listed(map(sized, found.weights))}"
        )
    elif expected.numbers != found.numbers:
        ours, theirs = dict(expected.numbers), dict(found.numbers)
        keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
        said.append(
            f"{', '.join(f'{key} {ours.get(key)}' for key in keys)}, not {', '.join(f'{key} {theirs.get(key)}' for key in keys)}"
        )
    if expected.shape and found.shape and expected.size != found.size:
        said.append(f"output {sized(expected.shape[1:])}, not {sized(found.shape[1:])}")
    return "; ".join(said) or None


def listed(words: Iterable[str]) -> str:
    """``a, b and c``."""
    *some, last = [*words] or ["nothing"]
    return f"{', '.join(some)} and {last}" if some else last


def sums(totals: Sequence[Check]) -> list[Diagnostic]:
    """The totals that differ."""
    words = {
        "outputs": "outputs",
        "tensors": "parameter tensors",
        "params": "parameters",
        "macs": "MACs",
    }
    return [
        Diagnostic(
            "CNN405",
            f"{words[check.what]}: the spec has {said(check.predicted)}, the module {said(check.measured)}",
        )
        for check in totals
        if not check.ok
    ]


def said(value: Any) -> str:
    """A number or shapes."""
    return f"{value:,}" if isinstance(value, int) else ", ".join(map(sized, value))


def idle(network: nn.Module, used: set[str]) -> list[Diagnostic]:
    """Parameters that forward never reads, though the totals count them."""
    unused = {name: p.numel() for name, p in network.named_parameters() if name not in used}
    if not unused:
        return []
    more = (
        ""
        if len(unused) == 1
        else " and another tensor"
        if len(unused) == 2
        else f" and {len(unused) - 1} other tensors"
    )
    return [
        Diagnostic(
            "CNN405",
            f"forward never reads `{next(iter(unused))}`{more} of the module, {sum(unused.values()):,} values",
        )
    ]
