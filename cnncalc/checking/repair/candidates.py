"""Proposes candidates to repair a wrong shape, by the code of the finding.

They are edits of the layer that failed, of the layers that lead to it, and of the input.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from ...diagnostic import Mistake
from ...graph import checked
from ...language.expression_limits import ExpressionError
from ...language.values import evaluate
from ...language.yaml_flow import in_yaml
from ...num import product
from ...ops.shapes import units_of
from ...wording import shape_text
from . import yaml_edits as e
from .case import Candidate, Case
from .earlier_layers import same_scale
from .input_candidates import batch_axis, channels_first, grey_or_colour
from .input_sizes import other_sizes
from .join_candidates import equal_branches, other_channels, restored_border


def candidates(case: Case) -> Iterator[Candidate]:
    """Yield the edits to try, the most likely first."""
    yield from batch_axis(case)
    yield from channels_first(case)
    if case.fault.diagnostic.code == "CNN204":
        yield from _as_expected(case)
    yield from _settings(case)
    code = case.fault.diagnostic.code
    if code == "CNN206" and same_scale(case, range(len(case.shapes))):
        yield from other_sizes(case)
    for repair in _BY_CODE.get(code, ()):
        yield from repair(case)
    if code in ("CNN204", "CNN207", "CNN208"):
        yield from other_sizes(case)
    if case.fault.diagnostic.code in ("CNN204", "CNN207") and _keeps_size(case):
        yield Candidate("`padding: same`", case.setting("padding", "same"))
    if case.fault.diagnostic.code == "CNN207":
        yield from _without_pool(case)


def _settings(case: Case) -> Iterator[Candidate]:
    """Set a field to the value that the operator proposes for it."""
    for field, value in case.fault.diagnostic.settings:
        if field == "kernel" and _is_pool(case):
            continue  # it would no longer pool
        if field == "padding" and units_of(case.shapes[0]):
            continue  # a padded axis is no longer broadcast
        if field == "padding" and _only_same_keeps_size(case, value):
            yield Candidate("`padding: same`", case.setting("padding", "same"))
        yield Candidate(f"`{field}: {in_yaml(value)}`", case.setting(field, value))


def _is_pool(case: Case) -> bool:
    """Return whether the layer that failed is a pool."""
    return case.fault.op is not None and case.fault.op.pool


def same_padding(case: Case) -> e.Edits:
    """Return edits that set `padding: same`; None if only a real repair is of use.

    With it, the output size depends only on the stride, so that later sizes change little.
    """
    if getattr(case.fault.op, "ceil_mode", False) or _expected_shape(case) is not None:
        return None
    return case.setting("padding", "same") if _keeps_size(case) else None


def _keeps_size(case: Case) -> bool:
    """Return whether `padding: same` gives sizes of at least 1 and pads no broadcast axis."""
    op, x = case.fault.op, case.shapes[0]
    slides = op.slides(*case.shapes) if op is not None and not units_of(x) else ()
    if not slides:
        return False
    return all(slide.stride <= max(n, 1) for n, slide in zip(x[1:], slides))


def _only_same_keeps_size(case: Case, padding: Any) -> bool:
    """Return whether a convolution at stride 1 would change its size with this padding."""
    op, x = case.fault.op, case.shapes[0]
    if op is None or op.pool or not _keeps_size(case):
        return False
    if {slide.stride for slide in op.slides(x)} != {1}:
        return False
    try:
        padded = op.changed(padding=padding)
    except ValidationError:  # more than the field takes
        return False
    return bool(padded.shape(x)[1:] != x[1:])


def _without_pool(case: Case) -> Iterator[Candidate]:
    """Remove the layer if it is a pool."""
    if _is_pool(case):
        yield from _without_layer(case)


def _without_layer(case: Case) -> Iterator[Candidate]:
    """Remove the layer."""
    key = case.fault.step.key
    written = case.expansion.written
    count = sum(source is not None and source[0].key == key for source in written) + 1
    title = "drop this layer" + (f", the {_ordinal(count)} {key}" if count > 1 else "")
    edits = e.layer_dropped(case.text, case.fault.step.marks)
    yield Candidate(title, edits, shape=False, drops=True)


def _ordinal(n: int) -> str:
    """Write an ordinal number: ``5th``."""
    if n % 100 in (11, 12, 13):
        return f"{n}th"
    return f"{n}{({1: 'st', 2: 'nd', 3: 'rd'}).get(n % 10, 'th')}"


def _flattened(case: Case) -> Iterator[Candidate]:
    """Flatten a map where a vector is needed, or pool it first."""
    n = case.fault.inputs[0]
    if case.graph.nodes[n].integers:
        return  # only an embedding reads it
    if len(case.shapes[0]) > 1:
        marks = case.fault.step.marks
        flat = e.layer_before(case.text, marks, "flatten")
        pool = e.layer_before(case.text, marks, "globalavgpool")
        yield Candidate("`- flatten` before it", flat)
        if pool and flat and product(case.shapes[0][1:]) > 1:
            yield Candidate(
                "`- globalavgpool` and `- flatten` before it",
                (pool[0]._replace(text=pool[0].text + flat[0].text),),
            )
        return
    op, source = case.graph.nodes[n].op, case.expansion.written[n]
    before = case.graph.nodes[n].inputs
    was_map = any(len(case.graph.nodes[m].shape) > 1 for m in before)
    if op is not None and source is not None and was_map:
        title = f"drop the `{op.key}` before it"
        edits = e.layer_dropped(case.text, source[0].marks)
        yield Candidate(title, edits, shape=False, drops=True)


def _more_channels(case: Case) -> Iterator[Candidate]:
    """Round the channels up to a multiple of the groups, here or in the layer before."""
    op = case.fault.op
    if op is None:
        return
    multiple = op.channel_multiple
    if hasattr(op, "out") and op.out % multiple:
        out = -(-op.out // multiple) * multiple
        yield Candidate(f"`out: {out}`", case.setting("out", out))
    channels = case.shapes[0][0]
    if channels % multiple:
        yield from other_channels(case, 0, -(-channels // multiple) * multiple)


def _as_expected(case: Case) -> Iterator[Candidate]:
    """Set one field so that the output is as expected; values are tried on the operator alone."""
    op, wanted = case.fault.op, _expected_shape(case)
    if op is None or not wanted:
        return
    failed = case.fault.wanted is None  # there is no output; else, it is not the expected one
    nodes = case.graph.nodes
    xs = case.shapes if failed else [nodes[m].shape for m in nodes[case.fault.inputs[0]].inputs]
    channels = getattr(op, "out", None) if failed else nodes[case.fault.inputs[0]].shape[0]
    tries: list[tuple[str, Any]] = [
        ("padding", range(16)),
        ("stride", range(1, 5)),
        ("kernel", range(1, 12)),
        ("size", [list(wanted[1:])]),
    ]
    if wanted[0] not in ("_", channels, None):
        tries = [("out", [wanted[0]])]
    given = {name: getattr(op, name) for name in op.fields()}
    for field, values in tries:
        for value in values if field in given else ():
            try:
                out = checked(type(op)(**{**given, field: value}), xs)
            except (Mistake, ValueError):
                continue
            if len(out) == len(wanted) and all(w in ("_", m) for w, m in zip(wanted, out)):
                yield Candidate(f"`{field}: {in_yaml(value)}`", case.setting(field, value))
                break


def _expected_shape(case: Case) -> tuple[Any, ...] | None:
    """Return the shape that `expect` states for the layer, if it is known."""
    fault = case.fault
    if fault.wanted is not None or fault.step.expect is None:
        return fault.wanted
    values = fault.scope.values
    try:
        return tuple(item if item == "_" else evaluate(item, values) for item in fault.step.expect)
    except (ExpressionError, Mistake):
        return None


def _changed_expectation(case: Case) -> Iterator[Candidate]:
    """Change the expected shape to the one that the layer has."""
    if case.fault.step.expect is not None:
        shape = case.graph.nodes[case.fault.inputs[0]].shape
        right = f"[{', '.join(map(str, shape))}]"
        yield Candidate(
            f"if {shape_text(shape)} is right, write `expect: {right}`",
            (case.fault.step.marks.find("expect").whole(right),),
            shape=False,
            restates=True,
        )


_BY_CODE = {  # in addition to settings that the operator proposes, and to other inputs
    "CNN201": (_flattened,),
    "CNN204": (_without_pool,),
    "CNN205": (_more_channels, grey_or_colour),
    "CNN206": (restored_border, equal_branches),
    "CNN301": (_as_expected, restored_border, _changed_expectation),
}
