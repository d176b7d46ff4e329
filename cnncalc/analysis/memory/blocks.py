"""The rules by which torch's caching allocator takes memory from a CUDA device.

Every size is rounded up to 512 bytes. Requests up to 1 MiB share segments of 2 MiB; those below
10 MiB share segments of 20 MiB; a larger one gets a segment of its own, rounded up to 2 MiB. A
request takes the smallest free block that is large enough, and of equal ones that with the lowest
address. What remains of the block is split off, but not up to 1 MiB of a large one. A block that is
freed merges with its free neighbours, and its segment stays reserved. With `expandable_segments`,
each of the two pools is one segment that grows at its end, by pages of 2 or 20 MiB.
Source: the defaults of c10/cuda/CUDACachingAllocator.cpp.

When the card is full, segments of which no block is used are given back, and then it is tried once
more.

NOTE: addresses of segments are up to the driver; here each one is above those before.
"""

from __future__ import annotations

from bisect import bisect_left, insort

KIB, MIB = 2**10, 2**20
SMALLEST = 512  # bytes of the smallest block; every block is a multiple of it
SMALL = MIB  # the largest request that the pool of small blocks serves
SMALL_SEGMENT, LARGE_SEGMENT = 2 * MIB, 20 * MIB
OWN_SEGMENT = 10 * MIB  # the smallest request that gets a segment of its own
OWN_STEP = 2 * MIB  # such a segment is a multiple of it


class OutOfMemory(Exception):
    """The card is full, and no segment is unused."""


class Block:
    """A stretch of a segment: free, or used by one tensor."""

    __slots__ = ("above", "address", "below", "pool", "size", "used")

    def __init__(self, pool: Pool, address: int, size: int):
        self.pool, self.address, self.size = pool, address, size
        self.used = False
        self.below: Block | None = None  # its neighbours in the segment
        self.above: Block | None = None


class Pool:
    """The free blocks of small or of large requests, by size and address."""

    def __init__(self, small: bool):
        self.small = small
        self.page = SMALL_SEGMENT if small else LARGE_SEGMENT
        self.free: list[tuple[int, int, Block]] = []
        self.last: Block | None = None  # the highest block, where the pool is one growing segment

    def add(self, block: Block) -> None:
        """Add a free block."""
        insort(self.free, (block.size, block.address, block))

    def remove(self, block: Block) -> None:
        """Remove a block that was free."""
        del self.free[bisect_left(self.free, (block.size, block.address))]

    def smallest(self, size: int) -> int:
        """Return the number of the smallest free block of at least that size."""
        return bisect_left(self.free, (size, 0))


class Allocator:
    """The allocator's blocks, and what it counts, in bytes.

    `requested` is what the tensors need, `allocated` the blocks that they use, `reserved` the
    segments, of which there is never more than `capacity`.

    Errors: OutOfMemory if an allocation does not fit into the capacity.
    """

    def __init__(self, expandable: bool = False, capacity: int | None = None):
        self.expandable, self.capacity = expandable, capacity
        self.requested = self.allocated = self.reserved = 0
        self._pools = (Pool(small=True), Pool(small=False))
        self._top = 0  # the address above all segments

    def allocate(self, size: int) -> Block:
        """Take a block for a tensor of `size` bytes, which are more than 0."""
        rounded = up(size, SMALLEST)
        pool = self._pools[rounded > SMALL]
        block = self._found(pool, rounded) or self._more(pool, rounded)
        remaining = block.size - rounded
        # A remainder of at most 1 MiB stays with a large tensor, and counts as allocated.
        worth = SMALLEST if pool.small or self.expandable else SMALL + SMALLEST
        if remaining >= worth:
            self._split(block, rounded)
        block.used = True
        self.requested += size
        self.allocated += block.size
        return block

    def free(self, block: Block, size: int) -> None:
        """Give back the block of a tensor of `size` bytes."""
        self.requested -= size
        self.allocated -= block.size
        block.used = False
        for other in (block.below, block.above):
            if other is not None and not other.used:
                block.pool.remove(other)
                _merge(block, other)
        block.pool.add(block)

    def _found(self, pool: Pool, size: int) -> Block | None:
        """A free block for a request.

        The block that can grow counts as larger than all others.
        """
        n = pool.smallest(size)
        if n < len(pool.free) - 1 and pool.free[n][2] is pool.last:
            n += 1
        if n == len(pool.free):
            return None
        return pool.free.pop(n)[2]

    def _more(self, pool: Pool, size: int) -> Block:
        """A block in memory that is newly reserved."""
        if self.expandable:
            return self._grown(pool, size)
        if pool.small or size < OWN_SEGMENT:
            return self._reserve(pool, self._top, pool.page)
        return self._reserve(pool, self._top, up(size, OWN_STEP))

    def _grown(self, pool: Pool, size: int) -> Block:
        """The block at the end of the pool's segment, which grows by whole pages."""
        end = pool.last
        if end is None:  # each pool has its own range of addresses, far from the other's
            pool.last = self._reserve(pool, 0, up(size, pool.page))
            return pool.last
        if end.used:
            pool.last = self._reserve(pool, end.address + end.size, up(size, pool.page))
            pool.last.below, end.above = end, pool.last
            return pool.last
        pool.remove(end)
        more = up(size - end.size, pool.page)
        self._room(more)
        end.size += more
        self.reserved += more
        return end

    def _room(self, size: int) -> None:
        """Give unused segments back if there is no room for more bytes."""
        if self.capacity is None or self.reserved + size <= self.capacity:
            return
        if not self.expandable:
            for pool in self._pools:
                for _, _, block in list(pool.free):
                    if block.below is None and block.above is None:
                        pool.remove(block)
                        self.reserved -= block.size
        if self.reserved + size > self.capacity:
            raise OutOfMemory

    def _reserve(self, pool: Pool, address: int, size: int) -> Block:
        self._room(size)
        self.reserved += size
        self._top = max(self._top, address + size)
        return Block(pool, address, size)

    def _split(self, block: Block, size: int) -> None:
        """Keep the first `size` bytes of a block; the others are a free block above it."""
        rest = Block(block.pool, block.address + size, block.size - size)
        block.size = size
        rest.below, rest.above = block, block.above
        if rest.above is not None:
            rest.above.below = rest
        block.above = rest
        if block.pool.last is block:
            block.pool.last = rest
        block.pool.add(rest)


def _merge(block: Block, other: Block) -> None:
    """Merge a block with a neighbour, which then no longer exists."""
    block.size += other.size
    if other is block.below:
        block.address, block.below = other.address, other.below
        if block.below is not None:
            block.below.above = block
    else:
        block.above = other.above
        if block.above is not None:
            block.above.below = block
    if block.pool.last is other:
        block.pool.last = block


def up(size: int, step: int) -> int:
    """Round up to a multiple.

    >>> up(513, 512), up(1024, 512), up(0, 512)
    (1024, 1024, 0)
    """
    return -(-size // step) * step
