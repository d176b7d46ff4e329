"""A user's own network held to its spec: what it computes in call order, parameters, totals."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from ...analysis.analyze import analyze
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Mistake
from ...language.spec import Spec
from ..allocator import fits, fitting, largest_that_fits, refuse_beyond_memory, too_large
from ..build import Network, as_tuple, assemble
from ..device import described, device_of
from ..verify.result import Check, check_equal
from .alignment import Pair, align, align_unfinished
from .differences import (
    first_difference,
    other_output,
    total_differences,
    unread_parameters,
)
from .recorder import Event, Recorder
from .user_module import UserRun, import_network, run_user_code, run_user_network


class Held(NamedTuple):
    """A module compared with a spec."""

    report: Report
    module: str
    pairs: list[Pair]
    totals: list[Check]
    diagnostics: list[Diagnostic]
    notes: list[str]
    environment: dict[str, Any]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether the module is what the spec says."""
        return not self.diagnostics


def hold(
    spec: Spec,
    module: str | nn.Module,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    variant: str | None = None,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    device: str = "cpu",
    loose: bool = False,
) -> Held:
    """Compare a module, or ``package.module:Net``, with a spec.

    Compares every computation in call order, every parameter's shape, and the totals. Both
    networks are recorded where torch dispatches their operators, so that modules, functions and
    `+` are alike. Moves such as `view` or a slice are not compared, but what they lead to is.
    `loose` leaves out what is elementwise: activations and sums. The current folder is put on
    `sys.path`.

    Errors: a Mistake where the spec has errors, or the module cannot be made or run.
    """
    start = time.perf_counter()
    where = device_of(device)
    report = analyze(spec, variant, set=set, input=input, batch=batch).or_mistake()
    theirs = import_network(module, args, kwargs) if isinstance(module, str) else module
    name = module if isinstance(module, str) else type(module).__qualname__
    with run_user_code(f"moving `{name}` to {device}"), fitting(f"`{name}`", where):
        theirs.to(where)
        theirs.eval()
    run = _run_at(theirs, report, where)
    ours = assemble(report.graph, "meta").eval()
    recorder, flows = _recorded(ours, report)
    expected, found = _compared(recorder.events, loose), _compared(run.events, loose)
    if run.failure is None:
        pairs, notes = align(expected, found, loose)
    else:
        pairs = align_unfinished(expected, found, run.failed)
        notes = [f"{run.failure}, after what is shown"]
    totals = list(_totals(report, ours, theirs, run))
    diagnostics: list[Diagnostic] = []
    if not loose and all(pair.ok for pair in pairs):
        diagnostics += other_output(report, flows, run)
    diagnostics += first_difference(report, pairs, run)
    diagnostics += total_differences(totals)
    if not run.failure:
        diagnostics += unread_parameters(theirs, run.used)
    return Held(
        report=report,
        module=name,
        pairs=pairs,
        totals=totals,
        diagnostics=diagnostics,
        notes=notes,
        environment=described(where),
        seconds=time.perf_counter() - start,
    )


def _compared(events: list[Event], loose: bool) -> list[Event]:
    """The computations that are compared."""
    return [event for event in events if not (loose and event.elementwise)]


def _recorded(network: Network, report: Report) -> tuple[Recorder, list[Any]]:
    """Record a run of the spec's network on meta. Returns also the flows of its outputs."""
    recorder = Recorder(network)
    shapes = report.inputs.values()
    returned = recorder.run([torch.empty(report.batch, *s, device="meta") for s in shapes])
    return recorder, [recorder.flows.get(y) for y in as_tuple(returned)]


def _totals(report: Report, ours: nn.Module, theirs: nn.Module, run: UserRun) -> Iterator[Check]:
    """Check the sums: parameters, and where forward did not fail, outputs and MACs."""
    expected, found = len([*ours.parameters()]), len([*theirs.parameters()])
    params = sum(p.numel() for p in theirs.parameters())
    yield check_equal("tensors", expected, found, "parameters()")
    yield check_equal("params", report.totals.params, params, "parameters()")
    if run.failure is None:
        shapes = tuple((report.batch, *node.shape) for node in report.graph.returned)
        returned = tuple(tuple(y.shape) for y in run.outputs)
        yield check_equal("outputs", shapes, returned, "forward")
        yield check_equal("macs", report.totals.macs, run.macs, "flop_counter")


def _run_at(network: nn.Module, report: Report, device: torch.device) -> UserRun:
    """Run the user's network on random images of the spec's shapes.

    Errors: a Mistake that names a batch that fits where this one does not.
    """
    random = torch.Generator().manual_seed(0)
    found: list[UserRun] = []

    def attempt(batch: int) -> bool:
        def run() -> None:
            per_image = 2 * report.totals.activation_bytes // report.batch  # with copies of inputs
            refuse_beyond_memory(per_image * batch, device)
            images = []
            for shape in report.inputs.values():
                images.append(torch.randn(batch, *shape, generator=random).to(device))
            found.append(run_user_network(network, images))

        return fits(run)

    if not attempt(report.batch):
        largest = largest_that_fits(report.batch, attempt)
        raise Mistake(too_large(report.batch, largest, device, "a smaller --batch or --input"))
    return found[0]
