"""The most memory that one step takes, as torch's allocators tell, and what there is."""

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


class Peak(NamedTuple):
    """Bytes at the peak: of tensors, and held by the allocator; the CPU's holds none back."""

    allocated: int
    reserved: int | None


def peak_of(step: Callable[[], None], held: Iterable[Tensor], device: torch.device) -> Peak:
    """Runs a step and returns its peak, what was allocated before (`held`) included.

    On the CPU the peak is the sum of the profiler's record of every allocation; CUDA keeps its own.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        step()
        torch.cuda.synchronize(device)
        return Peak(torch.cuda.max_memory_allocated(device), torch.cuda.max_memory_reserved(device))
    from torch.profiler import ProfilerActivity, profile

    base = sum({t.untyped_storage().data_ptr(): t.untyped_storage().nbytes() for t in held}.values())
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True, acc_events=True) as record:
        step()
    changes = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]  # type: ignore[union-attr]
    now = most = 0
    for change in sorted(changes, key=lambda e: e.start_ns()):
        now += change.nbytes()
        most = max(most, now)
    return Peak(base + most, None)


def available() -> int:
    """Bytes of this machine's memory that are free."""
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


SIGNS = r"out of memory|can't allocate memory|ALLOC_FAILED|not enough memory"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch failed for want of memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or isinstance(error, RuntimeError) and bool(re.search(SIGNS, str(error)))


@contextmanager
def fitting(what: str, device: torch.device) -> Iterator[None]:
    """Runs what may not fit: then a Mistake says so."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise Mistake(Diagnostic("CNN407", f"{what} does not fit in the memory of {device}", help="a smaller --batch or --input")) from None
        raise
