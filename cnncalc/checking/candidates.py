"""What may be tried to mend a shape: edits of the layer that failed, of those that lead to it, and of the input."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..analysis.flatten import value as in_yaml
from ..diagnostic import Mistake
from ..graph import Fault, Graph, checked
from ..num import Shape
from ..ops.base import named
from ..ops.join import Concat
from ..ops.sliding import Sliding
from ..spec.spec import Spec
from ..spec.steps import Step
from ..spec.yaml_tree import Marks
from . import edits as e
from .text import Text


class Case(NamedTuple):
    """A finding to be mended, in a text, for a variant."""

    text: Text
    spec: Spec
    variant: str | None
    graph: Graph
    fault: Fault

    @property
    def shapes(self) -> list[Shape]:
        """Of what came into the layer."""
        return [self.graph.nodes[n].shape for n in self.fault.inputs]

    def setting(self, field: str, value: Any, n: int | None = None) -> e.Edits:
        """A field set, of the layer itself or of node n."""
        where = self.fault if n is None else self.graph.nodes[n]
        return e.setting(self.text, self.spec, self.variant, where.step, where.scope, field, value) if where.step else None


Candidate = tuple[str, e.Edits]


def candidates(case: Case, most: int) -> Iterator[Candidate]:
    """Edits to try, from the nearest to the furthest."""
    code, fault = case.fault.diagnostic.code, case.fault
    pool = isinstance(fault.op, Sliding) and fault.op.pool
    yield from channels_first(case)
    for field, value in fault.diagnostic.settings:
        if not (pool and field == "kernel"):  # a pool that no longer pools is none
            yield f"`{field}: {in_yaml(value)}`", case.setting(field, value)
    if code == "CNN201":
        yield from flattened(case)
    if code == "CNN206":
        yield from padded(case, case.fault.inputs)
        yield from joined(case)
    if code == "CNN301":
        yield from as_expected(case)
        yield from padded(case, case.fault.inputs)
    if code == "CNN205":
        yield from more_channels(case)
    if pool and code == "CNN204":
        yield from dropped(case)
    if code in ("CNN204", "CNN206", "CNN208", "CNN207"):
        yield from other_inputs(case, most)
    if code in ("CNN204", "CNN207"):
        yield "`padding: same`", case.setting("padding", "same")
        yield from dropped(case)
    if code == "CNN301" and fault.step.expect is not None:
        shape = case.graph.nodes[fault.inputs[0]].shape
        right = f"[{', '.join(map(str, shape))}]"
        yield f"if {named(shape)} is right, `expect: {right}`", (fault.step.marks.find("expect").whole(right),)


def dropped(case: Case) -> Iterator[Candidate]:
    """Without the layer."""
    key = case.fault.step.key
    count = sum(node.step is not None and node.step.key == key for node in case.graph.nodes) + 1
    yield "drop this layer" + (f", the {ordinal(count)} {key}" if count > 1 else ""), e.layer_dropped(case.text, case.fault.step.marks)


def ordinal(n: int) -> str:
    """``5th``."""
    return f"{n}{'th' if n % 100 in (11, 12, 13) else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def stand_in(case: Case) -> e.Edits:
    """What is put in to see what lies behind, where the best repair depends on it: a window that does not fit keeps its size over its stride."""
    return case.setting("padding", "same") if case.fault.diagnostic.code == "CNN204" else None


def channels_first(case: Case) -> Iterator[Candidate]:
    """[224, 224, 3] → [3, 224, 224]."""
    for node in case.graph.inputs:
        shape, marks = node.shape, input_marks(case, node.path)
        if len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) >= 16 > shape[2] and marks is not None:
            right = in_yaml([shape[2], *shape[:2]])
            yield f"channels come first: `input: {right}`", (marks.whole(right),)


def input_marks(case: Case, name: str) -> Marks | None:
    """Where an input's shape is written, if it is written in numbers."""
    data, marks = case.spec.document.input, case.spec.marks.find("input")
    if isinstance(data, dict):
        data, marks = data.get(name), marks.find(name)
    return marks if isinstance(data, list) and all(type(n) is int for n in data) else None


def flattened(case: Case) -> Iterator[Candidate]:
    """A map where a vector is due: flatten it, or pool it first."""
    if len(case.shapes[0]) > 1:
        yield "`- flatten` before it", e.layer_before(case.text, case.fault.step.marks, "flatten")
        two = e.layer_before(case.text, case.fault.step.marks, "globalavgpool")
        flat = e.layer_before(case.text, case.fault.step.marks, "flatten")
        if two and flat:
            yield "`- globalavgpool` and `- flatten` before it", (two[0]._replace(text=two[0].text + flat[0].text),)
        return
    node = case.graph.nodes[case.fault.inputs[0]]
    if node.op is not None and node.op.key == "flatten" and node.step is not None:
        yield "drop the `flatten` before it", e.layer_dropped(case.text, node.step.marks)


def leading(case: Case, ends: tuple[int, ...]) -> list[int]:
    """The layers that lead to these and stand inside the layer or join in question, the last first."""
    inside = case.fault.path + "."
    found: list[int] = []
    for end in ends:
        n = end
        for _ in range(12):
            node = case.graph.nodes[n]
            if node.op is None or case.fault.step.kind == "join" and case.fault.step.sources is None and not node.path.startswith(inside):
                break
            found.append(n)
            n = node.inputs[0]
    return list(dict.fromkeys(found))


def padded(case: Case, ends: tuple[int, ...]) -> Iterator[Candidate]:
    """A convolution before it that lost its border: pad it."""
    for n in leading(case, ends):
        node = case.graph.nodes[n]
        op = node.op
        if isinstance(op, Sliding) and not op.pool and node.step is not None and op.padding in (0, "valid"):
            reach = [d * (k - 1) for k, d in zip(op.geometry(len(node.shape) - 1)[0], op.geometry(len(node.shape) - 1)[2])]
            if len(set(reach)) == 1 and reach[0] and reach[0] % 2 == 0:
                yield f"`padding: {reach[0] // 2}` at `{node.path}`", case.setting("padding", reach[0] // 2, n)


def joined(case: Case) -> Iterator[Candidate]:
    """Branches that differ: project, crop or widen one of them."""
    step, shapes = case.fault.step, case.shapes
    if len({len(x) for x in shapes}) > 1:
        return
    longest = max(range(len(shapes)), key=lambda n: len(layers_of(step, n)))
    for n, shape in enumerate(shapes):
        if n == longest or shape == shapes[longest]:
            continue
        if not isinstance(step.op, type) or not issubclass(step.op, Concat):
            yield from projected(case, n, shape, shapes[longest], longest)
        yield from cropped(case, n, shape, shapes[longest], longest)
        yield from out_changed(case, longest, shape[0])
        yield from out_changed(case, n, shapes[longest][0])


def layers_of(step: Step, n: int) -> list[Step]:
    """The layers of a branch, by its number; none where branches are names of earlier layers."""
    return list((step.branches or {}).values())[n] if step.branches else []


def projected(case: Case, n: int, shape: Shape, wanted: Shape, longest: int) -> Iterator[Candidate]:
    """A 1×1 convolution on the branch, with the stride that brings its size down; written as the longest branch is, if it can."""
    strides = {-(-a // b) for a, b in zip(shape[1:], wanted[1:])}
    if len(strides) > 1 or any(a < b for a, b in zip(shape[1:], wanted[1:])) or len(shape) < 2:
        return
    stride = str(strides.pop())
    outs, steps = [written(case, longest, "out"), str(wanted[0])], [written(case, longest, "stride"), stride]
    for out, step in ((outs[0], steps[0]), (outs[0], stride), (outs[1], stride)):
        if out and step:
            layer = f"conv: {{out: {out}, kernel: 1{f', stride: {step}' if step != '1' else ''}}}"
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
        yield f"`output_padding: 1` at `{node.path}`", case.setting("output_padding", 1, case.fault.inputs[smaller])


def branch_extended(case: Case, n: int, layer: str, word: str) -> Iterator[Candidate]:
    """A layer put at the end of a branch; before the join, on a copy of its own, where branches are named layers."""
    step = case.fault.step
    if step.branches:
        name = list(step.branches)[n]
        yield f"`{layer}` on branch `{name}`", e.layer_after(case.text, step.body_marks.find(name), layer)
    elif step.sources:
        source = step.sources[n]
        new = e.layer_before(case.text, step.marks, layer, f"from: {source}", f"name: {source}_{word}")
        start, end = case.text.span(step.body_marks.find(n))
        if new:
            yield f"`{layer}` on the way from `{source}`", (*new, case.text.edit(start, end, f"{source}_{word}"))


def written(case: Case, n: int, field: str) -> str | None:
    """How a field of a branch's last layer that has it is written; quoted where it would not stand in {…}."""
    for step in reversed(layers_of(case.fault.step, n)):
        fields = [field]
        if field == "out":
            fields += [case.spec.blocks[step.key].main or ""] if step.kind == "block" else [(step.op and step.op.main) or ""]
        for name in fields:
            if name in step.body_marks.items and name in step.body:
                start, end = case.text.span(step.body_marks.items[name])
                text = case.text.text[start:end]
                return f'"{text}"' if any(c in text for c in ",[]{}") and text[:1] not in "\"'" else text
    return None


def out_changed(case: Case, n: int, channels: int) -> Iterator[Candidate]:
    """Other channels in the last layer of a branch that makes them."""
    m = case.fault.inputs[n]
    for _ in range(12):
        node = case.graph.nodes[m]
        if node.op is None or node.step is None:
            return
        if hasattr(node.op, "out") and node.op.out != channels:
            yield f"`out: {channels}` at `{node.path}`", case.setting("out", channels, m)
            return
        m = node.inputs[0]


def more_channels(case: Case) -> Iterator[Candidate]:
    """Groups that do not divide: the nearest number of channels that they divide, here, in the layer before, or of the image."""
    op = case.fault.op
    groups = getattr(op, "groups", None) or getattr(op, "factor", 1) ** 2
    if op is not None and hasattr(op, "out") and op.out % groups:
        yield f"`out: {-(-op.out // groups) * groups}`", case.setting("out", -(-op.out // groups) * groups)
    x, source = case.shapes[0], case.graph.nodes[case.fault.inputs[0]]
    if x[0] % groups:
        yield from out_changed(case, 0, -(-x[0] // groups) * groups)
    if source.op is None and x[0] in (1, 3) and (marks := input_marks(case, source.path)) is not None:
        right = in_yaml([4 - x[0], *x[1:]])
        yield f"an image of {4 - x[0]} channel{'s' if x[0] == 1 else ''}, `input: {right}`,", (marks.whole(right),)


def as_expected(case: Case) -> Iterator[Candidate]:
    """One field of the layer set so that it comes out as expected, found with the operator alone."""
    op, wanted = case.fault.op, case.fault.wanted
    if op is None or wanted is None:
        return
    n = case.fault.inputs[0]
    xs = [case.graph.nodes[m].shape for m in case.graph.nodes[n].inputs]
    shape = case.graph.nodes[n].shape
    channels = wanted[0] if wanted[0] != "_" else shape[0]
    tries = [("out", [channels])] if channels != shape[0] else [("padding", range(8)), ("stride", range(1, 5)), ("kernel", range(1, 12)), ("size", [list(wanted[1:])])]
    fields = op.fields()
    for field, values in tries:
        for value in values if field in fields else ():
            try:
                other = type(op)(**{**{key: getattr(op, key) for key in fields}, field: value})
                out = checked(other, xs)
            except (Mistake, ValueError):
                continue
            if len(out) == len(wanted) and all(w in ("_", m) for w, m in zip(wanted, out)):
                yield f"`{field}: {in_yaml(value)}`", case.setting(field, value)
                break


def other_inputs(case: Case, most: int) -> Iterator[Candidate]:
    """The nearest input sizes at which it fits: the least one for a window, else below and above, by steps of a power of two."""
    nodes = case.graph.inputs
    shape, marks = nodes[0].shape, input_marks(case, nodes[0].path)
    if len(nodes) > 1 or len(shape) < 2 or marks is None:
        return
    n = shape[1]
    sizes = {n // step * step + up for step in (1, 2, 4, 8, 16, 32, 64) for up in (0, step)} | {n - 1} | {n * factor for factor in (2, 4, 8, 16)}
    fitting: list[int] = []
    for delta in sorted((size - n for size in sizes), key=abs)[:most]:
        beside = all((other > 0) != (delta > 0) for other in fitting)
        if delta and beside and min(shape[1:]) + delta > 0 and mends_at(case, grown(shape, delta)):
            fitting.append(least(case, shape, delta) if case.fault.diagnostic.code == "CNN204" and delta > 0 else delta)
            if len(fitting) == 2 or case.fault.diagnostic.code == "CNN204":
                break
    texts = [named(grown(shape, delta)) for delta in sorted(fitting)]
    step = abs(fitting[0] - fitting[1]) if len(fitting) == 2 else 0
    more = f", or another multiple of {step}," if step > 1 and not (n + fitting[0]) % step else ""
    if fitting:
        yield f"an input of {' or '.join(texts)}{more}", (marks.whole(in_yaml(list(grown(shape, fitting[0])))),)


def grown(shape: Shape, delta: int) -> Shape:
    """An image with each side longer by so many pixels."""
    return (shape[0], *(n + delta for n in shape[1:]))


def mends_at(case: Case, shape: Shape) -> bool:
    """Whether the finding is gone at another input size."""
    graph = case.spec.graph(case.variant, input=shape)
    mine = case.fault.diagnostic
    return bool(graph.nodes) and not any(d.code == mine.code and d.position == mine.position or d.severity == "error" and len(graph.nodes) < len(case.graph.nodes) for d in graph.diagnostics)


def least(case: Case, shape: Shape, delta: int) -> int:
    """How much larger the smallest input is that fits, known that `delta` more does."""
    low = 0
    while delta - low > 1:
        middle = (low + delta) // 2
        low, delta = (low, middle) if mends_at(case, grown(shape, middle)) else (middle, delta)
    return delta
