"""Runs a user's network, and records what it computes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ...diagnostic import Diagnostic, Mistake, first_line
from ...wording import shape_text
from ..allocator import is_out_of_memory
from ..inputs import shifted
from ..user_code import user_line
from ..verify.counters import counting_flops
from .recorder import Arranged, Event, Recorder, in_order, tensors_in


class UserRun(NamedTuple):
    """What a network computed and returned, and how its forward failed if it did."""

    events: list[Event]
    used: set[str]  # names of the parameters that it read
    outputs: list[Tensor]
    macs: int
    failure: str | None
    failed: Event | None  # what it was computing when it failed
    flows: list[Any]  # of the outputs
    uncounted: dict[str, str]  # operators whose MACs are not counted, by the module that calls them


def run_user_network(
    network: nn.Module, inputs: Sequence[Tensor], arguments: Arranged = in_order
) -> UserRun:
    """Run a network in evaluation mode. `arguments` turns inputs into those of its forward.

    Errors: a Mistake with CNN404 if it returns no tensor or NaN, or if what it computes depends on
    values.
    """
    if any(map(is_lazy, network.parameters())):  # they take their shapes from the first input
        _run_once(network, inputs, arguments)
    first, returned = _run_once(network, inputs, arguments)
    if first.failure is not None:
        return first
    if not first.outputs:
        message = (
            f"the module returns no tensors, but an object of type `{type(returned).__name__}`"
        )
        raise Mistake(Diagnostic("CNN404", message))
    if inputs[0].is_meta:
        return first
    if any(bool(output.isnan().any()) for output in first.outputs):
        raise Mistake(
            Diagnostic(
                "CNN404",
                "the module returns NaN for inputs drawn from a normal distribution",
                help="initialise its weights, and look for a division by zero"
                " or the logarithm of a value that is not positive",
            )
        )
    second, _ = _run_once(network, shifted(inputs), arguments)
    for a, b in zip_longest(first.events, second.events):
        if (a and _lasting(a)) != (b and _lasting(b)):
            event = a or b
            raise Mistake(
                Diagnostic(
                    "CNN404",
                    "what the module computes depends on the values of its input,"
                    f" starting with {event} in {place_text(event.where)}",
                    help="a spec cannot describe control flow that depends on values;"
                    " remove it, or verify its parts one by one",
                )
            )
    return first


def _run_once(
    network: nn.Module, inputs: Sequence[Tensor], arguments: Arranged
) -> tuple[UserRun, Any]:
    """Run a network once. Also returns what the network returned."""
    recorder, y, failure = Recorder(network), None, None
    counting = counting_flops(network)
    # What forward makes, such as the first states of a sequence, is there too.
    where = torch.device("meta") if inputs[0].is_meta else contextlib.nullcontext()
    try:
        with contextlib.redirect_stdout(sys.stderr), where, counting as counter:
            y = recorder.run([x.clone() for x in inputs], arguments)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or is_out_of_memory(error):
            raise
        shapes = ", ".join(shape_text(x.shape) for x in inputs)
        reason = f"{first_line(error)}{user_line(error)}"
        failure = f"the module's forward fails on an input of {shapes}: {reason}"
    outputs = returned_tensors(y)
    run = UserRun(
        events=recorder.events,
        used=recorder.used,
        outputs=outputs,
        macs=counter.get_total_flops() // 2,
        failure=failure,
        failed=recorder.failed,
        flows=[recorder.flows.get(output) for output in outputs],
        uncounted=recorder.uncounted,
    )
    return run, y


def returned_tensors(returned: Any) -> list[Tensor]:
    """Return the tensors in what a network returned, in its order."""
    return tensors_in(vars(returned) if hasattr(returned, "__dataclass_fields__") else returned)


def _lasting(event: Event) -> tuple[Any, ...]:
    """Return what must not change from run to run."""
    return event.kind, event.shape, event.weights, event.where


def place_text(where: str) -> str:
    """Return a module's path in backticks, or ``its forward`` for the network itself."""
    return f"`{where}`" if where else "its forward"
