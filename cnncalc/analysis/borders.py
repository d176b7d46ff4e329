"""Proves that a layer sees an input from its first position to its last.

Windows that reach into padding, or over positions that an earlier layer cropped or left out, cover
more of the input than they read. If they seem to cover all of it, the positions that really exist
are followed back to the input to decide, through the channels that are really read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ..bits import bits_of, first_bits, members
from ..graph import Graph
from ..ops.reads import Reach, Taken, Windows
from ..window import IDENTITY, MAX_POSITIONS, InARow, Span, Unknown
from .channels import Channels, SomeChannels
from .receptive_field import AxisSeen, Seen

_WORK = 10**5  # positions and taps that may be followed one by one in a graph
_STEP = 4  # the work of going from a layer to one of its inputs, in positions
_UNDECIDED = Unknown("too many positions decide whether the borders of the input are seen")
_BY_POSITION = Unknown("channels that see different borders of the input become positions")

Positions = int  # of a layer along one axis, as bits
_ANY = 0b1  # of a layer whose positions all see the same
Reading = tuple[int, SomeChannels]  # the number of an input, and the channels read of it


def only_input() -> Sequence[Reading]:
    """Return what a layer with one input reads of it: all channels."""
    return ((0, None),)


class _Step(NamedTuple):
    """What a layer reads of some channels of one of its inputs along one axis."""

    source: int
    channels: SomeChannels
    seen: AxisSeen  # by these channels of that input
    reach: Reach

    @property
    def moving(self) -> int | None:
        """Return the axis of the input along which the field moves; None if all see the same."""
        return None if self.seen is None or isinstance(self.seen, Unknown) else self.seen[0]


class Borders:
    """Follows positions of layers back to the network's inputs.

    `seen` is what each layer sees, as far as it is known, and `channels` what the channels see of
    those layers whose channels differ. `windows_of` returns what a layer reads, or None if each
    position reads the same position of the input.
    """

    def __init__(
        self,
        graph: Graph,
        seen: list[Seen],
        channels: dict[int, Channels],
        windows_of: Callable[[int], Windows | None],
    ):
        self._graph = graph
        self._seen = seen
        self._channels = channels
        self._windows_of = windows_of
        self._whole: set[tuple[int, int, int]] = set()  # layers and axes that they see whole
        self._known: dict[tuple[object, ...], Span | Unknown] = {}  # what was followed, with ends
        self._work = _WORK

    def covers(self, span: tuple[int, int], origin: int, axis: int) -> bool:
        """Return whether a span covers an input's axis from the first position to the last."""
        return span[0] <= 0 and span[1] >= self._size(origin, axis) - 1

    def ends(self, n: int, readings: Sequence[Reading], origin: int, axis: int) -> Span | Unknown:
        """Return the first and last position of an input's axis that a layer sees.

        `readings` are what it reads.
        """
        key = n, tuple(readings), origin, axis
        ends = self._known[key] = self._followed(n, readings, origin, axis)
        if not isinstance(ends, Unknown) and ends and self.covers(ends, origin, axis):
            steps = list(self._steps(n, readings, origin, axis))
            if len(steps) == 1 and steps[0].reach is None and steps[0].channels is None:
                self._whole.add((steps[0].source, origin, axis))
        return ends

    def _followed(
        self, n: int, readings: Sequence[Reading], origin: int, axis: int
    ) -> Span | Unknown:
        """Return these ends by following every position that exists."""
        read: dict[int, dict[SomeChannels, Positions]] = {n: {None: _ANY}}
        found: Positions = 0
        whole = 0, self._size(origin, axis) - 1
        while read:
            node = max(read)
            for channels, positions in read.pop(node).items():
                if node == origin:
                    found |= positions
                    continue
                below = readings if node == n else self._readings(node, channels)
                if isinstance(below, Unknown):
                    return below
                key = node, tuple(below), origin, axis
                if key in self._known and positions == _ANY:
                    known = self._known[key]
                    if isinstance(known, Unknown):
                        return known
                    found |= bits_of(known or ())
                    continue
                for step in self._steps(node, below, origin, axis):
                    if isinstance(step.seen, Unknown):
                        return step.seen
                    if step.seen is None:
                        return whole
                    if isinstance(step.reach, Unknown):
                        return step.reach
                    self._work -= _STEP
                    if self._work < 0:
                        return _UNDECIDED
                    new = self._positions_read(positions, step)
                    if new is None:
                        return _UNDECIDED
                    all_read = step.moving is not None and new == first_bits(
                        self._size(step.source, step.moving)
                    )
                    is_whole = all_read and step.channels is None
                    if is_whole and (step.source, origin, axis) in self._whole:
                        return whole
                    others = read.setdefault(step.source, {})
                    others[step.channels] = others.get(step.channels, 0) | new
        return ((found & -found).bit_length() - 1, found.bit_length() - 1) if found else None

    def _positions_read(self, positions: Positions, step: _Step) -> Positions | None:
        """Return the positions of an input that are read; None if there are too many to follow."""
        if step.moving is None:
            return _ANY
        size = self._size(step.source, step.moving)
        if size > MAX_POSITIONS:
            return None
        if step.reach is None:
            return first_bits(size)
        assert not isinstance(step.reach, (Unknown, InARow))
        reads = step.reach[1]
        self._work -= positions.bit_count() * max(map(len, reads.taps), default=0)
        if self._work < 0:
            return None
        return reads.read_within(positions, size)

    def _readings(self, n: int, channels: SomeChannels) -> Sequence[Reading] | Unknown:
        """Return the channels of its inputs that these channels of a layer read."""
        node = self._graph.nodes[n]
        op, xs = node.op, self._graph.shapes_into(node)
        assert op is not None
        whole: list[Reading] = [(m, None) for m in range(len(xs))]
        if len(xs) == 1 and node.inputs[0] not in self._channels:
            return whole  # its channels are alike, so it does not matter which are read
        reads = op.channels(*xs)
        if reads == "all":
            return whole
        if reads == "each":
            return [(m, channels if x[0] > 1 else None) for m, x in enumerate(xs)]
        if reads == "scattered":
            return _BY_POSITION if node.inputs[0] in self._channels else whole
        self._work -= node.shape[0]
        if self._work < 0:
            return _UNDECIDED
        read: dict[int, int] = {}
        start = 0
        for taken in reads:
            count = taken.shared_by or len(taken.channels)
            asked = first_bits(count)
            if channels is not None:
                asked &= channels >> start
            start += count
            if not asked:
                continue
            if taken.by_position and node.inputs[taken.input] in self._channels:
                return _BY_POSITION
            read[taken.input] = read.get(taken.input, 0) | _channels_read(taken, asked)
        return [(m, None if c == first_bits(xs[m][0]) else c) for m, c in read.items()]

    def _steps(
        self, n: int, readings: Sequence[Reading], origin: int, axis: int
    ) -> Iterator[_Step]:
        """Yield what a layer reads along this axis, for each input of it that sees the axis."""
        windows = self._windows_of(n)
        sources = self._graph.nodes[n].inputs
        for number, asked in readings:
            for channels, seen in self._split(sources[number], asked):
                axes = seen.get(origin)
                if axes is None:
                    continue
                step = _Step(sources[number], channels, axes[axis], None)
                if step.moving is None:
                    yield step
                elif windows is None:
                    yield step._replace(reach=(step.moving, IDENTITY))
                elif reaches := windows[number]:
                    yield step._replace(reach=_along(reaches[step.moving], step.seen))

    def _split(self, n: int, channels: SomeChannels) -> Sequence[tuple[SomeChannels, Seen]]:
        """Split channels of a layer into those that see alike, with what they see."""
        apart = self._channels.get(n)
        return ((channels, self._seen[n]),) if apart is None else apart.split(channels)

    def _size(self, n: int, axis: int) -> int:
        size: int = self._graph.nodes[n].shape[1 + axis]
        return size


def _along(reach: Reach, seen: AxisSeen) -> Reach:
    """Return the reach for what is seen: of several axes in a row, it moves along one."""
    if isinstance(reach, InARow) and seen is not None and not isinstance(seen, Unknown):
        return reach.along(seen[1])
    return reach


def _channels_read(taken: Taken, asked: int) -> int:
    """Return the channels of an input that some of those read which take them."""
    channels = taken.channels
    if taken.shared_by:
        return bits_of(channels)
    if isinstance(channels, range) and channels.step == 1:
        return asked << channels.start
    return bits_of(channels[number] for number in members(asked))
