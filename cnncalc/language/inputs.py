"""Inputs of a network: their shapes as written, and the shapes they take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..diagnostic import Diagnostic, Mistake, Position, misspelled
from ..num import Shape
from ..wording import shape_text
from .expression import ExpressionError
from .names import name_fault
from .reader import Reader
from .validation import shown
from .values import evaluate, expression_fault
from .yaml_tree import Marks

MAX_RANK, MAX_SIZE = 4, 10**9


def read_inputs(
    reader: Reader, data: Any, marks: Marks, names: frozenset[str]
) -> dict[str, tuple[Any, ...]]:
    """Prepare the shapes of the inputs, by name; `names` are those of parameters."""
    named = data if isinstance(data, dict) else {"input": data}
    inputs: dict[str, tuple[Any, ...]] = {}
    for name, shape in named.items():
        place = marks.find(name) if isinstance(data, dict) else marks
        if not isinstance(shape, list) or not 1 <= len(shape) <= MAX_RANK:
            reader.report(
                "CNN103",
                f"an input is [channels, *spatial] with one to four entries, not {shown(shape)}",
                place.position(reader.file),
                "input: [3, 224, 224]",
            )
            continue
        fault = name_fault(name) if name != "input" else None
        if fault:
            message = f"`{name}` is no name for an input"
            reader.report("CNN108", message, marks.key(reader.file, name), fault)
        inputs[name] = reader.prepared(shape, place, names)
    if not inputs and not reader.diagnostics:
        message = "a network has at least one input"
        reader.report("CNN103", message, marks.position(reader.file))
    return inputs


def input_shapes(
    inputs: Mapping[str, tuple[Any, ...]],
    params: dict[str, Any],
    given: Any,
    file: str,
    position: Position,
) -> dict[str, Shape]:
    """Return the shapes of the inputs, in which those `given` replace the ones written.

    `given` is a shape for the first input, or a mapping of names to shapes.

    Errors: a Mistake for an unknown name, an expression without a value, or an impossible shape.
    """
    try:
        shapes: dict[str, Shape] = {name: evaluate(s, params) for name, s in inputs.items()}
    except ExpressionError as error:
        raise Mistake(expression_fault(error, position, params)) from None
    written = dict(shapes)
    if isinstance(given, dict):
        shapes.update(given)
    elif given is not None:
        shapes[next(iter(shapes))] = tuple(given)
    for name, shape in shapes.items():
        if name not in inputs:
            fault = Diagnostic("CNN111", f"{file} has no input `{name}`")
            raise Mistake(misspelled(fault, name, inputs))
        if not _possible(shape):
            message = (
                "an input is one to four positive integers, [channels, *spatial], "
                f"not {shown(shape)}"
            )
            if given is None:
                raise Mistake(Diagnostic("CNN103", message, position))
            raise Mistake(Diagnostic("CNN111", message))
        if len(shape) != len(written[name]):
            raise Mistake(_another_rank(tuple(shape), written[name], file))
    return shapes


def _another_rank(given: Shape, own: Shape, file: str) -> Diagnostic:
    """Describe a given shape that has more or fewer entries than the one written, and the repair.

    Another rank is another network: layers without lists would accept it in silence.
    """
    message = (
        f"the input of {file} is {shape_text(own)}, of rank {len(own)}; "
        f"{shape_text(given)} has rank {len(given)}"
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
        if not isinstance(n, int) or isinstance(n, bool) or not 0 < n <= MAX_SIZE:
            return False
    return 1 <= len(shape) <= MAX_RANK


def suggest_channels_first(diagnostic: Diagnostic, inputs: Mapping[str, Shape]) -> Diagnostic:
    """Improve the help of a shape error where an input looks like [height, width, channels]."""
    if diagnostic.code[:4] != "CNN2" or diagnostic.severity != "error":
        return diagnostic
    for shape in inputs.values():
        if len(shape) == 3 and shape[2] in (1, 3) and min(shape[:2]) >= 16:
            likely = f"[{shape[2]}, {shape[0]}, {shape[1]}]"
            return diagnostic._replace(help=f"channels come first: did you mean {likely}?")
    return diagnostic
