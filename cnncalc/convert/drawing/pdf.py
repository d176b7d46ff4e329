"""Writes a figure as PDF, through svglib and reportlab. Text stays text, in Helvetica."""

from __future__ import annotations

import io

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command


def pdf(svg: str) -> bytes:
    """Return the PDF of a figure. The same figure gives the same bytes.

    Errors: a Mistake with CNN401 if svglib is not installed.
    """
    try:
        from reportlab import rl_config
        from reportlab.graphics import renderPDF
        from svglib.svglib import svg2rlg
    except ImportError:
        message = "`--to pdf` needs svglib and reportlab, which are not installed"
        raise Mistake(Diagnostic("CNN401", message, help=install_command("pdf"))) from None
    rl_config.invariant = 1  # no date and no random number
    data = renderPDF.drawToString(svg2rlg(io.StringIO(svg)))
    return data if isinstance(data, bytes) else bytes(data)
