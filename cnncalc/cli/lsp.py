"""The command lsp: serves an editor."""

from __future__ import annotations

import sys
from typing import Annotated, TextIO

import typer

from ..diagnostic import Diagnostic, Mistake
from ..extras import install_command
from ..text_file import reason

_PORTS = 65_535


def lsp(
    stdio: Annotated[
        bool, typer.Option("--stdio", help="talk over standard input and output: the default")
    ] = False,
    tcp: Annotated[bool, typer.Option("--tcp", help="wait for editors at a port")] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="with --tcp: the address to wait at")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=1, max=_PORTS, help="with --tcp: the port to wait at"
        ),
    ] = 2087,
) -> None:
    """Serve an editor: shapes beside every line, findings as you type, repairs and completion.

    Your editor starts this; it speaks the Language Server Protocol. It needs the extra `lsp`.
    With --tcp, each editor that connects is served by itself, until Ctrl-C.

    Examples:
        Serve an editor that starts this command:
        cnncalc lsp
        Let editors on this machine connect to a port:
        cnncalc lsp --tcp --port 9257
    """
    from .option_values import usage

    if stdio and tcp:
        raise usage("--stdio and --tcp are both given", "give one of them")
    try:
        from ..lsp.server import run_on_port, run_on_streams
    except ImportError:
        help = install_command("lsp")
        fault = Diagnostic("CNN401", "the language server needs the package pygls", help=help)
        raise Mistake(fault) from None
    if tcp:
        try:
            run_on_port(host, port)
        except OSError as error:
            message = f"cannot wait at {host}, port {port}: {reason(error)}"
            help = "choose another port with --port"
            raise Mistake(Diagnostic("CNN428", message, help=help)) from None
    for stream, name in ((sys.stdin, "input"), (sys.stdout, "output")):
        if not _has_descriptor(stream):
            help = "let an editor start this command, or wait for one with --tcp"
            raise Mistake(Diagnostic("CNN002", f"standard {name} is closed", help=help))
    raise typer.Exit(run_on_streams())


def _has_descriptor(stream: TextIO | None) -> bool:
    """Return whether a standard stream is open, and more than an object of Python."""
    try:
        return stream is not None and stream.fileno() >= 0
    except (OSError, ValueError):
        return False
