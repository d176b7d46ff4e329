"""Runs a command as a process: handles its start, its streams and its exit code."""

from __future__ import annotations

import gc
import os
import re
import sys
import warnings
from contextlib import suppress
from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS
from io import BufferedWriter, RawIOBase, StringIO, TextIOWrapper
from typing import Any

from ..diagnostic import Diagnostic, Mistake, internal_fault
from ..text_file import reason

_KINDS = {"integer": "a whole number", "number": "a number"}
_INTERRUPTED, _READER_GONE = 130, 141  # as shells report SIGINT and SIGPIPE: 128 + the signal


def run() -> None:
    """Run the command line as a process of its own.

    A command takes a fraction of a second. The garbage collector, the shutdown of Python and the
    search for pydantic plugins would each take about a tenth of it, so they are avoided.
    """
    gc.disable()
    warnings.filterwarnings("ignore", message="Failed to initialize NumPy")  # torch needs none here
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    code: int | str | None = 0
    try:
        _occupy_closed_descriptors()
        _write_whole_texts()
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


def _occupy_closed_descriptors() -> None:
    """Open the null device where stdin, stdout or stderr is closed.

    A file or a pipe that is opened later would get the number, and with it what is written there.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


def _write_whole_texts() -> None:
    """Let stdout and stderr write all of a text or fail.

    With PYTHONUNBUFFERED, Python would drop what a full disk does not take, without an error.
    """
    sys.stdout = sys.__stdout__ = _buffered(sys.stdout)  # the second tells the width of a terminal
    sys.stderr = sys.__stderr__ = _buffered(sys.stderr)


def _buffered(stream: Any) -> Any:
    """Return a stream that has a buffer."""
    if not isinstance(stream, TextIOWrapper) or not isinstance(stream.buffer, RawIOBase):
        return stream
    encoding, errors = stream.encoding, stream.errors
    return TextIOWrapper(BufferedWriter(stream.detach()), encoding, errors, line_buffering=True)


def main() -> None:
    """Run the command line without ever showing a traceback."""
    from typer import Exit

    from .output import complain, finish

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × must not stop a command
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
        if isinstance(end.__context__, BrokenPipeError):  # typer then exits with 1
            _silence(_READER_GONE)
        raise
    except OSError as error:
        complain([Diagnostic("CNN002", _trouble(error))])
        _silence(2)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    except Exception as error:  # a bug of ours, not a mistake of the user
        complain([internal_fault(error)])
        sys.exit(2 if isinstance(error, MemoryError) else 1)


def _trouble(error: OSError) -> str:
    """Say what the system refuses."""
    if error.filename:
        return f"cannot use {error.filename}: {reason(error)}"
    if error.errno in (ENOSPC, EFBIG, EIO, EDQUOT, EROFS):
        return f"cannot write: {reason(error)}"
    try:
        os.getcwd()
    except FileNotFoundError:
        return "the current folder no longer exists"
    return f"the system says: {reason(error)}"


def _run_command() -> None:
    """Run the command that is called; typer words the errors about its arguments."""
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
        warn(Lines.of(_plain(shown.getvalue().rstrip("\n"))))
        code = fault.exit_code
    except typer.Abort:
        warn(Lines("Aborted!"))
        code = 1
    if code:
        sys.exit(code)


def _plain(text: str) -> str:
    """Replace the words of pydantic, which typer passes on, by plain ones."""
    text = text.replace("Value error, ", "")
    return re.sub(
        r"Input should be a valid (integer|number), unable to parse.*",
        lambda match: f"it takes {_KINDS[match[1]]}.",
        text,
    )


def _silence(code: int) -> None:
    """Exit without trying again to write the rest of the output."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
