"""Networks as people write them in torch, to be imported."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

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


class Neighbours(nn.Module):
    """Norms over neighbours, and shuffles of channels before an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1, groups=2)
        self.norm = nn.LocalResponseNorm(5, 2e-4, 0.7, 2.0)
        self.last = nn.Conv2d(8, 8, 1, groups=4)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self._mixed(self.norm(self.conv(x)), 2))
        return functional.relu(self._mixed(functional.local_response_norm(self.last(x), 4), 4))

    @staticmethod
    def _mixed(x: Tensor, groups: int) -> Tensor:
        n, c, h, w = x.shape
        return x.reshape(n, groups, c // groups, h, w).permute(0, 2, 1, 3, 4).flatten(1, 2)


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
        return x + torch.tensordot(y, self.mix, dims=([1], [0])).permute(0, 3, 1, 2)


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
        eps = 1e-6 if self.gain is None else 1e-5
        rows = functional.batch_norm(rows, None, None, factors, None, True, 0.0, eps)
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


class Unchanged(nn.Module):
    """It returns what it gets."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def halved() -> nn.Module:
    """Return a network in half precision."""
    return nn.Sequential(nn.Conv2d(3, 3, 1)).half()


def lazy() -> nn.Module:
    """Return a network whose layers find their channels by themselves."""
    return nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(3))


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


class Pyramid(nn.Module):
    """Levels in lists and dicts, joined from the smallest up; the result is a dict."""

    def __init__(self, width: int = 8, classes: int = 5) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.stem = nn.Conv2d(3, width, 3, stride=2, padding=1)
        self.downs = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(widths)
        )
        self.laterals = nn.ModuleDict(
            {f"level{n}": nn.Conv2d(c, 16, 1) for n, c in enumerate(widths)}
        )
        self.heads = nn.ModuleDict(
            {"mask": nn.Conv2d(16, classes, 1), "depth": nn.Conv2d(16, 1, 1)}
        )

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        levels = [functional.relu(self.stem(image))]
        for down in self.downs:
            levels.append(functional.relu(down(levels[-1])))
        y = self.laterals["level2"](levels[2])
        for n in (1, 0):
            larger = functional.interpolate(y, scale_factor=2, mode="nearest")
            y = self.laterals[f"level{n}"](levels[n]) + larger
        mask = functional.interpolate(self.heads["mask"](y), scale_factor=2.0, mode="bilinear")
        return {"mask": mask, "depth": torch.sigmoid(self.heads["depth"](y))}


class Mixer(nn.Module):
    """Patches that are cut by hand, and linear layers over them and over their features."""

    def __init__(self, features: int = 24, patch: int = 8, size: int = 32) -> None:
        super().__init__()
        self.patch, count = patch, (size // patch) ** 2
        self.embed = nn.Linear(3 * patch * patch, features)
        self.position = nn.Parameter(torch.zeros(1, count, features))
        self.tokens = nn.Sequential(nn.Linear(count, 32), nn.GELU(), nn.Linear(32, count))
        self.channels = nn.Sequential(nn.Linear(features, 48), nn.GELU(), nn.Linear(48, features))
        self.norm = nn.LayerNorm(features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        p = self.patch
        x = x.view(n, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5)
        x = self.embed(x.reshape(n, (h // p) * (w // p), c * p * p)) + self.position
        x = x + self.tokens(self.norm(x).transpose(1, 2)).transpose(1, 2)
        return (x + self.channels(self.norm(x))).mean(1)


class Einsums(nn.Module):
    """Attention over channels by Einstein's notation, with a factor for each head."""

    def __init__(self, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.stem = nn.Conv2d(3, 32, 3, padding=1)
        self.inside = nn.Conv2d(32, 96, 1)
        self.factor = nn.Parameter(torch.ones(heads, 1, 1))
        self.mix = nn.Parameter(torch.randn(12, 32))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        n, c, h, w = x.shape
        q, k, v = self.inside(x).reshape(n, 3, self.heads, c // self.heads, h * w).unbind(1)
        q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
        shares = (torch.einsum("bhcn,bhdn->bhcd", q, k) * self.factor).softmax(-1)
        y = torch.einsum("bhcd,bhdn->bhcn", shares, v).reshape(n, c, h, w)
        return torch.einsum("oc,bchw->bohw", self.mix, x + y)


class Skips(nn.Module):
    """A U-Net that pads what comes up to the size of what it skips to, here by nothing."""

    def __init__(self, widths: tuple[int, ...] = (8, 16, 32)) -> None:
        super().__init__()
        pairs = [*pairwise(widths)]
        self.first = twice(3, widths[0])
        self.downs = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), twice(a, b)) for a, b in pairs)
        self.ups = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs[::-1])
        self.after = nn.ModuleList(twice(2 * a, a) for a, _ in pairs[::-1])

    def forward(self, x: Tensor) -> Tensor:
        kept = [self.first(x)]
        for down in self.downs:
            kept.append(down(kept[-1]))
        x = kept.pop()
        for up, after in zip(self.ups, self.after):
            skip, x = kept.pop(), up(x)
            more = skip.shape[-1] - x.shape[-1]
            x = functional.pad(x, [more // 2, more - more // 2, 0, 0])
            x = after(torch.cat([skip, x], dim=1))
        return x


def twice(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (inputs, outputs):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class Text(nn.Module):
    """Reads the columns of a map, and returns them first, before the images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.rnn = nn.LSTM(8 * 16, 12, bidirectional=True, batch_first=True)
        self.letters = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv(x)), 2)
        n, c, h, w = x.shape
        x, _ = self.rnn(x.view(n, c * h, w).permute(0, 2, 1))
        return functional.log_softmax(self.letters(x), 2).permute(1, 0, 2)


class Dense(nn.Module):
    """Layers that each read all before them, then a row of layers that are all joined."""

    def __init__(self, growth: int = 4, depth: int = 5) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.grow = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(8 + n * growth), nn.Conv2d(8 + n * growth, growth, 3, padding=1)
            )
            for n in range(depth)
        )
        self.squeeze = nn.Conv2d(8 + depth * growth, 16, 1)
        self.row = nn.ModuleList(
            nn.Sequential(nn.Conv2d(16, 16, 1), nn.ReLU()) for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        collected = [self.stem(x)]
        for layer in self.grow:
            collected.append(layer(torch.cat(collected, 1)))
        x = self.squeeze(torch.cat(collected, 1))
        joined = [x]
        for layer in self.row:
            joined.append(layer(joined[-1]))
        return torch.cat(joined, 1)


class Forked(nn.Module):
    """Decides by values, and has a module that only training reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.other = nn.Conv2d(8, 8, 1)
        self.auxiliary = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Any:
        x = functional.relu(self.conv(x))
        if x.mean() < 0:
            x = self.other(x)
        x = x.mean((2, 3))
        return (x, self.auxiliary(x)) if self.training else x


class Auxiliary(nn.Module):
    """Has a module that only training reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.auxiliary = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Any:
        x = self.conv(x).mean((2, 3))
        return (x, self.auxiliary(x)) if self.training else x


class Blurred(nn.Module):
    """Blurs before a stride with a filter that is not trained."""

    def __init__(self, channels: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        row = torch.tensor([1.0, 2.0, 1.0]) / 4
        self.register_buffer("filter", torch.outer(row, row).expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        x = functional.pad(self.conv(x), (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(x, self.filter, stride=2, groups=x.shape[1])


@dataclass
class Maps:
    """Outputs of a network that torch.export does not know."""

    scores: Tensor
    features: Tensor


class Pair(NamedTuple):
    """Outputs of a network that torch.export knows."""

    scores: Tensor
    features: Tensor


class InDataclass(nn.Module):
    """Returns a dataclass."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Any:
        y = self.conv(x)
        return Maps(y.mean((2, 3)), y)


class InPair(InDataclass):
    """Returns a named tuple, and prints."""

    def forward(self, x: Tensor) -> Any:
        y = self.conv(x)
        print("shape", y.shape)
        return Pair(y.mean((2, 3)), y)


class Generating(InDataclass):
    """Yields its outputs."""

    def forward(self, x: Tensor) -> Any:
        yield self.conv(x)


class ComplexFactors(nn.Module):
    """Multiplies by trained complex numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.factors = nn.Parameter(torch.ones(3, 1, 1, dtype=torch.complex64))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.factors).abs()


class Watched(InDataclass):
    """Has hooks, one of which changes what its module returns, an empty list, and no gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.more = nn.ModuleList()
        self.seen: list[Any] = []
        self.conv.register_forward_hook(lambda module, inputs, y: self.seen.append(y.shape))
        self.conv.register_forward_hook(lambda module, inputs, y: functional.relu(y))

    def forward(self, *args: Tensor, **kwargs: Any) -> Any:
        with torch.no_grad():
            x = self.conv(args[0])
        for module in self.more:
            x = module(x)
        return x


class Worded(nn.Module):
    """Has modules whose names are words of Python and of specs, or are no names."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("class", "größe", "a-b", "input", "repeat", "0x"):
            self.add_module(name, nn.Conv2d(3, 3, 1))
        self.words = nn.ModuleDict({word: nn.Conv2d(3, 3, 1) for word in ("for", "c", "null")})
        self.words["yes"] = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Any:
        y = x
        for name, module in self.named_modules():
            if name and name != "words":
                y = module(y) + x
        return y


class BetweenBlocks(nn.Module):
    """Skips its branches at random in training; scales their channels; flattens, then drops."""

    def __init__(self, chances: tuple[float, ...] = (0.1, 0.1)):
        super().__init__()
        self.branches = nn.ModuleList(Branch(chance) for chance in chances)
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.ReLU(), nn.Linear(3 * 64, 5))

    def forward(self, x: Tensor) -> Any:
        for branch in self.branches:
            x = x + branch(x)
        return self.head(x)


class Branch(nn.Module):
    """A convolution, layer scale and stochastic depth."""

    def __init__(self, chance: float):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.gamma = nn.Parameter(torch.full((3, 1, 1), 1e-4))
        self.drop_path = DropPath(chance)

    def forward(self, x: Tensor) -> Any:
        return self.drop_path(self.gamma * self.conv(x))


class DropPath(nn.Module):
    """Stochastic depth."""

    def __init__(self, drop_prob: float):
        super().__init__()
        self.drop_prob = drop_prob

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - self.drop_prob)


class Unscaled(nn.Module):
    """Has a norm with buffers alone, which no training changes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3).requires_grad_(False)
        self.norm = nn.BatchNorm2d(4, affine=False)
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Any:
        return self.last(self.norm(self.conv(x)))
