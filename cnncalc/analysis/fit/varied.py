"""Reads what varies, and chooses values for a name that is given without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake, misspelled
from ...language.expression_limits import exact
from ...language.spec import Spec
from ...num import NoFormula
from ...size_set import SizeSet
from ..input_sizes import fitting_sizes
from ..sweep.names import names_to_vary, of_parameters
from ..sweep.values import read_values
from .trial import Trials

_STEP = Fraction(1, 100)  # of a parameter that takes fractions
_FEW_STEPS = 20  # steps from half a value to the value, if several names vary
_LARGEST_SIZE, _LARGEST_BATCH, _LARGEST = 4096, 2**20, 10**6
_LARGEST_FRACTION = 100


class Varied(NamedTuple):
    """Names that have the same value, their possible values in order, and these in words."""

    names: tuple[str, ...]
    values: Sequence[Any]
    text: str


def read_vary(
    texts: Sequence[str], spec: Spec, variant: str | None, set: Mapping[str, Any], trials: Trials
) -> list[Varied]:
    """Read ``width``, ``depth,width``, ``width=0.5:2:0.05`` and ``H,W=128:512:32``.

    Names without values vary one by one; they get values that suit them.

    Errors: a Mistake (CNN111) for an unknown name, or for one that needs values.
    """
    known = names_to_vary(spec)
    found: list[tuple[tuple[str, ...], str]] = []
    for text in texts:
        names, equals, values = text.partition("=")
        listed = tuple(name.strip() for name in names.split(","))
        if not all(listed) or equals and not values.strip():
            help = "--vary width, or --vary width=0.5:2:0.05"
            raise Mistake(Diagnostic("CNN111", f"--vary takes names, not `{text}`", help=help))
        for name in listed:
            if name.partition("[")[0] not in known or name == "spec":
                fault = Diagnostic("CNN111", f"--vary {name}: {spec.file} has no such name")
                listing = f"it can vary {', '.join(n for n in known if n != 'spec')}"
                raise Mistake(misspelled(fault, name, known, listing))
        found += [(listed, values)] if equals else [((name,), "") for name in listed]
    twice = [name for name, n in _counts(found).items() if n > 1]
    if twice:
        raise Mistake(Diagnostic("CNN111", f"--vary {twice[0]} is given twice"))
    choice = _Choice(spec, variant, set, trials, several=len(found) > 1)
    return [
        Varied(names, _in_order(read_values(values, f"{','.join(names)}={values}")), values)
        if values
        else choice.values(names[0])
        for names, values in found
    ]


def _in_order(values: Sequence[Any]) -> Sequence[Any]:
    """Return numbers in order, and other values as they are."""
    if isinstance(values, range):
        return values
    numbers = all(isinstance(v, (int, Fraction)) and not isinstance(v, bool) for v in values)
    return sorted(values) if numbers else values


def _counts(found: Sequence[tuple[tuple[str, ...], str]]) -> dict[str, int]:
    names = [name for listed, _ in found for name in listed]
    return {name: names.count(name) for name in names}


class _Choice:
    """Chooses values: over a wide range for one name, around the present value for several."""

    def __init__(
        self,
        spec: Spec,
        variant: str | None,
        set: Mapping[str, Any],
        trials: Trials,
        several: bool,
    ):
        self._spec, self._variant, self._set = spec, variant, set
        self._trials, self._several = trials, several

    def values(self, name: str) -> Varied:
        """Return the values of a name.

        Errors: a Mistake if it takes words or lists.
        """
        if name not in self._spec.parameter_names and "[" not in name:
            if name == "batch":
                return _range(name, 1, 64 if self._several else _LARGEST_BATCH, 1)
            if name in ("dtype", "variant") or name.rpartition(".")[2] == "C":
                raise _needs_values(name)
            return self._sizes(name)
        base = name.partition("[")[0]
        value = self._spec.parameter_values(self._variant, self._set)[base]
        if "[" in name:
            own, _ = of_parameters(self._spec, self._variant, self._set, {name: None})
            value = value[own[base].index(None)]
        if isinstance(value, bool) or not isinstance(value, (int, Fraction)) or value <= 0:
            raise _needs_values(name)
        if isinstance(value, Fraction) or self._takes_fractions(name, value):
            if self._several:
                step = _rounded(Fraction(value, 2 * _FEW_STEPS) * 2)
                return _range(name, _rounded(Fraction(value) / 2), 2 * value, step)
            return _range(name, _STEP, _LARGEST_FRACTION, _STEP)
        if self._several:
            return _range(name, max(1, value // 2), 2 * value, max(1, value // _FEW_STEPS))
        return _range(name, 1, _LARGEST, 1)

    def _takes_fractions(self, name: str, value: int) -> bool:
        """Return whether the network takes a value that is a little larger."""
        return self._trials.trial({name: value + _STEP}).fault is None

    def _sizes(self, name: str) -> Varied:
        """Return sizes of an axis of an input that every layer takes."""
        input_name, _, letter = name.rpartition(".")
        ranks = self._spec.input_ranks
        input_name = input_name or next(iter(ranks))
        symbol = f"{input_name}_{letter}" if len(ranks) > 1 else letter
        graph = self._spec.symbolic_graph(self._variant, self._set)
        try:
            fitting = fitting_sizes(graph).axes[symbol] if graph.outputs else SizeSet.all()
        except NoFormula:
            fitting = SizeSet.all()
        modulus, residues, start, early = fitting.pattern
        if start is None or early or len(residues) > 1:
            listed = [n for n in range(1, _LARGEST_SIZE + 1) if n in fitting]
            return Varied((name,), listed, f"up to {_LARGEST_SIZE}")
        return _range(name, start, _LARGEST_SIZE, modulus)


def _range(name: str, first: Any, last: Any, step: Any) -> Varied:
    """Return a name with a range of values."""
    text = f"{_decimal(first)}:{_decimal(last)}" + (f":{_decimal(step)}" if step != 1 else "")
    return Varied((name,), read_values(text, f"{name}={text}"), text)


def _decimal(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{float(value):g}"


def _rounded(value: Fraction) -> int | Fraction:
    """Return a value with two decimals, but at least one hundredth."""
    return exact(max(Fraction(round(value * 100), 100), _STEP))


def _needs_values(name: str) -> Mistake:
    message = f"--vary {name} needs values"
    return Mistake(Diagnostic("CNN111", message, help=f"--vary {name}=A,B,C or {name}=FROM:TO"))
