"""Measures how long an editor waits after an edit: `python -m tests.benchmarks.lsp [EDITS [MANY]]`.

A client changes one number of a bundled spec, EDITS times, and waits for the diagnostics of the new
text, then for the hints of all its lines; both times count from the edit. It prints median and 95th
percentile, and the time of the processor for an edit, which does not depend on what else runs.
Then it makes MANY edits of one spec, and prints the memory of the server before and after.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from ..editor import Editor

ROOT = Path(__file__).parent.parent.parent
NETWORKS = ("vgg16", "resnet", "efficientnet", "retinanet")
LONG = ("resnet101", "densenet121")  # written out layer by layer, 500 lines and more
EVERYWHERE = {"start": {"line": 0, "character": 0}, "end": {"line": 9999, "character": 0}}
NUMBER = re.compile(r"(?<=out: )\d+|(?<=kernel: )\d+|(?<=, )\d+")


class Server:
    """A server with one document."""

    def __init__(self, text: str, name: str):
        self.editor = Editor([sys.executable, "-m", "cnncalc", "lsp"], "")
        self.uri = (ROOT / "specs" / f"{name}.cnn.yaml").as_uri()
        self.text, self.version = text, 1
        document = {"uri": self.uri, "languageId": "yaml", "version": 1, "text": text}
        self.editor.send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        self.wait(checked=True)

    def wait(self, checked: bool = False) -> None:
        """Wait for the diagnostics of the newest text, or for its whole check."""
        wanted = "cnncalc/status" if checked else "textDocument/publishDiagnostics"
        while True:
            message = self.editor.take()
            params = message.get("params", {})
            is_wanted = message.get("method") == wanted and params.get("version") == self.version
            if is_wanted and (not checked or params["isChecked"]):
                return

    def edit(self, number: int) -> None:
        """Change a number in the middle of the text, and back."""
        places = [*NUMBER.finditer(self.text)]
        place = places[len(places) // 2]
        text = self.text[: place.start()] + str(int(place[0]) + number) + self.text[place.end() :]
        self.version += 1
        self.editor.send(
            {
                "method": "textDocument/didChange",
                "params": {
                    "textDocument": {"uri": self.uri, "version": self.version},
                    "contentChanges": [{"text": text}],
                },
            }
        )

    def hints(self) -> Any:
        """Return the hints of all lines."""
        params = {"textDocument": {"uri": self.uri}, "range": EVERYWHERE}
        return self.editor.ask("textDocument/inlayHint", params)

    @property
    def processor(self) -> float:
        """The seconds that the server has used a processor."""
        fields = Path(f"/proc/{self.editor.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self) -> float:
        """The memory of the server, in MB."""
        pages = Path(f"/proc/{self.editor.server.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def text_of(name: str) -> str:
    """Return a bundled spec; one that is written out layer by layer is made."""
    path = ROOT / "specs" / f"{name}.yaml"
    if path.exists():
        return path.read_text("utf-8")
    command = [sys.executable, "-m", "cnncalc", "expand", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines(keepends=True)
    return "".join(lines[:500]) if name == LONG[0] else done.stdout


def measure(name: str, edits: int) -> None:
    """Print the times of one spec."""
    server = Server(text_of(name), name)
    to_diagnostics: list[float] = []
    to_hints: list[float] = []
    before = server.processor
    for n in range(edits):
        start = time.perf_counter()
        server.edit(n % 2)
        server.wait()
        to_diagnostics.append(1e3 * (time.perf_counter() - start))
        server.hints()
        to_hints.append(1e3 * (time.perf_counter() - start))
    used = 1e3 * (server.processor - before) / edits
    server.edit(0)
    start = time.perf_counter()
    server.wait(checked=True)
    checked = time.perf_counter() - start
    print(
        f"{name:13} {server.text.count(chr(10)):5} lines"
        f"  diagnostics {median(to_diagnostics):5.1f} {quantiles(to_diagnostics, n=20)[-1]:6.1f}"
        f"  hints {median(to_hints):5.1f} {quantiles(to_hints, n=20)[-1]:6.1f}"
        f"  processor {used:5.1f} ms  whole check {1e3 * checked:6.0f} ms",
        flush=True,
    )
    server.editor.close()


def grow(name: str, edits: int) -> None:
    """Print the memory of a server before and after many edits."""
    server = Server(text_of(name), name)
    for n in range(200):
        server.edit(n % 2)
        server.wait()
    before = server.memory
    for n in range(edits):
        server.edit(n % 2)
        server.wait()
        if n % 10 == 0:
            server.hints()
    print(f"{name}: {before:.1f} MB, after {edits:,} edits {server.memory:.1f} MB")
    server.editor.close()


def main(edits: int = 100, many: int = 10_000) -> None:
    """Measure all."""
    print("median and 95th percentile, in ms")
    for name in (*NETWORKS, *LONG):
        measure(name, edits)
    if many:
        grow(NETWORKS[0], many)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
