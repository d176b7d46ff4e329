"""A spec's network gets the weights of the module that it was imported from: do both compute the
same?

The two are paired computation by computation, as by `verify --module`, and the tensors that one
reads are copied to those that the other reads in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

import cnncalc
from cnncalc.convert.importing import imported, traced
from cnncalc.torch_backend.build import as_tuple
from cnncalc.torch_backend.hold.alignment import align
from cnncalc.torch_backend.hold.recorder import Event, Recorder
from cnncalc.torch_backend.inputs import blank_inputs

from .onnx_files import scattered

TOLERANCE = 1e-4  # of the largest output

Shape = tuple[int, ...]


class _Reading(Recorder):
    """Records also the names of the parameters and buffers that each computation reads."""

    def __init__(self, network: nn.Module):
        super().__init__(network)
        self.tensors = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        self._names = {t.untyped_storage()._cdata: name for name, t in self.tensors.items()}
        self._read: list[tuple[Event, dict[str, Tensor]]] = []

    def _event(self, step: Any, output: Tensor | None, flows: list[int]) -> Event:
        event = super()._event(step, output, flows)
        read: dict[str, Tensor] = {}
        for t in step.tensors:
            if t not in self.flows:
                source = self._source(t)
                own = self._names.get(t.untyped_storage()._cdata)
                names = source.names if source else (own,) if own else ()
                read |= dict.fromkeys(names, t)
        self._read.append((event, read))
        return event

    def read(self, event: Event) -> dict[str, Tensor]:
        """Return what a computation read, by the names of the parameters and buffers in it."""
        return next(read for found, read in self._read if found is event)


def differences_with_same_weights(
    network: nn.Module,
    shapes: Sequence[Shape],
    images: int = 2,
    factors: Mapping[str, float] | None = None,
) -> list[str]:
    """Import a module, build the spec with its weights; return in what the two networks differ.

    Accepts:
        network: the module; its weights are replaced by random ones.
        shapes: of its inputs, ``(C, *spatial)``.
        images: the number of random images that both compute.
        factors: constants of the module by which it multiplies a parameter at each call, over
            those of the layer that stands for it, by the name of the parameter.
    """
    fixed = {name: t.clone() for name, t in network.named_buffers() if "running" not in name}
    scattered(network)
    network.load_state_dict(fixed, strict=False)  # such as the filter of a blur
    found = imported(traced(deepcopy(network), shapes, "net"))
    if not found.verified:
        return [*map(str, found.problems), *(f"{d.path} is declared" for d in found.declared)]
    spec = cnncalc.loads(found.text)
    ours = cnncalc.build(spec).eval()
    for value in ours.state_dict().values():  # so that one that is not copied is seen
        if value.is_floating_point():
            value.fill_(float("nan"))
    theirs = network.eval()
    torch.manual_seed(0)
    inputs = [_random(x, images) for x in blank_inputs(spec.graph(), images, "cpu")]
    wrong = [*_copied(ours, theirs, inputs, factors or {})]
    wrong += _other_shapes(ours, theirs)
    with torch.no_grad():
        wanted = _tensors(theirs(*[x.clone() for x in inputs]))
        given = as_tuple(ours(*[x.clone() for x in inputs]))
    for n, (y, z) in enumerate(zip(given, wanted, strict=True)):
        error = _error(y, z)
        if not error < TOLERANCE or not z.std() > 0:
            wrong.append(f"output {n}: {tuple(y.shape)} and {tuple(z.shape)}, error {error:.1e}")
    return wrong


def _error(y: Tensor, z: Tensor) -> float:
    """Return how far two outputs are from each other, relative to the largest value.

    Where the module has its images on another axis, that is moved to the front.
    """
    moved = [z, *(z.movedim(axis, 0) for axis in range(1, z.dim()))]
    errors = [float((y - z).abs().max() / z.abs().max()) for z in moved if z.shape == y.shape]
    return min(errors, default=float("inf"))


def _tensors(returned: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(returned) if isinstance(leaf, Tensor)]


def _random(blank: Tensor, images: int) -> Tensor:
    return torch.randn(blank.shape) if blank.is_floating_point() else blank


def _copied(
    ours: nn.Module, theirs: nn.Module, inputs: list[Tensor], factors: Mapping[str, float]
) -> Iterator[str]:
    """Copy to each layer what the module reads in its place. Yields what has no counterpart."""
    runs = _Reading(ours), _Reading(theirs)
    for run in runs:
        run.run([x.clone() for x in inputs])
    to, source = runs
    pairs, _ = align(to.events, source.events, loose=False)
    for pair in pairs:
        if pair.expected is None or pair.found is None:
            yield f"{pair.expected} and {pair.found}"
            continue
        layer = ours.get_submodule(pair.expected.where)
        names, read = [*to.read(pair.expected)], source.read(pair.found)
        if len(names) != len(read):
            yield f"{pair.expected.where} reads {names}, {pair.found.where} {[*read]}"
            continue
        for name, other in zip(names, read):
            value, target = source.tensors[other] * factors.get(other, 1), to.tensors[name]
            if target.numel() != value.numel():
                yield f"{name} {tuple(target.shape)}, {other} {tuple(value.shape)}"
                continue
            if _without_ones(target) != _without_ones(value):
                value = value.mT
            target.data.copy_(value.reshape(target.shape))
            if isinstance(getattr(layer, "index", None), Tensor):
                layer.index = _index(target, read[other]).reshape(layer.index.shape)


def _index(table: Tensor, values: Tensor) -> Tensor:
    """Return where in a table of different values each value is from."""
    return (table.flatten() == values.flatten()[:, None]).int().argmax(1)


def _other_shapes(ours: nn.Module, theirs: nn.Module) -> Iterator[str]:
    """Yield the shapes of tensors without a counterpart; axes of 1 are not counted.

    A tensor that several modules hold is one. Whole numbers, such as which entry of a table is read
    where, are written in many ways.
    """
    states = [(*network.parameters(), *network.buffers()) for network in (ours, theirs)]
    a, b = (Counter(_form(t) for t in state if t.is_floating_point()) for state in states)
    for what, rest in (("spec", a - b), ("module", b - a)):
        if rest:
            yield f"only the {what} has {dict(rest)}"


def _form(value: Tensor) -> Shape:
    return tuple(sorted(_without_ones(value)))


def _without_ones(value: Tensor) -> Shape:
    return tuple(n for n in value.shape if n != 1)
