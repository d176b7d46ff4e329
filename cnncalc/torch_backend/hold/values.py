"""Compares the values that a module and the spec's network compute with the same weights.

The two compute the same things in the same order: that was compared before. What only moves values,
such as a slice or the axis of a concat, shows in the values alone.
"""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ...analysis.result import Report
from ...diagnostic import first_line
from ...wording import listed
from ..allocator import fits, is_out_of_memory
from ..build import Network, assemble
from ..inputs import blank_inputs, random_inputs
from ..precision import float32_precision
from .alignment import Pair, align
from .forms import without_ones
from .recorder import Arranged, in_order
from .user_run import returned_tensors
from .value_recorder import TOLERANCE, Own, ValueRecorder, named_tensors

_IMAGES = 2  # at least, so that images which change places show
_NEXT_TO_NOTHING = 1e-2  # the largest value of a parameter that hides what it multiplies
_EXACT = 1e-5  # of the largest value of a tensor that both compute from the same parameters


class Compared(NamedTuple):
    """What came of comparing values: nothing differs if all are None."""

    pair: Pair | None = None  # the first computation that returns other values
    output: int | None = None  # the first output with other values, if no computation has any
    why_not: str | None = None  # why values could not be compared

    @property
    def agree(self) -> bool | None:
        """Return whether all values agree; None if they were not compared."""
        return None if self.why_not is not None else self.pair is None and self.output is None


def compare_values(
    report: Report, theirs: nn.Module, device: torch.device, arguments: Arranged = in_order
) -> Compared:
    """Give the spec's network the module's weights, and compare what both compute.

    Each tensor that a computation of the module reads is copied to where the spec's reads one. The
    module's parameters that are next to nothing, and hide what they multiply, have other values
    meanwhile. There are two images or more, so that none takes another's place.
    """
    found: list[Compared] = []
    cards = [device] if device.type == "cuda" else []
    with (
        torch.random.fork_rng(cards),
        torch.no_grad(),
        float32_precision(False, device),
        _without_next_to_nothing(theirs),
    ):
        for images in dict.fromkeys((max(report.batch, _IMAGES), report.batch)):
            random = torch.Generator().manual_seed(0)
            inputs = random_inputs(report.graph, images, random, device)
            if not fits(lambda: found.append(_compared(report, theirs, inputs, arguments))):
                found.append(Compared(why_not="both networks at once do not fit in memory"))
            if found[-1].why_not is None:
                break
    return found[-1]


@contextlib.contextmanager
def _without_next_to_nothing(network: nn.Module) -> Iterator[None]:
    """Give parameters that are all about 0 random values for a while: scales of residuals."""
    random = torch.Generator().manual_seed(0)
    before: dict[nn.Parameter, Tensor] = {}
    try:
        for parameter in network.parameters():
            if not parameter.is_floating_point() or not parameter.numel() or is_lazy(parameter):
                continue
            if float(parameter.detach().abs().max()) < _NEXT_TO_NOTHING:
                before[parameter] = parameter.detach().clone()
                spread = max(parameter[0].numel(), 1) if parameter.dim() > 1 else 1
                drawn = torch.rand(parameter.shape, generator=random) + 0.5
                if parameter.dim() > 1:
                    drawn = (drawn - 1) * (12 / spread) ** 0.5
                parameter.copy_(drawn)
        yield
    finally:
        for parameter, values in before.items():
            parameter.copy_(values)


def _compared(
    report: Report, theirs: nn.Module, inputs: Sequence[Tensor], arguments: Arranged
) -> Compared:
    """Compare the values that both compute from the same inputs."""
    try:
        source, wanted = _recorded(theirs, inputs, arguments)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or is_out_of_memory(error):
            raise
        return Compared(why_not=f"forward fails on random inputs: {first_line(error)}")
    coarse = [t for t in source.types if torch.finfo(t).eps > TOLERANCE]
    if coarse:
        named = listed(sorted(str(t).removeprefix("torch.") for t in coarse))
        return Compared(why_not=f"the module rounds some to {named}")
    images = len(inputs[0])
    plan, _ = _recorded(
        assemble(report.graph, "meta").eval(), blank_inputs(report.graph, images, "meta")
    )
    ours = assemble(report.graph, inputs[0].device).eval()
    tensors = named_tensors(ours)
    for pair in _aligned(plan, source):
        if not _copied(pair, plan, source, ours, tensors):
            where = pair.expected.where if pair.expected else "the network"
            return Compared(why_not=f"the weights of `{where}` have another form in the module")
    found = _first_difference(_recorded(ours, inputs), (source, wanted))
    if found.agree is False:
        _, again = _recorded(theirs, inputs, arguments)
        if not all(map(_is_near, again, wanted)):
            return Compared(why_not="each run of the module returns different ones")
    return found


def _first_difference(
    ours: tuple[ValueRecorder, list[Tensor]], theirs: tuple[ValueRecorder, list[Tensor]]
) -> Compared:
    """Return the first of two recorded runs' values that differ."""
    (run, given), (source, wanted) = ours, theirs
    for pair in _aligned(run, source):
        if pair.expected is None or pair.found is None:
            continue
        a, b = run.of(pair.expected), source.of(pair.found)
        if not all(map(_is_alike, a.own, b.own)):
            where = pair.expected.where
            return Compared(why_not=f"the module computes the weights of `{where}` differently")
        if a.digest and b.digest and not a.digest.is_near(b.digest):
            return Compared(pair=pair)
    for n, (y, z) in enumerate(zip(given, wanted)):
        if not _is_near(y, z):
            return Compared(output=n)
    return Compared()


def _aligned(ours: ValueRecorder, theirs: ValueRecorder) -> list[Pair]:
    """Pair the computations of both: those of one role, which read what was paired before."""
    left, right = ours.roles(), theirs.roles()
    if sorted(left) != sorted(right):
        return align(ours.events, theirs.events, loose=False)[0]
    waiting: dict[int, list[int]] = defaultdict(list)
    for n, role in enumerate(right):
        waiting[role].append(n)
    there: list[int] = []
    for n, role in enumerate(left):
        read = sorted(there[m] for m in ours.read[n])
        those = waiting[role]
        found = next((m for m in those if sorted(theirs.read[m]) == read), those[0])
        those.remove(found)
        there.append(found)
    return [Pair(event, theirs.events[n]) for event, n in zip(ours.events, there)]


def _recorded(
    network: nn.Module, inputs: Sequence[Tensor], arguments: Arranged = in_order
) -> tuple[ValueRecorder, list[Tensor]]:
    """Record a run of a network. Returns also the tensors that it returns."""
    recorder = ValueRecorder(network)
    with contextlib.redirect_stdout(sys.stderr):
        returned = returned_tensors(recorder.run([x.clone() for x in inputs], arguments))
    recorder.returned(returned)
    return recorder, returned


def _copied(
    pair: Pair,
    plan: ValueRecorder,
    source: ValueRecorder,
    ours: Network,
    tensors: dict[str, Tensor],
) -> bool:
    """Copy what the module reads to where the spec's network does; return whether that is possible.

    `plan` holds the computations of the spec's network on meta, `tensors` those of `ours` by name.
    """
    if pair.expected is None or pair.found is None:
        return False
    to, given = plan.of(pair.expected), source.of(pair.found)
    if len(to.own) != len(given.own):  # such as states of zeros before a sequence
        given.own = [own for own in given.own if own.names]
    if len(to.own) != len(given.own):
        return False
    layer = ours.get_submodule(pair.expected.where)
    if given.epsilon is not None and hasattr(layer, "eps"):
        layer.eps = given.epsilon  # type: ignore[assignment]  # it is a plain attribute
    if not all(_put(a, b, tensors, source.tensors) for a, b in zip(to.own, given.own)):
        return False
    if isinstance(getattr(layer, "index", None), Tensor):
        return _put_index(layer, tensors[to.own[0].names[0]], given.own[0].value)
    return True


def _put(target: Own, given: Own, ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> bool:
    """Copy one tensor; return whether that is possible. `ours` and `theirs` are those by name."""
    if target.held:
        meta, (name,) = target.value, target.names
        view = ours[name].as_strided(meta.shape, meta.stride(), meta.storage_offset())
        return _copy(view, given.value)
    if not target.names:  # a constant of the spec
        return True
    if len(target.names) != len(given.names):
        return False
    return all(_copy(ours[a], theirs[b]) for a, b in zip(target.names, given.names))


def _put_index(layer: nn.Module, table: Tensor, values: Tensor) -> bool:
    """Make a layer read these values from its table; return whether they are all there."""
    ordered, places = table.flatten().sort()
    found = torch.searchsorted(ordered, values.flatten().contiguous()).clamp(max=len(ordered) - 1)
    if not torch.equal(ordered[found], values.flatten()):
        return False
    layer.index.copy_(places[found].reshape(layer.index.shape))  # type: ignore[operator,arg-type]
    return True


def _copy(target: Tensor, value: Tensor) -> bool:
    if value.dim() > 1 and without_ones(target.shape) != without_ones(value.shape):
        value = value.mT  # such as a table with one row for each head
    if without_ones(target.shape) != without_ones(value.shape):
        return False
    target.copy_(value.reshape(target.shape))
    return True


def _is_alike(ours: Own, theirs: Own) -> bool:
    """Return whether a tensor has the values that were copied, after what is computed from them."""
    if ours.held or not ours.names:
        return True
    most = float(theirs.value.abs().max())
    apart = (ours.value - theirs.value.reshape(ours.value.shape)).abs().max()
    return float(apart) <= _EXACT * most


def _is_near(y: Tensor, z: Tensor) -> bool:
    """Return whether two outputs are alike; in the module's, another axis may be that of images."""
    for moved in [z] if z.shape == y.shape else (z.movedim(axis, 0) for axis in range(z.dim())):
        if moved.shape == y.shape:
            most = float(z[z.isfinite()].abs().max()) if z.isfinite().any() else 0.0
            if torch.allclose(y, moved.to(y.dtype), 0, TOLERANCE * most, equal_nan=True):
                return True
    return False
