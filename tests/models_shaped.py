"""Reference definitions in plain torch.nn of networks whose layers form more than a line.

They are written from the papers: HRNet's parallel streams, DLA's trees, Res2Net's hierarchies of
channels, SKNet's choice between kernels and MixNet's kernels of many sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor, nn

from . import models as m

Factory = Callable[[], nn.Module]


def norm(i: int, o: int, k: int = 3, s: int = 1, act: bool = True, **given: int) -> nn.Sequential:
    """Return a convolution that keeps the size but for its stride, a norm and a ReLU."""
    padding = k // 2 * given.get("dilation", 1)
    bias = bool(given.pop("bias", 0))
    conv = nn.Conv2d(i, o, k, s, padding, bias=bias, **given)
    return nn.Sequential(conv, nn.BatchNorm2d(o), *[nn.ReLU()] * act)


def head(c: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 1000)]


class Residual(nn.Module):
    """A body and, where the shape changes, a 1×1 convolution around it."""

    def __init__(self, i: int, o: int, s: int, *body: nn.Module):
        super().__init__()
        self.body = nn.Sequential(*body)
        self.around = norm(i, o, 1, s, act=False) if s > 1 or i != o else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.around(x))


def basic(i: int, o: int) -> nn.Module:
    return Residual(i, o, 1, norm(i, o), norm(o, o, act=False))


def bottleneck(i: int, o: int) -> nn.Module:
    inner = o // 4
    body = norm(i, inner, 1), norm(inner, inner), norm(inner, o, 1, act=False)
    return Residual(i, o, 1, *body)


class Exchange(nn.Module):
    """One module of HRNet: every stream by itself, then each the sum of all."""

    def __init__(self, widths: list[int], depth: int):
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(*(basic(c, c) for _ in range(depth))) for c in widths
        )
        self.paths = nn.ModuleList(
            nn.ModuleList(self.path(widths, a, b) for a in range(len(widths)))
            for b in range(len(widths))
        )

    @staticmethod
    def path(widths: list[int], a: int, b: int) -> nn.Module:
        """Return what takes stream a to the size and channels of stream b."""
        if a > b:
            up = nn.Upsample(scale_factor=2 ** (a - b))
            return nn.Sequential(norm(widths[a], widths[b], 1, act=False), up)
        halvings = [norm(widths[a], widths[a], s=2) for _ in range(b - a - 1)]
        last = [norm(widths[a], widths[b], s=2, act=False)] if a < b else []
        return nn.Sequential(*halvings, *last)

    def forward(self, xs: list[Tensor]) -> list[Tensor]:
        xs = [stream(x) for stream, x in zip(self.streams, xs)]
        sums = (reduce(torch.add, (path(x) for path, x in zip(paths, xs))) for paths in self.paths)
        return [torch.relu(y) for y in sums]


class HighResolution(nn.Module):
    """HRNet with the head for classification."""

    def __init__(
        self,
        width: int,
        modules: tuple[int, ...] = (1, 4, 3),
        depth: int = 4,
        first: tuple[int, int] = (4, 256),
    ):
        super().__init__()
        count, c = first
        units = [bottleneck(64 if n == 0 else c, c) for n in range(count)]
        self.stem = nn.Sequential(norm(3, 64, s=2), norm(64, 64, s=2), *units)
        self.stages, self.entries = nn.ModuleList(), nn.ModuleList()
        widths = [c]
        for n, repeats in enumerate(modules):
            before, widths = widths, [width * 2**k for k in range(n + 2)]
            kept = [norm(i, o) if i != o else nn.Identity() for i, o in zip(before, widths)]
            self.entries.append(nn.ModuleList([*kept, norm(before[-1], widths[-1], s=2)]))
            stage = nn.Sequential(*(Exchange(widths, depth) for _ in range(repeats)))
            self.stages.append(stage)
        wide = [128 * 2**k for k in range(4)]
        self.widen = nn.ModuleList(bottleneck(i, o) for i, o in zip(widths, wide))
        self.down = nn.ModuleList(norm(i, 2 * i, s=2, bias=1) for i in wide[:3])
        self.head = nn.Sequential(norm(1024, 2048, 1, bias=1), *head(2048))

    def forward(self, x: Tensor) -> Tensor:
        xs = [self.stem(x)]
        for entries, stage in zip(self.entries, self.stages):
            xs = stage([entry(x) for entry, x in zip(entries, [*xs, xs[-1]])])  # type: ignore
        y = self.widen[0](xs[0])
        for down, widen, x in zip(self.down, self.widen[1:], xs[1:]):  # type: ignore[arg-type]
            y = down(y) + widen(x)
        return self.head(y)


class AggregatedUnit(nn.Module):
    """A residual unit of DLA, whose shortcut is given."""

    def __init__(self, i: int, o: int, s: int, groups: int, base: int, deep: bool):
        super().__init__()
        inner = o * base // 64 * groups // 2
        if deep:
            middle = norm(inner, inner, s=s, groups=groups)
            self.body = nn.Sequential(norm(i, inner, 1), middle, norm(inner, o, 1, act=False))
        else:
            self.body = nn.Sequential(norm(i, o, s=s), norm(o, o, act=False))

    def forward(self, x: Tensor, shortcut: Tensor) -> Tensor:
        return torch.relu(self.body(x) + shortcut)


class Tree(nn.Module):
    """Hierarchical aggregation: the root of the second subtree also sees what came before."""

    def __init__(
        self,
        levels: int,
        i: int,
        o: int,
        s: int = 1,
        extra: int = 0,
        whole: bool = False,
        residual: bool = False,
        **unit: int,
    ):
        super().__init__()
        self.levels, self.whole, self.residual = levels, whole, residual
        self.halve = nn.MaxPool2d(s, s) if s > 1 else nn.Identity()
        extra += i * whole
        if levels > 1:
            given = {"residual": residual, **unit}
            self.left = Tree(levels - 1, i, o, s, **given)
            self.right = Tree(levels - 1, o, o, extra=extra + o, **given)
            return
        self.project = norm(i, o, 1, act=False) if i != o else nn.Identity()
        self.left, self.right = AggregatedUnit(i, o, s, **unit), AggregatedUnit(o, o, 1, **unit)
        self.root = norm(2 * o + extra, o, 1, act=False)

    def forward(self, x: Tensor, seen: tuple[Tensor, ...] = ()) -> Tensor:
        if self.whole:
            seen = (*seen, self.halve(x))
        if self.levels > 1:
            left = self.left(x)
            return self.right(left, (*seen, left))
        left = self.left(x, self.project(seen[-1] if self.whole else self.halve(x)))
        right = self.right(left, left)
        y = self.root(torch.cat([right, left, *seen], 1))
        return torch.relu(y + right if self.residual else y)


def dla(
    levels: tuple[int, ...],
    widths: tuple[int, ...],
    deep: bool = True,
    residual: bool = False,
    groups: int = 1,
    base: int = 64,
) -> nn.Module:
    trees, c = [], 32
    for n, (level, width) in enumerate(zip(levels, widths)):
        unit = {"residual": residual, "groups": groups, "base": base, "deep": deep}
        trees.append(Tree(level, c, width, 2, whole=n > 0, **unit))
        c = width
    ends = nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, 1000, 1), nn.Flatten()
    return nn.Sequential(norm(3, 16, 7), norm(16, 16), norm(16, 32, s=2), *trees, *ends)


class Hierarchy(nn.Module):
    """Res2Net's parts of the channels, each added to the next but in the first unit of a stage."""

    def __init__(self, width: int, parts: int, s: int, first: bool, groups: int):
        super().__init__()
        self.first = first
        self.filters = nn.ModuleList(
            norm(width, width, s=s, groups=groups) for _ in range(parts - 1)
        )
        self.last = nn.AvgPool2d(3, s, 1) if first else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        *parts, last = x.chunk(len(self.filters) + 1, 1)
        found: list[Tensor] = []
        for part, filters in zip(parts, self.filters):
            found.append(filters(part + found[-1] if found and not self.first else part))
        return torch.cat([*found, self.last(last)], 1)


class Selective(nn.Module):
    """Two paths, each scaled by a softmax over both from the mean of their sum."""

    def __init__(self, i: int, o: int, s: int, groups: int, halves: bool, squeezed: int):
        super().__init__()
        self.halves = halves
        self.paths = nn.ModuleList(
            norm(i // 2 if halves else i, o, s=s, groups=groups, dilation=d) for d in (1, 2)
        )
        self.choice = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), norm(o, squeezed, 1), nn.Conv2d(squeezed, 2 * o, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        inputs = x.chunk(2, 1) if self.halves else (x, x)
        paths = torch.stack([path(part) for path, part in zip(self.paths, inputs)], 1)
        shares = self.choice(paths.sum(1)).reshape(len(x), 2, -1, 1, 1).softmax(1)
        return (shares * paths).sum(1)


def staged(unit: Callable[..., nn.Module], depths: tuple[int, ...], expansion: int) -> nn.Module:
    """Return a ResNet of units, which are made of (in, planes, out, stride)."""
    layers: list[nn.Module] = [norm(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    c = 64
    for stage, depth in enumerate(depths):
        planes = 64 * 2**stage
        for n in range(depth):
            stride = 2 if stage and not n else 1
            layers.append(unit(c, planes, expansion * planes, stride))
            c = expansion * planes
    return nn.Sequential(*layers, *head(c))


def res2net(depths: tuple[int, ...], base: int, parts: int, groups: int = 1) -> nn.Module:
    def unit(i: int, planes: int, o: int, s: int) -> nn.Module:
        width = planes * base // 64 * groups
        body = Hierarchy(width, parts, s, i != o or s > 1, groups)
        ends = norm(i, width * parts, 1), norm(width * parts, o, 1, act=False)
        return Residual(i, o, s, ends[0], body, ends[1])

    return staged(unit, depths, 4)


def sknet(
    depths: tuple[int, ...],
    deep: bool = True,
    groups: int = 1,
    base: int = 64,
    halves: bool = True,
    share: int = 16,
    least: int = 8,
) -> nn.Module:
    def unit(i: int, planes: int, o: int, s: int) -> nn.Module:
        width = planes * base // 64 * groups
        squeezed = max(least, width // share)
        given = {"groups": groups, "halves": halves, "squeezed": squeezed}
        if deep:
            middle = Selective(width, width, s, **given)
            return Residual(i, o, s, norm(i, width, 1), middle, norm(width, o, 1, act=False))
        return Residual(i, o, s, Selective(i, o, s, **given), norm(o, o, act=False))

    return staged(unit, depths, 4 if deep else 1)


class Mixed(nn.Module):
    """Convolutions side by side, each of its own part of the channels and with its own kernel."""

    def __init__(self, i: int, o: int, kernels: tuple[int, ...], s: int = 1, alone: bool = False):
        super().__init__()
        parts = len(kernels)
        each = i // parts, o // parts
        groups = each[0] if alone else 1
        self.parts = nn.ModuleList(
            nn.Conv2d(*each, k, s, k // 2, groups=groups, bias=False) for k in kernels
        )

    def forward(self, x: Tensor) -> Tensor:
        chunks = x.chunk(len(self.parts), 1)
        found = [part(chunk) for part, chunk in zip(self.parts, chunks)]
        return torch.cat(found, 1) if len(found) > 1 else found[0]


class MixedUnit(nn.Module):
    """MobileNetV2's inverted residual with `Mixed` convolutions, maybe squeezed and excited."""

    def __init__(self, i: int, o: int, s: int, row: tuple[int, tuple[int, ...], int, int, float]):
        super().__init__()
        expand, kernels, up, down, share = row
        c = i * expand
        act = nn.SiLU if share else nn.ReLU
        first = Mixed(i, c, (1,) * up), nn.BatchNorm2d(c), act()
        self.before = nn.Sequential(
            *(first if expand > 1 else ()),
            Mixed(c, c, kernels, s, alone=True),
            nn.BatchNorm2d(c),
            act(),
        )
        few = round(i * share)
        self.gate = None
        if share:
            squeeze = nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, few, 1), nn.SiLU()
            self.gate = nn.Sequential(*squeeze, nn.Conv2d(few, c, 1), nn.Sigmoid())
        self.after = nn.Sequential(Mixed(c, o, (1,) * down), nn.BatchNorm2d(o))
        self.skips = s == 1 and i == o

    def forward(self, x: Tensor) -> Tensor:
        y = self.before(x)
        y = self.after(y if self.gate is None else y * self.gate(y))
        return x + y if self.skips else y


def mixnet(stem: int, stages: list[tuple[int, int, list[Any]]], width: float = 1) -> nn.Module:
    """Return a MixNet; a stage has its channels, its stride, and a row for each unit."""

    def wide(channels: int) -> int:
        return int(channels * width + 4) // 8 * 8

    c = wide(stem)
    layers = [norm(3, c, s=2), MixedUnit(c, c, 1, (1, (3,), 1, 1, 0))]
    for channels, stride, rows in stages:
        for n, row in enumerate(rows):
            layers.append(MixedUnit(c, wide(channels), 1 if n else stride, row))
            c = wide(channels)
    return nn.Sequential(*layers, norm(c, 1536, 1), *head(1536))


D34 = (3, 4, 6, 3)
K3, K5, K7, K9, K11 = (tuple(range(3, last + 1, 2)) for last in (3, 5, 7, 9, 11))
# Of each unit: how much wider it is inside, its kernels, the parts of both 1×1 convolutions, and
# the share of its input's channels that a gate squeezes to.
MIXNET_S: list[tuple[int, int, list[Any]]] = [
    (24, 2, [(6, K3, 2, 2, 0), (3, K3, 2, 2, 0)]),
    (40, 2, [(6, K7, 1, 1, 0.5), *[(6, K5, 2, 2, 0.5)] * 3]),
    (80, 2, [(6, K7, 1, 2, 0.25), *[(6, K5, 1, 2, 0.25)] * 2]),
    (120, 1, [(6, K7, 2, 2, 0.5), *[(3, K9, 2, 2, 0.5)] * 2]),
    (200, 2, [(6, K11, 1, 1, 0.5), *[(6, K9, 1, 2, 0.5)] * 2]),
]
MIXNET_M: list[tuple[int, int, list[Any]]] = [
    (32, 2, [(6, K7, 2, 2, 0), (3, K3, 2, 2, 0)]),
    (40, 2, [(6, K9, 1, 1, 0.5), *[(6, K5, 2, 2, 0.5)] * 3]),
    (80, 2, [(6, K7, 1, 1, 0.25), *[(6, K9, 2, 2, 0.25)] * 3]),
    (120, 1, [(6, K3, 1, 1, 0.5), *[(3, K9, 2, 2, 0.5)] * 3]),
    (200, 2, [(6, K9, 1, 1, 0.5), *[(6, K9, 1, 2, 0.5)] * 3]),
]
MIXNET: dict[str, Factory] = {
    "mixnet_s": partial(mixnet, 16, MIXNET_S),
    "mixnet_m": partial(mixnet, 24, MIXNET_M),
    "mixnet_l": partial(mixnet, 24, MIXNET_M, 1.3),
}
LARGE, COMPACT = (128, 256, 512, 1024), (64, 64, 128, 256)
DLA: dict[str, Factory] = {
    "dla34": partial(dla, (1, 2, 2, 1), (64, 128, 256, 512), deep=False),
    "dla46_c": partial(dla, (1, 2, 2, 1), COMPACT),
    "dla46x_c": partial(dla, (1, 2, 2, 1), COMPACT, groups=32, base=4),
    "dla60x_c": partial(dla, (1, 2, 3, 1), COMPACT, groups=32, base=4),
    "dla60": partial(dla, (1, 2, 3, 1), LARGE),
    "dla60x": partial(dla, (1, 2, 3, 1), LARGE, groups=32, base=4),
    "dla102": partial(dla, (1, 3, 4, 1), LARGE, residual=True),
    "dla102x": partial(dla, (1, 3, 4, 1), LARGE, residual=True, groups=32, base=4),
    "dla102x2": partial(dla, (1, 3, 4, 1), LARGE, residual=True, groups=64, base=4),
    "dla169": partial(dla, (2, 3, 5, 1), LARGE, residual=True),
}
RES2: dict[str, Factory] = {
    "res2net50_26w_4s": partial(res2net, D34, 26, 4),
    "res2net101_26w_4s": partial(res2net, (3, 4, 23, 3), 26, 4),
    "res2net50_26w_6s": partial(res2net, D34, 26, 6),
    "res2net50_26w_8s": partial(res2net, D34, 26, 8),
    "res2net50_48w_2s": partial(res2net, D34, 48, 2),
    "res2net50_14w_8s": partial(res2net, D34, 14, 8),
    "res2next50": partial(res2net, D34, 4, 4, groups=8),
}
SELECTIVE: dict[str, Factory] = {
    "skresnet18": partial(sknet, (2, 2, 2, 2), deep=False, share=8, least=16),
    "skresnet34": partial(sknet, D34, deep=False, share=8, least=16),
    "skresnet50": partial(sknet, D34),
    "skresnext50_32x4d": partial(sknet, D34, groups=32, base=4, halves=False, least=32),
}
SMALL: Factory = partial(HighResolution, 16, (1, 1, 1), 2, (1, 128))
NETWORKS: dict[str, tuple[Factory, tuple[int, ...]]] = {
    "hrnet_w18_small": (SMALL, m.RGB),
    "hrnet_w18_small_v2": (partial(HighResolution, 18, (1, 3, 2), 2, (2, 256)), m.RGB),
    **{
        f"hrnet_w{width}": (partial(HighResolution, width), m.RGB)
        for width in (18, 30, 32, 40, 44, 48, 64)
    },
    **{name: (made, m.RGB) for name, made in {**DLA, **RES2, **SELECTIVE, **MIXNET}.items()},
}
