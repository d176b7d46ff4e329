"""YAML text → data and the place of every key and value, in one pass over the parser's events.

YAML 1.2 core scalars (``on`` and ``3_1`` are strings, ``017`` is 17), decimals as exact fractions, string
keys. No tags, merge keys or second document. Limits keep hostile files harmless.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import yaml

from ..diagnostic import Diagnostic, Edit, Mistake, Position
from .yaml_faults import invalid

MAX_TWICE = 20  # keys that stand twice: beyond, the file is wrong throughout
MAX_BYTES, MAX_DEPTH, MAX_NODES, MAX_DIGITS = 1_000_000, 64, 200_000, 18

LARGEST = 10**MAX_DIGITS
_INT = re.compile(r"[-+]?[0-9]+\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_REAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]{1,2})?\Z")
_WORDS = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


class Marks:
    """Where a value stands (0-based line and column, width, and the end of what has several lines or parts) and where its keys and items do."""

    __slots__ = ("column", "end", "items", "keys", "line", "size", "width")

    def __init__(self, line: int, column: int, width: int = 1):
        self.line, self.column, self.width, self.size = line, column, width, 1
        self.end: tuple[int, int] | None = None
        self.keys: dict[str, tuple[int, int, int]] = {}
        self.items: dict[Any, Marks] = {}

    def find(self, *path: Any) -> Marks:
        """The mark at a path of keys and indices, or the nearest above it."""
        here = self
        for step in path:
            if step not in here.items:
                break
            here = here.items[step]
        return here

    def position(self, file: str) -> Position:
        return Position(file, self.line + 1, self.column + 1, max(self.width, 1))

    def whole(self, text: str) -> Edit:
        """Another text in place of all of a value."""
        line, column = self.end or (self.line, self.column + self.width)
        return Edit(self.line + 1, self.column + 1, line + 1, column + 1, text)

    def key(self, file: str, key: str) -> Position:
        """Where a key stands."""
        if key not in self.keys:
            return self.position(file)
        line, column, width = self.keys[key]
        return Position(file, line + 1, column + 1, width)


def scalar(text: str) -> Any:
    """A plain scalar's value.

    >>> [scalar(t) for t in ("017", "1.1", "on", "true", "1e3", "~")]
    [17, Fraction(11, 10), 'on', True, 1000, None]
    """
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if not (first.isdigit() or first in "+-."):
        return text
    if _INT.match(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _REAL.match(text):
        value = Fraction(text)
        return value.numerator if value.denominator == 1 else value
    return text


def parse(text: str, file: str, faults: list[Diagnostic] | None = None) -> tuple[Any, Marks]:
    """Data and marks of one document, or a Mistake at the place of the fault.

    Keys that stand twice are added to `faults`, if there is such a list, and the first one counts.
    """
    if len(text) > MAX_BYTES:
        raise Mistake(
            Diagnostic(
                "CNN004", f"the file is larger than {MAX_BYTES:,} bytes", Position(file, 1, 1)
            )
        )
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    reader = _Reader(file, faults)
    try:
        parser = loader(text)
        while (event := parser.get_event()) is not None:
            reader.take(event)
    except yaml.YAMLError as error:
        raise Mistake(invalid(error, file, text)) from None
    if reader.root is None:
        raise Mistake(
            Diagnostic(
                "CNN006",
                "the file is empty",
                Position(file, 1, 1),
                help="start with `input: [3, 224, 224]` and `layers:`",
            )
        )
    return reader.root


class _Reader:
    """Builds data and marks from events, without recursion."""

    def __init__(self, file: str, faults: list[Diagnostic] | None):
        self.file, self.faults = file, faults
        self.root: tuple[Any, Marks] | None = None
        self.stack: list[
            tuple[Any, Marks, str | None]
        ] = []  # open container, its marks, its anchor
        self.pending: list[
            Any
        ] = []  # per open mapping: the key that waits for its value, or _NO_KEY
        self.anchors: dict[str, tuple[Any, Marks]] = {}
        self.nodes = 0
        self.last = (0, 0)  # where the last value ended

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, {} if kind is yaml.MappingStartEvent else [])
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            data, marks, anchor = self.stack.pop()
            if (
                event.end_mark.index > event.start_mark.index
            ):  # a bracket; in block style it ends with its last word
                self.last = event.end_mark.line, event.end_mark.column
            marks.end = self.last
            self.pending.pop()
            self._add(data, marks, anchor)
        elif kind is yaml.AliasEvent:
            if self.pending and self.pending[-1] is _NO_KEY:
                raise Mistake(
                    Diagnostic(
                        "CNN005", "a key must be a plain word, not an alias", self._at(event)
                    )
                )
            if event.anchor not in self.anchors:
                inside = any(anchor == event.anchor for _, _, anchor in self.stack)
                why = (
                    "stands inside its own anchor"
                    if inside
                    else f"has no anchor &{event.anchor} before it"
                )
                raise Mistake(
                    Diagnostic(
                        "CNN001",
                        f"the alias *{event.anchor} {why}",
                        self._at(event),
                        help="a `*` at the beginning is YAML's alias: quote an expression, or begin it with a number",
                    )
                )
            data, marks = self.anchors[event.anchor]
            self.last = event.end_mark.line, event.end_mark.column
            self._add(data, marks, None, event)
        elif kind is yaml.DocumentStartEvent and self.root is not None:
            raise Mistake(
                Diagnostic(
                    "CNN005",
                    "a second document in one file",
                    self._at(event),
                    help="write one spec per file; variants can share one",
                )
            )

    def _at(self, event: Any) -> Position:
        line, column, width = self._place(event)
        return Position(self.file, line + 1, column + 1, width)

    def _mark(self, event: Any) -> Marks:
        return Marks(*self._place(event))

    def _place(self, event: Any) -> tuple[int, int, int]:
        """0-based line and column, and width, 1 for what spans lines."""
        start, end = event.start_mark, event.end_mark
        line, column = start.line, start.column
        width = end.column - column if end.line == line else 1
        return line, column, width if width > 1 else 1

    def _scalar(self, event: Any) -> None:
        text = event.value
        if event.tag is not None and event.tag != "!":
            raise Mistake(
                Diagnostic(
                    "CNN005",
                    f"the tag {event.tag}: specs use no YAML tags",
                    self._at(event),
                    help="remove the tag",
                )
            )
        if self.pending and self.pending[-1] is _NO_KEY:
            return self._key(text, event)
        value = self._plain(text, event) if event.implicit[0] else text
        marks = self._mark(event)
        self.last = event.end_mark.line, event.end_mark.column
        if event.end_mark.line != event.start_mark.line:
            marks.end = self.last
        self._add(value, marks, event.anchor)

    def _plain(self, text: str, event: Any) -> Any:
        """The value of a plain scalar, unless it is a number beyond any use."""
        too_long = len(text) > 2 * MAX_DIGITS and (_INT.match(text) or _REAL.match(text))
        value = None if too_long else scalar(text)
        if (
            too_long
            or isinstance(value, (int, Fraction))
            and max(abs(value.numerator), value.denominator) > LARGEST
        ):
            raise Mistake(
                Diagnostic(
                    "CNN004",
                    f"a number of more than {MAX_DIGITS} digits",
                    self._at(event),
                    help="no network needs it",
                )
            )
        return value

    def _key(self, key: str, event: Any) -> None:
        data, marks, _ = self.stack[-1]
        if event.anchor:
            raise Mistake(
                Diagnostic(
                    "CNN005",
                    "an anchor on a key",
                    self._at(event),
                    help="put the anchor on a value",
                )
            )
        if key == "<<":
            raise Mistake(
                Diagnostic(
                    "CNN005",
                    "`<<` merges are no part of the language",
                    self._at(event),
                    help="use a block with parameters, or a variant",
                )
            )
        if key in data:
            fault = Diagnostic(
                "CNN003",
                f"`{key}` stands twice in this mapping, first at line {marks.keys[key][0] + 1}",
                self._at(event),
                help="remove or rename one",
            )
            if self.faults is None or len(self.faults) >= MAX_TWICE:
                raise Mistake(*(self.faults or ()), fault)
            self.faults.append(fault)
            self.pending[-1] = _TWICE
            return
        marks.keys[key] = self._place(event)
        self.pending[-1] = key
        self.last = event.end_mark.line, event.end_mark.column

    def _open(self, event: Any, data: Any) -> None:
        if event.tag is not None:
            raise Mistake(
                Diagnostic(
                    "CNN005",
                    f"the tag {event.tag}: specs use no YAML tags",
                    self._at(event),
                    help="remove the tag",
                )
            )
        if self.pending and self.pending[-1] is _NO_KEY:
            raise Mistake(
                Diagnostic(
                    "CNN005",
                    "a key must be a plain word",
                    self._at(event),
                    help="quote the expression if this was meant to be one",
                )
            )
        if len(self.stack) >= MAX_DEPTH:
            raise Mistake(
                Diagnostic(
                    "CNN004",
                    f"nested deeper than {MAX_DEPTH} levels",
                    self._at(event),
                    help="use blocks to nest layers",
                )
            )
        self.stack.append((data, self._mark(event), event.anchor))
        self.pending.append(_NO_KEY if isinstance(data, dict) else None)

    def _add(self, data: Any, marks: Marks, anchor: str | None, alias: Any = None) -> None:
        self.nodes += marks.size if alias else 1
        if self.nodes > MAX_NODES:
            raise Mistake(
                Diagnostic(
                    "CNN004",
                    f"more than {MAX_NODES:,} values, aliases counted each time",
                    marks.position(self.file),
                    help="use `repeat`",
                )
            )
        if anchor:
            self.anchors[anchor] = (data, marks)
        if not self.stack:
            self.root = (data, marks)
            return
        parent, place, _ = self.stack[-1]
        place.size += marks.size
        if isinstance(parent, list):
            place.items[len(parent)] = marks
            parent.append(data)
        else:
            key = self.pending[-1]
            self.pending[-1] = _NO_KEY
            if key is not _TWICE:
                place.items[key] = marks
                parent[key] = data


_NO_KEY, _TWICE = object(), object()
