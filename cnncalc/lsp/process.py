"""Whether the process of an editor lives."""

from __future__ import annotations

import os


def lives(process: int | None) -> bool:
    """Return whether a process is there; False where that cannot be asked."""
    if os.name != "posix" or process is None or process <= 0:
        return False
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
