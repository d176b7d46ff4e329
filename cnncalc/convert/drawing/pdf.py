"""Writes a figure as PDF, through svglib and reportlab. Text stays text, in Helvetica."""

from __future__ import annotations

import io
import re
from html import unescape

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command
from ...foreign import visible

_TEXT = re.compile(r"<text\b[^>]*>([^<]*)</text>")


def pdf(svg: str) -> bytes:
    """Return the PDF of a figure. The same figure gives the same bytes.

    Errors: a Mistake with CNN401 if svglib is not installed, and with CNN423 for letters that the
    standard fonts of PDF do not have.
    """
    try:
        from reportlab import rl_config
        from reportlab.graphics import renderPDF
        from svglib.svglib import svg2rlg
    except ImportError:
        message = "`--to pdf` needs svglib and reportlab, which are not installed"
        raise Mistake(Diagnostic("CNN401", message, help=install_command("pdf"))) from None
    _refuse_other_letters(svg)
    rl_config.invariant = 1  # no date and no random number
    data = renderPDF.drawToString(svg2rlg(io.StringIO(svg)))
    return data if isinstance(data, bytes) else bytes(data)


def _refuse_other_letters(svg: str) -> None:
    for words in map(unescape, _TEXT.findall(svg)):
        try:
            words.encode("cp1252")
        except UnicodeEncodeError as error:
            letter = visible(words[error.start])
            raise Mistake(
                Diagnostic(
                    "CNN423",
                    f"the standard fonts of PDF have no `{letter}`, which is in `{visible(words)}`",
                    help="write SVG with `--to svg`, and print that as PDF with a browser",
                )
            ) from None
