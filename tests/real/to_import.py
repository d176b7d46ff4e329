"""Networks as people write them in torch, to be imported."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """A residual block whose shortcut is a module of its own where it is needed."""

    def __init__(self, before: int, after: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or before != after:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class Residual(nn.Module):
    """A small ResNet."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.ReLU())
        blocks = [Block(16, 16), Block(16, 16), Block(16, 32, 2), Block(32, 32), Block(32, 64, 2)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.stem(x))
        return self.head(x.mean((2, 3)))


class Gate(nn.Module):
    """Squeeze and excite, with linear layers."""

    def __init__(self, channels: int):
        super().__init__()
        self.fc1 = nn.Linear(channels, channels // 4)
        self.fc2 = nn.Linear(channels // 4, channels)

    def forward(self, x: Tensor) -> Tensor:
        b, c = x.shape[:2]
        y = functional.adaptive_avg_pool2d(x, 1).view(b, c)
        y = torch.sigmoid(self.fc2(functional.relu(self.fc1(y))))
        return x * y.view(b, c, 1, 1)


class Gated(nn.Module):
    """Convolutions with gates."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 2, 1)
        self.gate1 = Gate(16)
        self.conv2 = nn.Conv2d(16, 32, 3, 2, 1)
        self.gate2 = Gate(32)
        self.head = nn.Linear(32 * 8 * 8, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.gate1(functional.silu(self.conv1(x)))
        x = self.gate2(functional.silu(self.conv2(x)))
        return self.head(torch.flatten(x, 1))


class Functional(nn.Module):
    """Pools, paddings, slices and arithmetic as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3)
        self.b = nn.Conv2d(8, 8, (1, 3), padding=(0, 1), groups=2)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(x, (1, 2, 0, 1))
        x = functional.leaky_relu(self.a(x), 0.2)
        x = functional.max_pool2d(x, 3, 2, padding=1)
        left, right = x.chunk(2, dim=1)
        x = torch.cat([right, left * 0.5 + 1], dim=1)
        x = functional.hardswish(self.b(x))
        return functional.avg_pool2d(x, 2)[:, 2:]


class Twice(nn.Module):
    """One convolution that runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(functional.relu(self.conv(x)))


class Shuffled(nn.Module):
    """A shuffle of channels as people write it."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1, groups=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        b, c, h, w = x.shape
        return x.view(b, 2, c // 2, h, w).transpose(1, 2).reshape(b, c, h, w)


class Two(nn.Module):
    """Two inputs and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(1, 4, 3)
        self.right = nn.Conv2d(1, 4, 3)

    def forward(self, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
        a, b = self.left(a), self.right(b)
        return a + b, torch.maximum(a, b)


class Upwards(nn.Module):
    """A step down and up again, with a skip."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, 2, 1)
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.last = nn.Conv2d(8 + 3 + 8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.elu(self.down(x))
        wide = functional.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        return self.last(torch.cat([self.up(y), wide, x], 1))


class Fourier(nn.Module):
    """What has no operator."""

    def __init__(self, channels: int):
        super().__init__()
        self.mix = nn.Parameter(torch.randn(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.fft.rfft2(x).abs()
        y = functional.interpolate(y, size=x.shape[2:])
        return x + torch.einsum("bchw,cd->bdhw", y, self.mix)


class Odd(nn.Module):
    """A network with such a part."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.odd = Fourier(16)

    def forward(self, x: Tensor) -> Tensor:
        return self.odd(self.stem(x))


class Decides(nn.Module):
    """What it computes depends on values."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 2 if x.sum() > 0 else x


class Attention(nn.Module):
    """Attention as vision transformers write it, with one linear layer for q, k and v."""

    def __init__(self, features: int, heads: int, positions: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(features)
        self.qkv = nn.Linear(features, 3 * features)
        self.proj = nn.Linear(features, features)
        self.table = nn.Parameter(torch.zeros(heads, 2 * positions - 1))
        places = torch.arange(positions)
        self.register_buffer("places", places[:, None] - places[None] + positions - 1)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        qkv = self.qkv(self.norm(x)).reshape(b, n, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        bias = self.table[:, self.places].unsqueeze(0)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        return x + self.proj(y.transpose(1, 2).reshape(b, n, c))


class Attending(nn.Module):
    """A convolution, and attention over windows of its output."""

    def __init__(self, window: int = 4) -> None:
        super().__init__()
        self.window = window
        self.stem = nn.Conv2d(3, 24, 3, 2, 1)
        self.blocks = nn.Sequential(*(Attention(24, 3, window**2) for _ in range(2)))
        self.head = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x, w = self.stem(x), self.window
        b, c, h, _ = x.shape
        x = x.view(b, c, h // w, w, h // w, w).permute(0, 2, 4, 3, 5, 1).reshape(-1, w * w, c)
        x = self.blocks(x)
        x = x.view(b, h // w, h // w, w, w, c).permute(0, 5, 1, 3, 2, 4).reshape(b, c, h, h)
        return self.head(x.mean((2, 3)))


class Standardized(nn.Conv2d):
    """A convolution with standardized filters, which a trained gain may scale."""

    def __init__(self, before: int, after: int, gain: bool):
        super().__init__(before, after, 3, padding=1)
        self.gain = nn.Parameter(torch.ones(after, 1, 1, 1)) if gain else None

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        factors = None if self.gain is None else (self.gain * 0.1).view(-1)
        rows = functional.batch_norm(rows, None, None, factors, training=True, momentum=0.0)
        weight = rows.reshape_as(self.weight)
        return functional.conv2d(x, weight, self.bias, self.stride, self.padding)


class WithoutNorms(nn.Sequential):
    """Convolutions with standardized weights."""

    def __init__(self) -> None:
        super().__init__(Standardized(3, 8, True), nn.ReLU(), Standardized(8, 8, False))


class Nested(nn.Module):
    """Inputs in a dict and a list, outputs in a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(1, 4, 3)
        self.right = nn.Conv2d(3, 4, 3)

    def forward(self, images: dict[str, Tensor], maps: list[Tensor]) -> dict[str, Tensor]:
        y = self.left(images["left"]) + self.right(images["right"])
        return {"sum": y, "maps": maps[0] * maps[1]}


class Silent(nn.Module):
    """It returns nothing."""

    def forward(self, x: Tensor) -> None:
        return None


class Failing(nn.Module):
    """It raises."""

    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("no such layer")


def scripted() -> nn.Module:
    """Return a network that is compiled by torch.jit."""
    return torch.jit.script(nn.Sequential(nn.Conv2d(3, 3, 1)))


def compiled() -> nn.Module:
    """Return a network that torch.compile wraps."""
    return torch.compile(Twice())  # type: ignore[return-value]


def quantised() -> nn.Module:
    """Return a network with a quantised layer."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    return torch.ao.quantization.quantize_dynamic(network)
