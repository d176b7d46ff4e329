"""Types many sequences of random keystrokes: `python -m tests.measured.keystrokes [COUNT [FIRST]]`.

By default there are 10⁴. It prints how many were typed, the memory at the beginning and at the end,
and each sequence after which the server's view differs from a fresh check of the text.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import sys
import time
from pathlib import Path

from ..keystrokes import type_at_random

_CHUNK = 100


def memory() -> float:
    """Return the memory that this process uses, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(count: int = 10_000, first: int = 0) -> None:
    """Type so many sequences."""
    start, wrong = time.perf_counter(), 0
    for seed in range(first, first + count, _CHUNK):
        for one in range(seed, min(seed + _CHUNK, first + count)):
            try:
                asyncio.run(type_at_random(range(one, one + 1)))
            except Exception as error:
                wrong += 1
                print(f"seed {one}: {type(error).__name__}: {error}"[:500], flush=True)
        gc.collect()
        done = min(seed + _CHUNK, first + count) - first
        taken = time.perf_counter() - start
        print(f"{done:,} sequences, {taken:.0f} s, {memory():.0f} MB, {wrong} wrong", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
