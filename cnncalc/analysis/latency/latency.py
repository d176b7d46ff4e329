"""The question of the library: how long a network takes on a device."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...language.spec import Spec
from ...ops.autocast import Amp
from ..analyze import analyze, refuse_settings
from .devices import device as known
from .predict import Asked, Mode, Prediction, predict


def latency(
    spec: Spec | str | os.PathLike[str],
    device: str,
    batch: int | Sequence[int] = 1,
    *,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    dtype: str = "float32",
    amp: Amp | None = None,
    channels_last: bool = False,
    compile: bool = False,
    mode: Mode = "inference",
    optimizer: str = "sgd",
    freeze: Collection[str] = (),
    train_only: Collection[str] = (),
    fold_bn: bool = False,
) -> list[Prediction]:
    """Predict how long a network takes on a device, layer by layer; run nothing.

    Accepts:
        spec: what `analyze` takes.
        device: the name of a device such as ``"rtx4090"``, its peaks such as ``"fp16=60,bw=500"``
            in TFLOP/s and GB/s, or the file of a device that was calibrated.
        batch: the number of images, or several numbers.
        variant: a name in `spec.variants`.
        set: values that replace parameters of the spec.
        input: a shape for the first input, or shapes by name.
        dtype: float32, tf32, float16, bfloat16 or int8.
        amp: float16 or bfloat16, the type of automatic mixed precision.
        channels_last: whether channels are the last axis in memory.
        compile: whether the network is compiled, so that layers join their neighbours.
        mode: inference, or training: forward, backward and a step of the optimizer.
        optimizer: the optimizer in training.
        freeze: paths whose parameters are not trained.
        train_only: paths whose parameters alone are trained.
        fold_bn: whether batch normalizations are folded into the filters before them.

    Returns:
        A Prediction for each batch: `seconds`, the `interval` in which 80 % of networks lie, what
        bounds the time, and the same for each of its `layers`.

    Errors:
        A Mistake for a network with errors, and as of `analyze`; CNN424 for an unknown device,
        CNN425 for a type of number that it has no peak for.

    Example:
        >>> import cnncalc
        >>> (found,) = cnncalc.latency("resnet18", "fp16=60,bw=500", 8, amp="float16")
        >>> found.bound, len(found.layers), found.interval[0] < found.seconds < found.interval[1]
        ('memory', 68, True)
    """
    report = analyze(
        spec,
        variant,
        set=set,
        input=input,
        freeze=freeze,
        train_only=train_only,
        fold_bn=fold_bn,
    ).or_mistake()
    batches = [batch] if isinstance(batch, int) else list(batch)
    for one in batches:
        refuse_settings(one, "float32")
    if amp is not None and dtype != "float32":
        raise Mistake(Diagnostic("CNN111", f"with amp, numbers are float32, not {dtype}"))
    asked = Asked(
        dtype=dtype,
        amp=amp,
        channels_last=channels_last,
        compile=compile,
        mode=mode,
        optimizer=optimizer,
    )
    return predict(report.graph, known(device), batches, asked)
