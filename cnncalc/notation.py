"""Writes polynomials of symbols: as text, in Python's syntax, and for LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd, prod
from typing import Any

from .decisions import unit_of
from .num import Num, Open

Floor = Any  # poly.Floor

_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def text(value: Num) -> str:
    """Write a formula for people: ``64·⌊H/2⌋·⌊W/2⌋ + 1``."""
    return _sum(value, _text_factor, "·", "−")


def python(value: Num) -> str:
    """Write a formula in Python's syntax: ``64*(H//2)*(W//2) + 1``."""
    return _sum(value, _python_factor, "*", "-")


def latex(value: Num) -> str:
    r"""Write a formula for LaTeX: ``64\\,\\lfloor H/2\\rfloor\\,\\lfloor W/2\\rfloor + 1``."""
    return _sum(value, _latex_factor, r"\,", "-")


def plain(value: Num) -> Any:
    """Return a number as it is, and a formula in Python's syntax."""
    return python(value) if isinstance(value, Open) else value


def _sum(
    value: Num, factor: Callable[[Any, int], str], times: str, minus: str, divisor: int = 1
) -> str:
    """Write the terms in order, with equal factors as powers, and each divided by a number."""
    if not isinstance(value, Open):
        return str(value).replace("-", minus)
    written = ""
    for monomial, whole in value.ordered():  # type: ignore[attr-defined]  # a polynomial
        c = _meant(monomial, whole) // divisor
        counts = {atom: monomial.count(atom) for atom in monomial}
        factors = [factor(atom, power) for atom, power in counts.items()]
        if abs(c) != 1 or not factors:
            factors.insert(0, str(abs(c)))
        if written:
            written += f" {minus if c < 0 else '+'} "
        elif c < 0:
            written = minus
        written += times.join(factors)
    return written or "0"


def _meant(monomial: tuple[str | Floor, ...], c: int) -> int:
    """Return the factor of a term in what its symbols mean."""
    return c * prod(unit_of(atom) for atom in monomial if isinstance(atom, str))


def _lowest(floor: Floor) -> tuple[int, int]:
    """Return what divides all terms of a floor, in what its symbols mean, and what divides it.

    For whole symbols this is 1: a Floor has the lowest terms.
    """
    common = gcd(floor.m, *(_meant(monomial, c) for monomial, c in floor.p.terms.items()))
    return common, floor.m // common


def _text_factor(atom: str | Floor, power: int) -> str:
    return str(atom) if power == 1 else str(atom) + str(power).translate(_RAISED)


def floor_text(floor: Floor) -> str:
    """Write ``⌊(H + 1)/2⌋``."""
    common, m = _lowest(floor)
    inside = _sum(floor.p, _text_factor, "·", "−", common)
    return f"⌊{inside}⌋" if m == 1 else f"⌊{_grouped(inside)}/{m}⌋"


def _python_factor(atom: str | Floor, power: int) -> str:
    if isinstance(atom, str):
        name = str(atom)
    else:
        common, m = _lowest(atom)
        inside = _sum(atom.p, _python_factor, "*", "-", common)
        name = f"({_grouped(inside, '*')}//{m})"
    return name if power == 1 else f"{name}**{power}"


def _latex_factor(atom: str | Floor, power: int) -> str:
    if isinstance(atom, str):
        name = latex_name(atom)
    else:
        common, m = _lowest(atom)
        inside = _sum(atom.p, _latex_factor, r"\,", "-", common)
        divided = inside if m == 1 else f"{_grouped(inside)}/{m}"
        name = rf"\lfloor {divided}\rfloor"
    return name if power == 1 else f"{name}^{{{power}}}"


def latex_name(symbol: str) -> str:
    r"""Write a symbol for LaTeX: ``H``, ``H_{\\mathrm{left}}`` or ``\\mathrm{width}``."""
    name, _, axis = symbol.rpartition("_")
    if name and len(axis) == 1:
        escaped = name.replace("_", r"\_")
        return rf"{axis}_{{\mathrm{{{escaped}}}}}"
    escaped = symbol.replace("_", r"\_")
    return symbol if len(symbol) == 1 else rf"\mathrm{{{escaped}}}"


def _grouped(written: str, sign: str = " ") -> str:
    """Put a sum in brackets, or whatever has this sign in it."""
    return f"({written})" if " " in written or sign in written else written
