"""The command profile: measures time and memory on a device."""

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
    """Types of number in which a GPU computes."""

    float32, tf32, float16, bfloat16 = "float32", "tf32", "float16", "bfloat16"


def profile(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    device: Annotated[
        str, typer.Option("--device", metavar="DEVICE", help="where to run: cpu, cuda or cuda:1")
    ] = "cpu",
    batch: Annotated[
        str, typer.Option("--batch", metavar="N,N…", help="batch sizes, such as 1,8,64")
    ] = "1",
    dtype: Annotated[
        Numbers, o.choice("--dtype", Numbers, "type of the numbers")
    ] = Numbers.float32,
    autocast: Annotated[
        bool | None,
        typer.Option(
            "--autocast/--cast",
            help="with float16 and bfloat16: let torch choose a type for each operator, or cast the"
            " weights and the input (default: autocast in training, cast at inference)",
        ),
    ] = None,
    mode: Annotated[
        Mode, o.choice("--mode", Mode, "a forward pass, or a forward and a backward pass")
    ] = Mode.inference,
    warmup: Annotated[
        int, typer.Option("--warmup", metavar="N", help="runs before the timed ones")
    ] = 3,
    repeat: Annotated[int, typer.Option("--repeat", metavar="N", help="timed runs")] = 10,
    compile: Annotated[
        bool,
        typer.Option(
            "--compile", help="compile the network with torch.compile; layers are then not timed"
        ),
    ] = False,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="store channels as the last axis in memory")
    ] = False,
    allow_code: o.AllowCode = False,
    format: o.MeasuredFormat = o.Screen.table,
    output: o.Output = None,
) -> None:
    """Measure time and memory of the network on a device, by layer, beside the predictions.

    Examples:
        Measure a training step of LeNet-5 at two batch sizes:
        cnncalc profile lenet5 --mode training --batch 1,8
        Measure ResNet-18 on a GPU, in half precision:
        cnncalc profile resnet18 --device cuda --dtype float16
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
                allow_code=allow_code,
                tick=tick,
            )
        except Mistake as mistake:
            mistake.sources[loaded.file] = loaded.text
            raise
    present("profile", format.value, output, spec, found)
    finish(found.diagnostics)
