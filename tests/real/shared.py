"""Networks whose modules run more than once, or hold one parameter together."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def conv_relu(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.BatchNorm2d(after), nn.ReLU())


class BlockTwice(nn.Module):
    """A block that runs twice, with a layer between."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.block = conv_relu(8, 8)
        self.between = nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.block(self.between(self.block(self.stem(x))))


class Recurrent(nn.Module):
    """A block that runs again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)
        self.step = conv_relu(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for _ in range(4):
            x = self.step(x) + x
        return x


class Heads(nn.Module):
    """One head for the maps of all levels, with norms of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(c, 8, 3, 2, 1) for c in (3, 8, 8))
        self.norms = nn.ModuleList(nn.BatchNorm2d(8) for _ in range(3))
        self.head = nn.Sequential(conv_relu(8, 8), nn.Conv2d(8, 4, 3, padding=1))

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for level, norm in zip(self.levels, self.norms):
            x = functional.relu(norm(level(x)))
            found.append(self.head(x))
        return found


class TwiceInside(nn.Module):
    """A block that runs its convolution twice."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 1)
        self.conv = nn.Conv2d(after, after, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        x = y = self.first(x)
        for norm in self.norms:
            y = functional.relu(norm(self.conv(y)))
        return x + y


class InRepeats(nn.Sequential):
    """Such blocks in a row, each with weights of its own."""

    def __init__(self) -> None:
        super().__init__(TwiceInside(3, 8), TwiceInside(8, 8), TwiceInside(8, 8))


class AcrossRepeats(nn.Module):
    """Blocks in a row that use one gate."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        gate = nn.Conv2d(8, 8, 1)
        self.blocks = nn.Sequential(*(Gated(gate) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.stem(x))


class Gated(nn.Module):
    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 3, padding=1)
        self.gate = gate

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return x + y * torch.sigmoid(self.gate(y.mean((2, 3), keepdim=True)))


class TwoSizes(nn.Module):
    """One body for an image and for a smaller copy of it."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(conv_relu(3, 8, 2), conv_relu(8, 8, 2))

    def forward(self, x: Tensor) -> Tensor:
        large, small = self.body(x), self.body(functional.avg_pool2d(x, 2))
        return torch.cat([large, functional.interpolate(small, scale_factor=2.0)], 1)


class Tied(nn.Module):
    """Two convolutions with one weight, but biases of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 3, 3, padding=1)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(functional.relu(self.first(x)))


class OtherStride(nn.Module):
    """A weight that two convolutions of different strides use."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 1)
        self.weight = nn.Parameter(torch.randn(8, 8, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(functional.conv2d(self.stem(x), self.weight, padding=1))
        return functional.conv2d(x, self.weight, stride=2, padding=1)
