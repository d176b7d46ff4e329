"""Writes which sizes of input a network takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice, takewhile
from math import lcm
from typing import TYPE_CHECKING, Any, TypeVar

from ..analysis.input_sizes import AxisSizes, Condition, InputSizes, quasilinear
from ..analysis.sizes import Near, Sizes, Wanted
from ..notation import plain, python
from ..num import NoFormula, Num, Shape
from ..poly import Poly
from ..size_set import SizeSet
from ..wording import DASH, shape_text, sizes_text
from .formats.json import Json, diagnostic_data, document
from .formats.table import BOLD, DIM, facts, grid, noted, stacked, text

if TYPE_CHECKING:
    from rich.console import Group, RenderableType
    from rich.table import Table
    from rich.text import Text

CUT, EXACT = "nothing cut off", "exact"
# words in JSON
_KINDS = {"fitting": "fitting", "read": "nothing_cut_off", "exact": "exact"}
_EXPLAINED = (
    "nothing cut off: no layer leaves pixels after its last window; exact: not even padding"
)
_EXAMPLES = 4  # sizes that are named
_MOST_CONDITIONS = 8  # conditions that are listed
_Facts = Iterator[tuple[str, "str | Text"]]


def table(found: Sizes, width: int) -> Group:
    """Write the sizes of each axis as a rule with examples, and the answers asked for."""
    sizes = found.found
    assert sizes is not None
    shapes = [shape_text(shape) for shape in sizes.inputs.values()]
    if len(shapes) > 1:
        shapes = [f"{name} {shape_text(shape)}" for name, shape in sizes.inputs.items()]
    head = text((found.name, BOLD), f"  input {', '.join(shapes)}")
    parts: list[RenderableType] = [head, text(), facts(_facts(found, sizes))]
    if found.listed:
        parts += [_list(found, group, found.listed) for group in _groups(sizes)]
    return stacked(*parts, text((_EXPLAINED if sizes.axes else "", DIM)))


def _facts(found: Sizes, sizes: InputSizes) -> _Facts:
    """Yield the rules, the output, and what was asked for."""
    if not sizes.axes:
        yield "sizes", "none to choose: the input is a vector"
        return
    yield "smallest", ", ".join(_smallest(sizes))
    for group in _groups(sizes):
        symbol = _symbol(group)
        fitting, read, exact = group[0].sets
        yield _names(group), _with_examples(fitting, symbol)
        yield f"  {CUT}", _unless_same(read, fitting, symbol)
        yield f"  {EXACT}", _unless_same(exact, read, symbol)
    if found.same_layers_as:
        shapes = ", ".join(map(shape_text, found.same_layers_as.values()))
        yield (
            "holds for",
            f"sizes that have the layers of {shapes}; others may fit with other layers",
        )
    for condition in sizes.unsolved[:_MOST_CONDITIONS]:
        label = {"read": f"also needed for {CUT}", "exact": f"also needed for {EXACT}"}
        where = f"at {condition.path}, not solved" if condition.path else "not solved"
        words = noted(condition_text(condition), where)
        yield label.get(condition.kind, "also needed"), words
    if len(sizes.unsolved) > _MOST_CONDITIONS:
        yield "also needed", f"{len(sizes.unsolved) - _MOST_CONDITIONS} more, in --format json"
    if found.layer:
        general, simple = _outputs(found.layer.shape, sizes)
        yield _layer_word(found), noted(general, f"at {found.layer.path}")
        if simple is not None:
            yield f"  {CUT}", simple
    for alike in _alike(found.wanted):
        yield f"{alike[0].size} from", _wanted_text(alike[0], _names(alike))
    for near in _alike(found.near):
        yield f"near {near[0].size}", _near_text(near[0], _names(near))


def _groups(sizes: InputSizes) -> list[list[AxisSizes]]:
    """Return the axes, those with the same sizes together."""
    return _alike(sizes.axes.values())


_Answer = TypeVar("_Answer", AxisSizes, Wanted, Near)


def _alike(answers: Iterable[_Answer]) -> list[list[_Answer]]:
    """Group answers that differ only in their symbol."""
    groups: list[list[_Answer]] = []
    for answer in answers:
        for group in groups:
            if group[0]._replace(symbol="") == answer._replace(symbol=""):
                group.append(answer)
                break
        else:
            groups.append([answer])
    return groups


def _names(group: Sequence[_Answer]) -> str:
    """Write which axes these are: ``H and W``."""
    *others, last = [axis.symbol for axis in group]
    return f"{', '.join(others)} and {last}" if others else last


def _symbol(group: list[AxisSizes]) -> str:
    """Return the symbol that a rule is about: N if it is about several."""
    return group[0].symbol if len(group) == 1 else "N"


def _smallest(sizes: InputSizes) -> Iterator[str]:
    """Yield the smallest shape of each input; a dash where there is none."""
    for shape in sizes.inputs.values():
        found = [sizes.axes[str(size)].fitting.smallest for size in shape[1:]]
        yield shape_text([shape[0], *(n or DASH for n in found)])


def _with_examples(sizes: SizeSet, symbol: str) -> str:
    """Write a rule, and the first sizes for which it holds."""
    rule = sizes_text(sizes, symbol)
    examples = [str(n) for n in islice(sizes.from_(1), _EXAMPLES + 1)]
    if len(examples) <= _EXAMPLES:
        return rule
    return f"{rule}: {', '.join(examples[:-1])}, …"


def _unless_same(sizes: SizeSet, before: SizeSet, symbol: str) -> str:
    return "the same" if sizes == before else _with_examples(sizes, symbol)


def condition_text(condition: Condition) -> str:
    """Write ``left_H = right_H``: terms that are subtracted go to the other side."""
    terms = Poly.of(condition.margin).terms
    more = Poly({m: c for m, c in terms.items() if c > 0})
    less = Poly({m: -c for m, c in terms.items() if c < 0})
    sign = "=" if condition.equal else "≥"
    return f"{more} {'≠' if condition.kind == 'unequal' else sign} {less}"


def _outputs(shape: Shape, sizes: InputSizes) -> tuple[str, str | None]:
    """Write a shape in symbols, and how it is simpler where nothing is cut off, if it is."""
    fitting = [_line(size, sizes, 0) or size for size in shape]
    read = [_line(size, sizes, 1) or size for size in shape]
    general, simple = factors(fitting), factors(read)
    return general, None if simple == general else simple


def _line(size: Num, sizes: InputSizes, which: int) -> str | None:
    """Write a size as a·N + b if that is right for all sizes of a set; else None."""
    if not isinstance(size, Poly) or len(size.symbols) != 1:
        return None
    (symbol,) = size.symbols
    try:
        line = quasilinear(size, symbol).line_on(sizes.axes[symbol].sets[which])
    except NoFormula:
        return None
    return None if line is None else _line_text(*line, symbol)


def _line_text(slope: Fraction, constant: Fraction, symbol: str) -> str:
    """Write ``(H + 31)/32``."""
    below = lcm(slope.denominator, constant.denominator)
    above = Poly.symbol(symbol) * int(slope * below) + int(constant * below)
    if below == 1:
        return str(above)
    return f"({above})/{below}" if " " in str(above) else f"{above}/{below}"


def factors(sizes: Sequence[Num]) -> str:
    """Write a shape with its formulas in brackets."""
    texts = [str(size) for size in sizes]
    return shape_text(f"({one})" if _is_compound(one) and len(texts) > 1 else one for one in texts)


def _is_compound(size: str) -> bool:
    """Return whether a formula has an operation outside all brackets."""
    depth = 0
    for character in size:
        depth += (character in "(⌊") - (character in ")⌋")
        if character in " ·/" and depth == 0:
            return True
    return False


def _layer_word(found: Sizes) -> str:
    """Return what the shown layer is: an output of the network, or an earlier map."""
    return "output" if found.layer and found.layer.is_output else "map"


def _wanted_text(wanted: Wanted, names: str) -> str:
    """Write which sizes give a wanted output, or else which outputs are possible."""
    if not wanted.inputs:
        nearest = [f"{output} from {n}" for output, n in wanted.nearest]
        return f"no {names}; possible: {', '.join(nearest) or 'none'}"
    text = sizes_text(wanted.inputs, names)
    if wanted.read == wanted.inputs:
        return text
    return f"{text}; {CUT}: {sizes_text(wanted.read, names) if wanted.read else 'none'}"


def _near_text(near: Near, names: str) -> str:
    """Write the sizes next to a given one."""
    fitting, read, exact = (_pair_text(*pair) for pair in near.pairs)
    return f"{names} = {fitting}; {CUT}: {read}; {EXACT}: {exact}"


def _pair_text(below: int | None, above: int | None) -> str:
    known = dict.fromkeys(str(n) for n in (below, above) if n is not None)
    return " or ".join(known) or "none"


def _list(found: Sizes, group: list[AxisSizes], ends: tuple[int, int]) -> Table:
    """Lay out every size of a range that fits, with the output it gives."""
    assert found.found is not None
    lines = grid(_names(group), "output", CUT, EXACT)
    axis = list(found.found.axes).index(group[0].symbol)
    fitting, read, exact = group[0].sets
    for n in takewhile(lambda n: n <= ends[1], fitting.from_(ends[0])):
        marks = ["yes" if n in kind else "" for kind in (read, exact)]
        lines.add_row(str(n), str(found.output(axis, n) or DASH), *marks)
    return lines


def json(found: Sizes) -> Json:
    """Write the sizes of each axis; `null` where the network has errors."""
    data: dict[str, Any] = {"name": found.name, "variant": found.variant, "file": found.file}
    if found.found is None:
        data["inputs"] = None
    else:
        data |= _data(found, found.found)
    return document({**data, "diagnostics": [diagnostic_data(d) for d in found.diagnostics]})


def _data(found: Sizes, sizes: InputSizes) -> dict[str, Any]:
    inputs = {
        name: {
            "channels": shape[0],
            "axes": [_axis_data(sizes.axes[str(size)], found.listed) for size in shape[1:]],
        }
        for name, shape in sizes.inputs.items()
    }
    return {
        "inputs": inputs,
        "same_layers_as": found.same_layers_as,
        "unsolved": [
            {
                "path": c.path,
                "margin": python(c.margin),
                "equal": c.equal,
                "for": _KINDS.get(c.kind, c.kind),
            }
            for c in sizes.unsolved
        ],
        "output": found.layer
        and {"path": found.layer.path, "shape": [plain(size) for size in found.layer.shape]},
        "wanted": [_wanted_data(wanted) for wanted in found.wanted],
        "near": [_near_data(near) for near in found.near],
    }


def _axis_data(axis: AxisSizes, listed: tuple[int, int] | None) -> dict[str, Any]:
    fitting, read, exact = map(_set_data, axis.sets)
    data = {"symbol": axis.symbol, **fitting, "nothing_cut_off": read, "exact": exact}
    if listed:
        first, last = listed
        data["listed"] = list(takewhile(lambda n: n <= last, axis.fitting.from_(first)))
    return data


def _set_data(sizes: SizeSet) -> dict[str, Any]:
    """Return a set: sizes from `start` on with the residues, and `others` before it."""
    pattern = sizes.pattern
    return {
        "smallest": sizes.smallest,
        "modulus": pattern.modulus,
        "residues": pattern.residues,
        "start": pattern.start,
        "others": pattern.early,
    }


def _wanted_data(wanted: Wanted) -> dict[str, Any]:
    nearest = [{"output": output, "input": n} for output, n in wanted.nearest]
    return {
        "symbol": wanted.symbol,
        "output": wanted.size,
        "inputs": _set_data(wanted.inputs),
        "nothing_cut_off": _set_data(wanted.read),
        "nearest": nearest,
    }


def _near_data(near: Near) -> dict[str, Any]:
    kinds = dict(zip(_KINDS.values(), near.pairs))
    return {"symbol": near.symbol, "size": near.size, **kinds}
