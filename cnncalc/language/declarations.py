"""Checks declarations: unused names, hidden names, and blocks that contain themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from ..diagnostic import Diagnostic
from .expression import Expression
from .reader import Reader
from .steps import BlockSteps, Step
from .yaml_tree import Marks


def unused(reader: Reader, params: Mapping[str, Any], marks: Marks) -> Iterator[Diagnostic]:
    """Report blocks and parameters that are declared and never used."""
    file = reader.file
    for name, block in reader.blocks.items():
        if name not in reader.used_blocks:
            place = marks.find("blocks").key(file, name)
            yield Diagnostic("CNN110", f"block `{name}` is never used", place, severity="warning")
        for param in block.params:
            if param not in reader.used_names:
                place = block.marks.find("params").key(file, param)
                message = f"parameter `{param}` of block `{name}` is never used"
                yield Diagnostic("CNN110", message, place, severity="warning")
    for param in params:
        if param not in reader.used_names:
            place = marks.find("params").key(file, param)
            message = f"parameter `{param}` is never used"
            yield Diagnostic("CNN110", message, place, severity="warning")


def hidden(reader: Reader, params: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Report parameters of the network that a parameter of a block hides by having its name."""
    for name, block in reader.blocks.items():
        for param in block.params:
            if param in params:
                yield Diagnostic(
                    "CNN114",
                    f"parameter `{param}` of block `{name}` hides the network's own `{param}`",
                    block.marks.find("params").key(reader.file, param),
                    "give one of them another name",
                    severity="note",
                )


def cyclic(reader: Reader, marks: Marks) -> Diagnostic | None:
    """Report the first block that contains itself, if there is one."""
    left = _unfounded(reader.blocks)
    for name in left:
        path = [name]
        while (inner := min(left[path[-1]])) not in path:
            path.append(inner)
        if inner == name:
            shown = path if len(path) < 8 else [*path[:6], "…"]
            loop = " → ".join([*shown, name])
            place = marks.find("blocks").key(reader.file, name)
            message = f"block `{name}` contains itself: {loop}"
            help = "use `repeat`"
            if len(path) == 1 and (param := reader.blocks[name].main):
                help += f", or let a parameter decrease: `{name}: {{{param}: {param} - 1}}`"
            return Diagnostic("CNN109", message, place, help=help)
    return None


def decreases(step: Step) -> bool:
    """Return whether a block that is used inside itself gets a parameter that is smaller there.

    Then `when` or `repeat` can end it; an endless one meets the limit of nesting.
    """
    written = {name: v.body for name, v in step.body.items() if isinstance(v, Expression)}
    return any(_is_less(value, name) for name, value in written.items())


def _is_less(value: ast.expr, name: str) -> bool:
    """Return whether an expression is a name less something, or a part of it."""
    is_less = False
    while isinstance(value, ast.BinOp):
        least = {ast.Sub: 1, ast.FloorDiv: 2}.get(type(value.op))
        if least is None:
            return False
        by = value.right.value if isinstance(value.right, ast.Constant) else None
        is_less |= isinstance(by, int) and by >= least
        value = value.left
    return is_less and isinstance(value, ast.Name) and value.id == name


def _unfounded(blocks: Mapping[str, BlockSteps]) -> dict[str, set[str]]:
    """Return the blocks that are in a cycle or use one that is, each with those of them it uses.

    They are left after repeatedly removing the blocks that use none of the remaining ones.
    """
    left = {name: {used for used in block.uses if used in blocks} for name, block in blocks.items()}
    users: dict[str, list[str]] = {}
    for name, uses in left.items():
        for inner in uses:
            users.setdefault(inner, []).append(name)
    free = [name for name, uses in left.items() if not uses]
    while free:
        done = free.pop()
        left.pop(done)
        for user in users.get(done, ()):
            left[user].discard(done)
            if not left[user]:
                free.append(user)
    return left
