"""Sums of products by Einstein's notation: products of matrices, or linear layers."""

from __future__ import annotations

from ...trace import Call, Ref, Weight
from ..axes import Group, Value
from ..layers import Unknown
from .draft import Draft
from .joins import multiplied
from .operators import multiplied_by_weight
from .reader import Reader


def _einsum(draft: Draft, call: Call) -> Value:
    """Return a sum of products of two tensors, or of one with a matrix of parameters."""
    terms, result = _parsed(str(call.arguments["equation"]))
    tensors = call.arguments["tensors"]
    if len(terms) != 2 or any(len({*term}) != len(term) for term in (*terms, result)):
        raise Unknown("it has not two factors, or a letter is there twice")
    left, right = tensors
    if isinstance(left, Weight) and isinstance(right, Ref):
        terms.reverse()
        left, right = right, left
    summed = [letter for letter in terms[0] if letter in terms[1] and letter not in result]
    if isinstance(right, Weight):
        return _linear(draft, call, terms, result, left, right)
    a, b = draft.of(left), draft.of(right)
    shared = [letter for letter in terms[0] if letter in terms[1] and letter in result]
    rows = [letter for letter in terms[0] if letter not in terms[1]]
    columns = [letter for letter in terms[1] if letter not in terms[0]]
    if not summed or {*rows, *columns} - {*result} or len(rows) != 1 or len(columns) != 1:
        raise Unknown("it is no product of matrices")
    dims = dict(zip(terms[0], a.dims)), dict(zip(terms[1], b.dims))
    first = Value(a.node, (*_of(shared, dims[0]), dims[0][rows[0]], _merged(summed, dims[0])))
    second = Value(b.node, (*_of(shared, dims[1]), _merged(summed, dims[1]), dims[1][columns[0]]))
    y = multiplied(draft, call, first, second)
    made = [*shared, *rows, *columns]
    return y.permuted([made.index(letter) for letter in result])


def _parsed(equation: str) -> tuple[list[str], str]:
    """Return the letters of each factor and of the result."""
    given, arrow, result = equation.replace(" ", "").partition("->")
    if not arrow or "." in equation:
        raise Unknown("its result is not given letter by letter")
    return given.split(","), result


def _of(letters: list[str], dims: dict[str, Group]) -> list[Group]:
    return [dims[letter] for letter in letters]


def _merged(letters: list[str], dims: dict[str, Group]) -> Group:
    return tuple(axis for letter in letters for axis in dims[letter])


def _linear(
    draft: Draft, call: Call, terms: list[str], result: str, ref: Ref, weight: Weight
) -> Value:
    """Return a linear layer along one axis, whose weight is a matrix."""
    summed = [letter for letter in terms[0] if letter not in result]
    new = [letter for letter in result if letter not in terms[0]]
    if len(summed) != 1 or len(new) != 1 or {*terms[1]} != {*summed, *new}:
        raise Unknown("it is no linear layer")
    kept = [letter for letter in terms[0] if letter in result]
    matrix = weight
    if terms[1][0] == new[0]:  # a row for each new value
        matrix = weight._replace(sizes=weight.sizes[::-1])
    order = [terms[0].index(letter) for letter in (*kept, summed[0])]
    made = [*kept, *new]
    sizes = call.sizes[0]
    moved = tuple(sizes[result.index(letter)] for letter in made)
    arguments = {"self": ref, "other": matrix}
    product = call._replace(name="matmul", arguments=arguments, sizes=(moved,))
    y = multiplied_by_weight(draft, product, draft.of(ref).permuted(order))
    return y.permuted([made.index(letter) for letter in result])


READERS = {
    "einsum": Reader(_einsum, "`matmul` of two tensors; `linear` for a matrix of parameters"),
}
