"""The time of a kernel on a device: the larger of computing and moving bytes, plus the launch.

The same lines run on the numbers of one kernel and on arrays of many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ...num import Open
from .kernels import PRODUCTS, Kernel, Way

TERA, GIGA = 1e12, 1e9
ALIGNED = 8  # channels that a matrix unit reads at once
UNEVEN_BELOW = 64  # channels of a group from which it is as good as a network of its own
VECTOR = 16  # channels that oneDNN keeps together
KEPT = 2**26  # free bytes that the C library keeps
CHANNELS_FIRST_FROM = 3  # if one MAC of so many is in groups, compilers keep channels first


class Peaks(NamedTuple):
    """What a data sheet says: operations a second in the type used and in float32, bytes."""

    operations: float
    float32: float
    bandwidth: float


class Coefficients(NamedTuple):
    """What a data sheet does not say: how much of the peaks a kind of kernel reaches.

    Attributes:
        dense: share of the peak that convolutions with several taps reach.
        pointwise: the same of convolutions with one tap.
        grouped: the same of convolutions in groups.
        linear: the same of layers on vectors.
        depthwise: share of the peak of float32 that depthwise convolutions reach.
        functions: transcendental functions a second, as a share of the peak of float32.
        windows: values that a CPU computes from windows a second, the same.
        half_channels: input channels, or filters, at which a product reaches half of its share.
        half_group: the same of one group.
        fill: values that a product must compute at once to reach half of its share.
        product: share of the bandwidth when products read and write.
        depthwise_bytes: the same of depthwise convolutions.
        elementwise: the same of layers that work value by value.
        broadcast: the same where an input is smaller than the output.
        norm: the same of normalizations.
        window: the same of pools, upsampling and the like.
        reduction: the same of means over a map.
        copy: the same of concatenations and the like.
        weights: share of the bandwidth when products read their weights.
        linear_weights: the same of layers on vectors.
        layout: further passes over what products read and write, where they need channels last.
        order: share of the bandwidth when oneDNN copies what products read and write.
        fresh: the same when a CPU takes memory from the system and gives it back.
        unaligned: factor on products whose channels are no multiple of 8.
        uneven: factor on products in groups of few channels that are no power of two.
        launch: seconds from one kernel to the next.
        start: seconds until oneDNN starts a product.
    """

    dense: float = 0.8
    pointwise: float = 0.8
    grouped: float = 0.5
    linear: float = 0.7
    depthwise: float = 0.2
    functions: float = 0.003
    windows: float = 0.0003
    half_channels: float = 8.0
    half_group: float = 8.0
    fill: float = 1e5
    product: float = 0.8
    depthwise_bytes: float = 0.8
    elementwise: float = 0.9
    broadcast: float = 0.8
    norm: float = 0.8
    window: float = 0.4
    reduction: float = 0.5
    copy: float = 0.6
    weights: float = 0.5
    linear_weights: float = 0.5
    layout: float = 0.3
    order: float = 0.8
    fresh: float = 0.1
    unaligned: float = 1.3
    uneven: float = 1.3
    launch: float = 8e-6
    start: float = 1e-4


UNITS: Mapping[str, str] = {
    "half_channels": "channels",
    "half_group": "channels",
    "fill": "values",
    "layout": "passes",
    "unaligned": "times",
    "uneven": "times",
    "launch": "s",
    "start": "s",
}  # all others are shares of a peak


class Traits(NamedTuple):
    """What decides the time of a kernel: numbers of one, or arrays of many.

    The names of coefficients are those that apply to it. `in_units` says that a 16-bit matrix unit
    computes it, for which channels are rounded up to the wide ones. `converted` says whether it is
    a product that needs channels last and is given channels first, and `ordered` the same of one
    that oneDNN computes in its own order.
    """

    share: Any  # of compute
    half: Any
    bytes_share: Any
    weights_share: Any
    is_product: Any
    is_depthwise: Any
    is_grouped: Any
    in_units: Any
    macs: Any
    functions: Any
    outputs: Any
    macs_per_output: Any
    channels_in: Any
    channels_out: Any
    wide_in: Any
    wide_out: Any
    bytes: Any
    read: Any
    new: Any
    weights: Any
    converted: Any
    in_library: Any
    ordered: Any
    direct_below: Any
    unaligned: Any
    uneven: Any
    launches: Any


class Times(NamedTuple):
    """Seconds for the batch: of computing, of moving bytes meanwhile, and of what adds to both.

    `beside` is moving more bytes: weights, copies in another order, and new memory.
    """

    compute: Any
    memory: Any
    beside: Any
    launch: Any

    def total(self, larger: Callable[[Any, Any], Any] = max) -> Any:
        """The larger of the first two, plus the others."""
        return larger(self.compute, self.memory) + self.beside + self.launch


def traits(kernel: Kernel, way: Way, channels_first: bool) -> Traits:
    """Return what decides the time of a kernel. `channels_first` is how a network lies in memory.

    The shares are names of coefficients.
    """
    product = kernel.kind in PRODUCTS
    depthwise, grouped = kernel.kind == "depthwise", kernel.kind == "grouped"
    linear = kernel.kind == "linear"
    inner, outer = kernel.channels
    share, bytes_share = kernel.kind, kernel.kind
    if not product:
        share = "windows" if kernel.kind == "window" and way.eager_cpu else "functions"
    else:
        bytes_share = "depthwise_bytes" if depthwise else "product"
    converted = product and not linear and kernel.width == 2 and channels_first
    found = Traits(
        share=share,
        half="half_group" if grouped else "half_channels",
        bytes_share=bytes_share,
        weights_share=_weights_share(kernel),
        is_product=product,
        is_depthwise=depthwise,
        is_grouped=grouped,
        in_units=product and not depthwise and kernel.width == 2,
        macs=kernel.macs,
        functions=kernel.windows if share == "windows" else kernel.functions,
        outputs=kernel.outputs,
        macs_per_output=kernel.taps * inner,
        channels_in=inner,
        channels_out=outer,
        wide_in=inner,
        wide_out=outer,
        bytes=kernel.read + kernel.written,
        read=kernel.read,
        new=kernel.written if kernel.allocates else 0,
        weights=kernel.weights,
        converted=converted and not kernel.in_library,
        in_library=kernel.in_library,
        ordered=kernel.in_library and channels_first,
        direct_below=kernel.direct_below * kernel.width,
        unaligned=False,
        uneven=False,
        launches=kernel.launches,
    )
    if isinstance(inner, Open) or isinstance(outer, Open):
        return found  # `many` does the rest, on arrays
    return in_whole_units(found, max(inner, outer))


def in_whole_units(t: Traits, widest: Any) -> Traits:
    """Return the same with channels rounded up, where a matrix unit or oneDNN needs that.

    `widest` is the larger number of the channels of a group.
    """
    if t.in_units:
        wide_in, wide_out = _up(t.channels_in), _up(t.channels_out)
        odd_in = (wide_in != t.channels_in) * (t.channels_in > 3)
        odd = odd_in | (wide_out != t.channels_out)
        t = t._replace(wide_in=wide_in, wide_out=wide_out, unaligned=odd * (not t.is_grouped))
    if t.in_library and not t.is_grouped and not t.is_depthwise:
        wide_in = _up(t.channels_in, VECTOR)
        wide_in = t.channels_in + (wide_in - t.channels_in) * (t.channels_in > 3)
        t = t._replace(wide_in=wide_in, wide_out=_up(t.channels_out, VECTOR))
    if t.is_grouped:
        t = t._replace(uneven=(widest < UNEVEN_BELOW) * (widest & (widest - 1) > 0))
    return t


def _weights_share(kernel: Kernel) -> str:
    """Return the coefficient with which a kernel reads what does not depend on the batch."""
    if kernel.kind not in PRODUCTS:
        return kernel.kind
    return "linear_weights" if kernel.kind == "linear" else "weights"


def _up(channels: Any, whole: int = ALIGNED) -> Any:
    return -(-channels // whole) * whole


def channels_first(kernels: Sequence[Kernel], way: Way) -> bool:
    """Whether products find channels first in memory.

    NOTE: torch's compiler changes to channels last, unless much of the work is in groups.
    """
    if not way.compile:
        return not way.channels_last
    grouped = [kernel.macs for kernel in kernels if kernel.kind == "grouped"]
    if not grouped:
        return False
    macs = sum(kernel.macs for kernel in kernels)
    return bool(sum(grouped) * CHANNELS_FIRST_FROM > macs)


def times(kernel: Traits, c: Coefficients, peaks: Peaks, batch: int) -> Times:
    """Return the seconds of one kernel for a batch."""
    return roofline(
        kernel._replace(
            share=getattr(c, kernel.share),
            half=getattr(c, kernel.half),
            bytes_share=getattr(c, kernel.bytes_share),
            weights_share=getattr(c, kernel.weights_share),
        ),
        c,
        peaks,
        batch,
        max,
    )


def roofline(
    k: Traits, c: Coefficients, peaks: Peaks, batch: Any, larger: Callable[[Any, Any], Any]
) -> Times:
    """Return the seconds of kernels for a batch, where the shares are numbers.

    Every factor is 1 where it does not apply, so that the lines run on arrays too.
    """
    half = k.half * k.is_product * (1 - k.is_depthwise)
    saturation = (1 + half / k.wide_in) * (1 + half / k.wide_out)
    rounding = k.wide_in / k.channels_in * k.wide_out / k.channels_out
    filling = 1 + c.fill * k.is_product / larger(k.outputs * batch, 1)
    factor = 1 + (c.unaligned - 1) * k.unaligned + (c.uneven - 1) * k.uneven
    on_float32 = k.is_depthwise + (1 - k.is_product)
    peak = peaks.operations + (peaks.float32 - peaks.operations) * on_float32
    work = 2 * k.macs * rounding * saturation * filling + k.functions
    compute = work * batch / (peak * k.share) * factor
    moved = k.bytes * batch
    memory = moved / (peaks.bandwidth * k.bytes_share) * factor
    converting = c.layout * moved * k.converted / peaks.bandwidth
    reading = k.weights / (peaks.bandwidth * k.weights_share)
    many = (batch > 1) | (k.read > k.direct_below)  # torch computes few values without oneDNN
    ordering = 2 * moved * k.ordered * many / (peaks.bandwidth * c.order)
    fresh = fresh_bytes(k, batch, larger) / (peaks.bandwidth * c.fresh)
    beside = converting + reading + ordering + fresh
    launch = c.launch * k.launches + c.start * k.in_library * many
    return Times(compute, memory, beside, launch)


def fresh_bytes(k: Traits, batch: Any, larger: Callable[[Any, Any], Any] = max) -> Any:
    """Return how much memory a CPU takes from the system for a kernel.

    NOTE: this is how glibc works. It keeps so many free bytes, so what a kernel needs beyond them
    is new each time. A product that oneDNN computes needs a copy of what it reads, and of what it
    writes.
    """
    new = (k.new * (1 + k.ordered) + k.read * k.ordered) * batch
    beyond = larger(k.read * batch + new - KEPT, 0)
    return new + beyond - larger(new, beyond)  # the smaller one
