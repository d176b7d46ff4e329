"""What may be tried to mend a shape: by its code, edits of the layer that failed, of those that lead to it, and of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...diagnostic import Mistake
from ...graph import checked
from ...language.expression import ExpressionError
from ...language.values import evaluate
from ...language.write import value as in_yaml
from ...ops.base import named, units_of
from ...ops.sliding import Sliding
from . import yaml_edits as e
from .case import Candidate, Case
from .input_candidates import batch_axis, channels_first, grey_or_colour, other_sizes
from .join_candidates import joined, out_changed, padded


def candidates(case: Case, most: int) -> Iterator[Candidate]:
    """Edits to try, the nearest first."""
    yield from batch_axis(case)
    yield from channels_first(case)
    if case.fault.diagnostic.code == "CNN204":
        yield from as_expected(case)
    if pooling(case) and max(case.shapes[0][1:], default=0) == 1:  # there is nothing left to pool
        yield from dropped(case)
    yield from settings(case)
    for repair in REPAIRS.get(case.fault.diagnostic.code, ()):
        yield from repair(case)
    if case.fault.diagnostic.code in ("CNN204", "CNN206", "CNN207", "CNN208"):
        yield from other_sizes(case, most)
    if case.fault.diagnostic.code in ("CNN204", "CNN207") and keeps_size(case):
        yield Candidate("`padding: same`", case.setting("padding", "same"))
    if case.fault.diagnostic.code == "CNN207":
        yield from pool_dropped(case)


def settings(case: Case) -> Iterator[Candidate]:
    """What the operator says of its own fields."""
    for field, value in case.fault.diagnostic.settings:
        lost = field == "padding" and bool(
            units_of(case.shapes[0])
        )  # what is padded no longer broadcasts
        if (
            not (pooling(case) and field == "kernel") and not lost
        ):  # a pool that no longer pools is none
            yield Candidate(f"`{field}: {in_yaml(value)}`", case.setting(field, value))


def pooling(case: Case) -> bool:
    """Whether it is a pool that failed."""
    return isinstance(case.fault.op, Sliding) and case.fault.op.pool


def stand_in(case: Case) -> e.Edits:
    """A window that does not fit keeps its size over its stride, what changes the sizes behind it least. None where a repair must do."""
    op = case.fault.op
    if (
        not isinstance(op, Sliding)
        or op.ceil_mode
        or expected(case) is not None
        or not keeps_size(case)
    ):
        return None
    return case.setting("padding", "same")


def keeps_size(case: Case) -> bool:
    """Whether `padding: same` would leave something of the size, and of what broadcasts."""
    op, x = case.fault.op, case.shapes[0]
    return (
        isinstance(op, Sliding)
        and not units_of(x)
        and all(s <= max(n, 1) for n, s in zip(x[1:], op.geometry(len(x) - 1)[1]))
    )


def pool_dropped(case: Case) -> Iterator[Candidate]:
    """One pool less."""
    if pooling(case):
        yield from dropped(case)


def dropped(case: Case) -> Iterator[Candidate]:
    """Without the layer."""
    key = case.fault.step.key
    count = sum(node.step is not None and node.step.key == key for node in case.graph.nodes) + 1
    title = "drop this layer" + (f", the {ordinal(count)} {key}" if count > 1 else "")
    yield Candidate(title, e.layer_dropped(case.text, case.fault.step.marks), shape=False)


def ordinal(n: int) -> str:
    """``5th``."""
    return (
        f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"
    )


def flattened(case: Case) -> Iterator[Candidate]:
    """A map where a vector is due: flatten it, or pool it first."""
    if len(case.shapes[0]) > 1:
        yield Candidate(
            "`- flatten` before it", e.layer_before(case.text, case.fault.step.marks, "flatten")
        )
        pool, flat = (
            e.layer_before(case.text, case.fault.step.marks, layer)
            for layer in ("globalavgpool", "flatten")
        )
        before = case.graph.nodes[case.fault.inputs[0]].op
        if pool and flat and not (before and before.key.startswith("global")):
            yield Candidate(
                "`- globalavgpool` and `- flatten` before it",
                (pool[0]._replace(text=pool[0].text + flat[0].text),),
            )
        return
    node = case.graph.nodes[case.fault.inputs[0]]
    if node.op is not None and node.op.key == "flatten" and node.step is not None:
        yield Candidate(
            "drop the `flatten` before it", e.layer_dropped(case.text, node.step.marks), shape=False
        )


def more_channels(case: Case) -> Iterator[Candidate]:
    """Groups that do not divide: the nearest number of channels that they divide, here or in the layer before."""
    op = case.fault.op
    groups = getattr(op, "groups", None) or getattr(op, "factor", 1) ** 2
    if op is not None and hasattr(op, "out") and op.out % groups:
        yield Candidate(
            f"`out: {-(-op.out // groups) * groups}`",
            case.setting("out", -(-op.out // groups) * groups),
        )
    if case.shapes[0][0] % groups:
        yield from out_changed(case, 0, -(-case.shapes[0][0] // groups) * groups)


def as_expected(case: Case) -> Iterator[Candidate]:
    """One field of the layer set so that it comes out as expected, found with the operator alone."""
    op, wanted = case.fault.op, expected(case)
    if op is None or not wanted:
        return
    failed = case.fault.wanted is None  # it has no output that could be other than expected
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
    fields = op.fields()
    for field, values in tries:
        for value in values if field in fields else ():
            try:
                out = checked(
                    type(op)(**{**{key: getattr(op, key) for key in fields}, field: value}), xs
                )
            except (Mistake, ValueError):
                continue
            if len(out) == len(wanted) and all(w in ("_", m) for w, m in zip(wanted, out)):
                yield Candidate(f"`{field}: {in_yaml(value)}`", case.setting(field, value))
                break


def expected(case: Case) -> tuple[Any, ...] | None:
    """The shape that is expected of the layer, if it is known."""
    fault = case.fault
    if fault.wanted is not None or fault.step.expect is None:
        return fault.wanted
    try:
        return tuple(
            "_" if item == "_" else evaluate(item, fault.scope.values) for item in fault.step.expect
        )
    except (ExpressionError, Mistake):
        return None


def expectation(case: Case) -> Iterator[Candidate]:
    """What comes out as what is expected."""
    if case.fault.step.expect is not None:
        shape = case.graph.nodes[case.fault.inputs[0]].shape
        right = f"[{', '.join(map(str, shape))}]"
        yield Candidate(
            f"if {named(shape)} is right, `expect: {right}`",
            (case.fault.step.marks.find("expect").whole(right),),
            shape=False,
            restates=True,
        )


REPAIRS = {
    "CNN201": (flattened,),
    "CNN204": (pool_dropped,),
    "CNN205": (more_channels, grey_or_colour),
    "CNN206": (padded, joined),
    "CNN301": (as_expected, padded, expectation),
}  # by code, beside the settings that the operator names and other inputs
