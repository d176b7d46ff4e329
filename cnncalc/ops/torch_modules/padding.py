"""Pads and crops."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from ...num import ceil_div

FILL = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
Pads = Sequence[tuple[int, int]]  # added before and after each spatial axis


def torch_order(around: Pads) -> list[int]:
    """Return ((low, high), …) per axis in the order of `F.pad`, the last axis first."""
    amounts: list[int] = []
    for low, high in reversed(tuple(around)):
        amounts += low, high
    return amounts


class Padding(nn.Module):
    """Adds values around the spatial axes: (N, C, *n) -> (N, C, *(n + low + high))."""

    def __init__(self, around: Pads, mode: str = "zeros", value: float = 0.0):
        super().__init__()
        self.amounts, self.mode, self.value = torch_order(around), FILL[mode], value

    def forward(self, x: Tensor) -> Tensor:
        return F.pad(x, self.amounts, self.mode, self.value if self.mode == "constant" else None)


class PaddingLike(nn.Module):
    """Pads to the size of a second input, the odd position after the first one."""

    def __init__(self, mode: str = "zeros", value: float = 0.0):
        super().__init__()
        self.mode, self.value = FILL[mode], value

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        around = []
        for n, m in zip(x.shape[2:], like.shape[2:], strict=True):
            around.append((int(m - n) // 2, int(m - n) - int(m - n) // 2))
        value = self.value if self.mode == "constant" else None
        return F.pad(x, torch_order(around), self.mode, value)


class SamePadding(nn.Module):
    """Pads so that a window makes ⌈n / stride⌉ steps, the odd position after the input.

    The amounts depend on the size at a stride above 1, so they are found at each call. Source:
    TensorFlow's padding ``SAME``.
    """

    def __init__(
        self,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        value: float = 0.0,
    ):
        super().__init__()
        self.windows, self.value = (*zip(kernel_size, stride, dilation),), value

    def forward(self, x: Tensor) -> Tensor:
        around = []
        for n, (k, s, d) in zip(x.shape[2:], self.windows):
            total = max((ceil_div(n, s) - 1) * s + d * (k - 1) + 1 - n, 0)
            around.append((total // 2, total - total // 2))
        return F.pad(x, torch_order(around), value=self.value)


class CroppingLike(nn.Module):
    """Keeps the middle, of the size of a second input; an odd rest is cut off at the end."""

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        window = [slice(None), slice(None)]
        for n, m in zip(x.shape[2:], like.shape[2:]):
            start = (n - m) // 2
            window.append(slice(start, start + m))
        return x[tuple(window)]


class Cropping(nn.Module):
    """Keeps a part of the spatial axes."""

    def __init__(self, starts: Sequence[int], sizes: Sequence[int]):
        super().__init__()
        spatial = (slice(start, start + size) for start, size in zip(starts, sizes))
        self.window = (slice(None), slice(None), *spatial)

    def forward(self, x: Tensor) -> Tensor:
        return x[self.window]
