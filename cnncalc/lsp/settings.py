"""What users of an editor can set: which figures are shown beside the layers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

_LONGEST = 60_000  # milliseconds
_HINTS = ("shape", "params", "macs", "field", "repeats")


class Settings(NamedTuple):
    """The settings of the server; an editor sends them under `cnncalc`.

    Attributes:
        hints: whether anything is shown beside the layers.
        shape: whether the shape is shown.
        params: whether the parameters are.
        macs: whether the MACs are.
        field: whether the receptive field is.
        repeats: whether the number of copies is.
        lenses: whether there are lines of totals above the layers, variants and blocks.
        check_after: milliseconds without an edit before the whole text is checked, and repairs
            are searched.
    """

    hints: bool = True
    shape: bool = True
    params: bool = True
    macs: bool = False
    field: bool = True
    repeats: bool = True
    lenses: bool = True
    check_after: int = 150


def settings_from(data: Any, before: Settings = Settings()) -> Settings:
    """Return the settings that an editor sent; what is missing or wrong stays as before.

    >>> sent = {"cnncalc": {"hints": {"macs": True}, "codeLens": {"enabled": False}}}
    >>> settings_from(sent) == Settings(macs=True, lenses=False)
    True
    """
    if isinstance(data, Mapping) and isinstance(data.get("cnncalc"), Mapping):
        data = data["cnncalc"]
    if not isinstance(data, Mapping):
        return before
    given: dict[str, Any] = {}
    hints, lenses = data.get("hints"), data.get("codeLens")
    if isinstance(hints, Mapping):
        given = {name: hints[name] for name in _HINTS if name in hints}
        given |= {"hints": hints["enabled"]} if "enabled" in hints else {}
    elif isinstance(hints, bool):
        given["hints"] = hints
    if isinstance(lenses, Mapping) and "enabled" in lenses:
        given["lenses"] = lenses["enabled"]
    given = {key: value for key, value in given.items() if isinstance(value, bool)}
    delay = data.get("checkAfter")
    if isinstance(delay, int) and not isinstance(delay, bool) and 0 <= delay <= _LONGEST:
        given["check_after"] = delay
    return before._replace(**given)
