"""Compares the predicted figures of a spec with what torch, autograd and fvcore measure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...analysis.result import Report
from ...diagnostic import Diagnostic, Mistake, first_line
from ...graph import Graph
from ...language.spec import Spec
from ..allocator import (
    fits,
    fitting,
    is_out_of_memory,
    largest_that_fits,
    refuse_beyond_memory,
    too_large,
)
from ..build import Network, layer_paths
from ..device import device_of
from ..inputs import blank_inputs
from ..threads import one_thread
from . import counters
from .built import built
from .field_report import field_notes
from .figure_checks import FigureChecks, Measured
from .gpu import TOLERANCE, compare_with_cpu
from .hooks import Run, noted_run, run_with_hooks
from .in_place import in_place_effect
from .receptive_fields import WORK, MeasuredFields, measured_fields
from .result import Check, Verification, check_equal
from .thin_inputs import graph_at

_FEW_MACS = 10**10  # of a network for which one thread of the CPU is enough


def verify(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    device: str = "cpu",
    work: int = WORK,
    allow_code: bool = False,
    tick: Callable[[str], None] = lambda what: None,
) -> Verification:
    """Build the network of a spec and check every figure against it.

    Shapes and bytes come from hooks, tensors from `state_dict`, MACs from fvcore, and FLOPs from
    torch's counter, which runs the network on meta. Receptive fields come from gradients on the
    CPU, at inputs that are long along one axis and short along the others.

    Accepts:
        spec: what `load` or `loads` returned.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name.
        input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to such shapes.
        batch: the number of images, a positive int.
        device: cpu, cuda, cuda:1, …, or meta, on which fvcore cannot count.
        work: multiply–accumulates to spend on receptive fields along one axis; as many layers are
            measured as these allow.
        allow_code: whether the classes that `opaque` layers name may be imported and run.
        tick: called before each of four steps, with what is done next in words.

    Returns:
        A Verification: the checks of each layer and of the totals, with the predicted and the
        measured figure. Shapes are ``(C, *spatial)`` and memory is in bytes. A figure that differs
        raises nothing: it is among its `diagnostics`.

    Errors:
        A Mistake if the spec has errors, fvcore is not installed (CNN401), the device cannot be
        used (CNN402), the network does not run (CNN404, CNN407), or it has `opaque` layers whose
        classes may not run (CNN408).

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.loads("input: [3, 8, 8]\\nlayers: [{conv: {out: 4, kernel: 3}}]")
        >>> found = verify(spec, device="meta")
        >>> found.ok, len(found.layers), found.diagnostics
        (True, 1, [])
    """
    tick("building the network")
    where = device_of(device)
    counters.needs_fvcore()
    known = built(spec, variant, set, input, batch, where, allow_code=allow_code)
    report, network = known.report, known.network.eval()
    tick("running the network")
    run = _run(network, report, where)
    tick("measuring receptive fields")
    with one_thread():
        fields = measured_fields(spec, report, variant, set, work)
    measured = Measured(
        network=network,
        run=run.hooks,
        flops=run.flops,
        macs=run.macs,
        fields=fields,
        tensor_bytes=known.tensor_bytes,
    )
    checks = FigureChecks(report, measured)
    layers = [checks.layer(n, row) for n, row in enumerate(report.rows)]
    small = _smallest_measured(spec, variant, set, fields) or report.graph
    tick("checking in-place layers")
    with one_thread():
        effect = in_place_effect(small)
    totals = [*checks.totals()]
    totals.append(check_equal("in_place", "no effect", effect, "runs with and without"))
    if where.type == "cuda":
        totals += _card_checks(network, report.graph, where)
    return known.result(layers, totals, run.notes + field_notes(fields), counters.versions())


def _fits(attempt: Callable[[], None], report: Report) -> bool:
    """Return whether a run fits in memory.

    Errors: a Mistake with CNN404 if the class of an `opaque` layer, or what reads it, does not run.
    """
    try:
        return fits(attempt)
    except Exception as error:
        if report.declared is None or isinstance(error, Mistake):
            raise
        message = f"the network does not run: {first_line(error)}"
        raise Mistake(Diagnostic("CNN404", message)) from error


class _Run(NamedTuple):
    """What one run of the network showed."""

    hooks: Run
    flops: dict[str, int]  # by path of the module
    macs: counters.Counts | None
    notes: list[str]


def _run(network: Network, report: Report, device: torch.device) -> _Run:
    """Run the network once, with hooks and both counters.

    Errors: a Mistake if the batch does not fit in memory. It names one that fits.
    """
    paths = layer_paths(network)
    found: list[_Run] = []

    def images(batch: int) -> list[Tensor]:
        # Twice the activations: all outputs are kept, and layers take memory while they run.
        per_image = 2 * report.totals.activation_bytes // report.batch
        refuse_beyond_memory(per_image * batch, device)
        return blank_inputs(report.graph, batch, device)

    def attempt() -> None:
        inputs = images(report.batch)
        if device.type == "cuda":  # so that libraries allocate the workspaces that they keep
            run_with_hooks(network, inputs, (), device)
        threads = one_thread() if report.totals.macs < _FEW_MACS else nullcontext()
        with threads:
            run, macs, notes = _noted_and_counted(network, inputs, paths, device)
        found.append(_Run(run, counters.flops_on_meta(report.graph, report.batch), macs, notes))

    def attempt_smaller(batch: int) -> bool:
        return fits(lambda: run_with_hooks(network, images(batch), (), device))

    if not _fits(attempt, report):
        largest = largest_that_fits(report.batch, attempt_smaller)
        help = "use a smaller --batch or --input"
        raise Mistake(too_large(report.batch, largest, device, help))
    return found[0]


def _noted_and_counted(
    network: Network, inputs: list[Tensor], paths: list[str], device: torch.device
) -> tuple[Run, counters.Counts | None, list[str]]:
    """Return what a run showed and what fvcore counts, or a note that says why it cannot.

    On the CPU, hooks note the run in which fvcore traces the network. On a card, fvcore runs it
    again, because tracing takes memory of its own.
    """
    if device.type == "meta":
        why = "fvcore traces the network, which torch cannot do on meta"
        run = run_with_hooks(network, inputs, paths, device)
        return run, None, [f"MACs were not measured: {why}"]
    counted: list[counters.Counts] = []

    def trace() -> None:
        counted.append(counters.fvcore_counts(network, inputs, paths))

    try:
        if device.type == "cpu":
            run = noted_run(network, paths, device, trace)
        else:
            run = run_with_hooks(network, inputs, paths, device)
            trace()
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        run = run_with_hooks(network, inputs, paths, device)
        why = f"fvcore cannot trace this network: {first_line(error)}"
        return run, None, [f"MACs were not measured: {why}"]
    return run, counted[0], []


def _smallest_measured(
    spec: Spec,
    variant: str | None,
    set: Mapping[str, Any] | None,
    fields: MeasuredFields,
) -> Graph | None:
    """Return the network at the smallest inputs at which fields were measured, if it is valid."""
    if not fields.inputs:
        return None
    inputs = {}
    for name in fields.inputs[0]:
        shapes = [shapes[name] for shapes in fields.inputs]
        inputs[name] = tuple(map(min, zip(*shapes)))
    return graph_at(spec, variant, set, inputs)


def _card_checks(network: Network, graph: Graph, device: torch.device) -> list[Check]:
    """Check that a card's outputs agree with the CPU's, and that the card's kernels ran."""
    with fitting("a network with random weights", device):
        error, kernels = compare_with_cpu(network, graph, device)
    close = Check(
        what="output_error",
        predicted=f"at most {TOLERANCE:g}",
        measured=float(f"{error:.2g}"),
        by="the outputs of the CPU",
        ok=error <= TOLERANCE,
    )
    ran = Check(
        what="kernels",
        predicted="some",
        measured=kernels,
        by="torch.profiler",
        ok=None if kernels is None else kernels > 0,
    )
    return [close, ran]
