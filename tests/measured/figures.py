"""Measures the figures of every bundled network in a browser: `python -m tests.measured.figures`.

It prints how many boxes there are, and which of them overlap or have words outside. It takes a few
minutes, and needs Chromium.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cnncalc
from cnncalc.convert.drawing.figures import STYLES

from ..browser_boxes import CHROMIUM, measured
from ..samples import BUNDLED

_AT_ONCE = 12  # networks on a page


def main() -> int:
    """Return 1 if anything overlaps."""
    if CHROMIUM is None:
        print("Chromium is not installed")
        return 1
    names = iter(bundled.name for bundled in BUNDLED)
    figures = boxes = wrong = 0
    while some := list(islice(names, _AT_ONCE)):
        drawn = {f"{n}-{s}": cnncalc.figure(n, style=s).svg for n in some for s in STYLES}
        with TemporaryDirectory() as folder:
            found = measured(drawn, Path(folder))
        assert found.keys() == drawn.keys()
        for name, result in found.items():
            figures, boxes = figures + 1, boxes + result["boxes"]
            if result["overlaps"] or result["outside"]:
                wrong += 1
                print(name, result["overlaps"][:3], result["outside"][:3])
    print(f"{figures} figures with {boxes:,} boxes; {wrong} with overlaps or words outside")
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main())
