"""Diagnostics: what a user's mistake is made of. Their codes are explained in rules.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, Literal, NamedTuple

from .foreign import visible

Severity = Literal["error", "warning", "note"]

_LONGEST = 300  # characters of an exception's text that are shown
_NO_DIGITS = str.maketrans("", "", "0123456789")
_MOST_COMPARED = 300  # known words that one misspelling is compared with


class Position(NamedTuple):
    """A place in a file: 1-based line and column, and how many characters it spans."""

    file: str
    line: int
    column: int
    length: int = 1


class Edit(NamedTuple):
    """A text that replaces a range of a file, 1-based and without its end.

    With `word`, it replaces only that word in the range.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    word: str | None = None

    @staticmethod
    def over(position: Position, text: str, word: str | None = None) -> Edit:
        """Replace what is at a position."""
        return Edit(
            line=position.line,
            column=position.column,
            end_line=position.line,
            end_column=position.column + position.length,
            text=text,
            word=word,
        )


class Fix(NamedTuple):
    """Edits that make a finding go away."""

    title: str
    edits: tuple[Edit, ...]
    certain: bool = False  # they are what was meant, without anyone's judgement
    restates: bool = False  # they change what is expected of the network, and not the network
    alters: bool = False  # they may change more of the design than the finding is about


class Diagnostic(NamedTuple):
    """One finding: a code of the catalogue, what is wrong, where, and what to do about it.

    `settings` are values of the layer's fields that may repair it, for the search to try.
    `subject` is what the finding is about, as data: the unknown name (CNN105), whether `sizes` or
    `channels` differ (CNN206), the figure that exceeds its budget (CNN302).
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
    subject: str | None = None

    def at(self, position: Position | None, *context: str) -> Diagnostic:
        """Return the finding with a place and the blocks around it, if it has none yet."""
        return self._replace(position=self.position or position, context=self.context or context)

    def __str__(self) -> str:
        text = f"{self.severity}[{self.code}]: {self.message}"
        if self.position is not None:
            file, line, column, _ = self.position
            text = f"{file}:{line}:{column}: {text}"
        return visible(text)


MOST = 100  # findings of one kind in a file; a file with more is wrong throughout


def first_of(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings; of very many the first, and one that says so.

    The others are not even made: looking for a word that is near takes time.
    """
    listed: list[Diagnostic] = []
    for diagnostic in found:
        listed.append(diagnostic)
        if len(listed) >= MOST:
            return [*listed, too_many(diagnostic)]
    return listed


def too_many(last: Diagnostic) -> Diagnostic:
    """Say that findings after this one are not listed."""
    message = f"more than {MOST} findings like this one: what else is wrong is not listed"
    return Diagnostic("CNN004", message, last.position, severity=last.severity)


class Mistake(Exception):
    """Carries a user's mistakes from where they are found to the caller, who reads them as data.

    Where known, `sources` has the texts of the files that the diagnostics are about, and `parts`
    the top-level keys.
    """

    def __init__(self, *diagnostics: Diagnostic):
        super().__init__(*diagnostics)
        self.diagnostics = diagnostics
        self.sources: dict[str, str] = {}
        self.parts: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "\n".join(f"{d}; {visible(d.help)}" if d.help else str(d) for d in self.diagnostics)


def misspelled(
    fault: Diagnostic,
    word: str,
    known: Iterable[str],
    otherwise: str | None = None,
    given: Iterable[str] = (),
) -> Diagnostic:
    """Add ``did you mean …?`` and a fix where a known word is near, otherwise another help.

    There is no fix where the known word is `given` already, or where only digits differ: `conv3`
    is not a misspelling of `conv1`. Nor is it certain that `there` is one of `here`: names that
    people gave may differ in a letter on purpose, if not in the order of their letters.
    """
    found, sure = nearest(word, known)
    if found is None:
        return fault._replace(help=otherwise)
    if found in given:
        return fault._replace(help=f"`{found}` is there already: remove this one")
    asked = fault._replace(help=f"did you mean `{found}`?")
    if word.translate(_NO_DIGITS) == found.translate(_NO_DIGITS):
        return asked
    given_name = fault.code in ("CNN105", "CNN106") and sorted(word) != sorted(found)
    return instead(asked, word, found, sure and not given_name)


def instead(fault: Diagnostic, word: str, right: str, certain: bool = True) -> Diagnostic:
    """Add a fix that replaces the word at the position of the fault, if it has a position.

    One that is not certain guesses what was meant.
    """
    if fault.position is None:
        return fault
    edit = Edit.over(fault.position, right, word)
    return fault._replace(fix=Fix(f"write `{right}`", (edit,), certain, alters=not certain))


def nearest(word: str, known: Iterable[str]) -> tuple[str | None, bool]:
    """Return the known word nearest to a misspelled one, and whether no other comes close."""
    from difflib import SequenceMatcher, get_close_matches  # only needed for errors

    if len(word) > 60:
        return None, False
    known = list(known)
    same = [k for k in known if k.lower() == word.lower()]
    if same:
        return same[0], True
    likely = known
    if len(known) >= 300:
        alike = (k for k in known if k[:1] == word[:1] and abs(len(k) - len(word)) < 3)
        likely = list(islice(alike, 300))
    found = get_close_matches(word, likely, 2, 0.6)
    if found:
        first, *others = (SequenceMatcher(None, word, k).ratio() for k in found)
        slips = (1 - first) * (len(word) + len(found[0])) / 2  # 1 for a letter that is another
        return found[0], slips <= 1.001 and all(first - other > 0.1 for other in others)
    if len(word) > 2:
        lower = word.lower()
        found = [k for k in known if k.startswith(lower) or lower.startswith(k)]
    return (found[0] if found else None), False


def clear_misspelling(word: str, known: Iterable[str]) -> str | None:
    """Return the one known word that a word is clearly a misspelling of, or None.

    That is one a single slip away (a letter too much, missing, wrong or swapped with its
    neighbour), or two in words of eight letters or more, when no other word is as near. A word of
    three letters lacks one. Digits are no slips: `conv3` is not a misspelling of `conv1`.
    """
    if not 2 < len(word) <= 60:
        return None
    most = 2 if len(word) >= 8 else 1
    digits = re.sub(r"\D", "", word)
    likely = (other for other in known if abs(len(other) - len(word)) <= most)
    near: dict[int, list[str]] = {}
    for other in islice(likely, _MOST_COMPARED):
        if re.sub(r"\D", "", other) == digits:
            near.setdefault(_slips(word.lower(), other.lower()), []).append(other)
    fewest = min(near, default=most + 1)
    if fewest > most or len(near[fewest]) > 1:
        return None
    (found,) = near[fewest]
    return found if len(word) > 3 or len(found) > 3 else None


def _slips(a: str, b: str) -> int:
    """Letters too much, missing, wrong, or swapped with their neighbour, from one word to another.

    Source: the optimal string alignment distance.
    """
    before: list[int] = []
    last, row = before, list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = last, row, [i]
        for j, y in enumerate(b, 1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and (x, a[i - 2]) == (b[j - 2], y):
                least = min(least, before[j - 2] + 1)
            row.append(least)
    return row[-1]


def internal_fault(error: Exception, position: Position | None = None) -> Diagnostic:
    """Describe an exception that is our fault, with its place in our code."""
    place = "?"
    frame = error.__traceback__
    while frame:
        file = frame.tb_frame.f_code.co_filename.rpartition("cnncalc/")[2]
        place, frame = f"{file}:{frame.tb_lineno}", frame.tb_next
    return Diagnostic(
        "CNN901",
        f"internal fault: {type(error).__name__}: {str(error)[:_LONGEST]} ({place})",
        position,
        help="please report it with the spec that shows it",
    )


def first_line(error: BaseException) -> str:
    """Write an exception as ``TypeName: the first line of its message``."""
    name, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{name}: {lines[0][:_LONGEST]}" if lines else name
