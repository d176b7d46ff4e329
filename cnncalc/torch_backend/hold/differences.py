"""Describes how a module differs from its spec.

It may have a first difference, swapped layers, another output, other totals, or unread parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ...analysis.result import Report, Row
from ...diagnostic import Diagnostic, Mistake
from ...wording import listed, plural, shape_text
from ..verify.result import Check
from .alignment import Pair, lacked, missing_runs, swapped_pair
from .recorder import Event
from .tensors import unpaired_parameters
from .user_run import UserRun, place_text

_MOST = 5  # blocks or tensors that a message names
_TOTALS = {
    "outputs": "outputs",
    "tensors": "parameter tensors",
    "params": "parameters",
    "macs": "MACs",
}


def first_difference(report: Report, pairs: list[Pair], run: UserRun) -> list[Diagnostic]:
    """Describe the first difference.

    Errors: a Mistake if forward failed and nothing differs up to there.
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
    begins = pairs.index(first)
    missing = next((r for r in missing_runs(pairs) if r.start == begins), range(begins, begins + 1))
    if len(wrong) > len(missing):
        count = len(wrong) - len(missing)
        more = f"; {count} more difference{' follows' if count == 1 else 's follow'}"
    if run.failure:
        more += f"; {run.failure.replace('the module', 'then the module', 1)}"
    if first.expected is None:
        found = _superfluous(report, pairs, first, nearest, missing, more)
    else:
        found = _difference(report, pairs, first, first.expected, missing, more)
    if row is None:
        return [found]
    return [found.at(row.position, *_blocks_around(report, row))]


def other_output(report: Report, flows: list[Any], run: UserRun) -> list[Diagnostic]:
    """Describe the first output that is not the tensor that the spec returns.

    `flows` are those of the spec's outputs. The module must compute all that the spec does.
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
                    " but another tensor of the same shape",
                    help=f"forward computes everything in the spec; return the output of `{name}`",
                )
            ]
    return []


def other_values(report: Report, pair: Pair | None, output: int | None) -> list[Diagnostic]:
    """Describe the first computation, or the first output, that has other values in the module.

    The module must compute all that the spec does.
    """
    if pair is not None and pair.expected is not None:
        row = _row_of(report, pair.expected.where)
        found = Diagnostic(
            "CNN405",
            f"with the same inputs and weights, `{_layer_of(report, pair.expected.where)}` returns"
            f" other values than the module in {_place(pair)}",
            help="what moves values before it differs, such as the axis of a concat or the order of"
            " axes that a view merges",
        )
        return [found.at(row.position, *_blocks_around(report, row)) if row else found]
    if output is None:
        return []
    names = [node.path for node in report.graph.returned]
    name = names[min(output, len(names) - 1)]
    message = (
        f"with the same inputs and weights, output {output + 1} of the module has other values than"
        f" `{name}`, or has them in another order"
    )
    return [Diagnostic("CNN405", message)]


def total_differences(
    totals: Sequence[Check], ours: nn.Module, theirs: nn.Module, named: bool
) -> list[Diagnostic]:
    """Describe the totals that differ. If `named`, the first one names the parameters that do."""
    found: list[Diagnostic] = []
    names, help = unpaired_parameters(ours, theirs) if named else (None, None)
    for check in totals:
        if not check.ok:
            predicted, measured = _total_text(check.predicted), _total_text(check.measured)
            message = f"{_TOTALS[check.what]}: the spec has {predicted}, the module {measured}"
            if check.what in ("tensors", "params") and names:
                found.append(Diagnostic("CNN405", f"{message}; {names}", help=help))
                names = None
            else:
                found.append(Diagnostic("CNN405", message))
    return found


def unread_parameters(network: nn.Module, used: set[str]) -> list[Diagnostic]:
    """Describe the parameters that forward never reads, although the totals count them."""
    unread = {name: p.numel() for name, p in network.named_parameters() if name not in used}
    if not unread:
        return []
    more = ""
    if len(unread) == 2:
        more = " and another tensor"
    elif len(unread) > 2:
        more = f" and {len(unread) - 1} other tensors"
    values = f"{sum(unread.values()):,} values"
    message = f"forward never reads `{next(iter(unread))}`{more} of the module ({values})"
    return [Diagnostic("CNN405", message)]


def _last_agreeing(pairs: list[Pair]) -> str | None:
    """Say how far the module agrees with the spec before its forward fails."""
    if not pairs:
        return None
    last = f"{pairs[-1].found} in {_place(pairs[-1])}"
    return f"the module agrees with the spec up to there; the last thing it computed is {last}"


def _superfluous(
    report: Report,
    pairs: list[Pair],
    first: Pair,
    following: Event | None,
    run: range,
    more: str,
) -> Diagnostic:
    """Describe what the module computes but the spec does not."""
    before = "at the end"
    if following and pairs[-1] is not first:
        before = f"before `{_layer_of(report, following.where)}`"
    if len(run) > 1:
        message = f"the spec lacks what the module has {before}: {_blocks(pairs, run)}{more}"
        return Diagnostic("CNN405", message)
    found = f"{first.found} in {_place(first)}"
    message = f"the module computes {found}, {before}, but the spec does not{more}"
    return Diagnostic("CNN405", message)


def _blocks(pairs: list[Pair], run: range) -> str:
    """Name the blocks and layers that one side lacks: ``2 blocks: `a.1` and `a.2` (6 …)``."""
    names = lacked(pairs, run)
    shown = [f"`{name}`" if name else "forward" for name in names[:_MOST]]
    if len(names) > _MOST:
        shown.append(f"{len(names) - _MOST} more")
    events = (pairs[n].expected or pairs[n].found for n in run)
    are_blocks = not {*names} & {event.where for event in events if event}
    count = f"{len(names)} blocks: " if are_blocks and len(names) > 1 else ""
    return f"{count}{listed(shown)} ({plural(len(run), 'computation')})"


def _difference(
    report: Report, pairs: list[Pair], first: Pair, expected: Event, run: range, more: str
) -> Diagnostic:
    """Describe what the module computes in place of something in the spec."""
    name = _layer_of(report, expected.where)
    if first.found is None and len(run) > 1:
        return Diagnostic("CNN405", f"the module lacks {_blocks(pairs, run)}{more}")
    if first.found is None:
        return Diagnostic("CNN405", f"the module lacks `{name}`: {expected}{more}")
    if first.rewired:
        ours, theirs = _reads(report, expected), _reads(report, first.found)
        return Diagnostic(
            "CNN405",
            f"`{name}` reads {ours} in the spec; the module computes it in {_place(first)}"
            f" from the outputs of {theirs}",
            help="the layers are the same, but they are connected differently",
        )
    other = swapped_pair(pairs) or _expected_later(report, expected, first.found)
    if other is not None and other.expected is not None:
        place, other_place = _place(first), _place(other)
        help = None
        if other.found and place != other_place:
            help = f"swap {place} and {other_place} in the module"
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
    """Find the layer of the spec that has the weights of the layer at which forward fails."""
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
    """Return the row of the layer that a module of the spec's network belongs to."""
    while where and report.row(where) is None:
        where = where.rpartition(".")[0]
    return report.row(where)


def _blocks_around(report: Report, row: Row) -> tuple[str, ...]:
    """Return the blocks around a layer, with the lines where they are used, innermost first."""
    for node in report.graph.nodes:
        if node.path == row.path:
            return node.context
    return ()


def _layer_of(report: Report, where: str) -> str:
    """Return the path of the layer that a module belongs to; a user's module keeps its path."""
    row = _row_of(report, where)
    return row.path if row else where or "the network"


def _reads(report: Report, event: Event) -> str:
    """List the layers whose outputs a computation reads."""
    names = []
    for where in event.reads:
        is_layer = where not in ("the input", "its forward")
        names.append(f"`{_layer_of(report, where)}`" if is_layer else where)
    return listed(names)


def _place(pair: Pair) -> str:
    """Say where the module computes it."""
    return place_text(pair.found.where) if pair.found else "nothing"


def _contrast(expected: Event, found: Event) -> str | None:
    """Say in a few words what differs."""
    parts = []
    if expected.kind != found.kind:
        parts.append(f"{expected.kind}, not {found.kind}")
    elif expected.weights != found.weights:
        ours, theirs = (listed(map(shape_text, event.weights)) for event in (expected, found))
        parts.append(f"weights {ours}, not {theirs}")
    elif expected.numbers != found.numbers:
        parts.append(_other_numbers(dict(expected.numbers), dict(found.numbers)))
    if expected.shape and found.shape and expected.size != found.size:
        shapes = shape_text(expected.shape[1:]), shape_text(found.shape[1:])
        if shapes[0] != shapes[1]:
            parts.append(f"output {shapes[0]}, not {shapes[1]}")
    return "; ".join(parts) or None


def _other_numbers(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    """Write the settings that differ: ``stride 2, not stride 1``."""
    keys = [key for key in {**ours, **theirs} if ours.get(key) != theirs.get(key)]
    expected = ", ".join(f"{key} {ours.get(key)}" for key in keys)
    found = ", ".join(f"{key} {theirs.get(key)}" for key in keys)
    return f"{expected}, not {found}"


def _total_text(value: Any) -> str:
    """Write a number or shapes."""
    return f"{value:,}" if isinstance(value, int) else ", ".join(map(shape_text, value))
