"""The process around a command: its start, its streams, and how it ends."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from io import StringIO, TextIOWrapper

from ..diagnostic import Diagnostic, Mistake, internal_fault
from ..text_file import reason

_INTERRUPTED, _READER_GONE = 130, 141  # as shells report SIGINT and SIGPIPE: 128 + the signal


def run() -> None:
    """Run the command line as a process of its own.

    A command lives for a fraction of a second, a tenth of which the garbage collector would take,
    another tenth the shutdown of Python, and a third one the search for plugins of pydantic.
    """
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code: int | str | None = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:
        code = _INTERRUPTED
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.flush()
    if code is None:
        code = 0
    os._exit(code if isinstance(code, int) else 1)


def main() -> None:
    """Run the command line; no traceback reaches the user."""
    from typer import Exit

    from .output import complain, finish

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × must not stop us
    try:
        try:
            _run_command()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except Mistake as mistake:
        try:
            finish(mistake.diagnostics, mistake.sources)
        except Exit as end:
            sys.exit(end.exit_code)
    except BrokenPipeError:
        _silence(_READER_GONE)
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # as typer ends then, with 1
            _silence(_READER_GONE)
        raise
    except OSError as error:
        what = f"cannot use {error.filename}" if error.filename else "cannot write"
        complain([Diagnostic("CNN002", f"{what}: {reason(error)}")])
        _silence(2)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # our fault, never the user's
        complain([internal_fault(error)])
        sys.exit(1)


def _run_command() -> None:
    """Run the command that is called; what is wrong with its words is shown as typer words it."""
    import typer

    from ..render.formats.lines import Lines
    from .app import app_for
    from .output import warn

    usage_fault = typer.BadParameter.__bases__[0]
    try:
        code = app_for(sys.argv[1:])(prog_name="cnncalc", standalone_mode=False)
    except usage_fault as fault:
        shown = StringIO()
        fault.show(file=shown)
        warn(Lines.of(shown.getvalue().rstrip("\n")))
        code = fault.exit_code
    except typer.Abort:
        warn(Lines("Aborted!"))
        code = 1
    if code:
        sys.exit(code)


def _silence(code: int) -> None:
    """End without another attempt to write what is left of the output."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
