"""Serves an editor over the standard streams or TCP."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import redirect_stdout

from . import requests
from .connection import Server


def server() -> Server:
    """Return a server that answers every request."""
    made = Server()
    requests.register(made)
    return made


def run(host: str | None, port: int) -> None:
    """Serve an editor over the standard streams, or over TCP if there is a host."""
    made = server()
    gc.freeze()  # what is there for good need not be searched for garbage again
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
    try:
        if host is None:
            # The server closes its streams in the end, and nothing else may write to its output.
            with open(os.dup(sys.stdout.fileno()), "wb") as output, redirect_stdout(sys.stderr):
                made.start_io(stdout=output)
        else:
            made.start_tcp(host, port)
    finally:
        made.session.end()
