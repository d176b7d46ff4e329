"""Reference definitions of classic networks in plain torch.nn, written from the papers."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn


def conv_relu(i, o, k, s=1, p=0, groups=1):
    return [nn.Conv2d(i, o, k, s, p, groups=groups), nn.ReLU()]


def conv_bn(i, o, k, s=1, groups=1, act=nn.ReLU):
    """Bias-free convolution padded by k // 2, batch norm, activation (act=None: linear)."""
    layers = [nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False), nn.BatchNorm2d(o)]
    return layers + ([act()] if act else [])


def fc_head(features, hidden, classes=1000):
    """Two dropped-out hidden layers, then logits: the head of AlexNet, ZFNet and VGG."""
    return [
        nn.Flatten(),
        nn.Linear(features, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, hidden),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(hidden, classes),
    ]


def pooled_head(features, classes=1000, dropout=0.0):
    drop = [nn.Dropout(dropout)] if dropout else []
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), *drop, nn.Linear(features, classes)]


# ---- small networks
def three_conv():
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, 12, 5), nn.Conv2d(12, 24, 3))


def cifar10_cnn():
    return nn.Sequential(
        *conv_relu(3, 32, 3, p=1),
        nn.MaxPool2d(2),
        *conv_relu(32, 64, 3, p=1),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 8 * 8, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )


def cifar10_keras():
    return nn.Sequential(
        *conv_relu(3, 32, 3),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(32 * 15 * 15, 512),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(512, 10),
        nn.Softmax(dim=1),
    )


# ---- LeNet-5 (LeCun et al. 1998)
class Subsampling(nn.Module):
    """Sum of each 2x2 window, times one coefficient, plus one bias per map."""

    def __init__(self, maps):
        super().__init__()
        self.window_sum = nn.AvgPool2d(2, divisor_override=1)
        self.coefficient = nn.Parameter(torch.full((maps, 1, 1), 0.25))
        self.bias = nn.Parameter(torch.zeros(maps, 1, 1))

    def forward(self, x):
        return self.window_sum(x) * self.coefficient + self.bias


class PartialConv(nn.Module):
    """One single-map convolution per row of a connection table."""

    def __init__(self, table, k):
        super().__init__()
        self.table = table
        self.maps = nn.ModuleList(nn.Conv2d(len(row), 1, k) for row in table)

    def forward(self, x):
        inputs = [torch.cat([x[:, i : i + 1] for i in row], 1) for row in self.table]
        return torch.cat([conv(seen) for conv, seen in zip(self.maps, inputs)], 1)


class RBF(nn.Module):
    """Squared distance to fixed centres of +-1: 7x12 bitmaps of digits (seven segments here)."""

    SEGMENTS = (
        "abcdef",
        "bc",
        "abged",
        "abgcd",
        "fgbc",
        "afgcd",
        "afgedc",
        "abc",
        "abcdefg",
        "abcdfg",
    )

    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.tensor([self.bitmap(s) for s in self.SEGMENTS]))

    @staticmethod
    def bitmap(lit):
        def on(r, c):
            return (
                ("a" in lit and r == 0)
                or ("g" in lit and r == 5)
                or ("d" in lit and r == 11)
                or (("f" if r <= 5 else "e") in lit and c == 0)
                or (("b" if r <= 5 else "c") in lit and c == 6)
            )

        return [1.0 if on(r, c) else -1.0 for r in range(12) for c in range(7)]

    def forward(self, x):
        return (x.unsqueeze(1) - self.centres).pow(2).sum(2)


C3_TABLE = (
    [[(i + j) % 6 for j in range(3)] for i in range(6)]
    + [[(i + j) % 6 for j in range(4)] for i in range(6)]
    + [[0, 1, 3, 4], [1, 2, 4, 5], [0, 2, 3, 5], [0, 1, 2, 3, 4, 5]]
)


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.Tanh(),
        Subsampling(6),
        nn.Tanh(),
        PartialConv(C3_TABLE, 5),
        nn.Tanh(),
        Subsampling(16),
        nn.Tanh(),
        nn.Conv2d(16, 120, 5),
        nn.Tanh(),
        nn.Flatten(),
        nn.Linear(120, 84),
        nn.Tanh(),
        RBF(),
    )


def lenet5_modern():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )


# ---- AlexNet, ZFNet, VGG
def alexnet(groups=1, norm_first=False):
    """The layer sizes of 2012. norm_first puts each norm before its pool, as the paper does."""

    def pool_norm():  # the paper's alpha multiplies the sum, LocalResponseNorm's the mean: 5 * 1e-4
        pair = [nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)]
        return pair[::-1] if norm_first else pair

    return nn.Sequential(
        *conv_relu(3, 96, 11, 4),
        *pool_norm(),
        *conv_relu(96, 256, 5, p=2, groups=groups),
        *pool_norm(),
        *conv_relu(256, 384, 3, p=1),
        *conv_relu(384, 384, 3, p=1, groups=groups),
        *conv_relu(384, 256, 3, p=1, groups=groups),
        nn.MaxPool2d(3, 2),
        *fc_head(256 * 6 * 6, 4096),
    )


def alexnet_torchvision():
    return nn.Sequential(
        *conv_relu(3, 64, 11, 4, 2),
        nn.MaxPool2d(3, 2),
        *conv_relu(64, 192, 5, p=2),
        nn.MaxPool2d(3, 2),
        *conv_relu(192, 384, 3, p=1),
        *conv_relu(384, 256, 3, p=1),
        *conv_relu(256, 256, 3, p=1),
        nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Linear(4096, 1000),
    )


def zfnet():
    return nn.Sequential(
        *conv_relu(3, 96, 7, 2, 1),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *conv_relu(96, 256, 5, 2),
        nn.MaxPool2d(3, 2, ceil_mode=True),
        *conv_relu(256, 384, 3, p=1),
        *conv_relu(384, 384, 3, p=1),
        *conv_relu(384, 256, 3, p=1),
        nn.MaxPool2d(3, 2),
        *fc_head(256 * 6 * 6, 4096),
    )


def vgg(depths, last_kernel=3, norm=False):
    """VGG with the given numbers of convolutions in its blocks.

    last_kernel is the kernel of the third convolution of a block; norm adds batch norms.
    """
    layers, i = [], 3
    for o, depth in zip((64, 128, 256, 512, 512), depths):
        for n in range(depth):
            k = last_kernel if n == 2 else 3
            conv, relu = conv_relu(i, o, k, p=k // 2)
            layers += [conv, nn.BatchNorm2d(o), relu] if norm else [conv, relu]
            i = o
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, *fc_head(512 * 7 * 7, 4096))


# ---- GoogLeNet (Szegedy et al. 2014)
class Inception(nn.Module):
    def __init__(self, i, b1, reduce3, b3, reduce5, b5, proj):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Sequential(*conv_relu(i, b1, 1)),
                nn.Sequential(*conv_relu(i, reduce3, 1), *conv_relu(reduce3, b3, 3, p=1)),
                nn.Sequential(*conv_relu(i, reduce5, 1), *conv_relu(reduce5, b5, 5, p=2)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), *conv_relu(i, proj, 1)),
            ]
        )

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


class GoogLeNet(nn.Module):
    """With aux, returns (main, head on 4a, head on 4d); else the main logits."""

    def __init__(self, aux=False):
        super().__init__()
        pool = partial(nn.MaxPool2d, 3, 2, ceil_mode=True)

        def head(i):
            return nn.Sequential(
                nn.AvgPool2d(5, 3),
                *conv_relu(i, 128, 1),
                nn.Flatten(),
                nn.Linear(128 * 4 * 4, 1024),
                nn.ReLU(),
                nn.Dropout(0.7),
                nn.Linear(1024, 1000),
            )

        self.to_4a = nn.Sequential(
            *conv_relu(3, 64, 7, 2, 3),
            pool(),
            nn.LocalResponseNorm(5),
            *conv_relu(64, 64, 1),
            *conv_relu(64, 192, 3, p=1),
            nn.LocalResponseNorm(5),
            pool(),
            Inception(192, 64, 96, 128, 16, 32, 32),
            Inception(256, 128, 128, 192, 32, 96, 64),
            pool(),
            Inception(480, 192, 96, 208, 16, 48, 64),
        )
        self.to_4d = nn.Sequential(
            Inception(512, 160, 112, 224, 24, 64, 64),
            Inception(512, 128, 128, 256, 24, 64, 64),
            Inception(512, 112, 144, 288, 32, 64, 64),
        )
        self.to_end = nn.Sequential(
            Inception(528, 256, 160, 320, 32, 128, 128),
            pool(),
            Inception(832, 256, 160, 320, 32, 128, 128),
            Inception(832, 384, 192, 384, 48, 128, 128),
            nn.AvgPool2d(7, 1),
            nn.Flatten(),
            nn.Dropout(0.4),
            nn.Linear(1024, 1000),
        )
        self.aux = nn.ModuleList([head(512), head(528)]) if aux else None

    def forward(self, x):
        a = self.to_4a(x)
        d = self.to_4d(a)
        y = self.to_end(d)
        return y if self.aux is None else (y, self.aux[0](a), self.aux[1](d))


# ---- ResNet, ResNeXt
class Residual(nn.Module):
    """relu(body(x) + shortcut(x)), the shortcut projected where the shape changes."""

    def __init__(self, i, o, stride, body):
        super().__init__()
        self.body = nn.Sequential(*body)
        same = stride == 1 and i == o
        self.shortcut = (
            nn.Identity() if same else nn.Sequential(*conv_bn(i, o, 1, stride, act=None))
        )
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.body(x) + self.shortcut(x))


def basic_block(i, c, stride):
    return Residual(i, c, stride, conv_bn(i, c, 3, stride) + conv_bn(c, c, 3, act=None)), c


def bottleneck(i, c, stride, groups=1, width=64, v1=False):
    """width: channels per group of the 3x3 at c = 64; v1: the stride is on the first 1x1."""
    mid, o = c * width // 64 * groups, 4 * c
    s1, s3 = (stride, 1) if v1 else (1, stride)
    return Residual(
        i,
        o,
        stride,
        conv_bn(i, mid, 1, s1) + conv_bn(mid, mid, 3, s3, groups) + conv_bn(mid, o, 1, act=None),
    ), o


def resnet(block, depths, **options):
    layers, i = [*conv_bn(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for stage, depth in enumerate(depths):
        for n in range(depth):
            layer, i = block(i, 64 << stage, 2 if stage and n == 0 else 1, **options)
            layers.append(layer)
    return nn.Sequential(*layers, *pooled_head(i))


# ---- U-Net (Ronneberger et al. 2015)
class UNet(nn.Module):
    def __init__(self, padding, classes=2):
        super().__init__()

        def double(i, o):
            return nn.Sequential(*conv_relu(i, o, 3, p=padding), *conv_relu(o, o, 3, p=padding))

        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(double(i, o) for i, o in zip([1, *widths], widths))
        self.pool = nn.ModuleList(nn.MaxPool2d(2) for _ in widths[1:])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, 2) for c in widths[-2::-1])
        self.merge = nn.ModuleList(double(2 * c, c) for c in widths[-2::-1])
        self.head = nn.Conv2d(64, classes, 1)

    def forward(self, x):
        x, skips = self.down[0](x), []
        for pool, down in zip(self.pool, self.down[1:]):
            skips.append(x)
            x = down(pool(x))
        for up, merge in zip(self.up, self.merge):
            x, skip = up(x), skips.pop()
            h, w = x.shape[-2:]
            top, left = (skip.shape[-2] - h) // 2, (skip.shape[-1] - w) // 2
            x = merge(torch.cat([skip[..., top : top + h, left : left + w], x], 1))
        return self.head(x)


# ---- DenseNet (Huang et al. 2017)
def bn_relu_conv(i, o, k):
    return [nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, k, padding=k // 2, bias=False)]


class DenseLayer(nn.Sequential):
    def forward(self, x):
        return torch.cat([x, super().forward(x)], 1)


def densenet(depths, growth=32, stem=64):
    layers, i = [*conv_bn(3, stem, 7, 2), nn.MaxPool2d(3, 2, 1)], stem
    for n, depth in enumerate(depths):
        if n:
            layers += [*bn_relu_conv(i, i // 2, 1), nn.AvgPool2d(2)]
            i //= 2
        for _ in range(depth):
            layers.append(
                DenseLayer(*bn_relu_conv(i, 4 * growth, 1), *bn_relu_conv(4 * growth, growth, 3))
            )
            i += growth
    return nn.Sequential(*layers, nn.BatchNorm2d(i), nn.ReLU(), *pooled_head(i))


# ---- MobileNetV2, EfficientNet, ShuffleNetV2
class SqueezeExcite(nn.Module):
    def __init__(self, c, squeezed):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(c, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, c, 1),
            nn.Sigmoid(),
        )

    def forward(self, x):
        return x * self.gate(x)


class DropPath(nn.Module):
    """Stochastic depth: in training, drops each sample's residual branch with probability p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        keep = x.new_empty(x.shape[0], 1, 1, 1).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p))


class InvertedResidual(nn.Module):
    """1x1 up (not at t = 1), depthwise k x k, optional gate, linear 1x1; added to x if it fits."""

    def __init__(self, i, o, k, stride, t, act, gated=False, drop=0.0):
        super().__init__()
        c = i * t
        self.body = nn.Sequential(
            *(conv_bn(i, c, 1, act=act) if t > 1 else []),
            *conv_bn(c, c, k, stride, groups=c, act=act),
            *([SqueezeExcite(c, i // 4)] if gated else []),
            *conv_bn(c, o, 1, act=None),
        )
        self.residual = stride == 1 and i == o
        self.drop = DropPath(drop)

    def forward(self, x):
        return x + self.drop(self.body(x)) if self.residual else self.body(x)


def inverted_net(rows, act, last, gated=False, drop=0.0):
    """rows: (expansion, channels, repeats, first stride, kernel)."""
    layers, i, index, total = conv_bn(3, 32, 3, 2, act=act), 32, 0, sum(row[2] for row in rows)
    for t, o, repeats, stride, k in rows:
        for n in range(repeats):
            s = stride if n == 0 else 1
            layers.append(InvertedResidual(i, o, k, s, t, act, gated, drop * index / total))
            i, index = o, index + 1
    return nn.Sequential(*layers, *conv_bn(i, last, 1, act=act), *pooled_head(last, dropout=0.2))


MOBILENET_V2 = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 32, 3, 2, 3),
    (6, 64, 4, 2, 3),
    (6, 96, 3, 1, 3),
    (6, 160, 3, 2, 3),
    (6, 320, 1, 1, 3),
]
EFFICIENTNET_B0 = [
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
]


class ShuffleUnit(nn.Module):
    """Transform half of the channels (stride 1) or both copies (stride 2), then interleave them."""

    def __init__(self, i, o, stride):
        super().__init__()
        c, self.split = o // 2, stride == 1
        j = i // 2 if self.split else i
        self.left = (
            nn.Identity()
            if self.split
            else nn.Sequential(*conv_bn(i, i, 3, 2, groups=i, act=None), *conv_bn(i, c, 1))
        )
        self.right = nn.Sequential(
            *conv_bn(j, c, 1), *conv_bn(c, c, 3, stride, groups=c, act=None), *conv_bn(c, c, 1)
        )

    def forward(self, x):
        a, b = x.chunk(2, 1) if self.split else (x, x)
        y = torch.cat([self.left(a), self.right(b)], 1)
        return y.unflatten(1, (2, -1)).transpose(1, 2).flatten(1, 2)


def shufflenet_v2(widths=(24, 116, 232, 464), last=1024):
    layers, i = [*conv_bn(3, widths[0], 3, 2), nn.MaxPool2d(3, 2, 1)], widths[0]
    for o, repeats in zip(widths[1:], (4, 8, 4)):
        layers += [ShuffleUnit(o if n else i, o, 1 if n else 2) for n in range(repeats)]
        i = o
    return nn.Sequential(*layers, *conv_bn(i, last, 1), *pooled_head(last))


# ---- name -> (factory, input shape)
RGB = (3, 224, 224)
D50, D101, D152 = (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)
NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "three_conv": (three_conv, (3, 32, 32)),
    "cifar10_cnn": (cifar10_cnn, (3, 32, 32)),
    "cifar10_keras": (cifar10_keras, (3, 32, 32)),
    "lenet5": (lenet5, (1, 32, 32)),
    "lenet5_modern": (lenet5_modern, (1, 32, 32)),
    "alexnet": (alexnet, (3, 227, 227)),
    "alexnet_grouped": (partial(alexnet, groups=2, norm_first=True), (3, 227, 227)),
    "alexnet_torchvision": (alexnet_torchvision, RGB),
    "zfnet": (zfnet, RGB),
    "vgg11": (partial(vgg, (1, 1, 2, 2, 2)), RGB),
    "vgg13": (partial(vgg, (2, 2, 2, 2, 2)), RGB),
    "vgg16c": (partial(vgg, (2, 2, 3, 3, 3), last_kernel=1), RGB),
    "vgg16": (partial(vgg, (2, 2, 3, 3, 3)), RGB),
    "vgg19": (partial(vgg, (2, 2, 4, 4, 4)), RGB),
    "googlenet": (GoogLeNet, RGB),
    "googlenet_aux": (partial(GoogLeNet, aux=True), RGB),
    "resnet18": (partial(resnet, basic_block, (2, 2, 2, 2)), RGB),
    "resnet34": (partial(resnet, basic_block, D50), RGB),
    "resnet50": (partial(resnet, bottleneck, D50), RGB),
    "resnet101": (partial(resnet, bottleneck, D101), RGB),
    "resnet152": (partial(resnet, bottleneck, D152), RGB),
    "resnet50_v1": (partial(resnet, bottleneck, D50, v1=True), RGB),
    "resnet101_v1": (partial(resnet, bottleneck, D101, v1=True), RGB),
    "resnet152_v1": (partial(resnet, bottleneck, D152, v1=True), RGB),
    "resnext50_32x4d": (partial(resnet, bottleneck, D50, groups=32, width=4), RGB),
    "resnext101_32x8d": (partial(resnet, bottleneck, D101, groups=32, width=8), RGB),
    "resnext101_64x4d": (partial(resnet, bottleneck, D101, groups=64, width=4), RGB),
    "resnext101_32x4d": (partial(resnet, bottleneck, D101, groups=32, width=4), RGB),
    "unet_valid": (partial(UNet, padding=0), (1, 572, 572)),
    "unet_same": (partial(UNet, padding=1), (1, 512, 512)),
    "densenet121": (partial(densenet, (6, 12, 24, 16)), RGB),
    "mobilenet_v2": (partial(inverted_net, MOBILENET_V2, nn.ReLU6, 1280), RGB),
    "efficientnet_b0": (
        partial(inverted_net, EFFICIENTNET_B0, nn.SiLU, 1280, gated=True, drop=0.2),
        RGB,
    ),
    "shufflenet_v2_x1_0": (shufflenet_v2, RGB),
}


# ---- AlexNet as a class, so that a kernel can be changed to show what happens
class AlexNet(nn.Sequential):
    """The single tower; `kernels` are those of its five convolutions, which keep their paddings."""

    def __init__(self, kernels=(11, 5, 3, 3, 3), classes=1000):
        a, b, c, d, e = kernels

        def pool_norm():
            return nn.MaxPool2d(3, 2), nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)

        super().__init__(
            *conv_relu(3, 96, a, 4),
            *pool_norm(),
            *conv_relu(96, 256, b, p=2),
            *pool_norm(),
            *conv_relu(256, 384, c, p=1),
            *conv_relu(384, 384, d, p=1),
            *conv_relu(384, 256, e, p=1),
            nn.MaxPool2d(3, 2),
            *fc_head(256 * 6 * 6, 4096, classes),
        )
