"""Reads a program that torch.export has written to a file."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from ...diagnostic import Diagnostic, Mistake, first_line
from ...trace import Trace
from .export import quiet, traced
from .inputs import Inputs


def is_program(target: str) -> bool:
    """Return whether a target is a file of torch.export, not a class in a module."""
    return target.endswith(".pt2")


def loaded(file: str) -> tuple[nn.Module, Trace, Inputs]:
    """Return the network in a file of torch.export, what it computes, and its inputs.

    Errors: a Mistake with CNN403 if the file cannot be read, and with CNN404 if sizes are open.
    """
    if not os.path.isfile(file):
        raise Mistake(Diagnostic("CNN403", f"cannot read {file}: no such file"))
    try:
        with quiet():
            program = torch.export.load(file)
    except KeyboardInterrupt:
        raise
    except Exception as error:
        message = f"{file} cannot be read as a file of torch.export: {first_line(error)}"
        raise Mistake(Diagnostic("CNN403", message)) from error
    given = [
        node.meta["val"]
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    images = [value for value in given if isinstance(value, Tensor)]
    sizes = [size for image in images for size in image.shape]
    if not all(isinstance(size, int) for size in sizes):
        message = f"{file} was exported with sizes that are open"
        help = "export it with fixed sizes: leave out `dynamic_shapes`"
        raise Mistake(Diagnostic("CNN404", message, help=help))
    _, places = tree_flatten((tuple(range(len(images))), {}))
    if program.call_spec.in_spec is not None and len(images) == len(given):
        places = program.call_spec.in_spec
    shapes = [tuple(image.shape) for image in images]
    batch = next((shape[0] for shape in shapes if shape), 1)
    network = program.module()
    network.eval = lambda: network  # type: ignore[method-assign]  # it is what was exported
    return network, traced(program), Inputs([shape[1:] for shape in shapes], places, batch)
