"""What a sweep is asked for: figures, conditions, an order, a frontier."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ...diagnostic import Diagnostic, Mistake, misspelled
from ...language.expression import Expression
from ...language.expression_limits import ExpressionError
from ..figures import LATENCY, ONE_BY_ONE, SWEPT, TOTALS, printed, printed_time

FIGURES = SWEPT
_SHOWN = ("params", "macs")  # where nothing else is asked for
_SIGNS = {"≤": "<=", "≥": ">=", "·": "*", "×": "*", "−": "-"}
_WRITTEN: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_TIME = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?\s?(?:ns|us|µs|μs|ms|s)(?!\w)")
_UNIT = re.compile(r"(?<![\w.])\d[\d_]*(?:\.\d+)?(?:\s?(?:[kKMGT]i?B?|B))?(?![\w.])")
_OF_FRAMES = f"for 30 images a second, write the time of one: {LATENCY} < 33 ms"
_ASSIGNED = re.compile(r"(?<![<>=!])=(?!=)")


class Condition(NamedTuple):
    """A condition as written, and as an expression over figures and the names that vary."""

    text: str
    expression: Expression

    @property
    def names(self) -> frozenset[str]:
        """The names that it reads."""
        return self.expression.names


class Order(NamedTuple):
    """A figure or name by which variants are compared; smaller is better, or larger."""

    name: str
    largest_first: bool = False


@dataclass(frozen=True)
class Asked:
    """What is asked for.

    Attributes:
        figures: the figures that are shown, in order.
        where: the conditions; only variants that meet all of them are kept.
        sort: by what the variants are ordered; None: by their numbers.
        top: how many variants are kept, in that order; None: all.
        pareto: objectives; only variants that no other one beats in all of them are kept.
        partly_unknown: totals that are unknown for some variants: no array holds those.
    """

    figures: tuple[str, ...]
    where: tuple[Condition, ...] = ()
    sort: Order | None = None
    top: int | None = None
    pareto: tuple[Order, ...] = ()
    partly_unknown: frozenset[str] = frozenset()

    @property
    def keeps_few(self) -> bool:
        """Whether the result is held in memory: the best, a frontier, or all in order."""
        return self.is_reduced or self.sort is not None

    @property
    def is_reduced(self) -> bool:
        """Whether only some of the variants that meet the conditions are kept."""
        return self.top is not None or bool(self.pareto)

    @property
    def deciding(self) -> frozenset[str]:
        """The figures and names that decide which variants are kept."""
        orders = [*self.pareto, *((self.sort,) if self.sort else ())]
        read = [condition.names for condition in self.where]
        return frozenset().union(*read, (order.name for order in orders))

    @property
    def counted(self) -> tuple[str, ...]:
        """The figures that are counted on arrays."""
        names = (self.deciding | set(self.figures)) - self.partly_unknown
        return tuple(name for name in (*TOTALS, LATENCY) if name in names)

    @property
    def times(self) -> bool:
        """Whether the time on a device is asked for."""
        return LATENCY in self.deciding or LATENCY in self.figures

    @property
    def sizes(self) -> bool:
        """Whether the shape of the output is asked for."""
        return "output" in self.deciding or "output" in self.figures

    @property
    def one_by_one(self) -> tuple[str, ...]:
        """The figures that are found by analysing one variant after another."""
        names = self.deciding | set(self.figures)
        slow = {*ONE_BY_ONE, *self.partly_unknown}
        return tuple(name for name in SWEPT if name in names & slow)

    @property
    def is_slow(self) -> bool:
        """Whether figures are found one by one before it is known which variants are kept."""
        slow = set(self.one_by_one)
        return bool(slow) and (not self.keeps_few or not slow.isdisjoint(self.deciding))


def asked(
    names: Sequence[str],
    show: Iterable[str] = (),
    where: Iterable[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    top: int | None = None,
    pareto: Iterable[str] = (),
) -> Asked:
    """Return what is asked for; `names` are those that vary.

    Errors: a Mistake for an unknown figure, or a condition that cannot be read.
    """
    known = (*FIGURES, *names, *dict.fromkeys(n.partition("[")[0] for n in names if "[" in n))
    shown = [known_name(name, FIGURES, "figure") for name in show]
    conditions = tuple(condition(text, known) for text in where)
    order = None if sort is None else _order(sort, known, reverse)
    objectives = tuple(_order(text, known) for text in pareto)
    used = [order.name for order in objectives]
    used += [order.name] if order else []
    used += [name for c in conditions for name in sorted(c.names)]
    figures = dict.fromkeys([*(shown or _SHOWN), *(name for name in used if name in FIGURES)])
    return Asked(tuple(figures), conditions, order, top, objectives)


def limited(asked: Asked, top: int) -> Asked:
    """Return the same for so many variants, unless it is limited already."""
    return replace(asked, top=asked.top or top)


def condition(text: str, known: Sequence[str], option: str = "--where") -> Condition:
    """Read a condition such as ``params < 5M and H >= W``, which an option has.

    Errors: a Mistake for what is no condition, or for an unknown name.
    """
    written = text
    for sign, ascii in _SIGNS.items():
        written = written.replace(sign, ascii)
    written = _TIME.sub(_nanoseconds, written)
    written = _ASSIGNED.sub("==", _UNIT.sub(_exactly, written))
    try:
        expression = Expression(written)
    except ExpressionError as error:
        message = f"{option} takes a condition such as `params < 5M`, not `{text}`: {error}"
        help = _OF_FRAMES if "fps" in text.lower() else error.help
        raise Mistake(Diagnostic("CNN111", message, help=help)) from None
    for name in sorted(expression.names):
        known_name(name, known, "figure")
    _refuse_times_without_unit(text, expression, option)
    if not expression.names:
        message = f"{option} {text} names no figure"
        raise Mistake(Diagnostic("CNN111", message, help=f'{option} "params < 5M"'))
    return Condition(text, expression)


def _refuse_times_without_unit(text: str, expression: Expression, option: str) -> None:
    """Raise a Mistake where `latency` is compared with a number: it could be any unit of time."""
    for compared in ast.walk(expression.body):
        if not isinstance(compared, ast.Compare):
            continue
        sides = [compared.left, *compared.comparators]
        is_time = any(isinstance(side, ast.Name) and side.id == LATENCY for side in sides)
        numbers = [side for side in sides if isinstance(side, ast.Constant)]
        if is_time and numbers and not _TIME.search(text):
            message = f"{option} {text}: a time has a unit"
            raise Mistake(Diagnostic("CNN111", message, help=f'{option} "{LATENCY} < 33 ms"'))


def divided(condition: Condition) -> list[Condition]:
    """Return the conditions that one consists of: `a < b < c` and `a < b and b < c` are two."""
    source, parts = condition.expression.text.strip(), [condition.expression.body]
    if isinstance(parts[0], ast.BoolOp) and isinstance(parts[0].op, ast.And):
        parts = list(parts[0].values)
    found: list[str] = []
    for part in parts:
        written = ast.get_source_segment(source, part) or source
        if not isinstance(part, ast.Compare) or len(part.comparators) == 1:
            found.append(written)
            continue
        sides = [ast.get_source_segment(source, side) for side in (part.left, *part.comparators)]
        signs = [_WRITTEN[type(op)] for op in part.ops if type(op) in _WRITTEN]
        if len(signs) < len(part.ops):
            found.append(written)
            continue
        found += [f"({a}) {sign} ({b})" for a, sign, b in zip(sides, signs, sides[1:])]
    return [Condition(text, Expression(text)) for text in found]


def _nanoseconds(match: re.Match[str]) -> str:
    """Return a time such as 33 ms as a whole number of nanoseconds, or as written."""
    number = printed_time(match[0])
    return match[0] if number is None else str(round(number.value))


def _exactly(match: re.Match[str]) -> str:
    """Return a number such as 5M or 1.5GiB without its unit."""
    number = printed(match[0], bytes=True)
    if number is None:
        return match[0]
    value = number.value
    return str(value) if isinstance(value, int) else f"({value.numerator}/{value.denominator})"


def _order(text: str, known: Sequence[str], reverse: bool = False) -> Order:
    name, colon, which = text.partition(":")
    if colon and which not in ("min", "max"):
        message = f"an order is a figure, with :min or :max after it, not `{text}`"
        raise Mistake(Diagnostic("CNN111", message, help="--pareto macs,params:max"))
    return Order(known_name(name.strip(), known, "figure"), (which == "max") != reverse)


def known_name(name: str, known: Sequence[str], what: str) -> str:
    """Return a name that is known.

    Errors: a Mistake for another one, with the nearest.
    """
    if name not in known:
        fault = Diagnostic("CNN111", f"unknown {what} `{name}`")
        listed = ", ".join(name for name in known if name not in ("weights", "biases", "affine"))
        raise Mistake(misspelled(fault, name, known, f"known are {listed}"))
    return name


def decided(conditions: Iterable[Condition], values: Mapping[str, Any]) -> Any:
    """Return whether all conditions hold, for values that may be arrays.

    Errors: a Mistake for a condition that has no value, or another value than true or false.
    """
    from ...num import Open, choose

    holds: Any = True
    for one in conditions:
        try:
            found = one.expression.value(values)
        except ExpressionError as error:
            raise Mistake(Diagnostic("CNN111", f"--where {one.text}: {error}")) from None
        if not isinstance(found, bool) and not (isinstance(found, Open) and found.is_condition):
            message = f"--where {one.text} is a number, not a condition"
            raise Mistake(Diagnostic("CNN111", message, help='--where "params < 5M"'))
        holds = choose(holds, found, False)
        if holds is False:
            break
    return holds
