"""Proposes repairs of joins whose branches differ: pad, project, crop, or change channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...language.expression import Expression
from ...language.scope import Scope
from ...language.steps import Step
from ...language.yaml_flow import Word, in_yaml
from ...num import Shape
from . import yaml_edits as e
from .case import FAR, Candidate, Case
from .earlier_layers import earlier_layers, same_scale


def equal_branches(case: Case) -> Iterator[Candidate]:
    """Give a branch the shape of the model branch, or the model branch the shape of another."""
    step, shapes = case.fault.step, case.shapes
    if len({len(x) for x in shapes}) > 1:
        return
    longest = _model(case)
    for n, shape in enumerate(shapes):
        if n == longest or shape == shapes[longest]:
            continue
        yield from _by_name(case, n, shapes[longest])
        yield from _by_name(case, longest, shape)
        only_rounded = shape[1:] != shapes[longest][1:] and same_scale(case, (n, longest))
        if only_rounded:
            yield from _same_sizes(case, n, longest)
            yield from _cropped(case, n, shape, shapes[longest], longest)
        else:
            yield from earlier_layers(case, n, shapes[longest])
            yield from earlier_layers(case, longest, shape)
        if _adds_up(step) and not only_rounded:
            yield from _strided_projection(case, n, shape, shapes[longest], longest)
        if shape[0] == shapes[longest][0]:  # a branch that shrinks on purpose has more channels
            yield from _same_sizes(case, n, longest)
        if all(_has_own_channels(case, one) for one in (n, longest)):
            yield from _same_channels(case, n, longest)  # before adding a layer
        if _adds_up(step) and not only_rounded:
            yield from _projected(case, n, shape, shapes[longest], longest)
        yield from _same_sizes(case, n, longest)
        yield from _same_channels(case, n, longest)


def _has_own_channels(case: Case, n: int) -> bool:
    """Return whether a layer inside branch n determines its channels, not one before it."""
    m = _producer(case, n)
    return m is not None and case.graph.nodes[m].path.startswith(case.fault.path + ".")


def _same_channels(case: Case, n: int, m: int) -> Iterator[Candidate]:
    """Give one of two branches the channels of the other; first those that more layers have."""
    numbers = [node.shape[0] for node in case.graph.nodes]

    def votes(pair: tuple[int, int]) -> int:
        return -numbers.count(case.shapes[pair[1]][0])

    for one, other in sorted([(m, n), (n, m)], key=votes):
        yield from other_channels(case, one, case.shapes[other][0])


def _same_sizes(case: Case, n: int, m: int) -> Iterator[Candidate]:
    """Give the smaller of two branches the size of the larger one, then vice versa."""
    for one, other in sorted([(n, m), (m, n)], key=lambda pair: case.shapes[pair[0]][1:]):
        yield from _resampled(case, one, case.shapes[one], case.shapes[other])


def _model(case: Case) -> int:
    """Return the branch to use as the model: the longest one with the most common shape."""
    step, shapes = case.fault.step, case.shapes
    must_agree = shapes if _adds_up(step) else [x[1:] for x in shapes]

    def votes(n: int) -> tuple[int, int]:
        return must_agree.count(must_agree[n]), len(_branch_layers(step, n))

    return max(range(len(shapes)), key=votes)


def _by_name(case: Case, n: int, wanted: Shape) -> Iterator[Candidate]:
    """Replace a number in the last layer of a branch with a parameter of the block around it."""
    if case.shapes[n][1:] != wanted[1:] or not _adds_up(case.fault.step):
        return
    m = _producer(case, n)
    source = case.expansion.written[m] if m is not None else None
    if m is None or source is None:
        return
    node = case.graph.nodes[m]
    for step, scope, field in _written_at(*source, "out"):
        value = step.body.get(field)
        block = scope.block
        if block is None or block.step is None or type(value) is not int:
            continue
        params = case.spec.blocks[block.step.key].params
        for name in [name for name in params if scope.values.get(name) == wanted[0]][:2]:
            yield Candidate(
                f"`{field}: {name}` at `{node.path}`",
                e.field_set(case.text, step, field, Word(name)),
            )


def _adds_up(step: Step) -> bool:
    """Return whether a join combines values one by one, so that channels must agree."""
    return step.op is not None and step.op.elementwise


def _written_at(step: Step, scope: Scope, field: str) -> Iterator[tuple[Step, Scope, str]]:
    """Yield where a field gets its value: the layer, then the uses of the blocks around it."""
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


def _resampled(case: Case, n: int, shape: Shape, wanted: Shape) -> Iterator[Candidate]:
    """Change a stride, kernel or scale in a branch to give it the size of the other branch."""
    if len(shape) < 2 or len(shape) != len(wanted) or shape[1:] == wanted[1:]:
        return
    for m in _leading(case, (case.fault.inputs[n],))[:6]:
        node = case.graph.nodes[m]
        if node.op is None:
            continue
        x = case.graph.nodes[node.inputs[0]].shape
        if len(x) != len(shape):
            continue
        for field, value in node.op.resizes(x, shape[1:], wanted[1:]):
            ways = _ways_to_write(case, m, value) if field == "stride" else [value]
            for written in ways:
                title = f"`{field}: {written}` at `{node.path}`"
                yield Candidate(title, case.setting(field, written, m))


def _ways_to_write(case: Case, n: int, value: Any) -> list[Any]:
    """Return ways to write a number above 1: a name with this value, and the number itself."""
    source = case.expansion.written[n]
    if source is None or type(value) is not int or value == 1:
        return [value]
    values = source[1].values
    names = [name for name, known in values.items() if type(known) is int and known == value]
    return [*map(Word, names[:1]), value]


def _strided_projection(
    case: Case, n: int, shape: Shape, wanted: Shape, longest: int
) -> Iterator[Candidate]:
    """Set the stride of a 1×1 convolution that a branch already has.

    It is written where the block around the convolution is used, if that passes it a stride.
    """
    m = _producer(case, n)
    strides = {-(-a // b) for a, b in zip(shape[1:], wanted[1:])}
    if m is None or not _has_own_channels(case, n) or len(strides) != 1 or shape[0] != wanted[0]:
        return
    node, source = case.graph.nodes[m], case.expansion.written[m]
    amount = strides.pop()
    is_plain = getattr(node.op, "kernel", None) == getattr(node.op, "stride", None) == 1
    if amount < 2 or source is None or not is_plain:
        return
    step, scope, field = list(_written_at(*source, "stride"))[-1]
    written = _as_written(case, longest, "stride")
    same = [name for name, value in scope.values.items() if type(value) is int and value == amount]
    for name in sorted(same, key=lambda name: name != written)[:1]:
        title = f"`{field}: {name}` at `{node.path}`"
        yield Candidate(title, e.field_set(case.text, step, field, Word(name)))
    yield Candidate(f"`{field}: {amount}` at `{node.path}`", case.setting("stride", amount, m))


def _projected(
    case: Case, n: int, shape: Shape, wanted: Shape, longest: int
) -> Iterator[Candidate]:
    """Add a 1×1 convolution to a branch, with the stride that reduces its size.

    Channels and stride are first written as in the longest branch.
    """
    strides = {-(-a // b) for a, b in zip(shape[1:], wanted[1:])}
    if len(strides) > 1 or any(a < b for a, b in zip(shape[1:], wanted[1:])) or len(shape) < 2:
        return
    stride = str(strides.pop())
    same_out = _as_written(case, longest, "out")
    same_stride = _as_written(case, longest, "stride")
    for out, step in ((same_out, same_stride), (same_out, stride), (str(wanted[0]), stride)):
        if not out or not step:
            continue
        layer = f"conv: {{out: {out}, kernel: 1}}"
        if step != "1":
            layer = f"conv: {{out: {out}, kernel: 1, stride: {step}}}"
        branch = _branch(case.fault.step, n)
        are_names = out.isidentifier() and step.isidentifier()
        if are_names and branch is not None and branch.layers == []:
            when = f"{step} > 1 or c != {out}"  # elsewhere, the branch stays the identity
            line = f"{{{layer}, when: {when}}}"
            yield Candidate(
                f"`{layer}` with `when: {when}` on branch `{branch.name}`",
                e.layer_after(case.text, branch.body_marks, line),
            )
        yield from _extended_branch(case, n, layer, "projected")


def _cropped(case: Case, n: int, shape: Shape, wanted: Shape, longest: int) -> Iterator[Candidate]:
    """Crop the larger branch."""
    larger, smaller = (n, longest) if shape[1:] > wanted[1:] else (longest, n)
    sizes = case.shapes[smaller][1:]
    if shape[1:] == wanted[1:] or any(a < b for a, b in zip(case.shapes[larger][1:], sizes)):
        return
    other = _branch(case.fault.step, smaller)
    like = other.source if other is not None and other.is_name else None
    layer = f"crop: {{like: {like}}}" if like else f"crop: {{size: {in_yaml(list(sizes))}}}"
    yield from _extended_branch(case, larger, layer, "cropped")


def _extended_branch(case: Case, n: int, layer: str, word: str) -> Iterator[Candidate]:
    """Add a layer at the end of a branch.

    If the branches are names of earlier layers, adds it before the join and joins its output.
    """
    step = case.fault.step
    branch = _branch(step, n)
    if branch is None:
        return
    if not branch.is_name:
        title = f"`{layer}` on branch `{branch.name}`"
        if branch.layers:
            title = f"`{layer}` appended to branch `{branch.name}`"
        yield Candidate(title, e.layer_after(case.text, branch.body_marks, layer))
    elif isinstance(branch.source, str):
        source = branch.source
        name = f"{source.replace('.', '_')}_{word}"
        new = e.layer_before(case.text, step.marks, layer, f"from: {source}", f"name: {name}")
        start, end = case.text.span(branch.marks.find("from"))
        if new:
            yield Candidate(
                f"`- {layer}` with `from: {source}` before it, joined instead of `{source}`,",
                (*new, case.text.edit(start, end, name)),
            )


def _branch(step: Step, n: int) -> Step | None:
    """Return the branch that is input n of a join; None if that depends on parameters."""
    return step.fixed_branches[n] if step.fixed_branches else None


def _branch_layers(step: Step, n: int) -> list[Step]:
    """Return the layers of the branch that is input n; empty if there are none."""
    branch = _branch(step, n)
    return (branch.layers or []) if branch is not None else []


def _as_written(case: Case, n: int, field: str) -> str | None:
    """Return a field as the last layer that has it in a branch writes it; quoted if needed."""
    for step in reversed(_branch_layers(case.fault.step, n)):
        fields = [field]
        if field == "out" and step.kind == "block":
            fields.append(case.spec.blocks[step.key].main or "")
        elif field == "out":
            fields.append((step.op and step.op.main) or "")
        for name in fields:
            if name in step.body_marks.items and name in step.body:
                text = case.text.as_written(step.body_marks.items[name])
                plain = not any(c in text for c in ",[]{}") or text[:1] in "\"'"
                return text if plain else f'"{text}"'
    return None


def _producer(case: Case, n: int) -> int | None:
    """Return the layer that determines the channels of a branch."""
    m = case.fault.inputs[n]
    for _ in range(FAR):
        node = case.graph.nodes[m]
        if node.op is None:
            return None
        if hasattr(node.op, "out"):
            return m
        m = node.inputs[0]
    return None


def other_channels(case: Case, n: int, channels: int) -> Iterator[Candidate]:
    """Change the channels in the layer that determines those of a branch."""
    m = _producer(case, n)
    if m is not None and getattr(case.graph.nodes[m].op, "out", None) != channels:
        title = f"`out: {channels}` at `{case.graph.nodes[m].path}`"
        yield Candidate(title, case.setting("out", channels, m))


def restored_border(case: Case) -> Iterator[Candidate]:
    """Pad an earlier convolution that changes the size by a border, so that it keeps it."""
    for n in _leading(case, case.fault.inputs):
        node = case.graph.nodes[n]
        op = node.op
        if op is None or not hasattr(op, "padding"):
            continue
        slides = op.slides(*case.graph.shapes_into(node))
        if op.pool and {slide.stride for slide in slides} != {1}:
            continue
        spans = {slide.span for slide in slides}
        changes = any(slide.low + slide.high != slide.span - 1 for slide in slides)
        span = spans.pop() if len(spans) == 1 else 0
        if changes and span % 2:
            title = f"`padding: {span // 2}` at `{node.path}`"
            yield Candidate(title, case.setting("padding", span // 2, n))


def _leading(case: Case, ends: tuple[int, ...]) -> list[int]:
    """Return the layers that lead to these nodes, the last first.

    For a join, these are only the layers inside its branches, unless no other branch starts at the
    layer before the join: what is before the join would be part of every branch.
    """
    step, inside = case.fault.step, case.fault.path + "."
    begins_here = [branch.begins_at is None for branch in step.branches]
    within = step.kind == "join" and sum(begins_here) > 1
    found: list[int] = []
    for end in ends:
        n = end
        for _ in range(FAR):
            node = case.graph.nodes[n]
            if node.op is None or within and not node.path.startswith(inside):
                break
            found.append(n)
            n = node.inputs[0]
    return list(dict.fromkeys(found))
