"""What a network computes, as torch dispatches it: alike for modules, functions and `+`.

Moves (views, slices, permutations, shuffles, casts) can be written in too many ways to compare, and
are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

from ...ops import OPS
from ...ops.pool import AdaptiveAvgPool, AvgPool
from ...wording import shape_text
from ..aten import Computed, computed_by

_COMMUTATIVE = frozenset(op.key for op in OPS if op.commutative)


class Event(NamedTuple):
    """One computation."""

    kind: str  # its operator
    shape: tuple[int, ...] | None  # of its output, batch first; None where it failed
    weights: tuple[tuple[int, ...], ...]  # shapes of the parameters that it reads
    numbers: tuple[tuple[str, Any], ...]  # stride, padding, slope and the like, where it has them
    where: str  # path of the module that asked for it
    elementwise: bool  # the shape of its largest input, and no parameters
    # A hash of everything it is computed from: equal for equal computations in any order.
    flow: int
    reads: tuple[str, ...]  # the modules that computed what it reads

    @property
    def what(self) -> tuple[Any, ...]:
        """What it does, wherever it is. `eps` and `momentum` are not compared."""
        return self.kind, self.weights, self.numbers

    @property
    def size(self) -> tuple[int, ...]:
        """The output's shape; a mean over the map may keep its axes of 1 or drop them."""
        shape = (self.shape or ())[1:]
        return tuple(n for n in shape if n != 1) if self.kind == "mean" else shape

    def __str__(self) -> str:
        text = self.kind
        if self.shape:
            text += f" → {shape_text(self.shape[1:]) or 'one value'}"
        if self.weights:
            text += f" with {' and '.join(map(shape_text, self.weights))}"
        return text


class _Source(NamedTuple):
    """Parameters that a tensor holds, and the shape they have in it."""

    names: tuple[str, ...]
    shape: tuple[int, ...]


class Recorder(TorchDispatchMode):
    """Records every computation of a network while it runs, and the one that failed."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.events: list[Event] = []
        self.failed: Event | None = None
        self.used: set[str] = set()  # names of the parameters that were read
        self.flows = WeakTensorKeyDictionary()  # of tensors computed from the inputs
        self._network = network
        self._running: list[str] = [""]  # paths of the modules that are running, outermost first
        self._handles: list[Any] = []
        self._stored: dict[int, _Source] = {}  # by storage
        for name, parameter in network.named_parameters():
            if not is_lazy(parameter):
                storage = parameter.untyped_storage()._cdata
                self._stored[storage] = _Source((name,), tuple(parameter.shape))
        self._derived = WeakTensorKeyDictionary()  # sources of tensors made of parameters alone
        self._writers: dict[int, str] = {}  # by flow, the module that computed it

    def run(self, inputs: list[Tensor]) -> Any:
        """Run the network once, without gradients, and return what it returns.

        `events` holds what was computed, also on failure.
        """
        with torch.no_grad(), self:
            for n, x in enumerate(inputs):
                self.flows[x] = hash(("input", n))
                self._writers[self.flows[x]] = "the input"
            return self._network(*inputs)

    def __enter__(self) -> Recorder:
        for path, module in self._network.named_modules():

            def enter(module: nn.Module, xs: Any, path: str = path) -> None:
                self._running.append(path)

            self._handles.append(module.register_forward_pre_hook(enter))
            self._handles.append(module.register_forward_hook(self._leave, always_call=True))
        super().__enter__()
        return self

    def _leave(self, *_: Any) -> None:
        self._running.pop()

    def __exit__(self, *failure: Any) -> None:
        for handle in self._handles:
            handle.remove()
        super().__exit__(*failure)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = _tensors((args, kwargs))
        steps = computed_by(func, args, kwargs)
        try:
            returned = func(*args, **kwargs)
        except Exception:
            if steps:
                self.failed = self._event(steps[0], None, [])
            raise
        outputs = _tensors(returned)
        sources = [source for t in given if (source := self._source(t))]
        flows = [self.flows[t] for t in given if t in self.flows]
        if flows and steps and outputs:
            flows = self._record(steps, outputs[0])
        for t in outputs:
            if flows:
                self.flows[t] = flows[0]
            elif sources:
                self._derived[t] = _joined(sources, t) if steps else sources[0]
        return returned

    def _record(self, steps: list[Computed], output: Tensor) -> list[int]:
        """Record what a call computes, step by step, and return the flow of the last."""
        flows: list[int] = []
        for step in steps:
            event = self._event(step, output, flows)
            self.events.append(event)
            self._writers.setdefault(event.flow, event.where or "its forward")
            flows = [event.flow]
        return flows

    def _source(self, t: Tensor) -> _Source | None:
        """The parameters that a tensor holds."""
        return self._stored.get(t.untyped_storage()._cdata) or self._derived.get(t)

    def _event(self, step: Computed, output: Tensor | None, flows: list[int]) -> Event:
        """Describe a computation; `flows` are those of the step before it in the same call."""
        kind, numbers, tensors = step
        data = [t for t in tensors if t in self.flows]
        own = [t for t in tensors if t not in self.flows]
        sources = [source for t in own if (source := self._source(t))]
        self.used.update(*(source.names for source in sources))
        weights = tuple(sorted((source.shape for source in sources), key=len, reverse=True))
        if output is not None and _is_mean(kind, output, data, numbers):
            kind, numbers = "mean", {}  # of the whole map, however it is written
        shape = None if output is None else tuple(output.shape)
        largest = max((t.shape for t in data), key=lambda s: s.numel(), default=shape)
        read = flows + [self.flows[t] for t in data]
        settings = tuple(numbers.items())
        ordered = tuple(sorted(read) if kind in _COMMUTATIVE else read)
        values = 0 if output is None else output.numel()
        return Event(
            kind=kind,
            shape=shape,
            weights=weights,
            numbers=settings,
            where=self._running[-1],
            elementwise=not weights and shape == largest,
            flow=hash((kind, weights, settings, values, ordered)),
            reads=tuple(self._writers.get(flow, "?") for flow in read),
        )


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _joined(sources: list[_Source], result: Tensor) -> _Source:
    """The source of a tensor that is computed of parameters; one that only moves is unchanged."""
    names = [name for source in sources for name in source.names]
    return _Source(tuple(names), tuple(result.shape))


def _is_mean(kind: str, output: Tensor, data: list[Tensor], settings: Mapping[str, Any]) -> bool:
    """Whether a mean or pool covers the whole map."""
    if kind in (AdaptiveAvgPool.key, "mean"):
        return set(output.shape[2:]) <= {1}
    if kind != AvgPool.key or not data:
        return False
    spatial = tuple(data[0].shape[2:])
    kernel = settings["kernel_size"]
    whole = kernel if isinstance(kernel, tuple) else (kernel,) * len(spatial)
    return whole == spatial and not settings.get("padding")
