"""Measures the memory of a device: a step's peak, what is free, and whether it ran out."""

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
from .allocations import bytes_of, recorded
from .device import name_of

_CERTAIN = re.compile(r"out of memory|can't allocate memory|not enough memory|ALLOC(ATION)?_FAILED")
_LIKELY = re.compile(
    r"unable to find an engine|CUDNN_STATUS_(INTERNAL_ERROR|NOT_SUPPORTED|EXECUTION_FAILED)"
)
_LARGEST_BLOCK = 2**25 - 2**13  # bytes, with what the C library adds to a block of 32 MiB
_SCARCE = 8  # if less than 1/8 of a card is free, cuDNN may lack room for its workspaces


class AllocatorBytes(NamedTuple):
    """Bytes that a card's allocator holds."""

    requested: int  # what was asked for
    allocated: int  # the same, rounded up to blocks of 512 bytes
    reserved: int  # all that was taken from the card, including unused blocks


class Peak(NamedTuple):
    """Bytes at the peak of a step, of this network alone.

    Units: `requested` is what tensors asked for. `allocated` is what they took, rounded up, with
    the workspaces of libraries. `reserved` is all that the allocator took from the device.
    `workspaces` is what stays allocated after a step although no tensor of the network holds it.
    The CPU's allocator neither rounds nor reserves, so `reserved` and `workspaces` are None there;
    `allocated` has what calls take and give back inside them, and `requested` has not.
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
    """Return the bytes asked of a card's allocator and not yet freed; None on other devices."""
    return held_by(device).requested if device.type == "cuda" else None


def peak_of(
    step: Callable[[], None],
    held: Iterable[Tensor],
    device: torch.device,
    before: AllocatorBytes = _NOTHING,
) -> Peak:
    """Run a step that has run before, and return its peak, including the tensors `held` throughout.

    On the CPU, the peak is summed from the profiler's record of every allocation. CUDA keeps its
    own peak, from which what was held `before` the network was built is subtracted.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
        others = before.requested + bytes_of(held)
        workspaces = max(held_by(device).requested - others, 0)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        torch.cuda.synchronize(device)
        requested, allocated, reserved = (
            most - other for most, other in zip(held_by(device, "peak"), before)
        )
        return Peak(requested - workspaces, allocated, reserved, workspaces)
    record = recorded(step, held)
    return Peak(record.peak.bytes, record.with_workspaces)


def refuse_beyond_memory(count: int, device: torch.device) -> None:
    """Raise MemoryError if the CPU has less memory free than `count` bytes.

    Without this check, the system would kill the process. A card raises an error by itself.
    """
    if device.type == "cpu" and count > available():
        raise MemoryError


def available() -> int:
    """Return the bytes of main memory that are free; all of its bytes where that is unknown."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether torch failed because it ran out of memory.

    If cuDNN has no room for its workspaces, it only says that it found no engine. That counts as
    out of memory if little of the card is free.
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    if not isinstance(error, RuntimeError):
        return False
    text = str(error)
    return bool(_CERTAIN.search(text)) or bool(_LIKELY.search(text)) and is_scarce()


def is_scarce() -> bool:
    """Return whether little of the current card is free, counting the allocator's unused blocks."""
    if not torch.cuda.is_available():
        return False
    free, total = torch.cuda.mem_get_info()
    held = held_by(torch.device("cuda"))
    return (free + held.reserved - held.allocated) * _SCARCE < total


def fits(attempt: Callable[[], object]) -> bool:
    """Return whether there is enough memory for `attempt`. Its memory is freed afterwards."""
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
    """Free what nothing refers to any more, such as tensors that an error's frames held."""
    import gc

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def largest_that_fits(batch: int, attempt: Callable[[int], object]) -> int | None:
    """Return the first of ½, ¼, … of a batch that fits; None if not even one image does."""
    while batch > 1:
        batch //= 2
        if attempt(batch):
            return batch
    return None


def too_large(batch: int, largest: int | None, device: torch.device, help: str) -> Diagnostic:
    """Return the error for a batch that does not fit, with one that does."""
    found = f"batch {largest:,} fits" if largest else "not even batch 1 fits"
    return Diagnostic(
        "CNN407",
        f"batch {batch:,} does not fit in the memory of {name_of(device)}; {found}",
        help=help,
    )


@contextmanager
def fitting(what: str, device: torch.device) -> Iterator[None]:
    """Run what may need too much memory. If it does, raise a Mistake that says so."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        message = f"{what} does not fit in the memory of {name_of(device)}"
        help = "use a smaller --input or another device"
        raise Mistake(Diagnostic("CNN407", message, help=help)) from None


def settle(device: torch.device) -> None:
    """Bring the memory of a CPU into the state in which it is after large batches.

    NOTE: glibc returns what is free at the end of its heap if that is more than twice the largest
    block, of at most 32 MiB, that was freed so far. So times would depend on what ran before, and
    a small network would take new memory from the system for each layer.
    """
    if device.type == "cpu":
        torch.empty(_LARGEST_BLOCK, dtype=torch.uint8)
