"""Describes what is found while a network is expanded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..diagnostic import Diagnostic, Position
from ..num import NoFormula
from ..wording import listed, plural
from .limits import MAX_LAYERS
from .scope import Scope
from .steps import Step
from .validation import shown


def without_formula(step: Step, scope: Scope, error: NoFormula) -> Diagnostic:
    """Describe a layer that symbols cannot express."""
    message = f"`{step.key}` has no formula: {error}"
    help = "`cnncalc analyze` takes numbers: `--input 3x224x224`, `--set width=64`"
    return Diagnostic("CNN210", message, step.place, help, context=scope.context)


def passes_another(step: Step, scope: Scope) -> Diagnostic:
    """Describe a layer that is left out, so that the next one reads what its `from` names."""
    return Diagnostic(
        "CNN120",
        f"`{scope.prefix}{step.name}` is left out, and what follows reads the layer of its `from`,"
        " not the one before it",
        step.marks.key(step.place.file, "from"),
        "choose what follows by a condition: `from: left if deep else right`",
        severity="warning",
        context=scope.context,
    )


def joins_nothing(step: Step) -> Diagnostic:
    """Describe a join none of whose branches is there."""
    message = f"`{step.key}` joins nothing: none of its branches is there"
    help = "let one of the conditions hold, or put `when` beside the join"
    return Diagnostic("CNN103", message, step.place, help)


def joins_too_few(step: Step, fewest: int, found: int, absent: Sequence[Step]) -> Diagnostic:
    """Describe a join that has too few branches, because some are left out."""
    verb = "is" if len(absent) == 1 else "are"
    left_out = f"{listed(_branch_name(step, branch) for branch in absent)} {verb} left out"
    message = f"`{step.key}` takes {plural(fewest, 'input')}, not {found}: {left_out}"
    help = "let its condition hold, or put `when` beside the join"
    return Diagnostic("CNN103", message, step.place, help)


def _branch_name(join: Step, branch: Step) -> str:
    """Name a branch, or the layer that an entry of a join's list names."""
    name = branch.name or branch.source
    return f"`{name}`" if isinstance(name, str) else f"entry {join.branches.index(branch) + 1}"


def wrong_repeat(count: Any, position: Position) -> Diagnostic:
    """Describe a number of copies that cannot be."""
    message = f"`repeat` takes a whole number from 0 to {MAX_LAYERS:,}, not {shown(count)}"
    return Diagnostic("CNN103", message, position)


def no_condition(word: str, value: Any, position: Position) -> Diagnostic:
    """Describe the value of a word such as `when` that is not a condition."""
    message = f"`{word}` takes a condition, not {shown(value)}"
    return Diagnostic("CNN103", message, position, help="write a comparison: `depth > 0`")
