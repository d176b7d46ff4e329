"""Draws the README's picture: `python docs/picture.py` writes `docs/alexnet.svg`.

It is what `cnncalc analyze alexnet` shows in a terminal, without the published figures.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

import cnncalc
from cnncalc.render.formats import writer

PICTURE = Path(__file__).with_name("alexnet.svg")
COMMAND = "cnncalc analyze alexnet"
WIDTH = 94  # columns
# rich's own frame, without the font that it would fetch from the network.
FONT = CONSOLE_SVG_FORMAT[
    CONSOLE_SVG_FORMAT.index("    @font-face") : CONSOLE_SVG_FORMAT.index("    .{unique_id}-matrix")
]
FRAME = CONSOLE_SVG_FORMAT.replace(FONT, "").replace("Fira Code, monospace", "monospace")


def drawn() -> str:
    """Return the picture as SVG."""
    report = replace(cnncalc.analyze(cnncalc.load("alexnet")), published=[])
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(writer("analyze", "table")(report, report.rows, None, width=WIDTH))
    console.print()  # the frame cuts the lower edge of the last line off
    return console.export_svg(title=f"$ {COMMAND}", code_format=FRAME, unique_id="table")


if __name__ == "__main__":
    PICTURE.write_text(drawn(), "utf-8")
