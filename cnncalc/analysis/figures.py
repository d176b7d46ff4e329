"""Figures by name, and printed numbers: 138M, 2.7K, 93.3MiB."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from ..num import product
from .receptive_field import ReceptiveField
from .rows import BYTES, Report, Totals

PREFIX = {
    "": 1,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
}
_NUMBER = re.compile(
    r"([0-9][0-9,_]*)(?:\.([0-9]+))?(?:e([0-9]{1,2}))?\s*([kKMGT]i?)?\s*(bytes|B)?\Z"
)
TOTALS = tuple(
    name for name in Totals._fields if not name.startswith("counted")
)  # those depend on how one counts
SUMMED = (
    "params",
    "weights",
    "biases",
    "affine",
    "buffers",
    "macs",
    "flops",
    "activations",
    "activation_bytes",
)


class Printed(NamedTuple):
    """A printed number: its value, and half of its last printed digit."""

    value: Fraction
    half: Fraction

    def agrees(self, figure: Any) -> bool:
        """Whether a figure rounds to the printed digits."""
        return abs(Fraction(figure) - self.value) <= self.half


def printed(value: Any, bytes: bool = False) -> Printed | None:
    """A number as printed, or None; whole numbers must agree exactly. A unit of bytes is one only for bytes.

    >>> printed("25.6M").agrees(25_557_032), printed(60000).agrees(60001)
    (True, False)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Printed(Fraction(value), Fraction(0))
    if isinstance(value, Fraction):
        exponent = Decimal(float(value)).normalize().as_tuple().exponent
        digits = -int(exponent) if value.denominator > 1 else 0
        places = next(d for d in range(1, digits + 1) if (value * 10**d).denominator == 1)
        return Printed(value, Fraction(1, 2 * 10**places))
    match = _NUMBER.match(value.strip()) if isinstance(value, str) else None
    if match is None or (match[5] and not bytes and not (match[5] == "B" and not match[4])):
        return None
    whole, decimals, power, prefix, unit_word = match.groups()
    prefix = "G" if unit_word == "B" and not bytes else prefix  # 7B parameters: billions
    unit = PREFIX[prefix or ""] * 10 ** int(power or 0)
    number = Fraction(f"{whole.replace(',', '').replace('_', '')}.{decimals or 0}") * unit
    exact = unit == 1 and not decimals
    return Printed(number, Fraction(0) if exact else Fraction(unit, 2 * 10 ** len(decimals or "")))


def figure(report: Report, what: str, at: str | None) -> Any:
    """A figure of the network, or of a layer or block; None where there is none of that name."""
    if at is None:
        return _network_figure(report, what)
    if at in report.inputs:
        shape = report.inputs[at]
        return {"shape": shape, "activations": product(shape) * report.batch}.get(what)
    rows = report.group(at)
    result = report.result(at)
    if what == "shape":
        return result and result.output_shape
    if not rows:
        return None
    if what in SUMMED:
        return sum(getattr(row, what) for row in rows)
    if what == "param_bytes":
        return sum(row.params for row in rows) * BYTES[report.dtype]
    if what == "receptive_field":
        return one_size(result.receptive_field) if result and result.receptive_field else None
    return None


def _network_figure(report: Report, what: str) -> Any:
    if what in TOTALS:
        return getattr(report.totals, what)
    if what == "receptive_field" and report.receptive_field:
        return one_size(report.receptive_field[1])
    if what == "shape":
        return next(iter(report.outputs.values()), None)
    return None


def one_size(field: ReceptiveField) -> Any:
    """The size of a receptive field: one number where all axes agree, else one each."""
    return field.size[0] if len(set(field.size)) == 1 else field.size


def known_figures() -> tuple[str, ...]:
    """Names that `published` and `budget` may use."""
    return (*TOTALS, "receptive_field", "shape")
