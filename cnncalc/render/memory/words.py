"""The words and numbers of the memory of a network, which several formats show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from ...analysis.memory.devices import context
from ...analysis.memory.fit import Fit
from ...analysis.memory.optimizers import OPTIMIZERS
from ...analysis.memory.overview import Overview, limit_text, run_text, when
from ...analysis.memory.summary import Alive
from ...analysis.memory.ways import CHECKPOINTS, MANY, Way, checkpoints_tried
from ...at_least import AtLeast
from ...wording import DASH, UNKNOWN, bytes_text, megabytes_text, short

LARGEST = 8  # tensors shown of those at the peak; JSON lists all
BEST_CHECKPOINTS = "`checkpoints`: those with the lowest peak."
UNTRIED = (
    f"Checkpoints are not tried where there are more than {MANY:,} layers; `--checkpoint auto`"
    " chooses some for a batch."
)
SEGMENTS = 6  # checkpoints shown; JSON lists all
PARTS = ("fixed", "an image")  # columns beside a largest batch, if there is room
IN_MB = "`fixed` and `an image` are in MB."
TENSORS_ONLY = (
    "Tensors only: rounding by the allocator and workspaces of the libraries come on top of them."
)
_SMALL = 30_000_000  # bytes; columns of fewer have more decimals
WORDS = {
    "params": "parameters",
    "optimizer": "optimizer state",
    "saved": "saved for backward",
    "activation_gradients": "gradients of activations",
    "casts": "copies of another type",
    "cast": "copy of another type",
}


def sizes(found: Overview) -> Iterator[tuple[str, int | None, str]]:
    """Yield the four figures, and what each is."""
    figures, run = found.figures, found.run
    yield "sum of outputs", figures.outputs, "the input and every output, each kept once"
    yield "inference peak", figures.inference_peak, "the most in a forward pass"
    yield "saved for backward", figures.saved, "kept from the forward pass, without parameters"
    optimizer = run.optimizer if run.training else "sgd"
    by = "without an optimizer" if optimizer == "none" else f"with {optimizer}"
    yield "training peak", figures.training_peak, f"the most in a training step {by}"


def parameters(found: Overview) -> Iterator[tuple[str, str]]:
    """Yield how many parameters are trained and frozen, if any are frozen."""
    totals = found.report.totals
    if totals.frozen_params:
        counts = f"{totals.trainable_params:,} trainable, {totals.frozen_params:,} frozen"
        yield "parameters", f"{totals.params:,}: {counts}"


def megabytes(size: int, largest: int) -> str:
    """Write a number of bytes in MB, in a column whose largest number is given."""
    if isinstance(size, AtLeast):
        return f"≥ {megabytes(int(size), largest)}" if int(size) else UNKNOWN
    return f"{size / 10**6:,.{1 if largest >= _SMALL else 3}f}"


def summit(found: Overview) -> str:
    """Return ``2,219 MB, in the backward pass of conv4_3``."""
    at = found.chosen.at
    return f"{megabytes_text(found.chosen.peak)}, {when(at, found.place(at.layer))}"


def approximate(found: Overview) -> Iterator[tuple[str, str]]:
    """Yield the layers at which a peak is only near torch's, if there are any."""
    title = "not exact"
    for reason, paths in _by_reason(found.kept_nearly).items():
        yield title, f"what is saved of {_some(paths)}, and peaks with it: {reason}"
        title = ""
    near = [path for path in found.near if path not in found.kept_nearly]
    if near:
        yield title, f"a peak in {_some(near)} may differ from torch's by a few percent"


def _by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path, reason in reasons.items():
        found.setdefault(reason, []).append(path)
    return found


def _some(paths: Sequence[str]) -> str:
    shown = ", ".join(paths[:SEGMENTS])
    if len(paths) > SEGMENTS:
        shown += f" and {len(paths) - SEGMENTS:,} more"
    return shown


def tensor_cells(found: Overview, tensor: Alive) -> tuple[str, str, str, str]:
    """Return a tensor's layer, why it is in memory, its size, and its share of the peak."""
    what = WORDS.get(tensor.what, tensor.what)
    if tensor.saved and tensor.what != "saved":
        what = f"{what}, saved for backward"
    share = f"{tensor.bytes / found.chosen.peak:.1%}"
    if isinstance(found.chosen.peak, AtLeast):
        share = UNKNOWN
    size = megabytes(tensor.bytes, found.chosen.alive[0].bytes)
    return found.place(tensor.layer) or DASH, what, size, share


def arithmetic(found: Overview) -> Iterator[tuple[str, str]]:
    """Yield the largest batch with its arithmetic."""
    asked, limit = found.fits[0], found.limit
    if limit is None:
        return
    path = found.place(asked.at.layer)
    fixed, per_image = asked.line
    batch = f"{asked.max_batch:,}" if asked.max_batch else "none, not even 1"
    dtype = "" if asked.run.amp else f", {found.report.dtype}"
    yield "largest batch", f"{batch}: {run_text(asked.run)}{dtype}, on {asked.run.device}"
    yield "limit", limit_text(limit)
    usual = context(asked.run.device)
    why = "set it by --context"
    if usual.usual:
        why = f"{usual.smallest >> 20} to {usual.largest >> 20} MiB are usual: {why}"
    taken = "nothing"
    if asked.context:
        taken = f"−{megabytes_text(asked.context)} = {bytes_text(asked.context)}"
    yield "context", f"{taken} for the process and its libraries ({why})"
    yield "fixed", f"−{megabytes_text(fixed)}, whatever the batch, {when(asked.at, path)}"
    left = asked.room - fixed
    solved = f"{megabytes_text(per_image)} at that moment"
    if left > 0 and per_image > 0:
        solved += f": {megabytes_text(left)} are left, enough for {left / per_image:,.2f} images"
    yield "an image", solved
    beyond, lacking = asked.beyond + asked.context, asked.beyond - asked.room
    needed = f"{megabytes_text(beyond)}, {megabytes_text(lacking)} more than the limit"
    yield f"batch {asked.max_batch + 1:,}", f"would take {needed}"


def remarks(found: Overview, parts: bool) -> str:
    """Return what the table of the largest batches needs to be understood."""
    ways = list(dict.fromkeys(fit.way for fit in found.fits if fit.way))
    said = [BEST_CHECKPOINTS] if CHECKPOINTS in ways else []
    if not checkpoints_tried(found.report.graph) and any(fit.run.training for fit in found.fits):
        said.append(UNTRIED)
    said += [f"`{way}`: all other layers are frozen." for way in ways if way != CHECKPOINTS]
    return " ".join([*said, *([IN_MB] if parts else []), TENSORS_ONLY])


def ways_title(found: Overview) -> str:
    """Return ``What makes batch 32 fit``."""
    return f"What makes batch {found.run.batch:,} fit"


def way_cells(way: Way) -> tuple[str, str, str]:
    """Return what is changed, the peak and whether it fits, and the cost with the option."""
    fits = "fits" if way.fits else "does not fit"
    return way.name, f"{megabytes_text(way.peak)}, {fits}", f"{way.cost}: `{way.option}`"


def checkpoint_facts(found: Overview) -> Iterator[tuple[str, str]]:
    """Yield the checkpoints of a training step, what they cost, and the peak without them."""
    known = found.checkpoints
    if known is None:
        return
    shown = [span(found, part) for part in known.segments[:SEGMENTS]]
    if len(known.segments) > SEGMENTS:
        shown.append(f"{len(known.segments) - SEGMENTS:,} more")
    yield "checkpoints", f"{len(known.segments):,}: {', '.join(shown)}"
    share = f", {known.macs / max(known.forward_macs, 1):.0%} of the forward pass"
    if isinstance(known.forward_macs, AtLeast):
        share = ""
    yield "run again", f"{short(known.macs)} MACs{share}"
    yield "without them", f"the peak would be {megabytes_text(known.peak_without)}"


def span(found: Overview, layers: range) -> str:
    """Write some layers as `--checkpoint` reads them: a block, or the first and the last layer."""
    groups = found.report.graph.groups.items()
    named = [path for path, (start, end, _) in groups if range(start, end) == layers]
    if named:
        return min(named, key=len)
    first, last = found.place(layers.start) or "", found.place(layers.stop - 1) or ""
    return first if first == last else f"{first}..{last}"


def mode_rows(fits: Sequence[Fit], parts: bool) -> Iterator[list[str]]:
    """Yield titles and a line for each mode, with the batches in each precision beside each other.

    `parts` adds what is fixed, and what an image takes.
    """
    amps = sorted({fit.run.amp for fit in fits}, key=lambda amp: amp is not None)
    titles = ["largest batch"]
    for amp in amps:
        more = PARTS if parts else ()
        titles += [f"AMP {amp}" if amp else f"{fits[0].run.width * 8}-bit", *more]
    yield titles
    by_run = {(mode_text(fit), fit.run.amp): fit for fit in fits}
    for mode in dict.fromkeys(map(mode_text, sorted(fits, key=_order))):
        cells = [_fit_cells(by_run.get((mode, amp)), parts) for amp in amps]
        yield [mode, *chain.from_iterable(cells)]


def mode_text(fit: Fit) -> str:
    """Write the mode of a run, its optimizer if it has one, and in which way it differs."""
    words = [fit.run.mode, fit.run.optimizer if fit.run.optimizer != "none" else "", fit.way]
    return ", ".join(filter(None, words))


def _order(fit: Fit) -> tuple[bool, bool, int]:
    """Inference first, then training in the order of the optimizers, then other ways to train."""
    return fit.run.training, bool(fit.way), list(OPTIMIZERS).index(fit.run.optimizer)


def _fit_cells(fit: Fit | None, parts: bool) -> list[str]:
    if fit is None:
        return [DASH] * (3 if parts else 1)
    batch = f"{fit.max_batch:,}" if fit.max_batch else "none"
    return [batch, *(megabytes(size, max(fit.line)) for size in fit.line)] if parts else [batch]
