"""Formats of results: tables for a screen, CSV, Markdown, JSON and others."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

RENDER = __name__.rpartition(".")[0]


def writer(command: str, format: str) -> Callable[..., Any]:
    """Return the function that writes the results of a command in a format.

    It is the function named after the format in the module of the command, such as `json` in
    `render.diff`. If the command has a package instead, it is `render` in the module of the format.
    It returns a document; a table may also be an object of rich.
    """
    module = import_module(f"{RENDER}.{command}")
    if hasattr(module, "__path__"):
        module, format = import_module(f"{RENDER}.{command}.{format}"), "render"
    found: Callable[..., Any] = getattr(module, format)
    return found
