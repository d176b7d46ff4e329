"""Compares a user's network with its spec: computations in call order, parameters and totals."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from ...analysis.analyze import analyze
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Mistake
from ...language.spec import Spec
from ...wording import listed
from ..allocator import fits, fitting, largest_that_fits, refuse_beyond_memory, too_large
from ..build import Network, as_tuple, assemble, refuse_code
from ..device import described, device_of, move
from ..inputs import blank_inputs, random_inputs
from ..user_code import import_network, run_user_code
from ..verify.result import Check, check_equal
from .alignment import Pair, align, align_unfinished, missing_runs
from .differences import (
    first_difference,
    other_output,
    other_values,
    total_differences,
    unread_parameters,
)
from .recorder import Arranged, Event, Recorder, in_order
from .tensors import buffer_note
from .user_run import UserRun, place_text, run_user_network
from .values import Compared, compare_values

_SAME_VALUES = "with the module's weights, both networks return the same values"
_NOT_COMPARED = (
    "not compared: what happens only in training (such as dropout), eps and momentum of norms,"
    " and values of weights"
)
_MOVES = ", and what only moves values (such as slices)"


class Held(NamedTuple):
    """A module compared with a spec."""

    report: Report
    module: str
    pairs: list[Pair]
    values: bool | None  # whether those that both return agree; None if they were not compared
    totals: list[Check]
    diagnostics: list[Diagnostic]
    notes: list[str]
    environment: dict[str, Any]
    seconds: float

    @property
    def ok(self) -> bool:
        """Return whether the module is what the spec describes."""
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
    arguments: Arranged = in_order,
    unread: Collection[str] = (),
    values: Compared | None = None,
) -> Held:
    """Compare a torch module with a spec.

    This compares every computation in call order, every parameter's shape, and the totals. Both
    networks are recorded where torch dispatches their operators, so it does not matter whether a
    layer is written as a module, a function or `+`. Operators that only move values, such as `view`
    or a slice, can be written in many ways: where everything else agrees, the spec's network gets
    the module's weights, and the values that both compute are compared.

    Accepts:
        spec: what `load` or `loads` returned.
        module: a torch module, or text such as ``package.module:Net`` or ``model.py:Net``, which
            names a class or a function that returns a module. The current folder is added to
            `sys.path`.
        args: arguments for that class or function.
        kwargs: further arguments for it, by name.
        variant: a name in `spec.variants`; by default the one that the spec was loaded for.
        set: values that replace parameters of the spec, by name.
        input: a shape ``(C, *spatial)`` for the first input, or a mapping of names to such shapes.
        batch: the number of images, a positive int.
        device: cpu, cuda, cuda:1, …
        loose: do not compare what is elementwise, such as activations and sums, nor what each
            layer reads.
        arguments: turns the inputs, in the order of the spec, into arguments of the module's
            forward: a tuple of those by position, and a dict of those by name.
        unread: names of parameters that forward does not read, and that are not compared.
        values: what came of comparing values, where that was done before.

    Returns:
        A Held: pairs of computations and of totals. A difference raises nothing: it is among its
        `diagnostics`.

    Errors:
        A Mistake if the spec has errors or `opaque` layers (CNN408), or if the module cannot be
        made (CNN403) or run (CNN404, CNN407).

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.loads("input: [3, 8, 8]\\nlayers: [{conv: {out: 4, kernel: 3}}]")
        >>> hold(spec, nn.Conv2d(3, 4, 3)).ok
        True
        >>> [found.code for found in hold(spec, nn.Conv2d(3, 4, 5)).diagnostics][0]
        'CNN405'
    """
    start = time.perf_counter()
    where = device_of(device)
    report = analyze(spec, variant, set=set, input=input, batch=batch).or_mistake()
    refuse_code(report.graph, allowed=False)
    theirs = import_network(module, args, kwargs) if isinstance(module, str) else module
    name = module if isinstance(module, str) else type(module).__qualname__
    with run_user_code(f"moving `{name}` to {device}"), fitting(f"`{name}`", where):
        move(theirs, where)
        theirs.eval()
    run = _run_at(theirs, report, where, arguments)
    ours = assemble(report.graph, "meta").eval()
    recorder, flows = _recorded(ours, report)
    expected, found = _compared(recorder.events, loose), _compared(run.events, loose)
    if run.failure is None:
        pairs, notes = align(expected, found, loose)
    else:
        pairs = align_unfinished(expected, found, run.failed)
        notes = [f"after the computations above, {run.failure}"]
    # Where layers or blocks are missing, the tensors without a counterpart need not be theirs.
    complete = all(pair.ok or pair.expected is None for pair in pairs)
    complete &= all(len(run) == 1 for run in missing_runs(pairs))
    notes += filter(None, (_uncounted(run), buffer_note(ours, theirs) if complete else None))
    totals = list(_totals(report, ours, theirs, run, unread))
    diagnostics: list[Diagnostic] = []
    if not loose and all(pair.ok for pair in pairs):
        diagnostics += other_output(report, flows, run)
    diagnostics += first_difference(report, pairs, run)
    diagnostics += total_differences(totals, ours, theirs, named=complete)
    if not run.failure:
        diagnostics += unread_parameters(theirs, run.used | {*unread})
    if values is None and where.type == "meta":
        values = Compared(why_not="there are none on meta")
    if diagnostics or loose:
        values = Compared(why_not="the networks differ")
    else:
        values = values or compare_values(report, theirs, where, arguments)
        if values.agree:
            notes.append(_SAME_VALUES)
        elif values.why_not:
            notes.append(f"values are not compared: {values.why_not}")
        diagnostics += other_values(report, values.pair, values.output)
    notes.append(_NOT_COMPARED if values.agree else _NOT_COMPARED + _MOVES)
    return Held(
        report=report,
        module=name,
        pairs=pairs,
        values=values.agree,
        totals=totals,
        diagnostics=diagnostics,
        notes=notes,
        environment=described(where),
        seconds=time.perf_counter() - start,
    )


def _uncounted(run: UserRun) -> str | None:
    """Name the operators whose MACs are missing in those of the module."""
    if not run.uncounted:
        return None
    named = listed(f"{place_text(where)} ({kind})" for where, kind in run.uncounted.items())
    return f"the MACs of {named} are not counted: torch's counter does not know them"


def _compared(events: list[Event], loose: bool) -> list[Event]:
    """Return the computations that are compared."""
    return [event for event in events if not (loose and event.elementwise)]


def _recorded(network: Network, report: Report) -> tuple[Recorder, list[Any]]:
    """Record a run of the spec's network on meta. Returns also the flows of its outputs."""
    recorder = Recorder(network)
    returned = recorder.run(blank_inputs(report.graph, report.batch, "meta"))
    return recorder, [recorder.flows.get(y) for y in as_tuple(returned)]


def _totals(
    report: Report, ours: nn.Module, theirs: nn.Module, run: UserRun, unread: Collection[str]
) -> Iterator[Check]:
    """Check the totals: parameters and, unless forward failed, outputs and MACs."""
    compared = [p for name, p in theirs.named_parameters() if name not in unread]
    expected, found = len([*ours.parameters()]), len(compared)
    params = sum(p.numel() for p in compared)
    yield check_equal("tensors", expected, found, "parameters()")
    yield check_equal("params", report.totals.params, params, "parameters()")
    if run.failure is None:
        shapes = tuple((report.batch, *node.shape) for node in report.graph.returned)
        given = [tuple(y.shape) for y in run.outputs]
        wanted = [*shapes, *given[len(shapes) :]]
        returned = tuple(map(_batch_first, given, wanted))
        yield check_equal("outputs", shapes, returned, "forward")
        yield check_equal("macs", report.totals.macs, run.macs, "flop_counter")


def _batch_first(shape: tuple[int, ...], expected: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape with its batch first, as here, where that makes it the expected one.

    >>> _batch_first((24, 2, 10), (2, 24, 10)), _batch_first((24, 2, 10), (2, 24, 8))
    ((2, 24, 10), (24, 2, 10))
    """
    for axis, n in enumerate(shape):
        moved = (n, *shape[:axis], *shape[axis + 1 :])
        if moved == expected:
            return moved
    return shape


def _run_at(
    network: nn.Module, report: Report, device: torch.device, arguments: Arranged
) -> UserRun:
    """Run the user's network on random images of the spec's shapes.

    Errors: a Mistake if the batch does not fit in memory. It names one that fits.
    """
    random = torch.Generator().manual_seed(0)
    found: list[UserRun] = []

    def attempt(batch: int) -> bool:
        def run() -> None:
            # Twice the activations: inputs are copied.
            per_image = 2 * report.totals.activation_bytes // report.batch
            refuse_beyond_memory(per_image * batch, device)
            images = random_inputs(report.graph, batch, random, device)
            found.append(run_user_network(network, images, arguments))

        return fits(run)

    if not attempt(report.batch):
        largest = largest_that_fits(report.batch, attempt)
        help = "use a smaller --batch or --input"
        raise Mistake(too_large(report.batch, largest, device, help))
    return found[0]
