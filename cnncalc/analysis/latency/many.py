"""The times of kernels of many variants at once, on arrays, a block of variants at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, prod
from typing import Any, NamedTuple

from ...many.array import Many
from ...many.terms import Terms, taken
from ..sweep.needs_numpy import numpy as np
from .model import KEPT, Coefficients, Peaks, Traits, in_whole_units, roofline

BLOCK = 2**15  # variants whose numbers fit in the caches of a processor
_Slices = list[slice]


def total_seconds(
    rows: Sequence[tuple[Traits, Any]], c: Coefficients, peaks: Peaks, batch: Any, unit: float
) -> Any:
    """Return the sum of the times of kernels in whole units, each so many times as is said."""
    times = [_row(row, count, c, peaks, batch) for row, count in _summed(rows, batch)]
    shape = np.broadcast_shapes(*[time.shape for time in times], _shape(batch))
    if not shape or prod(shape) == 1:
        return round(float(np.sum([time.at([slice(None)] * len(shape)) for time in times])) / unit)
    out = np.empty(shape, np.int64)
    for slices in _blocks(shape):
        found = np.zeros([part.stop - part.start for part in slices])
        for time in times:
            found += time.at(slices)
        out[tuple(slices)] = np.rint(found / unit)
    return Many(out)


def _summed(rows: Sequence[tuple[Traits, Any]], batch: Any) -> Iterator[tuple[Traits, Any]]:
    """Yield kernels; those whose time is linear in what they move become one for each coefficient.

    Sums of bytes over a network have few terms.
    """
    linear: dict[str, list[tuple[Traits, int]]] = {}
    for row, count in rows:
        plain = _is_zero(row.functions) and not _takes_new(row, batch)
        if row.is_product or not plain or not isinstance(count, int):
            yield row._replace(bytes=_collected([(row.bytes, 1)])), count
        else:
            linear.setdefault(row.bytes_share, []).append((row, count))
    for alike in linear.values():
        one = alike[0][0]._replace(
            bytes=_collected([(row.bytes, count) for row, count in alike]),
            weights=_collected([(row.weights, count) for row, count in alike]),
            launches=sum(row.launches * count for row, count in alike),
        )
        yield one, 1


def _collected(values: Sequence[tuple[Any, int]]) -> Any:
    """Return the sum of values, each so many times, with few terms."""
    if all(isinstance(value, int) for value, _ in values):
        return sum(value * count for value, count in values)
    return Terms.sum_of([Terms.of(value) * count for value, count in values])


class _Bound(NamedTuple):
    """A product: seconds of compute and of memory, as numbers times arrays, and what is beside.

    Compute is macs·per_mac + ramp, memory is bytes·per_byte; `launch` and `beside` add to the
    larger one. All but macs, bytes and the count depend on few axes.
    """

    macs: Any
    per_mac: Any
    ramp: Any
    bytes: Any
    per_byte: Any
    beside_per_byte: Any
    beside: Any
    count: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes that the time depends on."""
        return np.broadcast_shapes(*map(_shape, self))

    def at(self, axes: _Slices) -> Any:
        """Return the seconds of a block."""
        macs, per_mac, ramp, moved, per_byte, extra, beside, count = (
            _floats(value, axes) for value in self
        )
        time = np.maximum(macs * per_mac + ramp, moved * per_byte)
        if self.beside_per_byte is not None and not _is_zero(self.beside_per_byte):
            time = time + moved * extra
        return (time + beside) * count


class _General(NamedTuple):
    """Any kernel, by the formula itself."""

    row: Traits
    count: Any
    c: Coefficients
    peaks: Peaks
    batch: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """The axes that the time depends on."""
        numbers = [getattr(self.row, name) for name in _NUMBERS]
        return np.broadcast_shapes(*map(_shape, [*numbers, self.count, self.batch]))

    def at(self, axes: _Slices) -> Any:
        """Return the seconds of a block."""
        numbers = {name: _floats(getattr(self.row, name), axes) for name in _NUMBERS}
        row = self.row._replace(**numbers)
        images = _floats(self.batch, axes)
        time = roofline(row, self.c, self.peaks, images, _larger).total(_larger)
        return time * _floats(self.count, axes)


def _row(row: Traits, count: Any, c: Coefficients, peaks: Peaks, batch: Any) -> Any:
    """Return the time of a kernel, to be computed block by block."""
    if isinstance(row.channels_in, (Many, Terms)) or isinstance(row.channels_out, (Many, Terms)):
        inner, outer = _whole(row.channels_in), _whole(row.channels_out)
        row = row._replace(channels_in=inner, channels_out=outer, wide_in=inner, wide_out=outer)
        row = in_whole_units(row, np.maximum(inner, outer))
    row = row._replace(
        share=getattr(c, row.share),
        half=getattr(c, row.half),
        bytes_share=getattr(c, row.bytes_share),
        weights_share=getattr(c, row.weights_share),
    )
    if not _is_zero(row.functions) or _takes_new(row, batch):
        return _General(row, count, c, peaks, batch)
    return _bound(row, count, c, peaks, batch)


def _bound(row: Traits, count: Any, c: Coefficients, peaks: Peaks, batch: Any) -> Any:
    """Return the parts of the formula that are linear in a kernel's MACs and bytes.

    The formula is asked for a kernel of one operation or one byte.
    """
    images, ordered = _small(batch), _in_library(row, batch)
    if images is None or ordered is None:
        return _General(row, count, c, peaks, batch)
    none = row._replace(
        macs=0.0, bytes=0.0, read=0.0, new=0.0, weights=0.0, outputs=1.0, functions=0.0
    )
    no_fill, with_fill = c._replace(fill=0.0), c
    if row.is_product:
        one = none._replace(macs=1.0)
        per_mac = roofline(one, no_fill, peaks, images, _larger).compute
        filled = roofline(one, with_fill, peaks, 1.0, _larger).compute
        plain = roofline(one, no_fill, peaks, 1.0, _larger).compute
        depth = _small(row.macs_per_output)
        if depth is None or _first(row.macs) != _first(row.outputs) * float(np.ravel(depth)[0]):
            return _General(row, count, c, peaks, batch)
        ramp = (filled - plain) * depth
    else:
        per_mac = ramp = 0.0
    one = none._replace(bytes=1.0)
    per_byte = roofline(one, c, peaks, images, _larger).memory
    copied = c.layout * row.converted + 2 * row.ordered * ordered / c.order
    extra = copied * images / peaks.bandwidth
    weights = _small(row.weights)
    if weights is None:
        return _General(row, count, c, peaks, batch)
    beside = weights / (peaks.bandwidth * row.weights_share) + c.launch * row.launches
    beside = beside + c.start * ordered
    return _Bound(row.macs, per_mac, ramp, row.bytes, per_byte, extra, beside, count)


def _takes_new(row: Traits, batch: Any) -> bool:
    """Whether a variant may take so much memory that the system has to give it."""
    if not row.ordered and _is_zero(row.new):
        return False
    held = 2 * (_ends(row.new)[1] + _ends(row.read)[1])
    return bool(held * _ends(batch)[1] > KEPT)


def _in_library(row: Traits, batch: Any) -> bool | None:
    """Say whether oneDNN computes a kernel, or None where it does so in some variants alone."""
    if not row.in_library:
        return False
    (fewest, most), (least, largest) = _ends(batch), _ends(row.read)
    if most == 1 and largest <= row.direct_below:
        return False
    return True if fewest > 1 or least > row.direct_below else None


def _ends(value: Any) -> tuple[Any, Any]:
    """Return numbers between which all variants are."""
    if isinstance(value, Many):
        return value.low, value.high
    if isinstance(value, Terms):
        axes = max((f.values.ndim for term in value.terms for f in term.factors), default=0)
        return value.ends_at([slice(None)] * axes) or (-inf, inf)
    return value, value


_NUMBERS = (
    "macs",
    "functions",
    "outputs",
    "channels_in",
    "channels_out",
    "wide_in",
    "wide_out",
    "bytes",
    "read",
    "new",
    "weights",
)


def _small(value: Any) -> Any:
    """Return the values of a number that depends on few axes; None for another one."""
    if isinstance(value, Terms):
        value = value.dense()
    if isinstance(value, Many):
        return value.values.astype(float) if value.values.size <= BLOCK else None
    return float(value) if isinstance(value, int) else value


def _first(value: Any) -> float:
    """Return the value of the first variant."""
    if isinstance(value, Terms):
        axes = max(factor.values.ndim for term in value.terms for factor in term.factors)
        return float(np.ravel(value.at([slice(0, 1)] * axes))[0])
    return float(np.ravel(value.values if isinstance(value, Many) else value)[0])


def _is_zero(value: Any) -> bool:
    if isinstance(value, Terms):
        return not value.terms
    if isinstance(value, Many):
        return not value.values.any()
    return isinstance(value, (int, float)) and value == 0


def _whole(value: Any) -> Any:
    """Return whole numbers as an array, or a plain one."""
    if isinstance(value, Terms):
        value = value.dense()
    return value.values if isinstance(value, Many) else value


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, Many):
        value = value.values
    if isinstance(value, Terms):
        parts = [factor.values.shape for term in value.terms for factor in term.factors]
        return np.broadcast_shapes(*parts)
    return np.shape(value)


def _floats(value: Any, axes: _Slices) -> Any:
    """Return the values in a block; a plain number as it is."""
    if isinstance(value, Many):
        return taken(value.values, axes).astype(float)
    if isinstance(value, Terms):
        return value.at(axes).astype(float)
    return taken(value, axes) if isinstance(value, np.ndarray) and value.ndim else value


def _blocks(shape: tuple[int, ...]) -> Iterator[_Slices]:
    """Cut a box along its first axes into blocks of few variants."""
    if not shape:
        yield []
        return
    rest = prod(shape[1:])
    step = max(1, BLOCK // rest)
    for start in range(0, shape[0], step):
        first = slice(start, min(start + step, shape[0]))
        if rest <= BLOCK:
            yield [first, *(slice(0, n) for n in shape[1:])]
        else:
            for others in _blocks(shape[1:]):
                yield [first, *others]


def _larger(a: Any, b: Any) -> Any:
    """Return the larger one; of plain numbers without numpy, which is slow for these."""
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a if a > b else b
    return np.maximum(a, b)
