"""Imports numpy first, so that whoever lacks it is told how to install it."""

from __future__ import annotations

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command

try:
    import numpy
except ImportError:
    message = "counting many variants needs the package numpy"
    raise Mistake(Diagnostic("CNN401", message, help=install_command("sweep"))) from None

__all__ = ["numpy"]
