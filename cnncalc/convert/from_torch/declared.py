"""Parts of a network without an operator: their figures are declared, as torch measures them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic
from ...trace import Call, Ref
from ..axes import Value
from ..layers import Unknown
from .draft import MOST_AXES, Draft, data_of, weights_in


class Declared(NamedTuple):
    """A part of the network without an operator: its figures are declared, as measured."""

    path: str  # of the layer
    what: str  # the call that has no operator
    module: str  # the class of the module that it is a part of
    source: str | None  # the line in the user's code
    why: str | None = None  # if it is not for lack of an operator


class Part(NamedTuple):
    """Calls that become one layer: they read one tensor, and others read one of theirs."""

    calls: range
    source: Ref
    result: Ref


def parts_around(draft: Draft, n: int) -> Iterator[Part]:
    """Yield call n alone, and the modules around it, that may be one layer, the smallest first."""
    for calls in _parts_around(draft, n):
        part = _with_ends(draft, calls)
        if part is not None:
            yield part


def undeclared(call: Call, why: str) -> Diagnostic:
    """Describe a call that is no operator, in no part that can be one layer."""
    place = f" ({call.source})" if call.source else ""
    message = f"no operator is `{call.name}`{place}, and what is around it is not one layer"
    return Diagnostic("CNN404", f"{message}: {why}")


def _parts_around(draft: Draft, n: int) -> Iterator[range]:
    """Yield call n alone, and the calls of each module around it, the smallest first.

    A call that has only a part of a parameter is not left alone.
    """
    calls = draft.trace.calls
    if all(weight.whole for weight in weights_in(calls[n].arguments)):
        yield range(n, n + 1)
    path = calls[n].path
    while path:
        inside = [
            m
            for m, call in enumerate(calls)
            if call.path == path or call.path.startswith(f"{path}.")
        ]
        if inside and inside == list(range(inside[0], inside[-1] + 1)):
            yield range(inside[0], inside[-1] + 1)
        path = path.rpartition(".")[0]


def _with_ends(draft: Draft, part: range) -> Part | None:
    """Return a part with the one tensor that it reads, and the one of its own that others read."""
    calls = draft.trace.calls
    read = {ref for n in part for ref in data_of(calls[n]) if ref.call not in part}
    later = {ref for call in calls[part.stop :] for ref in data_of(call)}
    given = {ref for ref in (*later, *draft.trace.outputs) if ref.call in part}
    if len(read) != 1 or len(given) != 1:
        return None
    source, result = read.pop(), given.pop()
    sizes, from_ = draft.sizes(result), draft.sizes(source)
    whole = result.part == 0 and sizes[:1] == from_[:1]
    low = all(1 < len(dims) <= MOST_AXES + 1 for dims in (sizes, from_))
    if not (whole and low and _is_plain(draft, source)):
        return None
    return Part(part, source, result)


def _is_plain(draft: Draft, source: Ref) -> bool:
    """Return whether a tensor holds each image by itself."""
    try:
        return draft.of(source).batch_first
    except Unknown:
        return False


def opaque(draft: Draft, part: Part, call: Call) -> Value:
    """Add a layer with the figures of a part, as measured; `call` is what has no operator."""
    calls = draft.trace.calls
    node = draft.plain(draft.of(part.source), calls[part.calls.start])
    x, y = draft.layers.graph.nodes[node].shape, draft.sizes(part.result)[1:]
    held = [w for m in part.calls for w in weights_in(calls[m].arguments)]
    names = {name for weight in held for name in weight.names} - draft.layers.owners.keys()
    found = draft.trace.measure(part.calls)
    same = [0 < axis < len(x) and x[axis] == size for axis, size in enumerate(y)]
    body: dict[str, Any] = {
        "out": tuple(None if kept else size for kept, size in zip(same, y)),
        "params": sum(draft.trace.parameters.get(name, 0) for name in names),
        **{name: n for name, n in found._asdict().items() if n is not None},
    }
    if y == tuple(x):
        del body["out"]
    path = draft.path(call, call.name)
    if len(part.calls) > 1:
        path = _around(draft, part.calls)
    value = draft.layers.add("opaque", body, [node], path, y)
    draft.layers.own(value.node, sorted(names))
    return value


def _around(draft: Draft, part: range) -> str:
    """Return the path of the innermost module that makes all calls of a part."""
    paths = [draft.trace.calls[n].path.split(".") for n in part]
    common = []
    for parts in zip(*paths):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return ".".join(common).replace("@", "_")
