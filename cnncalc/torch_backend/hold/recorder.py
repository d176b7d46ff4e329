"""What a network computes, as torch itself dispatches it: the same for modules, functions and operators such as `+`.

Moves — views, slices, permutations, shuffles, casts — are written in too many ways to compare, and are passed over.
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

from ...ops.base import named
from ..aten import CONVOLUTION_SETTINGS, steps

MOVES = frozenset(
    (
        "view",
        "unsafe_view",
        "reshape",
        "reshape_alias",
        "t",
        "transpose",
        "permute",
        "expand",
        "unsqueeze",
        "squeeze",
        "slice",
        "select",
        "split",
        "split_with_sizes",
        "chunk",
        "unbind",
        "alias",
        "detach",
        "clone",
        "to_copy",
        "copy",
        "index",
        "index_select",
        "as_strided",
        "lift_fresh",
        "unfold",
        "empty",
        "empty_like",
        "empty_strided",
        "zeros",
        "zeros_like",
        "ones",
        "ones_like",
        "full",
        "full_like",
        "new_empty",
        "new_zeros",
        "new_ones",
        "arange",
        "scalar_tensor",
        "bernoulli",
        "rand",
        "rand_like",
        "randn",
        "randn_like",
        "dropout",
        "native_dropout",
        "channel_shuffle",
        "native_channel_shuffle",
        "pixel_shuffle",
        "pixel_unshuffle",
        "local_scalar_dense",
        "is_same_size",
        "equal",
        "item",
        "unflatten",
        "resize",
        "set",
        "fill",
        "zero",
        "unsafe_split",
        "stack",
        "movedim",
        "repeat",
        "repeat_interleave",
        "flip",
        "roll",
        "slice_scatter",
        "select_scatter",
        "contiguous",
        "isnan",
        "any",
        "all",
        "masked_fill",
        "where",
        "view_as",
        "narrow",
        "diagonal",
        "tile",
    )
)
NAMES = {
    "addmm": "linear",
    "mm": "linear",
    "bmm": "linear",
    "baddbmm": "linear",
    "convolution": "conv",
    "cat": "concat",
    "max_pool1d": "maxpool",
    "max_pool2d": "maxpool",
    "max_pool3d": "maxpool",
    "avg_pool1d": "avgpool",
    "avg_pool2d": "avgpool",
    "avg_pool3d": "avgpool",
    "adaptive_avg_pool1d": "adaptiveavgpool",
    "adaptive_avg_pool2d": "adaptiveavgpool",
    "adaptive_avg_pool3d": "adaptiveavgpool",
    "adaptive_max_pool1d": "adaptivemaxpool",
    "adaptive_max_pool2d": "adaptivemaxpool",
    "adaptive_max_pool3d": "adaptivemaxpool",
    "batch_norm": "batchnorm",
    "layer_norm": "layernorm",
    "group_norm": "groupnorm",
    "instance_norm": "instancenorm",
    "constant_pad_nd": "pad",
}
ELSEWHERE = frozenset(
    (  # arguments that shapes tell already, or that are no part of what is computed
        "eps",
        "epsilon",
        "momentum",
        "exponential_average_factor",
        "training",
        "train",
        "cudnn_enabled",
        "benchmark",
        "deterministic",
        "allow_tf32",
        "N",
        "C",
        "HxW",
        "input_shape",
        "normalized_shape",
        "transposed",
        "beta",
        "output_size",
        "scales_h",
        "scales_w",
        "scales_d",
        "scales",
        "scale_factors",
        "dtype",
        "layout",
        "device",
        "pin_memory",
        "memory_format",
        "out_dtype",
        "half_to_float",
        "bias_sizes",
    )
)


class Event(NamedTuple):
    """One computation: its operator, the output (batch first), the parameters it reads, its settings, the module that asked for it."""

    kind: str
    shape: tuple[int, ...] | None  # None where it failed
    weights: tuple[tuple[int, ...], ...]
    numbers: tuple[tuple[str, Any], ...]  # stride, padding, slope and the like, where it has them
    where: str
    elementwise: bool  # the shape of its largest input, and no parameters
    flow: int  # tells everything it is computed from: equal for equal computations, whatever the order of the calls
    reads: tuple[str, ...]  # the modules that computed what it reads

    @property
    def what(self) -> tuple[Any, ...]:
        """What it does, wherever it stands. `eps` and `momentum` are not compared."""
        return self.kind, self.weights, self.numbers

    @property
    def size(self) -> tuple[int, ...]:
        """The output's shape; a mean over the map may keep its axes of 1 or drop them."""
        shape = (self.shape or ())[1:]
        return tuple(n for n in shape if n != 1) if self.kind == "mean" else shape

    def __str__(self) -> str:
        output = f" → {named(self.shape[1:]) or 'one value'}" if self.shape else ""
        return f"{self.kind}{output}" + (
            f" with {' and '.join(map(named, self.weights))}" if self.weights else ""
        )


class Source(NamedTuple):
    """Parameters that a tensor holds, and the shape they have in it."""

    names: tuple[str, ...]
    shape: tuple[int, ...]


class Recorder(TorchDispatchMode):
    """Notes every computation of a network while it runs, and the one that failed."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.events: list[Event] = []
        self.failed: Event | None = None
        self.stack: list[str] = [""]
        self.stored = {
            p.untyped_storage()._cdata: Source((name,), tuple(p.shape))
            for name, p in network.named_parameters()
            if not is_lazy(p)
        }
        self.used: set[str] = set()
        self.flows = WeakTensorKeyDictionary()  # of tensors that the inputs lead to
        self.derived = WeakTensorKeyDictionary()  # of tensors made of parameters alone
        self.writers: dict[int, str] = {}  # flow → the module that computed it
        self.handles: list[Any] = []

    def run(self, inputs: list[Tensor]) -> Any:
        """Runs the network once, without gradients, and returns what it returns; `events` has what was seen, also on failure."""
        with torch.no_grad(), self:
            for n, x in enumerate(inputs):
                self.flows[x] = hash(("input", n))
                self.writers[self.flows[x]] = "the input"
            return self.network(*inputs)

    def __enter__(self) -> Recorder:
        for path, module in self.network.named_modules():
            self.handles.append(
                module.register_forward_pre_hook(lambda m, xs, path=path: self.stack.append(path))
            )
            self.handles.append(module.register_forward_hook(self.leave, always_call=True))
        return super().__enter__()

    def leave(self, *_: Any) -> None:
        """A module has returned."""
        self.stack.pop()

    def __exit__(self, *failure: Any) -> None:
        for handle in self.handles:
            handle.remove()
        super().__exit__(*failure)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [
            leaf for leaf in (*tree_leaves(args), *tree_leaves(kwargs)) if isinstance(leaf, Tensor)
        ]
        steps = steps_of(func, args, kwargs)
        try:
            out = func(*args, **kwargs)
        except Exception:
            if steps:
                self.failed = self.event(steps[0], None, [])
            raise
        outs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        sources = [source for t in tensors if (source := self.source(t))]
        flows = [self.flows[t] for t in tensors if t in self.flows]
        if flows and steps and outs:
            flows = []
            for step in steps:
                event = self.event(step, outs[0], flows)
                self.events.append(event)
                self.writers.setdefault(event.flow, event.where or "its forward")
                flows = [event.flow]
        for t in outs:
            if flows:
                self.flows[t] = flows[0]
            elif sources:  # made of parameters: moved, they keep their shapes; computed, they have that of the result
                self.derived[t] = (
                    Source(
                        tuple(name for source in sources for name in source.names), tuple(t.shape)
                    )
                    if steps
                    else sources[0]
                )
        return out

    def source(self, t: Tensor) -> Source | None:
        """The parameters that a tensor holds."""
        return self.stored.get(t.untyped_storage()._cdata) or self.derived.get(t)

    def event(self, step: Computed, out: Tensor | None, flows: list[int]) -> Event:
        """What is being computed; `flows` are those of the step before it in the same call."""
        kind, numbers, tensors = step
        sources = [source for t in tensors if t not in self.flows and (source := self.source(t))]
        self.used.update(name for source in sources for name in source.names)
        data = [t for t in tensors if t in self.flows]
        weights = tuple(sorted((source.shape for source in sources), key=len, reverse=True))
        if out is not None and is_mean(kind, out, data, numbers):
            kind, numbers = "mean", {}  # of the whole map, however it is written
        flows = flows + [self.flows[t] for t in data]
        settings = tuple(numbers.items())
        flow = hash(
            (
                kind,
                weights,
                settings,
                out.numel() if out is not None else 0,
                tuple(sorted(flows) if kind in ("add", "mul") else flows),
            )
        )
        largest = max(
            (t.shape for t in data),
            key=lambda shape: shape.numel(),
            default=out.shape if out is not None else None,
        )
        shape = None if out is None else tuple(out.shape)
        reads = tuple(self.writers.get(f, "?") for f in flows)
        return Event(
            kind,
            shape,
            weights,
            settings,
            self.stack[-1],
            not weights and shape == largest,
            flow,
            reads,
        )


def is_mean(kind: str, out: Tensor, data: list[Tensor], numbers: Mapping[str, Any]) -> bool:
    """Whether a mean or pool covers the whole map."""
    if kind in ("adaptiveavgpool", "mean"):
        return set(out.shape[2:]) <= {1}
    if kind != "avgpool" or not data:
        return False
    kernel = numbers["kernel_size"]
    return (kernel if isinstance(kernel, tuple) else (kernel,) * (data[0].dim() - 2)) == tuple(
        data[0].shape[2:]
    ) and not numbers.get("padding")


class Computed(NamedTuple):
    """One operator of a call: its kind, its settings, and the tensors it reads."""

    kind: str
    numbers: dict[str, Any]
    tensors: list[Tensor]


def steps_of(func: Any, args: Any, kwargs: Mapping[str, Any]) -> list[Computed]:
    """What a call computes: one operator, or several that are fused; nothing where values only move."""
    name = func._schema.name.partition("::")[2].strip("_")
    if name in MOVES or name.removesuffix("_copy") in MOVES or func._schema.name.startswith("prim"):
        return []
    given = dict(zip((argument.name for argument in func._schema.arguments), args)) | dict(kwargs)
    found = []
    for operator, reads in steps(name):
        tensors = [
            leaf
            for leaf in tree_leaves([v for k, v in given.items() if reads is None or k in reads])
            if isinstance(leaf, Tensor)
        ]
        found.append(Computed(*kind_of(operator, given, settings(func, args, kwargs)), tensors))
    return found


def kind_of(
    operator: str, given: Mapping[str, Any], numbers: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """An operator's kind, the same however torch calls it, and the settings that make a difference."""
    if operator in ("convolution", "conv_transpose"):
        transposed = operator == "conv_transpose" or given.get("transposed", False)
        kept = {key: numbers.get(key, default) for key, default in CONVOLUTION_SETTINGS.items()}
        return (
            ("conv_transpose", {**kept, "output_padding": numbers.get("output_padding", 0)})
            if transposed
            else ("conv", kept)
        )
    if operator in ("hardtanh", "clamp", "clamp_min", "relu6"):
        low, high = (
            numbers.get(a, numbers.get(b)) for a, b in (("min_val", "min"), ("max_val", "max"))
        )
        known = "relu" if (low, high) == (0, None) else "relu6" if (low, high) == (0, 6) else None
        return (known, {}) if known else (operator, numbers)
    if operator == "relu" and given.get("use_gelu"):
        return "gelu", {"approximate": "tanh"}
    if operator in ("mean", "addmm", "mm", "bmm", "baddbmm", "relu"):
        numbers = {}
    return NAMES.get(operator, operator), numbers


def settings(func: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are no tensors, torch's defaults put in; one number where all axes have the same."""
    known = func._schema.arguments
    given = (
        {a.name: a.default_value for a in known}
        | dict(zip((a.name for a in known), args))
        | dict(kwargs)
    )
    dims = next((a.dim() for a in args if isinstance(a, Tensor)), 0)
    found: dict[str, Any] = {}
    for name, value in given.items():
        if (
            name in ELSEWHERE
            or value is None
            or not all(isinstance(v, (bool, int, float, str)) for v in tree_leaves(value))
        ):
            continue
        value = tuple(value) if isinstance(value, (list, tuple)) else value
        if name == "dim" and isinstance(value, int):
            value %= max(dims, 1)
        found[name] = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
    if found.get("stride") == ():  # a pool's default
        found["stride"] = found["kernel_size"]
    return found
