"""The command fit: finds the best values of parameters, sizes or settings under budgets."""

from __future__ import annotations

from typing import Annotated

import typer

from ..diagnostic import Diagnostic
from . import option_values as values
from . import options as o
from . import timed_on as t
from .declared import note_declared
from .output import complain, finish, present
from .spec_report import one_variant


def fit(
    spec: o.Spec,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="NAMES",
            help="what varies: parameters, axes of the input (H, W …) or batch, such as width or"
            " depth,width; with values as in width=0.5:2:0.05 or H,W=128:512:32, which give both"
            " the same value. May be repeated",
        ),
    ],
    budget: Annotated[
        list[str],
        typer.Option(
            "--budget",
            metavar="CONDITION",
            help="a limit on a figure, such as 'macs < 300M' or 'training_peak < 8GiB'; may be"
            " repeated",
        ),
    ],
    maximize: Annotated[
        str | None,
        typer.Option(
            "--maximize",
            metavar="FIGURE",
            help="make this figure or value as large as possible (default: the value that varies)",
        ),
    ] = None,
    minimize: Annotated[
        str | None,
        typer.Option("--minimize", metavar="FIGURE", help="make it as small as possible"),
    ] = None,
    tie: Annotated[
        list[str] | None,
        typer.Option(
            "--tie",
            metavar="CONDITION",
            help="a condition on the values, such as '1.9 <= depth*width**2 <= 2.1'; may be"
            " repeated",
        ),
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(
            "--write", metavar="NAME", help="add the best values to the spec, as a variant"
        ),
    ] = None,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    batch: o.Batch = 1,
    dtype: Annotated[o.Dtype, o.choice("--dtype", o.Dtype, "type of the values")] = o.Dtype.float32,
    optimizer: t.Optimizer = o.Optimizer.sgd,
    device: t.Device = None,
    amp: t.Amp = None,
    channels_last: t.ChannelsLast = False,
    compile: t.Compile = False,
    mode: t.Mode = None,
    format: o.MeasuredFormat = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Find the best value of a parameter, an input size or the batch under budgets.

    If figures only grow with the value, it is found by bisection; otherwise all values are tried.

    Examples:
        Find the widest MobileNetV2 under 300 million MACs:
        cnncalc fit mobilenet_v2 --vary width --budget 'macs < 300M' --maximize params
        Find the largest square input of 32 images that trains in 8 GiB, less 600 MiB for CUDA:
        cnncalc fit resnet50 --vary H,W=64:512:32 --budget 'training_peak < 7592MiB' --batch 32
    """
    from ..analysis.fit.fit import fit as solve
    from ..language.load import load

    loaded = load(spec)
    found = solve(
        loaded,
        vary,
        budget,
        maximize=maximize,
        minimize=minimize,
        ties=tie or (),
        variant=one_variant(loaded, variant),
        set=values.settings(set),
        input=values.input_shapes(input),
        batch=values.positive(batch, "--batch"),
        dtype=dtype.value,
        optimizer=optimizer.value,
        timing=t.timed_on(device, dtype, amp, channels_last, compile, mode, optimizer),
    )
    if write is not None and found.best is not None:
        from ..checking.add_variant import add_variant

        add_variant(loaded, found.variant, write, {**values.settings(set), **found.best.settings})
    present("fit", format.value, output, found)
    note_declared(loaded, found.variant, values.settings(set))
    if write is not None and found.best is not None:
        message = f"{loaded.file} has the new variant `{write}`"
        complain([Diagnostic("CNN111", message, severity="note")])
    if found.best is None:
        finish([_nothing_fits(len(found.conditions))], {})


def _nothing_fits(conditions: int) -> Diagnostic:
    what = "the budget" if conditions == 1 else "all budgets"
    help = "the nearest miss is shown; raise the budgets, or vary more"
    return Diagnostic("CNN309", f"no value meets {what}", help=help)
