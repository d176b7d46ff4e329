"""The process around a command: its start, its streams, and how it ends."""

from __future__ import annotations

import gc
import os
import sys
from io import StringIO, TextIOWrapper

from ..diagnostic import Diagnostic, Mistake


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
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
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
        _run_command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except Mistake as mistake:
        try:
            finish(mistake.diagnostics, mistake.sources)
        except Exit as end:
            sys.exit(end.exit_code)
    except BrokenPipeError:
        _silence()
    except OSError as error:
        complain([Diagnostic("CNN002", f"cannot write: {error.strerror or error}")])
        _silence(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # our fault, never the user's
        complain([_internal_fault(error)])
        sys.exit(1)


def _run_command() -> None:
    """Run the command that is called; what is wrong with its words is shown as typer words it."""
    import typer

    from ..render.formats.lines import Lines
    from .app import app_for
    from .output import warn

    usage_fault = typer.BadParameter.__bases__[0]
    try:
        code = app_for(sys.argv[1:])(standalone_mode=False)
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


def _internal_fault(error: Exception) -> Diagnostic:
    """Return an exception of ours as a diagnostic that names its place."""
    place = "?"
    frame = error.__traceback__
    while frame:
        file = frame.tb_frame.f_code.co_filename.rpartition("cnncalc/")[2]
        place, frame = f"{file}:{frame.tb_lineno}", frame.tb_next
    return Diagnostic(
        "CNN901",
        f"internal fault: {type(error).__name__}: {error} ({place})",
        help="please report it with the spec that shows it",
    )


def _silence(code: int = 0) -> None:
    """End quietly, because the reader of the output went away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
