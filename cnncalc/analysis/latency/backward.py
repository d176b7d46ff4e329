"""The work of training: of the backward pass of each layer, and of the optimizer's step.

A layer that multiplies by weights has two products more: one for the gradient of what it reads,
if a layer before is trained, and one for that of its weights, if they are. Each has as many
multiply–accumulates as the layer itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ...graph import Graph
from ...num import Num, product
from ...ops.autocast import FLOAT32
from ..memory.optimizers import OPTIMIZERS
from ..result import BYTES, Report
from .kernels import PRODUCTS, Kernel, Way, kernels

OPTIMIZER = -1  # the layer of kernels that belong to none


class Gradients(NamedTuple):
    """Which gradients backward computes at a layer: of inputs, by number, and of parameters."""

    inputs: tuple[bool, ...]
    parameters: bool

    @property
    def any(self) -> bool:
        """Whether backward reaches the layer at all."""
        return self.parameters or any(self.inputs)


def gradients(graph: Graph) -> list[Gradients]:
    """Return for each node which gradients backward computes; parts that are frozen need none."""
    needed: list[bool] = []
    found: list[Gradients] = []
    for node in graph.nodes:
        inputs = tuple([needed[m] for m in node.reads])
        trained = node.op is not None and graph.trains(node)
        needed.append(trained or any(inputs))
        found.append(Gradients(inputs, trained))
    return found


def backward_macs(graph: Graph) -> list[Num]:
    """Return the multiply–accumulates of each node's backward pass, for one image."""
    found: list[Num] = []
    for node, needs in zip(graph.nodes, gradients(graph)):
        if node.op is None or not node.op.multiplies:
            found.append(0)
            continue
        xs = graph.shapes_into(node)
        macs = node.op.cost(*xs, y=node.shape).mac
        found.append(macs * (sum(needs.inputs) + needs.parameters))
    return found


def with_backward(report: Report) -> Report:
    """Return a report whose rows have the multiply–accumulates and bytes of their backward pass.

    Both are for the batch. They stay None in a network with errors.
    """
    if not report.complete:
        return report
    graph = report.graph
    macs, needs = backward_macs(graph), gradients(graph)
    moved = [0] * len(graph.nodes)
    for kernel in kernels(graph, Way(width=BYTES[report.dtype])):
        for one in _backward(kernel, needs[kernel.layer]):
            moved[kernel.layer] += (one.read + one.written) * report.batch + one.weights
    rows = []
    for n, row in enumerate(report.rows, len(report.inputs)):
        rows.append(row._replace(backward_macs=macs[n] * report.batch, backward_bytes=moved[n]))
    return replace(report, rows=rows)


def training_kernels(
    graph: Graph, way: Way, forward: Sequence[Kernel], optimizer: str
) -> list[Kernel]:
    """Return the kernels of a training step: forward, backward, and the optimizer's."""
    needs = gradients(graph)
    found = [_in_training(graph, kernel) for kernel in forward]
    for kernel in reversed(forward):
        found += _backward(kernel, needs[kernel.layer])
    step = optimizer_step(graph, optimizer)
    return [*found, step] if step is not None else found


def _in_training(graph: Graph, kernel: Kernel) -> Kernel:
    """A norm of a batch reads its input once more, for the statistics."""
    op = graph.nodes[kernel.layer].op
    if kernel.kind == "norm" and op is not None and op.centers_channels:
        return replace(kernel, read=2 * kernel.read)
    return kernel


def _backward(kernel: Kernel, needs: Gradients) -> list[Kernel]:
    """Return the kernels of a kernel's backward pass."""
    read, written = kernel.read, kernel.written
    if not needs.any:
        return []
    if kernel.kind in PRODUCTS:
        found = []
        if any(needs.inputs):
            found.append(_product(kernel, "inputs", read=written, written=read))
        if needs.parameters:
            found.append(_product(kernel, "weights", read=read + written, written=0))
        return found
    if kernel.kind == "norm":  # the sums of gradients first, then the gradient itself
        return [_gradient(kernel, read=2 * (read + written), written=read)]
    if kernel.kind in ("copy", "reduction"):
        return [_gradient(kernel, read=written, written=read)]
    return [_gradient(kernel, read=read + written, written=read)]


def _product(kernel: Kernel, of: str, read: Num, written: Num) -> Kernel:
    """Return the product that computes the gradient `of` something; it has as much work.

    Only in oneDNN does its time depend on more than the sum of what it reads and writes.
    """
    shared = (of, kernel.shared) if kernel.in_library else kernel.shared
    return replace(kernel, read=read, written=written, shared=shared)


def _gradient(kernel: Kernel, read: Num, written: Num) -> Kernel:
    """Return the kernel that computes the gradient of what a kernel reads."""
    return replace(kernel, read=read, written=written, shared=("gradient", kernel.shared))


def optimizer_step(graph: Graph, optimizer: str) -> Kernel | None:
    """Return the step of an optimizer: it reads and writes parameters, gradients and its state."""
    params = trained_params(graph)
    if optimizer == "none" or not params:
        return None
    state = OPTIMIZERS[optimizer].states
    return Kernel(
        layer=OPTIMIZER,
        kind="elementwise",
        outputs=0,
        weights=params * FLOAT32 * (3 + 2 * state),
    )


def trained_params(graph: Graph) -> int:
    """Count the parameters that training changes; shared ones once."""
    total = 0
    for node in graph.nodes:
        if node.op is not None and node.shares is None and not node.frozen:
            total += sum(map(product, node.op.weights(*graph.shapes_into(node)).values()))
    return total
