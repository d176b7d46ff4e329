"""A torch module as data: it can be built, or printed as source."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

from ..num import Shape

if TYPE_CHECKING:
    from torch import nn


class TorchCall(NamedTuple):
    """The call that makes a torch module.

    `name` is a class of torch.nn or of `ops/torch_modules`, and `arguments` are its keyword
    arguments, which may be calls themselves. `before` and `after` have no parameters; they run as
    hooks on the input and the output, so that the module itself keeps torch's type. `parametrize`
    is a function of torch.nn.utils.parametrizations, or of `ops/torch_modules`, that is applied to
    its weight.
    """

    name: str
    arguments: Mapping[str, Any]
    before: TorchCall | None = None
    after: TorchCall | None = None
    parametrize: str | None = None

    def build(self) -> nn.Module:
        """Build the module on torch's default device. Imports torch."""
        from torch.nn.utils import parametrizations

        from .torch_modules import OURS, class_named
        from .torch_modules.hooks import hooked

        arguments = {
            name: value.build() if isinstance(value, TorchCall) else value
            for name, value in self.arguments.items()
        }
        module = class_named(self.name)(**arguments)
        if self.parametrize:
            ours = OURS.get(self.parametrize)
            module = (ours or getattr(parametrizations, self.parametrize))(module)
        return hooked(module, *(hook and hook.build() for hook in (self.before, self.after)))

    def source(self) -> str:
        """Write the call as Python, with `nn` for torch.nn and our own classes by their names.

        >>> TorchCall("Conv2d", {"in_channels": 3, "kernel_size": (3, 3)}).source()
        'nn.Conv2d(in_channels=3, kernel_size=(3, 3))'
        """
        from .torch_modules import OURS

        arguments = ", ".join(f"{key}={_source(value)}" for key, value in self.arguments.items())
        text = f"{'' if self.name in OURS else 'nn.'}{self.name}({arguments})"
        if self.parametrize:
            place = "" if self.parametrize in OURS else "nn.utils.parametrizations."
            text = f"{place}{self.parametrize}({text})"
        if self.before or self.after:
            hooks = (self.before, self.after)
            text = f"hooked({text}, {', '.join(map(_source, hooks))})"
        return text


def _source(value: Any) -> str:
    if isinstance(value, TorchCall):
        return value.source()
    return repr(value) if not isinstance(value, float) or isfinite(value) else f"float('{value}')"


def torch_nd(name: str, x: Shape, arguments: Mapping[str, Any], **more: Any) -> TorchCall:
    """Call a class of torch.nn for a shape's axes: ``Conv2d`` for ("Conv", (C, H, W))."""
    return TorchCall(f"{name}{len(x) - 1}d", arguments, **more)
