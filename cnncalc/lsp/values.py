"""Finds the values of a spec that may be expressions."""

from __future__ import annotations

from collections.abc import Iterator

from ..language.spec import Spec
from ..language.yaml_tree import Marks


def values_of(spec: Spec) -> Iterator[tuple[str | None, str, Marks]]:
    """Yield the values that may be expressions, each with its block and its key."""
    for block, owner, parts in _owners(spec):
        for part in parts:
            if part in owner.items:
                for key, value in _leaves(owner.items[part], part):
                    yield block, key, value


def _owners(spec: Spec) -> Iterator[tuple[str | None, Marks, tuple[str, ...]]]:
    """Yield mappings, each with its block and those of its keys whose values have expressions."""
    yield None, spec.marks, ("input", "params", "layers")
    for variant in spec.marks.find("variants").items.values():
        yield None, variant, ("params", "expect")
    for name in spec.blocks:
        yield name, spec.marks.find("blocks", name), ("params", "layers")


def _leaves(marks: Marks, key: str) -> Iterator[tuple[str, Marks]]:
    """Yield the scalars in a value, each with the key that it belongs to."""
    if not marks.items and not marks.keys:
        yield key, marks
    for step, value in marks.items.items():
        yield from _leaves(value, step if isinstance(step, str) else key)
