"""torchvision's deformable convolution, computed by torch where that package is not installed.

It refuses what torchvision's kernel refuses, and keeps the same tensors for backward. With
torchvision installed, the same tests run its own kernel.
Source: torchvision/csrc/ops/cpu/deform_conv2d_kernel.cpp, and deform_conv2d.cpp for what is kept.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import conv_flop_count

_TENSORS = "Tensor input, Tensor weight, Tensor offset, Tensor mask, Tensor bias"
_NUMBERS = ", ".join(
    f"int {name}"
    for name in (
        *("stride_h", "stride_w", "pad_h", "pad_w", "dilation_h", "dilation_w"),
        *("groups", "offset_groups"),
    )
)


def is_there() -> bool:
    """Return whether torch has the operation."""
    return hasattr(torch.ops.torchvision, "deform_conv2d")


@contextmanager
def deformable() -> Iterator[None]:
    """Give torch the operation, if it does not have it."""
    if is_there():
        yield
        return
    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define(f"deform_conv2d({_TENSORS}, {_NUMBERS}, bool use_mask) -> Tensor")
    library.impl("deform_conv2d", convolved, "CompositeExplicitAutograd")
    library.impl("deform_conv2d", _Differentiable.apply, "Autograd")
    try:
        yield
    finally:
        library._destroy()
        vars(torch.ops.torchvision).pop("deform_conv2d", None)


def counted() -> dict[Any, Any]:
    """Return how torch counts the operation: its products are those of a convolution."""
    if not is_there():
        return {}

    def flops(x: torch.Size, weight: torch.Size, *others: Any, out_shape: Any, **more: Any) -> int:
        return int(conv_flop_count(list(x), list(weight), list(out_shape)))

    return {torch.ops.torchvision.deform_conv2d: flops}


def convolved(
    x: Tensor, weight: Tensor, offset: Tensor, mask: Tensor, bias: Tensor, *how: int
) -> Tensor:
    """Compute a deformable convolution from what is read of its map, a tap at a time.

    Source: equations 1 and 2 of Dai et al. 2017, and equation 1 of Zhu et al. 2019.
    """
    *settings, groups, moves, masked = how
    stride, padding, dilation = (settings[i : i + 2] for i in (0, 2, 4))
    batch, channels, *sizes = x.shape
    kernel = weight.shape[2:]
    torch._check(min(stride) > 0 and min(padding) >= 0 and min(dilation) > 0)
    out = [
        int((n + 2 * p - d * (k - 1) - 1) / s) + 1  # C++ rounds toward 0
        for n, k, s, p, d in zip(sizes, kernel, stride, padding, dilation)
    ]
    taps = kernel[0] * kernel[1]
    torch._check(min(out) > 0)
    torch._check(channels == groups * weight.shape[1] and len(weight) % groups == 0)
    torch._check(moves > 0 and channels % moves == 0)
    torch._check([*offset.shape] == [batch, 2 * moves * taps, *out])
    torch._check(not masked or [*mask.shape] == [batch, moves * taps, *out])
    places = (torch.arange(n, device=x.device, dtype=x.dtype) for n in out)
    at = (place * s - p for place, s, p in zip(places, stride, padding))
    rows, columns = torch.meshgrid(*at, indexing="ij")
    read = []
    for m, i, j in itertools.product(range(moves), range(kernel[0]), range(kernel[1])):
        tap = (m * kernel[0] + i) * kernel[1] + j
        y = rows + i * dilation[0] + offset[:, 2 * tap]
        z = columns + j * dilation[1] + offset[:, 2 * tap + 1]
        found = _bilinear(x[:, m * channels // moves : (m + 1) * channels // moves], y, z)
        read.append(found * mask[:, tap : tap + 1] if masked else found)
    parts = [torch.stack(read[n : n + taps], 2) for n in range(0, len(read), taps)]
    values = torch.cat(parts, 1).reshape(batch, groups, channels // groups, taps, *out)
    filters = weight.reshape(groups, len(weight) // groups, channels // groups, taps)
    y = torch.einsum("bgckhw,gock->bgohw", values, filters)
    return y.reshape(batch, -1, *out) + bias[:, None, None]


def _bilinear(x: Tensor, *places: Tensor) -> Tensor:
    """Return the values at places between positions: of each axis, the two around it are read."""
    near = [
        (1 - (place[..., None] - torch.arange(n, device=x.device)).abs()).clamp(min=0)
        for n, place in zip(x.shape[2:], places)
    ]
    return torch.einsum("bcij,bhwi,bhwj->bchw", x, *near)


class _Differentiable(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Any) -> Tensor:
        ctx.save_for_backward(*given[:5])
        ctx.how = given[5:]
        with torch._C._AutoDispatchBelowAutograd():
            found: Tensor = torch.ops.torchvision.deform_conv2d(*given)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        with torch.enable_grad():
            read = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
            y = convolved(*read, *ctx.how)
            found = torch.autograd.grad(y, read, gradients, allow_unused=True)
        return (*found, *(None,) * len(ctx.how))
