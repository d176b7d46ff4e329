"""Records the values that computations of a network read and return, beside what they are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.weak import WeakTensorKeyDictionary

from ..aten import Computed
from .forms import MATRIX_PRODUCTS
from .recorder import COMMUTATIVE, Event, Recorder, tensors_in

TOLERANCE = 2e-3  # of the root mean square of what a computation returns, or of the largest value


class Own(NamedTuple):
    """A tensor that a computation reads, and that no input has a part in."""

    names: tuple[str, ...]  # of the parameters and buffers that it is computed from
    held: bool  # it is a view of one of them
    value: Tensor  # of a product, with the axis of the outputs first


class Values:
    """What a computation reads besides the results of others, and a digest of what it returns."""

    def __init__(self, own: list[Own], epsilon: float | None):
        self.own, self.epsilon = own, epsilon
        self.digest: Digest | None = None


class Digest(NamedTuple):
    """Figures that do not depend on the order of values."""

    mean: float
    rms: float  # root mean square
    smallest: float
    largest: float

    def is_near(self, other: Digest) -> bool:
        """Return whether two results may be the same values, in whatever order."""
        rms = max(self.rms, other.rms)
        most = max(map(abs, (self.smallest, self.largest, other.smallest, other.largest)))
        return all(
            a == b or a != a and b != b or abs(a - b) <= TOLERANCE * c  # infinity, NaN
            for a, b, c in zip(self, other, (rms, rms, most, most))
        )


class ValueRecorder(Recorder):
    """Records the values that computations read and return, too."""

    def __init__(self, network: nn.Module):
        super().__init__(network)
        self.tensors = named_tensors(network)
        self.types: set[torch.dtype] = set()  # of what is computed
        self.read: dict[int, list[int]] = defaultdict(list)  # the events whose results one reads
        self._names = {_storage(t): name for name, t in self.tensors.items() if not t.is_sparse}
        self._origins = WeakTensorKeyDictionary()  # names of what tensors are computed from
        self._epsilon: float | None = None
        self._makers = WeakTensorKeyDictionary()  # numbers of the events that computed tensors
        self._readers: dict[int, list[tuple[int, int]]] = defaultdict(list)  # and where they read
        self._outputs: dict[int, list[int]] = defaultdict(list)  # by the event that computed them
        self._values: dict[int, Values] = {}  # by the number of the event
        self._numbers: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args)) | (kwargs or {})
        self._epsilon = given.get("eps", given.get("epsilon"))
        before, read = len(self.events), tensors_in((args, kwargs))
        returned = super().__torch_dispatch__(func, types, args, kwargs)
        made = tensors_in(returned)
        self._note_maker(read, made, before)
        own = (name for t in read if t not in self.flows for name in self._origin(t))
        origins = tuple(dict.fromkeys(name for name in own if not _is_index(self.tensors[name])))
        for t in made:
            if t not in self.flows:
                self._origins[t] = origins
            elif t.is_floating_point():
                self.types.add(t.dtype)
        return returned

    def returned(self, outputs: list[Tensor]) -> None:
        """Note which events made the outputs of the network."""
        self._numbers = {id(event): n for n, event in enumerate(self.events)}
        for place, t in enumerate(outputs):
            if t in self._makers:
                self._outputs[self._makers[t]].append(place)

    def of(self, event: Event) -> Values:
        """Return what was recorded of an event."""
        return self._values[self._numbers[id(event)]]

    def roles(self) -> list[int]:
        """Return a hash for each event of what it is computed from, and of all that reads it."""
        found = [event.flow for event in self.events]
        for n in range(len(found) - 1, -1, -1):
            reading = sorted(hash((found[reader], place)) for reader, place in self._readers[n])
            found[n] = hash((found[n], *reading, "outputs", *self._outputs[n]))
        return found

    def _note_maker(self, given: list[Tensor], returned: list[Tensor], before: int) -> None:
        """Note which event made what a call returned; there were `before` events before it."""
        made = [self._makers[t] for t in given if t in self._makers]
        for n in range(before, len(self.events)):
            ordered = self.events[n].kind not in COMMUTATIVE
            for place, maker in enumerate(made):
                self._readers[maker].append((n, place if ordered else 0))
            self.read[n] = made
            made = [n]
        for t in returned if made else ():
            self._makers[t] = made[0]

    def _record_recurrent(self, module: nn.RNNBase, xs: list[Tensor], ys: list[Tensor]) -> None:
        before = len(self.events)
        super()._record_recurrent(module, xs, ys)
        self._note_maker(xs, ys, before)

    def _record(self, steps: list[Computed], output: Tensor) -> list[int]:
        flows = super()._record(steps, output)
        if not output.is_meta:
            with _disable_current_modes():  # it is on while hooks of recurrent layers run
                self._values[len(self.events) - 1].digest = _digest(output)
        return flows

    def _event(self, step: Computed, output: Tensor | None, flows: list[int]) -> Event:
        event = super()._event(step, output, flows)
        own: list[Own] = []
        data = bool(flows)
        for t in step.tensors:
            if t in self.flows:
                data = True
                continue
            is_right = data and event.kind in MATRIX_PRODUCTS and t.dim() > 1
            own.append(self._own(t, t.mT if is_right else t))
        own.sort(key=lambda each: -each.value.dim())  # calls differ in where they take a bias
        self._values[len(self.events)] = Values(own, self._epsilon)
        return event

    def _own(self, t: Tensor, value: Tensor) -> Own:
        return Own(self._origin(t), not t.is_sparse and _storage(t) in self._names, value)

    def _origin(self, t: Tensor) -> tuple[str, ...]:
        """Return the names of the parameters and buffers that a tensor is computed from."""
        name = None if t.is_sparse else self._names.get(_storage(t))
        return (name,) if name is not None else self._origins.get(t, ())


def _is_index(t: Tensor) -> bool:
    """Return whether a tensor only says which values of others are read, in a form of its own."""
    return not (t.is_floating_point() or t.is_complex())


def _storage(t: Tensor) -> int:
    place: int = t.untyped_storage()._cdata
    return place


def _digest(y: Tensor) -> Digest:
    if y.is_complex():
        y = torch.view_as_real(y)
    mean = float(y.mean(dtype=torch.float64))
    rms = float(torch.linalg.vector_norm(y, dtype=torch.float64)) / max(y.numel(), 1) ** 0.5
    return Digest(mean, rms, float(y.min()), float(y.max()))


def named_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and buffers of a network by name."""
    parameters = network.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(network.named_buffers(remove_duplicate=False))}
