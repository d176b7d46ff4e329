"""The memory of a device: what a step takes at its peak, what is free, and when it ran out."""

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

_CERTAIN = re.compile(r"out of memory|can't allocate memory|not enough memory|ALLOC(ATION)?_FAILED")
_LIKELY = re.compile(
    r"unable to find an engine|CUDNN_STATUS_(INTERNAL_ERROR|NOT_SUPPORTED|EXECUTION_FAILED)"
)
_SCARCE = 8  # a card with less than this part free has no room for cuDNN's workspaces


class AllocatorBytes(NamedTuple):
    """Bytes that a card's allocator holds."""

    requested: int  # as asked for
    allocated: int  # in its blocks of 512 bytes
    reserved: int  # with what it holds back


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


_NOTHING = AllocatorBytes(0, 0, 0)


def held_by(device: torch.device, when: str = "current") -> AllocatorBytes:
    """Return what a card's allocator holds now, or held at its ``peak``; zeros on other devices."""
    if device.type != "cuda":
        return _NOTHING
    stats = torch.cuda.memory_stats(device)
    kinds = AllocatorBytes._fields
    return AllocatorBytes(*(stats.get(f"{kind}_bytes.all.{when}", 0) for kind in kinds))


def requested_bytes(device: torch.device) -> int | None:
    """Return the bytes asked of a card's allocator and not given back; None on other devices."""
    return held_by(device).requested if device.type == "cuda" else None


def peak_of(
    step: Callable[[], None],
    held: Iterable[Tensor],
    device: torch.device,
    before: AllocatorBytes = _NOTHING,
) -> Peak:
    """Run a step that has run before, and return its peak with the tensors `held` all the while.

    On the CPU the peak is the sum of the profiler's record of every allocation; CUDA keeps its own,
    of which what was taken `before` the network was there is left out.
    """
    storages = {t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held}
    base = sum(storages.values())
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
    events = record.profiler.kineto_results.events()
    changes = [event for event in events if event.name() == "[memory]"]
    now = most = 0
    for change in sorted(changes, key=lambda e: e.start_ns()):
        now += change.nbytes()
        most = max(most, now)
    return Peak(base + most, base + most)


def refuse_beyond_memory(count: int, device: torch.device) -> None:
    """Raise MemoryError for more bytes than the CPU has free.

    A CPU without memory ends the process instead of refusing; a card refuses by itself.
    """
    if device.type == "cpu" and count > available():
        raise MemoryError


def available() -> int:
    """Return the bytes of this machine's memory that are free."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed because it ran out of memory.

    cuDNN without room for its workspaces says only that it found no engine. That counts as out of
    memory where little of the card is free.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error)
    return bool(_CERTAIN.search(text)) or bool(_LIKELY.search(text)) and is_scarce()


def is_scarce() -> bool:
    """Whether little of the current card is free, what the allocator holds back included."""
    if not torch.cuda.is_available():
        return False
    free, total = torch.cuda.mem_get_info()
    held = held_by(torch.device("cuda"))
    return (free + held.reserved - held.allocated) * _SCARCE < total


def fits(attempt: Callable[[], object]) -> bool:
    """Whether there is memory for what `attempt` does; its memory is free again afterwards."""
    try:
        attempt()
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return False
    finally:
        _release()
    return True


def _release() -> None:
    """Give back what nothing refers to; the frames of an error hold the tensors of a step."""
    import gc

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def largest_that_fits(batch: int, attempt: Callable[[int], object]) -> int | None:
    """Return the first of ½, ¼, … of a batch that runs; None where not even one image does."""
    while batch > 1:
        batch //= 2
        if attempt(batch):
            return batch
    return None


def too_large(batch: int, largest: int | None, device: torch.device, help: str) -> Diagnostic:
    """Describe that a batch does not fit, and which does."""
    found = f"batch {largest:,} did" if largest else "not even batch 1 does"
    return Diagnostic(
        "CNN407",
        f"batch {batch:,} does not fit in the memory of {name_of(device)}; {found}",
        help=help,
    )


@contextmanager
def fitting(what: str, device: torch.device) -> Iterator[None]:
    """Run what may not fit in the memory; if it does not, raise a Mistake that says so."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        message = f"{what} does not fit in the memory of {name_of(device)}"
        help = "a smaller --input, or another device"
        raise Mistake(Diagnostic("CNN407", message, help=help)) from None
