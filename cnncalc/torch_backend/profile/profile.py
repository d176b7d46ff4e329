"""Measures the time and memory that the network of a spec takes on a device, also by layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from ...analysis.analyze import analyze
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Mistake, first_line
from ...language.spec import Spec
from ..allocator import AllocatorBytes, fits, fitting, held_by, largest_that_fits, too_large
from ..build import Network, assemble, refuse_code
from ..device import described, device_of, needs_tf32
from ..precision import float32_precision
from .measure import Measurement, measure, memory_format
from .settings import Settings


class Profile(NamedTuple):
    """The measurements of all batch sizes that fit."""

    report: Report
    settings: Settings
    environment: dict[str, str | None]
    measurements: list[Measurement]
    too_large: int | None  # the first batch that did not fit
    fits: int | None  # the largest that did, if any did not

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """Return an error if a batch did not fit."""
        if self.too_large is None:
            return []
        help = "use a smaller batch or another --dtype"
        if self.settings.training:
            help = "use a smaller batch, another --dtype, or --mode inference"
        return [too_large(self.too_large, self.fits, torch.device(self.settings.device), help)]


def profile(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batches: Sequence[int] = (1,),
    settings: Settings = Settings(),
    allow_code: bool = False,
    tick: Callable[[str], None] = lambda what: None,
) -> Profile:
    """Run the network of a spec at each batch size, and measure time and memory.

    Inference is a forward pass. Training is a forward pass, the mean of its outputs, and the
    backward pass, without an optimizer.

    Accepts:
        spec: what `load` or `loads` returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name.
        input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to such shapes.
        batches: the batch sizes, positive ints; they are run from the smallest to the largest.
        settings: the device, the type of number, the mode, and the number of runs.
        allow_code: whether the classes that `opaque` layers name may be imported and run.
        tick: called after every run, with what was run in words.

    Returns:
        A Profile: times in seconds, memory in bytes. It ends at the first batch that does not fit,
        which is among its `diagnostics`.

    Errors:
        A Mistake if the spec has errors, if the device, the type of number or compiling is not
        available, or if there are `opaque` layers whose classes may not run (CNN408).

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.loads("input: [3, 8, 8]\\nlayers: [{conv: {out: 4, kernel: 3}}]")
        >>> found = profile(spec, batches=(1, 4), settings=Settings(warmup=1, repeat=2))
        >>> [measured.batch for measured in found.measurements]
        [1, 4]
    """
    device = device_of(settings.device, meta=False)
    report = analyze(spec, variant, set=set, input=input).or_mistake()
    refuse_code(report.graph, allow_code)
    tf32 = settings.dtype == "tf32"
    dtype = "float32" if tf32 else settings.dtype
    if tf32:
        needs_tf32(device)
    measurements: list[Measurement] = []
    first_too_large = largest = None
    with float32_precision(tf32, device):
        before = held_by(device)
        network = _network_on(device, report, settings)

        def attempt(batch: int, settings: Settings = settings) -> Measurement | None:
            one = analyze(spec, variant, set=set, input=input, batch=batch, dtype=dtype)
            return _measured(network, one, settings, device, before, tick)

        for batch in sorted({*batches}):
            found = attempt(batch)
            if found is None:
                first_too_large = batch
                largest = measurements[-1].batch if measurements else None
                break
            measurements.append(found)
        if first_too_large and largest is None:
            short = settings._replace(warmup=0, repeat=1, compile=False)
            largest = largest_that_fits(first_too_large, lambda batch: attempt(batch, short))
    return Profile(
        report=report,
        settings=settings,
        environment=described(device),
        measurements=measurements,
        too_large=first_too_large,
        fits=largest,
    )


def _measured(
    network: Network,
    report: Report,
    settings: Settings,
    device: torch.device,
    before: AllocatorBytes,
    tick: Callable[[str], None],
) -> Measurement | None:
    """Measure one batch size, and free its memory afterwards. Returns None if it does not fit."""
    found: list[Measurement] = []

    def attempt() -> None:
        try:
            found.append(measure(network, report, settings, device, before, tick))
        finally:
            network.zero_grad()

    try:
        fits(attempt)
    except Exception as error:
        message = f"the network does not run at batch {report.batch}: {first_line(error)}"
        raise Mistake(Diagnostic("CNN404", message)) from error
    return found[0] if found else None


def _network_on(device: torch.device, report: Report, settings: Settings) -> Network:
    """Build the network on the device, with the type, mode and order of axes of the settings."""
    dtype = settings.stored if settings.by == "cast" else None
    with fitting("the network alone, without an image,", device):
        network = assemble(report.graph, device, dtype)
    network.train(settings.training)
    if settings.channels_last:
        order = memory_format(report)
        network.to(memory_format=order)  # type: ignore[call-overload]  # missing in its stubs
    return network
