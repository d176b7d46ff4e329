"""Explains what a layer takes of memory beside its output, with the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ...at_least import AtLeast
from ...graph import Node
from ...num import product
from ...ops.kept import Extra, Kept
from ...wording import either, plural
from ..result import Report, Row
from .optimizers import OPTIMIZERS
from .overview import trainable
from .rows import with_memory
from .runs import Runs
from .tensors import Held
from .unknown import lacks_saved

Line = tuple[str, str]  # what, and how it is computed

_EXTRAS = {
    "lengths": "lengths",
    "statistics": "its statistics",
    "indices": "indices",
    "noise": "its noise",
    "buffer": "a buffer",
    "mask": "its mask",
    "declared": "declared",
    "scores": "its scores",
    "sums": "sums of its scores",
}


def explain_memory(runs: Runs, n: int, row: Row) -> Iterator[Line]:
    """Explain what backward keeps of the n-th node, what training adds, and what is in memory."""
    if runs.trains:
        yield "saved", _Saved(runs, n).text()
        yield from _of_parameters(row, runs.run.width)
    yield from _in_memory(runs, n)


def explain_group_memory(report: Report, path: str) -> Iterator[Line]:
    """Sum up what backward keeps of a block or chain, and the most in memory while it runs."""
    rows = with_memory(report).group(path)
    if not report.complete:
        return
    if trainable(report.dtype):
        yield "saved", f"{sum(row.saved or 0 for row in rows):,} bytes"
    most = max(row.peak or 0 for row in rows)
    yield "inference", f"at most {most:,} bytes are in memory while it runs"


def _of_parameters(row: Row, width: int) -> Iterator[Line]:
    """Yield the bytes of the gradients of a layer's parameters, and of the optimizer's state."""
    count = row.trainable_params
    if row.frozen_params:
        yield "gradients", "0: its parameters are frozen"
    if isinstance(count, AtLeast):
        yield "gradients", "not known: its parameters are not declared"
    elif count:
        yield "gradients", f"{count:,} parameters · {width} bytes = {count * width:,} bytes"
        yield "optimizer", "; ".join(_states(count * width))


def _states(size: int) -> Iterator[str]:
    """Yield the bytes that optimizers keep beside parameters of this size."""
    by_states: dict[int, list[str]] = {}
    for name, optimizer in OPTIMIZERS.items():
        if optimizer.states:
            by_states.setdefault(optimizer.states, []).append(name)
    for states, names in by_states.items():
        yield f"{states * size:,} bytes with {either(names)}"


def _in_memory(runs: Runs, n: int) -> Iterator[Line]:
    """Yield the most bytes in memory while a layer runs, at inference and in training."""
    yield "inference", f"{runs.inference[n].forward:,} bytes are in memory while it runs"
    if runs.trains:
        _, forward, backward = runs.training[n]
        passes = f"{forward:,} bytes in its forward pass, {backward:,} in its backward pass"
        yield "training", passes


class _Saved:
    """What backward keeps of a layer, in words."""

    def __init__(self, runs: Runs, n: int):
        self._runs, self._graph, self._run, self._n = runs, runs.graph, runs.run, n
        self._saved, self._homes = runs.saved, runs.homes

    def text(self) -> str:
        """Return each tensor with its bytes, and those that a layer before keeps already."""
        held = self._saved.get(self._n, [])
        parts = [*self._tensors(held), *self._kept_before(held)]
        if lacks_saved(self._graph, self._n):
            parts.append("what it keeps beside these is not declared")
        elif len(held) > 1:
            parts.append(f"{sum(t.size.at(self._run.batch) for t in held):,} bytes together")
        return "; ".join(parts) or f"0: {self._why_not()}"

    @property
    def _node(self) -> Node:
        return self._graph.nodes[self._n]

    def _kept(self) -> Kept:
        """What the layer's operator keeps."""
        node, gradients = self._node, self._runs.gradients
        if node.op is None or not gradients.passes[self._n] or self._is_computed_again():
            return Kept()
        xs = self._graph.shapes_into(node)
        return node.op.keeps(*xs, y=node.shape, back=gradients.of(node))

    def _tensors(self, held: list[Held]) -> Iterator[str]:
        """Yield each tensor that this layer is the first to keep."""
        others = [t for t in held if t.reason not in ("input", "output") or t.layer is None]
        extras = self._kept().extras
        if len(extras) != len(others):  # some are copies
            extras = ()
        named = dict(zip(map(id, others), extras))
        for tensor in held:
            size = tensor.size.at(self._run.batch)
            if not size:  # other devices keep it
                continue
            if tensor in others or tensor.layer is None:
                yield self._extra(named.get(id(tensor)), size)
                continue
            shape = self._graph.nodes[tensor.layer].shape
            factors = "·".join(map(str, (self._run.batch, *shape)[self._run.batch == 1 :]))
            width = size // (product(shape) * self._run.batch)
            name, purpose = self._name(tensor.layer)
            yield f"{name} {factors} · {width} bytes = {size:,} bytes{purpose}"

    def _name(self, home: int) -> tuple[str, str]:
        """Return what the values in the memory of a node are to the layer, and what for."""
        if home == self._homes[self._n]:
            return "its output", ""
        if any(self._homes[m] == home for m in self._node.inputs):
            trains = self._graph.trains(self._node)
            return "its input", ", for the gradients of its parameters" if trains else ""
        return f"the output of {self._graph.nodes[home].path}", ""

    def _extra(self, extra: Extra | None, size: int) -> str:
        if extra is None:
            return f"further {size:,} bytes"
        count = int(extra.count) * (1 if extra.once else self._run.batch)
        width = plural(size // count, "byte")
        name = _EXTRAS.get(extra.kind, "further values")
        return f"{name} {count:,} · {width} = {size:,} bytes"

    def _kept_before(self, held: list[Held]) -> Iterator[str]:
        """Yield the inputs that the layer needs too, and that a layer before keeps."""
        own = {tensor.layer for tensor in held}
        homes = dict.fromkeys(self._homes[self._node.inputs[m]] for m in self._kept().inputs)
        for home in homes:
            first = self._runs.first_to_keep.get(home)
            if home not in own and first is not None:
                yield f"its input is kept by {self._graph.nodes[first].path} already"

    def _is_computed_again(self) -> bool:
        return any(self._n in numbers for numbers in self._graph.checkpoints)

    def _why_not(self) -> str:
        """Return why backward keeps nothing."""
        if self._is_computed_again():
            return "backward computes its values again"
        if not self._runs.gradients.passes[self._n]:
            return "nothing before it is trained"
        return "backward needs none of its values"
