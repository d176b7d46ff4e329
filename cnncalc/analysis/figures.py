"""Looks up figures by name, and reads printed numbers: 138M, 2.7K, 93.3MiB."""

from __future__ import annotations

import re
from fractions import Fraction
from math import gcd
from typing import Any, NamedTuple

from ..num import product
from .receptive_field import ReceptiveField
from .result import BYTES, Figure, Report, Row, Totals

# The totals of a network that do not depend on a convention; the other lists are made from it.
TOTALS = tuple(name for name in Totals._fields if not name.startswith("counted"))
# Those that a layer has too; a block has their sum.
SUMMED = tuple(name for name in TOTALS if hasattr(Row, name))
# Those that are not part of another one and do not repeat it: a lock and a diff have all of them.
_PARTS = ("weights", "biases", "affine", "trainable_params", "conv_activations")
COMPARED = tuple(name for name in TOTALS if name not in _PARTS)
# The receptive fields, whose size is a figure.
RECEPTIVE_FIELDS = ("receptive_field", "receptive_field_without_gates")
# What a diff and an explanation report for one layer or block.
OF_A_LAYER = ("params", "macs", "flops", "activations")
# Bytes in memory in a run, which `memory` knows; only budgets, diffs and columns ask for them.
OF_A_RUN = ("inference_peak", "saved", "training_peak")
# What a sweep shows: totals and the shape of the output are counted for many variants at once; the
# others are found by analysing one variant after another.
ONE_BY_ONE = (*OF_A_RUN, *RECEPTIVE_FIELDS)
# Nanoseconds that a batch takes on a device, which must be named.
LATENCY = "latency"
SWEPT = (*TOTALS, LATENCY, "output", *ONE_BY_ONE)
MAX_BATCH = "max_batch"

_PREFIX = {
    "": 1,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
}
_LONGEST = 40  # characters of a printed number
_NUMBER = re.compile(
    r"([0-9][0-9,_]*)(?:\.([0-9]+))?(?:e([0-9]{1,2}))?\s*([kKMGT]i?)?\s*(bytes|B)?\Z"
)


class Printed(NamedTuple):
    """A printed number, digits / scale, and the step of its last digit in units of 1 / scale.

    The step is 0 if figures must agree exactly.
    """

    digits: int
    scale: int = 1
    step: int = 0

    @property
    def value(self) -> int | Fraction:
        """Return the number itself, as an int if it is whole."""
        exact = self.digits % self.scale == 0
        return self.digits // self.scale if exact else Fraction(self.digits, self.scale)

    def agrees(self, figure: int) -> bool:
        """Return whether a figure rounds to the printed digits."""
        return 2 * abs(figure * self.scale - self.digits) <= self.step


def printed(value: Any, bytes: bool = False) -> Printed | None:
    """Read a number as it is printed; None if it is not a number.

    Accepts whole numbers, which must agree exactly, fractions, and texts such as ``25.6M``,
    ``1,234``, ``4.1e9`` and ``93.3MiB``. Units of bytes are accepted only with `bytes`.

    >>> printed("25.6M").agrees(25_557_032), printed(60000).agrees(60001)
    (True, False)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Printed(value)
    if isinstance(value, Fraction):
        return _decimal(value)
    if not isinstance(value, str) or len(value := value.strip()) > _LONGEST:
        return None
    match = _NUMBER.match(value)
    if match is None:
        return None
    whole, decimals, power, prefix, unit_word = match.groups("")
    if unit_word and not bytes:
        if unit_word != "B" or prefix:
            return None
        prefix = "G"  # 7B parameters: billions
    unit = _PREFIX[prefix]
    if power:
        unit *= 10 ** int(power)
    digits = int(whole.replace(",", "").replace("_", "") + decimals)
    if unit == 1 and not decimals:
        return Printed(digits)
    return Printed(digits * unit, 10 ** len(decimals), unit)


_TIME = re.compile(r"([0-9][0-9,_]*)(?:\.([0-9]{1,9}))?\s*(ns|us|µs|μs|ms|s)\Z")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9}


def printed_time(value: Any) -> Printed | None:
    """Read a time with its unit, such as ``33 ms``, in nanoseconds; None if it is none.

    >>> printed_time("33 ms").value, printed_time("1.5us").value
    (33000000, 1500)
    """
    if not isinstance(value, str) or len(value) > _LONGEST:
        return None
    match = _TIME.match(value.strip())
    if match is None:
        return None
    whole, decimals, unit = match.groups("")
    digits = int(whole.replace(",", "").replace("_", "") + decimals)
    return Printed(digits * _NANOSECONDS[unit], 10 ** len(decimals))


def _decimal(value: Fraction) -> Printed:
    """Return a decimal number of the spec, which YAML has read as a fraction.

    It has as few decimals as it needs. A figure must agree exactly with any other fraction.
    """
    denominator, decimals = value.denominator, 0
    while denominator > 1 and (common := gcd(denominator, 10)) > 1:
        denominator, decimals = denominator // common, decimals + 1
    if denominator > 1:
        return Printed(value.numerator, value.denominator)
    return Printed(int(value * 10**decimals), 10**decimals, 1)


def figure(report: Report, what: str, at: str | None = None) -> Figure:
    """Return a figure of the network, or of the layer or block `at`; None if it has no such figure.

    Units: parameters, operations and values are plain numbers, for the batch; memory is in bytes.
    """
    if at is None:
        return _network_figure(report, what)
    if at in report.inputs:
        return _input_figure(report, what, report.inputs[at])
    if what == "shape":
        result = report.result(at)
        return result and result.output_shape
    rows = report.group(at)
    if not rows:
        return None
    if what in SUMMED:
        total: int = sum([getattr(row, what) for row in rows])
        return total
    if what == "param_bytes":
        return sum(row.params for row in rows) * BYTES[report.dtype]
    seen = field_of(report, what, at)
    return one_size(seen) if seen else None


def _input_figure(report: Report, what: str, shape: tuple[int, ...]) -> Figure:
    if what == "activations":
        values: int = product(shape) * report.batch
        return values
    return shape if what == "shape" else None


def _network_figure(report: Report, what: str) -> Figure:
    if what in TOTALS:
        total: int = getattr(report.totals, what)
        return total
    if what == "shape":
        return next(iter(report.outputs.values()), None)
    seen = field_of(report, what)
    return one_size(seen) if seen else None


def field_of(report: Report, what: str, at: str | None = None) -> ReceptiveField | None:
    """Return the receptive field whose size is this figure; None if there is none."""
    if what not in RECEPTIVE_FIELDS:
        return None
    if at is None:
        found: tuple[str, ReceptiveField] | None = getattr(report, what)
        return found and found[1]
    result = report.result(at)
    seen: ReceptiveField | None = result and getattr(result, what)
    return seen


def one_size(field: ReceptiveField) -> Figure:
    """Return the size of a receptive field: one value if all axes agree, otherwise one per axis.

    A value is a number, "all", or None if it is not followed.
    """
    return field.size[0] if len(set(field.size)) == 1 else field.size


def in_bytes(what: str) -> bool:
    """Return whether a figure is a number of bytes, which may have a unit."""
    return "bytes" in what or what in OF_A_RUN


def known_figures() -> tuple[str, ...]:
    """Return the names that `published` and `budget` may use."""
    return (*TOTALS, *RECEPTIVE_FIELDS, "shape")


def budget_figures() -> tuple[str, ...]:
    """Return the names that `budget` may use: a run's memory is limited, but not published."""
    return (*TOTALS, *OF_A_RUN, MAX_BATCH, LATENCY, *RECEPTIVE_FIELDS, "shape")
