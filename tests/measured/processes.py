"""Runs a function in a process of its own, and reports what it returned or how it failed."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]


def in_a_process(work: Callable[[], Row], limit: int) -> Row:
    """Return what the function returns, or ``{"failed": why}``.

    The process is a fork, so it has what this one has imported. It ends after `limit` seconds.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(limit)
        try:
            row = work()
        except BaseException as error:
            row = {"failed": f"{type(error).__name__}: {error}"[:400]}
            traceback.print_exc()
        os.write(theirs, json.dumps(row).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if text:
        found: Row = json.loads(text)
        return found
    ended = os.waitstatus_to_exitcode(status)
    why = f"it took more than {limit} s" if ended == -signal.SIGALRM else f"it ended with {ended}"
    return {"failed": why}
