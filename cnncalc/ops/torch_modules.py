"""Torch modules that torch.nn does not have; `TorchCall` names them.

The modules take numbers, never an operator: a built network does not need cnncalc's rules.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

from ..num import ceil_div, slide

FILL = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
Pads = Sequence[tuple[int, int]]  # added before and after each spatial axis


def class_named(name: str) -> Callable[..., nn.Module]:
    """Return a class of this file, or of torch.nn."""
    found: Callable[..., nn.Module] = globals()[name] if is_ours(name) else getattr(nn, name)
    return found


def is_ours(name: str) -> bool:
    """Return whether a class is in this file."""
    found = globals().get(name)
    return isinstance(found, type) and issubclass(found, nn.Module)


def hooked(module: nn.Module, before: nn.Module | None, after: nn.Module | None) -> nn.Module:
    """Return the module, with another one run on its input or its output at each call."""
    if before is not None:
        module.register_forward_pre_hook(_Before(before))
    if after is not None:
        module.register_forward_hook(_After(after))
    return module


class _Before:
    """A forward pre-hook that runs a module on the inputs."""

    def __init__(self, module: nn.Module):
        self.module = module

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
        return self.module(*inputs)


class _After(_Before):
    """A forward hook that runs a module on the output."""

    def __call__(
        self, module: nn.Module, inputs: tuple[Tensor, ...], y: Tensor | None = None
    ) -> Any:
        return self.module(y)


# padding


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


# convolution


class TableConv(nn.Module):
    """A convolution whose output channels each read a few input channels (LeNet-5's C3).

    The weight has one kernel for each pair of channels that the table connects: (pairs, *kernel).
    """

    def __init__(
        self,
        connections: Sequence[Sequence[int]],
        kernel_size: Sequence[int],
        stride: Sequence[int],
        dilation: Sequence[int],
        bias: bool,
    ):
        super().__init__()
        self.connections, self.stride, self.dilation = connections, stride, dilation
        self.weight = nn.Parameter(torch.empty(sum(map(len, connections)), *kernel_size))
        self.bias = nn.Parameter(torch.zeros(len(connections))) if bias else None
        if self.weight.device.type != "meta":
            nn.init.uniform_(self.weight, -0.1, 0.1)

    def forward(self, x: Tensor) -> Tensor:
        axes = x.dim() - 2
        maps, start = [], 0
        for channels in self.connections:
            kernel = self.weight[start : start + len(channels)].unsqueeze(0)
            seen = x[:, list(channels)]
            maps.append(CONVOLUTIONS[axes - 1](seen, kernel, None, self.stride, 0, self.dilation))
            start += len(channels)
        y = torch.cat(maps, 1)
        return y if self.bias is None else y + self.bias.reshape(-1, *(1,) * axes)


class WithSize(nn.Module):
    """Turns a second input into its sizes, as a transposed convolution takes them."""

    def forward(self, x: Tensor, like: Tensor) -> tuple[Tensor, list[int]]:
        return x, list(map(int, like.shape[2:]))


class Standardized(nn.Module):
    """Gives each filter of a weight a mean of 0 and a variance of 1."""

    def forward(self, weight: Tensor) -> Tensor:
        rows = weight.reshape(1, weight.shape[0], -1)
        found = torch.native_batch_norm(rows, None, None, None, None, True, 0.0, 1e-6)
        return found[0].reshape_as(weight)


def weight_standardization(module: nn.Module) -> nn.Module:
    """Let a convolution compute its weight from another one whose filters it standardizes."""
    return register_parametrization(module, "weight", Standardized())


class ScaledStandardized(nn.Module):
    """Gives each filter of a weight a mean of 0 and a variance of 1/n, times a trained gain."""

    def __init__(self, filters: Sequence[int]):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(filters[0], *(1,) * (len(filters) - 1)))
        self.scale = float(torch.Size(filters[1:]).numel() ** -0.5)

    def forward(self, weight: Tensor) -> Tensor:
        rows = weight.reshape(1, weight.shape[0], -1)
        factors = (self.gain * self.scale).view(-1)
        found = torch.native_batch_norm(rows, factors, None, None, None, True, 0.0, 1e-5)
        return found[0].reshape_as(weight)


def scaled_weight_standardization(module: nn.Module) -> nn.Module:
    """Let a convolution compute its weight from another one that it standardizes and scales."""
    weight = module.get_parameter("weight")
    return register_parametrization(module, "weight", ScaledStandardized(weight.shape))


class Maxout(nn.Module):
    """Keeps the largest of every `pieces` channels: (N, C, *n) -> (N, C / pieces, *n)."""

    def __init__(self, pieces: int):
        super().__init__()
        self.pieces = pieces

    def split(self, x: Tensor) -> Tensor:
        """Split the channels: (N, C, *n) -> (N, C / pieces, pieces, *n)."""
        return x.reshape(x.shape[0], -1, self.pieces, *x.shape[2:])

    def forward(self, x: Tensor) -> Tensor:
        return self.split(x).amax(2)


class PieceMean(Maxout):
    """Computes the mean of every `pieces` neighbouring channels."""

    def forward(self, x: Tensor) -> Tensor:
        return self.split(x).mean(2)


class SquaredReLU(nn.Module):
    """Squares positive values and replaces negative ones with 0."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x).square()


class HalvesMean(nn.Module):
    """Computes the mean of the first half of the channels and the second."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.chunk(2, 1)
        return (first + second) / 2


class Pointwise(nn.Module):
    """Applies a function of torch to each value, with fixed arguments."""

    def __init__(self, function: str, **arguments: Any):
        super().__init__()
        self.function, self.arguments = function, arguments

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = getattr(torch, self.function)(x, **self.arguments)
        return y


# pooling


class PaddedPool(nn.Module):
    """A pool whose input is padded by a separate module, since torch's pools pad evenly.

    A mean counts the padding unless `count_include_pad` is false. With ceil_mode, `windows` holds
    (kernel, stride, low, high, dilation) per axis: no window may start in the padding after the
    input, and the pool itself cannot know where that begins.
    """

    def __init__(
        self,
        pool: nn.Module,
        padding: nn.Module,
        count_include_pad: bool = True,
        windows: Sequence[tuple[int, int, int, int, int]] = (),
    ):
        super().__init__()
        self.pool, self.padding = pool, padding
        self.count_include_pad, self.windows = count_include_pad, windows

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pool(self.padding(x))
        if not self.count_include_pad:
            y = y / self.pool(self.padding(torch.ones_like(x)))
        if not self.windows:
            return y
        axes = zip(x.shape[2:], self.windows)
        sizes = tuple(slide(n, k, s, low, high, d, True) for n, (k, s, low, high, d) in axes)
        for axis, size in enumerate(sizes, 2):
            y = y.narrow(axis, 0, size)
        return y.clone(memory_format=torch.contiguous_format)


class Places(NamedTuple):
    """Where a pool found its maxima: numbers of positions of its input, and the input's size."""

    indices: Tensor
    size: Sequence[int]


class PlacedMaxPool1d(nn.MaxPool1d):
    """A pool that notes where it found its maxima, until somebody takes that."""

    places: Places | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, found = F.max_pool1d(x, *_window_of(self), return_indices=True)
        self.places = Places(found, tuple(map(int, x.shape[2:])))
        return y


class PlacedMaxPool2d(nn.MaxPool2d):
    """The same over two axes."""

    places: Places | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, found = F.max_pool2d(x, *_window_of(self), return_indices=True)
        self.places = Places(found, tuple(map(int, x.shape[2:])))
        return y


class PlacedMaxPool3d(nn.MaxPool3d):
    """The same over three axes."""

    places: Places | None = None

    def forward(self, x: Tensor) -> Tensor:
        y, found = F.max_pool3d(x, *_window_of(self), return_indices=True)
        self.places = Places(found, tuple(map(int, x.shape[2:])))
        return y


def _window_of(pool: Any) -> tuple[Any, ...]:
    return pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.ceil_mode


class MaxUnpooling(nn.Module):
    """Puts values where a pool found its maxima, into an output of the size of the pool's input."""

    def __init__(self, kernel_size: Sequence[int], stride: Sequence[int], padding: Sequence[int]):
        super().__init__()
        self.window = tuple(kernel_size), tuple(stride), tuple(padding)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        unpool: Any = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[x.dim() - 3]
        y: Tensor = unpool(x, places.indices, *self.window, list(places.size))
        return y


class WindowSpread(nn.Module):
    """Adds each value to all positions of its window, in an output of the third input's size."""

    def __init__(
        self,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x: Tensor, pooled: Tensor, before: Tensor) -> Tensor:
        conv: Any = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[x.dim() - 3]
        kernel, n = x.new_ones(x.shape[1], 1, *self.kernel_size), x.shape[1]
        y: Tensor = conv(x, kernel, None, self.stride, 0, 0, n, self.dilation)
        around = []
        for axis, p in enumerate(self.padding, 2):
            around.append((-p, before.shape[axis] - y.shape[axis] + p))
        return F.pad(y, torch_order(around))


class Copying(nn.Module):
    """Copies its input, to free memory that the input only holds a part of."""

    def forward(self, x: Tensor) -> Tensor:
        return x.clone()


class Folding(nn.Module):
    """Puts columns back as windows of a map of this size, or of the second input's size.

    torch's result keeps the memory of all columns, so it is copied.
    """

    def __init__(self, output_size: Sequence[int] | None = None, **window: Sequence[int]):
        super().__init__()
        self.output_size = output_size
        self.window = {name: tuple(value) for name, value in window.items()}

    def forward(self, x: Tensor, *like: Tensor) -> Tensor:
        sizes = tuple(map(int, like[0].shape[2:])) if like else self.output_size
        return F.fold(x, sizes, **self.window).clone()  # type: ignore[arg-type]


class GridSample(nn.Module):
    """Reads its first input at the places that the second one holds."""

    def __init__(self, **how: Any):
        super().__init__()
        self.how = how

    def forward(self, x: Tensor, grid: Tensor) -> Tensor:
        return F.grid_sample(x, grid, **self.how)


class DeformConv(nn.Module):
    """Convolves values of its first input at places that the second one moves.

    A third input multiplies them. It calls the operation of torchvision, with its parameters.
    """

    def __init__(self, **how: Any):
        super().__init__()
        plain = nn.Conv2d(**how)
        self.weight, self.bias = plain.weight, plain.bias
        self.steps = (*plain.stride, *plain.padding, *plain.dilation)
        self.groups = plain.groups

    def forward(self, x: Tensor, offset: Tensor, mask: Tensor | None = None) -> Tensor:
        zeros = partial(torch.zeros, dtype=x.dtype, device=x.device)
        given = zeros(len(x), 1) if mask is None else mask
        bias = zeros(len(self.weight)) if self.bias is None else self.bias
        moved = offset.shape[1] // (2 * self.weight[0, 0].numel())
        found: Tensor = torch.ops.torchvision.deform_conv2d(
            x,
            self.weight,
            offset,
            given,
            bias,
            *self.steps,
            self.groups,
            moved,
            mask is not None,
        )
        return found


class AffineGrid(nn.Module):
    """Makes the grid of an affine map, of this size or that of the second input.

    With `sums`, all its places are the sums of the matrix's rows.
    """

    def __init__(self, align_corners: bool, size: Sequence[int] | None = None, sums: bool = False):
        super().__init__()
        self.align_corners, self.size, self.sums = align_corners, size, sums

    def forward(self, x: Tensor, *like: Tensor) -> Tensor:
        sizes = tuple(map(int, like[0].shape[2:])) if like else tuple(self.size or ())
        if self.sums:
            place = x.sum(-1).reshape(len(x), *(1,) * len(sizes), -1)
            return place.expand(len(x), *sizes, -1)
        return F.affine_grid(x, [len(x), 1, *sizes], align_corners=self.align_corners)


class BlurPool(nn.Module):
    """Convolves each channel with a fixed filter, which is the product of a row along each axis."""

    filter: Tensor

    def __init__(
        self,
        row: Sequence[int],
        channels: int,
        stride: Sequence[int],
        around: Pads,
        mode: str = "zeros",
    ):
        super().__init__()
        inside = mode == "zeros" and all(low == high for low, high in around)
        self.padding = tuple(low for low, _ in around) if inside else 0
        self.amounts = [] if inside else torch_order(around)
        self.stride, self.mode = tuple(stride), FILL[mode]
        along = torch.tensor(row, dtype=torch.get_default_dtype()) / sum(row)
        kernel = along
        for _ in stride[1:]:
            kernel = kernel.unsqueeze(-1) * along
        self.register_buffer("filter", kernel.repeat(channels, 1, *(1,) * len(stride)))

    def forward(self, x: Tensor) -> Tensor:
        if any(self.amounts):
            x = F.pad(x, self.amounts, self.mode)
        conv = CONVOLUTIONS[x.dim() - 3]
        return conv(x, self.filter, None, self.stride, self.padding, groups=x.shape[1])


class WindowSum(nn.Module):
    """Adds up each window of a channel, with the arguments of torch's maximum pools."""

    def __init__(
        self,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int] | int,
        dilation: Sequence[int],
        ceil_mode: bool,
    ):
        super().__init__()
        axes = len(kernel_size)
        amounts = (padding,) * axes if isinstance(padding, int) else padding
        self.windows = tuple(zip(kernel_size, stride, amounts, dilation))
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        around = []
        for n, (k, s, p, d) in zip(x.shape[2:], self.windows):
            places = slide(n, k, s, p, p, d, self.ceil_mode)
            around.append((p, (places - 1) * s + d * (k - 1) + 1 - n - p))
        kernel_size, stride, _, dilation = zip(*self.windows)
        kernel = x.new_ones(x.shape[1], 1, *kernel_size)
        conv = CONVOLUTIONS[x.dim() - 3]
        padded = F.pad(x, torch_order(around))
        return conv(padded, kernel, None, stride, 0, dilation, groups=x.shape[1])


class Subsampling(nn.Module):
    """Adds up each window, times a factor, plus a bias per channel (LeNet-5)."""

    def __init__(self, mean: nn.Module, channels: int, taps: int):
        super().__init__()
        self.mean, self.taps = mean, taps
        self.weight = nn.Parameter(torch.full((channels,), 1.0 / taps))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        shape = (-1, *(1,) * (x.dim() - 2))
        sums: Tensor = self.mean(x) * self.taps
        return sums * self.weight.reshape(shape) + self.bias.reshape(shape)


class Everything(nn.Module):
    """Fills an output of these sizes with the mean of all values: (N, …) -> (N, *sizes)."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: Tensor) -> Tensor:
        means = x.flatten(1).mean(1)
        return means.reshape(-1, *(1,) * len(self.sizes)).expand(-1, *self.sizes)


# vectors, scales and norms


class RadialBasis(nn.Module):
    """Computes squared distances to fixed centres: (N, features) -> (N, out)."""

    centres: Tensor

    def __init__(self, features: int, out: int):
        super().__init__()
        self.register_buffer("centres", torch.ones(out, features))

    def forward(self, x: Tensor) -> Tensor:
        return (x.unsqueeze(1) - self.centres).square().sum(2)


class Reduction(nn.Module):
    """Replaces the values along some axes by one value, with a function of torch.

    `function` is mean, sum, amax, amin, var, std or norm; axis 0 is the batch.
    """

    def __init__(self, function: str, axes: Sequence[int], keep: bool, **arguments: Any):
        super().__init__()
        self.function, self.axes, self.keep, self.arguments = function, tuple(axes), keep, arguments

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor
        if self.function == "norm":
            y = torch.linalg.vector_norm(x, 2, self.axes, self.keep)
        else:
            y = getattr(torch, self.function)(x, self.axes, keepdim=self.keep, **self.arguments)
        return y


class ChannelsLast(nn.Module):
    """Moves the channels to the end: (N, C, *n) -> (N, *n, C)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


class ChannelsFirst(nn.Module):
    """Moves the channels to the front: (N, *n, C) -> (N, C, *n)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(-1, 1)


class Zeroing(nn.Module):
    """Multiplies all values by 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x * 0.0


class Factor(nn.Module):
    """Multiplies by a factor. It is trained if there is a shape: one factor, or one a channel."""

    def __init__(self, by: float, shape: Sequence[int] | None = None):
        super().__init__()
        self.by = by
        filled = None if shape is None else torch.full(tuple(shape), float(by))
        self.weight = None if filled is None else nn.Parameter(filled)

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.by if self.weight is None else self.weight)


class Offset(nn.Module):
    """Adds an offset. It is trained if there is a shape: one offset, or one a channel.

    The offsets may be `taken` from a table of another shape, its values in turn.
    """

    def __init__(
        self, by: float, shape: Sequence[int] | None = None, taken: Sequence[int] | None = None
    ):
        super().__init__()
        self.by = by
        filled = None if shape is None else torch.full(tuple(shape), float(by))
        self.bias = None if filled is None else nn.Parameter(filled)
        self.index: Tensor | None
        self.register_buffer("index", None)
        if taken is not None and self.bias is not None:
            index = torch.arange(torch.Size(taken).numel()) % self.bias.numel()
            self.register_buffer("index", index.view(*taken))

    def forward(self, x: Tensor) -> Tensor:
        if self.bias is None:
            return x + self.by
        return x + (self.bias if self.index is None else self.bias.flatten()[self.index])


class DropBranch(nn.Module):
    """Sets a branch to 0 at random in training: for each image (row) or for all (batch)."""

    def __init__(self, p: float, mode: str):
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        rows = x.shape[0] if self.mode == "row" else 1
        keep = x.new_empty((rows, *(1,) * (x.dim() - 1))).bernoulli_(1 - self.p)
        return x * (keep / (1 - self.p) if self.p < 1 else keep)


# joins


class Concatenation(nn.Module):
    """Joins all inputs along an axis; axis 0 is the batch, and axis 1 the channels."""

    def __init__(self, axis: int = 1):
        super().__init__()
        self.axis = axis

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.cat(xs, self.axis)


class Stacking(nn.Module):
    """Joins all inputs along a new axis; axis 0 is the batch."""

    def __init__(self, axis: int):
        super().__init__()
        self.axis = axis

    def forward(self, *xs: Tensor) -> Tensor:
        return torch.stack(xs, self.axis)


class Combination(nn.Module):
    """Combines its inputs, one after another.

    `operation` is add, sub, mul, truediv, maximum or minimum.
    """

    def __init__(self, operation: str):
        super().__init__()
        self.operation = operation

    def forward(self, *xs: Tensor) -> Tensor:
        combine = getattr(operator, self.operation, None) or getattr(torch, self.operation)
        y = xs[0]
        for x in xs[1:]:
            y = combine(y, x)
        return y


class MatrixProduct(nn.Module):
    """Multiplies two inputs as matrices, which are in their last two axes."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.matmul(a, b)


# sequences


class Attention(nn.MultiheadAttention):
    """Multi-head attention of sequences: (N, *b, L, E) -> (N, *b, L, E).

    Unlike its base it always runs scaled_dot_product_attention, and needs no mask to be causal.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float,
        bias: bool,
        memory_features: int | None,
        causal: bool,
    ):
        of_memory = {"kdim": memory_features, "vdim": memory_features}
        super().__init__(embed_dim, num_heads, dropout, bias, **of_memory, batch_first=True)
        self.causal = causal

    def forward(  # type: ignore[override]  # it is called with a sequence, and perhaps another one
        self, x: Tensor, memory: Tensor | None = None
    ) -> Tensor:
        read = None if memory is None else memory.contiguous()
        dropout = self.dropout if self.training else 0.0
        attend: Callable[..., Tensor] = F.scaled_dot_product_attention
        y = attend(  # q, k and v are not named, so that they are free again after it
            *map(self.by_head, self.projected(x.contiguous(), read)),
            dropout_p=dropout,
            is_causal=self.causal,
        )
        y = y.transpose(1, 2).reshape(x.shape)
        return F.linear(y, self.out_proj.weight, self.out_proj.bias)

    def projected(self, x: Tensor, memory: Tensor | None) -> tuple[Tensor, ...]:
        """Compute q, k and v, with one product for all that read the same tensor and weight."""
        weight, bias, e = self.in_proj_weight, self.in_proj_bias, self.embed_dim
        if memory is None:
            return F.linear(x, weight, bias).chunk(3, -1)
        if weight is not None:
            biases = (None, None) if bias is None else bias.split((e, 2 * e))
            q, both = weight.split((e, 2 * e))
            return F.linear(x, q, biases[0]), *F.linear(memory, both, biases[1]).chunk(2, -1)
        biases = (None,) * 3 if bias is None else bias.chunk(3)
        weights = self.q_proj_weight, self.k_proj_weight, self.v_proj_weight
        return tuple(map(F.linear, (x, memory, memory), weights, biases))

    def by_head(self, y: Tensor) -> Tensor:
        """Split the features: (N, *b, L, E) -> (N·∏b, heads, L, E/heads)."""
        split: Tensor = y.flatten(0, -3).unflatten(-1, (self.num_heads, -1))
        return split.transpose(1, 2)


class FirstOf(nn.Module):
    """Returns the first of several values, such as a recurrent layer's output without its state."""

    def forward(self, ys: tuple[Tensor, ...]) -> Tensor:
        return ys[0]


class Mixture(nn.Module):
    """Adds a mean of the positions that are read, all or those up to its own, to each position."""

    def __init__(self, features: int, causal: bool):
        super().__init__()
        self.features, self.causal = features, causal

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        read = (x if memory is None else memory).mean(-1, keepdim=True)
        read = read.cumsum(-2) if self.causal else read.mean(-2, keepdim=True)
        return (x.mean(-1, keepdim=True) + read).expand(*x.shape[:-1], self.features)


class Repeated(nn.Module):
    """Returns each value so many times, along a further axis: (N, …) -> (N, …, times)."""

    def __init__(self, times: int):
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(-1).expand(*x.shape, self.times)


# rearrangements and sizes


class Reshaping(nn.Module):
    """Gives the same values another shape: (N, …) -> (N, *sizes); one size may be -1."""

    def __init__(self, sizes: Sequence[int]):
        super().__init__()
        self.sizes = tuple(sizes)

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[0], *self.sizes)


class Permutation(nn.Module):
    """Puts the axes in another order; the batch stays first."""

    def __init__(self, order: Sequence[int]):
        super().__init__()
        self.order = (0, *(axis + 1 for axis in order))

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.order)


class Slicing(nn.Module):
    """Keeps some positions of one axis; axis 0 holds the channels."""

    def __init__(self, axis: int, start: int, stop: int | None, step: int):
        super().__init__()
        self.axis, self.positions = axis, slice(start, stop, step)

    def forward(self, x: Tensor) -> Tensor:
        return x[(slice(None),) * (self.axis + 1) + (self.positions,)]


class Splitting(nn.Module):
    """Splits an axis into parts of these sizes, and keeps one of them; axis 0 is the batch.

    NOTE: torch does not let a layer write over a part that `torch.split` returns.
    """

    def __init__(self, axis: int, sizes: Sequence[int], part: int):
        super().__init__()
        self.axis, self.sizes, self.part = axis, tuple(sizes), part

    def forward(self, x: Tensor) -> Tensor:
        if sum(self.sizes) != x.shape[self.axis]:
            raise ValueError(f"parts of {self.sizes} do not fit an axis of {x.shape[self.axis]}")
        start = sum(self.sizes[: self.part])
        positions = slice(start, start + self.sizes[self.part])
        return x[(slice(None),) * self.axis + (positions,)]


class ResizingLike(nn.Module):
    """Interpolates to the size of a second input."""

    def __init__(self, mode: str, align_corners: bool | None):
        super().__init__()
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor, like: Tensor) -> Tensor:
        return F.interpolate(x, tuple(like.shape[2:]), None, self.mode, self.align_corners)


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
