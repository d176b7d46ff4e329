"""Convolutions with a fixed filter: those that blur each channel are `blurpool`."""

from __future__ import annotations

from math import comb, isclose, prod

from ...ops.pad import Pad
from ...ops.shapes import alike
from ...trace import Call, Weight
from ..axes import Value
from .draft import Draft, only_data
from .operators import called
from .reader import Reader


def _convolution(draft: Draft, call: Call) -> Value:
    """Return a convolution; one of each channel with a row of Pascal's triangle is a blur."""
    weight = call.arguments.get("weight")
    if isinstance(weight, Weight) and weight.filter is not None and not weight.trained:
        found = _blurred(draft, call, weight)
        if found is not None:
            return found
    return called(draft, call)


def _blurred(draft: Draft, call: Call, weight: Weight) -> Value | None:
    """Return the blur that a convolution is, with the pad before it; None if it is none."""
    given = call.arguments
    kernel = weight.sizes[-1]
    axes = len(weight.sizes) - 2
    is_alone = weight.sizes[1:] == (1, *(kernel,) * axes) and given["groups"] == weight.sizes[0]
    plain = given.get("bias") is None and alike(given.get("dilation") or (1,)) == 1
    if not (is_alone and plain and _is_blur(weight.filter or (), kernel, axes)):
        return None
    ref = only_data(call)
    x = draft.plain(draft.of(ref), call)
    around = ((kernel - 1) // 2, kernel // 2)
    padding, mode = alike(given.get("padding") or (0,)), "zeros"
    node = draft.layers.graph.nodes[x]
    pad = node.op
    is_last = x == len(draft.layers.graph.nodes) - 1
    if padding == 0 and isinstance(pad, Pad) and is_last and draft.is_read_once(ref):
        source = node.inputs[0]
        added = pad.around(draft.layers.graph.nodes[source].shape)
        if pad.value != 0 or added != (around,) * axes:
            return None
        mode = pad.mode
        draft.layers.drop_after(x)
    elif padding == around[0] == around[1]:
        source = x
    else:
        return None
    body = {"kernel": kernel, "stride": alike(given["stride"]), "mode": mode}
    path = draft.path(call, "blurpool")
    return draft.layers.add("blurpool", body, [source], path, call.sizes[0][1:])


def _is_blur(taps: tuple[float, ...], kernel: int, axes: int) -> bool:
    """Return whether the values of a filter are products of a row of Pascal's triangle."""
    row = [comb(kernel - 1, n) / 2 ** (kernel - 1) for n in range(kernel)]
    wanted = [
        prod(row[n // kernel**axis % kernel] for axis in range(axes)) for n in range(len(taps))
    ]
    return all(isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for a, b in zip(taps, wanted))


READERS = {
    "convolution": Reader(_convolution, "`conv`; `blurpool` if its fixed filter is a blur"),
}
