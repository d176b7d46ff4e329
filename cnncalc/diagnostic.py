"""Diagnostics: what a user's mistake is made of. Their codes are explained in rules.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Position(NamedTuple):
    """A place in a file: 1-based line and column, and how many characters it spans."""

    file: str
    line: int
    column: int
    length: int = 1


class Edit(NamedTuple):
    """Text to stand in place of a range of a file: 1-based, the end not included. With `word`, only of that word in it."""

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    word: str | None = None

    @staticmethod
    def over(position: Position, text: str, word: str | None = None) -> Edit:
        """In place of what stands at a position."""
        return Edit(
            position.line,
            position.column,
            position.line,
            position.column + position.length,
            text,
            word,
        )


class Fix(NamedTuple):
    """Edits that make a finding go away. `certain`: they are what was meant, and need nobody's judgement.

    `restates`: they change what is demanded of the network, an `expect` or a budget, and not the network.
    """

    title: str
    edits: tuple[Edit, ...]
    certain: bool = False
    restates: bool = False


class Diagnostic(NamedTuple):
    """One finding: a code of the catalogue, what is wrong, where, and what to do about it.

    `settings` are values of the layer's fields that may mend it, for the search of repairs to try.
    """

    code: str
    message: str
    position: Position | None = None
    help: str | None = None
    equation: str | None = None
    context: tuple[str, ...] = ()
    severity: Severity = "error"
    fix: Fix | None = None
    settings: tuple[tuple[str, Any], ...] = ()

    def at(self, position: Position | None, *context: str) -> Diagnostic:
        """The same finding at a place, in the blocks named by `context`."""
        return self._replace(position=self.position or position, context=self.context or context)

    def __str__(self) -> str:
        where = (
            f"{self.position.file}:{self.position.line}:{self.position.column}: "
            if self.position
            else ""
        )
        return f"{where}{self.severity}[{self.code}]: {self.message}"


class Mistake(Exception):
    """Carries a user's mistake from where it is found to the door, where it becomes data again."""

    def __init__(self, *diagnostics: Diagnostic):
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics
        self.sources: dict[str, str] = {}  # texts of the files they speak of, where known
        self.parts: frozenset[str] = frozenset()  # the top-level keys that they are in, where known

    def __str__(self) -> str:
        return "\n".join(f"{d}; {d.help}" if d.help else str(d) for d in self.diagnostics)


def misspelled(
    fault: Diagnostic,
    word: str,
    known: Iterable[str],
    otherwise: str | None = None,
    given: Iterable[str] = (),
) -> Diagnostic:
    """The fault with ``did you mean …?`` where a known word is near, to be put at its place; else with another help.

    There is nothing to put where the word is `given` already, or where only the numbers differ: `conv3` is no misspelling of `conv1`.
    """
    found, sure = nearest(word, known)
    if found is None:
        return fault._replace(help=otherwise)
    if found in given:
        return fault._replace(help=f"`{found}` is there already: remove this one")
    told = fault._replace(help=f"did you mean `{found}`?")
    return (
        told
        if word.translate(_NO_DIGITS) == found.translate(_NO_DIGITS)
        else instead(told, word, found, sure)
    )


def instead(fault: Diagnostic, word: str, right: str, certain: bool = True) -> Diagnostic:
    """The fault with a fix: another word in place of the one at its position."""
    return (
        fault._replace(
            fix=Fix(f"write `{right}`", (Edit.over(fault.position, right, word),), certain)
        )
        if fault.position
        else fault
    )


_NO_DIGITS = str.maketrans("", "", "0123456789")


def nearest(word: str, known: Iterable[str]) -> tuple[str | None, bool]:
    """The known word that a misspelled one is nearest to, and whether no other comes close."""
    from difflib import SequenceMatcher, get_close_matches  # only on the way to an error

    if len(word) > 60:
        return None, False
    known = list(known)
    same = [k for k in known if k.lower() == word.lower()]
    if same:
        return same[0], True
    likely = (
        known
        if len(known) < 300
        else [k for k in known if k[:1] == word[:1] and abs(len(k) - len(word)) < 3][:300]
    )
    found = get_close_matches(word, likely, 2, 0.6)
    if found:
        first, *others = (SequenceMatcher(None, word, k).ratio() for k in found)
        return found[0], first >= 0.75 and all(first - other > 0.1 for other in others)
    found = [
        k
        for k in known
        if len(word) > 2 and (k.startswith(word.lower()) or word.lower().startswith(k))
    ]
    return (found[0] if found else None), False


def first_line(error: BaseException) -> str:
    """``TypeName: the first line of the message``."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:300]}" if text else type(error).__name__
