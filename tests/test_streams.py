"""Closed and full streams end a command with its exit code, and never cut its output in silence."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from .command import ROOT, python_path, run

SWEEP = ("sweep", "lenet5", "--over", "H=30:99", "--format", "csv")


def shell(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the shell in which `"$@"` is cnncalc with arguments."""
    return subprocess.run(
        ["sh", "-c", script, "sh", sys.executable, "-m", "cnncalc", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": python_path(), "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_does_not_fit_is_said(tmp_path: Path, unbuffered: str) -> None:
    script = f'ulimit -f 1; exec "$@" > {tmp_path / "help"}'
    done = shell(script, "check", "--help", PYTHONUNBUFFERED=unbuffered)
    assert (done.returncode, "cannot write: File too large" in done.stderr) == (2, True)


@pytest.mark.parametrize("arguments", [("check", "nosuch"), ("check", "--nosuch")])
def test_the_exit_code_needs_no_stderr(arguments: tuple[str, ...]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no device that is always full")
    assert shell('exec "$@" 2>/dev/full', *arguments).returncode == 2
    assert shell('exec "$@" 2>&-', *arguments).returncode == 2


def test_workers_do_not_need_standard_streams() -> None:
    pytest.importorskip("numpy")
    wanted = run(*SWEEP).stdout
    for closed in ("2>&-", "<&-", "<&- 2>&-"):
        done = shell(f'exec "$@" {closed}', *SWEEP, "--workers", "2")
        assert (done.returncode, done.stdout) == (0, wanted), closed


def test_what_processes_say_never_gets_into_their_answers(tmp_path: Path) -> None:
    for n in range(30):
        (tmp_path / f"n{n:02}.cnn.yaml").write_text("input: [3, 8, 8]\nlayers: [relu]\n")
    talks = (
        "import os, sys, cnncalc.processes as p, cnncalc.checking.run as run\n"
        "right, p.processors = run.examine, lambda: 2\n"
        "run.examine = lambda *given: [os.write(2, b'said'), right(*given)][1]\n"
        "sys.argv = ['cnncalc', 'check']\n"
        "from cnncalc.cli.main import run as begin\nbegin()\n"
    )
    (tmp_path / "talks.py").write_text(talks)
    done = shell(f'cd {tmp_path}; exec "$1" talks.py 2>&-')
    assert (done.returncode, "30 networks" in done.stdout) == (0, True), done.stdout


def test_a_folder_that_no_longer_exists_is_said(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    done = shell(f'mkdir {gone}; cd {gone}; rmdir {gone}; exec "$@"', "check")
    assert (done.returncode, "no longer exists" in done.stderr) == (2, True), done.stderr


def connected(port: int) -> socket.socket:
    """Return a connection to a port, once somebody listens."""
    for _ in range(600):
        with suppress(ConnectionRefusedError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.1)
    raise TimeoutError


def test_a_server_with_a_client_ends_quietly() -> None:
    pytest.importorskip("pygls")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "cnncalc", "lsp", "--tcp", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": python_path()},
        stderr=subprocess.PIPE,
        text=True,
    )
    with connected(port) as client:
        request = (
            b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}'
        )
        client.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(request), request))
        assert client.recv(1)
        server.send_signal(signal.SIGINT)
        _, errors = server.communicate(timeout=30)
    assert (server.returncode, errors) == (130, "")


def test_an_interrupt_ends_a_sweep_whose_reader_has_stopped() -> None:
    pytest.importorskip("numpy")
    arguments = ("sweep", "lenet5", "--over", "H=32:300", "--over", "W=32:300", "--format", "csv")
    sweep = subprocess.Popen(
        [sys.executable, "-m", "cnncalc", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": python_path()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert sweep.stdout is not None
    assert sweep.stdout.read(1)  # the rest does not fit into the pipe
    time.sleep(0.5)
    sweep.send_signal(signal.SIGINT)
    assert sweep.wait(30) == 130


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("width", [60, 120])
def test_findings_fit_a_terminal(tmp_path: Path, width: int, unbuffered: str) -> None:
    """The width is that of the terminal, whether or not Python buffers what it writes."""
    pty, fcntl, termios = map(pytest.importorskip, ("pty", "fcntl", "termios"))
    layers = (
        "[{conv: {out: 8, kernel: 3}, name: unread}, {conv: {out: 8, kernel: 99}, from: input}]"
    )
    (tmp_path / "net.cnn.yaml").write_text(f"input: [3, 32, 32]\nlayers: {layers}\n")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    hidden = ("COLUMNS", "LINES")
    inherited = {name: value for name, value in os.environ.items() if name not in hidden}
    subprocess.run(
        [sys.executable, "-m", "cnncalc", "check"],
        cwd=tmp_path,
        env={**inherited, "PYTHONPATH": python_path(), "PYTHONUNBUFFERED": unbuffered},
        stdout=theirs,
        timeout=60,
        check=False,
    )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert "CNN204" in shown and max(map(len, lines)) <= width
    assert max(map(len, lines)) > width // 2
