"""Answers what a network needs: four figures, the peak of one run, and the batches that fit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import NamedTuple

from ...at_least import at_least
from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph
from ...ops.autocast import Amp
from ...wording import bytes_text, megabytes_text
from ..freezing import nothing_trained
from ..result import Report
from .allocator import Reserved, reserved
from .checkpoints import checkpoint, recomputed_macs
from .devices import Limit
from .fit import Fit, fit
from .followed import kept_nearly, not_followed
from .lines import Lines
from .optimizers import OPTIMIZERS
from .order import peak
from .run import Run
from .segments import cheapest, checkpointed_graph
from .summary import Summary, summary
from .tensors import Step
from .timeline import Timeline
from .unknown import unknown_memory
from .ways import Way, changed_fits, forward_macs, ways


class Figures(NamedTuple):
    """Four figures in bytes that are easily mixed up; None for a network that cannot be trained.

    Attributes:
        outputs: the input and every output, each distinct tensor once.
        inference_peak: the most that is in memory at once in a forward pass.
        saved: what backward holds at the end of forward, without parameters.
        training_peak: the most that is in memory at once in a training step.
    """

    outputs: int
    inference_peak: int
    saved: int | None
    training_peak: int | None


class Wanted(NamedTuple):
    """What is asked beside the run.

    Attributes:
        limit: what the run has to fit in.
        context: bytes of it that are not for tensors.
        checkpoints: paths of blocks and chains to checkpoint.
        choose: whether to choose the checkpoints for the limit.
        allocator: whether to simulate torch's allocator.
        workspace: bytes that cuBLAS takes for itself through the allocator.
    """

    limit: Limit | None = None
    context: int = 0
    checkpoints: tuple[str, ...] = ()
    choose: bool = False
    allocator: bool = False
    workspace: int = 0


class Checkpoints(NamedTuple):
    """What checkpoints do to a training step.

    Attributes:
        segments: their layers, by number.
        peak_without: the peak without them, in bytes.
        macs: the multiply–accumulates that run again.
        forward_macs: those of a forward pass.
    """

    segments: tuple[range, ...]
    peak_without: int
    macs: int
    forward_macs: int


class Overview(NamedTuple):
    """The memory of a network.

    Attributes:
        report: the network.
        figures: four figures.
        chosen: the run that was asked for.
        limit: what it has to fit in, if that was given.
        fits: the largest batches; that of the run that was asked for is the first.
        ways: what would make the batch fit, if it does not.
        checkpoints: what they do, if a training step has any.
        reserved: what the allocator takes, if that was asked for.
        near: paths of layers that are not followed to the byte.
        kept_nearly: why what backward keeps of a layer is not exact, by its path.
    """

    report: Report
    figures: Figures
    chosen: Summary
    limit: Limit | None = None
    fits: tuple[Fit, ...] = ()
    ways: tuple[Way, ...] = ()
    checkpoints: Checkpoints | None = None
    reserved: tuple[Reserved, ...] = ()
    near: tuple[str, ...] = ()
    kept_nearly: Mapping[str, str] = MappingProxyType({})

    @property
    def run(self) -> Run:
        """The run that was asked for."""
        return self.chosen.run

    def place(self, layer: int | None) -> str | None:
        """The path of a layer, by its number."""
        return None if layer is None else self.report.graph.nodes[layer].path


def trainable(dtype: str) -> bool:
    """Whether there are gradients in this type of number."""
    return dtype != "int8"


def overview(report: Report, run: Run, wanted: Wanted) -> Overview:
    """Read the timelines of a network. `run` is that of the peak; its batch is the report's.

    Errors: a Mistake (CNN111, CNN103) where nothing is trained, for a path that is unknown, and
    for one that cannot be a checkpoint; CNN308 where what is asked for cannot be found.
    """
    if run.training and (fault := nothing_trained(report.graph)) is not None:
        raise Mistake(fault)
    _refuse_unknown(report.graph, run, wanted)
    report = _with_checkpoints(report, run, wanted)
    graph = report.graph
    inference = summary(graph, at_inference(run))
    training = None
    if trainable(report.dtype):
        training = summary(graph, in_training(run))
    figures = Figures(
        outputs=inference.outputs,
        inference_peak=inference.peak,
        saved=training and training.saved,
        training_peak=training and training.peak,
    )
    chosen = training if run.training and training else inference
    near = tuple(not_followed(graph, chosen.run))
    kept = kept_nearly(graph, chosen.run)
    found = Overview(report, figures, chosen, wanted.limit, near=near, kept_nearly=kept)
    if chosen.run.training and graph.checkpoints:
        found = found._replace(checkpoints=_checkpoints(graph, run))
    if wanted.allocator:
        found = found._replace(reserved=tuple(_reserved(graph, chosen.run, wanted.workspace)))
    return found if wanted.limit is None else _fitted(found, wanted.limit.size, wanted.context)


def _refuse_unknown(graph: Graph, run: Run, wanted: Wanted) -> None:
    """Refuse what cannot be found where layers do not declare what they take.

    Errors: a Mistake (CNN308).
    """
    why = unknown_memory(graph, run)
    if why and (wanted.limit is not None or wanted.allocator):
        what = "what fits" if wanted.limit is not None else "what the allocator takes"
        help = "declare the figure in the layer"
        raise Mistake(Diagnostic("CNN308", f"{what} is unknown: {why}", help=help))


def _with_checkpoints(report: Report, run: Run, wanted: Wanted) -> Report:
    """The network with the checkpoints that are asked for."""
    graph = report.graph
    if wanted.checkpoints:
        checkpoint(graph, wanted.checkpoints)
    if wanted.choose and wanted.limit is not None:
        found = cheapest(graph, run, wanted.limit.size - wanted.context)
        return replace(report, graph=checkpointed_graph(graph, found.segments))
    return report


def _reserved(graph: Graph, run: Run, workspace: int) -> Iterator[Reserved]:
    for expandable in (False, True):
        yield reserved(Timeline(graph, run), run.batch, expandable, workspace)


def _checkpoints(graph: Graph, run: Run) -> Checkpoints:
    without = checkpointed_graph(graph, ())
    return Checkpoints(
        segments=tuple(graph.checkpoints),
        peak_without=at_least(
            peak(Timeline(without, run), run.batch), unknown_memory(graph, run) is not None
        ),
        macs=recomputed_macs(graph, run.batch),
        forward_macs=forward_macs(graph, run.batch),
    )


def _fitted(found: Overview, limit: int, context: int) -> Overview:
    """Add the largest batches and, for a batch that does not fit, what makes it fit."""
    graph, run, dtype = found.report.graph, found.run, found.report.dtype
    lines = Lines(graph)
    runs = dict.fromkeys([run, *_others(run, dtype)])
    runs = {other: None for other in runs if not unknown_memory(graph, other)}
    fits = [fit(graph, other, limit, context, lines) for other in runs]
    tried: list[Way] = []
    if trainable(dtype) and not unknown_memory(graph, in_training(run)):
        trained = in_training(run)
        for plain in [known for known in fits if known.run._replace(amp=trained.amp) == trained]:
            fits += changed_fits(graph, plain.run, limit, context, plain.max_batch)
    if run.training and run.batch > fits[0].max_batch:
        tried = ways(graph, run, limit - context)
    return found._replace(fits=tuple(fits), ways=tuple(tried))


def at_inference(run: Run) -> Run:
    """The same at inference."""
    return run._replace(mode="inference", optimizer="none", loss="none", kept_gradients=False)


def in_training(run: Run) -> Run:
    """The same in training, by plain gradient descent if it is not in training."""
    return run if run.training else run._replace(mode="training", optimizer="sgd")


def _others(run: Run, dtype: str) -> Iterator[Run]:
    """Other ways to run: at inference and with each optimizer, without AMP and with it."""
    amps: list[Amp | None] = [None]
    if dtype == "float32":
        amps.append(run.amp or "float16")
    for amp in amps:
        yield at_inference(run)._replace(amp=amp)
        if trainable(dtype):
            for optimizer in OPTIMIZERS:
                if optimizer != "none":
                    yield run._replace(mode="training", optimizer=optimizer, amp=amp)


def unfit(found: Overview) -> Iterator[Diagnostic]:
    """Yield an error if the batch does not fit."""
    batch = found.run.batch
    if found.limit is None or found.fits[0].max_batch >= batch:
        return
    asked, *others = found.fits
    network = f"{found.report.name} does not fit in {found.limit.text} at batch {batch:,}"
    yield Diagnostic("CNN407", f"{network}: {_need(found, asked)}", help=_remedy(found, others))


def _remedy(found: Overview, others: Iterable[Fit]) -> str:
    """What would fit: a way, another run, or a smaller batch."""
    way = next((way for way in found.ways if way.fits), None)
    if way is not None:
        return f"try {way.name}: the peak is then {megabytes_text(way.peak)}, which fits"
    if found.fits[0].max_batch:
        return f"the largest batch that fits is {found.fits[0].max_batch:,}"
    best = max(others, key=lambda other: other.max_batch, default=None)
    if best is None or not best.max_batch:
        return "take a smaller input, or a device with more memory"
    return f"{run_text(best.run)} fits, up to batch {best.max_batch:,}"


def _need(found: Overview, asked: Fit) -> str:
    """What a run that does not fit needs: the first of its parts that is too much."""
    context = megabytes_text(asked.context)
    beside = f", beside {context} of context" if asked.context else ""
    params = found.chosen.parameters
    if asked.room <= 0:
        return f"the context alone takes {context}"
    if params > asked.room:
        return f"{megabytes_text(params)} of parameters alone{beside}"
    need = f"{megabytes_text(found.chosen.peak)}, of which {megabytes_text(params)} are parameters"
    return f"{need}{beside}"


def run_text(run: Run) -> str:
    """Write how a network runs: ``training with adam, AMP float16``."""
    words = [run.mode if run.optimizer == "none" else f"{run.mode} with {run.optimizer}"]
    if run.amp:
        words.append(f"AMP {run.amp}")
    if run.loss != "none":
        words.append(f"loss {run.loss}")
    if run.kept_gradients:
        words.append("gradients accumulated")
    return ", ".join(words)


def when(step: Step, path: str | None) -> str:
    """Write when something happens: the phase, and the layer if there is one."""
    if step.phase == "start":
        return "before the first layer"
    if step.phase == "optimizer":
        return "in the optimizer's step"
    return f"in the {step.phase} pass" + (f" of {path}" if path else "")


def limit_text(limit: Limit) -> str:
    """Write a limit: ``25,770 MB = 24,576.0 MiB (RTX3090)``."""
    device = f" ({limit.device})" if limit.device else ""
    return f"{megabytes_text(limit.size)} = {bytes_text(limit.size)}{device}"
