"""Reference definitions, in plain torch.nn, of networks that no package of models has.

They are written from the papers: text in images, maps of classes, detection, and sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

Factory = Callable[[], nn.Module]


def conv3(i: int, o: int, norm: bool = False, bias: bool = True) -> list[nn.Module]:
    """Return a 3×3 convolution, batch normalisation if `norm`, and ReLU."""
    conv = nn.Conv2d(i, o, 3, padding=1, bias=bias)
    return [conv, *([nn.BatchNorm2d(o)] if norm else []), nn.ReLU()]


# ---- CRNN
class CRNN(nn.Module):
    """Columns of a text line's map as steps of a sequence."""

    def __init__(self) -> None:
        super().__init__()
        low, narrow = partial(nn.MaxPool2d, 2), partial(nn.MaxPool2d, (2, 1))
        self.columns = nn.Sequential(
            *conv3(1, 64), low(), *conv3(64, 128), low(), *conv3(128, 256), *conv3(256, 256)
        )
        self.columns.extend([narrow(), *conv3(256, 512, True), *conv3(512, 512, True), narrow()])
        self.columns.extend([nn.Conv2d(512, 512, 2), nn.ReLU()])
        self.reader = nn.LSTM(512, 256, num_layers=2, bidirectional=True, batch_first=True)
        self.letters = nn.Linear(512, 37)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.columns(x).squeeze(2).transpose(1, 2)
        return self.letters(self.reader(steps)[0])


# ---- SegNet
class SegNet(nn.Module):
    """VGG-16's convolutions and their mirror image, with the places of the maxima."""

    WIDTHS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))

    def __init__(self, classes: int = 12) -> None:
        super().__init__()
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        c, befores = 3, []
        for widths in self.WIDTHS:
            befores.append(c)
            layers: list[nn.Module] = []
            for width in widths:
                layers += conv3(c, width, True)
                c = width
            self.down.append(nn.Sequential(*layers))
        for widths, before in zip(self.WIDTHS[::-1], befores[::-1]):
            layers = []
            for _ in widths[1:]:
                layers += conv3(c, c, True)
            last = before == 3
            layers += [nn.Conv2d(c, classes, 3, padding=1)] if last else conv3(c, before, True)
            self.up.append(nn.Sequential(*layers))
            c = before

    def forward(self, x: Tensor) -> Tensor:
        places = []
        for stage in self.down:
            full = stage(x)
            x, where = F.max_pool2d(full, 2, return_indices=True)
            places.append((where, full.shape[2:]))
        for stage in self.up:
            where, size = places.pop()
            x = stage(F.max_unpool2d(x, where, 2, output_size=size))
        return x


# ---- U-Net++ and Attention U-Net
class NestedUNet(nn.Module):
    """Node (i, j) reads every earlier node of its row, and node (i + 1, j − 1) twice as large."""

    WIDTHS = (32, 64, 128, 256, 512)

    def __init__(self) -> None:
        super().__init__()
        self.nodes, self.lifts, self.heads = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleList()
        for i, width in enumerate(self.WIDTHS):
            for j in range(len(self.WIDTHS) - i):
                inside = (j + 1) * width if j else self.WIDTHS[i - 1] if i else 3
                layers = conv3(inside, width) + conv3(width, width)
                self.nodes[f"{i}{j}"] = nn.Sequential(*layers)
                if j:
                    lift = nn.ConvTranspose2d(self.WIDTHS[i + 1], width, 2, 2)
                    self.lifts[f"{i}{j}"] = lift
        self.heads.extend(nn.Conv2d(self.WIDTHS[0], 1, 1) for _ in self.WIDTHS[1:])

    def forward(self, x: Tensor) -> list[Tensor]:
        found: dict[tuple[int, int], Tensor] = {}
        rows = len(self.WIDTHS)
        for i in range(rows):
            x = found[i, 0] = self.nodes[f"{i}0"](F.max_pool2d(x, 2) if i else x)
        for j in range(1, rows):
            for i in range(rows - j):
                lifted = self.lifts[f"{i}{j}"](found[i + 1, j - 1])
                row = [found[i, k] for k in range(j)]
                found[i, j] = self.nodes[f"{i}{j}"](torch.cat([*row, lifted], 1))
        return [head(found[0, j + 1]) for j, head in enumerate(self.heads)]


class Gate(nn.Module):
    """Additive attention: α = σ(ψᵀ relu(Wₓx + W_g g + b_g) + b_ψ) at the coarse positions."""

    def __init__(self, c: int, coarse: int) -> None:
        super().__init__()
        self.of_skip = nn.Conv2d(c, c, 1, 2, bias=False)
        self.of_signal = nn.Conv2d(coarse, c, 1)
        self.psi = nn.Conv2d(c, 1, 1)

    def forward(self, skip: Tensor, signal: Tensor) -> Tensor:
        found = torch.relu(self.of_skip(skip) + self.of_signal(signal))
        share = torch.sigmoid(self.psi(found))
        return skip * F.interpolate(share, skip.shape[2:], mode="bilinear")


class AttentionUNet(nn.Module):
    WIDTHS = (64, 128, 256, 512, 1024)

    def __init__(self) -> None:
        super().__init__()
        pairs = [*zip(self.WIDTHS, self.WIDTHS[1:])]
        self.down = nn.ModuleList(
            self._double(i, o) for i, o in zip((1, *self.WIDTHS), self.WIDTHS)
        )
        self.gates = nn.ModuleList(Gate(fine, coarse) for fine, coarse in pairs)
        self.lifts = nn.ModuleList(nn.ConvTranspose2d(o, i, 2, 2) for i, o in pairs)
        self.up = nn.ModuleList(self._double(2 * fine, fine) for fine, _ in pairs)
        self.head = nn.Conv2d(64, 2, 1)

    @staticmethod
    def _double(i: int, o: int) -> nn.Module:
        return nn.Sequential(*conv3(i, o, True, False), *conv3(o, o, True, False))

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for n, stage in enumerate(self.down):
            x = stage(F.max_pool2d(x, 2) if n else x)
            skips.append(x)
        for n in reversed(range(len(self.up))):
            gated = self.gates[n](skips[n], x)
            x = self.up[n](torch.cat([gated, self.lifts[n](x)], 1))
        return self.head(x)


# ---- YOLOv3
def _dark(i: int, o: int, k: int, stride: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(i, o, k, stride, k // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(o), nn.LeakyReLU(0.1))


class DarkResidual(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.squeeze, self.expand = _dark(c, c // 2, 1), _dark(c // 2, c, 3)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.expand(self.squeeze(x))


class YOLOv3(nn.Module):
    """Darknet-53 without its classifier, and three scales of detections."""

    def __init__(self) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for c, depth in ((32, 1), (64, 2), (128, 8), (256, 8), (512, 4)):
            residuals = [DarkResidual(2 * c) for _ in range(depth)]
            stages.append(nn.Sequential(_dark(c, 2 * c, 3, 2), *residuals))
        self.fine = nn.Sequential(_dark(3, 32, 3), *stages[:3])
        self.middle, self.coarse = stages[3:]
        self.necks = nn.ModuleList(
            self._neck(i, o) for i, o in ((1024, 512), (512 + 256, 256), (256 + 128, 128))
        )
        self.narrow = nn.ModuleList([_dark(512, 256, 1), _dark(256, 128, 1)])
        self.heads = nn.ModuleList(
            nn.Sequential(_dark(c, 2 * c, 3), nn.Conv2d(2 * c, 255, 1)) for c in (512, 256, 128)
        )

    @staticmethod
    def _neck(i: int, o: int) -> nn.Module:
        wide = [_dark(o, 2 * o, 3), _dark(2 * o, o, 1)]
        return nn.Sequential(_dark(i, o, 1), *wide, _dark(o, 2 * o, 3), _dark(2 * o, o, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        fine = self.fine(x)
        middle = self.middle(fine)
        found = [self.necks[0](self.coarse(middle))]
        for n, skip in enumerate((middle, fine)):
            larger = F.interpolate(self.narrow[n](found[-1]), scale_factor=2)
            found.append(self.necks[n + 1](torch.cat([larger, skip], 1)))
        return [head(y) for head, y in zip(self.heads, found)][::-1]


# ---- Causal convolutions over sequences: TCN and WaveNet
class Causal(nn.Module):
    """A convolution that reads the present and the past."""

    def __init__(self, i: int, o: int, kernel: int, dilation: int, normed: bool = False) -> None:
        super().__init__()
        conv = nn.Conv1d(i, o, kernel, dilation=dilation)
        self.conv = weight_norm(conv) if normed else conv
        self.past = dilation * (kernel - 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (self.past, 0)))


class TemporalBlock(nn.Module):
    def __init__(self, i: int, o: int, dilation: int) -> None:
        super().__init__()
        layers = [Causal(i, o, 7, dilation, True), nn.ReLU(), nn.Dropout(0)]
        layers += [Causal(o, o, 7, dilation, True), nn.ReLU(), nn.Dropout(0)]
        self.body = nn.Sequential(*layers)
        self.shortcut = nn.Identity() if i == o else nn.Conv1d(i, o, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class TCN(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        blocks = [TemporalBlock(25 if n else 1, 25, 2**n) for n in range(8)]
        self.body, self.classifier = nn.Sequential(*blocks), nn.Linear(25, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.body(x)[:, :, -1])


class WaveNet(nn.Module):
    """Thirty gated layers; what they skip is added up."""

    def __init__(self, width: int = 32, skip: int = 256) -> None:
        super().__init__()
        dilations = [2**n for n in range(10)] * 3
        self.first = Causal(256, width, 2, 1)
        self.filters = nn.ModuleList(Causal(width, width, 2, d) for d in dilations)
        self.gates = nn.ModuleList(Causal(width, width, 2, d) for d in dilations)
        self.skips = nn.ModuleList(nn.Conv1d(width, skip, 1) for _ in dilations)
        self.residuals = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in dilations[1:])
        ends = [nn.ReLU(), nn.Conv1d(skip, 256, 1), nn.ReLU(), nn.Conv1d(256, 256, 1)]
        self.ends = nn.Sequential(*ends, nn.Softmax(1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        skipped: list[Tensor] = []
        for n, (filters, gates) in enumerate(zip(self.filters, self.gates)):
            gated = torch.tanh(filters(x)) * torch.sigmoid(gates(x))
            skipped.append(self.skips[n](gated))
            if n < len(self.residuals):
                x = x + self.residuals[n](gated)
        return self.ends(sum(skipped[1:], skipped[0]))


NETWORKS: dict[str, tuple[Factory, tuple[int, ...]]] = {
    "crnn": (CRNN, (1, 32, 100)),
    "segnet": (SegNet, (3, 360, 480)),
    "unet_plus_plus": (NestedUNet, (3, 256, 256)),
    "attention_unet": (AttentionUNet, (1, 512, 512)),
    "yolov3": (YOLOv3, (3, 416, 416)),
    "tcn": (TCN, (1, 784)),
    "wavenet": (WaveNet, (256, 16000)),
}
