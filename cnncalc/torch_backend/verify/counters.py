"""Two counters of other people, fvcore's and torch's own, and what they cannot see."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command

# fvcore's names for what it counts in multiply–accumulates.
_PRODUCTS = frozenset(("conv", "linear", "addmm", "matmul", "bmm", "einsum"))


class Counts(NamedTuple):
    """What fvcore found, by path of the module; "" is the whole network."""

    products: dict[str, int]  # multiply–accumulates
    others: dict[str, int]  # operations by rules of its own


def needs_fvcore() -> None:
    """Check that fvcore is installed. Errors: a Mistake where it is not."""
    try:
        import fvcore.nn  # noqa: F401
    except ImportError:
        raise Mistake(
            Diagnostic("CNN401", "fvcore is not installed", help=install_command("torch"))
        ) from None


def fvcore_counts(network: nn.Module, inputs: Sequence[Tensor], layers: Iterable[str]) -> Counts:
    """Count the multiply–accumulates of each layer and of the whole network.

    fvcore traces the network, which torch refuses to do on meta.
    """
    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    with torch.no_grad():
        analysis = FlopCountAnalysis(network, tuple(inputs))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.set_op_handle("aten::_convolution_mode", _count_convolution_mode)
        found = analysis.by_module_and_operator()
    own = {path: Counter(found[path]) for path in {"", *layers}}
    for path in own:
        above = enclosing(path, own)
        # fvcore adds what is below a name to that name, whether it calls it or not.
        if path and above:
            own[above].subtract(found[path])
    products, others = {}, {}
    for path, by_operator in own.items():
        counted = [count for name, count in by_operator.items() if name in _PRODUCTS]
        products[path] = int(sum(counted))
        others[path] = int(sum(by_operator.values())) - products[path]
    return Counts(products, others)


def enclosing(path: str, layers: Container[str]) -> str:
    """Return the nearest layer above a path, or ""."""
    path = path.rpartition(".")[0]
    while path and path not in layers:
        path = path.rpartition(".")[0]
    return path


def _count_convolution_mode(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Apply fvcore's rule for convolutions to those with padding="same".

    fvcore does not know them by that name.
    """
    from fvcore.nn.jit_handles import conv_flop_count, get_shape

    x, weight, y = get_shape(inputs[0]), get_shape(inputs[1]), get_shape(outputs[0])
    return Counter(conv=conv_flop_count(x, weight, y))


def flops_of(counter: FlopCounterMode, network: nn.Module) -> dict[str, int]:
    """Return the FLOPs per module as torch counted them.

    They are two for each multiply–accumulate of convolutions and matrix products.
    """
    root = type(network).__name__
    found = {}
    for name, by_operator in counter.get_flop_counts().items():
        if name in ("Global", root):
            found[""] = int(sum(by_operator.values()))
        elif name.startswith(root + "."):
            found[name[len(root) + 1 :]] = int(sum(by_operator.values()))
    return found


def versions() -> dict[str, str]:
    """Return the versions of torch and fvcore."""
    try:
        return {"torch": torch.__version__, "fvcore": version("fvcore")}
    except ImportError:
        return {"torch": torch.__version__}
