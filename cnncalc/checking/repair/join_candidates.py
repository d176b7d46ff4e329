"""Repairs of joins whose branches differ: pad what lost its border, project, crop, or give other channels."""

from __future__ import annotations

from collections.abc import Iterator

from ...language.expand import Scope
from ...language.expression import Expression
from ...language.steps import Step
from ...language.write import Word
from ...language.write import value as in_yaml
from ...num import Shape
from ...ops.join import Concat
from ...ops.sliding import Sliding
from . import yaml_edits as e
from .case import FAR, Candidate, Case


def joined(case: Case) -> Iterator[Candidate]:
    """Branches that differ: give them the same channels and sizes, project, crop or widen one of them."""
    step, shapes = case.fault.step, case.shapes
    if len({len(x) for x in shapes}) > 1:
        return
    longest = max(range(len(shapes)), key=lambda n: len(layers_of(step, n)))
    for n, shape in enumerate(shapes):
        if n == longest or shape == shapes[longest]:
            continue
        yield from by_name(case, n, shapes[longest])
        yield from by_name(case, longest, shape)
        if step.op is not Concat:
            yield from projected(case, n, shape, shapes[longest], longest)
        yield from resampled(case, n, shape, shapes[longest])
        yield from resampled(case, longest, shapes[longest], shape)
        yield from cropped(case, n, shape, shapes[longest], longest)
        yield from out_changed(case, longest, shape[0])
        yield from out_changed(case, n, shapes[longest][0])


def by_name(case: Case, n: int, wanted: Shape) -> Iterator[Candidate]:
    """A number in the last layer of a branch that should have been a parameter of the block it stands in."""
    if case.shapes[n][1:] != wanted[1:] or case.fault.step.op is Concat:
        return
    m = producer(case, n)
    node = case.graph.nodes[m] if m is not None else None
    if node is None or node.step is None or node.scope is None:
        return
    for step, scope, field in written_at(node.step, node.scope, "out"):
        value = step.body.get(field)
        block = scope.block
        params = (
            case.spec.blocks[block.step.key].params
            if block is not None and block.step is not None and type(value) is int
            else ()
        )
        for name in [name for name in params if scope.values.get(name) == wanted[0]][:2]:
            yield Candidate(
                f"`{field}: {name}` at `{node.path}`",
                e.field_set(case.text, step, field, Word(name)),
            )


def written_at(step: Step, scope: Scope, field: str) -> Iterator[tuple[Step, Scope, str]]:
    """Where a field gets its value: in the layer, or in the uses of the blocks around it, if it is a parameter there."""
    while True:
        yield step, scope, field
        value = step.body.get(field)
        name = value.text.strip() if isinstance(value, Expression) else ""
        inner = scope.block
        if (
            inner is None
            or inner.step is None
            or inner.parent is None
            or name not in inner.values
            or not name.isidentifier()
        ):
            return
        step, scope, field = inner.step, inner.parent, name


def resampled(case: Case, n: int, shape: Shape, wanted: Shape) -> Iterator[Candidate]:
    """Another stride, kernel or scale in a branch, where that brings it to the other one's size."""
    if len(shape) < 2 or len(shape) != len(wanted) or shape[1:] == wanted[1:]:
        return
    a, b = shape[1], wanted[1]
    for m in leading(case, (case.fault.inputs[n],))[:6]:
        op = case.graph.nodes[m].op
        path = case.graph.nodes[m].path
        if (
            isinstance(op, Sliding)
            and a < b
            and op.geometry(len(shape) - 1)[1][0] == -(-b // a) > 1
        ):
            yield Candidate(f"`stride: 1` at `{path}`", case.setting("stride", 1, m))
        if (
            isinstance(op, Sliding)
            and not op.pool
            and a > b
            and op.geometry(len(shape) - 1)[1][0] == 1
            and max(op.geometry(len(shape) - 1)[0]) > 1
        ):
            node = case.graph.nodes[m]
            names = [
                name
                for name, number in (node.scope.values if node.scope else {}).items()
                if number == -(-a // b) and type(number) is int
            ]
            for value in [*map(Word, names[:1]), -(-a // b)]:
                yield Candidate(f"`stride: {value}` at `{path}`", case.setting("stride", value, m))
        if op is not None and op.key == "conv_transpose" and a != b:
            yield Candidate(
                f"`kernel: {getattr(op, 'stride', 2)}` at `{path}`",
                case.setting("kernel", getattr(op, "stride", 2), m),
            )
        if op is not None and op.key == "upsample":
            before = case.graph.nodes[case.graph.nodes[m].inputs[0]].shape
            yield Candidate(
                f"`scale: {b // before[1]}` at `{path}`",
                case.setting("scale", b // before[1], m) if b % before[1] == 0 else None,
            )


def projected(case: Case, n: int, shape: Shape, wanted: Shape, longest: int) -> Iterator[Candidate]:
    """A 1×1 convolution on the branch, with the stride that brings its size down; written as the longest branch is, if it can."""
    strides = {-(-a // b) for a, b in zip(shape[1:], wanted[1:])}
    if len(strides) > 1 or any(a < b for a, b in zip(shape[1:], wanted[1:])) or len(shape) < 2:
        return
    stride = str(strides.pop())
    outs, steps = (
        [written(case, longest, "out"), str(wanted[0])],
        [written(case, longest, "stride"), stride],
    )
    for out, step in ((outs[0], steps[0]), (outs[0], stride), (outs[1], stride)):
        if out and step:
            layer = f"conv: {{out: {out}, kernel: 1{f', stride: {step}' if step != '1' else ''}}}"
            if (
                out.isidentifier()
                and step.isidentifier()
                and case.fault.step.branches
                and not layers_of(case.fault.step, n)
            ):
                when = f"{step} > 1 or c != {out}"  # where it is not needed, the identity stays
                name = list(case.fault.step.branches)[n]
                line = f"{{{layer}, when: {when}}}"
                yield Candidate(
                    f"`{layer}` with `when: {when}` on branch `{name}`",
                    e.layer_after(case.text, case.fault.step.body_marks.find(name), line),
                )
            yield from branch_extended(case, n, layer, "projected")


def cropped(case: Case, n: int, shape: Shape, wanted: Shape, longest: int) -> Iterator[Candidate]:
    """The middle of the larger branch."""
    larger, smaller = (n, longest) if shape[1:] > wanted[1:] else (longest, n)
    sizes = case.shapes[smaller][1:]
    if shape[1:] == wanted[1:] or any(a < b for a, b in zip(case.shapes[larger][1:], sizes)):
        return
    like = case.fault.step.sources[smaller] if case.fault.step.sources else None
    layer = f"crop: {{like: {like}}}" if like else f"crop: {{size: {in_yaml(list(sizes))}}}"
    yield from branch_extended(case, larger, layer, "cropped")
    node = case.graph.nodes[case.fault.inputs[smaller]]
    if node.op is not None and node.op.key == "conv_transpose" and node.step is not None:
        yield Candidate(
            f"`output_padding: 1` at `{node.path}`",
            case.setting("output_padding", 1, case.fault.inputs[smaller]),
        )


def branch_extended(case: Case, n: int, layer: str, word: str) -> Iterator[Candidate]:
    """A layer put at the end of a branch; before the join, on a copy of its own, where branches are named layers."""
    step = case.fault.step
    if step.branches:
        name = list(step.branches)[n]
        yield Candidate(
            f"`{layer}` on branch `{name}`",
            e.layer_after(case.text, step.body_marks.find(name), layer),
        )
    elif step.sources:
        source = step.sources[n]
        new = e.layer_before(
            case.text, step.marks, layer, f"from: {source}", f"name: {source}_{word}"
        )
        start, end = case.text.span(step.body_marks.find(n))
        if new:
            yield Candidate(
                f"`- {layer}` with `from: {source}` before it, to be joined instead,",
                (*new, case.text.edit(start, end, f"{source}_{word}")),
            )


def layers_of(step: Step, n: int) -> list[Step]:
    """The layers of a branch, by its number; none where branches are names of earlier layers."""
    return list((step.branches or {}).values())[n] if step.branches else []


def written(case: Case, n: int, field: str) -> str | None:
    """How a field of a branch's last layer that has it is written; quoted where it would not stand in {…}."""
    for step in reversed(layers_of(case.fault.step, n)):
        fields = [field]
        if field == "out":
            fields += (
                [case.spec.blocks[step.key].main or ""]
                if step.kind == "block"
                else [(step.op and step.op.main) or ""]
            )
        for name in fields:
            if name in step.body_marks.items and name in step.body:
                text = case.text.words(step.body_marks.items[name])
                return (
                    f'"{text}"'
                    if any(c in text for c in ",[]{}") and text[:1] not in "\"'"
                    else text
                )
    return None


def producer(case: Case, n: int) -> int | None:
    """The layer that makes the channels of a branch."""
    m = case.fault.inputs[n]
    for _ in range(FAR):
        node = case.graph.nodes[m]
        if node.op is None or node.step is None:
            return None
        if hasattr(node.op, "out"):
            return m
        m = node.inputs[0]
    return None


def out_changed(case: Case, n: int, channels: int) -> Iterator[Candidate]:
    """Other channels in the last layer of a branch that makes them."""
    m = producer(case, n)
    if m is not None and getattr(case.graph.nodes[m].op, "out", None) != channels:
        yield Candidate(
            f"`out: {channels}` at `{case.graph.nodes[m].path}`", case.setting("out", channels, m)
        )


def padded(case: Case) -> Iterator[Candidate]:
    """A convolution before it that lost its border: pad it."""
    for n in leading(case, case.fault.inputs):
        node = case.graph.nodes[n]
        op = node.op
        if (
            isinstance(op, Sliding)
            and node.step is not None
            and op.padding in (0, "valid")
            and (not op.pool or set(op.geometry(len(node.shape) - 1)[1]) == {1})
        ):
            reach = [
                d * (k - 1)
                for k, d in zip(
                    op.geometry(len(node.shape) - 1)[0], op.geometry(len(node.shape) - 1)[2]
                )
            ]
            if len(set(reach)) == 1 and reach[0] and reach[0] % 2 == 0:
                yield Candidate(
                    f"`padding: {reach[0] // 2}` at `{node.path}`",
                    case.setting("padding", reach[0] // 2, n),
                )


def leading(case: Case, ends: tuple[int, ...]) -> list[int]:
    """The layers that lead to these and stand inside the layer or join in question, the last first."""
    inside = case.fault.path + "."
    found: list[int] = []
    for end in ends:
        n = end
        for _ in range(FAR):
            node = case.graph.nodes[n]
            if (
                node.op is None
                or case.fault.step.kind == "join"
                and case.fault.step.sources is None
                and not node.path.startswith(inside)
            ):
                break
            found.append(n)
            n = node.inputs[0]
    return list(dict.fromkeys(found))
