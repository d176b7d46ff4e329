"""Every predicted figure of a spec beside what torch, autograd, fvcore and torch's FLOP counter measure."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ...analysis.analyze import analyze
from ...analysis.compare import layers, shown, term_of
from ...analysis.memory.storage import buffer_bytes, own_bytes
from ...analysis.rows import BYTES, Report, Row
from ...conventions import CONVENTIONS
from ...diagnostic import Diagnostic, Mistake, first_line
from ...language.spec import Spec
from ...ops.base import named
from ..allocator import fits, fitting, largest_that_fits, too_large
from ..build import Network, assemble
from ..device import described, device_of
from . import counters
from .card import TOLERANCE, confirmed, placed
from .few_channels import CHANNELS
from .hooks import Call, Run, run
from .in_place import in_place_effect
from .receptive_fields import WORK, Fields, Seen, fields


class Check(NamedTuple):
    """One figure: predicted, measured, and by whom. `ok` is None where it could not be measured; the note says why."""

    what: str
    predicted: Any
    measured: Any
    by: str
    ok: bool | None
    note: str | None = None

    def __str__(self) -> str:
        note = f" ({self.note})" if self.note else ""
        return f"{self.what} {worded(self.predicted)} predicted, {worded(self.measured)} by {self.by}{note}"


class Line(NamedTuple):
    """The checks of a layer, and what the counters do not see of it."""

    row: Row
    checks: tuple[Check, ...]
    unseen: int = 0  # operations that no counter sees
    ruled: int = 0  # what fvcore counts by a rule of its own
    rule: str | None = None  # that rule

    @property
    def note(self) -> str | None:
        """What the counters make of it, in words."""
        if self.ruled:
            return f"fvcore counts {self.ruled:,} ({self.rule}), flop_counter nothing; the ledger has {self.row.flops:,} operations"
        kind = "additions of a bias" if self.row.macs else "operations"
        return f"no counter sees its {self.unseen:,} {kind}" if self.unseen else None

    @property
    def ok(self) -> bool:
        return all(check.ok is not False for check in self.checks)


class Verification(NamedTuple):
    """A spec held against its network in torch."""

    report: Report
    lines: list[Line]
    totals: tuple[Check, ...]
    notes: list[str]
    environment: dict[str, str | None]
    seconds: float

    @property
    def ok(self) -> bool:
        return all(line.ok for line in self.lines) and all(
            check.ok is not False for check in self.totals
        )

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """An error for each figure that differs, at its line in the spec."""
        found = [
            (line.row.path, line.row.position, check)
            for line in self.lines
            for check in line.checks
        ]
        found += [("the network", None, check) for check in self.totals]
        return [
            Diagnostic("CNN406", f"{path}: {check}", place)
            for path, place, check in found
            if check.ok is False
        ]


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
    """Builds the network of a spec and holds every figure against it.

    Shapes and bytes come from hooks, tensors from `state_dict`, MACs from fvcore, FLOPs from torch's counter, receptive
    fields from gradients on the CPU, at inputs that are long along one axis and short along the others, of as many layers
    as `work` multiply–accumulates allow.
    Errors: a Mistake where the spec has errors, the device cannot be used, or the network does not run.
    """
    start = time.perf_counter()
    where = device_of(device)
    counters.needs_fvcore()
    report = analyze(spec, variant, set=set, input=input, batch=batch).or_mistake()
    asked: dict[str, int] = {}
    with fitting("the network alone, without an image,", where):
        network = assemble(report.graph, "meta").eval()
        if where.type == "cuda":
            asked = placed(network, where)
        elif where.type != "meta":
            network.to_empty(device=where)
        blank(network)
    ran, flops, macs, notes = watched(network, report, where)
    measured = Measured(
        report,
        network,
        ran,
        macs,
        flops,
        fields(spec, report, {"variant": variant, "set": set}, work),
        asked,
    )
    seen = measured.seen
    lines = [
        Line(row, tuple(measured.checks(n, row)), *measured.unseen(row))
        for n, row in enumerate(report.rows)
    ]
    small = (
        analyze(
            spec,
            variant,
            set=set,
            input={
                name: tuple(map(min, *(of[name] for of in seen.inputs * 2)))
                for name in report.inputs
            },
        )
        if seen.inputs
        else report
    )
    totals = [
        *measured.totals(),
        equal(
            "in_place",
            "no effect",
            in_place_effect(small if small.ok else report),
            "runs with and without",
        ),
    ]
    if where.type == "cuda":
        totals += on_card(network, report, where)
    environment = {**described(where), **counters.versions()}
    return Verification(
        report,
        lines,
        tuple(totals),
        notes + field_notes(seen),
        environment,
        time.perf_counter() - start,
    )


def blank(network: Network) -> None:
    """All values of a network zero: only shapes matter here, and random ones take a second of VGG-16."""
    for tensor in network.state_dict().values():
        if not tensor.is_meta:
            tensor.zero_()


def watched(
    network: Network, report: Report, device: torch.device
) -> tuple[Run, dict[str, int], counters.Counts | None, list[str]]:
    """One run of the network: its calls, FLOPs by module, what fvcore counts, and notes.

    Errors: a Mistake that names a batch that fits where this one does not.
    """
    paths = [path for path, _, _ in network.plan]

    def images(batch: int) -> list[torch.Tensor]:
        return [torch.zeros(batch, *shape, device=device) for shape in report.inputs.values()]

    found: list[Any] = []

    def attempt() -> None:
        inputs = images(report.batch)
        if device.type == "cuda":
            run(network, inputs, (), device)  # the workspaces that libraries take once and keep
        with FlopCounterMode(display=False) as counter:
            ran = run(network, inputs, paths, device)
        found.extend((ran, counters.flops_of(counter, network), *traced(network, inputs)))

    if not fits(attempt):
        largest = largest_that_fits(
            report.batch, lambda batch: fits(lambda: run(network, images(batch), (), device))
        )
        raise Mistake(too_large(report.batch, largest, device, "a smaller --batch or --input"))
    ran, flops, macs, notes = found
    return ran, flops, macs, notes


def on_card(network: Network, report: Report, device: torch.device) -> list[Check]:
    """What a card confirms of the whole network: its outputs are the CPU's, and kernels of its own computed them."""
    with fitting("a network with random weights", device):
        error, kernels = confirmed(network, report, device)
    close = Check(
        "output_error",
        f"at most {TOLERANCE:g}",
        float(f"{error:.2g}"),
        "the outputs of the CPU",
        error <= TOLERANCE,
    )
    ran = Check(
        "kernels", "some", kernels, "torch.profiler", None if kernels is None else kernels > 0
    )
    return [close, ran]


def traced(
    network: Network, inputs: list[torch.Tensor]
) -> tuple[counters.Counts | None, list[str]]:
    """What fvcore counts, or why it cannot."""
    if inputs[0].is_meta:
        return None, [
            "MACs were not measured: fvcore traces the network, which torch refuses to do on meta"
        ]
    try:
        return counters.fvcore(network, inputs, (path for path, _, _ in network.plan)), []
    except RuntimeError as error:
        return None, [
            f"MACs were not measured: fvcore cannot trace this network: {first_line(error)}"
        ]


def field_notes(seen: Fields) -> list[str]:
    """At which inputs receptive fields were measured, and of how many layers."""
    if not seen.inputs:
        return (
            ["receptive fields: none, no layer has spatial axes"]
            if not seen.of
            else ["receptive fields were not measured: the layers change with the input"]
        )
    shapes = " and ".join(", ".join(map(named, inputs.values())) for inputs in seen.inputs)
    few = f", with at most {CHANNELS} channels a convolution" if seen.narrow else ""
    number = "all" if seen.asked == seen.of else f"{seen.asked} of"
    return [
        f"receptive fields of {number} {seen.of} layers that have one, by gradients on the CPU at inputs of {shapes}{few}"
    ]


class Measured:
    """What was measured, beside what the report predicts, asked row by row."""

    def __init__(
        self,
        report: Report,
        network: Network,
        ran: Run,
        macs: counters.Counts | None,
        flops: dict[str, int],
        seen: Fields,
        asked: Mapping[str, int],
    ):
        self.report, self.network, self.ran, self.macs, self.flops, self.seen = (
            report,
            network,
            ran,
            macs,
            flops,
            seen,
        )
        paths = [path for path, _, _ in network.plan]
        self.tensors, self.params = owned(network, paths)
        self.asked: dict[str, int] = defaultdict(
            int
        )  # bytes of tensors by the layer that they belong to; none but on a card
        for path, count in asked.items():
            self.asked[path if path in paths else counters.enclosing(path, paths)] += count
        self.predicted_tensors = predicted_tensors(report)
        terms = (term_of(CONVENTIONS["fvcore"].terms, layer) for layer in layers(report))
        self.rules = {
            row.path: shown(term.formula) if term else None for row, term in zip(report.rows, terms)
        }
        self.of: dict[str, list[Row]] = defaultdict(list)  # the rows that use the weights of each
        for row in report.rows:
            self.of[row.shared_with or row.path].append(row)
        nodes = report.graph.nodes
        needed = {
            nodes[n].path for output in report.graph.outputs for n in report.graph.before(output)
        }
        self.idle = {
            row.path for row in report.rows if row.path not in needed and row.macs
        }  # fvcore's trace drops them

    def checks(self, n: int, row: Row) -> list[Check]:
        """All checks of a row, the n-th layer to run."""
        owner = row.shared_with or row.path
        call = self.ran.calls[n] if n < len(self.ran.calls) else Call("nothing", (), 0)
        found = [
            equal("called", owner, call.path, "hooks"),
            equal("output", (row.batch, *row.output_shape), call.shape, "hooks"),
            equal("activation_bytes", row.activation_bytes, call.bytes, "hooks"),
        ]
        if call.requested is not None:
            found.append(
                equal("output_bytes", row.activation_bytes, call.requested, "the allocator")
            )
        if row.shared_with is None:
            users = self.of[row.path]
            found += [
                equal(
                    "tensors",
                    self.predicted_tensors[row.path],
                    self.tensors[row.path],
                    "state_dict",
                ),
                equal("params", row.params, self.params[row.path], "parameters()"),
                *self.allocated(n, row),
                *self.counts(
                    row.path,
                    sum(user.macs for user in users),
                    f"all {len(users)} calls together" if len(users) > 1 else None,
                ),
            ]
        return found + [
            field_check(row, at, seen) for at, seen in self.seen.seen.get(row.path, {}).items()
        ]

    def allocated(self, n: int, row: Row) -> list[Check]:
        """Bytes of a layer's parameters and buffers, as a card's allocator was asked for them."""
        if not self.asked:
            return []
        graph = self.report.graph
        params, buffers = own_bytes(graph, graph.nodes[n + len(graph.inputs)], BYTES["float32"])
        return [
            equal(
                "tensor_bytes",
                sum(params.values()) + sum(buffers.values()),
                self.asked[row.path],
                "the allocator",
            )
        ]

    def counts(self, path: str, macs: int, note: str | None = None) -> list[Check]:
        """The two counters on a module, or on all ("")."""
        flops = equal("product_flops", 2 * macs, self.flops.get(path, 0), "flop_counter", note)
        if path in self.idle or not path and self.idle:
            return [
                Check(
                    "macs",
                    macs,
                    None,
                    "fvcore",
                    None,
                    "fvcore leaves out layers that no output needs",
                ),
                flops,
            ]
        if self.macs is None:
            return [Check("macs", macs, None, "fvcore", None, "fvcore did not run"), flops]
        return [equal("macs", macs, self.macs.products.get(path, 0), "fvcore", note), flops]

    def unseen(self, row: Row) -> tuple[int, int, str | None]:
        """How many of a row's operations no counter sees, what fvcore counts of it by a rule of its own, and by which."""
        others = self.macs.others.get(row.path, 0) if self.macs else 0
        rule = self.rules[row.path]
        unasked = self.macs is None and rule is not None and not row.macs
        return (0 if others or unasked else row.flops - 2 * row.macs), others, rule

    def totals(self) -> list[Check]:
        """The sums of the network, each measured as a whole, not added up from the rows."""
        report, t = self.report, self.report.totals
        return [
            equal(
                "outputs",
                tuple((report.batch, *shape) for shape in report.outputs.values()),
                self.ran.outputs,
                "forward",
            ),
            equal(
                "tensors",
                sum(map(len, self.predicted_tensors.values())),
                len(self.network.state_dict()),
                "state_dict",
            ),
            equal(
                "params",
                t.params,
                sum(p.numel() for p in self.network.parameters()),
                "parameters()",
            ),
            equal(
                "param_bytes",
                t.param_bytes,
                sum(p.untyped_storage().nbytes() for p in self.network.parameters()),
                "storages",
            ),
            *self.counts("", t.macs),
            equal(
                "activation_bytes",
                t.activation_bytes,
                self.ran.input_bytes + sum(call.bytes for call in self.ran.calls),
                "hooks",
            ),
            *self.allocated_in_all(),
        ]

    def allocated_in_all(self) -> list[Check]:
        """Bytes of all tensors and of all outputs, inputs left out, as a card's allocator was asked for them."""
        if not self.asked:
            return []
        t, graph = self.report.totals, self.report.graph
        held = t.params * BYTES["float32"] + buffer_bytes(graph, BYTES["float32"])
        grown = sum(call.requested or 0 for call in self.ran.calls)
        return [
            equal("tensor_bytes", held, sum(self.asked.values()), "the allocator"),
            equal(
                "output_bytes", t.activation_bytes - self.ran.input_bytes, grown, "the allocator"
            ),
        ]


def worded(value: Any) -> str:
    """A figure for a message: ``1,792``, ``6×28×28``, or tensors by name."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {named(shape)}" for name, shape in value.items()) or "none"
    if isinstance(value, tuple):
        return (
            named(value)
            if not any(isinstance(v, tuple) for v in value)
            else ", ".join(map(named, value))
        )
    return f"{value:,}" if isinstance(value, int) else "nothing" if value is None else str(value)


def equal(what: str, predicted: Any, measured: Any, by: str, note: str | None = None) -> Check:
    return Check(what, predicted, measured, by, predicted == measured, note)


def field_check(row: Row, at: tuple[str, int], seen: Seen) -> Check:
    """What a layer sees along one axis: first and last position of the input."""
    origin, axis = at
    note = f"axis {axis + 1} on {origin}, {seen.size} long" + (
        "" if seen.inside else "; need only be covered: past its border, or whole below it"
    )
    if seen.ok is None:
        note += "; nothing is seen there: along another axis there is only padding"
    return Check(
        "receptive_field",
        span_text(seen.predicted),
        span_text(seen.measured),
        "gradients",
        seen.ok,
        note,
    )


def span_text(span: tuple[int, int] | None) -> list[int] | None:
    return None if span is None else list(span)


def predicted_tensors(report: Report) -> dict[str, dict[str, tuple[int, ...]]]:
    """Names and shapes that each layer's own tensors should have in `state_dict`."""
    found = {}
    for node in report.graph.nodes:
        if node.op is not None and node.shares is None:
            xs = [report.graph.nodes[n].shape for n in node.inputs]
            found[node.path] = {
                f"{node.path}.{name}": tuple(shape)
                for name, shape in (node.op.weights(*xs) | node.op.buffers(*xs)).items()
            }
    return found


def owned(
    network: nn.Module, paths: list[str]
) -> tuple[dict[str, dict[str, tuple[int, ...]]], dict[str, int]]:
    """Tensors of `state_dict` and numbers of trained values, each with the innermost layer above it."""
    known = {*paths}
    tensors: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    params: dict[str, int] = defaultdict(int)
    for name, tensor in network.state_dict().items():
        tensors[counters.enclosing(name, known)][name] = tuple(tensor.shape)
    for name, parameter in network.named_parameters():
        params[counters.enclosing(name, known)] += parameter.numel()
    return tensors, params
