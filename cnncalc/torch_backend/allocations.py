"""Which call of torch allocated and freed what on the CPU, from the profiler's record.

A dispatch mode that looks at the tensors between two calls would change what it measures: as long
as Python refers to a gradient, autograd adds out of place what it adds in place otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from torch import Tensor
from torch._C._profiler import RecordScope
from torch.profiler import ProfilerActivity, profile


class Moment(NamedTuple):
    """What is in memory after a call of torch, and what the call took for itself beside that.

    `call` is the name of the operation; `sequence` numbers a forward call, and again the backward
    call that belongs to it; `backward` says which of them this is. `span` is the innermost
    `record_function` around it, such as an optimizer's step; "" if there is none.
    """

    call: str
    sequence: int
    backward: bool
    bytes: int
    workspace: int
    span: str = ""


class Allocations(NamedTuple):
    """A run: what was in memory before, and the moments after all calls."""

    before: int
    moments: list[Moment]

    @property
    def peak(self) -> Moment:
        """The moment with most in memory, workspaces apart."""
        return max(self.moments, key=lambda moment: moment.bytes)

    @property
    def with_workspaces(self) -> int:
        """The most that was in memory, workspaces included."""
        return max(moment.bytes + moment.workspace for moment in self.moments)


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """The bytes that tensors hold together, each storage once."""
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in tensors}
    return sum(storages.values())


def recorded(step: Callable[[], object], held: Iterable[Tensor]) -> Allocations:
    """Run a step, and return what it allocates on the CPU beside the tensors held all the while."""
    activities = [ProfilerActivity.CPU]
    with profile(activities=activities, profile_memory=True, acc_events=True) as record:
        step()
    before = bytes_of(held)
    roots = record.profiler.kineto_results.experimental_event_tree()
    return Allocations(before, list(_moments(roots, before)))


class _Call(NamedTuple):
    """An outermost call of torch, or a change of memory between two calls."""

    event: Any
    backward: bool
    sequence: int
    span: str


def _moments(roots: list[Any], now: int) -> Iterator[Moment]:
    for event, backward, sequence, span in _calls(roots):
        most, start = now, now
        for size in _changes(event):
            now += size
            most = max(most, now)
        yield Moment(event.name, sequence, backward, now, most - max(now, start), span)


def _calls(
    events: list[Any], backward: bool = False, sequence: int = -1, span: str = ""
) -> Iterator[_Call]:
    for event in events:
        fields = event.extra_fields
        own = getattr(fields, "sequence_number", -1)
        is_call = event.name.startswith("aten::")
        if is_call and _casts(event):
            yield from _calls(event.children, backward, sequence, span)
        elif is_call or event.name == "[memory]":
            yield _Call(event, backward, sequence if backward else own, span)
        else:
            inside = backward or "evaluate_function" in event.name
            number = own if own >= 0 else sequence
            named = getattr(fields, "scope", None) == RecordScope.USER_SCOPE
            yield from _calls(event.children, inside, number, event.name if named else span)


def _casts(event: Any) -> bool:
    """Whether there is one of autocast's calls in a call, or it is one.

    Such a call copies its inputs to another type, and then calls the same operation again.
    """
    names = [child.name for child in event.children]
    return names[:1] == ["aten::to"] and event.name in names or any(map(_casts, event.children))


def _changes(event: Any) -> Iterator[int]:
    """The bytes of each tensor that a call allocates, negative for what it frees."""
    waiting = [event]
    while waiting:
        found = waiting.pop()
        if found.name == "[memory]":
            yield found.extra_fields.alloc_size
        waiting.extend(reversed(found.children))
