"""Two counters of other people, fvcore's and torch's own, and what they cannot see."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from importlib.metadata import version
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ...diagnostic import Diagnostic, Mistake

PRODUCTS = frozenset(
    ("conv", "linear", "addmm", "matmul", "bmm", "einsum")
)  # fvcore's names for what it counts in multiply–accumulates


class Counts(NamedTuple):
    """What a counter found, by path of the module, and in all ("")."""

    products: dict[str, int]
    others: dict[str, int]  # operations by rules of its own


def needs_fvcore() -> None:
    """Errors: a Mistake where fvcore is not installed."""
    try:
        import fvcore.nn  # noqa: F401
    except ImportError:
        raise Mistake(
            Diagnostic("CNN401", "fvcore is not installed", help="pip install 'cnncalc[torch]'")
        ) from None


def fvcore(network: nn.Module, inputs: Sequence[Tensor], layers: Iterable[str]) -> Counts:
    """Multiply–accumulates of each layer, and of all (""). fvcore traces the network, which torch refuses to do on meta."""
    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    with torch.no_grad():
        analysis = (
            FlopCountAnalysis(network, tuple(inputs))
            .unsupported_ops_warnings(False)
            .uncalled_modules_warnings(False)
        )
        found = analysis.set_op_handle(
            "aten::_convolution_mode", padded_by_a_word
        ).by_module_and_operator()
    own = {path: Counter(found[path]) for path in {"", *layers}}
    for path in own:
        above = enclosing(path, own)
        if path and above:  # fvcore adds what a name stands under to that name, called by it or not
            own[above].subtract(found[path])
    products = {
        path: int(sum(count for name, count in by.items() if name in PRODUCTS))
        for path, by in own.items()
    }
    return Counts(
        products, {path: int(sum(by.values())) - products[path] for path, by in own.items()}
    )


def enclosing(path: str, layers: Container[str]) -> str:
    """The nearest layer above a path, or ""."""
    path = path.rpartition(".")[0]
    while path and path not in layers:
        path = path.rpartition(".")[0]
    return path


def padded_by_a_word(inputs: list, outputs: list) -> Counter:
    """fvcore's rule for convolutions, on those with padding="same", which it does not know by that name."""
    from fvcore.nn.jit_handles import conv_flop_count, get_shape

    return Counter(
        conv=conv_flop_count(get_shape(inputs[0]), get_shape(inputs[1]), get_shape(outputs[0]))
    )


def flops_of(counter: FlopCounterMode, network: nn.Module) -> dict[str, int]:
    """FLOPs per module as torch counted them: two for each multiply–accumulate of convolutions and matrix products."""
    root = type(network).__name__
    found = {}
    for name, by in counter.get_flop_counts().items():
        if name == "Global" or name == root or name.startswith(root + "."):
            path = "" if name in ("Global", root) else name[len(root) + 1 :]
            found[path] = int(sum(by.values()))
    return found


def versions() -> dict[str, str]:
    """Of torch and fvcore."""
    try:
        return {"torch": torch.__version__, "fvcore": version("fvcore")}
    except ImportError:
        return {"torch": torch.__version__}
