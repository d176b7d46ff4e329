"""Follows the receptive fields of all layers along the graph, from the network's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from ..diagnostic import Diagnostic
from ..graph import Graph, Node
from ..num import Shape
from ..ops.base import Op, Reach, Windows
from ..window import IDENTITY, Field, Unknown
from .axis_fields import AxisFields
from .channel_fields import Channels, LayerChannels, Part, unknown
from .receptive_field import Seen

_MOST_CHANNELS = 2**16  # of a layer whose channels are followed apart
_CHANNEL_WORK = 5 * 10**6  # channels followed apart, of all layers together
_TOO_MANY_CHANNELS = Unknown("more channels are told apart than are followed")

START = Field()


class ReceptiveFields(NamedTuple):
    """The receptive fields of a graph: for each node, the axes seen of each network input."""

    seen: list[Seen]
    ungated: list[Seen] | None  # the same without gates; None if there are none
    notes: list[Diagnostic]  # wherever a field is more than one plain window, or not followed
    not_followed: tuple[str, ...]  # paths of the layers from which on a field is not followed


def receptive_fields(graph: Graph) -> ReceptiveFields:
    """Follows the receptive field of every node back to the network's inputs."""
    strict = _Following(graph)
    strict.follow()
    ungated = None
    if strict.gated:
        without = _Following(graph, gates=False, windows=strict.windows)
        without.follow()
        ungated = without.seen
    return ReceptiveFields(strict.seen, ungated, strict.notes, tuple(strict.not_followed))


class _Following:
    """One walk along a graph.

    Without `gates`, an input that a join stretches over the positions of another one is left out:
    one value for the whole map, such as a squeeze-and-excite block multiplies by.
    """

    def __init__(self, graph: Graph, gates: bool = True, windows: dict[int, Windows] | None = None):
        self.seen: list[Seen] = []
        self.notes: list[Diagnostic] = []
        self.not_followed: list[str] = []
        self.gated = False
        self.windows = {} if windows is None else windows  # of the nodes, as they were asked for
        self._graph = graph
        self._gates = gates
        self._fields = AxisFields(
            {n: node.shape for n, node in enumerate(graph.nodes) if node.op is None}
        )
        self._channel_work = _CHANNEL_WORK
        self._channels: dict[int, Channels] = {}  # of the nodes whose channels are not all alike

    def follow(self) -> None:
        """Follow every node."""
        seen, channels, remarks = self.seen, self._channels, self._fields.remarks
        for n, node in enumerate(self._graph.nodes):
            op = node.op
            if op is None:
                seen.append({n: tuple([(axis, START) for axis in range(len(node.shape) - 1)])})
                continue
            sources = node.inputs
            first = sources[0]
            alike = len(sources) == 1 and first not in channels
            plain = len(sources) == 1 and type(op).window is Op.window
            if plain and (alike or op.channelwise):
                seen.append(seen[first])  # each position sees what the one below it sees
                if not alike:
                    channels[n] = channels[first]
                continue
            xs = self._graph.shapes_into(node)
            windows = self.windows.get(n)
            if windows is None:
                windows = self.windows[n] = op.window(*xs)
            if alike and not (op.scatters and self._some_make_positions):
                reaches = windows[0] or ()
                seen.append(self._fields.through(reaches, seen[first], xs[0], node.shape))
            else:
                seen.append(self._layer(n, node, op, xs))
            if remarks:
                self._note(node)

    def _note(self, node: Node) -> None:
        """Turn the remarks about a node into notes."""
        remarks = self._fields.remarks
        for remark in sorted(remarks):
            if len(node.inputs) == 1 and not remark.given_up:
                continue  # said where the branches met
            self.notes.append(
                Diagnostic(
                    "CNN209",
                    f"in `{node.path}` {remark.text}",
                    node.position,
                    context=node.context,
                    severity="note",
                )
            )
        if any(remark.given_up for remark in remarks):
            self.not_followed.append(node.path)
        remarks.clear()

    def _layer(self, n: int, node: Node, op: Op, xs: Sequence[Shape]) -> Seen:
        """What a layer sees, all its channels together."""
        seen, channels, fields, y = self.seen, self._channels, self._fields, node.shape
        windows = self._without_gates(self.windows[n])
        sources = node.inputs
        below = [
            fields.through(reaches, seen[source], x, y)
            for reaches, x, source in zip(windows, xs, sources)
            if reaches is not None
        ]
        together = fields.union(below, y)
        if not self._some_read_a_part:
            return together
        if not self._can_tell_apart(y[0], *[x[0] for x in xs]):
            apart = len(xs) == 1 and type(op).channels is not Op.channels
            return unknown(together, fields.give_up(_TOO_MANY_CHANNELS)) if apart else together
        reads = op.channels(*xs)
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
        whole = reads == "each" or node.op is not None and node.op.joins()
        return together if whole else fields.union(found.sights, y)

    @cached_property
    def _some_make_positions(self) -> bool:
        """Whether any layer may make channels to positions, or positions to channels of a map."""
        nodes = self._graph.nodes
        return any(node.op is not None and node.op.scatters and node.shape[1:] for node in nodes)

    @cached_property
    def _some_read_a_part(self) -> bool:
        """Whether any layer reads a part of the channels, so that it matters what each one sees."""
        return self._some_make_positions or any(
            node.op is not None
            and len(node.inputs) == 1 < len(node.shape)
            and type(node.op).channels is not Op.channels
            and self._reads_a_part(node, node.op)
            for node in self._graph.nodes
        )

    def _can_tell_apart(self, *channels: int) -> bool:
        """Whether so many channels of a layer and its inputs can be followed one by one."""
        if max(channels) > _MOST_CHANNELS:
            return False
        self._channel_work -= sum(channels)
        return self._channel_work >= 0

    def _reads_a_part(self, node: Node, op: Op) -> bool:
        xs = self._graph.shapes_into(node)
        return xs[0][0] > _MOST_CHANNELS or op.channels(*xs) not in ("each", "all")

    def _without_gates(self, windows: Windows) -> Windows:
        """What an operator reads; where gates are left out, None for an input that is one."""
        gating = gates(windows) if len(windows) > 1 else ()
        if not gating:
            return windows
        self.gated = True
        if self._gates:
            return windows
        return tuple([None if m in gating else window for m, window in enumerate(windows)])


def _reads_in_place(reaches: tuple[Reach, ...]) -> bool:
    """Whether every position reads its own position of the input."""
    return all(reach == (axis, IDENTITY) for axis, reach in enumerate(reaches))


def gates(windows: Windows) -> tuple[int, ...]:
    """The inputs of a join that it stretches over the positions of another one.

    None if it stretches all of them, each along another axis: then one is no gate of the other.
    """
    followed: set[int] = set()
    for window in windows:
        followed.update(axis for axis, reach in enumerate(window or ()) if reach is not None)
    found = tuple([m for m, window in enumerate(windows) if _is_stretched(window, followed)])
    return found if len(found) < len(windows) else ()


def _is_stretched(window: tuple[Reach, ...] | None, followed: set[int]) -> bool:
    """Whether each position reads all of an axis along which it follows another input."""
    return any(reach is None and axis in followed for axis, reach in enumerate(window or ()))
