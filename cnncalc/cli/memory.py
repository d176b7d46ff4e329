"""The command memory: what a network needs to run and to train, and the largest batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import memory_options as m
from . import options as o
from .memory_plan import draw, plan
from .option_values import paths, usage
from .output import finish, present
from .spec_report import spec_report

if TYPE_CHECKING:
    from ..analysis.memory.overview import Wanted


def memory(
    spec: o.Spec,
    variant: o.Variant = None,
    set: o.Set = None,
    input: o.Input = None,
    mode: m.RunMode = None,
    batch: o.Batch = 1,
    dtype: m.Numbers = o.Dtype.float32,
    amp: m.MixedPrecision = None,
    optimizer: m.OptimizerName = None,
    loss: m.LossName = m.Loss.none,
    accumulate: m.Accumulate = False,
    freeze: m.Freeze = None,
    train_only: m.TrainOnly = None,
    checkpoint: m.Checkpoint = None,
    fold_bn: o.FoldBn = False,
    device: m.DeviceName = m.Device.cuda,
    fit: m.Fit = None,
    context: m.Context = None,
    allocator: m.Allocator = False,
    workspace: m.Workspace = None,
    order: m.Order = False,
    arena: m.Arena = None,
    plot: m.Plot = None,
    format: o.ReportFormat = o.Format.table,
    output: o.Output = None,
) -> None:
    """Show what a network needs in memory to run and to train, and the largest batch that fits.

    The peaks count every tensor that torch holds between two calls, parameters included. What one
    call takes and gives back inside itself, and what the allocator adds, is not in them.

    Examples:
        Train VGG-16 with a batch of 8 and see where the peak is:
        cnncalc memory vgg16 --batch 8 --optimizer momentum
        Find the largest batch of ResNet-50 for a card:
        cnncalc memory resnet50 --optimizer adam --fit rtx3090
    """
    from ..analysis.memory.overview import overview, unfit
    from ..analysis.memory.run import Run
    from ..analysis.result import BYTES

    frozen, trained = paths(freeze, "--freeze"), paths(train_only, "--train-only")
    again = paths(checkpoint, "--checkpoint")
    asked = [optimizer is not None, loss is not m.Loss.none, accumulate, frozen, trained, again]
    trains = mode is m.Mode.training or any(asked)
    if trains and mode is m.Mode.inference:
        raise usage("--mode inference has no optimizer, loss or gradients", "use --mode training")
    trains = trains or amp is not None and mode is None
    if amp is not None and dtype is not o.Dtype.float32:
        raise usage("--amp is for networks in float32", "remove --dtype or --amp")
    if order or arena is not None:
        if trains or fit is not None or allocator or plot is not None:
            said = "--order and --arena answer a question of their own, about inference"
            raise usage(said, "leave out --fit, --allocator, --plot and options about training")
        plan(spec, variant, set, input, batch, dtype.value, arena, format.value, output)
        return
    if trains and dtype is o.Dtype.int8:
        raise usage("training needs numbers that have gradients, not int8", "--dtype float32")
    wanted = _wanted(device, fit, context, again, allocator, workspace)
    if trains and fold_bn:
        raise usage("--fold-bn is for inference: training needs the statistics of each batch")
    report, sources = spec_report(
        spec,
        variant,
        set,
        input,
        batch,
        dtype.value,
        freeze=frozen,
        train_only=trained,
        fold_bn=fold_bn,
    )
    run = Run(
        mode="training" if trains else "inference",
        batch=batch,
        width=BYTES[dtype.value],
        amp=None if amp is None else amp.value,
        optimizer=(optimizer or o.Optimizer.sgd).value if trains else "none",
        loss=loss.value,
        kept_gradients=accumulate,
        device=device.value,
    )
    found = overview(report, run, wanted) if report.complete else None
    if found or format is o.Format.json:
        present("memory", format.value, output, report, found)
    if found and plot is not None:
        draw(found, plot)
    errors = [d for d in report.diagnostics if d.severity == "error"]
    finish([*errors, *(unfit(found) if found else ())], sources)


def _wanted(
    device: m.Device,
    fit: str | None,
    context: str | None,
    again: list[str],
    allocator: bool,
    workspace: str | None,
) -> Wanted:
    """Return what is asked beside the run.

    Errors: a Mistake for options that do not go together, and for sizes that cannot be read.
    """
    from ..analysis.memory import devices
    from ..analysis.memory.allocator import CUBLAS
    from ..analysis.memory.overview import Wanted

    if context is not None and fit is None:
        raise usage("--context is for --fit", "add --fit SIZE")
    if m.AUTO in again and len(again) > 1:
        raise usage("--checkpoint takes paths, or auto alone")
    if m.AUTO in again and fit is None:
        raise usage("--checkpoint auto needs a limit", "add --fit SIZE, and --batch N")
    if workspace is not None and not allocator:
        raise usage("--workspace is for --allocator", "add --allocator")
    if allocator and device is not m.Device.cuda:
        raise usage("--allocator is about cards: the CPU has no such allocator")
    taken = devices.context(device.value).usual
    if context is not None:
        taken = devices.size(context, "--context")
    return Wanted(
        limit=None if fit is None else devices.limit(fit, "--fit"),
        context=taken,
        checkpoints=() if m.AUTO in again else tuple(again),
        choose=m.AUTO in again,
        allocator=allocator,
        workspace=CUBLAS if workspace is None else devices.size(workspace, "--workspace"),
    )
