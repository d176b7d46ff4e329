"""How results are written: tables for a screen, CSV, Markdown and JSON, behind one dispatcher."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

RENDER = __name__.rpartition(".")[0]


def writer(command: str, format: str) -> Callable[..., Any]:
    """Return what writes the results of a command in a format.

    It is the function named after the format in the command's module, such as `json` in
    `render.diff`; where the command has a package, the format's module has a function `render`.
    A table is something of rich's or a text, the other formats are texts.
    """
    module = import_module(f"{RENDER}.{command}")
    if hasattr(module, "__path__"):
        module, format = import_module(f"{RENDER}.{command}.{format}"), "render"
    found: Callable[..., Any] = getattr(module, format)
    return found
