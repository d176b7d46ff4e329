"""YOLOv5n and YOLOv8n in torch, written from their architecture, without the decoding of boxes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Conv(nn.Sequential):
    """A convolution, batch norm and SiLU."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, pad: int = -1):
        pad = kernel // 2 if pad < 0 else pad
        conv = nn.Conv2d(before, after, kernel, stride, pad, bias=False)
        super().__init__(conv, nn.BatchNorm2d(after), nn.SiLU())


class Bottleneck(nn.Module):
    """Two convolutions, with a shortcut around them if there is one."""

    def __init__(self, width: int, first: int, shortcut: bool):
        super().__init__()
        self.body = nn.Sequential(Conv(width, width, first), Conv(width, width, 3))
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.shortcut else self.body(x)


class C3(nn.Module):
    """A branch of bottlenecks beside another one."""

    def __init__(self, before: int, after: int, depth: int, shortcut: bool = True):
        super().__init__()
        half = after // 2
        self.one, self.two, self.last = Conv(before, half), Conv(before, half), Conv(after, after)
        self.deep = nn.Sequential(*(Bottleneck(half, 1, shortcut) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([self.deep(self.one(x)), self.two(x)], 1))


class C2f(nn.Module):
    """Bottlenecks after one another, all of whose results are joined."""

    def __init__(self, before: int, after: int, depth: int, shortcut: bool = False):
        super().__init__()
        half = after // 2
        self.first, self.last = Conv(before, after), Conv((2 + depth) * half, after)
        self.deep = nn.ModuleList(Bottleneck(half, 3, shortcut) for _ in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        found = list(self.first(x).chunk(2, 1))
        for block in self.deep:
            found.append(block(found[-1]))
        return self.last(torch.cat(found, 1))


class SPPF(nn.Module):
    """Three pools after one another, whose results are joined."""

    def __init__(self, width: int):
        super().__init__()
        self.first, self.last = Conv(width, width // 2), Conv(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        found = [self.first(x)]
        for _ in range(3):
            found.append(functional.max_pool2d(found[-1], 5, 1, 2))
        return self.last(torch.cat(found, 1))


class V8Head(nn.Module):
    """The convolutions for boxes and classes on one map."""

    def __init__(self, width: int, boxes: int, hidden: int, classes: int):
        super().__init__()
        self.box = self._branch(width, boxes, 64)
        self.cls = self._branch(width, hidden, classes)

    @staticmethod
    def _branch(width: int, hidden: int, out: int) -> nn.Sequential:
        return nn.Sequential(
            Conv(width, hidden, 3), Conv(hidden, hidden, 3), nn.Conv2d(hidden, out, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.box(x), self.cls(x)], 1)


def _up(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class YOLOv8n(nn.Module):
    """The smallest YOLOv8, for 80 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.to3 = nn.Sequential(
            Conv(3, 16, 3, 2), Conv(16, 32, 3, 2), C2f(32, 32, 1, True), Conv(32, 64, 3, 2),
            C2f(64, 64, 2, True),
        )  # fmt: skip
        self.to4 = nn.Sequential(Conv(64, 128, 3, 2), C2f(128, 128, 2, True))
        self.to5 = nn.Sequential(Conv(128, 256, 3, 2), C2f(256, 256, 1, True), SPPF(256))
        self.up4, self.up3 = C2f(256 + 128, 128, 1), C2f(128 + 64, 64, 1)
        self.down4, self.out4 = Conv(64, 64, 3, 2), C2f(64 + 128, 128, 1)
        self.down5, self.out5 = Conv(128, 128, 3, 2), C2f(128 + 256, 256, 1)
        self.heads = nn.ModuleList(V8Head(width, 64, 80, 80) for width in (64, 128, 256))

    def forward(self, x: Tensor) -> list[Tensor]:
        three = self.to3(x)
        four = self.to4(three)
        five = self.to5(four)
        up = self.up4(torch.cat([_up(five), four], 1))
        small = self.up3(torch.cat([_up(up), three], 1))
        middle = self.out4(torch.cat([self.down4(small), up], 1))
        large = self.out5(torch.cat([self.down5(middle), five], 1))
        return [head(y) for head, y in zip(self.heads, (small, middle, large))]


class YOLOv5n(nn.Module):
    """The smallest YOLOv5 (6.0), for 80 classes."""

    def __init__(self) -> None:
        super().__init__()
        self.to3 = nn.Sequential(
            Conv(3, 16, 6, 2, 2), Conv(16, 32, 3, 2), C3(32, 32, 1), Conv(32, 64, 3, 2),
            C3(64, 64, 2),
        )  # fmt: skip
        self.to4 = nn.Sequential(Conv(64, 128, 3, 2), C3(128, 128, 3))
        self.to5 = nn.Sequential(Conv(128, 256, 3, 2), C3(256, 256, 1), SPPF(256))
        self.side5, self.up4 = Conv(256, 128), C3(256, 128, 1, False)
        self.side4, self.up3 = Conv(128, 64), C3(128, 64, 1, False)
        self.down4, self.out4 = Conv(64, 64, 3, 2), C3(128, 128, 1, False)
        self.down5, self.out5 = Conv(128, 128, 3, 2), C3(256, 256, 1, False)
        self.heads = nn.ModuleList(nn.Conv2d(width, 255, 1) for width in (64, 128, 256))

    def forward(self, x: Tensor) -> list[Tensor]:
        three = self.to3(x)
        four = self.to4(three)
        five = self.side5(self.to5(four))
        up = self.side4(self.up4(torch.cat([_up(five), four], 1)))
        small = self.up3(torch.cat([_up(up), three], 1))
        middle = self.out4(torch.cat([self.down4(small), up], 1))
        large = self.out5(torch.cat([self.down5(middle), five], 1))
        return [head(y) for head, y in zip(self.heads, (small, middle, large))]
