"""What environment variables ask of a run of the tests.

CNNCALC_FULL=1 takes the full number of random cases; each number can also be set alone, by its
name: CNNCALC_CASES=2000. CNNCALC_UPDATE=1 writes what the tests compare with outputs on file.
"""

from __future__ import annotations

import os

UPDATE = bool(os.environ.get("CNNCALC_UPDATE"))
FULL = bool(os.environ.get("CNNCALC_FULL"))


def _number(name: str, usual: int, full: int) -> int:
    return int(os.environ.get(f"CNNCALC_{name}", full if FULL else usual))


CASES = _number("CASES", 200, 2000)  # configurations of each operator
GRAPHS = _number("GRAPHS", 60, 200)  # random networks
FIELDS = _number("FIELDS", 40, 1000)  # random networks whose receptive fields are hard to follow
MUTATIONS = _number("MUTATIONS", 60, 500)  # bundled specs with one field changed
HOSTILE = _number("HOSTILE", 400, 4000)  # specs with broken bytes or structure
VIEWS = _number("VIEWS", 40, 1000)  # random graphs of views and in-place layers
RENDERS = _number("RENDERS", 3, 200)  # hostile specs for each command
BROKEN = _number("BROKEN", 60, 3000)  # random networks with mistakes, for what `check` reports
REPAIRED = _number("REPAIRED", 30, 1000)  # networks that one mutation broke, for their repairs
