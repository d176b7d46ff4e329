"""Solves for the sizes of input that a network takes, axis by axis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import lcm, prod
from types import MappingProxyType
from typing import Any, NamedTuple

from ..graph import Graph, conditions, propagate
from ..language.inputs import with_symbols
from ..num import NoFormula, Num, Shape, ceil_div
from ..ops.base import Op
from ..ops.sliding import Sliding
from ..poly import Floor, Poly
from ..quasilinear import MAX_MODULUS, QuasiLinear
from ..size_set import SizeSet, Span

_MOST_TRIED = 10_000  # sizes, and pairs of them, for which one condition is looked at
MAX_WORK = 5_000_000  # residue classes that may be looked at to solve for the sizes of a network


Decided = Mapping[tuple[Num, bool], bool]  # conditions, as `Decisions` has them


class AxisSizes(NamedTuple):
    """The sizes that one axis of an input may have.

    Attributes:
        symbol: the symbol of the size, such as ``H``.
        fitting: the sizes with which every layer fits.
        read: those of them with which no layer leaves positions of its input unread at the end.
        exact: those of them with which the last window of every layer ends exactly at the edge.
    """

    symbol: str
    fitting: SizeSet
    read: SizeSet
    exact: SizeSet

    @property
    def sets(self) -> tuple[SizeSet, SizeSet, SizeSet]:
        """Return the three sets, without the symbol."""
        return self[1:]


class Condition(NamedTuple):
    """What a layer needs: `margin` ≥ 0, or = 0 if `equal`.

    `kind` is the attribute of `AxisSizes` that it is about, or `unequal` for what must not be 0.
    The path is empty if it decides which layers there are.
    """

    path: str
    margin: Num
    equal: bool
    kind: str = "fitting"


class InputSizes(NamedTuple):
    """The sizes that a network takes.

    Attributes:
        inputs: the shape of each input, with a symbol for each spatial size.
        axes: the sizes of each axis, by its symbol.
        unsolved: conditions that are not about one size alone, or that repeat too rarely.
        shapes: the shape of every node, in these symbols.
    """

    inputs: dict[str, Shape]
    axes: dict[str, AxisSizes]
    unsolved: list[Condition]
    shapes: list[Shape]


class FittingSizes(NamedTuple):
    """The sizes that a network takes, as in `InputSizes`, but only whether every layer fits."""

    inputs: dict[str, Shape]
    axes: dict[str, SizeSet]
    unsolved: list[Condition]
    shapes: list[Shape]


def fitting_sizes(
    graph: Graph, work: int = MAX_WORK, decided: Decided = MappingProxyType({})
) -> FittingSizes:
    """Return the sizes of input that every layer of a network takes.

    Only sizes are solved for: the layers stay as they are, and so do the parameters of a linear
    layer after a flatten. The inputs of the graph may have numbers or symbols. At most about `work`
    residue classes are looked at. Sizes that were `decided` otherwise have other layers, and are
    left out.

    Errors: NoFormula if the size of a layer cannot be written in symbols, or that is too much work.
    """
    inputs = with_symbols({node.path: node.shape for node in graph.inputs})
    shapes = propagate(graph, list(inputs.values()))
    sizes = {size for shape in shapes for size in shape}
    needed = Requirements(work)
    for node, margin, equal in conditions(graph, shapes):
        if equal or not _of_sizes(margin, sizes):
            needed.add(node.path, margin, equal)
    for (margin, equal), holds in decided.items():
        needed.decide(margin, equal, holds)
    symbols = [str(size) for shape in inputs.values() for size in shape[1:]]
    axes = {symbol: needed.of(symbol) for symbol in symbols}
    unsolved = [one for one in needed.unsolved if not _always(one, axes)]
    return FittingSizes(inputs, axes, unsolved, shapes)


def _always(condition: Condition, axes: Mapping[str, SizeSet]) -> bool:
    """Return whether an equality holds for all sizes that these sets have.

    Where each floor's sizes go in steps of its divisor, a margin is a polynomial, of degree d. It
    is 0 everywhere if it is 0 for d + 1 sizes along each axis.
    """
    margin = Poly.of(condition.margin)
    if not condition.equal or condition.kind == "unequal":
        return False
    steps = _divisors(margin)
    tries = 1 + max(map(len, margin.terms))
    tried: list[list[int]] = []
    for symbol in margin.symbols:
        step = lcm(steps, axes[symbol].modulus)
        if step > _MOST_TRIED:
            return False
        spans = axes[symbol].spans
        firsts = [n for n in range(1, step + 1) if spans[n % len(spans)]]
        tried.append([n + step * turn for n in firsts for turn in range(tries)])
    if prod(map(len, tried)) > _MOST_TRIED:
        return False
    return not any(margin.at(**dict(zip(margin.symbols, sizes))) for sizes in product(*tried))


def _divisors(p: Poly) -> int:
    """Return a number of which the divisor of each floor in a polynomial is a divisor."""
    floors = [atom for atoms in p.terms for atom in atoms if isinstance(atom, Floor)]
    return lcm(*[atom.m * _divisors(atom.p) for atom in floors])


def _of_sizes(margin: Num, sizes: set[Num]) -> bool:
    """Return whether a margin is a product of sizes that has to be 1, as each of them is.

    A layer after several axes were put into one asks for that.
    """
    if not isinstance(margin, Poly):
        return False
    products = {m: c for m, c in margin.terms.items() if m}
    if len(products) != 1:
        return False
    ((factors, times),) = products.items()
    fits = times + margin.terms.get((), 0) >= 0
    return fits and len(factors) > 1 and all(Poly({(one,): 1}) in sizes for one in factors)


def input_sizes(graph: Graph, decided: Decided = MappingProxyType({})) -> InputSizes:
    """Return also the sizes with which no layer leaves positions of its input unread.

    Errors: NoFormula, as by `fitting_sizes`.
    """
    found = fitting_sizes(graph, decided=decided)
    read, exact = Requirements(kind="read"), Requirements(kind="exact")
    for node in graph.nodes:
        if node.op is not None:
            for condition in _unread(node.op, found.shapes[node.inputs[0]]):
                read.add(node.path, condition, False)
            for condition, equal in _inexact(node.op, found.shapes[node.inputs[0]]):
                exact.add(node.path, condition, equal)
    axes: dict[str, AxisSizes] = {}
    for symbol, fitting in found.axes.items():
        axes[symbol] = AxisSizes(
            symbol=symbol,
            fitting=fitting,
            read=fitting & read.of(symbol),
            exact=fitting & exact.of(symbol),
        )
    unsolved = [*found.unsolved, *read.unsolved, *exact.unsolved]
    return InputSizes(found.inputs, axes, unsolved, found.shapes)


class Requirements:
    """Collects conditions, and solves those on one symbol.

    Attributes:
        sets: the values of each symbol that meet them; without a set, all do.
        unsolved: conditions that are not about one symbol alone.
    """

    def __init__(self, work: int = MAX_WORK, kind: str = "fitting") -> None:
        self.sets: dict[str, SizeSet] = {}
        self.unsolved: list[Condition] = []
        self._kind = kind
        self._work = work  # residue classes that may still be looked at
        self._known: set[tuple[Num, bool]] = set()

    def of(self, symbol: str) -> SizeSet:
        """Return the values of a symbol that meet all conditions on it alone."""
        return self.sets.get(symbol, SizeSet.all())

    def add(self, path: str, margin: Num, equal: bool) -> None:
        """Add a condition of a layer: a margin that is 0 or more, or 0 if `equal`.

        Errors: NoFormula if there is too much to solve.
        """
        if not isinstance(margin, Poly):
            return
        if equal:
            margin = _without_common(margin)
        if (margin, equal) in self._known:
            return
        self._known.add((margin, equal))
        symbols = margin.symbols
        if not symbols:
            return
        try:
            (symbol,) = symbols
            solved = solution(margin, symbol, equal, max(self._work, 1))
        except (ValueError, NoFormula):  # several symbols, or one that is not linear in steps
            if len(symbols) == 1:
                self._spend(MAX_MODULUS)  # finding out may take as long as solving
            self.unsolved.append(Condition(path, margin, equal, self._kind))
            return
        known = self.of(symbol)
        self._spend(solved.modulus + lcm(solved.modulus, known.modulus))
        self.sets[symbol] = known & solved

    def decide(self, margin: Num, equal: bool, holds: bool) -> None:
        """Add that a condition on which layers there are comes out like this."""
        if holds:
            self.add("", margin, equal)
        elif not equal:
            self.add("", -margin - 1, False)
        else:
            self.unsolved.append(Condition("", margin, True, "unequal"))

    def _spend(self, classes: int) -> None:
        """Count residue classes as looked at."""
        self._work -= classes
        if self._work < 0:
            raise NoFormula("they repeat too rarely, and there are too many conditions on them")


def _without_common(margin: Poly) -> Poly:
    """Return what is 0 where a margin is: without the sizes by which all its terms are multiplied.

    Each size is 1 or more: 2·A·B − 4·A·C is 0 where B − 2·C is.
    """
    products = [list(atoms) for atoms in margin.terms]
    common: list[Any] = []
    for atom in products[0] if products else ():
        if all(atom in atoms for atoms in products):
            common.append(atom)
            for atoms in products:
                if atoms is not products[0]:
                    atoms.remove(atom)
    if not common or len(products) == 1:
        return margin
    for atom in common:
        products[0].remove(atom)
    return Poly({tuple(atoms): c for atoms, c in zip(products, margin.terms.values())})


def solution(margin: Poly, symbol: str, equal: bool, most: int = MAX_MODULUS) -> SizeSet:
    """Return the sizes at which a function of one symbol is 0 or more, or 0 if `equal`.

    Errors: NoFormula if it is not linear in steps, or repeats only after more than `most` sizes.
    """
    bounds = None if equal else _bounds(margin, symbol)
    if bounds is not None:
        return SizeSet([bounds])
    f = quasilinear(margin, symbol, min(most, MAX_MODULUS))
    return f.zero() if equal else f.positive_or_zero()


def _bounds(margin: Poly, symbol: str) -> Span | None:
    """Return the first and the last size at which a function is 0 or more.

    None unless it is k·⌊(a·N + b)/m⌋ + c or k·N + c, which only rises or only falls.
    """
    terms = [(atoms, factor) for atoms, factor in margin.terms.items() if atoms]
    if len(terms) != 1 or len(terms[0][0]) != 1:
        return None
    (atom,), k = terms[0]
    c = margin.terms.get((), 0)
    # The values v of the atom that are allowed: v ≥ ⌈−c/k⌉, or v ≤ ⌊c/−k⌋.
    limit = -(c // k) if k > 0 else c // -k
    if not isinstance(atom, Floor):
        return (max(limit, 1), None) if k > 0 else (1, limit)
    inner = {atoms: factor for atoms, factor in atom.p.terms.items() if atoms}
    a = inner.get((symbol,), 0)
    if len(inner) != 1 or a <= 0:
        return None
    b = atom.p.terms.get((), 0)
    if k > 0:
        return max(-((b - limit * atom.m) // a), 1), None
    return 1, ((limit + 1) * atom.m - 1 - b) // a


def quasilinear(size: Num, symbol: str, most: int = MAX_MODULUS) -> QuasiLinear:
    """Return a function of one symbol in the form that can be solved.

    Errors: NoFormula if it is not linear in steps, or repeats only after more than `most` sizes.
    """
    value = Poly.of(size).at(**{symbol: QuasiLinear.size(most)})
    return value if isinstance(value, QuasiLinear) else QuasiLinear(0, (value,))


def _unread(op: Op, x: Shape) -> Iterator[Num]:
    """Yield margins: how many more positions each window may leave at the end unread.

    Neither padding nor the usual gap between strided windows counts. `same` loses nothing else.
    """
    if isinstance(op, Sliding) and op.padding == "same":
        return
    for n, slide in zip(x[1:], op.slides(x)):
        if not slide.ceil:
            yield slide.passed_over - slide.rest(n)


def _inexact(op: Op, x: Shape) -> Iterator[tuple[Num, bool]]:
    """Yield the conditions that the last window ends at the edge of the padded input.

    `same` pads to the edge, unless its windows have gaps between them.
    """
    if isinstance(op, Sliding) and op.padding == "same":
        kernel, stride, dilation = op.geometry(len(x) - 1)
        for n, k, s, d in zip(x[1:], kernel, stride, dilation):
            yield (ceil_div(n, s) - 1) * s + d * (k - 1) + 1 - n, False
        return
    for n, slide in zip(x[1:], op.slides(x)):
        yield slide.rest(n), True
