"""Writes the calls that make modules, with expressions of a block's parameters as arguments."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from ...ops.torch_call import TorchCall
from .expressions import constant
from .helpers import defaults_of, is_helper
from .signatures import arguments, is_bare, signature

# Finds an expression for the values that an argument has in all uses of a layer: its name, the
# values, and whether one number may stand for all axes.
Find = Callable[[str, Sequence[Any], bool], ast.expr]
_AXES = ("ChannelsLast", "ChannelsFirst")
_OPERATORS = {"add": "+", "sub": "-", "mul": "*", "truediv": "/"}
_BINDS = {"+": 0, "-": 0, "*": 1, "/": 1}


class Made(NamedTuple):
    """How a module is written, and what it needs: helpers by name."""

    source: str
    helpers: set[str]


def is_inline(call: TorchCall) -> bool:
    """Return whether a module without parameters is written as an expression of its input."""
    return call.name in (*_AXES, "FirstOf")


def inline(call: TorchCall, text: str, rank: int) -> str:
    """Write such a module, for the expression of its input, which has so many axes."""
    if call.name == "FirstOf":
        return f"{text}[0]"
    axes = [*range(2, rank), 1] if call.name == "ChannelsLast" else [rank - 1, *range(1, rank - 1)]
    return f"{text}.permute(0, {', '.join(map(str, axes))})"


def joined(call: TorchCall, texts: Sequence[str]) -> str:
    """Write what a join computes of its inputs."""
    if call.name == "Combination":
        operation = call.arguments["operation"]
        sign = _OPERATORS.get(operation)
        if any(text.startswith("*") for text in texts):
            listed = f"({', '.join(texts)}{',' * (len(texts) == 1)})"
            module = "operator" if sign else "torch"
            return f"reduce({module}.{operation}, {listed})"
        if sign:
            return f" {sign} ".join(texts)
        text = texts[0]
        for other in texts[1:]:
            text = f"torch.{operation}({text}, {other})"
        return text
    listed = ", ".join(texts) + "," * (len(texts) == 1)
    if call.name == "Concatenation":
        return f"torch.cat(({listed}), dim={call.arguments.get('axis', 1)})"
    if call.name == "Stacking":
        return f"torch.stack(({listed}), dim={call.arguments['axis']})"
    if call.name == "MatrixProduct":
        return " @ ".join(texts)
    if call.name == "GridSample":
        quoted = {k: f'"{v}"' if isinstance(v, str) else v for k, v in call.arguments.items()}
        how = ", ".join(f"{key}={value}" for key, value in quoted.items())
        return f"nn.functional.grid_sample({', '.join(texts)}, {how})"
    raise ValueError(call.name)


def is_join(call: TorchCall) -> bool:
    """Return whether `joined` writes it."""
    return call.name in (
        "Combination",
        "Concatenation",
        "Stacking",
        "MatrixProduct",
        "GridSample",
    )


def module(
    calls: Sequence[TorchCall],
    find: Find,
    write: Callable[[ast.expr], str],
    varied: Collection[str] = (),
) -> Made:
    """Write the module that a layer has in its uses: `calls` are of one class.

    Arguments that are the default are left out, apart from those `varied` by parameters.
    """
    call, helpers = calls[0], set[str]()
    ours = is_helper(call.name)
    if ours:
        helpers.add(call.name)
    written: list[str] = []
    keys = _keys(calls, varied)
    order = list(signature(call.name) or defaults_of(call.name))
    bare = True
    for place, key in enumerate(keys):
        values = [other.arguments[key] for other in calls]
        if isinstance(values[0], TorchCall):
            made = module(values, find, write, varied)
            helpers |= made.helpers
            text = made.source
        else:
            text = write(find(key, values, not ours))
        bare = bare and key in order and is_bare(key, order.index(key), place)
        written.append(text if bare else f"{key}={text}")
    source = f"{'' if ours else 'nn.'}{call.name}({', '.join(written)})"
    if call.parametrize:
        source = f"{_parametrization(call.parametrize, helpers)}({source})"
    return Made(source, helpers)


def _keys(calls: Sequence[TorchCall], varied: Collection[str]) -> list[str]:
    """Return the arguments to write: those that are not the default in one of the uses."""
    found = dict.fromkeys(key for key in calls[0].arguments if key in varied)
    for call in calls:
        defaults = defaults_of(call.name)
        found |= dict.fromkeys(arguments(call.name, call.arguments, defaults))
    order = list(signature(calls[0].name) or calls[0].arguments)
    return sorted(found, key=lambda key: order.index(key) if key in order else len(order))


def _parametrization(name: str, helpers: set[str]) -> str:
    if is_helper(name):
        helpers.add(name)
        return name
    helpers.add("parametrizations")
    return f"parametrizations.{name}"


def plain(value: Any, any_axis: bool) -> ast.expr:
    """Return a value as written: one number for all axes where that means the same."""
    if any_axis and isinstance(value, tuple) and value and len(set(value)) == 1:
        return constant(value[0])
    return constant(value)


def structure(call: TorchCall) -> tuple[Any, ...]:
    """Return what two calls must have in common to be written as one."""
    inner: Mapping[str, Any] = call.arguments
    parts = ((k, structure(v)) for k, v in inner.items() if isinstance(v, TorchCall))
    hooks = (hook and structure(hook) for hook in (call.before, call.after))
    return (call.name, call.parametrize, tuple(sorted(inner)), *hooks, *parts)
