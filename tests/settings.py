"""Reads the settings of the tests from environment variables.

CNNCALC_FULL=1 runs every case: the full number of random ones, and every bundled network where a
usual run tries some. Each number can also be set by its own name: CNNCALC_CASES=2000.
CNNCALC_UPDATE=1 rewrites the expected outputs on file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

UPDATE = bool(os.environ.get("CNNCALC_UPDATE"))
FULL = bool(os.environ.get("CNNCALC_FULL"))


def _number(name: str, usual: int, full: int) -> int:
    return int(os.environ.get(f"CNNCALC_{name}", full if FULL else usual))


def sampled(items: Sequence[T], most: int) -> list[T]:
    """Return at most this many items, evenly spread and always the same; all in a full run."""
    step = 1 if FULL else max(1, -(-len(items) // most))
    return list(items[::step])


CASES = _number("CASES", 200, 2000)  # configurations of each operator
GRAPHS = _number("GRAPHS", 60, 200)  # random networks
FIELDS = _number("FIELDS", 40, 1000)  # random networks whose receptive fields are hard to follow
MUTATIONS = _number("MUTATIONS", 60, 500)  # bundled specs with one changed field
HOSTILE = _number("HOSTILE", 400, 4000)  # specs with broken bytes or structure
VIEWS = _number("VIEWS", 40, 1000)  # random graphs of views and in-place layers
RENDERS = _number("RENDERS", 3, 200)  # hostile specs for each command
BROKEN = _number("BROKEN", 60, 3000)  # random networks with mistakes, for what `check` reports
REPAIRED = _number("REPAIRED", 30, 1000)  # networks that one mutation broke, for their repairs
TIMELINES = _number("TIMELINES", 12, 200)  # configurations of each operator, for its memory
GRAPHS_HELD = _number("GRAPHS_HELD", 10, 300)  # random graphs, for their memory
COMPLETIONS = _number("COMPLETIONS", 200, 4000)  # words that are completed in specs
KEYSTROKES = _number("KEYSTROKES", 40, 1000)  # sequences typed into the language server
