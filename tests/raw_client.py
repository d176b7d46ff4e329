"""A client of the language server that sends messages as they are, also wrong ones."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, BinaryIO

from .command import python_path

COMMAND = [sys.executable, "-m", "cnncalc", "lsp"]
SILENCE = 60  # seconds without a message after which the server is stopped


class Client:
    """Speaks to a server over two streams."""

    def __init__(self, to_server: BinaryIO, from_server: BinaryIO, server: subprocess.Popen[bytes]):
        self.to_server, self.from_server, self.server = to_server, from_server, server
        self.numbers = itertools.count(1)
        self.told: list[dict[str, Any]] = []  # what the server sent unasked
        self.answers: dict[Any, dict[str, Any]] = {}

    def send_body(self, body: bytes, header: str = "Content-Length") -> None:
        """Send the content of a message."""
        self.to_server.write(f"{header}: {len(body)}\r\n\r\n".encode() + body)
        self.to_server.flush()

    def send(self, **message: Any) -> None:
        """Send a message."""
        self.send_body(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def tell(self, method: str, params: Any) -> None:
        """Send a notification."""
        self.send(method=method, params=params)

    def begin(self, method: str, params: Any) -> int:
        """Send a request; return its number."""
        number = next(self.numbers)
        self.send(id=number, method=method, params=params)
        return number

    def take(self) -> dict[str, Any]:
        """Return the next message."""
        alarm = threading.Timer(SILENCE, self.server.kill)
        alarm.start()
        length = 0
        while line := self.from_server.readline().strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        body = self.from_server.read(length)
        alarm.cancel()
        assert body, "the server ended, or was stopped because it was silent"
        message: dict[str, Any] = json.loads(body)
        return message

    def answer(self, number: Any) -> dict[str, Any]:
        """Return the answer to a request, with `result` or `error`."""
        while number not in self.answers:
            message = self.take()
            if "method" in message:
                self.told.append(message)
                if "id" in message:
                    self.send(id=message["id"], result=None)
            else:
                self.answers[message["id"]] = message
        return self.answers.pop(number)

    def ask(self, method: str, params: Any) -> Any:
        """Return the result of a request."""
        answer = self.answer(self.begin(method, params))
        assert "error" not in answer, answer
        return answer["result"]

    def error(self, method: str, params: Any) -> int:
        """Return the code of the error with which a request is answered."""
        answer = self.answer(self.begin(method, params))
        assert "error" in answer, answer
        code: int = answer["error"]["code"]
        return code

    def initialize(self, **params: Any) -> Client:
        """Begin the session."""
        self.ask("initialize", {"processId": None, "capabilities": {}, "rootUri": None, **params})
        self.tell("initialized", {})
        return self

    def open(self, uri: str, text: str) -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, text: str) -> None:
        """Change all of a document."""
        document = {"uri": uri, "version": version}
        changes = [{"text": text}]
        self.tell("textDocument/didChange", {"textDocument": document, "contentChanges": changes})

    def command(self, name: str, *arguments: Any) -> Any:
        """Return the result of a command."""
        params = {"command": f"cnncalc.{name}", "arguments": list(arguments)}
        return self.ask("workspace/executeCommand", params)

    def hints(self, uri: str) -> list[str]:
        """Return the hints of a document."""
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": 999, "character": 0}}
        found = self.ask("textDocument/inlayHint", {"textDocument": {"uri": uri}, "range": whole})
        return [hint["label"] for hint in found]

    def messages(self, method: str) -> list[Any]:
        """Return the parameters of the notifications that came so far."""
        return [message["params"] for message in self.told if message["method"] == method]


def at(uri: str, line: int = 0, character: int = 0) -> dict[str, Any]:
    """Return a place in a document, as parameters of a request."""
    return {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a server."""
    return subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": python_path()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def over_streams(server: subprocess.Popen[bytes]) -> Client:
    """Return a client at the other ends of a server's standard streams."""
    assert server.stdin is not None and server.stdout is not None
    return Client(server.stdin, server.stdout, server)


def over_tcp(server: subprocess.Popen[bytes], port: int) -> tuple[Client, socket.socket]:
    """Return a client that connects to a server's port, and its end of the connection."""
    for _ in range(600):
        try:
            connection = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.1)
    stream = connection.makefile("rwb")
    return Client(stream, stream, server), connection


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
