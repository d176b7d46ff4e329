"""Explains receptive fields: how size, jump and centre follow from the layer before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..graph import Node
from ..window import Field, InARow, Listed, Map, Unknown
from ..wording import DASH, axes_text
from .field_following import START
from .receptive_field import ReceptiveField
from .result import Report, Row


class Quantity(NamedTuple):
    """One quantity: its name and how it is computed."""

    what: str
    how: str


def field_arithmetic(report: Report, node: Node, row: Row) -> list[Quantity]:
    """Return the field on each input of the network that the layer sees, or why there is none."""
    if not row.receptive_fields:
        vector = "a vector" if len(row.output_shape) == 1 else "the input is a vector: it"
        return [Quantity("field", f"{DASH} ({vector} has no positions)")]
    lines = []
    for seen in row.receptive_fields:
        of = f"{seen.of}: " if len(row.receptive_fields) > 1 else ""
        lines += [Quantity(what, of + how) for what, how in _field(report, node, row, seen)]
    return lines


def _field(report: Report, node: Node, row: Row, seen: ReceptiveField) -> Iterator[Quantity]:
    """Yield size, jump and centre, or that axes are whole or not followed."""
    if seen.whole:
        yield Quantity("field", "the whole input")
        return
    if not seen.measured:
        words: dict[Any, str] = {"all": "the whole axis", None: f"not followed: {seen.unknown}"}
        axes = (words.get(size, str(size)) for size in seen.size)
        yield Quantity("field", ", ".join(dict.fromkeys(axes)))
        return
    plain = Along(
        numbers_text(seen.size),
        axes_text(seen.stride, "varies"),
        numbers_text(tuple(float(c or 0) for c in seen.centre)),
    )
    size, jump, centre = _window_arithmetic(report, node, row, seen, plain) or plain
    clipped = f", of which the input holds {numbers_text(seen.clipped)}"
    yield Quantity("field", _FIELD * ("=" in size) + size + clipped * (seen.clipped != seen.size))
    yield Quantity("jump", _JUMP * ("=" in jump) + jump)
    average = " on average" if any(_take_turns(field) for field in seen.fields) else ""
    padding = numbers_text(seen.padding)
    yield Quantity("centre", f"{centre}{average}, for the first output; padding {padding}")


_FIELD = "previous field + (k − 1)·jump = "
_JUMP = "previous jump·stride = "


def _take_turns(field: Field | Listed | None) -> bool:
    """Return whether a field repeats in a pattern, so that its centre is a mean."""
    return isinstance(field, Field) and len(field.spans) > 1


class Along(NamedTuple):
    """How size, jump and first centre of a field are computed."""

    size: str
    jump: str
    centre: str


def numbers_text(values: tuple[Any, ...]) -> str:
    """Return one value if all axes are equal, otherwise one each; decimals are short."""
    texts = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    return texts[0] if len(set(texts)) == 1 else "×".join(texts)


def _window_arithmetic(
    report: Report, node: Node, row: Row, seen: ReceptiveField, plain: Along
) -> Along | None:
    """Return how the field follows from that of the layer before: ``11 + (3 − 1)·4 = 19`` per axis.

    Sizes that differ between axes are listed; jump and centre then stay `plain`. None if it is
    not one plain window: after upsampling, fields repeat in phases, and many layers do not enlarge
    or move them.
    """
    assert node.op is not None
    reach = node.op.window(*report.graph.shapes_into(node))[0]
    before = report.row(row.inputs[0])
    if len(node.inputs) != 1 or not reach or not seen.moves:
        return None
    below_all: tuple[Any, ...] = (START,) * len(seen.fields)
    if before is not None:
        if before.receptive_field is None:
            return None
        below_all = before.receptive_field.fields
    axes, maps = [], []
    for axis, (step, after) in enumerate(zip(reach, seen.fields)):
        below = below_all[axis]
        if step is None or isinstance(step, (Unknown, InARow)):
            return None
        if not isinstance(below, Field) or not isinstance(after, Field):
            return None
        if step[0] != axis or len(step[1].taps) != 1 or len(below.spans) != 1:
            return None
        axes.append(along(step[1], below, after))
        maps.append(step[1])
    if all(reads.advance == 1 and len(reads.taps[0]) == 1 for reads in maps):
        return None
    sizes, strides, centres = (list(dict.fromkeys(texts)) for texts in zip(*axes))
    return Along(
        "; ".join(sizes) if any("=" in size for size in sizes) else plain.size,
        strides[0] if len(strides) == 1 else plain.jump,
        centres[0] if len(centres) == 1 else plain.centre,
    )


def along(reads: Map, below: Field, after: Field) -> Along:
    """Return the arithmetic of one window along an axis.

    size   = previous size + (kernel − 1)·jump
    jump   = previous jump·stride of the window
    centre = previous centre + ((kernel − 1)/2 − padding)·jump

    The jump on the right is the previous one: how far apart what neighbouring positions see is.
    """
    taps = reads.taps[0]
    kernel, padding, step = taps[-1] - taps[0] + 1, -taps[0], below.stride
    size, centre = str(after.size), f"{float(after.centre):g}"
    if kernel > 1:
        size = f"{below.size} + ({kernel} − 1)·{step} = {after.size}"
    if kernel > 1 or padding:
        sign, half = "+" if padding < 0 else "−", f"{(kernel - 1) / 2:g}"
        moved = f"({half} {sign} {abs(padding)})·{step}"
        centre = f"{float(below.centre):g} + {moved} = {centre}"
    return Along(size, f"{step}·{reads.advance} = {after.stride}", centre)
