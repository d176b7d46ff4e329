"""The commands: parse → call → render → exit code."""

from __future__ import annotations

import gc

gc.disable()  # a command lives for a fraction of a second, a tenth of which the collector would take

import os  # noqa: E402
import sys  # noqa: E402
from io import TextIOWrapper  # noqa: E402
from typing import Annotated, Any  # noqa: E402

import typer  # noqa: E402

from ..diagnostic import Diagnostic, Mistake, misspelled  # noqa: E402
from . import options as o  # noqa: E402
from .check import check, lock, rule  # noqa: E402
from .compare import compare  # noqa: E402
from .diff import diff  # noqa: E402
from .init import init  # noqa: E402
from .measured import profile, verify  # noqa: E402
from .output import complain, deliver, finish, put  # noqa: E402
from .reports import report_of  # noqa: E402
from .zoo import zoo  # noqa: E402

os.environ.setdefault(
    "PYDANTIC_DISABLE_PLUGINS", "__all__"
)  # looking for plugins costs more than reading a spec

app = typer.Typer(
    name="cnncalc",
    add_completion=True,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Sizes, parameters, memory, cost and receptive fields of convolutional networks, from a short spec.",
)


def version(wanted: bool) -> None:
    """Prints the version and ends."""
    if wanted:
        from .. import __version__

        put(f"cnncalc {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """Sizes, parameters, memory, cost and receptive fields of convolutional networks, from a short spec."""


@app.command()
def analyze(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    dtype: Annotated[o.Dtype, typer.Option("--dtype", help="type of the values")] = o.Dtype.float32,
    convention: o.Convention = "macs",
    format: Annotated[o.Format, typer.Option("--format", help="how to print it")] = o.Format.table,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="KEY,…", help="which columns")
    ] = None,
    depth: Annotated[
        int | None, typer.Option("--depth", help="fold blocks below this depth")
    ] = None,
    output: o.Output = None,
) -> None:
    """Every layer's size, parameters, cost, memory and receptive field, and the totals."""
    keys = o.chosen_columns(columns)
    if keys and format is o.Format.json:
        raise Mistake(
            Diagnostic(
                "CNN111", "--columns is for tables; JSON has every figure", help="drop --columns"
            )
        )
    report, sources = report_of(spec, variant, set, input, batch, dtype.value, convention)
    rows = report.rows
    if depth is not None:
        from ..analysis.folding import folded

        rows = folded(report, o.positive(depth, "--depth"))
    if report.graph.nodes or format is o.Format.json:
        render(report, rows, format, keys, output)
    finish(report.diagnostics, sources)


def render(
    report: Any, rows: Any, format: o.Format, keys: tuple[str, ...] | None, output: str | None
) -> None:
    """A report in one of the formats."""
    if format is o.Format.table:
        from ..render.table import render as as_table

        deliver(False, str, lambda width: as_table(report, rows, width, keys), output)
    elif format is o.Format.json:
        from ..render.json import render as as_json

        put(as_json(report, rows), output)
    elif format is o.Format.csv:
        from ..render.csv import render as as_csv

        put(as_csv(report, rows, keys), output)
    else:
        from ..render.markdown import render as as_markdown

        put(as_markdown(report, rows, keys), output)


@app.command()
def explain(
    spec: o.Spec,
    layer: Annotated[str, typer.Argument(help="path of the layer, as `analyze` shows it")],
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
) -> None:
    """The arithmetic of one layer, with the numbers put in."""
    from ..analysis.explain import explain as explanation
    from ..analysis.explain import explain_group

    report, sources = report_of(spec, variant, set, input, batch)
    lines = explanation(report, layer) or explain_group(report, layer)
    if lines:
        row = report.row(layer)
        put(f"{layer}: {row.op} on {', '.join(row.inputs)}" if row else f"{layer}: a block")
        for what, how in lines:
            put(f"  {what:<12}{how}")
    elif report.ok:
        otherwise = "`cnncalc analyze SPEC --format csv --columns path` lists the layers"
        raise Mistake(
            misspelled(
                Diagnostic("CNN111", f"no layer is called `{layer}`"),
                layer,
                [row.path for row in report.rows],
                otherwise,
            )
        )
    finish((d for d in report.diagnostics if d.severity == "error"), sources)


@app.command()
def size(
    n: Annotated[int, typer.Argument(help="size of the input", metavar="N")],
    kernel: Annotated[int, typer.Option("-k", "--kernel", help="size of the window")],
    stride: Annotated[int, typer.Option("-s", "--stride", help="step of the window")] = 1,
    padding: Annotated[int, typer.Option("-p", "--padding", help="zeros on each side")] = 0,
    dilation: Annotated[
        int, typer.Option("-d", "--dilation", help="distance of the window's points")
    ] = 1,
    ceil: Annotated[bool, typer.Option("--ceil", help="round up")] = False,
) -> None:
    """One window by hand: (N + 2P − F)/S + 1, whether it fits, and what would."""
    from ..analysis.size import one_window

    if not 0 <= padding <= 10**9:
        raise Mistake(Diagnostic("CNN111", f"-p takes a number from 0 up, not {padding}"))
    for value, option in ((n, "N"), (kernel, "-k"), (stride, "-s"), (dilation, "-d")):
        o.positive(value, option)
    put("\n".join(one_window(n, kernel, stride, padding, dilation, ceil)))


@app.command()
def expand(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    output: o.Output = None,
) -> None:
    """The network written out flat: no blocks, repeats or parameters."""
    from ..language.write import flat_spec

    report, sources = report_of(spec, variant, set, input)
    if report.graph.nodes:
        put(flat_spec(report.graph, report.name), output)
    finish((d for d in report.diagnostics if d.severity == "error"), sources)


for command in (check, lock, diff, compare, zoo, rule, init, verify, profile):
    app.command()(command)


@app.command()
def schema(output: o.Output = None) -> None:
    """JSON Schema of the language, for editors."""
    from ..analysis.figures import known_figures
    from ..language.schema import json_schema
    from ..render.json import dumps

    put(dumps(json_schema(known_figures())), output)


def narrow(arguments: list[str]) -> None:
    """Keeps only the command that is called: Typer would build all of them, which takes longer than an analysis."""
    called = [
        command
        for command in app.registered_commands
        if command.callback and command.callback.__name__ in arguments[:1]
    ]
    app.registered_commands = called or app.registered_commands


def main() -> None:
    """Runs the command line; no traceback reaches the user."""
    narrow(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without × must not stop us
    try:
        app()
        if sys.stdout is not None:
            sys.stdout.flush()
    except Mistake as mistake:
        try:
            finish(mistake.diagnostics, mistake.sources)
        except typer.Exit as end:
            sys.exit(end.exit_code)
    except BrokenPipeError:
        silence()
    except OSError as error:
        complain([Diagnostic("CNN002", f"cannot write: {error.strerror or error}")])
        silence(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # our fault, never the user's
        where = error.__traceback__
        while where and where.tb_next:
            where = where.tb_next
        place = (
            f"{where.tb_frame.f_code.co_filename.rpartition('cnncalc/')[2]}:{where.tb_lineno}"
            if where
            else "?"
        )
        complain(
            [
                Diagnostic(
                    "CNN901",
                    f"internal fault: {type(error).__name__}: {error} ({place})",
                    help="please report it with the spec that shows it",
                )
            ]
        )
        sys.exit(1)


def run() -> None:
    """Runs the command line as a process of its own, and leaves at once: taking Python down would cost a tenth of the time."""
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def silence(code: int = 0) -> None:
    """A reader went away: nothing more to say."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
