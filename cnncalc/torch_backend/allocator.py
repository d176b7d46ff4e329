"""The memory of a device: what a step takes at its peak, what is free, and when torch ran out of it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ..diagnostic import Diagnostic, Mistake
from .device import name_of


class Held(NamedTuple):
    """Bytes that a card's allocator holds: as asked for, in its blocks of 512 bytes, and with what it holds back."""

    requested: int
    allocated: int
    reserved: int


class Peak(NamedTuple):
    """Bytes at the peak of a step, of this network alone.

    Units: `requested` is what tensors asked for, `allocated` what they took, rounded and with the
    workspaces of the libraries, `reserved` what the allocator kept from the device, `workspaces`
    what stays taken after a step though no tensor of the network holds it. The CPU's allocator
    rounds nothing and holds nothing back: there `reserved` and `workspaces` are None.
    """

    requested: int
    allocated: int
    reserved: int | None = None
    workspaces: int | None = None


def held_by(device: torch.device, when: str = "current") -> Held:
    """What a card's allocator holds now, or held at its ``peak``; zeros for other devices."""
    if device.type != "cuda":
        return Held(0, 0, 0)
    stats = torch.cuda.memory_stats(device)
    return Held(*(stats.get(f"{kind}_bytes.all.{when}", 0) for kind in Held._fields))


def requested_bytes(device: torch.device) -> int | None:
    """Bytes that are asked of a card's allocator and not given back; None for other devices."""
    return held_by(device).requested if device.type == "cuda" else None


def peak_of(
    step: Callable[[], None],
    held: Iterable[Tensor],
    device: torch.device,
    before: Held = Held(0, 0, 0),
) -> Peak:
    """Runs a step that has run before and returns its peak, with the tensors `held` all the while.

    On the CPU the peak is the sum of the profiler's record of every allocation; CUDA keeps its own,
    of which what was taken `before` the network was there is left out.
    """
    base = sum(
        {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held}.values()
    )
    if device.type == "cuda":
        torch.cuda.empty_cache()
        workspaces = max(held_by(device).requested - before.requested - base, 0)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        torch.cuda.synchronize(device)
        requested, allocated, reserved = (
            most - other for most, other in zip(held_by(device, "peak"), before)
        )
        return Peak(requested - workspaces, allocated, reserved, workspaces)
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
        step()
    changes = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]  # type: ignore[union-attr]
    now = most = 0
    for change in sorted(changes, key=lambda e: e.start_ns()):
        now += change.nbytes()
        most = max(most, now)
    return Peak(base + most, base + most)


def available() -> int:
    """Bytes of this machine's memory that are free."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        found = None
    return (
        int(found[1]) * 1024 if found else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    )


CERTAIN = re.compile(r"out of memory|can't allocate memory|not enough memory|ALLOC(ATION)?_FAILED")
LIKELY = re.compile(
    r"unable to find an engine|CUDNN_STATUS_(INTERNAL_ERROR|NOT_SUPPORTED|EXECUTION_FAILED)"
)
SCARCE = 8  # a card of which less than this part is free has no room for cuDNN's workspaces


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed for want of memory.

    cuDNN that finds no room for its workspaces says only that it found no engine: that is taken for
    want of memory where little of the card is free.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error)
    return bool(CERTAIN.search(text)) or bool(LIKELY.search(text)) and is_scarce()


def is_scarce() -> bool:
    """Whether little of the current card is free, what the allocator holds back included."""
    if not torch.cuda.is_available():
        return False
    free, total = torch.cuda.mem_get_info()
    held = held_by(torch.device("cuda"))
    return (free + held.reserved - held.allocated) * SCARCE < total


def fits(attempt: Callable[[], object]) -> bool:
    """Whether there is memory for what `attempt` does. By the end all that it had taken is free again."""
    try:
        attempt()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        release()
    return True


def release() -> None:
    """Gives back what nothing refers to; the frames of an error hold the tensors of a step."""
    import gc

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def largest_that_fits(batch: int, attempt: Callable[[int], object]) -> int | None:
    """Of ½, ¼, … of a batch the first that runs; None where not even one image does."""
    while batch > 1:
        batch //= 2
        if attempt(batch):
            return batch
    return None


def too_large(batch: int, largest: int | None, device: torch.device, help: str) -> Diagnostic:
    """That a batch does not fit, and which does."""
    found = f"batch {largest:,} did" if largest else "not even batch 1 does"
    return Diagnostic(
        "CNN407",
        f"batch {batch:,} does not fit in the memory of {name_of(device)}; {found}",
        help=help,
    )


@contextmanager
def fitting(what: str, device: torch.device) -> Iterator[None]:
    """Runs what may not fit: then a Mistake says so."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise Mistake(
                Diagnostic(
                    "CNN407",
                    f"{what} does not fit in the memory of {name_of(device)}",
                    help="a smaller --input, or another device",
                )
            ) from None
        raise
