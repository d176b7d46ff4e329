"""Nodes of ONNX that move values or take some of them, as the calls of torch that do the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod

from ...num import Shape
from ...trace import Ref
from ..axes import positive
from ..layers import Unknown
from .constants import Constant, stretched
from .folding import slices
from .shapes import order_given, reshaped, squeezed, unsqueezed
from .step import Result, Step

_MOST_RUNS = 64  # stretches of neighbours that are taken apart and joined


def _same(step: Step) -> Ref:
    return step.data()


def _transpose(step: Step) -> Ref:
    return permuted(step, step.data(), step.attribute("perm"))


def permuted(step: Step, ref: Ref, order: Sequence[int] | None) -> Ref:
    """Put the axes of a tensor into another order; by default, into the reverse one."""
    old = step.sizes(ref)
    order = order_given(order, len(old))
    return step.add("permute", tuple(old[axis] for axis in order), self=ref, dims=[*order])


def viewed(step: Step, ref: Ref, sizes: Shape) -> Ref:
    """Give a tensor other sizes."""
    return ref if sizes == step.sizes(ref) else step.add("reshape", sizes, self=ref, shape=sizes)


def _reshape(step: Step) -> Ref:
    ref = step.data()
    wanted = step.integers("shape", 1) or ()
    return viewed(step, ref, reshaped(step.sizes(ref), wanted, bool(step.attribute("allowzero"))))


def _flatten(step: Step) -> Ref:
    ref = step.data()
    old, axis = step.sizes(ref), step.attribute("axis", 1)
    return viewed(step, ref, (prod(old[:axis]), prod(old[axis:])))


def _squeeze(step: Step) -> Ref:
    ref = step.data()
    old, axes = step.sizes(ref), step.integers("axes", 1)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(old) if size == 1)
    sizes = squeezed(old, axes)
    return step.add("squeeze", sizes, self=ref, dim=[positive(a, len(old)) for a in axes])


def _unsqueeze(step: Step) -> Ref:
    ref = step.data()
    axes = step.integers("axes", 1) or ()
    dims = len(step.sizes(ref)) + len(axes)
    unsqueezed(step.sizes(ref), axes)
    for axis in sorted(positive(a, dims) for a in axes):
        sizes = unsqueezed(step.sizes(ref), [axis])
        ref = step.add("unsqueeze", sizes, self=ref, dim=axis)
    return ref


def _expand(step: Step) -> Ref:
    """Only axes of 1 that stay 1 are followed."""
    ref = step.data()
    wanted = step.constant(1)
    if wanted is None or stretched(step.sizes(ref), wanted.integers()) != step.sizes(ref):
        raise Unknown("it repeats values")
    return ref


def _concat(step: Step) -> Ref:
    sizes = [_sizes_of(step, n) for n in range(len(step.given))]
    axis = positive(step.attribute("axis", 0), len(sizes[0]))
    if len({len(own) for own in sizes}) > 1 or not 0 <= axis < len(sizes[0]):
        raise Unknown("it joins tensors that do not fit")
    new = list(sizes[0])
    new[axis] = sum(own[axis] for own in sizes)
    tensors = [given.weight() if isinstance(given, Constant) else given for given in step.given]
    return step.add("cat", tuple(new), tensors=tensors, dim=axis)


def _sizes_of(step: Step, n: int) -> Shape:
    given = step.input(n)
    if given is None:
        raise Unknown("an input is missing")
    return given.sizes if isinstance(given, Constant) else step.sizes(given)


def _split(step: Step) -> list[Ref]:
    ref = step.data()
    old = step.sizes(ref)
    axis = positive(step.attribute("axis", 0), len(old))
    if not 0 <= axis < len(old):
        raise Unknown("it cuts an axis that is not there")
    listed = step.integers("split", 1) or _equal_parts(step, old[axis])
    if sum(listed) != old[axis]:
        raise Unknown("the sizes of its parts do not fit")
    sizes = [(*old[:axis], size, *old[axis + 1 :]) for size in listed]
    return step.add_parts("split_with_sizes", sizes, self=ref, dim=axis, split_sizes=[*listed])


def _equal_parts(step: Step, size: int) -> list[int]:
    count = step.attribute("num_outputs", len(step.outputs))
    if not 0 < count <= size:
        raise Unknown("it cuts into more parts than there are positions")
    part = -(-size // count)
    return [min(part, size - n * part) for n in range(count)]


def _slice(step: Step) -> Ref:
    ref = step.data()
    given = [None, *(step.constant(n) for n in range(1, len(step.given)))]
    for axis, part in slices(given, step.attributes, len(step.sizes(ref))):
        old = step.sizes(ref)
        places = range(*part.indices(old[axis]))
        if places.step < 0 or not places:
            raise Unknown("it takes no positions, or takes them backwards")
        if len(places) < old[axis]:
            sizes = (*old[:axis], len(places), *old[axis + 1 :])
            taken = {"start": places.start, "end": places.stop, "step": places.step}
            ref = step.add("slice", sizes, self=ref, dim=axis, **taken)
    return ref


def _gather(step: Step) -> Ref:
    """Take some positions of an axis: neighbours together, and what is apart is joined."""
    ref, places = step.data(), step.constant(1)
    old = step.sizes(ref)
    axis = positive(step.attribute("axis", 0), len(old))
    if places is None or len(places.sizes) > 1 or not 0 <= axis < len(old):
        raise Unknown("it takes what is not there")
    wanted = [positive(n, old[axis]) for n in places.integers()]
    runs = _runs(wanted)
    if not 0 < len(runs) <= _MOST_RUNS or not all(0 <= n < old[axis] for n in wanted):
        raise Unknown("it takes positions that are not there, or in too many pieces")
    if places.sizes == ():
        sizes = old[:axis] + old[axis + 1 :]
        return step.add("select", sizes, self=ref, dim=axis, index=wanted[0])
    parts = []
    for run in runs:
        sizes = (*old[:axis], len(run), *old[axis + 1 :])
        ends = {"start": run.start, "end": run.stop, "step": 1}
        parts.append(step.add("slice", sizes, self=ref, dim=axis, **ends))
    if len(parts) == 1:
        return parts[0]
    return step.add("cat", (*old[:axis], len(wanted), *old[axis + 1 :]), tensors=parts, dim=axis)


def _runs(numbers: Sequence[int]) -> list[range]:
    """Return numbers as stretches of neighbours.

    >>> _runs([3, 4, 5, 0])
    [range(3, 6), range(0, 1)]
    """
    found: list[range] = []
    for n in numbers:
        if found and found[-1].stop == n:
            found[-1] = range(found[-1].start, n + 1)
        else:
            found.append(range(n, n + 1))
    return found


def _depth_to_space(step: Step) -> Ref:
    """ONNX's own order of the channels is torch's after a shuffle."""
    mode, block = step.attribute("mode", "DCR"), step.attribute("blocksize", 1)
    ref = step.data()
    if mode == "DCR":
        shape = step.sizes(ref)[1:]
        ref = step.add_layer("channel_shuffle", ref, shape, {"groups": block * block})
    return step.add_operator({"blocksize": block, "mode": "CRD"}, ref=ref)


def _space_to_depth(step: Step) -> Ref:
    """torch's order of the channels, `CRD`, is not ONNX's own, but that of some chains."""
    ref, block = step.data(), step.attribute("blocksize", 1)
    _, c, *spatial = step.sizes(ref)
    if block < 1 or len(spatial) != 2 or any(n % block for n in spatial):
        raise Unknown("blocks do not fit into its positions")
    shape = (c * block * block, *(n // block for n in spatial))
    ref = step.add_layer("pixel_unshuffle", ref, shape, {"factor": block})
    torchs = step.attribute("mode", "DCR") == "CRD"
    return ref if c == 1 or torchs else step.add_layer("channel_shuffle", ref, shape, {"groups": c})


VIEWS: Mapping[str, Callable[[Step], Result]] = {
    "Cast": _same,
    "CastLike": _same,
    "Concat": _concat,
    "DepthToSpace": _depth_to_space,
    "Expand": _expand,
    "Flatten": _flatten,
    "Gather": _gather,
    "Identity": _same,
    "Reshape": _reshape,
    "Slice": _slice,
    "SpaceToDepth": _space_to_depth,
    "Split": _split,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Unsqueeze": _unsqueeze,
}
