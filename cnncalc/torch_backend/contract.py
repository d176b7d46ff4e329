"""A network of the user's own held to its spec: what it computes in call order, its parameters, its totals."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

import torch
from torch import nn

from ..analysis.analyze import analyze
from ..analysis.fold import Report
from ..diagnostic import Diagnostic, Mistake
from ..spec.spec import Spec
from .build import assemble
from .device import described, device_of
from .events import Event, Recorder
from .own import aloud, named, network_of, run_own
from .verify import Check, equal


class Pair(NamedTuple):
    """What the spec computes, beside what the module does in its place; None where one of them has nothing."""

    expected: Event | None
    found: Event | None

    @property
    def ok(self) -> bool:
        return self.expected is not None and self.found is not None and agree(self.expected, self.found)


class Held(NamedTuple):
    """A module held to a spec."""

    report: Report
    module: str
    pairs: list[Pair]
    totals: list[Check]
    diagnostics: list[Diagnostic]
    notes: list[str]
    environment: dict[str, str | None]
    seconds: float

    @property
    def ok(self) -> bool:
        return not self.diagnostics


def hold(spec: Spec, module: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None, *, variant: str | None = None,
         set: Mapping[str, Any] | None = None, input: Any = None, batch: int = 1, device: str = "cpu", loose: bool = False) -> Held:  # fmt: skip
    """Holds ``package.module:Net`` to a spec: every computation in call order, every parameter's shape, the totals.

    Both networks are watched where torch dispatches their operators, so modules, functions and `+` are alike. `loose`
    leaves out what is elementwise: activations and sums.
    Errors: a Mistake where the spec has errors, or the module cannot be made or run.
    """
    start = time.perf_counter()
    where = device_of(device)
    report = analyze(spec, variant, set=set, input=input, batch=batch)
    if not report.ok:
        raise Mistake(*(d for d in report.diagnostics if d.severity == "error"))
    own = network_of(module, args, kwargs)
    with aloud(f"moving `{module}` to {device}"):
        own = own.to(where).eval()
    torch.manual_seed(0)
    inputs = [torch.randn(batch, *shape, device=where) for shape in report.inputs.values()]
    ran = run_own(own, inputs)
    ours = assemble(report.graph, "meta").eval()
    recorder = Recorder(ours)
    recorder.run([torch.empty(batch, *shape, device="meta") for shape in report.inputs.values()])
    wanted, found = ([e for e in events if not (loose and e.elementwise)] for events in (recorder.events, ran.events))
    pairs, notes = aligned(wanted, found) if ran.failure is None else (unfinished(report, wanted, found, own, ran.failure), [f"{ran.failure}, after what is shown"])
    totals = [
        equal("tensors", sum(1 for _ in ours.parameters()), sum(1 for _ in own.parameters()), "parameters()"),
        equal("params", report.totals.params, sum(p.numel() for p in own.parameters()), "parameters()"),
    ]
    if ran.failure is None:
        totals.append(equal("outputs", tuple((batch, *shape) for shape in report.outputs.values()), tuple(tuple(y.shape) for y in ran.outputs), "forward"))
        totals.append(equal("macs", report.totals.macs, ran.macs, "flop_counter"))
    diagnostics = divergence(report, pairs, ran.failure) + sums(totals) + ([] if ran.failure else idle(own, ran.used))
    return Held(report, module, pairs, totals, diagnostics, notes, described(where), time.perf_counter() - start)


def agree(expected: Event, found: Event) -> bool:
    return (expected.what, expected.size) == (found.what, found.size)


def aligned(expected: list[Event], found: list[Event]) -> tuple[list[Pair], list[str]]:
    """Both in pairs: by call order, or by what they compute where only parallel branches are called in another order."""
    pairs = [Pair(a, b) for a, b in zip(expected, found)]
    if len(expected) == len(found) and all(pair.ok for pair in pairs):
        return pairs, []
    flows = {event.flow: event for event in found}
    if len(expected) == len(found) and all(event.flow in flows for event in expected):
        return [Pair(event, flows[event.flow]) for event in expected], ["parallel branches are called in another order than in the spec; what they compute is the same"]
    if len(expected) == len(found) and swapped(pairs):
        return pairs, []
    pairs = []
    for _, a, b, c, d in SequenceMatcher(None, [e.what for e in expected], [e.what for e in found], autojunk=False).get_opcodes():
        left, right = expected[a:b], found[c:d]
        both = min(len(left), len(right))
        pairs += [Pair(x, y) for x, y in zip(left, right)] + [Pair(x, None) for x in left[both:]] + [Pair(None, y) for y in right[both:]]
    return pairs, []


def unfinished(report: Report, expected: list[Event], found: list[Event], own: nn.Module, failure: str) -> list[Pair]:
    """The pairs up to where forward failed; a Mistake where nothing differs by then, so that the failure is all there is to say."""
    pairs, _ = aligned(expected[: len(found)], found)
    if not all(pair.ok for pair in pairs):
        return pairs
    if len(found) < len(expected):
        due, known = expected[len(found)], {tuple(p.shape) for p in own.parameters()}
        lacking = [weight for weight in due.weights if weight not in known]
        if lacking:
            row = layer_of(report, due.where)
            told = failure.replace("the module's", "its", 1)
            text = f"`{row.path if row else due.where}` should be {due}; the module has no parameter of {shapes(tuple(lacking))}, and {told}"
            raise Mistake(Diagnostic("CNN405", text, row and row.position))
    raise Mistake(Diagnostic("CNN404", failure, help=f"up to there it agrees with the spec; the last thing it computed is {found[-1]} in {named(found[-1].where)}" if found else None))


def divergence(report: Report, pairs: list[Pair], failure: str | None) -> list[Diagnostic]:
    """The first thing that differs, explained; layers that are swapped are named."""
    wrong = [pair for pair in pairs if not pair.ok]
    if not wrong:
        return []
    first = wrong[0]
    known = next((pair.expected for pair in pairs[pairs.index(first) :] if pair.expected), pairs[-1].expected)
    row = layer_of(report, known.where) if known else None
    more = f"; {len(wrong) - 1} more below it differ" if len(wrong) > 1 else ""
    more += "; then its forward fails" if failure else ""
    other = swapped(pairs)
    if other is not None and first.expected and other.expected:
        text = f"`{layer(report, first)}` and `{layer(report, other)}` are swapped: the module has {other.expected} where the spec has {first.expected}"
        return [Diagnostic("CNN405", text, row and row.position, help=f"in the module, {place(first)} and {place(other)} change places" if place(first) != place(other) else None)]
    if first.expected is None:
        before = f"before `{layer(report, Pair(known, None))}`" if known and pairs[-1] is not first else "at the end"
        return [Diagnostic("CNN405", f"the module computes {first.found} in {place(first)}, {before}, which the spec does not have{more}", row and row.position)]
    name = layer(report, first)
    if first.found is None:
        return [Diagnostic("CNN405", f"the module lacks `{name}`: {first.expected}{more}", row and row.position)]
    text = f"`{name}` should be {first.expected}; the module has {first.found} in {place(first)}{more}"
    return [Diagnostic("CNN405", text, row and row.position, equation=difference(first.expected, first.found))]


def swapped(pairs: list[Pair]) -> Pair | None:
    """The place with which the first one that differs changed places: each has what the other should have."""
    wrong = [(pair, pair.expected.what, pair.found.what) for pair in pairs if pair.expected and pair.found and pair.expected.what != pair.found.what]
    return next((pair for pair, expected, found in wrong[1:] if (expected, found) == wrong[0][:0:-1]), None)


def layer_of(report: Report, where: str) -> Any:
    """The row a module of ours belongs to."""
    while where and report.row(where) is None:
        where = where.rpartition(".")[0]
    return report.row(where)


def layer(report: Report, pair: Pair) -> str:
    row = layer_of(report, pair.expected.where) if pair.expected else None
    return row.path if row else "the network"


def place(pair: Pair) -> str:
    """Where the module does it."""
    return named(pair.found.where) if pair.found else "nothing"


def difference(expected: Event, found: Event) -> str:
    """What differs, in a few words."""
    said = []
    if expected.kind != found.kind:
        said.append(f"{expected.kind}, not {found.kind}")
    elif expected.weights != found.weights:
        said.append(f"weights {shapes(expected.weights)}, not {shapes(found.weights)}")
    elif expected.numbers != found.numbers:
        ours, theirs = ({name: value for name, value in event.numbers if value != dict(other.numbers).get(name)} for event, other in ((expected, found), (found, expected)))
        said.append(f"{numbered(ours)}, not {numbered(theirs)}")
    if expected.size != found.size:
        said.append(f"output {shapes((expected.shape[1:],))}, not {shapes((found.shape[1:],))}")
    return "; ".join(said)


def shapes(tensors: tuple[tuple[int, ...], ...]) -> str:
    return " and ".join("×".join(map(str, shape)) for shape in tensors) or "none"


def numbered(numbers: dict[str, Any]) -> str:
    """``stride 2, padding 1``."""
    return ", ".join(f"{name} {value}" for name, value in numbers.items())


def sums(totals: list[Check]) -> list[Diagnostic]:
    """The totals that differ."""
    words = {"outputs": "outputs", "tensors": "parameter tensors", "params": "parameters", "macs": "MACs"}
    return [Diagnostic("CNN405", f"{words[check.what]}: the spec has {said(check.predicted)}, the module {said(check.measured)}") for check in totals if not check.ok]


def said(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ", ".join("×".join(map(str, shape)) for shape in value)


def idle(network: nn.Module, used: set[str]) -> list[Diagnostic]:
    """Parameters that forward never reads, though the totals count them."""
    unused = {name: p.numel() for name, p in network.named_parameters() if name not in used}
    if not unused:
        return []
    first = next(iter(unused))
    more = f" and {len(unused) - 1} more tensors" if len(unused) > 1 else ""
    return [Diagnostic("CNN405", f"forward never reads `{first}`{more} of the module, {sum(unused.values()):,} values", severity="warning")]
