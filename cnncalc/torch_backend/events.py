"""What a network computes, as torch itself dispatches it: the same for modules, functions and operators such as `+`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.weak import WeakTensorKeyDictionary

# Moves or makes values, computes none: written in too many ways to compare.
MOVES = frozenset((
    "view", "unsafe_view", "reshape", "reshape_alias", "t", "transpose", "permute", "expand", "unsqueeze", "squeeze", "slice", "select", "split",
    "split_with_sizes", "chunk", "unbind", "alias", "detach", "clone", "to_copy", "copy", "index", "index_select", "as_strided", "lift_fresh", "unfold",
    "empty", "empty_like", "empty_strided", "zeros", "zeros_like", "ones", "ones_like", "full", "full_like", "new_empty", "new_zeros", "new_ones",
    "arange", "scalar_tensor", "bernoulli", "rand", "rand_like", "dropout", "native_dropout", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle",
    "local_scalar_dense", "is_same_size", "equal", "item", "unflatten", "resize", "set", "fill", "zero", "unsafe_split", "stack", "movedim",
))  # fmt: skip
PREFIXES, SUFFIXES = ("native_", "cudnn_", "mkldnn_", "miopen_"), ("_with_indices", "_legit_no_training", "_legit", "_no_training", "_kernel", "_copy")
NAMES = {"addmm": "linear", "mm": "linear", "bmm": "linear", "baddbmm": "linear", "convolution": "conv", "cat": "concat", "hardtanh": "relu6", "clamp": "relu6",
         "max_pool1d": "maxpool", "max_pool2d": "maxpool", "max_pool3d": "maxpool", "avg_pool1d": "avgpool", "avg_pool2d": "avgpool", "avg_pool3d": "avgpool",
         "adaptive_avg_pool1d": "adaptiveavgpool", "adaptive_avg_pool2d": "adaptiveavgpool", "adaptive_avg_pool3d": "adaptiveavgpool",
         "adaptive_max_pool1d": "adaptivemaxpool", "adaptive_max_pool2d": "adaptivemaxpool", "adaptive_max_pool3d": "adaptivemaxpool",
         "batch_norm": "batchnorm", "layer_norm": "layernorm", "group_norm": "groupnorm", "instance_norm": "instancenorm", "constant_pad_nd": "pad"}  # fmt: skip


class Event(NamedTuple):
    """One computation: its operator, the output (batch first), the parameters it reads, its whole numbers, and the module that asked for it."""

    kind: str
    shape: tuple[int, ...]
    weights: tuple[tuple[int, ...], ...]
    numbers: tuple[tuple[str, Any], ...]  # stride, padding and the like, where it has them
    where: str
    elementwise: bool  # the shape of its largest input, and no parameters
    flow: int  # tells everything it is computed from: equal for equal computations, whatever the order of the calls

    @property
    def what(self) -> tuple[Any, ...]:
        """What it does, wherever it stands. Rates such as `eps` are not compared."""
        return self.kind, self.weights, self.numbers

    @property
    def size(self) -> tuple[int, ...]:
        """The output's shape; a mean over the map may keep its axes of 1 or drop them."""
        return tuple(n for n in self.shape[1:] if n != 1) if self.kind == "mean" else self.shape[1:]

    def __str__(self) -> str:
        weights = " and ".join("×".join(map(str, w)) for w in self.weights)
        return f"{self.kind} → {'×'.join(map(str, self.shape[1:])) or 'one value'}" + (f" with {weights}" if weights else "")


class Recorder(TorchDispatchMode):
    """Notes every computation of a network while it runs."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.events: list[Event] = []
        self.stack: list[str] = [""]
        tensors = [(name, tensor) for name, tensor in (*network.named_buffers(), *network.named_parameters()) if not is_lazy(tensor)]
        self.names = {tensor.untyped_storage()._cdata: name for name, tensor in tensors}
        self.parameters = dict(network.named_parameters())
        self.used: set[str] = set()
        self.flows = WeakTensorKeyDictionary()
        self.handles: list[Any] = []

    def __enter__(self) -> Recorder:
        for path, module in self.network.named_modules():
            self.handles.append(module.register_forward_pre_hook(lambda m, xs, path=path: self.stack.append(path)))
            self.handles.append(module.register_forward_hook(self.leave, always_call=True))
        return super().__enter__()

    def run(self, inputs: list[Tensor]) -> Any:
        """Runs the network once, without gradients, and returns what it returns; `events` has what was seen, also on failure."""
        with torch.no_grad(), self:
            for n, x in enumerate(inputs):
                self.flows[x] = hash(("input", n))
            return self.network(*inputs)

    def leave(self, *_: Any) -> None:
        """A module has returned."""
        self.stack.pop()

    def __exit__(self, *failure: Any) -> None:
        for handle in self.handles:
            handle.remove()
        super().__exit__(*failure)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        outs = [leaf for leaf in tree_leaves(out) if isinstance(leaf, Tensor)]
        tensors = [leaf for leaf in (*tree_leaves(args), *tree_leaves(kwargs or {})) if isinstance(leaf, Tensor)]
        data = [t for t in tensors if t in self.flows]
        flow = [self.flows[t] for t in data]
        kind = kind_of(func, args)
        if kind is not None and outs and (data or not outs[0].is_meta):
            flow = [self.note(kind, outs[0], tensors, data, geometry(func, args, kwargs or {}))]
        for t in outs if flow else ():
            self.flows[t] = flow[0]
        return out

    def note(self, kind: str, out: Tensor, tensors: list[Tensor], data: list[Tensor], numbers: dict[str, Any]) -> int:
        """One more event; returns its flow."""
        read = [name for t in tensors if (name := self.names.get(t.untyped_storage()._cdata)) in self.parameters]
        self.used.update(read)
        weights = tuple(sorted((tuple(self.parameters[name].shape) for name in read), key=len, reverse=True))
        if kind in ("adaptiveavgpool", "mean") and set(out.shape[2:]) <= {1} or kind == "avgpool" and per_axis(numbers["kernel_size"], data[0]) == data[0].shape[2:]:
            kind, numbers = "mean", {}  # of the whole map, however it is written
        sources = [self.flows[t] for t in data]
        flow = hash((kind, weights, tuple(numbers.items()), out.numel(), tuple(sorted(sources) if kind in ("add", "mul") else sources)))
        elementwise = not read and bool(data) and max((t.shape for t in data), key=lambda shape: shape.numel()) == out.shape
        self.events.append(Event(kind, tuple(out.shape), weights, tuple(numbers.items()), self.stack[-1], elementwise, flow))
        return flow


GEOMETRY = ("kernel_size", "stride", "padding", "dilation", "groups", "output_padding", "ceil_mode", "count_include_pad", "divisor_override", "pad")


def geometry(func: Any, args: Any, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The whole numbers that shape a window, with torch's defaults put in; one where all axes have the same."""
    names = [argument.name for argument in func._schema.arguments]
    found: dict[str, Any] = {}
    if GEOMETRY[0] in names or "dilation" in names or "pad" in names:
        given = {argument.name: argument.default_value for argument in func._schema.arguments} | dict(zip(names, args)) | dict(kwargs)
        for name in GEOMETRY:
            if name in given:
                value = given[name]
                found[name] = (value[0] if len(set(value)) == 1 else tuple(value)) if isinstance(value, (list, tuple)) and value else value
        if found.get("stride") == []:  # a pool's default
            found["stride"] = found["kernel_size"]
    return found


def per_axis(value: Any, x: Tensor) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * (x.dim() - 2)


def kind_of(func: Any, args: Any) -> str | None:
    """The operator's name without torch's variants of it, or None where nothing is computed."""
    name = func._schema.name.partition("::")[2].strip("_")
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    if name in MOVES or func._schema.name.startswith("prim"):
        return None
    if name == "convolution" and args[6]:
        return "conv_transpose"
    return NAMES.get(name, name)
