"""Runs other tools that count costs on a network, and returns what they report."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnncalc.torch_backend.verify import counters

from .oracle import as_products

logging.getLogger("fvcore").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="thop|torch|distutils")


class Said(NamedTuple):
    """What a tool reports about a network: a total, and what it prints.

    If the tool reports them, also the parameters, and a figure for each module by its path.
    """

    total: int
    params: int | None = None
    layers: dict[str, int] | None = None
    printed: str = ""


def fvcore(network: nn.Module, inputs: Sequence[Tensor]) -> Said:
    from fvcore.nn import FlopCountAnalysis, flop_count_table, parameter_count

    with torch.no_grad():
        analysis = (
            FlopCountAnalysis(network, tuple(inputs))
            .unsupported_ops_warnings(False)
            .uncalled_modules_warnings(False)
        )
        total = int(analysis.total())
        by_module = {path: int(count) for path, count in analysis.by_module().items()}
        printed = flop_count_table(analysis, max_depth=0).splitlines()[-1].split("|")[3].strip()
    own = dict(by_module)
    for path in by_module:  # a join's figure includes those of the branches below its path
        above = counters.enclosing(path, by_module)
        if path and above:
            own[above] -= by_module[path]
    return Said(total, parameter_count(network)[""], own, printed)


def torch_counter(network: nn.Module, inputs: Sequence[Tensor]) -> Said:
    from torch.utils.flop_counter import FlopCounterMode

    # on the CPU, it sees attention and recurrent layers only as products
    with torch.no_grad(), FlopCounterMode(display=False) as counter, as_products():
        network(*inputs)
    return Said(
        counter.get_total_flops(),
        sum(p.numel() for p in network.parameters()),
        counters.flops_of(counter, network),
    )


def torchinfo(network: nn.Module, inputs: Sequence[Tensor]) -> Said:
    from torchinfo import summary

    found = summary(network, input_data=list(inputs), verbose=0, depth=30, device=inputs[0].device)
    paths = {id(module): path for path, module in network.named_modules()}
    layers: dict[str, int] = {}
    for info in found.summary_list:
        if info.is_leaf_layer:
            path = paths[info.layer_id]
            layers[path] = layers.get(path, 0) + info.macs
    total = next(line for line in str(found).splitlines() if line.startswith("Total mult-adds"))
    printed = total.split(":")[-1].strip()
    # Its total counts the parameters of branches below a join's path twice.
    return Said(found.total_mult_adds, None, layers, printed)


class Named(nn.Module):
    """A network whose inputs have names, which ptflops needs."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, first: Tensor, **others: Tensor) -> object:
        return self.network(first, *others.values())


def ptflops(network: nn.Module, inputs: Sequence[Tensor]) -> Said:
    from ptflops import flops_to_string, get_model_complexity_info

    given = dict(zip(("first", "second", "third", "fourth", "fifth"), inputs))
    with contextlib.redirect_stdout(io.StringIO()):
        total, params = get_model_complexity_info(
            Named(network),
            tuple(inputs[0].shape[1:]),
            as_strings=False,
            print_per_layer_stat=False,
            verbose=False,
            input_constructor=lambda _: given,
        )
    return Said(total, params, None, flops_to_string(total))


def thop(network: nn.Module, inputs: Sequence[Tensor]) -> Said:
    import thop as tool

    logging.disable(logging.WARNING)  # of interpolation modes that it does not know
    try:
        total, params, tree = tool.profile(
            network, inputs=tuple(inputs), verbose=False, ret_layer_info=True
        )
    finally:
        logging.disable(logging.NOTSET)
    layers: dict[str, int] = {}

    def walk(tree: dict, above: str) -> None:
        for name, (macs, _, below) in tree.items():
            layers[above + name] = int(macs) - sum(int(inner[0]) for inner in below.values())
            walk(below, f"{above}{name}.")

    walk(tree, "")
    return Said(int(total), int(params), layers, tool.clever_format([total], "%.3f"))


TOOLS: dict[str, Callable[[nn.Module, Sequence[Tensor]], Said]] = {
    "fvcore": fvcore,
    "torch": torch_counter,
    "torchinfo": torchinfo,
    "ptflops": ptflops,
    "thop": thop,
}
