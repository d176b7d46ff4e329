"""A network of the user's own held to its spec: what it computes in call order, its parameters, its totals."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import torch
from torch import nn

from ...analysis.analyze import analyze
from ...analysis.rows import Report
from ...diagnostic import Diagnostic, Mistake
from ...language.spec import Spec
from ..allocator import fits, fitting, largest_that_fits, too_large
from ..build import assemble
from ..device import described, device_of
from ..verify.verify import Check, equal
from .differences import explained, idle, returned_otherwise, sums, swapped
from .recorder import Event, Recorder
from .user_module import Ran, aloud, network_of, run_own


class Pair(NamedTuple):
    """What the spec computes, beside what the module does in its place; None where one of them has nothing."""

    expected: Event | None
    found: Event | None
    rewired: bool = False  # the same, but of other layers' outputs

    @property
    def ok(self) -> bool:
        if self.expected is None or self.found is None or self.rewired:
            return False
        return (self.expected.what, self.expected.size) == (self.found.what, self.found.size)


class Held(NamedTuple):
    """A module held to a spec."""

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
    """Holds a module, or ``package.module:Net``, to a spec: every computation in call order, every parameter's shape, the totals.

    Both networks are watched where torch dispatches their operators, so modules, functions and `+` are alike. Moves such as
    `view` or a slice are not compared, but what they lead to is. `loose` leaves out what is elementwise: activations and
    sums. The current folder is put on `sys.path`.
    Errors: a Mistake where the spec has errors, or the module cannot be made or run.
    """
    start = time.perf_counter()
    where = device_of(device)
    report = analyze(spec, variant, set=set, input=input, batch=batch).or_mistake()
    own = network_of(module, args, kwargs) if isinstance(module, str) else module
    called = module if isinstance(module, str) else type(module).__qualname__
    with aloud(f"moving `{called}` to {device}"), fitting(f"`{called}`", where):
        own.to(where)
        own.eval()
    ran = run_at(own, report, where)
    ours = assemble(report.graph, "meta").eval()
    recorder = Recorder(ours)
    returned = recorder.run(
        [torch.empty(batch, *shape, device="meta") for shape in report.inputs.values()]
    )
    wanted, found = (
        [e for e in events if not (loose and e.elementwise)]
        for events in (recorder.events, ran.events)
    )
    pairs, notes = (
        aligned(wanted, found, loose)
        if ran.failure is None
        else (unfinished(wanted, found, ran.failed), [f"{ran.failure}, after what is shown"])
    )
    totals = [
        equal(
            "tensors",
            sum(1 for _ in ours.parameters()),
            sum(1 for _ in own.parameters()),
            "parameters()",
        ),
        equal(
            "params", report.totals.params, sum(p.numel() for p in own.parameters()), "parameters()"
        ),
    ]
    if ran.failure is None:
        totals.append(
            equal(
                "outputs",
                tuple((batch, *shape) for shape in report.outputs.values()),
                tuple(tuple(y.shape) for y in ran.outputs),
                "forward",
            )
        )
        totals.append(equal("macs", report.totals.macs, ran.macs, "flop_counter"))
    due = [
        recorder.flows.get(y) for y in (returned if isinstance(returned, tuple) else (returned,))
    ]
    other = (
        [] if loose or not all(pair.ok for pair in pairs) else returned_otherwise(report, due, ran)
    )
    diagnostics = (
        other
        + explained(report, pairs, ran)
        + sums(totals)
        + ([] if ran.failure else idle(own, ran.used))
    )
    return Held(
        report,
        called,
        pairs,
        totals,
        diagnostics,
        notes,
        described(where),
        time.perf_counter() - start,
    )


def run_at(own: nn.Module, report: Report, device: torch.device) -> Ran:
    """A run of the user's module on random images of the spec's shapes.

    Errors: a Mistake that names a batch that fits where this one does not.
    """
    random = torch.Generator().manual_seed(0)
    found: list[Ran] = []

    def attempt(batch: int) -> bool:
        def once() -> None:
            images = [
                torch.randn(batch, *shape, generator=random).to(device)
                for shape in report.inputs.values()
            ]
            found.append(run_own(own, images))

        return fits(once)

    if not attempt(report.batch):
        raise Mistake(
            too_large(
                report.batch,
                largest_that_fits(report.batch, attempt),
                device,
                "a smaller --batch or --input",
            )
        )
    return found[0]


def aligned(expected: list[Event], found: list[Event], loose: bool) -> tuple[list[Pair], list[str]]:
    """Both in pairs: by call order, or by what they compute where only parallel branches are called in another order."""
    pairs = [Pair(a, b) for a, b in zip(expected, found)]
    if len(expected) == len(found):
        alike = all(pair.ok for pair in pairs)
        other = next((n for n, (a, b) in enumerate(zip(expected, found)) if a.flow != b.flow), None)
        if alike and (other is None or loose):  # loose has left out what some read
            return pairs, []
        flows = {event.flow: event for event in found}
        if all(event.flow in flows for event in expected):
            return [Pair(event, flows[event.flow]) for event in expected], [
                "parallel branches are called in another order than in the spec; what they compute is the same"
            ]
        if alike and other is not None:
            pairs[other] = pairs[other]._replace(rewired=True)
            return pairs, []
        if swapped(pairs):
            return pairs, []
    pairs = []
    for _, a, b, c, d in SequenceMatcher(
        None, [e.what for e in expected], [e.what for e in found], autojunk=False
    ).get_opcodes():
        left, right = expected[a:b], found[c:d]
        both = min(len(left), len(right))
        pairs += (
            [Pair(x, y) for x, y in zip(left, right)]
            + [Pair(x, None) for x in left[both:]]
            + [Pair(None, y) for y in right[both:]]
        )
    return pairs, []


def unfinished(expected: list[Event], found: list[Event], failed: Event | None) -> list[Pair]:
    """The pairs up to where forward failed, and what it tried to compute then, if that is not what the spec does there."""
    pairs, _ = aligned(expected[: len(found)], found, loose=True)
    following = expected[len(found)] if len(found) < len(expected) else None
    if (
        all(pair.ok for pair in pairs)
        and failed is not None
        and following is not None
        and failed.what != following.what
    ):
        pairs.append(Pair(following, failed))
    return pairs
