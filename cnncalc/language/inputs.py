"""Reads the inputs of a network: their shapes as written, and their values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..num import Open, Shape
from ..wording import shape_text
from .expression_limits import ExpressionError
from .names import name_fault
from .parameters import as_written
from .reader import Reader
from .validation import shown
from .values import evaluate, expression_fault
from .yaml_tree import Marks

if TYPE_CHECKING:
    from ..poly import Poly

MAX_RANK, MAX_SIZE = 4, 10**9
OPEN = "_"  # a spatial size that the spec leaves open
AXES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}  # by the number of spatial axes
INTEGER = "integer"  # the type of an input, where it is not that of the network
INPUT_KEYS = ("shape", "dtype")  # of an input that has more than a shape


class Inputs(NamedTuple):
    """The inputs as written: their shapes by name, prepared, and the names of those of integers."""

    shapes: dict[str, tuple[Any, ...]]
    integers: frozenset[str]


def read_inputs(reader: Reader, data: Any, marks: Marks, names: frozenset[str]) -> Inputs:
    """Prepare the shapes of the inputs, by name; `names` are the names of parameters."""
    is_one = not isinstance(data, dict) or isinstance(data.get("dtype"), str)
    named = {"input": data} if is_one else data
    inputs: dict[str, tuple[Any, ...]] = {}
    integers: set[str] = set()
    for name, shape in named.items():
        place = marks if is_one else marks.find(name)
        if isinstance(shape, dict):
            if not _typed(reader, shape, place):
                continue
            integers.add(name)
            shape, place = shape["shape"], place.find("shape")
        if not isinstance(shape, list) or not 1 <= len(shape) <= MAX_RANK:
            reader.report(
                "CNN103",
                f"an input is [channels, *spatial] with one to four entries, not {shown(shape)}",
                place.position(reader.file),
                "write `input: [3, 224, 224]`",
            )
            continue
        fault = name_fault(name) if name != "input" else None
        if fault:
            message = f"`{name}` cannot be the name of an input"
            reader.report("CNN108", message, marks.key(reader.file, name), fault)
        inputs[name] = reader.prepared(shape, place, names, frozenset([OPEN]))
        if inputs[name][0] == OPEN:
            reader.report(
                "CNN103",
                "the channels of an input cannot be left open",
                place.find(0).position(reader.file),
                "write the number of channels, as in `input: [3, _, _]`",
            )
    if not inputs and not reader.diagnostics:
        message = "a network needs at least one input"
        reader.report("CNN103", message, marks.position(reader.file))
    return Inputs(inputs, frozenset(integers))


def _typed(reader: Reader, written: dict[str, Any], marks: Marks) -> bool:
    """Return whether an input that is a mapping has a shape, and a type; report what is wrong."""
    before = reader.errors
    for key in written:
        if key not in INPUT_KEYS:
            fault = Diagnostic(
                "CNN101", f"unknown key `{key}` of an input", marks.key(reader.file, key)
            )
            reader.add(misspelled(fault, key, INPUT_KEYS))
    place = marks.position(reader.file)
    missing = [key for key in INPUT_KEYS if key not in written]
    if missing:
        message = f"an input that is a mapping needs `{missing[0]}`"
        help = "write `{shape: [12], dtype: integer}`, or the shape alone for other numbers"
        reader.report("CNN102", message, place, help)
    elif written["dtype"] != INTEGER:
        message = f"the `dtype` of an input is `{INTEGER}`, not {shown(written['dtype'])}"
        help = "write the shape alone: other inputs have the type that --dtype gives"
        reader.report("CNN103", message, marks.find("dtype").position(reader.file), help)
    return reader.errors == before


def input_shapes(
    inputs: Mapping[str, tuple[Any, ...]],
    params: dict[str, Any],
    given: Any,
    file: str,
    position: Position,
) -> dict[str, Shape]:
    """Return the shapes of the inputs; those `given` replace the ones in the spec.

    `given` is a shape for the first input, or a mapping of names to shapes. An entry of None stays
    as it is written.

    Errors: a Mistake for an unknown name, an expression without a value, an impossible shape, or
    a size that stays open.
    """
    written = _written_shapes(inputs, params, position)
    shapes = _replaced(written, given)
    for name, shape in shapes.items():
        if name not in inputs:
            fault = Diagnostic("CNN111", f"{file} has no input `{name}`")
            raise Mistake(misspelled(fault, name, inputs))
        if OPEN in shape[1:]:
            raise Mistake(_left_open(name, shape, len(inputs) > 1, position))
        if not _possible(shape):
            if given is None:
                raise Mistake(Diagnostic("CNN103", _accepted(shape), position))
            raise Mistake(Diagnostic("CNN111", _accepted(shape)))
        if len(shape) != len(written[name]):
            raise Mistake(_another_rank(tuple(shape), written[name], file))
    return shapes


def symbolic_shapes(
    inputs: Mapping[str, tuple[Any, ...]],
    params: dict[str, Any],
    given: Any,
    symbols: Mapping[str, Poly] | None,
    file: str,
    position: Position,
) -> dict[str, Shape]:
    """Return the shapes of the inputs with symbols for spatial sizes.

    Each size is a symbol, or only those in `symbols`, by their names in `with_symbols`. Shapes that
    are `given` replace the ones in the spec.

    Errors: a Mistake as for `input_shapes`.
    """
    written = _written_shapes(inputs, params, position)
    named = with_symbols(written)
    shapes = named
    if symbols is not None:
        shapes = {}
        for name, shape in _replaced(written, given).items():
            sizes = zip(named.get(name, shape)[1:], shape[1:])
            shapes[name] = (*shape[:1], *(symbols.get(str(axis), n) for axis, n in sizes))
    numbers = {
        name: tuple(1 if isinstance(n, Open) else n for n in shape)
        for name, shape in shapes.items()
    }
    input_shapes(inputs, params, numbers, file, position)  # for what is wrong with them
    return shapes


def _replaced(written: Mapping[str, Shape], given: Any) -> dict[str, Shape]:
    """Return the shapes of the inputs, those `given` instead of those written."""
    shapes = dict(written)
    if isinstance(given, Mapping):
        shapes.update({name: _filled(shape, shapes.get(name)) for name, shape in given.items()})
    elif given is not None:
        first = next(iter(shapes))
        shapes[first] = _filled(given, shapes[first])
    return shapes


def with_symbols(shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    """Return shapes with a symbol for each spatial size: (3, H, W).

    If there are several inputs, the name of a symbol begins with that of its input: `left_H`.
    """
    from ..poly import Poly  # only for questions about all sizes

    found: dict[str, Shape] = {}
    for name, shape in shapes.items():
        prefix = f"{name}_" if len(shapes) > 1 else ""
        axes = AXES.get(len(shape) - 1, ())
        found[name] = (shape[0], *(Poly.symbol(prefix + axis) for axis in axes))
    return found


def _written_shapes(
    inputs: Mapping[str, tuple[Any, ...]], params: dict[str, Any], position: Position
) -> dict[str, Shape]:
    """Return the values of the shapes as written."""
    try:
        return {name: evaluate(shape, params) for name, shape in inputs.items()}
    except ExpressionError as error:
        raise Mistake(expression_fault(error, position, params)) from None


def _left_open(name: str, shape: Shape, named: bool, position: Position) -> Diagnostic:
    """Describe an input whose sizes are left open where numbers are needed."""
    example = "x".join(str(224 if n == OPEN else n) for n in shape)
    return Diagnostic(
        "CNN117",
        f"the input {shape_text(shape)} leaves sizes open",
        position,
        f"give them, as in `--input {f'{name}=' if named else ''}{example}`; `cnncalc sizes` tells"
        " which sizes the network takes",
    )


def _filled(given: Any, written: Shape | None) -> Shape:
    """Return a given shape as a tuple; entries of None are those of the written one.

    Errors: a Mistake if it is not a sequence.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise Mistake(Diagnostic("CNN111", _accepted(given)))
    shape = tuple([_entry(n) for n in given])
    if written is None or len(shape) != len(written):
        return shape
    return tuple(own if n is None else n for n, own in zip(shape, written))


def _entry(n: Any) -> Any:
    """Return an entry of a given shape; numbers of numpy become plain ones."""
    return n if n is None or isinstance(n, float) else as_written(n)


def _accepted(given: Any) -> str:
    what = "an input is one to four positive integers, [channels, *spatial]"
    return f"{what}, not {shown(given)}"


def _another_rank(given: Shape, own: Shape, file: str) -> Diagnostic:
    """Describe a given shape that has more or fewer entries than the one in the spec.

    Another rank is another network, and layers without lists would accept it silently.
    """
    message = (
        f"the input of {file} has rank {len(own)} ({shape_text(own)}); "
        f"the given shape {shape_text(given)} has rank {len(given)}"
    )
    batch, meant = None, own
    if len(given) == 1 < len(own):
        meant = (own[0], *given * (len(own) - 1))
    elif len(given) == len(own) - 1:
        has_channels = given[0] == own[0]
        meant = (*given, given[-1]) if has_channels else (own[0], *given)
    elif len(given) == len(own) + 1:
        batch, meant = given[0], given[1:]
    text = "x".join(map(str, meant))
    if batch is None:
        return Diagnostic("CNN111", message, help=f"channels come first: `{text}`")
    help = f"shapes have no batch axis: `{text}`"
    return Diagnostic("CNN111", message, help=help if batch == 1 else f"{help}, at batch {batch}")


def _possible(shape: Shape) -> bool:
    for n in shape:
        if not isinstance(n, (int, Open)) or isinstance(n, bool) or not 0 < n <= MAX_SIZE:
            return False
    return 1 <= len(shape) <= MAX_RANK


def suggest_channels_first(diagnostic: Diagnostic, inputs: Mapping[str, Shape]) -> Diagnostic:
    """Improve the help of a shape error if an input looks like [height, width, channels]."""
    if diagnostic.code[:4] != "CNN2" or diagnostic.severity != "error":
        return diagnostic
    for shape in inputs.values():
        if len(shape) == 3 and shape[2] in (1, 3) and min(shape[:2]) >= 16:
            likely = f"[{shape[2]}, {shape[0]}, {shape[1]}]"
            return diagnostic._replace(help=f"channels come first: did you mean {likely}?")
    return diagnostic
