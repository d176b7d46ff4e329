"""Writes the formulas of a network: as text, for LaTeX, as Python, and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from .. import notation
from ..analysis.formula import Formulas, Found
from ..analysis.formula_values import leading
from ..analysis.input_sizes import Condition, solution
from ..analysis.undeclared import Undeclared
from ..num import NoFormula, Num, Shape
from ..poly import Poly
from ..wording import (
    axes_text,
    number_text,
    sizes_text,
    steps_text,
    value_text,
)
from .analyze import UNKNOWN_FIGURES
from .formats.json import Json, diagnostic_data, document
from .formats.lines import Lines
from .formats.table import BOLD, facts, noted, stacked, text
from .sizes import condition_text, factors

if TYPE_CHECKING:
    from rich.console import Group
    from rich.text import Text

_LABELS = {"params": "parameters", "macs": "MACs", "flops": "FLOPs", "activations": "activations"}
_Facts = Iterator[tuple[str, "str | Text"]]
Values = Mapping[str, "Fraction | int"]
Computed = dict[str, Num] | None


def table(found: Found, given: Values, computed: Computed, width: int) -> Group:
    """Write each formula, how it grows, and for which values it holds."""
    made = found.formulas
    assert made is not None
    shapes = [f"{name} {factors(shape)}" for name, shape in made.inputs.items()]
    if len(shapes) == 1 and "input" in made.inputs:
        shapes = [f"input {factors(made.inputs['input'])}"]
    where = f", {made.at}" if made.at else ""
    head = text((found.name, BOLD), f"{where}  {', '.join(shapes)}")
    return stacked(head, text(), facts(_facts(made, given, computed)))


def _facts(made: Formulas, given: Values, computed: Computed) -> _Facts:
    """Yield the formulas, and what must be known about them."""
    for name, label in _LABELS.items():
        figure = made.figures[name]
        sign = "≥ " if made.undeclared.why(name) else ""
        yield label, f"{sign}{_value(figure)}"
        grows = _grows(figure)
        if grows:
            yield "", f"≈ {grows}"
        if computed is not None and isinstance(figure, Poly):
            yield "", f"{sign or '= '}{_value(computed[name])} at {_listed(given)}"
    yield "output", factors(made.shape)
    if made.field:
        path, seen = made.field
        size = axes_text(seen.size)
        fixed = f"at {path}" if made.field_is_fixed else f"at {path}, for {_listed(made.symbols)}"
        yield "field", noted(size, fixed)
    holds = "; ".join(assumptions(made))
    if holds:
        yield "holds for", holds
    if made.shares_memory:
        yield "note", f"activations: layers share memory as for {_listed(made.symbols)}"
    if made.undeclared:
        yield "note", f"{UNKNOWN_FIGURES}: {made.undeclared}"


def assumptions(made: Formulas) -> Iterator[str]:
    """Yield the conditions under which the formulas hold."""
    needed = made.requirements
    for symbol in made.symbols:
        unit = made.units[symbol]
        if unit > 1:
            yield steps_text(symbol, unit)
        rule = sizes_text(needed.of(symbol), symbol, unit)
        if not rule.startswith("any "):
            yield rule
    for condition in needed.unsolved:
        yield condition_text(condition)
    for condition in made.exceptions:
        yield _exception(condition, made)


def _exception(condition: Condition, made: Formulas) -> str:
    """Write that an equality must not hold, by the values of its symbol if it has only one."""
    symbols = list(condition.margin.symbols)
    if len(symbols) == 1:
        (symbol,) = symbols
        try:
            refused = solution(condition.margin, symbol, True) & made.requirements.of(symbol)
        except NoFormula:
            pass
        else:
            return f"not {sizes_text(refused, symbol, made.units[symbol])}"
    return condition_text(condition).replace("=", "≠")


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {number_text(value)}" for name, value in values.items())


def _value(value: Num) -> str:
    return notation.text(value) if isinstance(value, Poly) else value_text(value)


def _grows(figure: Num) -> str | None:
    """Write how a figure grows; None for one that is a polynomial without floors, or a number."""
    terms = leading(figure)
    if not isinstance(figure, Poly) or len(figure.terms) < 2 or () in terms:
        return None
    ordered = sorted(terms.items(), key=lambda term: term[0])
    parts = [f"{_rounded(c)}·{'·'.join(_powers(symbols))}" for symbols, c in ordered]
    return " + ".join(parts)


def _rounded(value: Fraction) -> str:
    """Write a factor, with two decimals if it is not whole."""
    if value.denominator == 1:
        return value_text(value.numerator)
    return f"{float(value):,.2f}".rstrip("0")


def _powers(symbols: Sequence[str]) -> list[str]:
    """Write equal symbols as powers."""
    found = Poly({tuple(symbols): 1})
    return [notation.text(found)]


def latex(found: Found, given: Values, computed: Computed) -> Lines:
    """Write the formulas as aligned equations."""
    made = found.formulas
    assert made is not None
    rows = [
        rf"\text{{{label}}} &{_latex_sign(made, name)} {notation.latex(made.figures[name])}"
        for name, label in _LABELS.items()
    ]
    sizes = r" \times ".join(_latex_size(n) for n in made.shape)
    rows.append(rf"\text{{output}} &= {sizes}")
    conditions = [f"% holds for {assumption}" for assumption in assumptions(made)]
    body = [f"{row} \\\\" for row in rows[:-1]] + rows[-1:]
    return Lines(*conditions, r"\begin{align*}", *body, r"\end{align*}")


def _latex_sign(made: Formulas, name: str) -> str:
    return r"\ge" if made.undeclared.why(name) else "="


def _latex_size(size: Num) -> str:
    """Write a size, in brackets if it is a sum."""
    written = notation.latex(size)
    is_sum = isinstance(size, Poly) and len(size.terms) > 1
    return rf"\left({written}\right)" if is_sum else written


def python(found: Found, given: Values, computed: Computed) -> Lines:
    """Write a function for each figure."""
    made = found.formulas
    assert made is not None
    arguments = ", ".join(map(_identifier, made.symbols))
    lines = [f"# {found.name}{f', {made.at}' if made.at else ''}"]
    lines += [f"# holds for {assumption}" for assumption in assumptions(made)]
    functions = {_function(made, name): notation.python(n) for name, n in made.figures.items()}
    sizes = ", ".join(map(notation.python, made.shape))
    functions["output"] = f"({sizes})" if len(made.shape) > 1 else f"({sizes},)"
    for name, value in functions.items():
        lines += ["", "", f"def {name}({arguments}):", f"    return {value}"]
    return Lines(*lines)


def _function(made: Formulas, name: str) -> str:
    """Return the name of a function, which says what it returns."""
    return f"{name}_at_least" if made.undeclared.why(name) else name


def _identifier(symbol: str) -> str:
    return f"{symbol}_" if iskeyword(symbol) else symbol


def json(found: Found, given: Values, computed: Computed) -> Json:
    """Write the formulas in Python's syntax; null where the network has errors."""
    made = found.formulas
    data: dict[str, Any] = {"name": found.name, "variant": found.variant, "file": found.file}
    data |= {"formulas": None} if made is None else _data(made, given, computed)
    return document({**data, "diagnostics": [diagnostic_data(d) for d in found.diagnostics]})


def _data(made: Formulas, given: Values, computed: Computed) -> dict[str, Any]:
    field = made.field and {"at": made.field[0], "size": made.field[1].size}
    return {
        "at": made.at,
        "symbols": list(made.symbols),
        "assumptions": list(assumptions(made)),
        "input": {name: _sizes(shape) for name, shape in made.inputs.items()},
        "output": _sizes(made.shape),
        "formulas": _formulas(made.figures, made.undeclared),
        "receptive_field": field and {**field, "fixed": made.field_is_fixed},
        "values": computed and _values(given, computed, made.undeclared),
        "layers": [
            {
                "path": layer.path,
                "output": _sizes(layer.shape),
                **_formulas(layer.figures, layer.undeclared),
            }
            for layer in made.layers
        ],
    }


def _formulas(figures: Mapping[str, Num], undeclared: Undeclared) -> dict[str, Any]:
    """Return figures in Python's syntax; null for those that are unknown, and why."""
    return _with_unknown({name: notation.python(n) for name, n in figures.items()}, undeclared)


def _with_unknown(written: dict[str, Any], undeclared: Undeclared) -> dict[str, Any]:
    why = undeclared.reasons(written)
    if not why:
        return written
    known = {name: written[name] for name in why}
    return {**written, **dict.fromkeys(why), "unknown": why, "at_least": known}


def _values(given: Values, computed: dict[str, Num], undeclared: Undeclared) -> dict[str, Any]:
    """Return the values, with fractions as ``5/4``."""
    at = {name: n if isinstance(n, int) else str(n) for name, n in given.items()}
    written = {name: notation.plain(value) for name, value in computed.items()}
    return {"at": at, **_with_unknown(written, undeclared)}


def _sizes(shape: Shape) -> list[Any]:
    return list(map(notation.plain, shape))
