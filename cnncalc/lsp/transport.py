"""Carries the messages of clients to servers: over the standard streams, or TCP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from threading import Thread

from .connection import Server

_MOST_READ = 65_536  # bytes
_POLL = 3  # seconds between two looks whether the editor's process lives


async def serve_streams(server: Server, source: int, output: int) -> None:
    """Serve a client over two descriptors until it says `exit` or is gone."""
    reader = _reader_of(source)
    serving = asyncio.ensure_future(_serve(server, reader))
    server.protocol.set_writer(_Writer(output, serving.cancel))
    ended = asyncio.ensure_future(_editor_ended(server))
    await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
    if serving.done() and not serving.cancelled():
        serving.result()


async def serve_port(host: str, port: int, made: Callable[[], Server]) -> None:
    """Serve every client that connects to a port, each with a server of its own."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = made()
        server.protocol.set_writer(writer)
        try:
            with suppress(asyncio.CancelledError):  # asyncio would report it
                await _serve(server, reader)
        finally:
            server.session.end()
            writer.close()

    listener = await asyncio.start_server(connected, host, port)
    try:
        await asyncio.Event().wait()  # `serve_forever` would wait for clients after Ctrl-C
    finally:
        listener.close()


async def _serve(server: Server, reader: asyncio.StreamReader) -> None:
    """Let a server handle messages until the client says `exit` or is gone."""
    while not server.protocol.is_over:
        body = await _body(reader)
        if body is None:
            break
        server.protocol.take(body)


async def _body(reader: asyncio.StreamReader) -> bytes | None:
    """Return the content of the next message; None at the end.

    NOTE: pygls wants `Content-Length` in exactly these letters; names of headers have no case.
    """
    length: int | None = None
    try:
        while line := await reader.readline():
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
            elif not line.strip() and length is not None:
                return await reader.readexactly(length)
    except (OSError, ValueError, asyncio.IncompleteReadError):
        return None
    return None


def _reader_of(source: int) -> asyncio.StreamReader:
    """Return a reader of a descriptor; a thread that nobody waits for reads it."""
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()

    def read() -> None:
        with suppress(OSError, RuntimeError):  # it cannot be read, or the loop is closed
            while data := os.read(source, _MOST_READ):
                loop.call_soon_threadsafe(reader.feed_data, data)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(reader.feed_eof)

    Thread(target=read, daemon=True).start()
    return reader


class _Writer:
    """Writes to a client, and says when it does not read any more."""

    def __init__(self, output: int, gone: Callable[[], object]):
        self._output, self._gone = output, gone

    def write(self, data: bytes) -> None:
        """Send a message."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._output, rest) :]
        except OSError:
            self._gone()

    def close(self) -> None:
        """Leave the descriptor open: the process ends."""


async def _editor_ended(server: Server) -> None:
    """Return when the editor's process has ended."""
    while not server.editor_ended():
        await asyncio.sleep(_POLL)
