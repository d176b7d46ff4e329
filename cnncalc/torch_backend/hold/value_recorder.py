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
from .recorder import Event, Recorder, tensors_in

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
        scales = (rms, rms, most, most)
        return all(a == b or abs(a - b) <= TOLERANCE * c for a, b, c in zip(self, other, scales))


class ValueRecorder(Recorder):
    """Records the values that computations read and return, too."""

    def __init__(self, network: nn.Module):
        super().__init__(network)
        self.tensors = named_tensors(network)
        self._names = {t.untyped_storage()._cdata: name for name, t in self.tensors.items()}
        self._epsilon: float | None = None
        self._makers = WeakTensorKeyDictionary()  # numbers of the events that computed tensors
        self._readers: dict[int, list[int]] = defaultdict(list)  # of an event's result: events
        self._values: dict[int, Values] = {}  # by the number of the event

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args)) | (kwargs or {})
        self._epsilon = given.get("eps", given.get("epsilon"))
        before = len(self.events)
        returned = super().__torch_dispatch__(func, types, args, kwargs)
        self._note_maker(tensors_in((args, kwargs)), tensors_in(returned), before)
        return returned

    def of(self, event: Event) -> Values:
        """Return what was recorded of an event."""
        return next(v for n, v in self._values.items() if self.events[n] is event)

    def roles(self) -> list[int]:
        """Return a hash for each event of what it is computed from, and of all that reads it."""
        found = [event.flow for event in self.events]
        for n in range(len(found) - 1, -1, -1):
            found[n] = hash((found[n], *sorted(found[reader] for reader in self._readers[n])))
        return found

    def _note_maker(self, given: list[Tensor], returned: list[Tensor], before: int) -> None:
        """Note which event made what a call returned; there were `before` events before it."""
        made = [self._makers[t] for t in given if t in self._makers]
        for n in range(before, len(self.events)):
            for maker in made:
                self._readers[maker].append(n)
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
        name = self._names.get(t.untyped_storage()._cdata)
        if name is not None:
            return Own((name,), True, value)
        source = self._source(t)
        return Own(source.names if source else (), False, value)


def _digest(y: Tensor) -> Digest:
    if y.is_complex():
        y = torch.view_as_real(y)
    mean = float(y.mean(dtype=torch.float64))
    rms = float(torch.linalg.vector_norm(y, dtype=torch.float64)) / max(y.numel(), 1) ** 0.5
    return Digest(mean, rms, float(y.min()), float(y.max()))


def named_tensors(network: nn.Module) -> dict[str, Tensor]:
    parameters = network.named_parameters(remove_duplicate=False)
    return {**dict(parameters), **dict(network.named_buffers(remove_duplicate=False))}
