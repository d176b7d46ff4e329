"""`watch` shows findings and changes whenever a spec is saved, until it is interrupted."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .command import python_path, run

SPEC = """\
cnncalc: 1
name: Net
input: [3, 32, 32]
layers:
  - conv: {out: 8, kernel: 3}
  - relu
  - maxpool: 2
"""


class Watched:
    """A spec that is watched."""

    def __init__(self, folder: Path):
        self.file = folder / "net.cnn.yaml"
        self.file.write_text(SPEC, "utf-8")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cnncalc", "watch", "net.cnn.yaml", "--depth", "1"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": python_path(), "COLUMNS": "100", "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)

    def until(self, text: str) -> str:
        """Return what is shown until it has a text, with single blanks between words."""
        found = ""
        while text not in found:
            try:
                found = " ".join(f"{found} {self.lines.get(timeout=60)}".split())
            except queue.Empty:
                pytest.fail(f"{text!r} is not shown: {found}")
        return found

    def save(self, text: str) -> None:
        """Save a text."""
        self.file.write_text(text, "utf-8")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = Watched(tmp_path)
    yield found
    found.process.kill()
    found.process.wait()


def test_what_changed_is_shown_whenever_it_is_saved(watched: Watched) -> None:
    watched.until("Net: 224 parameters, 194.4 K MACs")
    watched.save(SPEC.replace("out: 8", "out: 16"))
    watched.until("conv1 + relu1 out 8 → 16; output 8×30×30 → 16×30×30; params 224 → 448")
    watched.save(SPEC.replace("maxpool: 2", "maxpool: 99"))
    wrong = watched.until("1 file, 1 network: 1 error")
    assert "error[CNN204]" in wrong and "params" not in wrong, wrong
    watched.save(SPEC.replace("out: 8", "out: 16") + "# a comment\n")
    watched.until("no figure changed")
    watched.process.send_signal(signal.SIGINT)
    assert watched.process.wait(30) == 0


def _remove(file: Path) -> None:
    file.unlink()


def _make_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _link_to_nothing(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.parent / "nothing")


def _make_a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _write_latin(file: Path) -> None:
    file.write_bytes(SPEC.replace("Net", "Né").encode("latin-1"))


def _write_too_much(file: Path) -> None:
    file.write_text(SPEC + "#" * 1_000_000, "utf-8")


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (_remove, "no longer a file"),
        (_make_a_folder, "no longer a file"),
        (_link_to_nothing, "no longer a file"),
        (_make_a_pipe, "no longer a file"),
        (_write_latin, "is not UTF-8"),
        (_write_too_much, "larger than 1,000,000 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported_once(
    watched: Watched, spoil: Callable[[Path], None], word: str
) -> None:
    watched.until("Net: 224 parameters")
    spoil(watched.file)
    said = watched.until(word)
    time.sleep(1)  # several looks at the file
    if watched.file.is_dir():
        watched.file.rmdir()
    else:
        watched.file.unlink(missing_ok=True)
    time.sleep(1)
    watched.save(SPEC)
    said += watched.until("no figure changed")  # the figures are current again
    assert (said.count(word), said.count("did you mean")) == (1, 0), said
    watched.save(SPEC.replace("out: 8", "out: 16"))
    watched.until("params 224 → 448")


def test_a_file_that_an_editor_removes_before_it_writes_it_is_no_news(watched: Watched) -> None:
    watched.until("Net: 224 parameters")
    for channels in (16, 8, 16, 8):
        watched.file.unlink()
        watched.save(SPEC.replace("out: 8", f"out: {channels}"))
        assert "no longer" not in watched.until("0 layers unchanged")


@pytest.mark.parametrize("wrong", ["[tool.cnncalc\n", "[tool.cnncalc]\nignor = []\n"])
def test_a_wrong_configuration_does_not_end_it(watched: Watched, wrong: str) -> None:
    watched.until("Net: 224 parameters")
    (watched.file.parent / "pyproject.toml").write_text(wrong, "utf-8")
    watched.save(SPEC.replace("out: 8", "out: 9"))
    watched.until("error[CNN111]")
    (watched.file.parent / "pyproject.toml").unlink()
    watched.save(SPEC.replace("out: 8", "out: 16"))
    watched.until("params 224 → 448")


def test_the_baseline_of_the_configuration_counts(watched: Watched) -> None:
    assert "CNN503" in watched.until("Net: 224 parameters")
    folder = watched.file.parent
    run("check", "net.cnn.yaml", "--write-baseline", "known.json", folder=folder)
    table = '[tool.cnncalc]\nbaseline = "known.json"\n'
    (folder / "pyproject.toml").write_text(table, "utf-8")
    watched.save(SPEC.replace("out: 8", "out: 16"))
    assert "CNN503" not in watched.until("0 layers unchanged")


def test_only_a_file_can_be_watched(tmp_path: Path) -> None:
    done = run("watch", "vgg16", folder=tmp_path)
    assert (done.returncode, "vgg16 is not a file" in done.stderr) == (2, True), done.stderr
