"""Counts MACs with fvcore, and FLOPs with torch's own counter."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count, sdpa_flop_count

from ...diagnostic import Diagnostic, Mistake
from ...extras import install_command
from ...graph import Graph
from ..build import assemble
from ..inputs import blank_inputs

# fvcore's names for the operators that it counts in multiply–accumulates.
_PRODUCTS = frozenset(("conv", "linear", "addmm", "matmul", "bmm", "einsum"))


class Counts(NamedTuple):
    """What fvcore found, by path of the module; "" is the whole network."""

    products: dict[str, int]  # multiply–accumulates
    others: dict[str, int]  # operations, by rules of its own


def needs_fvcore() -> None:
    """Check that fvcore is installed. Errors: a Mistake if it is not."""
    try:
        import fvcore.nn  # noqa: F401
    except ImportError:
        raise Mistake(
            Diagnostic("CNN401", "fvcore is not installed", help=install_command("torch"))
        ) from None


def fvcore_counts(network: nn.Module, inputs: Sequence[Tensor], layers: Iterable[str]) -> Counts:
    """Count the multiply–accumulates of each layer and of the whole network.

    fvcore traces the network, which torch cannot do on meta.
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
        # fvcore adds the counts below a path to that path, even if its module does not call them.
        if path and above:
            own[above].subtract(found[path])
    products, others = {}, {}
    for path, by_operator in own.items():
        counted = [count for name, count in by_operator.items() if name in _PRODUCTS]
        products[path] = int(sum(counted))
        others[path] = int(sum(by_operator.values())) - products[path]
    return Counts(products, others)


def _attention(
    q: tuple[int, ...], k: tuple[int, ...], v: tuple[int, ...], *others: Any, **more: Any
) -> int:
    """Apply torch's rule for attention on a card, of which it gives the shapes."""
    return int(sdpa_flop_count(q, k, v))


def _moved(
    x: tuple[int, ...], w: tuple[int, ...], *others: Any, out_shape: Any, **more: Any
) -> int:
    """Apply torch's rule for convolutions to those that read their input at other places."""
    return int(conv_flop_count(list(x), list(w), list(out_shape)))


@contextmanager
def counting_flops(network: nn.Module) -> Iterator[FlopCounterMode]:
    """Count with torch's counter also what it does not see of itself on the CPU.

    It has a rule for attention's kernel on a card, which is that of the CPU's too. It has none for
    recurrent layers, so torch computes them here as products of matrices. torchvision's
    convolutions have the products of plain ones.
    """
    rules: dict[Any, Any] = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention}
    if hasattr(torch.ops.torchvision, "deform_conv2d"):
        rules[torch.ops.torchvision.deform_conv2d] = _moved
    recurrent = any(isinstance(module, nn.RNNBase) for module in network.modules())
    with ExitStack() as stack:
        if recurrent:
            stack.enter_context(without_fused_layers())
        yield stack.enter_context(FlopCounterMode(display=False, custom_mapping=rules))


@contextmanager
def without_fused_layers() -> Iterator[None]:
    """Compute recurrent layers as products of matrices, not by oneDNN or cuDNN."""
    libraries: tuple[Any, ...] = (torch.backends.mkldnn, torch.backends.cudnn)
    before = [library.enabled for library in libraries]
    for library in libraries:
        library.enabled = False
    try:
        yield
    finally:
        for library, enabled in zip(libraries, before):
            library.enabled = enabled


def enclosing(path: str, layers: Container[str]) -> str:
    """Return the nearest layer above a path, or ""."""
    path = path.rpartition(".")[0]
    while path and path not in layers:
        path = path.rpartition(".")[0]
    return path


def _count_convolution_mode(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Apply fvcore's rule for convolutions to those with padding="same".

    torch gives them another name, which fvcore does not know.
    """
    from fvcore.nn.jit_handles import conv_flop_count, get_shape

    x, weight, y = get_shape(inputs[0]), get_shape(inputs[1]), get_shape(outputs[0])
    return Counter(conv=conv_flop_count(x, weight, y))


def flops_on_meta(graph: Graph, batch: int) -> dict[str, int]:
    """Return the FLOPs that torch counts for each module, and for the whole network under "".

    torch counts by shapes alone. So the network is on meta, where nothing is computed.
    """
    network = assemble(graph, "meta").eval()
    inputs = blank_inputs(graph, batch, "meta")
    with torch.no_grad(), counting_flops(network) as counter:
        network(*inputs)
    return flops_of(counter, network)


def flops_of(counter: FlopCounterMode, network: nn.Module) -> dict[str, int]:
    """Return the FLOPs of each module as torch counted them.

    torch counts two for each multiply–accumulate of convolutions and matrix products.
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
