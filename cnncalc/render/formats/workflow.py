"""Writes workflow commands for GitHub Actions, which shows them beside the changed lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ...foreign import visible


class Command(NamedTuple):
    """A command: its name, its properties, and the lines of its message."""

    name: str
    properties: Mapping[str, str | int]
    message: tuple[str, ...]


class Commands:
    """Commands, one per line."""

    def __init__(self, *commands: Command) -> None:
        self.commands = commands

    def written(self, colour: bool = False) -> str:
        """Write the commands."""
        return "\n".join(map(_written, self.commands))


def _written(command: Command) -> str:
    properties = ",".join(f"{key}={_property(v)}" for key, v in command.properties.items())
    message = "%0A".join(visible(line).replace("%", "%25") for line in command.message)
    return f"::{command.name} {properties}::{message}"


def _property(value: str | int) -> str:
    """Escape a value for GitHub."""
    text = visible(str(value)).replace("%", "%25")
    return text.replace(":", "%3A").replace(",", "%2C")
