"""What torch's caching allocator takes from a CUDA device for the tensors of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .blocks import MIB, Allocator, Block, OutOfMemory
from .timeline import Event

CUBLAS = 65 * MIB // 8  # bytes of the workspace of cuBLAS on cards before Hopper


class Reserved(NamedTuple):
    """What a run takes from the device, in bytes.

    The three peaks may be at different moments. `reserved_then` is what is reserved when
    `allocated` is at its peak. `allowance` is in all of them.
    """

    requested: int
    allocated: int
    reserved: int
    reserved_then: int
    allowance: int
    expandable: bool

    @property
    def rounding(self) -> int:
        """Bytes that blocks have more than their tensors need."""
        return self.allocated - self.requested

    @property
    def unused(self) -> int:
        """Bytes that are reserved and not allocated when most is allocated."""
        return self.reserved_then - self.allocated

    @property
    def fragmentation(self) -> float:
        """The same as a share of what is reserved then."""
        return self.unused / self.reserved_then if self.reserved_then else 0.0


def reserved(
    timeline: Iterable[Event], batch: int, expandable: bool = False, allowance: int = 0
) -> Reserved:
    """Simulate the allocator over the events of a run.

    `allowance` are bytes that a library takes through the allocator when the first layer runs, and
    keeps: the workspace of cuBLAS. What cuDNN takes while a convolution runs is not simulated.

    Example:
        >>> import cnncalc
        >>> from cnncalc.analysis.memory.run import Run
        >>> from cnncalc.analysis.memory.timeline import Timeline
        >>> graph, run = cnncalc.load("vgg16").graph(), Run("inference", batch=8)
        >>> found = reserved(Timeline(graph, run), run.batch)
        >>> found.requested <= found.allocated <= found.reserved
        True
    """
    allocator = Allocator(expandable)
    blocks: dict[int, tuple[Event, Block]] = {}  # by the tensor's identity, while it is alive
    requested = allocated = most = then = 0
    waiting = allowance > 0
    for event in timeline:
        if waiting and event.step.phase != "start":
            allocator.allocate(allowance)
            waiting = False
        key, size = id(event.tensor), event.tensor.size.at(batch)
        if event.freed:
            if size > 0:
                allocator.free(blocks.pop(key)[1], size)
        elif size > 0:
            blocks[key] = event, allocator.allocate(size)
            requested = max(requested, allocator.requested)
            most = max(most, allocator.reserved)
            if allocator.allocated > allocated:
                allocated, then = allocator.allocated, allocator.reserved
    return Reserved(
        requested=requested,
        allocated=allocated,
        reserved=most,
        reserved_then=then,
        allowance=allowance,
        expandable=expandable,
    )


def fits(timeline: Iterable[Event], batch: int, capacity: int) -> bool:
    """Whether the allocator serves the events of a run out of `capacity` bytes of the device.

    Example:
        >>> import cnncalc
        >>> from cnncalc.analysis.memory.run import Run
        >>> from cnncalc.analysis.memory.timeline import Timeline
        >>> graph, run = cnncalc.load("vgg16").graph(), Run("training", batch=64)
        >>> [fits(Timeline(graph, run), run.batch, gib << 30) for gib in (4, 8)]
        [False, True]
    """
    allocator = Allocator(capacity=capacity)
    blocks: dict[int, tuple[Event, Block]] = {}  # by the tensor's identity, while it is alive
    try:
        for event in timeline:
            key, size = id(event.tensor), event.tensor.size.at(batch)
            if size > 0 and event.freed:
                allocator.free(blocks.pop(key)[1], size)
            elif size > 0:
                blocks[key] = event, allocator.allocate(size)
    except OutOfMemory:
        return False
    return True
