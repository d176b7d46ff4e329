"""Diagnostics, which describe a user's mistakes. rules.md explains their codes."""

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
    """A place in a file.

    Attributes:
        file: the file, as it was named.
        line: the line, from 1.
        column: the column, from 1, in characters.
        length: how many characters of the line it spans.
    """

    file: str
    line: int
    column: int
    length: int = 1


class BlockUse(str):
    """A block around a layer, in words, with the place where it is used.

    >>> BlockUse("stage", Position("net.yaml", 12, 5))
    'block `stage`, used at line 12'
    """

    position: Position

    def __new__(cls, name: str, position: Position) -> BlockUse:
        """Name the block that is used at a position."""
        use = super().__new__(cls, f"block `{name}`, used at line {position.line}")
        use.position = position
        return use

    def __getnewargs__(self) -> tuple[str, Position]:
        """Return what a copy in another process is made from."""
        return self.split("`")[1], self.position


class Edit(NamedTuple):
    """A text that replaces a range of a file.

    Attributes:
        line: the line of the first character that is replaced, from 1.
        column: its column, from 1.
        end_line: the line of the first character after the range.
        end_column: its column.
        text: the new text.
        word: the only word in the range that is replaced; None: the whole range is.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    word: str | None = None

    @staticmethod
    def over(position: Position, text: str, word: str | None = None) -> Edit:
        """Return the edit that replaces what is at a position.

        Accepts:
            position: the place that is replaced.
            text: the new text.
            word: the only word there that is replaced.
        """
        return Edit(
            line=position.line,
            column=position.column,
            end_line=position.line,
            end_column=position.column + position.length,
            text=text,
            word=word,
        )


class Fix(NamedTuple):
    """Edits that make a finding go away.

    Attributes:
        title: what the edits do, in words.
        edits: the edits.
        certain: whether they cannot be wrong, so that nobody has to judge them.
        restates: whether they change what is expected of the network, and not the network.
        alters: whether they may change more of the design than the finding is about.
    """

    title: str
    edits: tuple[Edit, ...]
    certain: bool = False
    restates: bool = False
    alters: bool = False


class Diagnostic(NamedTuple):
    """One finding: its code, what is wrong, where, and what to do about it.

    `str` writes it on one line, as ``file:line:column: severity[code]: message``.

    Attributes:
        code: the code of its rule, such as ``CNN204``; `cnncalc rule` explains it.
        message: what is wrong.
        position: where; None if it belongs to no place in a file.
        help: what to do about it, if that is known.
        equation: the arithmetic that shows it, if there is any.
        context: the blocks around the layer, innermost first.
        severity: error, warning or note.
        fix: the edits that make it go away, if there are any.
        settings: values to try for the layer's fields, any of which may repair the fault.
        subject: what it is about, as data: the unknown name (CNN105), whether `sizes` or
            `channels` differ (CNN206), the figure that exceeds its budget (CNN302).

    Example:
        >>> import cnncalc
        >>> spec = cnncalc.loads("input: [3, 8, 8]\\nlayers: [maxpool: 9]")
        >>> (found,) = cnncalc.analyze(spec).diagnostics
        >>> found.code, found.severity, found.position.line, found.position.column
        ('CNN204', 'error', 2, 10)
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
        """Return the finding with a place and the blocks around it, if it has none yet.

        Accepts:
            position: the place.
            context: the names of the blocks, innermost first.
        """
        return self._replace(position=self.position or position, context=self.context or context)

    def __str__(self) -> str:
        text = f"{self.severity}[{self.code}]: {self.message}"
        if self.position is not None:
            file, line, column, _ = self.position
            text = f"{file}:{line}:{column}: {text}"
        return visible(text)


MOST = 100  # findings of one kind in a file; the rest are not listed


def first_of(found: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings; if there are more than `MOST`, the first, and one that says so.

    The others are not even created, because the search for a similar word takes time.
    """
    listed: list[Diagnostic] = []
    for diagnostic in found:
        listed.append(diagnostic)
        if len(listed) >= MOST:
            return [*listed, too_many(diagnostic)]
    return listed


def too_many(last: Diagnostic) -> Diagnostic:
    """Return a finding which says that those after this one are not listed."""
    message = f"more than {MOST} findings like this one: the rest are not listed"
    return Diagnostic("CNN004", message, last.position, severity=last.severity)


class Mistake(Exception):
    """An exception that holds a user's mistakes as data.

    `str` writes a line for each of them, with its help.

    Attributes:
        diagnostics: the mistakes.
        sources: the texts of the files that the mistakes are about, by name, where known.
        parts: the top-level keys of the spec that the mistakes are about, where known.

    Example:
        >>> import cnncalc
        >>> try:
        ...     cnncalc.loads("layers: [maxpool: 2]")
        ... except cnncalc.Mistake as mistake:
        ...     print([found.code for found in mistake.diagnostics])
        ['CNN102']
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
    """Add ``did you mean …?`` and a fix if a known word is similar; if none is, other help.

    There is no fix if the known word is `given` already, or if only digits differ: `conv3` is not
    a misspelling of `conv1`. The fix of a name that a user chose is certain only if its letters
    are in the wrong order: `left` and `lift` may be different names on purpose.
    """
    found, sure = nearest(word, known)
    if found is None:
        return fault._replace(help=otherwise)
    if found in given:
        return fault._replace(help=f"`{found}` is already there: remove this one")
    asked = fault._replace(help=f"did you mean `{found}`?")
    if word.translate(_NO_DIGITS) == found.translate(_NO_DIGITS):
        return asked
    given_name = fault.code in ("CNN105", "CNN106") and sorted(word) != sorted(found)
    return instead(asked, word, found, sure and not given_name)


def instead(fault: Diagnostic, word: str, right: str, certain: bool = True) -> Diagnostic:
    """Add a fix that replaces the word at the position of the fault, if it has a position.

    A fix that is not `certain` is a guess.
    """
    if fault.position is None:
        return fault
    edit = Edit.over(fault.position, right, word)
    return fault._replace(fix=Fix(f"write `{right}`", (edit,), certain, alters=not certain))


def nearest(word: str, known: Iterable[str]) -> tuple[str | None, bool]:
    """Return the known word most similar to a misspelled one, and whether no other comes close."""
    from difflib import SequenceMatcher, get_close_matches  # only needed for errors

    if not isinstance(word, str) or len(word) > 60:  # callers of the library pass anything
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
        slips = (1 - first) * (len(word) + len(found[0])) / 2  # 1 for one wrong letter
        return found[0], slips <= 1.001 and all(first - other > 0.1 for other in others)
    if len(word) > 2:
        lower = word.lower()
        found = [k for k in known if k.startswith(lower) or len(k) > 1 and lower.startswith(k)]
    return (found[0] if found else None), False


def clear_misspelling(word: str, known: Iterable[str]) -> str | None:
    """Return the one known word that a word is clearly a misspelling of, or None.

    They differ by one slip: an extra, missing or wrong letter, or two neighbours swapped. Words of
    eight letters or more may differ by two. No other known word may be as similar. A word of three
    letters may only lack one. A wrong digit is not a slip: `conv3` is not a misspelling of `conv1`.
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
    """Count the extra, missing, wrong and swapped letters between two words.

    Source: the optimal string alignment distance.
    """
    before: list[int] = []
    last, row = before, list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, last, row = last, row, [i]
        for j, y in enumerate(b, 1):
            fewest = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and (x, a[i - 2]) == (b[j - 2], y):
                fewest = min(fewest, before[j - 2] + 1)
            row.append(fewest)
    return row[-1]


def internal_fault(error: Exception, position: Position | None = None) -> Diagnostic:
    """Return a finding for an exception that is a bug of ours, with its place in our code.

    A lack of memory is not a bug, and is reported as such.
    """
    if isinstance(error, MemoryError):
        help = "give it fewer files or variants at a time, or fewer workers"
        return Diagnostic("CNN002", "there is not enough memory", position, help)
    place = "?"
    frame = error.__traceback__
    while frame:
        file = frame.tb_frame.f_code.co_filename.rpartition("cnncalc/")[2]
        place, frame = f"{file}:{frame.tb_lineno}", frame.tb_next
    return Diagnostic(
        "CNN901",
        f"internal fault: {type(error).__name__}: {str(error)[:_LONGEST]} ({place})",
        position,
        help="please report it, with the spec that causes it",
    )


def first_line(error: BaseException) -> str:
    """Return ``TypeName: the first line of its message`` for an exception."""
    name, lines = type(error).__name__, str(error).strip().splitlines()
    return f"{name}: {lines[0][:_LONGEST]}" if lines else name
