"""Random keystrokes never stop the server, and its view is always that of a fresh check.

`python -m tests.measured.keystrokes` types 10⁴ sequences.
"""

from __future__ import annotations

import asyncio

import pytest

from .settings import KEYSTROKES

pytest.importorskip("pygls")
from .keystrokes import type_at_random


def test_the_view_is_that_of_a_fresh_check() -> None:
    done = asyncio.run(type_at_random(range(KEYSTROKES)))
    assert len(list(done)) == KEYSTROKES
