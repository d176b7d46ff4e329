"""How a module differs from its spec, in words.

It may be the first difference, swapped layers, another output, totals, or parameters never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from ...analysis.result import Report, Row
from ...diagnostic import Diagnostic, Mistake
from ...wording import shape_text
from ..verify.result import Check
from .alignment import Pair, swapped_pair
from .recorder import Event
from .user_module import UserRun, place_text

_TOTALS = {
    "outputs": "outputs",
    "tensors": "parameter tensors",
    "params": "parameters",
    "macs": "MACs",
}


def first_difference(report: Report, pairs: list[Pair], run: UserRun) -> list[Diagnostic]:
    """Describe the first difference.

    Errors: a Mistake where forward failed and nothing differs up to there.
    """
    wrong = [pair for pair in pairs if not pair.ok]
    if not wrong:
        if run.failure is None:
            return []
        raise Mistake(Diagnostic("CNN404", run.failure, help=_last_agreeing(pairs)))
    first = wrong[0]
    following = pairs[pairs.index(first) :]
    expected = (pair.expected for pair in following if pair.expected)
    nearest = next(expected, pairs[-1].expected)
    row = _row_of(report, nearest.where) if nearest else None
    more = ""
    if len(wrong) > 1:
        more = f"; {len(wrong) - 1} more below differ{'s' if len(wrong) == 2 else ''}"
    if run.failure:
        more += f"; {run.failure.replace('the module', 'then the module', 1)}"
    if first.expected is None:
        found = _superfluous(report, pairs, first, nearest, more)
    else:
        found = _difference(report, pairs, first, first.expected, more)
    return [found.at(row and row.position)]


def other_output(report: Report, flows: list[Any], run: UserRun) -> list[Diagnostic]:
    """Describe the first output that is another tensor than the spec's.

    `flows` are those of the spec's outputs. It is asked where everything is computed that should
    be.
    """
    if run.failure is not None or len(flows) != len(run.flows):
        return []
    names = [node.path for node in report.graph.returned]
    for n, (ours, theirs) in enumerate(zip(flows, run.flows)):
        if ours != theirs:
            name = names[min(n, len(names) - 1)]
            return [
                Diagnostic(
                    "CNN405",
                    f"output {n + 1} of the module is not `{name}`,"
                    " but something else of the same shape",
                    help="forward computes all that the spec does, and returns another tensor",
                )
            ]
    return []


def total_differences(totals: Sequence[Check]) -> list[Diagnostic]:
    """Describe the totals that differ."""
    found = []
    for check in totals:
        if not check.ok:
            ours, theirs = _total_text(check.predicted), _total_text(check.measured)
            message = f"{_TOTALS[check.what]}: the spec has {ours}, the module {theirs}"
            found.append(Diagnostic("CNN405", message))
    return found


def unread_parameters(network: nn.Module, used: set[str]) -> list[Diagnostic]:
    """Describe the parameters that forward never reads, though the totals count them."""
    unread = {name: p.numel() for name, p in network.named_parameters() if name not in used}
    if not unread:
        return []
    more = ""
    if len(unread) == 2:
        more = " and another tensor"
    elif len(unread) > 2:
        more = f" and {len(unread) - 1} other tensors"
    values = f"{sum(unread.values()):,} values"
    message = f"forward never reads `{next(iter(unread))}`{more} of the module, {values}"
    return [Diagnostic("CNN405", message)]


def _last_agreeing(pairs: list[Pair]) -> str | None:
    """Say how far a module agrees whose forward fails."""
    if not pairs:
        return None
    last = f"{pairs[-1].found} in {_place(pairs[-1])}"
    return f"up to there it agrees with the spec; the last thing it computed is {last}"


def _superfluous(
    report: Report, pairs: list[Pair], first: Pair, following: Event | None, more: str
) -> Diagnostic:
    """Describe what the module computes and the spec does not have."""
    before = "at the end"
    if following and pairs[-1] is not first:
        before = f"before `{_layer_of(report, following.where)}`"
    found = f"{first.found} in {_place(first)}"
    message = f"the module computes {found}, {before}, which the spec does not have{more}"
    return Diagnostic("CNN405", message)


def _difference(
    report: Report, pairs: list[Pair], first: Pair, expected: Event, more: str
) -> Diagnostic:
    """Describe what the module does in place of something that the spec has."""
    name = _layer_of(report, expected.where)
    if first.found is None:
        return Diagnostic("CNN405", f"the module lacks `{name}`: {expected}{more}")
    if first.rewired:
        ours, theirs = _reads(report, expected), _reads(report, first.found)
        return Diagnostic(
            "CNN405",
            f"`{name}` reads {ours} in the spec; the module computes it in {_place(first)}"
            f" from the outputs of {theirs}",
            help="the layers are the same, but connected otherwise",
        )
    other = swapped_pair(pairs) or _expected_later(report, expected, first.found)
    if other is not None and other.expected is not None:
        place, other_place = _place(first), _place(other)
        help = None
        if other.found and place != other_place:
            help = f"in the module, {place} and {other_place} change places"
        return Diagnostic(
            "CNN405",
            f"`{name}` and `{_layer_of(report, other.expected.where)}` are swapped:"
            f" the module has {first.found} where the spec has {expected}{more}",
            help=help,
        )
    return Diagnostic(
        "CNN405",
        f"`{name}` should be {expected}; the module has {first.found} in {_place(first)}{more}",
        equation=_contrast(expected, first.found),
    )


def _expected_later(report: Report, expected: Event, found: Event) -> Pair | None:
    """Find the later layer of the spec with the weights of the layer at which forward fails."""
    if found.shape is not None or not found.weights:
        return None
    for node in report.graph.nodes:
        if node.op is not None and node.path != expected.where:
            weights = node.op.weights(*report.graph.shapes_into(node))
            shapes = [tuple(shape) for shape in weights.values()]
            if tuple(sorted(shapes, key=len, reverse=True)) == found.weights:
                return Pair(expected._replace(where=node.path), None)
    return None


def _row_of(report: Report, where: str) -> Row | None:
    """The row that a module of ours belongs to."""
    while where and report.row(where) is None:
        where = where.rpartition(".")[0]
    return report.row(where)


def _layer_of(report: Report, where: str) -> str:
    """The path of the layer that a module of ours belongs to; a user's module has its own name."""
    row = _row_of(report, where)
    return row.path if row else where or "the network"


def _reads(report: Report, event: Event) -> str:
    """Write the layers whose outputs a computation reads."""
    names = []
    for where in event.reads:
        is_layer = where not in ("the input", "its forward")
        names.append(f"`{_layer_of(report, where)}`" if is_layer else where)
    return _listed(names)


def _place(pair: Pair) -> str:
    """Where the module computes it."""
    return place_text(pair.found.where) if pair.found else "nothing"


def _contrast(expected: Event, found: Event) -> str | None:
    """Write what differs in a few words."""
    parts = []
    if expected.kind != found.kind:
        parts.append(f"{expected.kind}, not {found.kind}")
    elif expected.weights != found.weights:
        ours, theirs = (_listed(map(shape_text, event.weights)) for event in (expected, found))
        parts.append(f"weights {ours}, not {theirs}")
    elif expected.numbers != found.numbers:
        parts.append(_other_numbers(dict(expected.numbers), dict(found.numbers)))
    if expected.shape and found.shape and expected.size != found.size:
        shapes = shape_text(expected.shape[1:]), shape_text(found.shape[1:])
        parts.append(f"output {shapes[0]}, not {shapes[1]}")
    return "; ".join(parts) or None


def _other_numbers(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Write the settings that differ: ``stride 2, not stride 1``."""
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    expected = ", ".join(f"{key} {ours.get(key)}" for key in keys)
    found = ", ".join(f"{key} {theirs.get(key)}" for key in keys)
    return f"{expected}, not {found}"


def _listed(words: Iterable[str]) -> str:
    """Write ``a, b and c``."""
    *some, last = [*words] or ["nothing"]
    return f"{', '.join(some)} and {last}" if some else last


def _total_text(value: Any) -> str:
    """Write a number or shapes."""
    return f"{value:,}" if isinstance(value, int) else ", ".join(map(shape_text, value))
