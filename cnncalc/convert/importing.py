"""Turns someone's network of torch into a spec, and proves that the spec describes it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..analysis.analyze import analyze
from ..diagnostic import Diagnostic, Mistake, first_line
from ..language.load import from_text
from ..language.spec import Spec
from ..num import Shape
from ..trace import Trace
from ..wording import listed
from .from_torch import graph_of
from .from_torch.declared import Declared
from .from_torch.draft import weights_in
from .roll import rolled_spec

if TYPE_CHECKING:
    from torch import nn

    from ..torch_backend.hold.hold import Held
    from ..torch_backend.hold.values import Compared
    from ..torch_backend.trace.inputs import Inputs

_MOST_MACS = 10**11  # of a network whose values are compared too, for all images
_RETURNED = re.compile(r"Found <class '([^']+)'> in output")
Shapes = Sequence[Shape] | Mapping[str, Shape]


class Source(NamedTuple):
    """A network that was made, and how it is called."""

    name: str  # for the spec
    network: nn.Module
    trace: Trace
    inputs: Inputs
    one_path: str | None = None  # where it decides by values, if the trace is what random ones take


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
    inputs: Shapes = (),
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> ImportedSpec:
    """Return the spec of a network that a name such as ``model.py:Net`` names.

    The user's code runs: the network is made, and traced without values by torch.export. The spec
    is then compared with the network, computation by computation.

    Accepts:
        target: package.module:Net or file.py:Net, a class, a function that returns a network, or a
            network; or a file of torch.export, net.pt2.
        inputs: the shape ``(C, *spatial)`` of each input, in order or by the names of forward's
            arguments. ``images.left`` is an entry of a dict, ``maps.0`` one of a list. A file of
            torch.export has its own.
        args: arguments for the class or function.
        kwargs: further arguments for it, by name.

    Errors: a Mistake if the network cannot be made (CNN403) or traced (CNN404).
    """
    return imported(source_of(target, inputs, args, kwargs))


def source_of(
    target: str,
    inputs: Shapes = (),
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Source:
    """Make a network and trace it.

    Errors: a Mistake if it cannot be made (CNN403) or traced (CNN404).
    """
    from ..torch_backend.trace.file import is_program, loaded
    from ..torch_backend.user_code import import_network as made

    if is_program(target):
        network, trace, given = loaded(target)
        return Source(_name(target), network, trace, given)
    return traced(made(target, args, kwargs, given_by="import"), inputs, _name(target), target)


def traced(network: nn.Module, shapes: Shapes, name: str, target: str = "") -> Source:
    """Trace a network.

    Errors: a Mistake with CNN404 that says what stops it.
    """
    from ..torch_backend.trace.export import depends_on_values, exported, exported_for_values
    from ..torch_backend.trace.inputs import inputs_of
    from ..torch_backend.trace.modules import traceable
    from ..torch_backend.user_code import user_line

    network = traceable(network)
    inputs = inputs_of(network, shapes)
    shown = f"`{target or name}`"
    one_path = None
    try:
        trace = exported(network, inputs)
    except (KeyboardInterrupt, Mistake):
        raise
    except BaseException as error:
        mistake = Mistake(_untraced(shown, network, error, user_line(error)))
        if not depends_on_values(error):
            raise mistake from error
        one_path = user_line(error)
        try:
            trace = exported_for_values(network, inputs)
        except KeyboardInterrupt:
            raise
        except BaseException:
            raise mistake from error
    if not trace.outputs or not any(call.name for call in trace.calls):
        raise Mistake(Diagnostic("CNN404", f"{shown} returns no tensor that it computes"))
    return Source(name, network, trace, inputs, one_path)


def _untraced(shown: str, network: nn.Module, error: BaseException, where: str) -> Diagnostic:
    """Report that a network cannot be traced, and what may help."""
    returned = _RETURNED.search(str(error))
    if returned:
        kind = returned[1].rpartition(".")[2]
        message = f"{shown} returns a `{kind}`, in which torch.export finds no tensors"
        help = "let forward return tensors, alone or in tuples, lists or dicts"
        return Diagnostic("CNN404", message, help=help)
    message = f"{shown} cannot be traced: {first_line(error)}{where}"
    return Diagnostic("CNN404", message, help=_help(network, error))


def _help(network: nn.Module, error: BaseException) -> str:
    """Say what may help where a network cannot be traced."""
    from ..torch_backend.trace.export import depends_on_values

    types = {p.dtype for p in network.parameters()}
    others = sorted(str(t).removeprefix("torch.") for t in types if str(t) != "torch.float32")
    if others:
        return f"its parameters are {listed(others)}: import what its `.float()` returns"
    if depends_on_values(error):
        return "remove decisions that depend on values"
    return (
        "give shapes that it takes, with channels and without the batch, as in `--input 3x64x64`, "
        "and let forward compute with torch alone"
    )


def imported(source: Source) -> ImportedSpec:
    """Return the spec of a network that was traced, compared with it.

    Errors: a Mistake with CNN404 if a part of it is neither operators nor a layer of its own.
    """
    network = source.network
    found = graph_of(source.trace)
    kinds = {path: type(module).__name__ for path, module in network.named_modules()}
    try:
        text = rolled_spec(found.graph, source.name, kinds).text
    except LookupError:
        message = f"no spec describes how the layers of `{source.name}` are connected"
        raise Mistake(Diagnostic("CNN404", message)) from None
    spec = from_text(text, f"{source.name}.cnn.yaml")
    held, problems = None, [_declared(part) for part in found.declared]
    unread = unread_parameters(source)
    if source.one_path is not None:
        problems.insert(0, _one_path(source))
    if unread:
        problems.append(_unread(unread))
    if found.declared or source.one_path is not None:
        problems += _other_params(spec, source, unread)
    else:
        held = _held(spec, source, unread)
        problems += held.diagnostics
    return ImportedSpec(
        name=source.name,
        text=text,
        layers=len(found.graph.nodes) - len(found.graph.inputs),
        declared=found.declared,
        held=held,
        problems=problems,
    )


def checked(spec: Spec, source: Source) -> list[Diagnostic]:
    """Return what keeps a spec from describing a network.

    A spec with layers that are only declared is held to the number of parameters alone.
    """
    graph = analyze(spec).or_mistake().graph
    unread = unread_parameters(source)
    declares = any(node.op is not None and node.op.declared for node in graph.nodes)
    if declares or source.one_path is not None:
        return _other_params(spec, source, unread)
    return list(_held(spec, source, unread).diagnostics)


def unread_parameters(source: Source) -> dict[str, int]:
    """Return the numbers of values of the parameters that the trace does not read, by name."""
    named = dict(source.network.named_parameters(remove_duplicate=False))
    read: set[str] = set()
    for call in source.trace.calls:
        read.update(name for weight in weights_in(call.arguments) for name in weight.names)
    used = {id(named[name]) for name in read if name in named}
    own = source.network.named_parameters()
    return {name: p.numel() for name, p in own if id(p) not in used}


def _held(spec: Spec, source: Source, unread: Mapping[str, int]) -> Held:
    """Compare a spec with the network, computation by computation."""
    from ..torch_backend.hold.hold import hold

    inputs = source.inputs
    values = _values(spec, source)  # first: what is moved to meta has none
    return hold(
        spec,
        source.network,
        batch=inputs.batch,
        device="meta",
        arguments=inputs.arguments,
        unread=unread,
        values=values,
    )


def _values(spec: Spec, source: Source) -> Compared:
    """Compare the values that the network of a spec and the one imported compute."""
    import torch

    from ..torch_backend.hold.values import Compared, compare_values

    inputs, network = source.inputs, source.network.eval()
    report = analyze(spec, batch=inputs.batch)
    if any(t.is_meta for t in network.state_dict().values()):
        return Compared(why_not="the module has none")
    if report.totals.macs > _MOST_MACS:
        return Compared(why_not="that would take long here; `cnncalc verify --module` does it")
    return compare_values(report, network, torch.device("cpu"), inputs.arguments)


def _declared(part: Declared) -> Diagnostic:
    """Report a part of the network that no operator stands for."""
    where = f" ({part.source})" if part.source else ""
    why = part.why or f"no operator is `{part.what}`"
    message = f"`{part.path}` is only declared: {why}{where}"
    return Diagnostic("CNN410", message, severity="warning")


def _one_path(source: Source) -> Diagnostic:
    """Report that the network decides by values."""
    message = (
        f"what `{source.name}` computes depends on values{source.one_path}: this is one path"
        " through it, that of random values"
    )
    help = "only its number of parameters was compared; remove the decision for a proof"
    return Diagnostic("CNN419", message, severity="warning", help=help)


def _unread(unread: Mapping[str, int]) -> Diagnostic:
    """Report parameters that are not in the spec, as forward does not read them."""
    first, *others = unread
    more = {0: "", 1: " and another tensor"}.get(len(others), f" and {len(others)} other tensors")
    message = (
        f"forward never reads `{first}`{more} ({sum(unread.values()):,} values) in evaluation mode,"
        " so the spec has no such parameters"
    )
    return Diagnostic("CNN418", message, severity="warning")


def _other_params(spec: Spec, source: Source, unread: Mapping[str, int]) -> list[Diagnostic]:
    params, expected = (
        analyze(spec).totals.params,
        sum(p.numel() for p in source.network.parameters()) - sum(unread.values()),
    )
    if params == expected:
        return []
    message = f"the spec has {params:,} parameters, the module has {expected:,}"
    return [Diagnostic("CNN405", message)]


def _name(target: str) -> str:
    """Return a name for a network: that of its class or function, in the style of specs.

    >>> _name("model.py:TinyResNet"), _name("timm.models:resnet50"), _name("nets/small.pt2")
    ('tiny_res_net', 'resnet50', 'small')
    """
    last = re.split(r"[:./\\]", target.removesuffix(".pt2"))[-1]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", last).lower()
