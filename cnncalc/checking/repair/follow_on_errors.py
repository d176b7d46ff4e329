"""Finds findings that follow from others, and repairs that are right together with the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...diagnostic import Edit
from .case import Case, Rank
from .edited_text import EditedText
from .entry import Entry

_CONSIDERED = 24  # most findings that are checked together
_DOUBTFUL = (  # codes that a placeholder for a layer may cause
    "CNN201",
    "CNN205",
    "CNN206",
    "CNN208",
    "CNN212",
    "CNN301",
    "CNN302",
)
_INDEPENDENT_OF_SIZE = ("params", "weights", "biases", "buffers", "param_bytes")
_COUNTED_NAME = re.compile(r"[a-z_]+\d+")  # `conv3`: the name depends on the layers before it


@dataclass
class Doubts:
    """What placeholders have made doubtful."""

    sizes: bool = False  # a placeholder chose the size after it
    layers: bool = False  # a layer was left out


def is_consequence(
    entry: Entry, case: Case | None, variant: str | None, earlier: Iterable[Entry], doubts: Doubts
) -> bool:
    """Return whether placeholders for earlier findings may be the cause of a finding."""
    if not entry.later:
        return False
    code, subject = entry.diagnostic.code, entry.diagnostic.subject
    if doubts.layers and code.startswith(_DOUBTFUL):
        return True
    if doubts.layers and code == "CNN105" and _COUNTED_NAME.fullmatch(subject or ""):
        return True  # a layer that the count in the name includes was left out
    if doubts.sizes and code == "CNN302" and subject not in _INDEPENDENT_OF_SIZE:
        return True
    if case is None or code != "CNN204":
        return False
    smaller = any(
        other.diagnostic.code == "CNN204" and variant in other.variants for other in earlier
    )
    return (smaller or doubts.layers) and _fits_the_input(case)


def _fits_the_input(case: Case) -> bool:
    """Return whether a window fits into the network's input; then earlier layers are at fault."""
    kernel = getattr(case.fault.op, "kernel", 0)
    largest: int = max(kernel if isinstance(kernel, tuple) else (kernel,))
    sizes = [n for node in case.graph.inputs for n in node.shape[1:]]
    return largest <= min(sizes, default=0)


def settle_together(text: EditedText, file: str, entries: list[Entry], trials: int) -> None:
    """Choose the repairs that are right together with all others, and mark consequences.

    A finding that disappears when all others are repaired is a consequence of them. At most
    `trials` copies of the text are analysed.
    """
    errors = [entry for entry in entries if entry.is_error and entry.is_reported]
    repaired = [entry for entry in errors if entry.repaired_by or entry.fixes][:_CONSIDERED]
    if len(errors) < 2:
        for entry in repaired:
            entry.fixes = entry.complete_fixes or entry.fixes
        return
    if trials < 1 or any(entry.diagnostic.code == "CNN004" for entry in entries):
        return
    copies = _Copies(text, file, entries, trials)
    copies.choose_repairs(repaired)
    copies.mark_consequences([entry for entry in errors if entry.diagnostic.position])
    copies.fall_back_on_placeholders(repaired)


class _Copies:
    """Copies of the text in which several findings are repaired, at most `trials` of them."""

    def __init__(self, text: EditedText, file: str, entries: list[Entry], trials: int):
        self.text, self.file, self.entries, self.trials = text, file, entries, trials
        self._gone: list[Entry] = []  # the consequences found here

    def _spend(self, trials: int) -> bool:
        """Count trials; return whether they are still allowed."""
        self.trials -= trials
        return self.trials >= 0

    def _repairs_of_others(self, one: Entry) -> list[tuple[Edit, ...]]:
        """Return the repairs of all other reported findings, except consequences found here.

        The repair of a consequence says nothing about the findings that it follows from.
        """
        return [
            entry.repaired_by
            for entry in self.entries
            if entry is not one
            and entry.is_reported
            and entry not in self._gone
            and entry.repaired_by
        ]

    def _is_gone(self, entry: Entry) -> bool:
        """Return whether a finding is gone when the others are repaired; False if unknown."""
        others = self._repairs_of_others(entry)
        if not others or not self._spend(1):
            return False
        from .trial import still_reported  # only for several errors

        return not still_reported(entry.diagnostic, self.text, others, entry.variants[0])

    def _rank(self, fixes: Sequence[Sequence[Edit]], variant: str | None) -> Rank:
        """Return how wrong the network of the text is after fixes."""
        from .trial import rank_after

        return rank_after(self.text, fixes, self.file, variant)

    def choose_repairs(self, repaired: list[Entry]) -> None:
        """Keep the repairs that leave the fewest errors together with those of the others."""
        for entry in repaired:
            if len(entry.fixes) > 1 and self._spend(len(entry.fixes)):
                others, variant = self._repairs_of_others(entry), entry.variants[0]
                ranks = [self._rank([fix.edits, *others], variant) for fix in entry.fixes]
                best = min(ranks)
                entry.fixes = [fix for fix, rank in zip(entry.fixes, ranks) if rank == best]
            if entry.fixes and entry.repaired_by and entry.placeholder is None:
                entry.repaired_by = entry.fixes[0].edits

    def mark_consequences(self, errors: list[Entry]) -> None:
        """Mark the errors that are gone when the others are repaired."""
        doubtful = [entry for entry in errors[:_CONSIDERED] if not _is_certain(entry)]
        for _ in range(2):  # without these, another error may turn out to be a consequence
            gone_before = len(self._gone)
            for entry in reversed([entry for entry in doubtful if entry not in self._gone]):
                if self._is_gone(entry):  # in reverse: if one edit repairs two, the first stays
                    self._gone.append(entry)
            if len(self._gone) == gone_before:
                break
        for entry in self._gone:
            entry.consequence = True

    def fall_back_on_placeholders(self, repaired: list[Entry]) -> None:
        """Offer placeholders first if the chosen repairs are not right together."""
        chosen = [entry.fixes[0].edits for entry in repaired if entry.fixes and entry.is_reported]
        if not repaired or self.trials <= 0:
            return
        if not self._rank(chosen, repaired[0].variants[0]).errors:
            return
        for entry in repaired:
            first = entry.placeholder
            if first is not None:
                entry.fixes = [first, *(fix for fix in entry.fixes if fix.edits != first.edits)]


def _is_certain(entry: Entry) -> bool:
    """Return whether a finding surely follows from no other: a misspelled key."""
    return entry.diagnostic.code == "CNN101" and any(fix.certain for fix in entry.fixes)
