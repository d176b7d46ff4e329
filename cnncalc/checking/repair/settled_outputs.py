"""Finds whether a network's output shapes are settled, whatever a repaired mistake was.

Several repairs may be possible, and it is unknown which one restores the intended network. A repair
is safe only if that makes no difference to the outputs: before them, something absorbs every size
that the mistake may have changed. This can be a global pool, a linear layer, a branch that does not
depend on the size, or an `expect`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...diagnostic import Diagnostic, Mistake
from ...graph import Graph, Node, Sized, checked
from ...language.expression import Expression
from ...language.scope import Expansion, Scope
from ...language.steps import Step
from ...num import Shape
from ...ops.shapes import units_of
from .edited_text import EditedText
from .side_effects import layers_around

Open = tuple[bool, ...]  # per axis, channels first: whether the size may be a different one

_SIZES = ("CNN204", "CNN207")  # codes of windows that do not fit: channels are not at fault
_CHANNELS, _SIDES, _ALL = range(1), range(1, 8), range(8)
_CHANGES = ((1, 1), (2, 0), (3, 0), (8, 0), (1, 64))  # (a, b): size n becomes n·a + b


def outputs_are_settled(
    expansion: Expansion, edited: EditedText, faulty: set[int], faults: Sequence[Diagnostic]
) -> bool:
    """Return whether no output shape depends on the edits of a text or on the faulty nodes.

    The mistake may be in anything from which an edited or faulty layer is computed, and in what is
    written at the same place or with the same parameters. `faults` are the repaired ones.
    """
    graph = expansion.graph
    suspects: set[int] = set()
    for n, written in enumerate(expansion.written):
        touched = written and any(edited.touched(one.marks) for one in layers_around(*written))
        if touched or n in faulty:
            suspects |= graph.before(n)
    suspects |= _alike(expansion, suspects)
    axes = _axes_at_fault(faults)
    if any(_mixes(graph, graph.nodes[n]) for n in suspects):
        axes = _ALL
    trusts_expect = all(fault.code != "CNN301" for fault in faults)
    found: list[Open] = []
    for n, node in enumerate(graph.nodes):
        is_open: Open = (False,) * len(node.shape)
        if node.op is not None:
            is_open = _through(graph, node, [found[m] for m in node.inputs])
        if n in suspects:
            is_open = tuple(o or axis in axes for axis, o in enumerate(is_open))
        if trusts_expect and any(is_open):
            is_open = tuple(o and not t for o, t in zip(is_open, _stated(expansion, n)))
        found.append(is_open)
    return bool(graph.outputs) and not any(any(found[n]) for n in graph.outputs)


def _axes_at_fault(faults: Sequence[Diagnostic]) -> range:
    """Return the axes whose sizes may be wrong, judged by the faults."""
    sizes, channels = True, True
    for fault in faults:
        about = fault.subject if fault.code == "CNN206" else None
        sizes &= about == "sizes" or fault.code in _SIZES and bool(fault.settings)
        channels &= about == "channels" or fault.code == "CNN205"
    if sizes:
        return _SIDES
    return _CHANNELS if channels else _ALL


def _mixes(graph: Graph, node: Node) -> bool:
    """Return whether a layer turns sides into channels, or channels into sides."""
    if node.op is None:
        return False
    shapes = graph.shapes_into(node)
    sides = _through(graph, node, [(False, *(True,) * (len(x) - 1)) for x in shapes])
    channels = _through(graph, node, [(True, *(False,) * (len(x) - 1)) for x in shapes])
    return sides[0] or any(channels[1:])


def _alike(expansion: Expansion, suspects: set[int]) -> set[int]:
    """Return the nodes that share a written layer or a parameter with the suspects."""
    layers: set[int] = set()
    names: set[str] = set()
    for n in suspects:
        written = expansion.written[n]
        if written is not None:
            layers.add(id(written[0]))
            names |= _names(*written)
    found: set[int] = set()
    for n, written in enumerate(expansion.written):
        if written is not None and (id(written[0]) in layers or names & _names(*written)):
            found.add(n)
    return found


def _names(step: Step, scope: Scope) -> set[str]:
    """Return the network parameters that a layer or a block around it uses."""
    names: set[str] = set()
    for one in layers_around(step, scope):
        for value in (*one.body.values(), one.repeat, one.when):
            names |= _used(value)
    top = scope
    while top.parent is not None:
        top = top.parent
    return names & (top.values.keys() - {"c", "i"})


def _used(value: object) -> frozenset[str]:
    if isinstance(value, Expression):
        return frozenset(value.names)
    if isinstance(value, tuple):
        return frozenset().union(*map(_used, value))
    return frozenset()


def _through(graph: Graph, node: Node, sources: Sequence[Open]) -> Open:
    """Return the axes of a node's output that change with the open axes of its inputs."""
    assert node.op is not None
    if not any(map(any, sources)):
        return (False,) * len(node.shape)
    accepted = 0
    result = [False] * len(node.shape)
    for changed in _changed(graph.shapes_into(node), sources):
        try:
            shape = checked(node.op, changed)
        except Mistake:
            continue
        accepted += 1
        if len(shape) != len(node.shape):
            return (True,) * len(node.shape)
        for axis, (n, m) in enumerate(zip(node.shape, shape)):
            result[axis] |= n != m
    if accepted or len(sources) == 1:  # a layer that accepts only one size settles it
        return tuple(result)
    return tuple(_undecided(source, sources, axis) for axis, source in enumerate(sources[0]))


def _undecided(first: bool, sources: Sequence[Open], axis: int) -> bool:
    """Return whether an axis is open in all inputs of a join; one settled branch settles it."""
    return first and all(len(source) > axis and source[axis] for source in sources)


def _changed(shapes: Sequence[Shape], sources: Sequence[Open]) -> Iterator[list[Shape]]:
    """Yield the shapes with open axes changed: in all inputs or one; channels, sides or both."""
    inputs = [range(len(shapes))] if len(shapes) == 1 else [range(len(shapes)), *_each(shapes)]
    for which in inputs:
        for axes in (_ALL, _CHANNELS, _SIDES):
            for times, more in _CHANGES:
                yield [
                    _resized(x, sources[n], axes, times, more) if n in which else x
                    for n, x in enumerate(shapes)
                ]


def _each(shapes: Sequence[Shape]) -> list[range]:
    return [range(n, n + 1) for n in range(len(shapes))]


def _resized(x: Shape, is_open: Open, axes: range, times: int, more: int) -> Shape:
    """Return a shape with those of its open axes changed that are among `axes`."""
    units = units_of(x)
    which = {axis for axis, o in enumerate(is_open) if o and axis in axes and axis not in units}
    if not which:
        return x
    changed = Sized(n * times + more if axis in which else n for axis, n in enumerate(x))
    changed.units = units
    return changed


def _stated(expansion: Expansion, n: int) -> Open:
    """Return the axes of a node's shape that an `expect` states as a number."""
    written, graph = expansion.written[n], expansion.graph
    if written is None:
        return (False,) * len(graph.nodes[n].shape)
    step, scope = written
    stated = [step.expect]
    block = scope.block
    while block is not None and block.step is not None:
        group = graph.groups.get(block.prefix.removesuffix("."))
        if group is not None and group[2] == n:
            stated.append(block.step.expect)
        block = block.parent and block.parent.block
    found = [False] * len(graph.nodes[n].shape)
    for expect in stated:
        if isinstance(expect, tuple) and len(expect) == len(found):
            found = [f or type(item) is int for f, item in zip(found, expect)]
    return tuple(found)
