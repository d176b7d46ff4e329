"""The command profile: time and memory on a device."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from ..diagnostic import Mistake
from . import option_values as values
from . import options as o
from .output import finish, present
from .progress import ticking
from .spec_report import one_variant


class Mode(str, Enum):
    """What is timed."""

    inference, training = "inference", "training"


class Numbers(str, Enum):
    """Types of number that a GPU computes in."""

    float32, tf32, float16, bfloat16 = "float32", "tf32", "float16", "bfloat16"


def profile(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or cuda:1")] = "cpu",
    batch: Annotated[str, typer.Option("--batch", metavar="1,8,64", help="images at a time")] = "1",
    dtype: Annotated[
        Numbers, typer.Option("--dtype", help="type of the numbers")
    ] = Numbers.float32,
    autocast: Annotated[
        bool | None,
        typer.Option(
            "--autocast/--cast",
            help="let operators choose, or cast weights and input;"
            " autocast in training, cast at inference unless said",
        ),
    ] = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="a forward pass, or forward and backward")
    ] = Mode.inference,
    warmup: Annotated[int, typer.Option("--warmup", help="runs before those that count")] = 3,
    repeat: Annotated[int, typer.Option("--repeat", help="runs that count")] = 10,
    compile: Annotated[
        bool, typer.Option("--compile", help="with torch.compile; no times by layer")
    ] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="channels as the last axis in memory")
    ] = False,
    format: o.MeasuredFormat = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Time and memory of the real network on a device, by layer and operator, beside what was
    predicted.
    """
    from ..language.load import load

    batches = values.numbers(batch, "--batch")
    values.from_zero(warmup, "--warmup", 10**6)
    given, shapes = values.settings(set), values.input_shapes(input)
    loaded = load(spec)
    from ..torch_backend.profile.profile import profile as measure
    from ..torch_backend.profile.settings import Settings

    settings = Settings(
        device=device,
        dtype=dtype.value,
        autocast=autocast,
        mode=mode.value,
        warmup=warmup,
        repeat=values.positive(repeat, "--repeat"),
        compile=compile,
        channels_last=channels_last,
    )
    with ticking(settings.runs(len(batches))) as tick:
        try:
            found = measure(
                loaded,
                one_variant(loaded, variant),
                set=given,
                input=shapes,
                batches=batches,
                settings=settings,
                tick=tick,
            )
        except Mistake as mistake:
            mistake.sources[loaded.file] = loaded.text
            raise
    present("profile", format.value, output, spec, found)
    finish(found.diagnostics)
