"""The command latency: predicts how long a network takes on devices."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from . import memory_options as m
from . import option_values as values
from . import options as o
from .option_values import usage
from .output import finish, present
from .spec_report import spec_report
from .timed_on import asked


class Numbers(str, Enum):
    """Types of number for which devices have peaks."""

    float32, tf32, float16, bfloat16, int8 = "float32", "tf32", "float16", "bfloat16", "int8"


def latency(
    spec: Annotated[
        str | None,
        typer.Argument(
            help="a file, file#variant, a bundled name such as vgg16, or - for standard input",
            metavar="SPEC",
        ),
    ] = None,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    device: Annotated[
        list[str] | None,
        typer.Option(
            "--device",
            metavar="DEVICE",
            help="a device such as rtx4090, its peaks such as fp16=60,bw=500 (TFLOP/s, GB/s), or a"
            " file that --calibrate wrote; may be repeated",
        ),
    ] = None,
    batch: Annotated[
        str, typer.Option("--batch", metavar="N,N…", help="batch sizes, such as 1,8,64")
    ] = "1",
    dtype: Annotated[
        Numbers, o.choice("--dtype", Numbers, "type of the numbers")
    ] = Numbers.float32,
    amp: m.MixedPrecision = None,
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="store channels as the last axis in memory")
    ] = False,
    compile: Annotated[
        bool, typer.Option("--compile", help="compile the network, as torch.compile does")
    ] = False,
    fold_bn: o.FoldBn = False,
    mode: m.RunMode = None,
    optimizer: m.OptimizerName = None,
    freeze: m.Freeze = None,
    train_only: m.TrainOnly = None,
    calibrate: Annotated[
        list[str] | None,
        typer.Option(
            "--calibrate",
            metavar="FILE",
            help="fit a device to what `cnncalc profile --format json` measured on it; may be"
            " repeated",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            metavar="DIR",
            help="write the specs that a calibration needs to a folder, with a script that"
            " measures them",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="with --calibrate: show how far the fit is off on networks left out"
        ),
    ] = False,
    format: o.ReportFormat = o.Format.table,
    output: o.Output = None,
) -> None:
    """Predict how long a network takes on a device: time, images a second, and what bounds it.

    Examples:
        Compare two cards, in mixed precision:
        cnncalc latency resnet50 --device rtx3090 --device rtx4090 --amp float16 --batch 64
        Predict for a device that is not in the list, by its peaks:
        cnncalc latency mobilenet_v2 --device fp32=2,fp16=4,bw=100 --batch 1,8
    """
    if suite is not None or calibrate:
        if spec is not None:
            raise usage("--calibrate and --suite take no SPEC")
        from .latency_calibrate import calibrate_device, write_suite

        if suite is not None:
            return write_suite(suite)
        return calibrate_device(calibrate or [], device, check, format.value, output)
    if check:
        raise usage("--check is for --calibrate")
    if spec is None:
        raise usage("latency needs a SPEC", "name a file or a bundled network")
    if not device:
        raise usage("latency needs a device", "such as --device rtx4090")
    trains = optimizer is not None or freeze is not None or train_only is not None
    if trains and mode is m.Mode.inference:
        raise usage("inference has no optimizer or gradients", "--mode training")
    trains = trains or mode is m.Mode.training
    if trains and fold_bn:
        raise usage("--fold-bn is for inference: training needs the statistics of each batch")
    how = asked(dtype.value, amp, channels_last, compile, trains, optimizer or o.Optimizer.sgd)
    batches = values.numbers(batch, "--batch")
    from ..analysis.latency.devices import device as known
    from ..analysis.latency.predict import predict

    devices = [known(text) for text in device]
    frozen, trained = values.paths(freeze, "--freeze"), values.paths(train_only, "--train-only")
    report, sources = spec_report(
        spec, variant, set, input, freeze=frozen, train_only=trained, fold_bn=fold_bn
    )
    found = []
    if report.complete:
        for one in devices:
            found += predict(report.graph, one, batches, how)
    if found or format is o.Format.json:
        present("latency", format.value, output, report, found)
    finish([d for d in report.diagnostics if d.severity == "error"], sources)
