"""Reads which sizes and parameters are the symbols of formulas, and in which steps they go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from ..decisions import Decisions
from ..diagnostic import Diagnostic, Mistake, misspelled
from ..num import Num
from ..poly import Poly, ratio

BATCH = "N"
_FINEST = 10**6  # the finest step is 1 over this


def read_steps(symbols: Sequence[str]) -> dict[str, int]:
    """Read names such as ``width`` or ``width:0.05``; return each with what divides its step.

    It is 0 where no step is given, and 20 for ``width:0.05``, whose values are multiples of 1/20.

    Errors: a Mistake (CNN111) for a step that is not a positive number.
    """
    found: dict[str, int] = {}
    for text in symbols:
        name, colon, step = text.partition(":")
        found[name] = _divisor(step, text) if colon else 0
    return found


def _divisor(step: str, text: str) -> int:
    try:
        value = Fraction(step) if len(step) < 20 and "e" not in step.lower() else Fraction(0)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value <= 0 or value.denominator > _FINEST:
        message = f"a symbol may have a step after it, such as width:0.05, not `{text}`"
        raise Mistake(Diagnostic("CNN111", message))
    return value.denominator


def chosen_values(
    steps: Mapping[str, int], axes: Sequence[str], parameters: Mapping[str, Any]
) -> dict[str, Fraction | int]:
    """Return the values of the symbols that are no sizes.

    Errors: a Mistake unless each name is a size, the batch or a parameter that is a number.
    """
    found: dict[str, Fraction | int] = {}
    for name, divisor in steps.items():
        if name in axes or name == BATCH and name not in parameters:
            if divisor > 1:
                raise Mistake(Diagnostic("CNN111", f"`{name}` is a whole number; it has no step"))
            if name == BATCH and name not in axes:
                found[name] = 1
            continue
        if name not in parameters:
            known = [*axes, BATCH, *parameters]
            fault = Diagnostic(
                "CNN111", f"`{name}` is not a size, the batch or a parameter of this network"
            )
            raise Mistake(misspelled(fault, name, known, f"the symbols are {', '.join(known)}"))
        value = parameters[name]
        if not isinstance(value, (int, Fraction)) or isinstance(value, bool):
            message = f"`{name}` cannot be a symbol: its value is not a number"
            raise Mistake(Diagnostic("CNN111", message, help="symbols stand for numbers"))
        if divisor and Fraction(value * divisor).denominator > 1:
            message = f"`{name}` is {value}, which is not a multiple of 1/{divisor}"
            raise Mistake(Diagnostic("CNN111", message, help=f"--set {name}=1, or a finer step"))
        found[name] = value
    return found


def units(steps: Mapping[str, int], values: Mapping[str, Fraction | int]) -> dict[str, int]:
    """Return what divides the step of each symbol; by default that of its value."""
    return {name: divisor or Fraction(values[name]).denominator for name, divisor in steps.items()}


def symbol_values(units: Mapping[str, int], decisions: Decisions) -> dict[str, Num]:
    """Return each symbol as a number to compute with: one over a whole number, if it has steps."""
    found: dict[str, Num] = {}
    for name, unit in units.items():
        symbol = Poly.symbol(name, decisions, unit)
        found[name] = symbol if unit == 1 else ratio(symbol, unit)
    return found
