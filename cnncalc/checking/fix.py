"""Applies fixes to a text: certain ones, and choices that no output shape depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..diagnostic import Diagnostic, Fix, Mistake, Position
from ..language.load import from_text
from ..language.yaml_tree import parse
from .finding import Checked
from .repair.edited_text import EditedText
from .repair.placeholder import layers_in
from .repair.settled_outputs import outputs_are_settled

_PASSES = 30  # most rounds of fixes for one file

Check = Callable[[str], Checked]


class Fixed(NamedTuple):
    """A text after fixes, and how many were applied."""

    text: str
    fixes: int


def with_certain_fixes(text: str, check: Check) -> Fixed:
    """Apply the certain fixes, in rounds, as long as a round does not add errors."""
    count = 0
    for _ in range(_PASSES):
        before = check(text)
        fixes = [fix for _, fix in _fixes(before) if fix.certain]
        after = apply_fixes(text, fixes)
        if after == text or check(after).count("error") > before.count("error"):
            break
        text, count = after, count + len(fixes)
    return Fixed(text, count)


def with_chosen_fixes(text: str, check: Check, variant: str | None) -> Fixed:
    """Apply the first fix of each error, one after the other, if it keeps the design.

    Either all of them are applied or none: the network must be right afterwards, and no output
    shape may depend on which repair was chosen.
    """
    history = _History(EditedText(text))
    for _ in range(_PASSES):
        before = check(history.text.text)
        chosen = next((pair for pair in _fixes(before) if _may_be_chosen(*pair)), None)
        if chosen is None or not history.add(*chosen):
            break
        if check(history.text.text).count("error") >= before.count("error"):
            return Fixed(text, 0)
    if history.faults and history.keeps_outputs(check(history.text.text).networks, variant):
        return Fixed(history.text.text, len(history.faults))
    return Fixed(text, 0)


def _fixes(checked: Checked) -> list[tuple[Diagnostic, Fix]]:
    """Return the findings that have a fix, each with its fix."""
    found = [finding.diagnostic for finding in checked.findings]
    return [(d, d.fix) for d in found if d.fix is not None]


def _may_be_chosen(diagnostic: Diagnostic, fix: Fix) -> bool:
    """Return whether a fix repairs an error and keeps the expected shapes and the design."""
    return diagnostic.severity == "error" and not (fix.restates or fix.alters)


class _History:
    """A text after fixes, and the fault that each fix repaired."""

    def __init__(self, text: EditedText):
        self.text = text
        self.faults: list[Diagnostic] = []  # the last one was repaired by the last edits

    def add(self, fault: Diagnostic, fix: Fix) -> bool:
        """Apply a fix; return whether it changed layers and nothing else."""
        after = self.text.apply(fix.edits)
        try:
            _, marks = parse(after.text, "")
        except Mistake:
            return False
        if after.text == self.text.text or not after.each_touches(layers_in(marks)):
            return False
        self.text = after
        self.faults.append(fault)
        return True

    def keeps_outputs(self, networks: Iterable[str | None], variant: str | None) -> bool:
        """Return whether the networks are right, and their output shapes are settled."""
        try:
            spec = from_text(self.text.text)
        except Mistake:
            return False
        names = [variant] if variant is not None else list(networks)
        for name in names:
            expansion = spec.expansion(name)
            if any(d.severity == "error" for d in expansion.graph.diagnostics):
                return False
            faulty = self._faulty([node.position for node in expansion.graph.nodes])
            if not outputs_are_settled(expansion, self.text, faulty, self.faults):
                return False
        return spec.ok

    def _faulty(self, positions: list[Position | None]) -> set[int]:
        """Return the nodes where the faults were; `positions` are those of the nodes by now.

        A layer that does not take an input of this rank (CNN201) may itself be right.
        """
        found: set[int] = set()
        text, places = self.text, dict(enumerate(positions))
        for fault in reversed(self.faults):
            for n, place in places.items():
                places[n] = place and text.previous_position(place)
            text = text.previous or text
            if fault.code == "CNN201" or fault.position is None:
                continue
            at = (fault.position.line, fault.position.column)
            found |= {n for n, place in places.items() if place and place[1:3] == at}
        return found


def apply_fixes(text: str, fixes: Iterable[Fix]) -> str:
    """Return a text with fixes applied; of two that overlap, only the first is applied."""
    return EditedText(text).apply(*(fix.edits for fix in fixes)).text
