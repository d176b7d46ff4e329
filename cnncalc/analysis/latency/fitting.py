"""Fits the coefficients of a device to measured times, and finds how far it is off elsewhere.

Each coefficient is drawn to its usual value, the more so the less the measurements say about it.
Shares of the peak move together too: where a data sheet promises too much, all of them are lower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command
from .kernels import PRODUCTS, Kernel, Way
from .model import Coefficients, Peaks, Traits, channels_first, roofline, traits

try:
    import numpy as np
except ImportError:
    message = "fitting a device needs the package numpy"
    raise Mistake(Diagnostic("CNN401", message, help=install_command("sweep"))) from None

Floats = Any  # an array of numpy
ERROR = 0.05  # how far a measurement is usually off, as a share of it
ROUNDS = 40
TOGETHER = 0.3  # how far all shares of the peak together are from usual ones, as a logarithm
FEW_FAMILIES = 0.45  # by which an end of an interval moves outwards, over the number of families
# How far each coefficient is from its usual value by itself, as a logarithm.
SPREAD = Coefficients(
    dense=0.3,
    pointwise=0.3,
    grouped=0.5,
    linear=0.3,
    depthwise=0.7,
    functions=1.5,
    windows=1.0,
    half_channels=0.7,
    half_group=0.7,
    fill=0.7,
    product=0.3,
    depthwise_bytes=0.5,
    elementwise=0.2,
    broadcast=0.3,
    norm=0.3,
    window=0.3,
    reduction=0.5,
    copy=0.4,
    weights=1.0,
    linear_weights=1.0,
    layout=0.7,
    order=0.7,
    fresh=0.7,
    unaligned=0.5,
    uneven=0.5,
    launch=0.5,
    start=0.7,
)
OF_THE_PEAK = ("dense", "pointwise", "grouped", "linear")  # what they are shares of is the same


class Measured(NamedTuple):
    """A time that was measured: of a network at a batch, in seconds for the batch.

    `kernels` are those of the network, and `family` is what networks alike have in common.
    """

    name: str
    family: str
    kernels: Sequence[Kernel]
    batch: int
    seconds: float


class Table:
    """Measurements of one device in one way, as arrays of all their kernels."""

    def __init__(self, measured: Sequence[Measured], way: Way, peaks: Peaks):
        self.measured, self.way, self.peaks = list(measured), way, peaks
        rows: list[Traits] = []
        network: list[int] = []
        times: list[int] = []
        for n, one in enumerate(self.measured):
            first = channels_first(one.kernels, way)
            counts: dict[Traits, int] = {}
            for kernel in one.kernels:
                row = traits(kernel, way, first)
                counts[row] = counts.get(row, 0) + 1
            rows += counts
            times += counts.values()
            network += [n] * len(counts)
        self._network = np.array(network)
        self._times = np.array(times, dtype=float)
        self._batch = np.array([self.measured[n].batch for n in network], dtype=float)
        self._names = {
            field: np.array([Coefficients._fields.index(getattr(row, field)) for row in rows])
            for field in ("share", "half", "bytes_share", "weights_share")
        }
        self._rows = Traits(*[np.array(column, dtype=float) for column in _numbers(rows)])
        self.seconds = np.array([one.seconds for one in self.measured])

    def predicted(self, logarithms: Floats) -> Floats:
        """Return the seconds of each measurement by coefficients, given as logarithms."""
        values = np.exp(logarithms)
        chosen = {field: values[index] for field, index in self._names.items()}
        c = Coefficients(*values)
        found = roofline(self._rows._replace(**chosen), c, self.peaks, self._batch, np.maximum)
        each = found.total(np.maximum) * self._times
        return np.bincount(self._network, each, minlength=len(self.measured))

    def errors(self, logarithms: Floats) -> Floats:
        """Return the logarithm of predicted over measured seconds."""
        return np.log(self.predicted(logarithms)) - np.log(self.seconds)

    def errors_of(self, c: Coefficients) -> list[float]:
        """Return the logarithm of predicted over measured seconds, by coefficients."""
        return [float(error) for error in self.errors(np.log(np.array(c)))]


def _numbers(rows: Sequence[Traits]) -> list[list[Any]]:
    """Return the columns; names of coefficients become 1, since their values replace them."""
    return [[1 if isinstance(v, str) else v for v in column] for column in zip(*rows)]


def fit(
    table: Table,
    usual: Coefficients,
    weights: Floats = None,
    start: Floats = None,
) -> Floats:
    """Return the logarithms of the coefficients that fit best.

    Accepts:
        table: what was measured.
        usual: the values that coefficients are drawn to.
        weights: for each measurement, 1, or 0 to leave it out.
        start: where the search begins; by default at the usual values.
    """
    weights = np.ones(len(table.measured)) if weights is None else weights
    centre = np.log(np.array(usual))
    whiten = _whitening()

    def residuals(x: Floats) -> Floats:
        off = table.errors(x) * weights / ERROR
        return np.concatenate([off, whiten @ (x - centre)])

    return _least_squares(residuals, centre if start is None else start)


def _whitening() -> Floats:
    """Return what turns distances from typical logarithms into independent ones of width 1."""
    covariance = np.diag(np.array(SPREAD) ** 2)
    own = [Coefficients._fields.index(name) for name in OF_THE_PEAK]
    covariance[np.ix_(own, own)] += TOGETHER**2
    return np.linalg.inv(np.linalg.cholesky(covariance))


def _least_squares(residuals: Callable[[Floats], Floats], start: Floats) -> Floats:
    """Minimize the sum of squares by Levenberg and Marquardt's method."""
    x, damping, step = start.copy(), 1e-2, 1e-4
    now = residuals(x)
    for _ in range(ROUNDS):
        slopes = np.empty((len(now), len(x)))
        for n in range(len(x)):
            moved = x.copy()
            moved[n] += step
            slopes[:, n] = (residuals(moved) - now) / step
        square, down = slopes.T @ slopes, slopes.T @ now
        gain = 0.0
        for _ in range(8):
            move = np.linalg.solve(square + damping * np.diag(np.diag(square) + 1e-9), -down)
            tried = x + move
            then = residuals(tried)
            gain = now @ now - then @ then
            if gain > 0:
                x, now, damping = tried, then, max(damping / 5, 1e-6)
                break
            damping *= 4
        if gain <= 1e-7 * (now @ now):
            break
    return x


def coefficients(logarithms: Floats) -> Coefficients:
    """Return coefficients from their logarithms, with four digits."""
    return Coefficients(*[float(f"{value:.4g}") for value in np.exp(logarithms)])


def left_out(
    table: Table,
    usual: Coefficients,
    key: Callable[[Measured], str],
) -> list[float]:
    """Return the error of each measurement by a fit without all that have the same key.

    An error is the logarithm of predicted over measured seconds.
    """
    keys = np.array([key(one) for one in table.measured])
    whole = fit(table, usual)
    errors = np.zeros(len(keys))
    for one in dict.fromkeys(keys.tolist()):
        own = keys == one
        found = fit(table, usual, weights=1.0 * ~own, start=whole)
        errors[own] = table.errors(found)[own]
    return [float(error) for error in errors]


class Summary(NamedTuple):
    """How far predictions were off: means and medians of shares, and how ranks correlate."""

    mean: float
    median: float
    rank: float


def summary(table: Table, errors: Sequence[float]) -> Summary:
    """Summarize the errors of a table, which are logarithms of predicted over measured."""
    off = np.abs(np.expm1(np.array(errors)))
    predicted = np.log(table.seconds) + np.array(errors)
    images = np.array([one.batch for one in table.measured])
    ranks = [_ranks(predicted - np.log(images)), _ranks(np.log(table.seconds / images))]
    rank = float(np.corrcoef(*ranks)[0, 1]) if len(off) > 1 else 1.0
    return Summary(float(off.mean()), float(np.median(off)), rank)


def _ranks(values: Floats) -> Floats:
    return np.argsort(np.argsort(values))


def interval(errors: Sequence[float], families: Sequence[str]) -> tuple[float, float]:
    """Return the factors on a predicted time between which 80 % of measured ones lie.

    Every family counts the same, however many networks it has. The fewer families there are, the
    further out the ends are: by half of what conformal prediction of a new family asks for.
    """
    values = -np.array(errors)
    counts = {family: families.count(family) for family in families}
    weights = np.array([1 / counts[family] for family in families])
    order = np.argsort(values)
    share = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    most = min(1.0, 0.9 + FEW_FAMILIES / len(counts))
    low, high = np.interp([1 - most, most], share, values[order])
    return float(np.exp(low)), float(np.exp(high))


def coverage(errors: Sequence[float], families: Sequence[str]) -> float:
    """Return the share of measured times in the interval that the other families give."""
    held = 0.0
    for family in dict.fromkeys(families):
        others = [n for n, other in enumerate(families) if other != family]
        if not others:
            return 1.0
        low, high = interval([errors[n] for n in others], [families[n] for n in others])
        own = [-errors[n] for n, other in enumerate(families) if other == family]
        held += float(sum(np.log(low) <= value <= np.log(high) for value in own))
    return held / len(errors)


__all__ = [
    "PRODUCTS",
    "Measured",
    "Table",
    "coefficients",
    "coverage",
    "fit",
    "interval",
    "left_out",
    "summary",
]
