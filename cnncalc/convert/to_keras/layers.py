"""Layers of specs in Keras, with the channels last. It is never imported: exports contain its text.

A function takes the fields of its operator by their names, and the path of the layer as `name`.
What a function does not take, Keras does not have.
"""

import numpy as np
from keras import activations, initializers, layers, ops


def per_axis(value, rank):
    """Return a value for each spatial axis."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank


def axis_of(axis):
    """Return an axis of Keras; axis 0 of a spec holds the channels."""
    return axis or -1


def of_rank(kind, x):
    """Return a class of layers for the rank of a map, such as Conv2D."""
    return getattr(layers, f"{kind}{len(x.shape) - 2}D")


def channels_first(x):
    """Put the channels before the spatial axes."""
    axes = len(x.shape)
    return layers.Permute((axes - 1, *range(1, axes - 1)))(x) if axes > 2 else x


def channels_last(x):
    """Put the first axis behind the others."""
    axes = len(x.shape)
    return layers.Permute((*range(2, axes), 1))(x) if axes > 2 else x


def sides_of(padding, kernel, dilation):
    """Return the padding before and after each axis."""
    if padding == "full":
        return tuple((d * (k - 1), d * (k - 1)) for k, d in zip(kernel, dilation))
    amounts = per_axis(padding, len(kernel))
    return tuple(per_axis(amount, 2) for amount in amounts)


def padded(x, kernel, stride, padding, dilation):
    """Add zeros around a map; return it with the padding that is left to its layer."""
    if padding in ("same", "valid"):
        return x, padding
    sides = sides_of(padding, kernel, dilation)
    spans = tuple((d * (k - 1) / 2,) * 2 for k, d in zip(kernel, dilation))
    if sides == spans and set(stride) == {1}:
        return x, "same"
    if any(map(any, sides)):
        x = of_rank("ZeroPadding", x)(sides if len(sides) > 1 else sides[0])(x)
    return x, "valid"


def conv(x, out, kernel, stride=1, padding=0, dilation=1, groups=1, bias=True, name=None):
    """Convolve a map; each group of channels makes its own part of the output."""
    rank = len(x.shape) - 2
    kernel, stride, dilation = (per_axis(v, rank) for v in (kernel, stride, dilation))
    x, padding = padded(x, kernel, stride, padding, dilation)
    settings = {"strides": stride, "padding": padding, "dilation_rate": dilation}
    settings |= {"use_bias": bias, "name": name}
    channels = x.shape[-1]
    if 1 < groups == channels and rank < 3 and len(set(stride)) == 1:
        layer = of_rank("DepthwiseConv", x)
        return layer(kernel, depth_multiplier=out // channels, **settings)(x)
    return of_rank("Conv", x)(out, kernel, groups=groups, **settings)(x)


def conv_transpose(
    x,
    out,
    kernel,
    stride=1,
    padding=0,
    dilation=1,
    bias=True,
    output_padding=0,
    name=None,
):
    """Convolve a map backwards, which makes it larger, and cut off its border."""
    rank = len(x.shape) - 2
    kernel, stride, dilation = (per_axis(v, rank) for v in (kernel, stride, dilation))
    more = per_axis(output_padding, rank)
    sides = sides_of(padding, kernel, dilation)
    sizes = [
        (n - 1) * s - lo - hi + d * (k - 1) + e + 1
        for n, s, d, k, e, (lo, hi) in zip(x.shape[1:-1], stride, dilation, kernel, more, sides)
    ]
    layer = of_rank("Conv", x).__name__.replace("D", "DTranspose")
    layer = getattr(layers, layer)
    settings = {"strides": stride, "dilation_rate": dilation, "use_bias": bias}
    x = layer(out, kernel, name=name, **settings)(x)
    cuts = tuple((lo, n - lo - size) for n, (lo, hi), size in zip(x.shape[1:-1], sides, sizes))
    if not any(map(any, cuts)):
        return x
    return of_rank("Cropping", x)(cuts if rank > 1 else cuts[0])(x)


def linear(x, out, bias=True, over=None, name=None):
    """Multiply each vector of channels by a weight matrix."""
    return layers.Dense(out, use_bias=bias, name=name)(x)


def batchnorm(x, eps=1e-5, momentum=0.1, affine=True, name=None):
    """Normalise each channel over the batch, or by moving statistics."""
    settings = {"center": affine, "scale": affine, "epsilon": eps, "name": name}
    return layers.BatchNormalization(momentum=1 - momentum, **settings)(x)


def layernorm(x, eps=1e-5, over=None, affine=True, name=None):
    """Normalise the channels of each position."""
    settings = {"center": affine, "scale": affine, "epsilon": eps, "name": name}
    return layers.LayerNormalization(axis=-1, **settings)(x)


def groupnorm(x, groups, eps=1e-5, affine=True, name=None):
    """Normalise each group of channels of an image."""
    settings = {"center": affine, "scale": affine, "epsilon": eps, "name": name}
    return layers.GroupNormalization(groups, **settings)(x)


def instancenorm(x, eps=1e-5, momentum=0.1, affine=False, name=None):
    """Normalise each channel of an image."""
    settings = {"center": affine, "scale": affine, "epsilon": eps, "name": name}
    return layers.GroupNormalization(-1, **settings)(x)


def relu(x, name=None):
    """Replace negative values by 0."""
    return layers.ReLU(name=name)(x)


def relu6(x, name=None):
    """Cut values off below 0 and above 6."""
    return layers.ReLU(max_value=6, name=name)(x)


def leaky_relu(x, slope=0.01, name=None):
    """Multiply negative values by a small factor."""
    return layers.LeakyReLU(negative_slope=slope, name=name)(x)


def elu(x, alpha=1.0, name=None):
    """Replace negative values by an exponential."""
    return layers.ELU(alpha=alpha, name=name)(x)


def selu(x, name=None):
    """Apply SELU."""
    return layers.Activation("selu", name=name)(x)


def silu(x, name=None):
    """Multiply each value by its sigmoid."""
    return layers.Activation("silu", name=name)(x)


def mish(x, name=None):
    """Apply Mish."""
    return layers.Activation("mish", name=name)(x)


def sigmoid(x, name=None):
    """Apply the logistic function."""
    return layers.Activation("sigmoid", name=name)(x)


def tanh(x, name=None):
    """Apply the hyperbolic tangent."""
    return layers.Activation("tanh", name=name)(x)


def softplus(x, name=None):
    """Apply log(1 + exp(x))."""
    return layers.Activation("softplus", name=name)(x)


def hardswish(x, name=None):
    """Multiply each value by its hard sigmoid."""
    return layers.Activation("hard_silu", name=name)(x)


def hardsigmoid(x, name=None):
    """Apply a sigmoid made of three lines."""
    return layers.Activation("hard_sigmoid", name=name)(x)


def gelu(x, approximate="none", name=None):
    """Apply GELU."""
    return ops.gelu(x, approximate=approximate == "tanh")


def prelu(x, per_channel=False, name=None):
    """Multiply negative values by a trained factor."""
    axes = list(range(1, len(x.shape) - per_channel))
    return layers.PReLU("ones", shared_axes=axes or None, name=name)(x)


def softmax(x, axis=0, name=None):
    """Make values positive that add up to 1 along an axis."""
    return layers.Softmax(axis=axis_of(axis), name=name)(x)


def window_sides(x, kernel, stride, padding, ceil_mode):
    """Return the padding of a pool; `ceil_mode` adds what its last window lacks."""
    sides = []
    ends = sides_of(padding, kernel, (1,) * len(kernel))
    for n, k, s, (lo, hi) in zip(x.shape[1:-1], kernel, stride, ends):
        more = -(n + lo + hi - k) % s if ceil_mode else 0
        if more and n + lo + hi - k + more >= n + lo:  # a window that starts in the end
            more = 0
        sides.append((lo, hi + more))
    return sides


def maxpool(x, kernel, stride=None, padding=0, ceil_mode=False, name=None):
    """Take the maximum of each window."""
    rank = len(x.shape) - 2
    kernel, stride = per_axis(kernel, rank), per_axis(stride or kernel, rank)
    pool = of_rank("MaxPooling", x)
    if padding == "same":
        return pool(kernel, stride, padding="same", name=name)(x)
    sides = window_sides(x, kernel, stride, padding, ceil_mode)
    if any(map(any, sides)):
        x = ops.pad(x, [(0, 0), *sides, (0, 0)], constant_values=float("-inf"))
    return pool(kernel, stride, name=name)(x)


def avgpool(
    x,
    kernel,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    name=None,
):
    """Take the mean of each window; it may count the zeros around the map or not."""
    rank = len(x.shape) - 2
    kernel, stride = per_axis(kernel, rank), per_axis(stride or kernel, rank)
    pool = of_rank("AveragePooling", x)
    if padding == "same":
        return pool(kernel, stride, padding="same", name=name)(x)
    ends = sides_of(padding, kernel, (1,) * rank)
    sides = window_sides(x, kernel, stride, padding, ceil_mode)
    factor = 1.0
    for axis, (n, k, s, (lo, hi), end) in enumerate(
        zip(x.shape[1:-1], kernel, stride, ends, sides)
    ):
        starts = np.arange((n + sum(end) - k) // s + 1) * s - lo
        first, last = (-lo, n + hi) if count_include_pad else (0, n)
        counts = np.minimum(starts + k, last) - np.maximum(starts, first)
        factor = factor * (k / counts).reshape(-1, *(1,) * (rank - axis))
    if any(map(any, sides)):
        x = ops.pad(x, [(0, 0), *sides, (0, 0)])
    x = pool(kernel, stride, name=name)(x)
    return x if np.all(factor == 1) else x * factor[None].astype("float32")


def globalavgpool(x, name=None):
    """Take the mean of each channel."""
    return of_rank("GlobalAveragePooling", x)(keepdims=True, name=name)(x)


def globalmaxpool(x, name=None):
    """Take the maximum of each channel."""
    return of_rank("GlobalMaxPooling", x)(keepdims=True, name=name)(x)


def adaptiveavgpool(x, size, name=None):
    """Take the means of windows that make a map of a given size."""
    sizes = per_axis(size, len(x.shape) - 2)
    for axis, out in enumerate(sizes, 1):
        n = x.shape[axis]
        if out is None or out == n:
            continue
        share = np.zeros((n, out), "float32")
        for i in range(out):
            start, end = i * n // out, -(-(i + 1) * n // out)
            share[start:end, i] = 1 / (end - start)
        x = ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), share), -1, axis)
    return x


def add(xs, name=None):
    """Add maps."""
    return layers.Add(name=name)(xs) if len(xs) > 1 else xs[0]


def sub(xs, name=None):
    """Subtract the second map from the first."""
    return layers.Subtract(name=name)(xs)


def mul(xs, name=None):
    """Multiply maps."""
    return layers.Multiply(name=name)(xs) if len(xs) > 1 else xs[0]


def div(xs, name=None):
    """Divide the first map by the second."""
    return ops.divide(*xs)


def maximum(xs, name=None):
    """Take the larger of the values at each place."""
    return layers.Maximum(name=name)(xs) if len(xs) > 1 else xs[0]


def minimum(xs, name=None):
    """Take the smaller of the values at each place."""
    return layers.Minimum(name=name)(xs) if len(xs) > 1 else xs[0]


def concat(xs, axis=0, name=None):
    """Put maps one after another along an axis."""
    layer = layers.Concatenate(axis=axis_of(axis), name=name)
    return layer(xs) if len(xs) > 1 else xs[0]


def stack(xs, axis=0, name=None):
    """Put maps one after another along a new axis."""
    firsts = [channels_first(x) for x in xs]
    return channels_last(ops.stack(firsts, axis=axis + 1))


def part_of(x, axis, start, stop, step=1):
    """Keep some positions of an axis."""
    axis = axis or len(x.shape) - 1
    return x[(slice(None),) * axis + (slice(start, stop, step),)]


def split(x, into, part, axis=0, name=None):
    """Keep one of several parts of an axis."""
    n = x.shape[axis_of(axis)]
    sizes = into if isinstance(into, (list, tuple)) else (-(-n // into),) * into
    start = sum(sizes[:part])
    return part_of(x, axis, start, min(start + sizes[part], n))


def slice_(x, axis=0, start=0, stop=None, step=1, name=None):
    """Keep some positions of an axis."""
    return part_of(x, axis, start, stop, step)


def upsample(x, scale=None, size=None, like=None, mode="nearest", name=None):
    """Make a map larger."""
    rank = len(x.shape) - 2
    sizes = like.shape[1:-1] if size is None and like is not None else size
    if sizes is None:
        sizes = [int(n * s) for n, s in zip(x.shape[1:-1], per_axis(scale, rank))]
    sizes = per_axis(sizes, rank)
    if mode == "nearest":
        factors = tuple(size // n for size, n in zip(sizes, x.shape[1:-1]))
        factors = factors if rank > 1 else factors[0]
        return of_rank("UpSampling", x)(factors, name=name)(x)
    settings = {"interpolation": mode, "antialias": False}
    return ops.image.resize(x, sizes, data_format="channels_last", **settings)


def dropout(x, p=0.5, name=None):
    """Set values to 0 at random in training."""
    return layers.Dropout(p, name=name)(x)


def dropout2d(x, p=0.5, name=None):
    """Set whole channels to 0 at random in training."""
    shape = (None, *(1,) * (len(x.shape) - 2), x.shape[-1])
    return layers.Dropout(p, noise_shape=shape, name=name)(x)


def stochastic_depth(x, p, mode="row", name=None):
    """Set whole images to 0 at random in training."""
    first = None if mode == "row" else 1
    shape = (first, *(1,) * (len(x.shape) - 1))
    return layers.Dropout(p, noise_shape=shape, name=name)(x)


def flatten(x, name=None):
    """Return a vector; its values are in the order in which torch has them."""
    return layers.Flatten(name=name)(channels_first(x))


def identity(x, name=None):
    """Return the map itself."""
    return x


def zeroize(x, name=None):
    """Multiply all values by 0."""
    return x * 0.0


def scale(x, by, name=None):
    """Multiply all values by a number."""
    return layers.Rescaling(by, name=name)(x)


class ChannelScale(layers.Layer):
    """Multiplies each channel by a trained factor."""

    def __init__(self, value, name=None):
        super().__init__(name=name)
        self.value = value

    def build(self, shape):
        """Make the factors."""
        start = initializers.Constant(self.value)
        self.factors = self.add_weight(shape=(shape[-1],), initializer=start)

    def call(self, x):
        """Multiply."""
        return x * self.factors


def layer_scale(x, init=1e-6, name=None):
    """Multiply each channel by a trained factor."""
    return ChannelScale(init, name=name)(x)


def lrn(x, size=5, alpha=1e-4, beta=0.75, k=1.0, name=None):
    """Divide each value by what its neighbours in other channels amount to."""
    sides = [(0, 0)] * (len(x.shape) - 1) + [(size // 2, (size - 1) // 2)]
    squares = ops.pad(ops.square(x), sides)
    channels = x.shape[-1]
    total = sum(squares[..., i : i + channels] for i in range(size))
    return x / ops.power(k + alpha / size * total, beta)


def reshape(x, sizes, name=None):
    """Give the same values another shape, in the order of torch."""
    return channels_last(layers.Reshape(sizes, name=name)(channels_first(x)))


def permute(x, order, name=None):
    """Put the axes into another order; axis 0 holds the channels."""
    layer = layers.Permute(tuple(axis + 1 for axis in order), name=name)
    return channels_last(layer(channels_first(x)))


def channel_shuffle(x, groups, name=None):
    """Mix the channels of several groups."""
    *sizes, channels = x.shape[1:]
    rank = len(sizes)
    x = layers.Reshape((*sizes, groups, channels // groups))(x)
    x = layers.Permute((*range(1, rank + 1), rank + 2, rank + 1))(x)
    return layers.Reshape((*sizes, channels), name=name)(x)


def pixel_shuffle(x, factor, name=None):
    """Make a map larger by moving channels into space."""
    height, width, channels = x.shape[1:]
    x = layers.Reshape((height, width, channels // factor**2, factor, factor))(x)
    x = layers.Permute((1, 4, 2, 5, 3))(x)
    size = (height * factor, width * factor, channels // factor**2)
    return layers.Reshape(size, name=name)(x)


def reduce(x, what, over, keep=True, name=None):
    """Replace the values along some axes by one; axis 0 holds the channels."""
    words = {"channels": [0], "positions": range(1, len(x.shape) - 1)}
    axes = words[over] if isinstance(over, str) else over
    function = getattr(ops, what)
    if keep:
        return function(x, axis=tuple(map(axis_of, axes)), keepdims=True)
    return channels_last(function(channels_first(x), axis=tuple(a + 1 for a in axes)))


def crop(x, size=None, amount=None, like=None, name=None):
    """Cut off positions at the ends of each axis."""
    rank = len(x.shape) - 2
    if amount is not None:
        cuts = sides_of(amount, (1,) * rank, (1,) * rank)
    else:
        sizes = per_axis(like.shape[1:-1] if size is None else size, rank)
        starts = [(n - m) // 2 for n, m in zip(x.shape[1:-1], sizes)]
        cuts = tuple((a, n - m - a) for a, n, m in zip(starts, x.shape[1:-1], sizes))
    return of_rank("Cropping", x)(cuts if rank > 1 else cuts[0], name=name)(x)


def pad(x, amount, value=0.0, name=None):
    """Add positions at the ends of each axis."""
    rank = len(x.shape) - 2
    sides = sides_of(amount, (1,) * rank, (1,) * rank)
    return ops.pad(x, [(0, 0), *sides, (0, 0)], constant_values=value)


def embedding(x, vocabulary, out, name=None):
    """Return a trained vector for each integer."""
    return layers.Embedding(vocabulary, out, name=name)(x)


def exp(x, name=None):
    """Take the exponential."""
    return ops.exp(x)


def softsign(x, name=None):
    """Divide by 1 and the absolute value."""
    return activations.softsign(x)
