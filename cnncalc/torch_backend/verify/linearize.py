"""A network made linear, so that its gradients show what is seen: none vanishes, cancels or underflows.

Weights and biases are positive, maxima become means, and on the way back each gradient is kept to where it is not zero.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ...ops.torch_modules import PaddedPool, Padding
from ..build import Network


def linear_values(network: Network, inputs: list[Tensor], last: int) -> list[Tensor]:
    """Outputs of the layers up to one, of the network made linear."""
    values = list(inputs)
    ready: dict[str, Callable[..., Tensor]] = {}  # layers that share weights run the same module
    for path, sources, _ in network.plan[: last + 1 - len(inputs)]:
        if path not in ready:
            ready[path] = means_for_maxima(linear(network.get_submodule(path)).to(inputs[0].dtype))
        y = ready[path](*(values[m] for m in sources))
        size = float(y.detach().abs().mean())
        if size > 0 and not 0.5 < size < 2:
            y = y / size  # else sums of sums overflow, and what saturates has no slope
        if y.requires_grad:
            noise = torch.rand_like(y).add(0.5)  # not ones, which a mean would cancel
            y.register_hook(lambda gradient, noise=noise: torch.where(gradient != 0, noise, 0))
        values.append(y)
    return values


def linear(module: nn.Module) -> nn.Module:
    """The module on the CPU with positive weights that add up to about one, nothing in place."""
    module.eval().to_empty(device="cpu", recurse=False)
    for parameter in module.parameters(recurse=False):
        parameter.requires_grad_(False)
        if parameter.dim() == 1:
            nn.init.ones_(
                parameter
            )  # biases too: a position that reads nothing still has a value, which a gate may scale
        else:
            nn.init.uniform_(parameter, 0.5, 1.5).div_(parameter[0].numel())
    for name, buffer in module.named_buffers(recurse=False):
        nn.init.constant_(buffer, 1 if name == "running_var" else 0)
    if hasattr(module, "inplace"):
        module.inplace = False  # type: ignore[assignment]
    if hasattr(module, "padding_mode"):
        module.padding_mode = "zeros"  # type: ignore[assignment]  # a padded position lies outside, whatever it is filled with
    if isinstance(module, Padding):
        module.mode, module.value = "constant", 0.0
    elif hasattr(module, "fill"):
        module.fill = "constant"  # type: ignore[assignment]
    return module


def means_for_maxima(module: nn.Module) -> Callable[..., Tensor]:
    """A maximum has a gradient at one position only; a mean of the same window at all of them."""
    name = type(module).__name__
    if isinstance(module, PaddedPool):
        pool = means_for_maxima(module.pool)
        del module.pool  # a registered child must be a module, and a mean need not be one
        module.pool, module.fill = pool, 0.0  # type: ignore[assignment]
    elif name.startswith("AdaptiveMaxPool"):
        return getattr(nn, name.replace("Max", "Avg"))(module.output_size)
    elif name.startswith("MaxPool"):
        if name != "MaxPool3d" and module.dilation in (
            1,
            (1,) * int(name[-2]),
        ):  # torch's 3-D mean refuses a kernel above the unpadded input
            return getattr(nn, name.replace("Max", "Avg"))(
                module.kernel_size, module.stride, module.padding, module.ceil_mode
            )
        return spread(module, int(name[-2]))
    return module


def spread(pool: Any, n: int) -> Callable[[Tensor], Tensor]:
    """A dilated maximum as a sum over the same positions, channel by channel; padding behind stands for ceil_mode."""
    k, s, d, p = (
        value if isinstance(value, tuple) else (value,) * n
        for value in (pool.kernel_size, pool.stride, pool.dilation, pool.padding)
    )

    def summed(x: Tensor) -> Tensor:
        sizes = pool(x.detach()).shape[2:]
        amounts = [
            a
            for k, s, d, p, m, n in reversed([*zip(k, s, d, p, sizes, x.shape[2:])])
            for a in (p, (m - 1) * s + d * (k - 1) + 1 - n - p)
        ]
        kernel = x.new_ones(x.shape[1], 1, *k)
        return getattr(nn.functional, f"conv{n}d")(
            nn.functional.pad(x, amounts), kernel, None, s, 0, d, x.shape[1]
        )

    return summed
