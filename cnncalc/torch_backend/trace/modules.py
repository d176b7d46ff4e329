"""Modules that are not traced as they are: compiled, scripted or quantised ones."""

from __future__ import annotations

import torch
from torch import nn

from ...diagnostic import Diagnostic, Mistake

_QUANTISED = (".quantized.", ".ao.nn.qat.", ".ao.nn.intrinsic.")


def traceable(network: nn.Module) -> nn.Module:
    """Return the module that torch.compile wraps, or a module itself.

    Errors: a Mistake with CNN404 if a part of it is scripted or quantised, or has complex numbers.
    """
    network = getattr(network, "_orig_mod", network)
    for path, module in network.named_modules():
        place = f"`{path}`" if path else "the module"
        if isinstance(module, torch.jit.ScriptModule):
            message = f"{place} is scripted by torch.jit"
            help = "import the class that it was made of, before torch.jit.script or trace"
            raise Mistake(Diagnostic("CNN404", message, help=help))
        if any(word in f".{type(module).__module__}." for word in _QUANTISED):
            message = f"{place} is quantised: `{type(module).__name__}`"
            help = "import the network before it is quantised; its figures are those of float32"
            raise Mistake(Diagnostic("CNN404", message, help=help))
    for name, parameter in network.named_parameters():
        if parameter.is_complex():
            message = f"the parameter `{name}` has complex numbers, and specs have none"
            help = "give the module its real and imaginary parts as two parameters"
            raise Mistake(Diagnostic("CNN404", message, help=help))
    return network
