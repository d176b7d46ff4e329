"""Receptive fields as torch's gradients show them, at inputs that are long along one axis and short along the others.

The network is made linear first: positive weights, no biases, means instead of maxima; so no gradient vanishes or
cancels. On the way back each gradient is kept to where it is not zero, so that none of a deep network underflows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ..analysis.analyze import analyze
from ..analysis.fold import Report, Row
from ..spec.spec import Spec
from .build import Network, assemble
from .modules import PaddedPool

WORK = 30 * 10**9  # multiply–accumulates spent on one axis
LEAST, LONGEST = 64, 4096  # positions along the long axis
Span = tuple[int, int] | None


class Seen(NamedTuple):
    """What the middle position of a layer sees along one axis of an input: predicted and by gradient; None: nothing."""

    predicted: Span
    measured: Span
    size: int  # of the input, along that axis


class Fields(NamedTuple):
    """Per layer and axis of its output what it sees of each input, and the inputs used."""

    seen: dict[str, dict[tuple[str, int], Seen]]  # path → (input, axis of the output) → Seen
    inputs: list[dict[str, tuple[int, ...]]]
    asked: int
    of: int


def fields(spec: Spec, report: Report, arguments: dict[str, Any]) -> Fields:
    """Every layer's field by gradients, or as many layers' as WORK allows, the last one always.

    `arguments` are those of `analyze` that made the report: variant and set.
    """
    found = Fields({}, [], 0, sum(bool(row.receptive_fields) for row in report.rows))
    asked: set[str] = set()
    for axis in range(max((len(shape) - 1 for shape in report.inputs.values()), default=0)):
        inputs = thin_inputs(report, axis, lambda shapes: analyze(spec, input=shapes, **arguments))
        thin = analyze(spec, input=inputs, **arguments)
        if [row.path for row in thin.rows] != [row.path for row in report.rows]:
            continue
        found.inputs.append(inputs)
        chosen = affordable(thin)
        asked |= {row.path for row in chosen}
        for path, along in along_axis(thin, chosen, axis).items():
            found.seen.setdefault(path, {}).update(along)
    return found._replace(asked=len(asked))


def affordable(report: Report) -> list[Row]:
    """The rows whose backward passes cost no more than WORK together: all, or those that change the field, or every
    second, third, … of them, counted from the last."""
    below, cost = 0, {}
    for row in report.rows:
        below += row.macs
        cost[row.path] = below
    rows = [row for row in report.rows if row.receptive_fields]
    if sum(cost[row.path] for row in rows) > WORK:
        known = {row.path: row.receptive_fields for row in rows}
        rows = [row for row in rows if len(row.inputs) > 1 or row.receptive_fields != known.get(row.inputs[0])]
    step = max(1, -(-sum(cost[row.path] for row in rows) // WORK))
    return rows[::-1][::step][::-1]


def thin_inputs(report: Report, axis: int, tried: Callable[[dict[str, tuple[int, ...]]], Report]) -> dict[str, tuple[int, ...]]:
    """Inputs just long enough along one axis for every field, and as short as may be along the others.

    Sizes change by whole strides of the network, so that everything rounds as at the full input. Where the spec admits
    no such input, the full one.
    """
    most = max(map(len, report.inputs.values())) - 1
    steps = [max((-(-field.stride[n] // 1) for row in report.rows for field in row.receptive_fields for n, of in enumerate(field.axes)
                  if of == a and field.fields[n] is not None), default=1) for a in range(most)]  # fmt: skip
    longest = max((f.size for row in report.rows for field in row.receptive_fields for f, of in zip(field.fields, field.axes) if f and of == axis), default=1)

    def changed(turns: Sequence[int]) -> dict[str, tuple[int, ...]]:
        return {name: (shape[0], *(n + step * k for n, step, k in zip(shape[1:], steps, turns))) for name, shape in report.inputs.items()}

    def fits(turns: Sequence[int]) -> bool:
        shapes = changed(turns)
        return all(min(shape) > 0 for shape in shapes.values()) and tried(shapes).ok

    turns = [0] * most
    for a in range(most):
        if a != axis:
            low, high = -(max(shape[a + 1] for shape in report.inputs.values() if len(shape) > a + 1) // steps[a]), 0  # the least that fits
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if fits([*turns[:a], middle, *turns[a + 1 :]]) else (middle + 1, high)
            turns[a] = high
    size = min(shape[axis + 1] for shape in report.inputs.values() if len(shape) > axis + 1)
    wanted = max(min(longest, LONGEST) + 2 * steps[axis], min(LEAST, size))
    turns[axis] = -(-(wanted - size) // steps[axis])
    while turns[axis] < 0 and not fits(turns):
        turns[axis] += 1
    return changed(turns) if fits(turns) else dict(report.inputs)


def along_axis(report: Report, rows: list[Row], axis: int) -> dict[str, dict[tuple[str, int], Seen]]:
    """What the middle positions of the rows see along one spatial axis of the inputs."""
    wanted = {row.path for row in rows}
    last = max(n for n, node in enumerate(report.graph.nodes) if node.path in wanted)
    inputs = {name: torch.rand(1, *shape).add(0.5).requires_grad_() for name, shape in report.inputs.items()}
    values = linear_values(assemble(report.graph, "meta"), list(inputs.values()), last)
    place = {node.path: n for n, node in enumerate(report.graph.nodes)}
    found: dict[str, dict[tuple[str, int], Seen]] = {}
    for row in rows:
        for n in range(len(row.output_shape) - 1):
            looking = [f for f in row.receptive_fields if f.axes[n] == axis or f.axes[n] is None and n == axis]
            if not looking:
                continue
            middle = row.output_shape[n + 1] // 2
            output = values[place[row.path]].select(n + 2, middle)
            gradients = dict(zip(inputs, torch.autograd.grad(output.sum(), list(inputs.values()), retain_graph=True, allow_unused=True)))
            for field in looking:
                size = report.inputs[field.of][axis + 1]
                own = field.fields[n]
                span = (0, size - 1) if own is None else clipped(own.at(middle), size)
                found.setdefault(row.path, {})[field.of, n] = Seen(span, support(gradients[field.of], axis), size)
    return found


def clipped(span: Span, size: int) -> Span:
    """The part of a span that lies on the input."""
    if span is None or span[1] < 0 or span[0] >= size:
        return None
    return max(span[0], 0), min(span[1], size - 1)


def support(gradient: Tensor | None, axis: int) -> Span:
    """First and last position with a gradient along an axis."""
    if gradient is None:
        return None
    others = [a for a in range(gradient.dim()) if a != axis + 2]
    positions = gradient.abs().amax(others).nonzero().flatten().tolist()
    return (positions[0], positions[-1]) if positions else None


def linear_values(network: Network, inputs: list[Tensor], last: int) -> list[Tensor]:
    """Outputs of the layers up to one, of the network made linear."""
    values = list(inputs)
    for path, sources, _ in network.plan[: last + 1 - len(inputs)]:
        module = network.get_submodule(path)
        if any(t.is_meta for t in (*module._parameters.values(), *module._buffers.values()) if t is not None):
            module.to_empty(device="cpu", recurse=False)
        y = means_for_maxima(linear(module))(*(values[m] for m in sources))
        size = float(y.detach().abs().mean())
        if size > 0 and not 0.5 < size < 2:
            y = y / size  # else sums of sums overflow, and what saturates has no slope
        if y.requires_grad:
            noise = torch.rand_like(y).add(0.5)  # not ones, which a mean would cancel
            y.register_hook(lambda gradient, noise=noise: torch.where(gradient != 0, noise, 0))
        values.append(y)
    return values


def linear(module: nn.Module) -> nn.Module:
    """The module with positive weights that add up to about one, no biases, nothing in place."""
    module.eval()
    for name, parameter in module.named_parameters(recurse=False):
        parameter.requires_grad_(False)
        if name == "bias":
            nn.init.zeros_(parameter)
        elif parameter.dim() == 1:
            nn.init.ones_(parameter)
        else:
            nn.init.uniform_(parameter, 0.5, 1.5).div_(parameter[0].numel())
    for name, buffer in module.named_buffers(recurse=False):
        nn.init.constant_(buffer, 1 if name == "running_var" else 0)
    if hasattr(module, "inplace"):
        module.inplace = False  # type: ignore[assignment]
    return module


def means_for_maxima(module: nn.Module) -> Callable[..., Tensor]:
    """A maximum has a gradient at one position only; a mean of the same window at all of them."""
    name = type(module).__name__
    if isinstance(module, PaddedPool):
        module.pool, module.fill = means_for_maxima(module.pool), 0.0  # type: ignore[assignment]
    elif name.startswith("AdaptiveMaxPool"):
        return getattr(nn, name.replace("Max", "Avg"))(module.output_size)
    elif name.startswith("MaxPool"):
        if module.dilation in (1, (1,) * int(name[-2])):
            return getattr(nn, name.replace("Max", "Avg"))(module.kernel_size, module.stride, module.padding, module.ceil_mode)
        return spread(module, int(name[-2]))
    return module


def spread(pool: Any, n: int) -> Callable[[Tensor], Tensor]:
    """A dilated maximum as a sum over the same positions, channel by channel; padding behind stands for ceil_mode."""
    k, s, d, p = (value if isinstance(value, tuple) else (value,) * n for value in (pool.kernel_size, pool.stride, pool.dilation, pool.padding))

    def summed(x: Tensor) -> Tensor:
        sizes = pool(x.detach()).shape[2:]
        amounts = [a for k, s, d, p, m, n in reversed([*zip(k, s, d, p, sizes, x.shape[2:])]) for a in (p, (m - 1) * s + d * (k - 1) + 1 - n - p)]
        kernel = x.new_ones(x.shape[1], 1, *k)
        return getattr(nn.functional, f"conv{n}d")(nn.functional.pad(x, amounts), kernel, None, s, 0, d, x.shape[1])

    return summed
