"""The language server keeps the protocol, also with clients that do not."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .raw_client import SILENCE, Client, at, free_port, over_streams, over_tcp, started

pytest.importorskip("pygls")

URI = "file:///nowhere/net.cnn.yaml"
SPEC = """\
cnncalc: 1
input: [3, 16, 16]
layers:
  - conv: {out: 8, kernel: 3}
  - relu
"""
INVALID_REQUEST, NO_SUCH_METHOD, INVALID_PARAMS, PARSE_ERROR = -32600, -32601, -32602, -32700
NOT_INITIALIZED = -32002
TOO_FAR = 2**31


@pytest.fixture
def server(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    found = started(tmp_path)
    yield found
    found.kill()
    found.wait()


@pytest.fixture
def client(server: subprocess.Popen[bytes]) -> Client:
    return over_streams(server)


def test_requests_that_overlap_at_the_start_are_answered(client: Client) -> None:
    client.initialize()
    client.open(URI, SPEC)
    where = {"start": at(URI, 3)["position"], "end": at(URI, 3)["position"]}
    actions = {"textDocument": {"uri": URI}, "range": where, "context": {"diagnostics": []}}
    asked = [
        client.begin("textDocument/hover", at(URI, 3, 6)),
        client.begin("textDocument/hover", at(URI, 4, 6)),
        client.begin("textDocument/codeAction", actions),
        client.begin("textDocument/completion", at(URI, 4, 6)),
    ]
    answers = [client.answer(number) for number in asked]
    assert all(answer.get("result") for answer in answers[:2]), answers
    assert not any("error" in answer for answer in answers), answers


@pytest.mark.parametrize("says_shutdown, code", [(True, 0), (False, 1)])
@pytest.mark.parametrize("says_exit", [True, False])
def test_the_exit_code_says_whether_the_client_shut_the_server_down(
    client: Client, says_shutdown: bool, says_exit: bool, code: int
) -> None:
    client.initialize()
    if says_shutdown:
        assert client.ask("shutdown", None) is None
    if says_exit:
        client.tell("exit", None)
    else:
        client.to_server.close()
    assert client.server.wait(SILENCE) == code


def test_nothing_is_answered_before_initialize(client: Client) -> None:
    assert client.error("textDocument/hover", at(URI)) == NOT_INITIALIZED
    assert client.error("shutdown", None) == NOT_INITIALIZED
    client.open(URI, SPEC)
    client.initialize()
    assert client.hints(URI) == []
    assert client.error("initialize", {"capabilities": {}}) == INVALID_REQUEST
    client.open(URI, SPEC)
    assert len(client.hints(URI)) == 2


def test_nothing_is_done_after_shutdown(client: Client) -> None:
    client.initialize()
    client.ask("shutdown", None)
    client.open(URI, SPEC)
    assert client.error("textDocument/hover", at(URI)) == INVALID_REQUEST
    assert client.error("shutdown", None) == INVALID_REQUEST
    assert client.messages("textDocument/publishDiagnostics") == []


@pytest.mark.parametrize(
    "params",
    [
        None,
        [],
        7,
        {},
        {"textDocument": {"uri": URI}},
        at(URI, -1),
        at(URI, 0, -1),
        at(URI, TOO_FAR),
        at(URI, 0, TOO_FAR),
        {"textDocument": {"uri": URI}, "position": {"line": "a", "character": None}},
    ],
)
def test_wrong_parameters_are_refused(client: Client, params: Any) -> None:
    client.initialize()
    client.open(URI, SPEC)
    for method in ("hover", "completion", "definition", "rename", "inlayHint", "codeAction"):
        assert client.error(f"textDocument/{method}", params) == INVALID_PARAMS, method
    client.tell("textDocument/didChange", params)
    assert len(client.hints(URI)) == 2


def test_every_request_has_an_answer(client: Client) -> None:
    client.initialize()
    assert client.error("textDocument/unheardOf", None) == NO_SUCH_METHOD
    for body, code in [
        (b"{", PARSE_ERROR),
        (b"\xff", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b"7", INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": [], "method": "shutdown"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": null, "method": "shutdown"}', INVALID_REQUEST),
    ]:
        client.send_body(body)
        assert client.answer(None)["error"]["code"] == code, body
    client.send_body(b'{"id": "a", "method": "shutdown"}')
    assert client.answer("a")["error"]["code"] == INVALID_REQUEST
    client.send_body(b'{"jsonrpc": "2.0", "id": "b", "method": 7}')
    assert client.answer("b")["error"]["code"] == INVALID_REQUEST
    client.send_body(b'{"jsonrpc": "2.0", "id": [], "result": null}')  # answers nothing
    client.open(URI, SPEC)
    assert len(client.hints(URI)) == 2


def test_parameters_may_be_left_out_where_there_are_none(client: Client) -> None:
    client.initialize()
    client.send(id="a", method="shutdown")
    assert client.answer("a") == {"jsonrpc": "2.0", "id": "a", "result": None}
    client.send(method="exit")
    assert client.server.wait(SILENCE) == 0


def test_names_of_headers_have_no_case(client: Client) -> None:
    body = b'{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"capabilities": {}}}'
    for header in (
        "content-length",
        "Content-Type: utf-8\r\nCONTENT-LENGTH",
        "Content-Length: 9\r\nContent-Length",
    ):
        client.send_body(body, header)
        client.answer(0)


def test_it_ends_with_the_process_of_the_editor(client: Client) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    client.initialize(processId=other.pid)
    client.open(URI, SPEC)
    assert len(client.hints(URI)) == 2
    other.kill()
    other.wait()
    assert client.server.wait(SILENCE) == 1


def test_it_ends_when_nobody_reads_its_answers(client: Client) -> None:
    client.initialize()
    client.from_server.close()
    client.begin("textDocument/hover", at(URI))
    assert client.server.wait(SILENCE) == 1


@pytest.mark.parametrize("name, closed", [("input", "<&-"), ("output", ">&-")])
def test_closed_streams_are_named(name: str, closed: str, tmp_path: Path) -> None:
    command = f'exec "$0" -m cnncalc lsp {closed}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, text=True, timeout=SILENCE
    )
    assert done.returncode == 2
    assert f"error[CNN002]: standard {name} is closed" in done.stderr


@pytest.fixture
def port(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    number = free_port()
    found = started(tmp_path, "--tcp", "--port", str(number))
    yield found, number
    found.kill()
    found.wait()


def test_clients_at_a_port_are_served_by_themselves(
    port: tuple[subprocess.Popen[bytes], int],
) -> None:
    (first, first_end), (second, _) = over_tcp(*port), over_tcp(*port)
    first.initialize()
    second.initialize()
    first.open(URI, SPEC)
    assert len(first.hints(URI)) == 2
    assert second.hints(URI) == []
    second.open(URI, SPEC.replace("  - relu\n", ""))
    assert (len(first.hints(URI)), len(second.hints(URI))) == (2, 1)
    first.ask("shutdown", None)
    first_end.shutdown(socket.SHUT_RDWR)
    assert len(second.hints(URI)) == 1
    second.ask("shutdown", None)
    second.tell("exit", None)
    third, _ = over_tcp(*port)
    third.initialize()
    third.open(URI, SPEC)
    assert len(third.hints(URI)) == 2
    assert port[0].poll() is None


def test_a_server_at_a_port_ends_by_ctrl_c(port: tuple[subprocess.Popen[bytes], int]) -> None:
    server, _ = port
    client, _ = over_tcp(*port)
    client.initialize()
    server.send_signal(signal.SIGINT)
    assert server.wait(SILENCE) == 130
