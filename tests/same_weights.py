"""A spec's network gets the weights of the module that it was imported from: do both compute the
same?
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from copy import deepcopy

from torch import Tensor, nn

import cnncalc
from cnncalc.convert.importing import imported, traced
from cnncalc.torch_backend.hold.hold import hold

from .onnx_files import scattered

Shape = tuple[int, ...]


def differences_with_same_weights(
    network: nn.Module, shapes: Sequence[Shape], images: int = 2
) -> list[str]:
    """Import a module, build the spec with its weights; return in what the two networks differ.

    Accepts:
        network: the module; its weights are replaced by random ones.
        shapes: of its inputs, ``(C, *spatial)``.
        images: the number of random images that both compute.
    """
    fixed = {name: t.clone() for name, t in network.named_buffers() if "running" not in name}
    scattered(network)
    network.load_state_dict(fixed, strict=False)  # such as the filter of a blur
    found = imported(traced(deepcopy(network), shapes, "net"))
    if not found.verified:
        return [*map(str, found.problems), *(f"{d.path} is declared" for d in found.declared)]
    spec = cnncalc.loads(found.text)
    wrong = [*_other_shapes(cnncalc.build(spec), network)]
    held = hold(spec, network, batch=images)
    wrong += map(str, held.diagnostics)
    if held.values is None:
        wrong += held.notes
    return wrong


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
