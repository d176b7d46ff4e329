"""Times that `cnncalc profile --format json` measured, beside the layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import inf
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...text_file import read_text, reason


class Times(NamedTuple):
    """The seconds that layers took, by their paths, and how they were measured."""

    seconds: dict[str, float]
    about: str

    def of(self, paths: Sequence[str]) -> list[float | None]:
        """Return the seconds of each path; None for a layer that was not measured."""
        return [self.seconds.get(path) for path in paths]


def read_times(file: str) -> Times:
    """Return the layers' times at the largest batch of a profile.

    Errors: a Mistake with CNN002 for a file that cannot be read, and with CNN420 for one that is no
    profile or has no times of layers.
    """
    try:
        data = json.loads(read_text(file))
    except (OSError, UnicodeDecodeError) as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {reason(error)}")) from None
    except (ValueError, RecursionError):
        raise Mistake(_no_profile(file, "it is not JSON")) from None
    timed = [batch for batch in _batches(data, file) if batch.get("layers")]
    if not timed:
        raise Mistake(_no_profile(file, "it has no times of layers"))
    try:
        last = max(timed, key=lambda batch: int(batch["batch"]))
        seconds = {str(one["path"]): _duration(one["seconds"]) for one in last["layers"]}
    except (KeyError, TypeError, ValueError):
        raise Mistake(_no_profile(file, "its layers have no paths and seconds")) from None
    where = data.get("device_name") or data.get("device") or "unknown device"
    words = (f"batch {last['batch']}", data.get("mode"), data.get("dtype"), f"on {where}")
    return Times(seconds, ", ".join(str(word) for word in words if word))


def _duration(seconds: Any) -> float:
    """Return seconds that a layer can take.

    Errors: ValueError for a number below zero, and for one that is not finite, which JSON has not.
    """
    found = float(seconds)
    if not 0 <= found < inf:
        raise ValueError
    return found


def _batches(data: Any, file: str) -> list[dict[str, Any]]:
    batches = data.get("batches") if isinstance(data, dict) else None
    if not isinstance(batches, list) or not all(isinstance(batch, dict) for batch in batches):
        raise Mistake(_no_profile(file, "it has no `batches`"))
    return batches


def _no_profile(file: str, why: str) -> Diagnostic:
    return Diagnostic(
        "CNN420",
        f"{file} is no profile: {why}",
        help="write one with `cnncalc profile SPEC --format json -o FILE`",
    )


def unmatched(times: Times, paths: Sequence[str], file: str) -> Diagnostic | None:
    """Return a warning if a profile has times of layers that the network does not have."""
    known = set(paths)
    others = [path for path in times.seconds if path not in known]
    if not others:
        return None
    more = f" and {len(others) - 1:,} more" if len(others) > 1 else ""
    return Diagnostic(
        "CNN421",
        f"{file} has times of `{others[0]}`{more}, which this network does not have",
        help="profile the same network, with the same `--set` and `--variant`",
        severity="warning",
    )
