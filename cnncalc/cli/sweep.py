"""The command sweep: counts every combination of values, and shows those that are asked for."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from . import option_values as values
from . import options as o
from . import timed_on as t
from .option_values import usage
from .output import warn


class SweepFormat(str, Enum):
    """Formats of the variants."""

    table, csv, jsonl, markdown, parquet = "table", "csv", "jsonl", "markdown", "parquet"


def sweep(
    spec: o.Spec,
    over: Annotated[
        list[str],
        typer.Option(
            "--over",
            metavar="NAME=VALUES",
            help="what varies: a parameter, an axis of the input (C, H, W, D, L), batch, dtype,"
            " variant or spec. VALUES is a list such as 32,64 or a range such as 0.25:2:0.05, whose"
            " end counts; in 1:256:*2 each value is twice the one before. A,B=VALUES gives both the"
            " same value. May be repeated; the last one varies fastest",
        ),
    ],
    zip: Annotated[
        list[str] | None,
        typer.Option("--zip", metavar="A,B", help="take the values of these names in step"),
    ] = None,
    random: Annotated[
        int | None,
        typer.Option("--random", metavar="N", help="draw N variants from all combinations"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="where the drawing begins")] = 0,
    show: Annotated[
        str | None,
        typer.Option(
            "--show", metavar="A,B", help="figures to show (default: params,macs): {swept}"
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="keep only variants that meet this, such as 'params < 5M and H >= W'; may be"
            " repeated",
        ),
    ] = None,
    sort: Annotated[
        str | None, typer.Option("--sort", metavar="NAME", help="sort by a figure or a name")
    ] = None,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="reverse the order: largest first")
    ] = False,
    top: Annotated[
        int | None,
        typer.Option("--top", metavar="N", help="keep the first N (default for a table: 20)"),
    ] = None,
    pareto: Annotated[
        str | None,
        typer.Option(
            "--pareto",
            metavar="A,B",
            help="keep only variants that no other one beats in all of these figures; small is"
            " good, or large after NAME:max",
        ),
    ] = None,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    dtype: Annotated[o.Dtype, o.choice("--dtype", o.Dtype, "type of the values")] = o.Dtype.float32,
    device: t.Device = None,
    amp: t.Amp = None,
    channels_last: t.ChannelsLast = False,
    compile: t.Compile = False,
    mode: t.Mode = None,
    optimizer: t.Optimizer = o.Optimizer.sgd,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", help="count in N processes")
    ] = 1,
    dask: Annotated[
        str | None,
        typer.Option("--dask", metavar="ADDRESS", help="count on the workers of a Dask scheduler"),
    ] = None,
    format: Annotated[
        SweepFormat | None,
        o.choice("--format", SweepFormat, "format of the output (default: that of FILE, or table)"),
    ] = None,
    output: o.Output = None,
    plot: Annotated[
        str | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            help="draw the variants by the first two figures, with their frontier: as SVG, or for"
            " .html as a page that says what each point is",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on where a sweep into the same FILE stopped")
    ] = False,
) -> None:
    """Count every combination of values of a spec's parameters, input sizes and settings.

    Variants that are no networks are counted, with the reasons. Ctrl-C keeps what is done. Memory
    figures and receptive fields are found one variant at a time, the others for many at once.

    Examples:
        Find the largest ResNet-50 under 3 GMACs, over widths and square inputs:
        cnncalc sweep resnet50 --over width=0.25:2:0.05 --over H,W=128:320:32 --where "macs < 3G"
        --sort macs --reverse --top 5
        Write a million variants to a file:
        cnncalc sweep resnet50 --over width=0.25:2:0.05 --over H=1:170 --over W=1:170 -o all.csv
    """
    from ..analysis.sweep.sweep import make_job
    from ..language.load import load
    from .declared import note_declared
    from .spec_report import one_variant
    from .sweep_output import SweepOutput

    loaded = load(spec)
    job = make_job(
        loaded,
        over,
        show=_names(show),
        where=where or (),
        sort=sort,
        reverse=reverse,
        top=top,
        pareto=_names(pareto),
        zip=[_names(names) for names in zip or ()],
        random=None if random is None else values.positive(random, "--random"),
        seed=values.from_zero(seed, "--seed", 2**63 - 1),
        variant=one_variant(loaded, variant),
        set=values.settings(set),
        input=values.input_shapes(input),
        batch=values.positive(batch, "--batch"),
        dtype=dtype.value,
        optimizer=optimizer.value,
        timing=t.timed_on(device, dtype, amp, channels_last, compile, mode, optimizer),
    )
    note_declared(loaded, one_variant(loaded, variant), values.settings(set))
    chosen = format.value if format else _format_of(output)
    if chosen == "parquet" and output is None:
        raise usage("--format parquet needs a file", "-o variants.parquet")
    if resume and output is None:
        raise usage("--resume needs the file that the sweep writes", "-o FILE --resume")
    if workers > 1 and dask is not None:
        raise usage("--workers and --dask cannot be combined", "name one of them")
    SweepOutput(job, chosen, output, plot, warn).run(
        workers=values.positive(workers, "--workers"), dask=dask, resume=resume
    )


def _names(text: str | None) -> list[str]:
    """Parse ``macs,params`` as names."""
    return [name.strip() for name in text.split(",")] if text else []


def _format_of(file: str | None) -> str:
    """Return the format that the name of a file says."""
    ending = (file or "").rpartition(".")[2].lower()
    known = {"csv": "csv", "jsonl": "jsonl", "ndjson": "jsonl", "md": "markdown"}
    return known.get(ending, "parquet" if ending in ("parquet", "pq") else "table")
