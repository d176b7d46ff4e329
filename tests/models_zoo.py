"""Reference definitions of the newer families in plain torch.nn.

They are written from the papers and torchvision's figures.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from . import models as m

Factory = Callable[[], nn.Module]


def normed(factory, eps=1e-5, momentum=0.1):
    """Return a factory of the network with eps and momentum of batch norms as in torchvision."""

    def made():
        network = factory()
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
                module.eps, module.momentum = eps, momentum
        return network

    return made


def rounded(v, divisor=8):
    """Return the nearest multiple of 8 that is not more than a tenth smaller."""
    new = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return new + divisor if new < 0.9 * v else new


class Joined(nn.Module):
    """Parallel branches."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = nn.ModuleList(
            b if isinstance(b, nn.Module) else nn.Sequential(*b) for b in branches
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class Added(nn.Module):
    """A body and the shortcut around it."""

    def __init__(self, *body, shortcut=()):
        super().__init__()
        self.body, self.shortcut = nn.Sequential(*body), nn.Sequential(*shortcut)

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


class Gate(nn.Module):
    def __init__(self, c, squeezed, act, gate):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(c, squeezed, 1),
            act(),
            nn.Conv2d(squeezed, c, 1),
            gate(),
        )

    def forward(self, x):
        return x * self.gate(x)


# ---- ConvNeXt: linear layers on channels last would be other operators, so 1x1 convolutions
class ChannelsNorm(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Scale(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((c, 1, 1), 1e-6))

    def forward(self, x):
        return x * self.gamma


def convnext(depths, width):
    layers, c = [nn.Conv2d(3, width, 4, 4), ChannelsNorm(width, 1e-6)], width
    for stage, depth in enumerate(depths):
        if stage:
            layers += [ChannelsNorm(c, 1e-6), nn.Conv2d(c, 2 * c, 2, 2)]
            c *= 2
        layers += [
            Added(
                nn.Conv2d(c, c, 7, padding=3, groups=c),
                ChannelsNorm(c, 1e-6),
                nn.Conv2d(c, 4 * c, 1),
                nn.GELU(),
                nn.Conv2d(4 * c, c, 1),
                Scale(c),
            )
            for _ in range(depth)
        ]
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), ChannelsNorm(c, 1e-6), nn.Flatten(), nn.Linear(c, 1000)
    )


# ---- EfficientNet B1 to B7, V2; MNASNet; MobileNetV3
class Inverted(nn.Module):
    """1x1 up to `wide`, depthwise, gate, 1x1 down; `fused`: one k x k instead of the first two."""

    def __init__(self, i, wide, o, k, stride, act, gate=None, fused=False):
        super().__init__()
        first = (
            m.conv_bn(i, wide, k, stride, act=act)
            if fused
            else [
                *(m.conv_bn(i, wide, 1, act=act) if wide != i else []),
                *m.conv_bn(wide, wide, k, stride, groups=wide, act=act),
            ]
        )
        last = m.conv_bn(wide, o, 1, act=None) if not fused or wide != i else []
        self.body = nn.Sequential(*first, *([gate] if gate else []), *last)
        self.residual = stride == 1 and i == o

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def efficientnet(width, depth, drop):
    c = rounded(32 * width)
    layers = m.conv_bn(3, c, 3, 2, act=nn.SiLU)
    for t, o, repeats, stride, k in m.EFFICIENTNET_B0:
        for n in range(math.ceil(round(repeats * depth, 6))):
            layers.append(
                Inverted(
                    c,
                    c * t,
                    rounded(o * width),
                    k,
                    1 if n else stride,
                    nn.SiLU,
                    Gate(c * t, max(1, c // 4), nn.SiLU, nn.Sigmoid),
                )
            )
            c = rounded(o * width)
    return nn.Sequential(
        *layers, *m.conv_bn(c, 4 * c, 1, act=nn.SiLU), *m.pooled_head(4 * c, dropout=drop)
    )


def efficientnet_v2(rows, drop):
    """rows: (fused, expansion, channels, repeats, stride)."""
    c = rows[0][2]
    layers = m.conv_bn(3, c, 3, 2, act=nn.SiLU)
    for fused, t, o, repeats, stride in rows:
        for n in range(repeats):
            gate = None if fused else Gate(c * t, c // 4, nn.SiLU, nn.Sigmoid)
            layers.append(Inverted(c, c * t, o, 3, 1 if n else stride, nn.SiLU, gate, fused))
            c = o
    return nn.Sequential(
        *layers, *m.conv_bn(c, 1280, 1, act=nn.SiLU), *m.pooled_head(1280, dropout=drop)
    )


V2_S = [
    (1, 1, 24, 2, 1),
    (1, 4, 48, 4, 2),
    (1, 4, 64, 4, 2),
    (0, 4, 128, 6, 2),
    (0, 6, 160, 9, 1),
    (0, 6, 256, 15, 2),
]
V2_M = [
    (1, 1, 24, 3, 1),
    (1, 4, 48, 5, 2),
    (1, 4, 80, 5, 2),
    (0, 4, 160, 7, 2),
    (0, 6, 176, 14, 1),
    (0, 6, 304, 18, 2),
    (0, 6, 512, 5, 1),
]
V2_L = [
    (1, 1, 32, 4, 1),
    (1, 4, 64, 7, 2),
    (1, 4, 96, 7, 2),
    (0, 4, 192, 10, 2),
    (0, 6, 224, 19, 1),
    (0, 6, 384, 25, 2),
    (0, 6, 640, 7, 1),
]


def mnasnet(width):
    c, o = rounded(32 * width), rounded(16 * width)
    layers = [*m.conv_bn(3, c, 3, 2), *m.conv_bn(c, c, 3, groups=c), *m.conv_bn(c, o, 1, act=None)]
    for t, base, repeats, stride, k in [
        (3, 24, 3, 2, 3),
        (3, 40, 3, 2, 5),
        (6, 80, 3, 2, 5),
        (6, 96, 2, 1, 3),
        (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ]:
        for n in range(repeats):
            c, o = o, rounded(base * width)
            layers.append(Inverted(c, c * t, o, k, 1 if n else stride, nn.ReLU))
    return nn.Sequential(*layers, *m.conv_bn(o, 1280, 1), *m.pooled_head(1280, dropout=0.2))


HS, RE = nn.Hardswish, nn.ReLU
LARGE = [
    (3, 16, 16, 0, RE, 1),
    (3, 64, 24, 0, RE, 2),
    (3, 72, 24, 0, RE, 1),
    (5, 72, 40, 1, RE, 2),
    *[(5, 120, 40, 1, RE, 1)] * 2,
    (3, 240, 80, 0, HS, 2),
    (3, 200, 80, 0, HS, 1),
    *[(3, 184, 80, 0, HS, 1)] * 2,
    (3, 480, 112, 1, HS, 1),
    (3, 672, 112, 1, HS, 1),
    (5, 672, 160, 1, HS, 2),
    *[(5, 960, 160, 1, HS, 1)] * 2,
]
SMALL = [
    (3, 16, 16, 1, RE, 2),
    (3, 72, 24, 0, RE, 2),
    (3, 88, 24, 0, RE, 1),
    (5, 96, 40, 1, HS, 2),
    *[(5, 240, 40, 1, HS, 1)] * 2,
    (5, 120, 48, 1, HS, 1),
    (5, 144, 48, 1, HS, 1),
    (5, 288, 96, 1, HS, 2),
    *[(5, 576, 96, 1, HS, 1)] * 2,
]


def mobilenet_v3(rows, last):
    """rows: (kernel, widened, channels, gate, activation, stride)."""
    layers, i = m.conv_bn(3, 16, 3, 2, act=HS), 16
    for k, wide, o, gated, act, stride in rows:
        layers.append(
            Inverted(
                i,
                wide,
                o,
                k,
                stride,
                act,
                Gate(wide, rounded(wide // 4), nn.ReLU, nn.Hardsigmoid) if gated else None,
            )
        )
        i = o
    return nn.Sequential(
        *layers,
        *m.conv_bn(i, 6 * i, 1, act=HS),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(6 * i, last),
        HS(),
        nn.Dropout(0.2),
        nn.Linear(last, 1000),
    )


# ---- RegNet
def regnet(depths, widths, group, gated=True):
    layers, i = m.conv_bn(3, 32, 3, 2), 32
    for depth, o in zip(depths, widths):
        for n in range(depth):
            s, g = (1 if n else 2), o // min(group, o)
            gate = [Gate(o, round(i / 4), nn.ReLU, nn.Sigmoid)] if gated else []
            shortcut = [] if n else m.conv_bn(i, o, 1, s, act=None)
            layers += [
                Added(
                    *m.conv_bn(i, o, 1),
                    *m.conv_bn(o, o, 3, s, groups=g),
                    *gate,
                    *m.conv_bn(o, o, 1, act=None),
                    shortcut=shortcut,
                ),
                nn.ReLU(),
            ]
            i = o
    return nn.Sequential(*layers, *m.pooled_head(i))


# ---- SqueezeNet
def fire(i, s):
    return [*m.conv_relu(i, s, 1), Joined(m.conv_relu(s, 4 * s, 1), m.conv_relu(s, 4 * s, 3, p=1))]


def squeezenet(old):
    pool = nn.MaxPool2d(3, 2, ceil_mode=True)
    stem = m.conv_relu(3, 96, 7, 2) if old else m.conv_relu(3, 64, 3, 2)
    i, layers = (96 if old else 64), [*stem, pool]
    for n, s in enumerate((16, 16, 32, 32, 48, 48, 64, 64)):
        layers += fire(i, s)
        i = 8 * s
        layers += [pool] if n in ((2, 6) if old else (1, 3)) else []
    return nn.Sequential(
        *layers, nn.Dropout(0.5), *m.conv_relu(512, 1000, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )


# ---- GoogLeNet and Inception v3 with batch norm
def bn_pad(i, o, k, s=1, p=0):
    return [nn.Conv2d(i, o, k, s, p, bias=False), nn.BatchNorm2d(o), nn.ReLU()]


def googlenet_bn():
    def inception(i, a, b, b3, c, c3, d):
        return Joined(
            m.conv_bn(i, a, 1),
            [*m.conv_bn(i, b, 1), *m.conv_bn(b, b3, 3)],
            [*m.conv_bn(i, c, 1), *m.conv_bn(c, c3, 3)],
            [nn.MaxPool2d(3, 1, 1), *m.conv_bn(i, d, 1)],
        )

    pool = partial(nn.MaxPool2d, ceil_mode=True)
    return nn.Sequential(
        *m.conv_bn(3, 64, 7, 2),
        pool(3, 2),
        *m.conv_bn(64, 64, 1),
        *m.conv_bn(64, 192, 3),
        pool(3, 2),
        inception(192, 64, 96, 128, 16, 32, 32),
        inception(256, 128, 128, 192, 32, 96, 64),
        pool(3, 2),
        inception(480, 192, 96, 208, 16, 48, 64),
        inception(512, 160, 112, 224, 24, 64, 64),
        inception(512, 128, 128, 256, 24, 64, 64),
        inception(512, 112, 144, 288, 32, 64, 64),
        inception(528, 256, 160, 320, 32, 128, 128),
        pool(2, 2),
        inception(832, 256, 160, 320, 32, 128, 128),
        inception(832, 384, 192, 384, 48, 128, 128),
        nn.AdaptiveAvgPool2d(1),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.Linear(1024, 1000),
    )


def inception_a(i, pooled):
    return Joined(
        bn_pad(i, 64, 1),
        [*bn_pad(i, 48, 1), *bn_pad(48, 64, 5, p=2)],
        [*bn_pad(i, 64, 1), *bn_pad(64, 96, 3, p=1), *bn_pad(96, 96, 3, p=1)],
        [nn.AvgPool2d(3, 1, 1), *bn_pad(i, pooled, 1)],
    )


def inception_b(k):
    across, along = partial(bn_pad, k=(1, 7), p=(0, 3)), partial(bn_pad, k=(7, 1), p=(3, 0))
    return Joined(
        bn_pad(768, 192, 1),
        [*bn_pad(768, k, 1), *across(k, k), *along(k, 192)],
        [*bn_pad(768, k, 1), *along(k, k), *across(k, k), *along(k, k), *across(k, 192)],
        [nn.AvgPool2d(3, 1, 1), *bn_pad(768, 192, 1)],
    )


def inception_c(i):
    def split():
        return Joined(bn_pad(384, 384, (1, 3), p=(0, 1)), bn_pad(384, 384, (3, 1), p=(1, 0)))

    return Joined(
        bn_pad(i, 320, 1),
        [*bn_pad(i, 384, 1), split()],
        [*bn_pad(i, 448, 1), *bn_pad(448, 384, 3, p=1), split()],
        [nn.AvgPool2d(3, 1, 1), *bn_pad(i, 192, 1)],
    )


class InceptionV3(nn.Module):
    def __init__(self, aux=False):
        super().__init__()
        self.to_middle = nn.Sequential(
            *bn_pad(3, 32, 3, 2),
            *bn_pad(32, 32, 3),
            *bn_pad(32, 64, 3, p=1),
            nn.MaxPool2d(3, 2),
            *bn_pad(64, 80, 1),
            *bn_pad(80, 192, 3),
            nn.MaxPool2d(3, 2),
            inception_a(192, 32),
            inception_a(256, 64),
            inception_a(288, 64),
            Joined(
                bn_pad(288, 384, 3, 2),
                [*bn_pad(288, 64, 1), *bn_pad(64, 96, 3, p=1), *bn_pad(96, 96, 3, 2)],
                [nn.MaxPool2d(3, 2)],
            ),
            inception_b(128),
            inception_b(160),
            inception_b(160),
            inception_b(192),
        )
        self.to_end = nn.Sequential(
            Joined(
                [*bn_pad(768, 192, 1), *bn_pad(192, 320, 3, 2)],
                [
                    *bn_pad(768, 192, 1),
                    *bn_pad(192, 192, (1, 7), p=(0, 3)),
                    *bn_pad(192, 192, (7, 1), p=(3, 0)),
                    *bn_pad(192, 192, 3, 2),
                ],
                [nn.MaxPool2d(3, 2)],
            ),
            inception_c(1280),
            inception_c(2048),
            nn.AdaptiveAvgPool2d(1),
            nn.Dropout(0.5),
            nn.Flatten(),
            nn.Linear(2048, 1000),
        )
        self.aux = (
            nn.Sequential(
                nn.AvgPool2d(5, 3),
                *bn_pad(768, 128, 1),
                *bn_pad(128, 768, 5),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(768, 1000),
            )
            if aux
            else None
        )

    def forward(self, x):
        middle = self.to_middle(x)
        y = self.to_end(middle)
        return y if self.aux is None else (y, self.aux(middle))


# ---- segmentation: FCN, DeepLabV3, LR-ASPP
def dilated(i, o, k, s=1, d=1, groups=1, act=nn.ReLU):
    return [
        nn.Conv2d(i, o, k, s, d * (k // 2), d, groups, bias=False),
        nn.BatchNorm2d(o),
        *([act()] if act else []),
    ]


def dilated_resnet(depths):
    """ResNet up to its third stage, and its fourth; dilation keeps the size in both."""
    stages, i = [[*dilated(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], []], 64
    for n, (depth, width) in enumerate(zip(depths, (64, 128, 256, 512))):
        for b in range(depth):
            s, d = (2 if n == 1 and b == 0 else 1), (1, 1, 2, 4)[n] if b else (1, 1, 1, 2)[n]
            body = [
                *dilated(i, width, 1),
                *dilated(width, width, 3, s, d),
                *dilated(width, 4 * width, 1, act=None),
            ]
            stages[n == 3] += [
                Added(*body, shortcut=[] if b else dilated(i, 4 * width, 1, s, act=None)),
                nn.ReLU(),
            ]
            i = 4 * width
    return nn.Sequential(*stages[0]), nn.Sequential(*stages[1])


class Pyramid(nn.Module):
    """Atrous spatial pyramid pooling."""

    def __init__(self, i):
        super().__init__()
        self.scales = nn.ModuleList(
            nn.Sequential(*layers)
            for layers in (dilated(i, 256, 1), *(dilated(i, 256, 3, d=d) for d in (12, 24, 36)))
        )
        self.whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), *dilated(i, 256, 1))

    def forward(self, x):
        whole = F.interpolate(self.whole(x), x.shape[-2:], mode="bilinear")
        return torch.cat([*(scale(x) for scale in self.scales), whole], 1)


def deeplab_head(i):
    return nn.Sequential(
        Pyramid(i),
        *dilated(1280, 256, 1),
        nn.Dropout(0.5),
        *dilated(256, 256, 3),
        nn.Conv2d(256, 21, 1),
    )


def fcn_head(i):
    return nn.Sequential(*dilated(i, i // 4, 3), nn.Dropout(0.1), nn.Conv2d(i // 4, 21, 1))


class Segmentation(nn.Module):
    def __init__(self, early, late, head, aux):
        super().__init__()
        self.early, self.late, self.head, self.aux = early, late, head, aux

    def forward(self, x):
        early = self.early(x)
        y = self.head(self.late(early))
        return tuple(
            F.interpolate(out, x.shape[-2:], mode="bilinear") for out in (y, self.aux(early))
        )


def on_resnet(depths, head):
    return Segmentation(*dilated_resnet(depths), head(2048), fcn_head(1024))


def dilated_mobilenet():
    stages, i = [m.conv_bn(3, 16, 3, 2, act=HS), []], 16
    for n, (k, wide, o, gated, act, stride) in enumerate(LARGE):
        d = 2 if o == 160 else 1
        body = [
            *(dilated(i, wide, 1, act=act) if wide != i else []),
            *dilated(wide, wide, k, 1 if d > 1 else stride, d, wide, act),
            *([Gate(wide, rounded(wide // 4), nn.ReLU, nn.Hardsigmoid)] if gated else []),
            *dilated(wide, o, 1, act=None),
        ]
        stages[n > 3] += [Added(*body)] if stride == 1 and i == o else body
        i = o
    return nn.Sequential(*stages[0]), nn.Sequential(*stages[1], *dilated(160, 960, 1, act=HS))


class LiteHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.early, self.late = dilated_mobilenet()
        self.features, self.gate = (
            nn.Sequential(*dilated(960, 128, 1)),
            nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(960, 128, 1, bias=False), nn.Sigmoid()
            ),
        )
        self.low, self.high = nn.Conv2d(40, 21, 1), nn.Conv2d(128, 21, 1)

    def forward(self, x):
        early = self.early(x)
        late = self.late(early)
        deep = F.interpolate(
            self.features(late) * self.gate(late), early.shape[-2:], mode="bilinear"
        )
        return F.interpolate(self.high(deep) + self.low(early), x.shape[-2:], mode="bilinear")


# ---- RetinaNet
class FrozenNorm(nn.BatchNorm2d):
    """A batch norm that trains nothing."""

    def __init__(self, c):
        super().__init__(c, affine=False)


class RetinaNet(nn.Module):
    def __init__(self, depths=m.D50, anchors=9, classes=91):
        super().__init__()

        def frozen(i, o, k=1, s=1, act=True):
            return [
                nn.Conv2d(i, o, k, s, k // 2, bias=False),
                FrozenNorm(o),
                *([nn.ReLU()] if act else []),
            ]

        self.stem, self.stages, i = (
            nn.Sequential(*frozen(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)),
            nn.ModuleList(),
            64,
        )
        for n, depth in enumerate(depths):
            blocks = []
            for b in range(depth):
                w, s = 64 << n, 2 if n and not b else 1
                blocks += [
                    Added(
                        *frozen(i, w),
                        *frozen(w, w, 3, s),
                        *frozen(w, 4 * w, act=False),
                        shortcut=[] if b else frozen(i, 4 * w, 1, s, False),
                    ),
                    nn.ReLU(),
                ]
                i = 4 * w
            self.stages.append(nn.Sequential(*blocks))
        self.lateral = nn.ModuleList(nn.Conv2d(c, 256, 1) for c in (512, 1024, 2048))
        self.smooth = nn.ModuleList(nn.Conv2d(256, 256, 3, padding=1) for _ in range(3))
        self.p6, self.p7 = nn.Conv2d(256, 256, 3, 2, 1), nn.Conv2d(256, 256, 3, 2, 1)
        self.heads = nn.ModuleList(
            nn.Sequential(
                *(layer for _ in range(4) for layer in m.conv_relu(256, 256, 3, p=1)),
                nn.Conv2d(256, anchors * k, 3, padding=1),
            )
            for k in (classes, 4)
        )

    def forward(self, x):
        features, x = [], self.stages[0](self.stem(x))
        for stage in self.stages[1:]:
            x = stage(x)
            features.append(x)
        merged = [self.lateral[2](features[2])]
        for n in (1, 0):
            merged.insert(
                0, self.lateral[n](features[n]) + F.interpolate(merged[0], features[n].shape[-2:])
            )
        levels = [smooth(y) for smooth, y in zip(self.smooth, merged)]
        levels.append(self.p6(levels[2]))
        levels.append(self.p7(F.relu(levels[3])))
        return tuple(head(level) for level in levels for head in self.heads)


# ---- video
def conv3d(i, o, k, s=1, p=0):
    return [nn.Conv3d(i, o, k, s, p, bias=False), nn.BatchNorm3d(o)]


def filter3d(i, o, s, kind, between):
    if kind == "apart":
        return [
            *conv3d(i, between, (1, 3, 3), (1, s, s), (0, 1, 1)),
            nn.ReLU(),
            *conv3d(between, o, (3, 1, 1), (s, 1, 1), (1, 0, 0)),
        ]
    return (
        conv3d(i, o, (1, 3, 3), (1, s, s), (0, 1, 1)) if kind == "flat" else conv3d(i, o, 3, s, 1)
    )


def video_resnet(kinds):
    stem = (
        [
            *conv3d(3, 45, (1, 7, 7), (1, 2, 2), (0, 3, 3)),
            nn.ReLU(),
            *conv3d(45, 64, (3, 1, 1), 1, (1, 0, 0)),
            nn.ReLU(),
        ]
        if kinds[0] == "apart"
        else [*conv3d(3, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3)), nn.ReLU()]
    )
    layers, i = stem, 64
    for n, kind in enumerate(kinds):
        o = 64 << n
        for b in range(2):
            s, between = (2 if n and not b else 1), i * o * 27 // (i * 9 + 3 * o)
            shortcut = conv3d(i, o, 1, (1 if kind == "flat" else s, s, s)) if s > 1 else []
            layers += [
                Added(
                    *filter3d(i, o, s, kind, between),
                    nn.ReLU(),
                    *filter3d(o, o, 1, kind, between),
                    shortcut=shortcut,
                ),
                nn.ReLU(),
            ]
            i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(512, 400))


def apart3d(i, o, k=3, s=1):
    return [
        *conv3d(i, o, (1, k, k), (1, s, s), (0, k // 2, k // 2)),
        nn.ReLU(),
        *conv3d(o, o, (k, 1, 1), (s, 1, 1), (k // 2, 0, 0)),
        nn.ReLU(),
    ]


def s3d():
    def inception(i, a, b, b3, c, c3, d):
        point = lambda o: [*conv3d(i, o, 1), nn.ReLU()]  # noqa: E731
        return Joined(
            point(a),
            [*point(b), *apart3d(b, b3)],
            [*point(c), *apart3d(c, c3)],
            [nn.MaxPool3d(3, 1, 1), *point(d)],
        )

    space = partial(nn.MaxPool3d, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    return nn.Sequential(
        *apart3d(3, 64, 7, 2),
        space(),
        *conv3d(64, 64, 1),
        nn.ReLU(),
        *apart3d(64, 192),
        space(),
        inception(192, 64, 96, 128, 16, 32, 32),
        inception(256, 128, 128, 192, 32, 96, 64),
        nn.MaxPool3d(3, 2, 1),
        inception(480, 192, 96, 208, 16, 48, 64),
        inception(512, 160, 112, 224, 24, 64, 64),
        inception(512, 128, 128, 256, 24, 64, 64),
        inception(512, 112, 144, 288, 32, 64, 64),
        inception(528, 256, 160, 320, 32, 128, 128),
        nn.MaxPool3d(2),
        inception(832, 256, 160, 320, 32, 128, 128),
        inception(832, 384, 192, 384, 48, 128, 128),
        nn.AvgPool3d((2, 7, 7), 1),
        nn.Dropout(0.2),
        nn.Conv3d(1024, 400, 1),
        nn.AdaptiveAvgPool3d(1),
        nn.Flatten(),
    )


# ---- name -> (factory, input shape)
REGNETS = {  # depths, widths, channels per group
    "y_400mf": ((1, 3, 6, 6), (48, 104, 208, 440), 8),
    "y_800mf": ((1, 3, 8, 2), (64, 144, 320, 784), 16),
    "y_1_6gf": ((2, 6, 17, 2), (48, 120, 336, 888), 24),
    "y_3_2gf": ((2, 5, 13, 1), (72, 216, 576, 1512), 24),
    "y_8gf": ((2, 4, 10, 1), (224, 448, 896, 2016), 56),
    "y_16gf": ((2, 4, 11, 1), (224, 448, 1232, 3024), 112),
    "y_32gf": ((2, 5, 12, 1), (232, 696, 1392, 3712), 232),
    "y_128gf": ((2, 7, 17, 1), (528, 1056, 2904, 7392), 264),
    "x_400mf": ((1, 2, 7, 12), (32, 64, 160, 400), 16),
    "x_800mf": ((1, 3, 7, 5), (64, 128, 288, 672), 16),
    "x_1_6gf": ((2, 4, 10, 2), (72, 168, 408, 912), 24),
    "x_3_2gf": ((2, 6, 15, 2), (96, 192, 432, 1008), 48),
    "x_8gf": ((2, 5, 15, 1), (80, 240, 720, 1920), 120),
    "x_16gf": ((2, 6, 13, 1), (256, 512, 896, 2048), 128),
    "x_32gf": ((2, 7, 13, 1), (336, 672, 1344, 2520), 168),
}
EFFICIENT = {
    1: (1, 1.1, 240, 0.2),
    2: (1.1, 1.2, 288, 0.3),
    3: (1.2, 1.4, 300, 0.3),
    4: (1.4, 1.8, 380, 0.4),
    5: (1.6, 2.2, 456, 0.4),
    6: (1.8, 2.6, 528, 0.5),
    7: (2.0, 3.1, 600, 0.5),
}
SEPARABLE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5)


def mobilenet_v1(width: float) -> nn.Module:
    """Table 1 of the paper, with `width` times the channels."""

    def filters(c: int, out: int, kernel: int, stride: int, groups: int) -> list[nn.Module]:
        conv = nn.Conv2d(c, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        return [conv, nn.BatchNorm2d(out), nn.ReLU()]

    c = int(32 * width)
    layers = filters(3, c, 3, 2, 1)
    for channels, stride in (*SEPARABLE, (1024, 2), (1024, 1)):
        out = int(channels * width)
        layers += filters(c, c, 3, stride, c) + filters(c, out, 1, 1, 1)
        c = out
    ends = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.001), nn.Linear(c, 1000)]
    return nn.Sequential(*layers, *ends)


class SearchedCell(nn.Module):
    """The cell of index 11 in NATS-Bench's topologies: node 3 reads nodes 1 and 2 only."""

    def __init__(self, c: int):
        super().__init__()
        self.to1, self.to2, self.to3 = (_searched_conv(c, c, 1) for _ in range(3))
        self.mean = nn.AvgPool2d(3, 1, 1, count_include_pad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one = self.to1(x)
        two = self.to2(x) + self.mean(one)
        return x * 0 + self.to3(one) + self.mean(two)


class Halved(nn.Module):
    """The residual block between stages."""

    def __init__(self, c: int):
        super().__init__()
        self.body = nn.Sequential(_searched_conv(c, 2 * c, 2), _searched_conv(2 * c, 2 * c, 1))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(c, 2 * c, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + self.shortcut(x)


def _searched_conv(c: int, out: int, stride: int) -> nn.Module:
    conv = nn.Conv2d(c, out, 3, stride, 1, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(out))


def nas_bench_201() -> nn.Module:
    """The network around five cells a stage, for CIFAR-10."""
    stem = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)]
    body: list[nn.Module] = []
    for c in (16, 32, 64):
        body += [SearchedCell(c) for _ in range(5)]
        body += [Halved(c)] if c < 64 else []
    ends = [nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*stem, *body, *ends, nn.Linear(64, 10))


NETWORKS: dict[str, tuple[Factory, tuple[int, ...]]] = {
    **{
        f"convnext_{size}": (
            partial(convnext, (3, 3, 9 if size == "tiny" else 27, 3), width),
            m.RGB,
        )
        for size, width in (("tiny", 96), ("small", 96), ("base", 128), ("large", 192))
    },
    **{
        f"densenet{n}": (partial(m.densenet, depths, growth, stem), m.RGB)
        for n, depths, growth, stem in (
            (161, (6, 12, 36, 24), 48, 96),
            (169, (6, 12, 32, 32), 32, 64),
            (201, (6, 12, 48, 32), 32, 64),
        )
    },
    **{
        f"efficientnet_b{n}": (
            normed(partial(efficientnet, width, depth, drop), *((1e-3, 0.01) if n > 4 else ())),
            (3, size, size),
        )
        for n, (width, depth, size, drop) in EFFICIENT.items()
    },
    **{
        f"efficientnet_v2_{name}": (
            normed(partial(efficientnet_v2, rows, drop), 1e-3),
            (3, size, size),
        )
        for name, rows, size, drop in (
            ("s", V2_S, 384, 0.2),
            ("m", V2_M, 480, 0.3),
            ("l", V2_L, 480, 0.4),
        )
    },
    **{
        f"mnasnet{name}": (normed(partial(mnasnet, width), momentum=0.0003), m.RGB)
        for name, width in (("0_5", 0.5), ("0_75", 0.75), ("1_0", 1), ("1_3", 1.3))
    },
    **{
        f"regnet_{name}": (partial(regnet, *design, gated=name[0] == "y"), m.RGB)
        for name, design in REGNETS.items()
    },
    **{
        f"vgg{n}_bn": (partial(m.vgg, depths, norm=True), m.RGB)
        for n, depths in (
            (11, (1, 1, 2, 2, 2)),
            (13, (2, 2, 2, 2, 2)),
            (16, (2, 2, 3, 3, 3)),
            (19, (2, 2, 4, 4, 4)),
        )
    },
    **{
        f"shufflenet_v2_{name}": (partial(m.shufflenet_v2, (24, *widths), last), m.RGB)
        for name, widths, last in (
            ("x0_5", (48, 96, 192), 1024),
            ("x1_5", (176, 352, 704), 1024),
            ("x2_0", (244, 488, 976), 2048),
        )
    },
    "wide_resnet50_2": (partial(m.resnet, m.bottleneck, m.D50, width=128), m.RGB),
    "wide_resnet101_2": (partial(m.resnet, m.bottleneck, m.D101, width=128), m.RGB),
    "mobilenet_v3_large": (normed(partial(mobilenet_v3, LARGE, 1280), 1e-3, 0.01), m.RGB),
    "mobilenet_v3_small": (normed(partial(mobilenet_v3, SMALL, 1024), 1e-3, 0.01), m.RGB),
    "squeezenet1_0": (partial(squeezenet, True), m.RGB),
    "squeezenet1_1": (partial(squeezenet, False), m.RGB),
    "googlenet_torchvision": (normed(googlenet_bn, 1e-3), m.RGB),
    "inception_v3": (normed(InceptionV3, 1e-3), (3, 299, 299)),
    "inception_v3_aux": (normed(partial(InceptionV3, True), 1e-3), (3, 299, 299)),
    **{
        f"{name}_resnet{n}": (partial(on_resnet, depths, head), (3, 520, 520))
        for n, depths in ((50, m.D50), (101, m.D101))
        for name, head in (("fcn", fcn_head), ("deeplabv3", deeplab_head))
    },
    "deeplabv3_mobilenet_v3_large": (
        lambda: Segmentation(*dilated_mobilenet(), deeplab_head(960), fcn_head(40)),
        (3, 520, 520),
    ),
    "lraspp_mobilenet_v3_large": (LiteHead, (3, 520, 520)),
    "retinanet_resnet50_fpn": (RetinaNet, (3, 800, 800)),
    "r3d_18": (partial(video_resnet, ("full",) * 4), (3, 16, 112, 112)),
    "mc3_18": (partial(video_resnet, ("full", "flat", "flat", "flat")), (3, 16, 112, 112)),
    "r2plus1d_18": (partial(video_resnet, ("apart",) * 4), (3, 16, 112, 112)),
    "s3d": (normed(s3d, 1e-3, 1e-3), (3, 16, 224, 224)),
    "mobilenet_v1": (partial(mobilenet_v1, 1), m.RGB),
    "mobilenet_v1_075": (partial(mobilenet_v1, 0.75), m.RGB),
    "mobilenet_v1_050": (partial(mobilenet_v1, 0.5), m.RGB),
    "mobilenet_v1_025": (partial(mobilenet_v1, 0.25), m.RGB),
    "nas_bench_201": (nas_bench_201, (3, 32, 32)),
}
