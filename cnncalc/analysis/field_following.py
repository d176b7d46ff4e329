"""Follows the receptive fields of all layers through the graph, from the network's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Node
from ..num import Shape
from ..ops.base import Op
from ..ops.reads import Reach, Windows, in_place
from ..pausing import pause
from ..window import Field, Unknown
from .axis_fields import AxisFields
from .borders import Borders, Reading, only_input
from .channel_fields import LayerChannels, Part
from .channels import Channels, unknown
from .receptive_field import Seen

_MOST_CHANNELS = 2**16  # of a layer whose channels are followed one by one
_CHANNEL_WORK = 5 * 10**6  # channels that may be followed one by one in a graph
_TOO_MANY_CHANNELS = Unknown("there are too many channels to follow each of them")

START = Field()


class KnownWindows:
    """What operators read of inputs of some shapes; copies of a block have both in common."""

    def __init__(self) -> None:
        # With the operator and the shapes themselves, whose identities are the key.
        self._found: dict[tuple[int, int], tuple[Windows, Op, list[Shape]]] = {}

    def of(self, op: Op, xs: list[Shape]) -> Windows:
        """Return the windows of an operator."""
        key = id(op), id(xs)
        known = self._found.get(key)
        if known is None:
            known = self._found[key] = op.window(*xs), op, xs
        return known[0]


class ReceptiveFields(NamedTuple):
    """The receptive fields of a graph: for each node, the axes seen of each network input."""

    seen: list[Seen]
    ungated: list[Seen] | None  # the same without gates; None if there are no gates
    notes: list[Diagnostic]  # for joins of unequal fields, and fields that are not followed
    not_followed: tuple[str, ...]  # paths of the layers where following stops


def receptive_fields(graph: Graph, known: KnownWindows | None = None) -> ReceptiveFields:
    """Follow the receptive field of every node back to the network's inputs.

    Graphs that have operators in common may share what is `known` of these.
    """
    known = known or KnownWindows()
    strict = _Following(graph, known)
    strict.follow()
    ungated = None
    if strict.gated:
        without = _Following(graph, known, gates=False)
        without.follow()
        ungated = without.seen
    return ReceptiveFields(strict.seen, ungated, strict.notes, tuple(strict.not_followed))


class _Following:
    """One walk through a graph.

    Without `gates`, it leaves out an input that a join stretches over the positions of another one,
    such as the one value per channel by which a squeeze-and-excite block multiplies a map.
    """

    def __init__(self, graph: Graph, known: KnownWindows, gates: bool = True):
        self.seen: list[Seen] = []
        self.notes: list[Diagnostic] = []
        self.not_followed: list[str] = []
        self.gated = False
        self.windows: dict[int, Windows] = {}  # of the nodes that do not read plainly
        self._graph = graph
        self._known = known
        self._gates = gates
        self._channels: dict[int, Channels] = {}  # of the nodes whose channels differ
        self._channel_work = _CHANNEL_WORK
        self._fields = AxisFields(Borders(graph, self.seen, self._channels, self._reads))

    def follow(self) -> None:
        """Follow every node."""
        seen, channels, remarks = self.seen, self._channels, self._fields.remarks
        known = self._known
        for n, node in enumerate(self._graph.nodes):
            pause()
            op = node.op
            if op is None:
                seen.append({n: tuple([(axis, START) for axis in range(len(node.shape) - 1)])})
                continue
            self._fields.layer, self._fields.readings = n, only_input
            sources = node.inputs
            first = sources[0]
            alike = len(sources) == 1 and first not in channels
            plain = len(sources) == 1 and type(op).window is Op.window
            if plain and (alike or op.channelwise):
                seen.append(seen[first])  # each position sees what its input sees there
                if not alike:
                    channels[n] = channels[first]
                continue
            xs = self._graph.shapes_into(node)
            windows = self.windows[n] = known.of(op, xs)
            if alike and not (op.scatters and self._some_make_positions):
                reaches = windows[0]
                through = self._fields.through
                below = {} if reaches is None else through(reaches, seen[first], xs[0], node.shape)
                seen.append(below)
            else:
                seen.append(self._layer(n, node, op, xs))
                self._fields.apart = None
            if remarks:
                self._note(node)

    def _note(self, node: Node) -> None:
        """Turn the remarks about a node into notes."""
        remarks = self._fields.remarks
        for remark in sorted(remarks):
            if len(node.inputs) == 1 and not remark.given_up:
                continue  # already reported where the branches met
            self.notes.append(
                Diagnostic(
                    "CNN209",
                    f"in `{node.path}`, {remark.text}",
                    node.position,
                    context=node.context,
                    severity="note",
                )
            )
        if any(remark.given_up for remark in remarks):
            self.not_followed.append(node.path)
        remarks.clear()

    def _layer(self, n: int, node: Node, op: Op, xs: Sequence[Shape]) -> Seen:
        """Return what all channels of a layer see together."""
        seen, channels, fields, y = self.seen, self._channels, self._fields, node.shape
        windows = self._without_gates(self.windows[n])
        fields.apart = op.side_by_side(*xs)
        sources = node.inputs
        below: list[Seen] = []
        everything: list[Reading] = [
            (m, None) for m, reads in enumerate(windows) if reads is not None
        ]
        for reading in everything:
            m, _ = reading
            fields.readings = partial(_these, reading)
            below.append(fields.through(windows[m] or (), seen[sources[m]], xs[m], y))
        fields.readings = partial(_these, *everything)
        together = fields.union(below, y)
        if not self._some_read_a_part:
            return together
        if not self._can_tell_apart(y[0], *[x[0] for x in xs]):
            apart = len(xs) == 1 and type(op).channels is not Op.channels
            return unknown(together, fields.give_up(_TOO_MANY_CHANNELS)) if apart else together
        reads = op.channels(*xs)
        if reads == "all" or reads == "each" and channels.keys().isdisjoint(sources):
            return together
        if reads == "each" and len(below) == 1 and _reads_in_place(windows[0] or ()):
            if sources[0] in channels:
                channels[n] = channels[sources[0]]
            return together
        parts = {
            m: Part(reaches, x, channels.get(source) or Channels.alike(seen[source], x[0]))
            for m, (reaches, x, source) in enumerate(zip(windows, xs, sources))
            if reaches is not None
        }
        found = LayerChannels(fields, parts, y, together).reading(reads)
        if not found.uniform:
            channels[n] = found
        fields.readings = partial(_these, *everything)
        whole = reads == "each" or node.op is not None and node.op.joins()
        return together if whole else fields.union(found.sights, y)

    @cached_property
    def _some_make_positions(self) -> bool:
        """Return whether any layer may turn channels into positions, or positions into channels."""
        nodes = self._graph.nodes
        return any(
            node.op is not None
            and node.op.scatters
            and node.shape[1:]
            and node.op.channels(*self._graph.shapes_into(node)) != "each"
            for node in nodes
        )

    @cached_property
    def _some_read_a_part(self) -> bool:
        """Return whether any layer reads only some channels, so that each one matters."""
        return self._some_make_positions or any(
            node.op is not None
            and len(node.inputs) == 1 < len(node.shape)
            and type(node.op).channels is not Op.channels
            and self._reads_a_part(node, node.op)
            for node in self._graph.nodes
        )

    def _can_tell_apart(self, *channels: int) -> bool:
        """Return whether so many channels of a layer and its inputs can be followed one by one."""
        if max(channels) > _MOST_CHANNELS:
            return False
        self._channel_work -= sum(channels)
        return self._channel_work >= 0

    def _reads_a_part(self, node: Node, op: Op) -> bool:
        xs = self._graph.shapes_into(node)
        return xs[0][0] > _MOST_CHANNELS or op.channels(*xs) not in ("each", "all")

    def _reads(self, n: int) -> Windows | None:
        """Return what a layer reads of each input; None if each position reads its own position."""
        windows = self.windows.get(n)
        return windows and self._without_gates(windows)

    def _without_gates(self, windows: Windows) -> Windows:
        """Return what an operator reads; if gates are left out, None for a gate."""
        gating = gates(windows) if len(windows) > 1 else ()
        if not gating:
            return windows
        self.gated = True
        if self._gates:
            return windows
        return tuple([None if m in gating else window for m, window in enumerate(windows)])


def _these(*readings: Reading) -> Sequence[Reading]:
    return readings


def _reads_in_place(reaches: tuple[Reach, ...]) -> bool:
    """Return whether every position reads its own position of the input."""
    return reaches == in_place(len(reaches))


def gates(windows: Windows) -> tuple[int, ...]:
    """Return the inputs of a join that it stretches over the positions of another one.

    If it stretches all of them, each along another axis, none of them is a gate.
    """
    if all(window is None or None not in window for window in windows):
        return ()
    followed: set[int] = set()
    for window in windows:
        followed.update(axis for axis, reach in enumerate(window or ()) if reach is not None)
    found = tuple([m for m, window in enumerate(windows) if _is_stretched(window, followed)])
    return found if len(found) < len(windows) else ()


def _is_stretched(window: tuple[Reach, ...] | None, followed: set[int]) -> bool:
    """Return whether each position reads all of an axis along which another input is followed."""
    return any(reach is None and axis in followed for axis, reach in enumerate(window or ()))
