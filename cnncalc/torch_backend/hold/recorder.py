"""Records what a network computes as torch dispatches it: the same for modules, functions and `+`.

Operators that only move values (views, slices, permutations, shuffles, casts) can be written in too
many ways to compare, so they are skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakTensorKeyDictionary

from ...ops import BY_KEY, OPS
from ...ops.adaptive import AdaptiveAvgPool
from ...ops.concat import Concat
from ...ops.join import Add, Mul
from ...ops.linear import Linear
from ...ops.matmul import Matmul
from ...ops.pad import Pad
from ...ops.pool import AvgPool
from ...wording import shape_text
from ..aten import REDUCTIONS, Computed, computed_by
from .forms import form, is_matrix
from .products import AttentionByProducts

COMMUTATIVE = frozenset(op.key for op in OPS if op.commutative)

_NO_PRODUCTS = ("embedding",)  # operators with matrices of parameters that multiply nothing


Arranged = Callable[[list[Tensor]], tuple[tuple[Any, ...], dict[str, Any]]]


def in_order(inputs: list[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return inputs as arguments by position."""
    return tuple(inputs), {}


class Event(NamedTuple):
    """One computation."""

    kind: str  # its operator
    shape: tuple[int, ...] | None  # of its output, batch first; None if it failed
    weights: tuple[tuple[int, ...], ...]  # shapes of the parameters that it reads
    numbers: tuple[tuple[str, Any], ...]  # stride, padding, slope and the like, if it has them
    where: str  # path of the module that called it
    elementwise: bool  # its output has the shape of its largest input, and it reads no parameters
    # A hash of everything that it is computed from. Equal computations have equal hashes, in
    # whatever order they are called.
    flow: int
    reads: tuple[str, ...]  # the modules that computed its inputs

    @property
    def what(self) -> tuple[Any, ...]:
        """Return what it does, wherever it is. `eps` and `momentum` are not compared."""
        return form(self.kind, self.weights, self.numbers, self.shape)

    @property
    def size(self) -> tuple[int, ...]:
        """Return the output's shape as it is compared.

        Its axes may be in another order, merged or among the images in what is computed value by
        value, in products, reductions, and layers with one parameter per channel.
        """
        shape = self.shape or ()
        kind, weights, _ = self.what
        per_channel = bool(weights) and all(len(weight) == 1 for weight in weights)
        any_order = kind in (Linear.key, Matmul.key, Add.key, Mul.key, Concat.key, Pad.key)
        if any_order or self.elementwise or per_channel or self.kind in REDUCTIONS:
            return (prod(shape),)
        return shape[1:]

    def __str__(self) -> str:
        text = self.kind
        if self.shape:
            text += f" → {shape_text(self.shape[1:]) or 'one value'}"
        if self.weights:
            text += f" with {' and '.join(map(shape_text, self.weights))}"
        return text


class _Source(NamedTuple):
    """The parameters that a tensor holds, and its shape."""

    names: tuple[str, ...]
    shape: tuple[int, ...]


class Recorder(TorchDispatchMode):
    """Records every computation of a network while it runs, and the one that fails."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.events: list[Event] = []
        self.failed: Event | None = None
        self.used: set[str] = set()  # names of the parameters that were read
        self.uncounted: dict[str, str] = {}  # by module: operators whose MACs torch does not count
        self.flows = WeakTensorKeyDictionary()  # of tensors computed from the inputs
        self._network = network
        self._running: list[str] = [""]  # paths of the modules that are running, outermost first
        self._recurrent: list[str] = []  # paths of the recurrent layers that are running
        self._handles: list[Any] = []
        self._stored: dict[int, _Source] = {}  # by storage
        for name, parameter in network.named_parameters():
            if not is_lazy(parameter):
                storage = parameter.untyped_storage()._cdata
                self._stored[storage] = _Source((name,), tuple(parameter.shape))
        self._derived = WeakTensorKeyDictionary()  # sources of tensors made of parameters alone
        self._writers: dict[int, str] = {}  # by flow, the module that computed it
        self._last_read: list[Tensor] = []  # by the last computation

    def run(self, inputs: list[Tensor], arguments: Arranged = in_order) -> Any:
        """Run the network once, without gradients, and return what it returns.

        `arguments` turns the inputs into arguments of its forward.

        `events` holds what was computed, even if it fails. Attention is computed as on every
        device, by products.
        """
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), AttentionByProducts(), self:
            for n, x in enumerate(inputs):
                self.flows[x] = hash(("input", n))
                self._writers[self.flows[x]] = "the input"
            args, kwargs = arguments(inputs)
            return self._network(*args, **kwargs)

    def __enter__(self) -> Recorder:
        for path, module in self._network.named_modules():

            def enter(module: nn.Module, xs: Any, path: str = path) -> None:
                self._running.append(path)
                if isinstance(module, nn.RNNBase):
                    self._recurrent.append(path)

            self._handles.append(module.register_forward_pre_hook(enter))
            self._handles.append(module.register_forward_hook(self._leave, always_call=True))
        super().__enter__()
        return self

    def _leave(self, module: nn.Module, xs: Any, y: Any) -> None:
        if isinstance(module, nn.RNNBase) and y is not None:
            self._recurrent.pop()
            if not self._recurrent:
                self._record_recurrent(module, tensors_in(xs), tensors_in(y))
        self._running.pop()

    def _record_recurrent(self, module: nn.RNNBase, xs: list[Tensor], ys: list[Tensor]) -> None:
        """Record a recurrent layer as one computation, whose steps differ between devices."""
        y = ys[0] if module.batch_first or ys[0].dim() < 3 else ys[0].transpose(0, 1)
        kind, _, activation = module.mode.lower().partition("_")
        numbers = {"activation": activation} if activation else {}
        (flow,) = self._record([Computed(kind, numbers, [*xs, *module.parameters()])], y)
        for t in ys:
            self.flows[t] = flow

    def __exit__(self, *failure: Any) -> None:
        for handle in self._handles:
            handle.remove()
        super().__exit__(*failure)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = tensors_in((args, kwargs))
        steps = computed_by(func, args, kwargs)
        try:
            returned = func(*args, **kwargs)
        except Exception:
            if steps:
                self.failed = self._event(steps[0], None, [])
            raise
        outputs = tensors_in(returned)
        sources = [source for t in given if (source := self._source(t))]
        flows = [self.flows[t] for t in given if t in self.flows]
        if self._recurrent:
            for t in outputs if flows else ():
                self.flows[t] = flows[0]
            return returned
        if flows and steps and outputs:
            if len(steps) == 1 and self._adds_bias(steps[0]):
                flows = self._with_bias(steps[0], outputs[0])
            else:
                flows = self._record(steps, outputs[0])
            self._note_uncounted(steps[0], func)
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
            self._last_read = step.tensors
            event = self._event(step, output, flows)
            self.events.append(event)
            self._writers.setdefault(event.flow, event.where or "its forward")
            flows = [event.flow]
        return flows

    def _adds_bias(self, step: Computed) -> bool:
        """Return whether a sum adds the bias of the linear layer just before it."""
        if step.kind != Add.key or len(step.tensors) != 2 or not self.events:
            return False
        before, (x, bias) = self.events[-1], step.tensors
        source = self._source(bias)
        if before.kind != Linear.key or len(before.weights) != 1 or source is None:
            return False
        return self.flows.get(x) == before.flow and source.shape == before.weights[0][:1]

    def _with_bias(self, step: Computed, output: Tensor) -> list[int]:
        """Make the sum a part of the linear layer before it."""
        self.events.pop()
        linear = Computed(Linear.key, {}, [*self._last_read, step.tensors[1]])
        return self._record([linear], output)

    def _note_uncounted(self, step: Computed, func: Any) -> None:
        """Note a computation with matrices of parameters that torch's counter does not count."""
        if step.kind in BY_KEY or step.kind in _NO_PRODUCTS:
            return
        if func._overloadpacket in flop_registry:
            return
        sources = [self._source(t) for t in step.tensors if t not in self.flows]
        if any(source and len(source.shape) > 1 for source in sources):
            self.uncounted.setdefault(self._running[-1], step.kind)

    def _source(self, t: Tensor) -> _Source | None:
        """Return the parameters that a tensor holds."""
        return self._stored.get(t.untyped_storage()._cdata) or self._derived.get(t)

    def _event(self, step: Computed, output: Tensor | None, flows: list[int]) -> Event:
        """Describe a computation. `flows` are those of the step before it in the same call."""
        kind, numbers, tensors = step
        data = [t for t in tensors if t in self.flows]
        own = [t for t in tensors if t not in self.flows]
        sources = [source for t in own if (source := self._source(t))]
        self.used.update(*(source.names for source in sources))
        weights = tuple(sorted((source.shape for source in sources), key=len, reverse=True))
        if output is not None and _is_mean(kind, output, data, numbers):
            kind, numbers = "mean", {}  # of the whole map, whichever operator computes it
        if kind == Matmul.key and len(weights) == 1 and is_matrix(weights[0]):
            kind = Linear.key
        shape = None if output is None else tuple(output.shape)
        largest = max((t.shape for t in data), key=lambda s: s.numel(), default=shape)
        read = flows + [self.flows[t] for t in data]
        settings = tuple(numbers.items())
        ordered = tuple(sorted(read) if kind in COMMUTATIVE else read)
        compared = form(kind, weights, settings, shape)
        values = 0 if output is None else output.numel()
        return Event(
            kind=kind,
            shape=shape,
            weights=weights,
            numbers=settings,
            where=self._running[-1],
            elementwise=not weights and shape == largest,
            flow=hash((*compared, values, ordered)),
            reads=tuple(self._writers.get(flow, "?") for flow in read),
        )


def tensors_in(tree: Any) -> list[Tensor]:
    """Return the tensors in arguments or in what a network returned, in their order."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def _joined(sources: list[_Source], result: Tensor) -> _Source:
    """Return the source of a tensor computed from parameters; one only moved keeps its source."""
    names = [name for source in sources for name in source.names]
    return _Source(tuple(names), tuple(result.shape))


def _is_mean(kind: str, output: Tensor, data: list[Tensor], settings: Mapping[str, Any]) -> bool:
    """Return whether a mean or pool covers the whole map."""
    if kind in (AdaptiveAvgPool.key, "mean"):
        return set(output.shape[2:]) <= {1}
    if kind != AvgPool.key or not data:
        return False
    spatial = tuple(data[0].shape[2:])
    kernel = settings["kernel_size"]
    whole = kernel if isinstance(kernel, tuple) else (kernel,) * len(spatial)
    return whole == spatial and not settings.get("padding")
