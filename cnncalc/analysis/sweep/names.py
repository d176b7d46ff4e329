"""What the names that vary stand for: parameters, axes of inputs, settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...diagnostic import Diagnostic, Mistake
from ...language.spec import Spec

AXES = {1: "C", 2: "CL", 3: "CHW", 4: "CDHW"}  # by rank of the input
SETTINGS = {
    "batch": "the number of images",
    "dtype": "the type of the values",
    "variant": "a variant of the spec",
    "spec": "another spec",
}


def of_parameters(
    spec: Spec, variant: str | None, fixed: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of parameters, with whole lists for entries; and the other values.

    A name that this spec does not know counts as a parameter, which it refuses.

    Errors: a Mistake for an entry that a list does not have.
    """
    own: dict[str, Any] = {}
    others: dict[str, Any] = {}
    known = names_to_vary(spec)
    for name, value in values.items():
        base, n = entry(name)
        if base not in spec.parameter_names and name in known:
            others[name] = value
        elif n is None or base not in spec.parameter_names:
            own[name] = value
        else:
            listed = own.get(base) or spec.parameter_values(variant, fixed)[base]
            if not isinstance(listed, tuple) or n >= len(listed):
                what = (
                    f"has {len(listed)} entries" if isinstance(listed, tuple) else "is not a list"
                )
                raise Mistake(Diagnostic("CNN111", f"--over {name}: `{base}` {what}"))
            own[base] = (*listed[:n], value, *listed[n + 1 :])
    return own, others


def entry(name: str) -> tuple[str, int | None]:
    """Read ``depths[0]`` as a list and the number of an entry; None for a name alone."""
    match = _ENTRY.match(name)
    return (match[1], int(match[2])) if match else (name, None)


_ENTRY = re.compile(r"(\w+)\[(\d{1,4})\]\Z")


def shapes(
    spec: Spec, given: Mapping[str, Any], sizes: Mapping[str, Any]
) -> dict[str, tuple[Any, ...]] | None:
    """Return shapes of inputs with the sizes that are named, such as ``H`` or ``left.H``.

    An entry of None stays as written in the spec; None stands for no shapes at all.
    """
    found = {name: list(shape) for name, shape in given.items()}
    for n, (name, rank) in enumerate(spec.input_ranks.items()):
        for axis, letter in enumerate(AXES[rank]):
            for size in (f"{name}.{letter}", letter)[: 2 - (n > 0)]:
                if size in sizes:
                    found.setdefault(name, [None] * rank)[axis] = sizes[size]
    return {name: tuple(shape) for name, shape in found.items()} or None


def names_to_vary(spec: Spec) -> dict[str, str]:
    """Return what a sweep can vary, with what each name is."""
    found = dict.fromkeys(spec.parameter_names, "a parameter")
    for n, (name, rank) in enumerate(spec.input_ranks.items()):
        for letter in AXES[rank]:
            found.setdefault(f"{name}.{letter}" if n else letter, f"an axis of `{name}`")
            found.setdefault(f"{name}.{letter}", f"an axis of `{name}`")
    for name, what in SETTINGS.items():
        found.setdefault(name, what)
    return found
