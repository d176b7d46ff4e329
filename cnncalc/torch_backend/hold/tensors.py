"""Finds the tensors that only the spec's network or only the user's module has, by their shapes."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from ...wording import listed, shape_text
from .forms import without_ones

_MOST = 4  # tensors that are named
_COUNTERS = "num_batches_tracked"  # buffers that hold no figures
_PARAMETRIZED = {
    "parametrizations.weight.original": "weight_norm",  # as of torch.nn.utils.parametrizations
    "weight_g": "weight_norm",  # as of torch.nn.utils
    "weight_orig": "spectral_norm",
}

Named = Iterable[tuple[str, Tensor]]
Unpaired = dict[str, tuple[int, ...]]  # shapes by name


def unpaired(ours: Named, theirs: Named) -> tuple[Unpaired, Unpaired]:
    """Return the tensors of each network that have no counterpart of the same shape in the other.

    Shapes that differ only in axes of length 1 count as equal where there are no equal ones.
    """
    left, right = ({name: tuple(t.shape) for name, t in side} for side in (ours, theirs))
    for form in (lambda shape: shape, without_ones):
        by_form: dict[tuple[int, ...], list[str]] = {}
        for name, shape in right.items():
            by_form.setdefault(form(shape), []).append(name)
        for name, shape in [*left.items()]:
            same = by_form.get(form(shape))
            if same:
                del left[name], right[same.pop(0)]
    return left, right


def unpaired_parameters(ours: nn.Module, theirs: nn.Module) -> tuple[str | None, str | None]:
    """Name the parameters without a counterpart, and say what is written for them in a spec."""
    spec, module = unpaired(ours.named_parameters(), theirs.named_parameters())
    words = _in_words(spec, module)
    for name in module:
        for part, word in _PARAMETRIZED.items():
            if part in name:
                return words, f"for a layer with {word}, write `parametrize: {word}` in its body"
    return words, None


def buffer_note(ours: nn.Module, theirs: nn.Module) -> str | None:
    """Name the buffers without a counterpart, which are not compared; None if there are none."""
    words = _in_words(*unpaired(_buffers(ours), _buffers(theirs)))
    return words and f"buffers are not compared: {words}"


def _buffers(network: nn.Module) -> Named:
    return [(name, t) for name, t in network.named_buffers() if not name.endswith(_COUNTERS)]


def _in_words(spec: Unpaired, module: Unpaired) -> str | None:
    """Return ``only the module has `pos` 4×5``; None if there are no such tensors."""
    parts = []
    for owner, tensors in (("spec", spec), ("module", module)):
        named = [f"`{name}` {shape_text(shape)}" for name, shape in tensors.items()]
        if len(named) > _MOST:
            named[_MOST:] = [f"{len(named) - _MOST} more"]
        if named:
            parts.append(f"only the {owner} has {listed(named)}")
    return "; ".join(parts) or None
