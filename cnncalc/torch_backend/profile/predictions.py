"""What a step should take: bytes of memory, bytes to move, and FLOPs, from a report alone."""

from __future__ import annotations

from ...analysis.memory.storage import buffer_bytes
from ...analysis.result import BYTES, Report, Row
from ...num import Shape, product


def held_bytes(report: Report, training: bool, width: int) -> int:
    """Bytes of parameters and buffers, and in training of gradients.

    `width` is the number of bytes of a weight.
    """
    copies = 2 if training else 1
    return report.totals.params * width * copies + buffer_bytes(report.graph, width)


def fewest_bytes(report: Report, training: bool) -> int:
    """The fewest bytes that a step can take beside the network.

    At inference they are the largest layer's input and output, in training all activations.
    """
    if training:
        return report.totals.activation_bytes
    width = BYTES[report.dtype]
    return max((_values(row) * report.batch * width for row in report.rows), default=0)


def step_flops(report: Report, training: bool) -> list[int]:
    """2·MAC of each layer for one step.

    The backward pass takes as much for the weights, and again for the input where something
    trained comes before.
    """
    trained: dict[str, bool] = dict.fromkeys(report.inputs, False)
    flops = []
    for row in report.rows:
        before = any(trained[path] for path in row.inputs)
        trained[row.path] = before or bool(row.params) or row.shared_with is not None
        passes = 1
        if training:
            passes = 3 if before else 2
        flops.append(2 * row.macs * passes)
    return flops


def moved_bytes(row: Row, batch: int, training: bool, width: int) -> int:
    """The fewest bytes that a layer must move: inputs and weights read, output written.

    In training they are three times as many, for the gradients; `width` is the number of bytes of
    a value.
    """
    if row.flops == 0 and row.activations == 0:
        return 0  # a view, or nothing to do
    passes = 3 if training else 1
    return (batch * _values(row) + row.params) * width * passes


def _values(row: Row) -> int:
    """Values that a layer reads and writes for one image, without its weights."""
    shapes: tuple[Shape, ...] = (*row.input_shapes, row.output_shape)
    values: int = sum(map(product, shapes))
    return values
