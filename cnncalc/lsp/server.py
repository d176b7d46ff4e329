"""Serves editors over the standard streams or TCP."""

from __future__ import annotations

import asyncio
import gc
import sys
from contextlib import redirect_stdout

from . import requests
from .connection import Server
from .transport import serve_port, serve_streams


def server() -> Server:
    """Return a server that answers every request."""
    made = Server()
    requests.register(made)
    return made


def run_on_streams() -> int:
    """Serve an editor over the standard streams; return the exit code that the protocol wants."""
    _prepare()
    made = server()
    source, output = sys.stdin.fileno(), sys.stdout.fileno()
    with redirect_stdout(sys.stderr):  # nothing else may write to the output
        asyncio.run(serve_streams(made, source, output))
    made.session.end()
    return 0 if made.protocol.is_shut_down else 1


def run_on_port(host: str, port: int) -> None:
    """Serve editors that connect to a port, until Ctrl-C."""
    _prepare()
    asyncio.run(serve_port(host, port, server))


def _prepare() -> None:
    """Collect garbage: commands that run a moment do not."""
    gc.freeze()  # what is there for good need not be searched for garbage again
    gc.set_threshold(20_000, 10, 10)
    gc.enable()
