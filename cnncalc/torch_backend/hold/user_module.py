"""A user's own network: found by its name, made, and run."""

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
from ...wording import shape_text
from ..allocator import is_out_of_memory
from .recorder import Event, Recorder


class UserRun(NamedTuple):
    """What a network computed and returned, and how its forward failed, if it did."""

    events: list[Event]
    used: set[str]  # names of the parameters it read
    outputs: list[Tensor]
    macs: int
    failure: str | None
    failed: Event | None  # what it was computing when it failed
    flows: list[Any]  # of the outputs


def import_network(
    target: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
) -> nn.Module:
    """Return the network that ``package.module:Net`` names.

    That is the network itself, or a class or function that makes it.

    Errors: a Mistake with CNN403 where it cannot be imported, found or made, or is not an
    nn.Module.
    """
    place, colon, path = target.partition(":")
    if not (place and colon and path):
        raise _mistake(
            f"--module takes package.module:Net, not `{target}`",
            help="--module models:AlexNet, for AlexNet in models.py",
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    with run_user_code(f"importing `{place}`"):
        found: Any = importlib.import_module(place)
    for name in path.split("."):
        if not hasattr(found, name):
            missing = Diagnostic("CNN403", f"`{place}` has no `{path}`")
            names = [known for known in dir(found) if not known.startswith("_")]
            raise Mistake(misspelled(missing, name, names))
        found = getattr(found, name)
    if not isinstance(found, nn.Module):
        if not callable(found):
            kind = type(found).__name__
            raise _mistake(f"`{target}` is a {kind}, no class or function that makes a network")
        with run_user_code(f"`{target}`"):
            found = found(*args, **(kwargs or {}))
    if not isinstance(found, nn.Module):
        raise _mistake(f"`{target}` makes {type(found).__name__}, not a torch.nn.Module")
    return found


def _mistake(message: str, help: str | None = None) -> Mistake:
    return Mistake(Diagnostic("CNN403", message, help=help))


@contextlib.contextmanager
def run_user_code(what: str) -> Iterator[None]:
    """Run user code: redirect its stdout to stderr, and turn its exceptions into a Mistake.

    The Mistake names the user's line.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    except (Mistake, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _mistake(f"{what} fails: {first_line(error)}{_user_line(error)}") from error


def _user_line(error: BaseException) -> str:
    """Write `` (file:line)`` of the user's innermost line that an error passed through."""
    not_theirs = (
        os.path.dirname(os.path.dirname(os.path.dirname(__file__))),
        os.path.dirname(torch.__file__),
        "<frozen",
        os.path.dirname(importlib.__file__),
    )
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(not_theirs):
            return f" ({os.path.relpath(frame.filename)}:{frame.lineno})"
    return ""


def run_user_network(network: nn.Module, inputs: Sequence[Tensor]) -> UserRun:
    """Run a network in evaluation mode.

    Errors: a Mistake with CNN404 where it returns no tensor or NaN, or where what it computes
    depends on values.
    """
    if any(map(is_lazy, network.parameters())):  # those learn their shapes from the first input
        _run_once(network, inputs)
    first, returned = _run_once(network, inputs)
    if first.failure is not None:
        return first
    if not first.outputs:
        message = f"the module returns a {type(returned).__name__} without tensors"
        raise Mistake(Diagnostic("CNN404", message))
    if inputs[0].is_meta:
        return first
    if any(bool(output.isnan().any()) for output in first.outputs):
        raise Mistake(
            Diagnostic(
                "CNN404",
                "the module returns NaN for inputs drawn from a normal distribution",
                help="initialise its weights, and look for a division by zero"
                " or a logarithm of what is not positive",
            )
        )
    second, _ = _run_once(network, [-3 * x.flip(0, -1) for x in inputs])
    for a, b in zip_longest(first.events, second.events):
        if (a and _lasting(a)) != (b and _lasting(b)):
            event = a or b
            raise Mistake(
                Diagnostic(
                    "CNN404",
                    "the module computes other things for other values,"
                    f" from {event} in {place_text(event.where)} on",
                    help="control flow that depends on values cannot be held to a spec;"
                    " take it out, or hold its parts",
                )
            )
    return first


def _run_once(network: nn.Module, inputs: Sequence[Tensor]) -> tuple[UserRun, Any]:
    """Run a network once. Returns also what it returned."""
    recorder, y, failure = Recorder(network), None, None
    counter = FlopCounterMode(display=False)
    try:
        with contextlib.redirect_stdout(sys.stderr), counter:
            y = recorder.run([x.clone() for x in inputs])
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or is_out_of_memory(error):
            raise
        shapes = ", ".join(shape_text(x.shape) for x in inputs)
        reason = f"{first_line(error)}{_user_line(error)}"
        failure = f"the module's forward fails on an input of {shapes}: {reason}"
    leaves = tree_leaves(vars(y) if hasattr(y, "__dataclass_fields__") else y)
    outputs = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    run = UserRun(
        events=recorder.events,
        used=recorder.used,
        outputs=outputs,
        macs=counter.get_total_flops() // 2,
        failure=failure,
        failed=recorder.failed,
        flows=[recorder.flows.get(output) for output in outputs],
    )
    return run, y


def _lasting(event: Event) -> tuple[Any, ...]:
    """What must not change from run to run."""
    return event.kind, event.shape, event.weights, event.where


def place_text(where: str) -> str:
    """Write a module's path, or the forward of the network itself."""
    return f"`{where}`" if where else "its forward"
