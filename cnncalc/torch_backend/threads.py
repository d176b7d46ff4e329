"""Runs small layers on one thread of the CPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread until the end of the block.

    A layer of some thousand values gains nothing from more. Where other processes keep the cores
    busy, threads that wait for each other made such layers take thirty times as long.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
