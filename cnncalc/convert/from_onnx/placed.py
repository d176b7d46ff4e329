"""Nodes that read at places: samples of maps, pools undone, windows as columns, and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...ops.shapes import alike
from ...trace import Ref
from ..layers import Unknown
from .step import Result, Step
from .views import VIEWS

_MODES = {"bilinear": 0, "linear": 0, "nearest": 1, "bicubic": 2, "cubic": 2}  # torch's numbers
_OUTSIDE = {"zeros": 0, "border": 1, "reflection": 2}


def _grid_sample(step: Step) -> Ref:
    ref, grid = step.data(), step.data(1)
    sizes = (*step.sizes(ref)[:2], *step.sizes(grid)[1:-1])
    mode, outside = step.attribute("mode", "linear"), step.attribute("padding_mode", "zeros")
    if mode not in _MODES or outside not in _OUTSIDE:
        raise Unknown(f"it samples by {mode}, and {outside} outside")
    how = {"interpolation_mode": _MODES[mode], "padding_mode": _OUTSIDE[outside]}
    corners = bool(step.attribute("align_corners", 0))
    return step.add("grid_sampler", sizes, input=ref, grid=grid, **how, align_corners=corners)


def _affine_grid(step: Step) -> Ref:
    ref, size = step.data(), step.constant(1)
    if size is None:
        raise Unknown("the size of its grid is not there")
    spatial = size.integers()[2:]
    corners = bool(step.attribute("align_corners", 0))
    sizes = (step.sizes(ref)[0], *spatial, len(spatial))
    return step.add("affine_grid_generator", sizes, theta=ref, align_corners=corners)


def _max_pool(step: Step) -> Result:
    """Return the maxima, and their places where something reads these."""
    if len(step.outputs) < 2:
        return step.add_operator()
    ref = step.add_operator(parts=2)
    return [ref, Ref(ref.call, 1)]


def _max_unpool(step: Step) -> Ref:
    """NOTE: without a size, the output is the smallest that the pool's windows cover."""
    ref, places = step.data(), step.data(1)
    if step.input(2) is not None:
        size = step.constant(2)
        spatial = size.integers()[2:] if size is not None else ()
    else:
        n, kernel = len(step.sizes(ref)) - 2, step.attribute("kernel_shape")
        strides, pads = step.attribute("strides", (1,) * n), step.attribute("pads", (0,) * 2 * n)
        axes = zip(step.sizes(ref)[2:], kernel, strides, pads[:n], pads[n:])
        spatial = tuple((m - 1) * s + k - low - high for m, k, s, low, high in axes)
    sizes = (*step.sizes(ref)[:2], *spatial)
    return step.add(f"max_unpool{len(spatial)}d", sizes, self=ref, indices=places)


def _col2im(step: Step) -> Ref:
    ref, size, kernel = step.data(), step.constant(1), step.constant(2)
    if size is None or kernel is None or len(size.integers()) != 2:
        raise Unknown("it does not fold columns into a map of two axes")
    pads = step.attribute("pads", (0, 0, 0, 0))
    if pads[:2] != pads[2:]:
        raise Unknown("its padding differs at both ends")
    window = kernel.integers()
    body = {
        "size": alike(size.integers()),
        "kernel": alike(window),
        "stride": alike(step.attribute("strides", (1, 1))),
        "padding": alike(pads[:2]),
        "dilation": alike(step.attribute("dilations", (1, 1))),
    }
    channels = step.sizes(ref)[1] // (window[0] * window[1])
    return step.add_layer("fold", ref, (channels, *size.integers()), body)


def _gather(step: Step) -> Result:
    """Look up rows of parameters by integers; what takes positions of a tensor is a view."""
    table = step.input(0)
    if isinstance(table, Ref) or not isinstance(step.input(1), Ref):
        return VIEWS["Gather"](step)
    if table is None or len(table.sizes) != 2 or step.attribute("axis", 0) != 0:
        raise Unknown("it looks up other things than rows of parameters")
    indices = step.data(1)
    sizes = (*step.sizes(indices), table.sizes[1])
    return step.add("embedding", sizes, weight=table.weight(), indices=indices)


PLACED: Mapping[str, Callable[[Step], Result]] = {
    "AffineGrid": _affine_grid,
    "Col2Im": _col2im,
    "Gather": _gather,
    "GridSample": _grid_sample,
    "MaxPool": _max_pool,
    "MaxUnpool": _max_unpool,
}
