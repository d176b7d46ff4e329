"""The predicted figures of a spec beside what torch, autograd, fvcore and its counter measure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ...analysis.analyze import analyze
from ...analysis.result import Report
from ...diagnostic import Mistake, first_line
from ...graph import Graph
from ...language.spec import Spec
from ..allocator import fits, fitting, largest_that_fits, refuse_beyond_memory, too_large
from ..build import Network, assemble, layer_paths
from ..device import described, device_of
from . import counters
from .field_report import field_notes
from .figure_checks import FigureChecks, Measured
from .gpu import TOLERANCE, compare_with_cpu, move_from_meta
from .hooks import Run, run_with_hooks
from .in_place import in_place_effect
from .receptive_fields import WORK, MeasuredFields, measured_fields
from .result import Check, Verification, check_equal
from .thin_inputs import graph_at


def verify(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    device: str = "cpu",
    work: int = WORK,
) -> Verification:
    """Build the network of a spec and check every figure against it.

    Shapes and bytes come from hooks, tensors from `state_dict`, MACs from fvcore, and FLOPs from
    torch's counter. Receptive fields come from gradients on the CPU, at inputs that are long along
    one axis and short along the others, of as many layers as `work` multiply–accumulates allow.

    Errors: a Mistake where the spec has errors, the device cannot be used, or the network does
    not run.
    """
    start = time.perf_counter()
    where = device_of(device)
    counters.needs_fvcore()
    report = analyze(spec, variant, set=set, input=input, batch=batch).or_mistake()
    network, tensor_bytes = _network_on(where, report.graph)
    run = _run(network, report, where)
    fields = measured_fields(spec, report, variant, set, work)
    measured = Measured(
        network=network,
        run=run.hooks,
        flops=run.flops,
        macs=run.macs,
        fields=fields,
        tensor_bytes=tensor_bytes,
    )
    checks = FigureChecks(report, measured)
    layers = [checks.layer(n, row) for n, row in enumerate(report.rows)]
    small = _smallest_measured(spec, variant, set, fields) or report.graph
    effect = in_place_effect(small)
    totals = [*checks.totals()]
    totals.append(check_equal("in_place", "no effect", effect, "runs with and without"))
    if where.type == "cuda":
        totals += _card_checks(network, report.graph, where)
    return Verification(
        report=report,
        layers=layers,
        totals=tuple(totals),
        notes=run.notes + field_notes(fields),
        environment={**described(where), **counters.versions()},
        seconds=time.perf_counter() - start,
    )


def _network_on(device: torch.device, graph: Graph) -> tuple[Network, Mapping[str, int]]:
    """Build the network on a device.

    Returns also the bytes that its tensors asked of a card's allocator, by path of the module.
    """
    tensor_bytes: dict[str, int] = {}
    with fitting("the network alone, without an image,", device):
        network = assemble(graph, "meta").eval()
        if device.type == "cuda":
            tensor_bytes = move_from_meta(network, device)
        elif device.type != "meta":
            network.to_empty(device=device)
        # Only shapes matter: random values would take a second of VGG-16.
        for tensor in network.state_dict().values():
            if not tensor.is_meta:
                tensor.zero_()
    return network, tensor_bytes


class _Run(NamedTuple):
    """What one run of the network showed."""

    hooks: Run
    flops: dict[str, int]  # by path of the module
    macs: counters.Counts | None
    notes: list[str]


def _run(network: Network, report: Report, device: torch.device) -> _Run:
    """Run the network once, seen by hooks and by both counters.

    Errors: a Mistake that names a batch that fits where this one does not.
    """
    paths = layer_paths(network)
    found: list[_Run] = []

    def images(batch: int) -> list[Tensor]:
        per_image = 2 * report.totals.activation_bytes // report.batch  # outputs kept, and traced
        refuse_beyond_memory(per_image * batch, device)
        return [torch.zeros(batch, *shape, device=device) for shape in report.inputs.values()]

    def attempt() -> None:
        inputs = images(report.batch)
        if device.type == "cuda":  # the workspaces that libraries take once and keep
            run_with_hooks(network, inputs, (), device)
        with FlopCounterMode(display=False) as counter:
            run = run_with_hooks(network, inputs, paths, device)
        macs, notes = _count_macs(network, inputs)
        found.append(_Run(run, counters.flops_of(counter, network), macs, notes))

    def attempt_smaller(batch: int) -> bool:
        return fits(lambda: run_with_hooks(network, images(batch), (), device))

    if not fits(attempt):
        largest = largest_that_fits(report.batch, attempt_smaller)
        raise Mistake(too_large(report.batch, largest, device, "a smaller --batch or --input"))
    return found[0]


def _count_macs(network: Network, inputs: list[Tensor]) -> tuple[counters.Counts | None, list[str]]:
    """Return what fvcore counts, or a note why it cannot."""
    if inputs[0].is_meta:
        why = "fvcore traces the network, which torch refuses to do on meta"
        return None, [f"MACs were not measured: {why}"]
    try:
        return counters.fvcore_counts(network, inputs, layer_paths(network)), []
    except RuntimeError as error:
        why = f"fvcore cannot trace this network: {first_line(error)}"
        return None, [f"MACs were not measured: {why}"]


def _smallest_measured(
    spec: Spec,
    variant: str | None,
    set: Mapping[str, Any] | None,
    fields: MeasuredFields,
) -> Graph | None:
    """Return the network at the smallest inputs at which fields were measured, if it is right."""
    if not fields.inputs:
        return None
    inputs = {}
    for name in fields.inputs[0]:
        shapes = [shapes[name] for shapes in fields.inputs]
        inputs[name] = tuple(map(min, zip(*shapes)))
    return graph_at(spec, variant, set, inputs)


def _card_checks(network: Network, graph: Graph, device: torch.device) -> list[Check]:
    """Check that a card's outputs are the CPU's, and that kernels of its own computed them."""
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
