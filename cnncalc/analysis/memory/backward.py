"""The way back through the layers: the gradients that are made and freed, and what was saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from ...graph import Graph, Node
from ...layout import Layout
from ...num import product
from ...ops.base import Op
from ...ops.kept import Backward, Moment
from .cast_gradients import CastGradients, Way
from .gradients import Gradients
from .losses import LOSSES
from .optimizers import Parameter, start, step
from .run import Run
from .storage import own_bytes
from .tensors import Bytes, Held, Step, Tensors
from .widths import Widths


class Saved(NamedTuple):
    """The numbers of the tensors that backward holds of a layer.

    These are what it read, copies of its parameters in another type, and what it made beside its
    output.
    """

    read: list[int]
    copies: list[int]
    extras: list[int]

    @property
    def all(self) -> list[int]:
        """All of them."""
        return [*self.read, *self.copies, *self.extras]


class Forward(Protocol):
    """What backward needs to know of the pass before it."""

    graph: Graph
    run: Run
    tensors: Tensors
    widths: Widths

    def run_again(self, n: int) -> None:
        """Run the checkpoint that a layer is in, before backward needs what the layer keeps."""


class Backpropagation:
    """Backward of a timeline's network, from the sum of each output."""

    def __init__(self, timeline: Forward, gradients: Gradients, layouts: Mapping[int, Layout]):
        self.graph, self.run = timeline.graph, timeline.run
        self.tensors, self.timeline = timeline.tensors, timeline
        self.gradients, self._layouts = gradients, layouts
        self.saved: dict[int, Saved] = {}
        self._arrived: dict[int, int] = {}
        self._reached = self._find_reached()
        self._casts = CastGradients(self.graph, timeline.widths, self.tensors, self._reached)
        self._losses = [
            LOSSES[self.run.loss](
                self.tensors, n, timeline.widths.output(n), timeline.widths.outputs[n], self.run
            )
            for n in self.graph.outputs
            if gradients.needed[n]
        ]
        self._forgotten = self._find_forgotten()

    def of(self, n: int) -> Backward | None:
        """How backward goes through a layer; None if it does not."""
        return self.gradients.of(self.graph.nodes[n]) if self.gradients.passes[n] else None

    def _ways(self, n: int) -> Iterator[Way]:
        """The ways that a layer's gradient goes on."""
        node = self.graph.nodes[n]
        if node.op is None or (back := self.of(n)) is None:
            return
        kinds = node.op.gradients(*self.graph.shapes_into(node), y=node.shape, back=back)
        for m, (source, kind) in enumerate(zip(node.inputs, kinds)):
            if kind is not None and self.gradients.needed[source]:
                yield Way(m, source, kind)

    def _find_reached(self) -> set[int]:
        """The layers that a gradient arrives at."""
        reached = {n for n in self.graph.outputs if self.gradients.needed[n]}
        for n in reversed(range(len(self.graph.nodes))):
            if n in reached:
                reached |= {way.source for way in self._ways(n)}
        return reached

    def _find_forgotten(self) -> dict[int | None, list[int]]:
        """By layer, those without a gradient whose values, and all made of them, it reads last.

        By None, those of which something stays to the end.
        """
        end: dict[int, int] = {}
        last = len(self.graph.nodes)
        for n, node in enumerate(self.graph.nodes):
            end |= dict.fromkeys(node.holds, n)
        forgotten: dict[int | None, list[int]] = {}
        for n in reversed(range(len(self.graph.nodes))):
            end.setdefault(n, last if n in self.graph.outputs else n)
            if n not in self._reached:
                forgotten.setdefault(None if end[n] == last else end[n], []).append(n)
                for way in self._ways(n):
                    end[way.source] = max(end[way.source], end[n])
        return forgotten

    def forget(self, n: int | None = None) -> None:
        """After a layer has run, or all, drop what others saved that get no gradient."""
        for m in self._forgotten.get(n, ()):
            if m in self.saved:
                self._release(self.saved[m])

    def held(self, checkpoints: Mapping[int, list[int]]) -> dict[int, list[Held]]:
        """The tensors that backward holds, each once, by the first layer that keeps it.

        `checkpoints` are those that checkpoints hold, by the first layer of each.
        """
        first: dict[int, int] = {}
        for n, saved in self.saved.items():
            for key in (*saved.all, *checkpoints.get(n, ())):
                first.setdefault(key, n)
        found: dict[int, list[Held]] = {}
        for key, n in first.items():
            found.setdefault(n, []).append(self.tensors.held(key))
        return found

    def _release(self, saved: Saved) -> None:
        for keys in saved:
            self.tensors.drop(*keys)
            keys.clear()

    def parameters(self) -> Iterator[Parameter]:
        """The parameters that get a gradient."""
        owners = {self.graph.nodes[n].shares for n in self._reached} | self._reached
        for n, node in enumerate(self.graph.nodes):
            if n in owners and self.graph.trains(node):
                for size in own_bytes(self.graph, node, self.run.width)[0].values():
                    yield Parameter(n, size)

    def start(self) -> None:
        """Allocate what is there before: gradients, the optimizer's state, the loss's targets."""
        if self.run.kept_gradients:
            for layer, size in self.parameters():
                self.tensors.new("parameter gradient", layer, Bytes(size))
                self.gradients.accumulated.add(layer)
        start(self.tensors, self.run, self.parameters())
        for loss in self._losses:
            loss.start(product(self.graph.nodes[loss.output].shape[1:]))

    def steps(self) -> Iterator[None]:
        """Go back through the layers, and take the optimizer's step."""
        self.tensors.step = Step("forward", None)
        for loss in self._losses:
            loss.forward()
        yield
        self.tensors.step = Step("backward", None)
        for loss in reversed(self._losses):
            self._arrive(loss.output, loss.backward())
        yield
        yield from self._layers()
        step(self.tensors, self.run, list(self.parameters()))

    def _layers(self) -> Iterator[None]:
        for n in reversed(range(len(self.graph.nodes))):
            node = self.graph.nodes[n]
            if node.op is None:
                continue
            self.tensors.step = Step("backward", n)
            if n in self._arrived:
                self.timeline.run_again(n)
                self._through(n, node, node.op)
            self._release(self.saved[n])
            yield

    def _through(self, n: int, node: Node, op: Op) -> None:
        """Go back through one layer."""
        gradient, saved, xs = self._arrived.pop(n), self.saved[n], self.graph.shapes_into(node)
        back = self.of(n)
        if back is None:
            return
        owner = n if node.shares is None else node.shares
        parameters: dict[str, int] = {}
        if back.trained:
            parameters = own_bytes(self.graph, self.graph.nodes[owner], self.run.width)[0]
        ways = list(self._ways(n))
        if not ways and not parameters:
            self.tensors.drop(gradient)
            return
        moments = op.busiest_backward(*xs, y=node.shape, back=back)
        late = [moment for moment in moments if moment.late]
        self._pass_by(n, [moment for moment in moments if not moment.late])
        if late:
            self.tensors.drop(gradient, *saved.extras)
            saved.extras.clear()
            for moment in late:
                if not moment.copies:
                    self.tensors.drop(*saved.copies)
                    saved.copies.clear()
                if not moment.read:
                    self._release(saved)
                self._pass_by(n, [moment])
        made = [self._made(n, way, gradient) for way in ways]
        grads = self._casts.of_parameters(n, owner, parameters)
        made = [self._casts.returned(n, way, key) for way, key in zip(ways, made)]
        if not late:
            self.tensors.drop(gradient)
        self._release(saved)
        for way, key in zip(ways, made):
            if not self._casts.read_cast(n, way):
                self._arrive(way.source, key)
        for way, key in reversed(list(zip(ways, made))):
            if self._casts.read_cast(n, way):
                self._arrive(way.source, self._casts.retyped(n, way, key))
        self._accumulate(n, owner, grads)

    def _accumulate(self, n: int, owner: int, gradients: list[int]) -> None:
        """Add the gradients of a layer's parameters to what there is, or keep them."""
        found = self._casts.to_parameters(n, owner, gradients)
        if owner in self.gradients.accumulated:
            self.tensors.drop(*found)
        elif found:
            self.gradients.accumulated.add(owner)
            self.tensors.pass_by(owner, self._laid_out_anew(n, owner), "parameter gradient")

    def _laid_out_anew(self, n: int, owner: int) -> Bytes:
        """The bytes of a weight's gradient that has to be copied to the layout of the weight.

        It is laid out as the input of the convolution: channels last, if that is so.
        """
        node, layout = self.graph.nodes[owner], self._layouts.get(self.graph.nodes[n].inputs[0])
        if node.op is None or layout is None or not layout.is_channels_last:
            return Bytes(0)
        _, channels, *kernel = (*node.op.filters(*self.graph.shapes_into(node)), 1, 1)
        if channels == 1 or product(kernel) == 1:
            return Bytes(0)  # both layouts are the same
        parameters, _ = own_bytes(self.graph, node, self.run.width)
        return Bytes(parameters.get("weight", 0))

    def _made(self, n: int, way: Way, gradient: int) -> int:
        """The gradient of an input, as a layer makes it: of the type that the layer reads."""
        if way.kind == "view":
            return self.tensors.hold(gradient)
        size = self.timeline.widths.gradient(n, way.input)
        return self.tensors.new("gradient", way.source, size)

    def _pass_by(self, n: int, moments: list[Moment]) -> None:
        """What a layer holds for a moment, once and again."""
        for moment in moments:
            self.tensors.pass_by(n, self.timeline.widths.total(moment.extras, n))

    def _arrive(self, n: int, gradient: int) -> None:
        """A gradient reaches a layer's output: it is added to what is there."""
        before = self._arrived.get(n)
        if before is None:
            self._arrived[n] = gradient
            return
        size = self.timeline.widths.output(n)
        if self.tensors.shared(before) or self.tensors.size(before) != size:
            self._arrived[n] = self.tensors.new("gradient", n, size)
            self.tensors.drop(before)
        self.tensors.drop(gradient)
