"""The extension in a real Visual Studio Code, which code-server shows in a browser.

`CODE_SERVER` names the file `out/node/entry.js` of the npm package code-server, installed with its
dependencies; these tests are skipped without it, without npm or without Chromium. The extension is
packed as `.ci/run` packs it. CNNCALC_UPDATE=1 takes the picture of the documents anew.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from .browser import browser
from .command import ROOT
from .settings import UPDATE

CODE_SERVER = os.environ.get("CODE_SERVER", "")
EXTENSION = ROOT / "cnncalc" / "lsp" / "vscode"
PATIENCE = 60.0  # seconds
SPEC_OF_RESNET = ROOT / "specs" / "resnet.yaml"
SPEC = """cnncalc: 1
name: Net
input: [3, 32, 32]
variants:
  wide: {params: {width: 64}}
params: {width: 16}
layers:
  - {conv: {out: width, kernel: 3}, name: first}
  - relu
  - {conv: {out: width, kernel: 5}, name: second}
  - flatten
  - linear: 10
"""


def wait(what: Callable[[], Any]) -> Any:
    """Return the first answer that is true."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        time.sleep(0.2)
    raise AssertionError("it did not come about")


class Window:
    """A window of Visual Studio Code in which a spec is open."""

    def __init__(self, page: Any):
        self.page = page

    def open(self, name: str, total: str) -> None:
        """Open a file of the folder, and wait until the status bar has its total."""
        entry = f".explorer-folders-view :text-is('{name}')"
        self.page.wait_for_selector(entry)
        self.page.dblclick(entry)
        self.page.wait_for_selector(f".statusbar-item:has-text('{total}')")

    def command(self, name: str) -> None:
        """Run a command of the palette."""
        self.page.keyboard.press("F1")
        self.page.wait_for_selector(".quick-input-widget input[type=text]")
        self.page.keyboard.type(name)
        self.page.wait_for_selector(f".quick-input-list-row:has-text('{name}')")
        self.page.keyboard.press("Enter")

    def go_to(self, line: int, column: int) -> None:
        """Move the cursor."""
        self.page.keyboard.press("Control+g")
        self.page.wait_for_selector(".quick-input-widget input[type=text]")
        self.page.keyboard.type(f"{line}:{column}")
        self.page.keyboard.press("Enter")
        where = f"Ln {line}, Col {column}"
        self.page.wait_for_selector(f".statusbar-item:has-text('{where}')")

    def text(self, selector: str) -> str:
        """Return the text of what is shown, with plain spaces."""
        found = self.page.locator(selector).all_inner_texts()
        return "\n".join(found).replace("\u00a0", " ")

    def report(self, selector: str) -> list[str]:
        """Return the texts of parts of the report beside the spec."""
        for frame in self.page.frames:
            with suppress(Exception):  # the page is being replaced
                found: list[str] = frame.locator(selector).all_text_contents()
                if found:
                    return found
        return []


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start code-server with the extension and a folder that holds one spec."""
    if not Path(CODE_SERVER).is_file() or shutil.which("npm") is None:
        pytest.skip("CODE_SERVER does not name code-server's file out/node/entry.js")
    work = tmp_path_factory.mktemp("vscode")
    built = work / "extension"
    shutil.copytree(EXTENSION, built, ignore=shutil.ignore_patterns("node_modules", "out"))
    for words in (("install", "--no-audit", "--no-fund"), ("run", "build"), ("run", "package")):
        subprocess.run(["npm", *words], cwd=built, capture_output=True, check=True)
    folder = work / "folder"
    folder.mkdir()
    (folder / "net.cnn.yaml").write_text(SPEC, "utf-8")
    shutil.copy(SPEC_OF_RESNET, folder / "resnet.cnn.yaml")
    own = [sys.executable, "-m", "cnncalc"]
    settings = {"cnncalc.command": own, "workbench.startupEditor": "none"}
    (work / "data" / "User").mkdir(parents=True)
    (work / "data" / "User" / "settings.json").write_text(json.dumps(settings), "utf-8")
    places = ["--user-data-dir", str(work / "data"), "--extensions-dir", str(work / "extensions")]
    code = ["node", CODE_SERVER, *places, "--config", str(work / "config.yaml")]
    package = ["--install-extension", str(built / "cnncalc.vsix")]
    subprocess.run([*code, *package], capture_output=True, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"]
    listen = ["--auth", "none", "--bind-addr", f"127.0.0.1:{port}"]
    server = subprocess.Popen(
        [*code, *quiet, *listen], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait(lambda: _answers(f"http://127.0.0.1:{port}/healthz"))
        yield f"http://127.0.0.1:{port}/?folder={folder}"
    finally:
        server.terminate()
        server.wait(30)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def window(address: str) -> Iterator[Window]:
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1500, "height": 900})
        page.set_default_timeout(1e3 * PATIENCE)
        page.goto(address)
        window = Window(page)
        window.open("net.cnn.yaml", "4.823 M MACs")
        yield window
        page.close()


def test_hints_and_totals_stand_beside_the_text(window: Window) -> None:
    lines = wait(lambda: "→ 16×30×30" in (text := window.text(".view-lines")) and text)
    assert "→ 16×30×30 · 448 params · field 3" in lines
    assert "Net: 115.0 K params" in window.text(".statusbar")
    lenses = wait(lambda: window.text(".codelens-decoration"))
    assert "the base: 115.0 K params · 4.823 M MACs · field 7" in lenses
    assert "show wide" in lenses


def test_the_report_follows_the_cursor_and_the_variant(window: Window) -> None:
    window.command("cnncalc: Show the Report beside the Spec")
    assert wait(lambda: window.report("h1")) == ["Net"]
    window.page.click(".view-line >> nth=0")
    window.go_to(10, 8)
    name = ".plane .selected"
    assert "second" in wait(lambda: window.report(name))[0]
    window.go_to(8, 8)
    wait(lambda: "first" in window.report(name)[0])
    window.command("cnncalc: Choose the Variant That Is Shown")
    window.page.wait_for_selector(".quick-input-list-row:has-text('wide')")
    window.page.keyboard.type("wide")
    window.page.keyboard.press("Enter")
    wait(lambda: any("wide" in one for one in window.report("h1")))


def test_what_is_wrong_is_marked_and_repaired(window: Window) -> None:
    window.page.click(".view-line >> nth=0")
    window.go_to(10, 33)  # the 5 of the second kernel
    window.page.keyboard.press("Shift+ArrowRight")
    window.page.keyboard.type("50")
    window.page.wait_for_selector(".squiggly-error")
    wait(lambda: "1" in window.text("#status\\.problems"))
    window.page.keyboard.press("Control+.")
    window.page.wait_for_selector(".action-widget")
    assert "kernel" in window.text(".action-widget")


@pytest.mark.skipif(not UPDATE, reason="takes the picture of the documents")
def test_the_picture_of_the_documents_is_taken(window: Window) -> None:
    window.open("resnet.cnn.yaml", "4.089 G MACs")
    window.command("View: Toggle Primary Side Bar Visibility")
    window.command("cnncalc: Show the Report beside the Spec")
    wait(lambda: window.report("h1") == ["ResNet-50"])
    lines = SPEC_OF_RESNET.read_text("utf-8").splitlines()
    bottleneck = lines.index("  bottleneck:")
    line = next(n for n in range(bottleneck, len(lines)) if "kernel: 3" in lines[n])
    window.go_to(line + 1, 20)
    wait(lambda: window.report(".plane .selected"))
    window.page.set_viewport_size({"width": 1400, "height": 760})
    window.page.wait_for_timeout(3000)
    window.page.screenshot(path=ROOT / "docs" / "vscode.png")
