"""A network of the user's own: found by its name, made, and run."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ...diagnostic import Diagnostic, Mistake, first_line, misspelled
from ...ops.base import named as sized
from ..allocator import is_out_of_memory
from .recorder import Event, Recorder


def network_of(
    target: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> nn.Module:
    """The network that ``package.module:Net`` names: a class or function that makes it, or the network itself.

    Errors: a Mistake with CNN403 where it cannot be imported, found or made, or is no nn.Module.
    """
    place, colon, path = target.partition(":")
    if not (place and colon and path):
        raise Mistake(
            Diagnostic(
                "CNN403",
                f"--module takes package.module:Net, not `{target}`",
                help="--module models:AlexNet, for AlexNet in models.py",
            )
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with aloud(f"importing `{place}`"):
        found: Any = importlib.import_module(place)
    for name in path.split("."):
        if not hasattr(found, name):
            raise Mistake(
                misspelled(
                    Diagnostic("CNN403", f"`{place}` has no `{path}`"),
                    name,
                    [n for n in dir(found) if not n.startswith("_")],
                )
            )
        found = getattr(found, name)
    if not isinstance(found, nn.Module):
        if not callable(found):
            raise Mistake(
                Diagnostic(
                    "CNN403",
                    f"`{target}` is a {type(found).__name__}, no class or function that makes a network",
                )
            )
        with aloud(f"`{target}`"):
            found = found(*args, **(kwargs or {}))
    if not isinstance(found, nn.Module):
        raise Mistake(
            Diagnostic("CNN403", f"`{target}` makes {type(found).__name__}, not a torch.nn.Module")
        )
    return found


@contextlib.contextmanager
def aloud(what: str) -> Iterator[None]:
    """Runs code of the user's: what it prints goes to stderr, what it raises becomes a Mistake that names its line."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Mistake, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise Mistake(
            Diagnostic("CNN403", f"{what} fails: {first_line(error)}{line_of(error)}")
        ) from error


def line_of(error: BaseException) -> str:
    """`` (file:line)`` of the user's innermost line that an error passed through."""
    others = (
        os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        os.path.dirname(torch.__file__),
        "<frozen",
        os.path.dirname(importlib.__file__),
    )
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(others)
    ]
    return f" ({os.path.relpath(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""


class Ran(NamedTuple):
    """What a network computed, the tensors it returned, and how its forward failed, if it did."""

    events: list[Event]
    used: set[str]
    outputs: list[Tensor]
    macs: int
    failure: str | None
    failed: Event | None  # what it was computing then
    flows: list[Any]  # of the outputs


def run_own(network: nn.Module, inputs: Sequence[Tensor]) -> Ran:
    """Runs a network in evaluation mode.

    Errors: a Mistake with CNN404 where it returns no tensor or NaN, or computes other things for other values.
    """
    if any(map(is_lazy, network.parameters())):  # those learn their shapes from the first input
        once(network, inputs)
    first, y = once(network, inputs)
    if first.failure is not None:
        return first
    if not first.outputs:
        raise Mistake(
            Diagnostic("CNN404", f"the module returns a {type(y).__name__} without tensors")
        )
    if inputs[0].is_meta:
        return first
    if any(bool(output.isnan().any()) for output in first.outputs):
        help = "initialise its weights, and look for a division by zero or a logarithm of what is not positive"
        raise Mistake(
            Diagnostic(
                "CNN404",
                "the module returns NaN for inputs drawn from a normal distribution",
                help=help,
            )
        )
    second, _ = once(network, [-3 * x.flip(0, -1) for x in inputs])
    for a, b in zip_longest(first.events, second.events):
        if (a and same(a)) != (b and same(b)):
            text = f"the module computes other things for other values, from {a or b} in {named((a or b).where)} on"  # type: ignore[union-attr]
            raise Mistake(
                Diagnostic(
                    "CNN404",
                    text,
                    help="control flow that depends on values cannot be held to a spec; take it out, or hold its parts",
                )
            )
    return first


def once(network: nn.Module, inputs: Sequence[Tensor]) -> tuple[Ran, Any]:
    """One run, and what it returned."""
    recorder, y, failure = Recorder(network), None, None
    counter = FlopCounterMode(display=False)
    try:
        with contextlib.redirect_stdout(sys.stderr), counter:
            y = recorder.run([x.clone() for x in inputs])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or is_out_of_memory(error):
            raise
        shapes = ", ".join(sized(x.shape) for x in inputs)
        failure = f"the module's forward fails on an input of {shapes}: {first_line(error)}{line_of(error)}"
    leaves = tree_leaves(vars(y) if hasattr(y, "__dataclass_fields__") else y)
    outputs = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    return Ran(
        recorder.events,
        recorder.used,
        outputs,
        counter.get_total_flops() // 2,
        failure,
        recorder.failed,
        [recorder.flows.get(o) for o in outputs],
    ), y


def same(event: Event) -> tuple[Any, ...]:
    """What must not change from run to run."""
    return event.kind, event.shape, event.weights, event.where


def named(where: str) -> str:
    """A module's path, or the forward of the network itself."""
    return f"`{where}`" if where else "its forward"
