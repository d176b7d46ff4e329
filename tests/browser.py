"""Opens pages in a real Chromium; tests that need it are skipped where it is not installed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
AXE = "AXE_CORE"  # names the file axe.min.js of the package axe-core
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium, or skip the test."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip("chromium is not installed")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


def axe() -> str:
    """Return the source of axe-core, or skip the test."""
    path = os.environ.get(AXE)
    if not path or not Path(path).is_file():
        pytest.skip(f"axe-core is not installed: {AXE} names its file axe.min.js")
    return Path(path).read_text("utf-8")


class Opened:
    """A page in a tab of its own, which keeps what went wrong in it."""

    def __init__(self, browser: Any, file: Path, anchor: str = "", **options: Any) -> None:
        options.setdefault("viewport", {"width": 1280, "height": 800})
        self.context = browser.new_context(**options)
        self.tab = self.context.new_page()
        self.faults: list[str] = []
        address = file.as_uri()
        self.tab.on("pageerror", lambda error: self.faults.append(str(error)))
        self.tab.on("console", lambda message: self.faults.append(message.text))
        self.tab.on("request", lambda request: self._note(request.url, address))
        self.tab.goto(address + anchor)

    def _note(self, asked: str, own: str) -> None:
        if asked.partition("#")[0] != own:
            self.faults.append(f"asks for {asked[:200]}")

    def __enter__(self) -> Any:
        return self.tab

    def __exit__(self, *_: object) -> None:
        self.context.close()
        assert self.faults == []
