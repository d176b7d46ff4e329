"""The values of formulas, and the terms by which they grow."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from ..decisions import unit_of
from ..diagnostic import Diagnostic, Mistake, misspelled
from ..num import Num
from ..poly import Poly
from ..wording import number_text, sizes_text, steps_text
from .formula import Formulas
from .input_sizes import Condition

_Terms = dict[tuple[str, ...], Fraction]  # the symbols of each term, and its factor


def values_at(formulas: Formulas, values: Mapping[str, Fraction | int]) -> dict[str, Num]:
    """Return the figures for values of some symbols; the others stay symbols.

    Errors: a Mistake (CNN111) for an unknown symbol, or for a value that a formula does not hold
    for.
    """
    for name, value in values.items():
        if name not in formulas.symbols:
            fault = Diagnostic("CNN111", f"`{name}` is no symbol of these formulas")
            listed = f"the symbols are {', '.join(formulas.symbols)}"
            raise Mistake(misspelled(fault, name, formulas.symbols, listed))
        _refuse_misfit(formulas, name, value)
    known = {name: _inner(formulas, name, values.get(name)) for name in formulas.symbols}
    for condition in (*formulas.requirements.unsolved, *formulas.exceptions):
        margin = condition.margin.at(**known)
        if isinstance(margin, int) and _breaks(margin, condition, formulas):
            listed = ", ".join(f"{name} = {number_text(value)}" for name, value in values.items())
            raise Mistake(Diagnostic("CNN111", f"the formulas do not hold for {listed}"))
    found = {name: Poly.of(figure).at(**known) for name, figure in formulas.figures.items()}
    return {name: _plain(value) for name, value in found.items()}


def _refuse_misfit(formulas: Formulas, name: str, value: Fraction | int) -> None:
    """Refuse a value of a symbol for which the formulas do not hold, whatever the others are."""
    unit, fitting = formulas.units[name], formulas.requirements.of(name)
    scaled = Fraction(value * unit)
    if scaled.denominator == 1 and scaled.numerator in fitting:
        return
    message = f"the formulas do not hold for {name} = {number_text(value)}"
    rules = [steps_text(name, unit)] if unit > 1 else []
    rule = sizes_text(fitting, name, unit)
    if not rules or not rule.startswith("any "):
        rules.append(rule)
    raise Mistake(Diagnostic("CNN111", message, help=f"they hold for {', '.join(rules)}"))


def _inner(formulas: Formulas, name: str, value: Fraction | int | None) -> Num:
    """Return what a symbol stands for in the formulas, if its value is this; None: any."""
    unit = formulas.units[name]
    return Poly.symbol(name, unit=unit) if value is None else int(value * unit)


def _breaks(margin: int, condition: Condition, formulas: Formulas) -> bool:
    """Return whether values for which a margin comes out like this are outside the formulas."""
    if condition in formulas.exceptions:
        return margin == 0
    return margin != 0 if condition.equal else margin < 0


def _plain(value: Num) -> Num:
    """Return a number for a constant."""
    constant = value.constant if isinstance(value, Poly) else None
    return value if constant is None else constant


def leading(figure: Num) -> _Terms:
    """Return the terms by which a figure grows in the end: their symbols, and their factors.

    These are the terms with most factors, with p/m for ⌊p/m⌋.
    """
    grown = _without_floors(Poly.of(figure))
    most = max(map(len, grown), default=0)
    return {symbols: c for symbols, c in grown.items() if len(symbols) == most and c}


def _without_floors(poly: Poly) -> _Terms:
    """Return a polynomial with p/m for ⌊p/m⌋, by the symbols of its terms."""
    found: _Terms = {}
    for monomial, c in poly.terms.items():
        terms: _Terms = {(): Fraction(c)}
        for atom in monomial:
            factor: _Terms = {}
            if isinstance(atom, str):
                factor = {(str(atom),): Fraction(unit_of(atom))}
            else:
                factor = {k: v / atom.m for k, v in _without_floors(atom.p).items()}
            terms = _multiplied(terms, factor)
        for symbols, value in terms.items():
            found[symbols] = found.get(symbols, Fraction(0)) + value
    return found


def _multiplied(a: _Terms, b: _Terms) -> _Terms:
    """Return the product of two polynomials."""
    found: _Terms = {}
    for symbols, c in a.items():
        for others, d in b.items():
            key = tuple(sorted(symbols + others))
            found[key] = found.get(key, Fraction(0)) + c * d
    return found
