"""Compares the predicted memory of a network with what torch allocates and keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from ...analysis.analyze import analyze
from ...analysis.memory.followed import kept_nearly, not_followed
from ...analysis.memory.run import Run
from ...analysis.memory.summary import Summary, summary
from ...analysis.memory.tensors import Step
from ...analysis.result import Report
from ...diagnostic import Diagnostic, Mistake, first_line
from ...language.spec import Spec
from ...wording import bytes_text
from ..allocator import fits, largest_that_fits, refuse_beyond_memory, too_large
from ..device import device_of
from .built import Built, Changes, built
from .memory_measured import MeasuredRun, measured_run, saved_by_layer
from .memory_step import MemoryStep
from .result import Check, CheckedLayer, Verification, check_equal, unmeasured

CLOSE = 0.01  # of a peak; saved bytes must agree exactly
SCALARS = 64  # bytes of single numbers, such as the gradient of a loss, beside a tiny network
HOOKS = "saved_tensors_hooks"


def verify_memory(
    spec: Spec,
    variant: str | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    input: Any = None,
    batch: int = 1,
    device: str = "cpu",
    run: Run = Run(),
    frozen: Collection[str] = (),
    trained_only: Collection[str] = (),
    checkpoints: Collection[str] = (),
) -> Verification:
    """Build the network of a spec, and check its memory at inference and in training.

    What backward keeps comes from `saved_tensors_hooks`: each storage once, without parameters and
    buffers. The peaks come from the profiler's record of allocations on the CPU, and from the
    allocator's statistics on a card. Memory that one call of torch takes and gives back inside
    itself is left out; a note says how much that is.

    Accepts:
        spec, variant, set, input: as for `verify`.
        batch: the number of images, a positive int.
        device: cpu, cuda, cuda:1, …
        run: the optimizer, the loss and the type of autocast in training.
        frozen, trained_only: paths of layers, blocks and chains, as for `build`.
        checkpoints: paths of blocks and chains, or ``first..last``, that run again in backward.

    A figure that differs in a layer which is not followed to the byte is no error: the notes name
    the layer.

    Returns:
        A Verification: `saved` and the bytes in memory while it runs for each layer, and for the
        network the parameters, what is saved, both peaks, and the layers at which they are.

    Errors:
        A Mistake if the spec has errors or `opaque` layers (CNN408), a path is unknown (CNN111) or
        no checkpoint (CNN103), the device cannot be used (CNN402), or the network does not run
        (CNN404) or does not fit in memory (CNN407).

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.loads("input: [3, 8, 8]\\nlayers: [{conv: {out: 4, kernel: 3}}]")
        >>> found = verify_memory(spec, batch=2)
        >>> found.ok, [check.what for check in found.layers[0].checks]
        (True, ['saved', 'inference_peak', 'forward_peak', 'backward_peak'])
    """
    where = device_of(device, meta=False)
    _refuse_declared(analyze(spec, variant, set=set, input=input).or_mistake())
    changes = Changes(frozen, trained_only, checkpoints)
    known = built(spec, variant, set, input, batch, where, changes)
    run = run._replace(batch=batch, device="cuda" if where.type == "cuda" else "cpu")
    checks = MemoryChecks(known.report, _pairs(known, run))
    layers = [checks.layer(n) for n in range(len(known.report.rows))]
    return known.result(layers, checks.totals(), list(checks.notes()))


def _refuse_declared(report: Report) -> None:
    """Raise a Mistake if a layer declares its memory: while it runs, it may take any amount."""
    for row in report.rows:
        if row.declared:
            message = f"`{row.path}` declares what it keeps, and not what it takes while it runs"
            help = "`verify` without --memory compares what it keeps with its class"
            raise Mistake(Diagnostic("CNN408", message, row.position, help))


class Pair(NamedTuple):
    """The memory of one run: predicted, and measured."""

    predicted: Summary
    measured: MeasuredRun


class Pairs(NamedTuple):
    """Both runs, and what else was measured: bytes of parameters, and what backward keeps.

    `near` holds the paths of layers whose peaks are not followed to the byte, by the mode, and
    `kept_nearly` why what backward keeps of a layer is not.
    """

    inference: Pair
    training: Pair
    near: Mapping[str, Collection[str]]
    kept_nearly: Mapping[str, str]
    parameters: int
    saved: dict[int, int]

    @property
    def by_mode(self) -> dict[str, Pair]:
        """The runs by their modes."""
        return {"inference": self.inference, "training": self.training}


class MemoryChecks:
    """Checks the predicted memory of a network against what was measured."""

    def __init__(self, report: Report, pairs: Pairs):
        self._report, self._pairs = report, pairs
        self._first = len(report.graph.inputs)
        # What a checkpoint takes before and after its layers is of no layer's call.
        around = (range(m.start - 1, m.stop) for m in report.graph.checkpoints)
        self._around = {n for numbers in around for n in numbers}
        # In backward, these take the gradient of a layer that is not followed.
        paths = pairs.near["training"]
        near = (node for node in report.graph.nodes if node.path in paths)
        self._before_near = {n for node in near for n in node.inputs}

    def layer(self, n: int) -> CheckedLayer:
        """Check a row. Its layer is the n-th to run."""
        return CheckedLayer(self._report.rows[n], tuple(self._of_layer(n + self._first)))

    def totals(self) -> Iterator[Check]:
        """Check the figures of the network."""
        pairs, trained = self._pairs, self._pairs.training.predicted
        yield check_equal("parameters", trained.parameters, pairs.parameters, "storages")
        saved = check_equal("saved", trained.saved, sum(pairs.saved.values()), HOOKS)
        yield _excused(saved) if pairs.kept_nearly else saved
        for mode, pair in pairs.by_mode.items():
            checks = (_peak(f"{mode}_peak", pair), self._place(f"{mode}_peak_at", pair))
            yield from map(_excused, checks) if self._is_near(mode, pair) else checks

    def notes(self) -> Iterator[str]:
        """Say what memory the peaks leave out."""
        for mode, pair in self._pairs.by_mode.items():
            extra = pair.measured.workspaces
            if extra:
                more = f"{bytes_text(extra)} more"
                yield f"the {mode} peak is {more} with what calls take and give back inside them"
        for path, reason in self._pairs.kept_nearly.items():
            yield f"{path}: what is saved, and peaks with it, are not exact: {reason}"
        for path in sorted({path for paths in self._pairs.near.values() for path in paths}):
            if path not in self._pairs.kept_nearly:
                yield f"{path}: its peaks, and backward's before it, are not followed to the byte"
        totals = self._report.totals
        if totals.frozen_params:
            yield f"{totals.frozen_params:,} of {totals.params:,} parameters are frozen"
        if self._around:
            yield "in training, peaks of layers in a checkpoint and before it are not compared"

    def _of_layer(self, n: int) -> Iterator[Check]:
        pairs = self._pairs
        path = self._report.graph.nodes[n].path
        kept = pairs.training.predicted.kept.get(n, 0)
        saved = check_equal("saved", kept, pairs.saved.get(n, 0), HOOKS)
        yield _excused(saved) if path in pairs.kept_nearly else saved
        for what, pair, step in (
            ("inference_peak", pairs.inference, Step("forward", n)),
            ("forward_peak", pairs.training, Step("forward", n)),
            ("backward_peak", pairs.training, Step("backward", n)),
        ):
            if pair is pairs.training and n in self._around:
                continue
            predicted, measured = pair.predicted.steps.get(step), pair.measured.steps.get(step)
            if predicted is not None and measured is not None:
                check = _close(what, predicted, measured, pair.measured.by)
                mode = "inference" if pair is pairs.inference else "training"
                near = path in pairs.near[mode]
                if pair is pairs.training:
                    near |= bool(pairs.kept_nearly) or n in self._before_near
                yield _excused(check) if near else check

    def _is_near(self, mode: str, pair: Pair) -> bool:
        """Return whether a peak is in a layer that is not followed, as said or as measured."""
        if mode == "training" and self._pairs.kept_nearly:
            return True
        places = (pair.predicted.at, pair.measured.at)
        layers = [place.layer for place in places if place is not None and place.layer is not None]
        return any(self._report.graph.nodes[n].path in self._pairs.near[mode] for n in layers)

    def _place(self, what: str, pair: Pair) -> Check:
        """Check where a peak is. Two steps at which as much is in memory are both right."""
        predicted, measured = pair
        place = self._named(predicted.at)
        if measured.at is None:
            why = "the allocator's statistics do not say when the peak was"
            return unmeasured(what, place, measured.by, why)
        right = predicted.steps.get(measured.at) == predicted.peak
        # Torch does not say at which parameter an optimizer is.
        right |= predicted.at.phase == measured.at.phase == "optimizer"
        return Check(what, place, self._named(measured.at), measured.by, right)

    def _named(self, step: Step) -> str:
        """Return ``forward of conv1``, or the phase alone if no layer runs."""
        if step.layer is None or step.phase == "optimizer":
            return step.phase
        return f"{step.phase} of {self._report.graph.nodes[step.layer].path}"


def _excused(check: Check) -> Check:
    """Return the check of a figure that is only near: one that differs is no error."""
    return check._replace(ok=check.ok or None)


def _peak(what: str, pair: Pair) -> Check:
    """Check the peak of a run.

    A card's statistics do not tell what libraries take for a moment from tensors, so there only a
    peak that is too low is wrong.
    """
    predicted, measured = pair
    check = _close(what, predicted.peak, measured.peak, measured.by)
    if measured.at is None and not check.ok and measured.peak > predicted.peak:
        note = "it includes what libraries take for a moment"
        return check._replace(ok=None, note=note)
    return check


def _close(what: str, predicted: int, measured: int, by: str) -> Check:
    """Check that a peak differs by at most 1 %, or by single numbers."""
    right = abs(predicted - measured) <= max(CLOSE * measured, SCALARS)
    return Check(what, predicted, measured, by, right)


def _pairs(known: Built, run: Run) -> Pairs:
    """Predict both runs, and measure them. What a card held before the network is left out.

    Errors: a Mistake if the network does not run, or if its training does not fit in memory.
    """
    network, graph, device = known.network, known.report.graph, known.device
    before = known.held_before
    inference, training = run._replace(mode="inference"), run._replace(mode="training")
    found: list[Pairs] = []

    def pair(run: Run) -> Pair:
        predicted = summary(graph, run)
        refuse_beyond_memory(predicted.peak, device)
        return Pair(predicted, measured_run(MemoryStep(network, graph, run, device), before))

    def attempt() -> None:
        inferred, trained = pair(inference), pair(training)
        network.zero_grad(set_to_none=True)
        saved = saved_by_layer(MemoryStep(network, graph, training, device))
        parameters = sum(p.untyped_storage().nbytes() for p in network.parameters())
        found.append(
            Pairs(
                inference=inferred,
                training=trained,
                near={how.mode: not_followed(graph, how) for how in (inference, training)},
                kept_nearly=kept_nearly(graph, training),
                parameters=parameters,
                saved=saved,
            )
        )

    def try_smaller(run: Run) -> None:
        refuse_beyond_memory(summary(graph, run).peak, device)
        if device.type == "cuda":  # a card refuses by itself
            pair(run)

    def attempt_smaller(batch: int) -> bool:
        return fits(lambda: try_smaller(training._replace(batch=batch)))

    try:
        fit = fits(attempt)
    except (RuntimeError, ValueError) as error:
        message = f"the network does not run at batch {run.batch}: {first_line(error)}"
        raise Mistake(Diagnostic("CNN404", message)) from error
    if not fit:
        largest = largest_that_fits(run.batch, attempt_smaller)
        raise Mistake(too_large(run.batch, largest, device, "use a smaller --batch or --input"))
    return found[0]
