"""Turns someone's network of torch into a spec, and proves that the spec describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.analyze import analyze
from ..diagnostic import Diagnostic, Mistake, first_line
from ..language.load import from_text
from ..num import Shape
from .from_torch import graph_of
from .from_torch.declared import Declared
from .roll import rolled_spec

if TYPE_CHECKING:
    from torch import nn

    from ..torch_backend.hold.hold import Held


class ImportedSpec(NamedTuple):
    """A spec that was made of a network."""

    name: str
    text: str
    layers: int
    declared: list[Declared]  # what has no operator of ours
    held: Held | None  # the comparison with the network; None if a part is only declared
    problems: list[Diagnostic]

    @property
    def lines(self) -> int:
        """Return the number of lines that are not empty."""
        return sum(1 for line in self.text.splitlines() if line)

    @property
    def verified(self) -> bool:
        """Return whether the spec was compared with the network, and they agree."""
        return self.held is not None and self.held.ok


def import_network(
    target: str,
    inputs: Sequence[Shape],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> ImportedSpec:
    """Return the spec of a network that a name such as ``model.py:Net`` names.

    The user's code runs: the network is made, and traced without values by torch.export. The spec
    is then compared with the network, computation by computation.

    Accepts:
        target: package.module:Net or file.py:Net, a class, a function that returns a network, or a
            network.
        inputs: the shape ``(C, *spatial)`` of each input.
        args: arguments for the class or function.
        kwargs: further arguments for it, by name.

    Errors: a Mistake if the network cannot be made (CNN403) or traced (CNN404).
    """
    from ..torch_backend.user_code import import_network as made

    network = made(target, args, kwargs, given_by="import")
    return spec_of(network, inputs, _name(target))


def spec_of(network: nn.Module, inputs: Sequence[Shape], name: str) -> ImportedSpec:
    """Return the spec of a network."""
    from ..torch_backend.hold.hold import hold

    trace = _traced(network, inputs, name)
    found = graph_of(trace)
    kinds = {path: type(module).__name__ for path, module in network.named_modules()}
    text = rolled_spec(found.graph, name, kinds).text
    spec = from_text(text, f"{name}.cnn.yaml")
    expected = sum(p.numel() for p in network.parameters())
    if found.declared:
        held, problems = None, [_declared(part) for part in found.declared]
        params = analyze(spec).totals.params
        if params != expected:
            message = f"the spec has {params:,} parameters, the module has {expected:,}"
            problems.append(Diagnostic("CNN405", message))
    else:
        held = hold(spec, network, device="meta")
        problems = list(held.diagnostics)
    return ImportedSpec(
        name=name,
        text=text,
        layers=len(found.graph.nodes) - len(found.graph.inputs),
        declared=found.declared,
        held=held,
        problems=problems,
    )


def _declared(part: Declared) -> Diagnostic:
    """Report a part of the network that no operator stands for."""
    where = f" ({part.source})" if part.source else ""
    message = f"`{part.path}` is only declared: no operator is `{part.what}`{where}"
    return Diagnostic("CNN410", message, severity="warning")


def _traced(network: nn.Module, inputs: Sequence[Shape], target: str) -> Any:
    """Trace a network.

    Errors: a Mistake with CNN404 that says what stops it.
    """
    from ..torch_backend.trace.export import exported
    from ..torch_backend.user_code import user_line

    try:
        return exported(network, inputs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"`{target}` cannot be traced: {first_line(error)}{user_line(error)}"
        raise Mistake(
            Diagnostic(
                "CNN404",
                message,
                help="give the shapes of its inputs, and remove decisions that depend on values",
            )
        ) from error


def _name(target: str) -> str:
    """Return a name for a network: that of its class or function, in the style of specs.

    >>> _name("model.py:TinyResNet"), _name("timm.models:resnet50")
    ('tiny_res_net', 'resnet50')
    """
    last = re.split(r"[:.]", target)[-1]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()
