"""A client of the YAML language server, like an editor.

It asks for completions, hovers and diagnostics of a text.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from typing import Any


class Editor:
    """Talks to a server over its pipes. A `@` in a text marks the cursor."""

    def __init__(self, command: list[str], schema: str):
        self.server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.head = f"# yaml-language-server: $schema={schema}\n"
        self.numbers, self.published = itertools.count(1), {}
        self.ask(
            "initialize",
            {
                "processId": None,
                "rootUri": "file:///",
                "capabilities": {"textDocument": {"hover": {"contentFormat": ["plaintext"]}}},
            },
        )
        self.send({"method": "initialized", "params": {}})

    def close(self) -> None:
        self.server.kill()
        self.server.wait()

    def send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.server.stdin
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.server.stdin.flush()

    def take(self) -> dict[str, Any]:
        """Return the next message, and answer the server's own requests."""
        assert self.server.stdout
        alarm = threading.Timer(60, self.server.kill)  # stop a silent server, and with it the wait
        alarm.start()
        length = 0
        while line := self.server.stdout.readline().strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self.server.stdout.read(length))
        alarm.cancel()
        if "method" in message and "id" in message:
            answer = None
            if message["method"] == "workspace/configuration":
                settings = {"completion": True, "hover": True, "validate": True}
                answer = [settings for _ in message["params"].get("items", [])]
            self.send({"id": message["id"], "result": answer})
        if message.get("method") == "textDocument/publishDiagnostics":
            self.published[message["params"]["uri"]] = message["params"]["diagnostics"]
        return message

    def ask(self, method: str, params: dict[str, Any]) -> Any:
        number = next(self.numbers)
        self.send({"id": number, "method": method, "params": params})
        while True:
            message = self.take()
            if message.get("id") == number and "method" not in message:
                return message["result"]

    def open(self, text: str) -> tuple[str, dict[str, int]]:
        """Open a text. Return its address and the place of the `@`."""
        text = self.head + text
        before = text.partition("@")[0]
        uri = f"file:///net{next(self.numbers)}.cnn.yaml"
        document = {
            "uri": uri,
            "languageId": "yaml",
            "version": 1,
            "text": text.replace("@", "", 1),
        }
        self.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        return uri, {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}

    def ask_at_cursor(self, method: str, text: str) -> Any:
        """Open a text, and ask about the place of the `@`."""
        uri, place = self.open(text)
        return self.ask(method, {"textDocument": {"uri": uri}, "position": place})

    def completions(self, text: str) -> list[str]:
        items = self.ask_at_cursor("textDocument/completion", text)["items"]
        return [item["label"] for item in items]

    def hover(self, text: str) -> str:
        return str(self.ask_at_cursor("textDocument/hover", text)["contents"])

    def diagnostics(self, text: str) -> list[tuple[int, str]]:
        """Return (line, message) of each diagnostic; lines count from 1."""
        uri, _ = self.open(text)
        while uri not in self.published:
            self.take()
        return [(d["range"]["start"]["line"], d["message"]) for d in self.published[uri]]
