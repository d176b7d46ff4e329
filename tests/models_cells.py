"""NASNet-A in plain torch: cells that read the two cells before them. Written from the paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Factory = Callable[[], nn.Module]


def around(x: Tensor, k: int, s: int, value: float = 0.0) -> tuple[Tensor, tuple[int, int]]:
    """Return what a window reads so that there are ⌈n/s⌉ of them, and its padding.

    An odd position is added at the end, before the window.
    """
    if s == 1:
        return x, (k // 2, k // 2)
    pads: list[int] = []
    for n in (x.shape[3], x.shape[2]):
        missing = max((-(-n // s) - 1) * s + k - n, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.pad(x, pads, value=value), (0, 0)


class Depthwise(nn.Module):
    """ReLU, a convolution of each channel and one of 1×1, and batch normalisation."""

    def __init__(self, i: int, o: int, k: int, s: int) -> None:
        super().__init__()
        self.k, self.s = k, s
        padding = k // 2 if s == 1 else 0
        self.depth = nn.Conv2d(i, i, k, s, padding, groups=i, bias=False)
        self.point = nn.Conv2d(i, o, 1, bias=False)
        self.norm = nn.BatchNorm2d(o, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x, _ = around(x.relu(), self.k, self.s)
        return self.norm(self.point(self.depth(x)))


def separable(i: int, o: int, k: int, s: int = 1) -> nn.Sequential:
    return nn.Sequential(Depthwise(i, o, k, s), Depthwise(o, o, k, 1))


def mean3(x: Tensor, s: int = 1) -> Tensor:
    """Return the mean over windows of 3×3: at stride 1, of the positions that exist."""
    x, padding = around(x, 3, s)
    return F.avg_pool2d(x, 3, s, padding, count_include_pad=s > 1)


def max3(x: Tensor) -> Tensor:
    x, padding = around(x, 3, 2, float("-inf"))
    return F.max_pool2d(x, 3, 2, padding)


class Fit(nn.Module):
    """Fits what an earlier cell made to a width, and to half its size if `halves`."""

    def __init__(self, i: int, o: int, halves: bool = False) -> None:
        super().__init__()
        wide = [o // 2, o - o // 2] if halves else [o]
        self.parts = nn.ModuleList(nn.Conv2d(i, part, 1, bias=False) for part in wide)
        self.norm = nn.BatchNorm2d(o, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        x = x.relu()
        if len(self.parts) == 1:
            return self.norm(self.parts[0](x))
        even, odd = self.parts
        first = even(F.avg_pool2d(x, 1, 2))
        between = F.avg_pool2d(F.pad(x[:, :, 1:, 1:], (0, 1, 0, 1)), 1, 2)
        return self.norm(torch.cat([first, odd(between)], 1))


class Reduction(nn.Module):
    def __init__(self, before: int, i: int, o: int, fit: nn.Module | None) -> None:
        super().__init__()
        self.now = Fit(i, o)
        self.before = fit
        left = before if fit is None else o
        self.a, self.b = separable(o, o, 5, 2), separable(left, o, 7, 2)
        self.c, self.d = separable(left, o, 7, 2), separable(left, o, 5, 2)
        self.e = separable(o, o, 3)

    def forward(self, before: Tensor, x: Tensor) -> Tensor:
        x = self.now(x)
        if self.before is not None:
            before = self.before(before)
        first = self.a(x) + self.b(before)
        second = max3(x) + self.c(before)
        third = mean3(x, 2) + self.d(before)
        return torch.cat([second, third, mean3(first) + second, self.e(first) + max3(x)], 1)


class Normal(nn.Module):
    def __init__(self, before: int, i: int, o: int, halves: bool = False) -> None:
        super().__init__()
        self.before, self.now = Fit(before, o, halves), Fit(i, o)
        self.filters = nn.ModuleList(separable(o, o, k) for k in (5, 3, 5, 3, 3))

    def forward(self, before: Tensor, x: Tensor) -> Tensor:
        a, b, c, d, e = self.filters
        x, before = self.now(x), self.before(before)
        sums = [a(x) + b(before), c(before) + d(before), mean3(x) + before]
        return torch.cat([before, *sums, mean3(before) + mean3(before), e(x) + x], 1)


class NASNet(nn.Module):
    def __init__(self, stem: int, filters: int, cells: int, classes: int = 1000) -> None:
        super().__init__()
        f = filters // 24
        self.stem = nn.Sequential(
            nn.Conv2d(3, stem, 3, 2, bias=False), nn.BatchNorm2d(stem, eps=0.001)
        )
        cell0 = Reduction(stem, stem, f // 4, None)
        cell1 = Reduction(stem, f, f // 2, Fit(stem, f // 2, halves=True))
        self.first = nn.ModuleList([cell0, cell1])
        self.stages, self.reductions = nn.ModuleList(), nn.ModuleList()
        before, i = f, 2 * f
        for o in (f, 2 * f, 4 * f):
            if o > f:
                self.reductions.append(Reduction(before, i, o, Fit(before, o)))
                i = 4 * o
            widths: Sequence[int] = [before, i, *[6 * o] * cells]
            self.stages.append(
                nn.ModuleList(
                    Normal(widths[n], widths[n + 1], o, halves=not n) for n in range(cells)
                )
            )
            before, i = 6 * o, 6 * o
        self.head = nn.Linear(i, classes)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        skip = self.first[0](stem, stem)
        x = self.first[1](stem, skip)
        for number, stage in enumerate(self.stages):
            if number:
                x = self.reductions[number - 1](skip, x)
            for cell in stage:
                skip, x = x, cell(skip, x)
        return self.head(x.relu().mean((2, 3)))


NETWORKS: dict[str, tuple[Factory, tuple[int, ...]]] = {
    "nasnet_a_mobile": (partial(NASNet, 32, 1056, 4), (3, 224, 224)),
    "nasnet_a_large": (partial(NASNet, 96, 4032, 6), (3, 331, 331)),
}
