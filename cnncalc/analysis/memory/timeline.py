"""What a network allocates and frees, in the order in which torch runs it.

Memory that one call of torch takes and gives back inside itself is not in here: between two calls
the tensors that are alive are exactly those of the timeline. A value lives until its last reader
has run, unless backward holds it; one that nothing reads is freed at once. Backward runs in the
reverse order of the layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...graph import Graph, Node
from ...layout import contiguous
from ...num import product
from ...ops.base import Op
from ...ops.kept import Extra, Kept, Moment
from ...ops.shapes import values
from .backward import Backpropagation, Saved
from .casts import Casts
from .checkpoints import GENERATOR, Again, checkpointed
from .gradients import Gradients
from .in_place import written_over
from .run import Run
from .storage import memory, own_bytes
from .tensors import Bytes, Event, Held, Step, Tensors
from .widths import Widths

__all__ = ["Bytes", "Event", "Held", "Step", "Timeline"]


class Timeline:
    """The events of one run of a graph; iterate over it once.

    Afterwards `saved` has the tensors that backward holds at the end of forward, by the layer that
    is the first to keep each. `keeps` has the numbers of those that each layer keeps, and `sizes`
    their bytes.
    """

    def __init__(self, graph: Graph, run: Run):
        self.graph, self.run = graph, run
        self.saved: dict[int, list[Held]] = {}
        self.keeps: dict[int, tuple[int, ...]] = {}
        self.sizes: dict[int, Bytes] = {}
        self.tensors = Tensors(len(graph.nodes))
        self.widths = Widths(graph, run)
        self._casts = Casts(graph, self.widths, self.tensors)
        self._homes, self._layouts = memory(graph, run.batch, run.training and not run.evaluating)
        self._own = [home == n for n, home in enumerate(self._homes)]  # whether in own memory
        self._over = written_over(graph)
        self._back: Backpropagation | None = None
        self._again: dict[int, Again] = {}
        # By the first layer to save: what its checkpoint reads.
        self._held: dict[int, list[int]] = {}
        self._places: dict[int, int] = {}  # by pool, where its maxima are, as a tensor
        if run.training:
            self._back = Backpropagation(self, Gradients(graph, not run.evaluating), self._layouts)
            self._again = checkpointed(graph, self._back.gradients)

    def __iter__(self) -> Iterator[Event]:
        for _ in self._steps():
            yield from self.tensors.events()
        yield from self.tensors.events()

    def _steps(self) -> Iterator[None]:
        self._start()
        yield
        last = self._last_readers()
        for n, node in enumerate(self.graph.nodes):
            if node.op is not None:
                self.tensors.step = Step("forward", n)
                self._forward(n, node, node.op)
                for source in dict.fromkeys(node.holds):
                    if last.get(source) == n:
                        self.tensors.drop(self._homes[source])
                if node.op.reads_places and self.graph.places[node.inputs[1]] == n:
                    self.tensors.drop(self._places.pop(node.inputs[1]))
                if n not in last and n not in self.graph.outputs:
                    self.tensors.drop(self._homes[n])
                if self._back is not None:
                    self._back.forget(n)
                yield
        self._casts.forget()
        if self._back is not None:
            self._back.forget()
            starts = {self._again[n].numbers.start: keys for n, keys in self._held.items()}
            self.saved = self._back.held(starts)
            self.keeps = {n: tuple(kept.all) for n, kept in self._back.saved.items()}
            self.sizes = {k: self.tensors.size(k) for keys in self.keeps.values() for k in keys}
            yield from self._back.steps()

    def _start(self) -> None:
        """Parameters, buffers and inputs."""
        width = self.run.width
        for n, node in enumerate(self.graph.nodes):
            parameters, buffers = own_bytes(self.graph, node, width)
            for reason, own in (("parameter", parameters), ("buffer", buffers)):
                for size in own.values():
                    self.tensors.new(reason, n, Bytes(size))
            if node.op is None:
                self.tensors.allocate(n, "input", n, self.widths.output(n))
                self.tensors.hold(n)
        if self._back is not None:
            self._back.start()

    def _last_readers(self) -> dict[int, int]:
        """For each value that a layer reads and the caller does not keep, the last such layer."""
        last: dict[int, int] = {}
        for n, node in enumerate(self.graph.nodes):
            last |= dict.fromkeys(node.holds, n)
        for output in self.graph.outputs:
            last.pop(output, None)
        return last

    def _hold_inputs(self, part: Again) -> list[int]:
        """What a checkpoint holds: the values that it reads, and the state of the generator."""
        return [*(self.tensors.hold(self._homes[m]) for m in part.inputs), *self._generator(part)]

    def _generator(self, part: Again) -> list[int]:
        """The state of the generator of random numbers; that of a card is kept on the CPU."""
        on_cpu = self.run.device == "cpu"
        return [self.tensors.new("saved", part.numbers.start, Bytes(GENERATOR))] if on_cpu else []

    def run_again(self, n: int) -> None:
        """Before backward needs what a layer keeps, run the checkpoint that the layer is in."""
        part = self._again.get(n)
        if part is None or part.ran or n not in part.saving:
            return
        part.ran = True
        state = self._generator(part)  # the present one, which comes back after that
        homes: dict[int, int] = {}
        for m in part.run:
            if self._own[m]:
                homes[self._homes[m]] = self.tensors.number()
            self._homes[m] = homes.get(self._homes[m], self._homes[m])
        for m in part.run:
            node = self.graph.nodes[m]
            assert node.op is not None
            made = m != part.run[-1] or part.makes_last_output
            self._forward(m, node, node.op, again=True, made=made)
            for source in dict.fromkeys(node.holds):
                if part.last.get(source) == m:
                    self.tensors.drop(self._homes[source])
            if made and m not in part.last:
                state.append(self._homes[m])
        self._casts.forget()
        self.tensors.drop(*state)

    def _forward(
        self, n: int, node: Node, op: Op, *, again: bool = False, made: bool = True
    ) -> None:
        """Run a layer, and hold for backward what it keeps; in a checkpoint the second time only.

        Without `made`, torch stops inside the layer and drops its output.
        """
        xs, home = self.graph.shapes_into(node), self._homes[n]
        kept = Kept()
        part = self._again.get(n)
        if part is not None and not again and n == part.numbers.start:
            self._held[part.saving[0]] = self._hold_inputs(part)
        forgets = self._back is None or part is not None and not again
        back = None if forgets or self._back is None else self._back.of(n)
        if back is not None:
            kept = op.keeps(*xs, y=node.shape, back=back)
            if n in self._over and not self._own[n]:
                kept = _kept_in_place(op, kept, values(node.shape))
        busiest = op.busiest(*xs, y=node.shape, back=back)
        own = self.widths.total(kept.extras, n)
        if self._own[n]:
            own = own.plus(self.widths.output(n))
        inputs = self._casts.of_inputs(n)
        for early in (moment for moment in busiest if made and not moment.copies):
            self.tensors.pass_by(n, self.widths.total(early.extras, n))
        parameters = self._casts.of_parameters(n)
        copies = self._copies(n, node, op, kept, inputs)
        moments = [self._at(moment, n, kept) for moment in busiest if moment.copies]
        for moment in moments:
            if made and not moment.covers(own):
                self.tensors.pass_by(n, moment)
        fitting = inputs | copies
        read = [fitting.get(m, self._homes[node.inputs[m]]) for m in kept.inputs]
        reread = [parameters[name] for name in kept.parameters if name in parameters]
        if made and self._own[n]:
            self.tensors.allocate(home, "output", n, self.widths.output(n))
        elif made:
            self.tensors.hold(home)
        held, copied = ([self.tensors.hold(key) for key in keys] for keys in (read, reread))
        saved = Saved(held, copied, [])
        if kept.output:
            saved.read.append(self.tensors.hold(home))
        for extra in kept.extras:
            if op.reads_places:  # the tensor that the pool made
                saved.read.append(self.tensors.hold(self._places[node.inputs[1]]))
            else:
                saved.extras.append(self.tensors.new("saved", n, self.widths.of(extra, n)))
        if n in self.graph.places and not again:
            self._places[n] = self._places_of(n, saved.extras)
        for moment in moments:
            if made and moment.covers(own):
                self.tensors.pass_by(n, moment.less(own))
        self.tensors.drop(*inputs.values(), *copies.values(), *parameters.values())
        if self._back is not None:
            if not forgets:
                saved.read.extend(self._held.pop(n, ()))
            self._back.saved[n] = saved

    def _at(self, moment: Moment, n: int, kept: Kept) -> Bytes:
        """The bytes at a moment of a layer, beside its inputs and the copies of these."""
        total = self.widths.total(moment.extras, n)
        return total if moment.casts else total.less(self._casts.dropped(n, kept.inputs))

    def _copies(
        self, n: int, node: Node, op: Op, kept: Kept, casts: Mapping[int, int]
    ) -> dict[int, int]:
        """Copy the inputs of a layer whose layouts do not fit, and return the copies by input.

        A copy that autocast makes fits, unless the layer's own kernel makes another one of it.
        """
        if type(op).copied is Op.copied:
            return {}
        shapes = [(self.run.batch, *self.graph.nodes[m].shape) for m in node.inputs]
        layouts = [self._layouts.get(m) or contiguous(x) for m, x in zip(node.inputs, shapes)]
        found = {}
        for m in op.copied(*layouts):
            if m in kept.inputs if op.copies_inside else m not in casts:
                reason = "saved" if op.copies_inside else "temporary"
                size = Bytes(0, product(shapes[m][1:]) * self.widths.types[n].read[m])
                found[m] = self.tensors.new(reason, n, size)
        return found

    def _places_of(self, n: int, saved: list[int]) -> int:
        """The tensor with the places of a pool's maxima: the one that backward holds, or anew."""
        if saved:
            return self.tensors.hold(saved[-1])
        places = Extra(values(self.graph.nodes[n].shape), "indices")
        return self.tensors.new("output", n, self.widths.of(places, n))


def _kept_in_place(op: Op, kept: Kept, size: int) -> Kept:
    """What backward holds of a layer that wrote over its input: the result, or a copy."""
    if op.keeps_output or op.keeps_written:
        return kept._replace(inputs=(), output=True)
    return kept._replace(inputs=(), extras=(*kept.extras, *[Extra(size)] * len(kept.inputs)))
