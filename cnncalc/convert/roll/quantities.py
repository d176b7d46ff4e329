"""Says what the numbers of arguments count, so that only numbers of one kind are compared."""

from __future__ import annotations

from .parts import COUNT, Arg, Item

_CHANNELS = frozenset(["out", "groups", "start", "stop"])  # fields of operators


def quantity_of(item: Item, arg: Arg) -> str:
    """Return what an argument counts: `channels`, `count`, or the field that it is, as `stride`."""
    if arg == COUNT:
        return "count"
    if item.called is not None:
        return item.called.quantities[arg.name]
    return "channels" if arg.name in _CHANNELS else arg.name
