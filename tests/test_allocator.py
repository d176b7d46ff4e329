"""The caching allocator does what torch's rules say on sequences that were worked out by hand.

No card is at hand, and torch has no simulator, so what CUDA reports is not compared here.
"""

from __future__ import annotations

import random
import re
from itertools import pairwise
from pathlib import Path

import pytest
import torch

import cnncalc
from cnncalc.analysis.memory import blocks as rules
from cnncalc.analysis.memory.allocator import reserved
from cnncalc.analysis.memory.blocks import KIB, MIB, Allocator, Block
from cnncalc.analysis.memory.order import peak
from cnncalc.analysis.memory.run import Run
from cnncalc.analysis.memory.timeline import Bytes, Event, Held, Step, Timeline

from .graphs import networks

BOTH = pytest.mark.parametrize("expandable", [False, True], ids=["fixed", "expandable"])


def test_sizes_are_those_of_torchs_header() -> None:
    header = Path(torch.__file__).parent / "include/c10/core/AllocatorConfig.h"
    if not header.exists():
        pytest.skip("this torch comes without its headers")
    text = header.read_text("utf-8")
    constants = dict(re.findall(r"size_t (\w+?)_?\s*[={]\s*(\d+)", text))
    large = constants.get("kLargeBuffer") or re.findall(r"large_segment_size_\{(\d+)\}", text)[0]
    assert {name: int(constants[name]) for name in constants if name.startswith("k")} == {
        "kSmallBuffer": rules.SMALL_SEGMENT,
        "kMinBlockSize": rules.SMALLEST,
        "kSmallSize": rules.SMALL,
        "kMinLargeAlloc": rules.OWN_SEGMENT,
        "kRoundLarge": rules.OWN_STEP,
    }
    assert int(large) == rules.LARGE_SEGMENT


@pytest.mark.parametrize(
    ("size", "fixed", "expandable"),
    [
        (1, 2, 2),
        (MIB, 2, 2),
        (MIB + 1, 20, 20),
        (10 * MIB - 512, 20, 20),
        (10 * MIB - 511, 10, 20),  # rounded to 512 bytes, it is 10 MiB
        (10 * MIB, 10, 20),
        (11 * MIB, 12, 20),
        (20 * MIB + 1, 22, 40),
    ],
)
def test_a_first_request_reserves(size: int, fixed: int, expandable: int) -> None:
    for wanted, grows in ((fixed, False), (expandable, True)):
        found = Allocator(grows)
        found.allocate(size)
        assert found.reserved == wanted * MIB


def test_a_small_remainder_stays_with_a_large_tensor() -> None:
    found = Allocator()
    found.allocate(11 * MIB)  # of 12 MiB, 1 MiB remains: not more than 1 MiB
    assert (found.allocated, found.reserved) == (12 * MIB, 12 * MIB)
    found.allocate(11 * MIB - 512)
    assert (found.allocated, found.reserved) == (23 * MIB - 512, 24 * MIB)
    grown = Allocator(expandable=True)
    grown.allocate(11 * MIB)
    assert (grown.allocated, grown.reserved) == (11 * MIB, 20 * MIB)


@BOTH
def test_small_tensors_share_a_segment(expandable: bool) -> None:
    found = Allocator(expandable)
    blocks = [found.allocate(MIB // 2) for _ in range(4)]
    assert [block.address // (MIB // 2) for block in blocks] == [0, 1, 2, 3]
    assert found.reserved == 2 * MIB
    found.allocate(1)
    assert (found.allocated, found.reserved) == (2 * MIB + 512, 4 * MIB)


def test_the_smallest_block_that_is_large_enough_is_taken() -> None:
    found = Allocator()
    large, between, small = (found.allocate(n * MIB) for n in (40, 30, 24))
    found.free(large, 40 * MIB)
    found.free(small, 24 * MIB)
    taken = found.allocate(22 * MIB)
    assert (taken.address, taken.size) == (70 * MIB, 22 * MIB)
    assert between.used
    assert found.allocate(22 * MIB).address == 0
    assert found.allocate(18 * MIB).address == 22 * MIB  # what remained of the 40
    assert found.reserved == 94 * MIB


def test_free_neighbours_become_one_block() -> None:
    found = Allocator()
    parts = [found.allocate(5 * MIB) for _ in range(4)]
    assert found.reserved == 20 * MIB
    for n in (0, 2):
        found.free(parts[n], 5 * MIB)
    found.allocate(6 * MIB)  # neither hole is large enough
    assert found.reserved == 40 * MIB
    found.free(parts[1], 5 * MIB)  # joins both holes
    assert found.allocate(15 * MIB).address == 0
    assert found.reserved == 40 * MIB


def test_segments_do_not_join_unless_they_are_expandable() -> None:
    def filled(expandable: bool) -> Allocator:
        found = Allocator(expandable)
        for block in [found.allocate(20 * MIB) for _ in range(2)]:
            found.free(block, 20 * MIB)
        found.allocate(40 * MIB)
        return found

    assert filled(False).reserved == 80 * MIB
    assert filled(True).reserved == 40 * MIB


def test_an_expandable_segment_grows_by_what_its_end_lacks() -> None:
    found = Allocator(expandable=True)
    found.allocate(15 * MIB)  # 5 MiB remain
    grown = found.allocate(30 * MIB)  # 25 are lacking: 2 pages
    assert (grown.address, found.reserved) == (15 * MIB, 60 * MIB)
    assert found.allocate(15 * MIB).address == 45 * MIB
    assert found.allocate(2 * MIB).address == 60 * MIB  # the end is used: one more page
    assert found.reserved == 80 * MIB


def test_the_end_of_an_expandable_segment_is_taken_last() -> None:
    found = Allocator(expandable=True)
    first = found.allocate(10 * MIB)
    found.allocate(8 * MIB)  # the end has 2 MiB
    found.free(first, 10 * MIB)
    assert found.allocate(2 * MIB).address == 0  # the larger hole, since the end can grow
    assert found.allocate(9 * MIB).address == 18 * MIB
    assert found.reserved == 40 * MIB


@BOTH
def test_blocks_never_overlap_and_all_is_given_back(expandable: bool) -> None:
    for seed in range(20):
        rng = random.Random(seed)
        found = Allocator(expandable)
        alive: list[tuple[Block, int]] = []
        for _ in range(300):
            if alive and rng.random() < 0.48:
                found.free(*alive.pop(rng.randrange(len(alive))))
            else:
                size = rng.choice((rng.randint(1, 4 * KIB), rng.randint(1, 30 * MIB)))
                alive.append((found.allocate(size), size))
            assert found.requested == sum(size for _, size in alive)
            assert found.allocated == sum(block.size for block, _ in alive)
            assert found.requested <= found.allocated <= found.reserved
        for small in (False, True):
            blocks = [block for block, _ in alive if block.pool.small is small]
            blocks.sort(key=lambda block: block.address)
            for below, above in pairwise(blocks):
                assert below.address + below.size <= above.address
        for block, size in alive:
            found.free(block, size)
        assert (found.requested, found.allocated) == (0, 0)
        whole = [pool.free for pool in found._pools]
        assert sum(size for pool in whole for size, _, _ in pool) == found.reserved
        if expandable:
            assert all(len(pool) <= 1 for pool in whole)


def test_a_run_of_two_tensors_by_hand() -> None:
    a, b, c = (Held("output", n, Bytes(0, size)) for n, size in enumerate((3 * MIB, 100, MIB)))
    step = Step("forward", 0)
    events = [Event(step, a), Event(step, b), Event(step, a, freed=True), Event(step, c)]
    found = reserved(events, batch=2)
    assert (found.requested, found.allocated) == (6 * MIB + 200, 6 * MIB + 512)
    assert (found.reserved, found.reserved_then) == (22 * MIB, 22 * MIB)
    assert found.rounding == 312
    assert found.unused == 16 * MIB - 512
    assert found.fragmentation == pytest.approx((16 * MIB - 512) / (22 * MIB))


def test_an_allowance_is_there_from_the_first_layer_on() -> None:
    start = Event(Step("start"), Held("parameter", 0, Bytes(512)))
    layer = Event(Step("forward", 0), Held("output", 0, Bytes(512)))
    found = reserved([start, layer], batch=1, allowance=8 * MIB)
    assert (found.requested, found.reserved) == (8 * MIB + 1024, 22 * MIB)
    assert reserved([start], batch=1, allowance=8 * MIB).reserved == 2 * MIB


@BOTH
def test_what_a_network_requests_is_the_peak_of_its_timeline(expandable: bool) -> None:
    for _, report in networks(seed=5, count=30):
        for mode in ("inference", "training"):
            run = Run(mode=mode, batch=16)
            found = reserved(Timeline(report.graph, run), run.batch, expandable)
            assert found.requested == peak(Timeline(report.graph, run), run.batch)
            assert found.requested <= found.allocated <= found.reserved
            assert 0 <= found.fragmentation < 1


def test_expandable_segments_reserve_less_in_training() -> None:
    graph = cnncalc.load("resnet50").graph()
    run = Run(mode="training", batch=8)
    fixed, grown = (reserved(Timeline(graph, run), 8, expandable) for expandable in (False, True))
    assert grown.reserved < fixed.reserved
    assert grown.fragmentation < fixed.fragmentation
