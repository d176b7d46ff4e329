"""Reads YAML into data, with the place of every key and value, in one pass over its events.

Scalars are those of the YAML 1.2 core schema (``on`` and ``3_1`` are strings, ``017`` is 17), with
decimals as exact fractions; keys are strings. Tags, merge keys and second documents are refused.
Limits make hostile files harmless.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import yaml

from ..diagnostic import Diagnostic, Edit, Mistake, Position
from .yaml_faults import invalid, unprintable

MAX_BYTES = 1_000_000
_MAX_DEPTH, _MAX_NODES, _MAX_DIGITS = 64, 200_000, 18
_CHARACTERS = 100  # each so many characters of a text count as one more value
_MAX_TWICE = 20  # duplicate keys; a file with more is not worth reading on

_LARGEST = 10**_MAX_DIGITS
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
    """Where a value is, and where its keys and items are.

    Lines and columns count from 0; `end` is set if a value has several lines or parts.
    """

    __slots__ = ("column", "depth", "end", "items", "keys", "line", "size", "width")

    def __init__(self, line: int, column: int, width: int = 1):
        self.line, self.column, self.width = line, column, width
        self.size = 1  # number of values in it, including itself
        self.depth = 0  # number of levels of values in it
        self.end: tuple[int, int] | None = None
        self.keys: dict[str, tuple[int, int, int]] = {}
        self.items: dict[Any, Marks] = {}

    def find(self, *path: Any) -> Marks:
        """Return the marks at a path of keys and indices, or of the nearest existing parent."""
        here = self
        for step in path:
            if step not in here.items:
                break
            here = here.items[step]
        return here

    def position(self, file: str) -> Position:
        """Return the place of the value, for messages."""
        return Position(file, self.line + 1, self.column + 1, max(self.width, 1))

    def whole(self, text: str) -> Edit:
        """Return the edit that replaces the whole value with a text."""
        line, column = self.end or (self.line, self.column + self.width)
        return Edit(self.line + 1, self.column + 1, line + 1, column + 1, text)

    def key(self, file: str, key: str) -> Position:
        """Return the place of a key, for messages; that of the value if it has no such key."""
        if key not in self.keys:
            return self.position(file)
        line, column, width = self.keys[key]
        return Position(file, line + 1, column + 1, width)


def scalar(text: str) -> Any:
    """Return the value of a plain scalar.

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
    """Return the data and marks of one document.

    Duplicate keys are added to `faults`, if given, and the first one counts.

    Errors: a Mistake at the place of any other fault.
    """
    start = Position(file, 1, 1)
    if len(text) > MAX_BYTES:
        raise Mistake(too_large(file))
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    reader = _Reader(file, faults)
    try:
        parser = loader(text)
        while (event := parser.get_event()) is not None:
            reader.take(event)
    except yaml.YAMLError as error:
        raise Mistake(invalid(error, file, text)) from None
    except UnicodeEncodeError:  # libyaml reads UTF-8, which has no halves of surrogate pairs
        raise Mistake(unprintable(file, text)) from None
    if reader.root is None:
        help = "start with `input: [3, 224, 224]` and `layers:`"
        raise Mistake(Diagnostic("CNN006", "the file is empty", start, help))
    return reader.root


def too_large(file: str) -> Diagnostic:
    """Report that a file is larger than a spec may be."""
    message = f"the file is larger than {MAX_BYTES:,} bytes"
    return Diagnostic("CNN004", message, Position(file, 1, 1))


class _Reader:
    """Builds data and marks from events, without recursion."""

    def __init__(self, file: str, faults: list[Diagnostic] | None):
        self.file, self.faults = file, faults
        self.root: tuple[Any, Marks] | None = None
        self.stack: list[_Open] = []
        self.pending: list[Any] = []  # for each open container: the key that waits for its value
        self.anchors: dict[str, tuple[Any, Marks]] = {}
        self.nodes = 0
        self.last = (0, 0)  # where the last value ended

    def take(self, event: Any) -> None:
        """Read one event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, {} if kind is yaml.MappingStartEvent else [])
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close(event)
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent and self.root is not None:
            help = "write one spec per file; variants can share one"
            raise self._mistake("CNN005", "the file has a second document", event, help)

    def _mistake(self, code: str, message: str, event: Any, help: str | None = None) -> Mistake:
        return Mistake(Diagnostic(code, message, self._at(event), help))

    def _at(self, event: Any) -> Position:
        line, column, width = self._place(event)
        return Position(self.file, line + 1, column + 1, width)

    def _place(self, event: Any) -> tuple[int, int, int]:
        """Return the line and column, from 0, and the width; it is 1 for several lines."""
        start, end = event.start_mark, event.end_mark
        line, column = start.line, start.column
        width = end.column - column if end.line == line else 1
        return line, column, width if width > 1 else 1

    def _awaits_key(self) -> bool:
        return bool(self.pending) and self.pending[-1] is _NO_KEY

    def _scalar(self, event: Any) -> None:
        text = event.value
        if event.tag is not None and event.tag != "!":
            raise self._tagged(event)
        if self._awaits_key():
            return self._key(text, event)
        value = self._plain(text, event) if event.implicit[0] else text
        marks = Marks(*self._place(event))
        marks.size += len(text) // _CHARACTERS
        self.last = event.end_mark.line, event.end_mark.column
        if event.end_mark.line != event.start_mark.line:
            marks.end = self.last
        self._add(value, marks, event.anchor)

    def _tagged(self, event: Any) -> Mistake:
        message = f"specs do not use YAML tags: {event.tag}"
        return self._mistake("CNN005", message, event, "remove the tag")

    def _plain(self, text: str, event: Any) -> Any:
        """Return the value of a plain scalar; report a number that is too large."""
        too_long = len(text) > 2 * _MAX_DIGITS and (_INT.match(text) or _REAL.match(text))
        value = None if too_long else scalar(text)
        if isinstance(value, (int, Fraction)):
            too_long = max(abs(value.numerator), value.denominator) > _LARGEST
        if too_long:
            message = f"a number has more than {_MAX_DIGITS} digits"
            raise self._mistake("CNN004", message, event, "no network needs such a number")
        return value

    def _key(self, key: str, event: Any) -> None:
        data, marks, _ = self.stack[-1]
        if event.anchor:
            raise self._mistake(
                "CNN005", "a key cannot have an anchor", event, "put the anchor on a value"
            )
        if key == "<<":
            message = "the merge key `<<` is not part of the language"
            help = "use a block with parameters, or a variant"
            raise self._mistake("CNN005", message, event, help)
        if key in data:
            first = marks.keys[key][0] + 1
            message = f"`{key}` occurs twice in this mapping, first at line {first}"
            self._duplicate(self._mistake("CNN003", message, event, "remove or rename one of them"))
            return
        marks.keys[key] = self._place(event)
        self.pending[-1] = key
        self.last = event.end_mark.line, event.end_mark.column

    def _duplicate(self, mistake: Mistake) -> None:
        """Record a duplicate key, whose value is read and left out."""
        if self.faults is None or len(self.faults) >= _MAX_TWICE:
            raise Mistake(*(self.faults or ()), *mistake.diagnostics)
        self.faults += mistake.diagnostics
        self.pending[-1] = _TWICE

    def _open(self, event: Any, data: Any) -> None:
        if event.tag is not None:
            raise self._tagged(event)
        if self._awaits_key():
            help = "if this is an expression, quote it"
            raise self._mistake("CNN005", "a key must be a plain word", event, help)
        self._check_depth(1, event)
        self.stack.append((data, Marks(*self._place(event)), event.anchor))
        self.pending.append(_NO_KEY if isinstance(data, dict) else None)

    def _check_depth(self, levels: int, event: Any) -> None:
        """Refuse a value with this many levels in it if it would be too deep here."""
        if len(self.stack) + levels > _MAX_DEPTH:
            message = f"values are nested more than {_MAX_DEPTH} levels deep"
            raise self._mistake("CNN004", message, event, "use blocks to nest layers")

    def _close(self, event: Any) -> None:
        data, marks, anchor = self.stack.pop()
        in_flow_style = event.end_mark.index > event.start_mark.index  # it ends with a bracket
        if in_flow_style:
            self.last = event.end_mark.line, event.end_mark.column
        marks.end = self.last
        self.pending.pop()
        self._add(data, marks, anchor)

    def _alias(self, event: Any) -> None:
        if self._awaits_key():
            raise self._mistake("CNN005", "a key must be a plain word, not an alias", event)
        if event.anchor not in self.anchors:
            why = f"has no anchor &{event.anchor} before it"
            if any(anchor == event.anchor for _, _, anchor in self.stack):
                why = "is inside its own anchor"
            help = (
                "a `*` at the start is an alias in YAML: quote the expression, "
                "or start it with a number"
            )
            raise self._mistake("CNN001", f"the alias *{event.anchor} {why}", event, help)
        data, marks = self.anchors[event.anchor]
        self._check_depth(marks.depth, event)
        self.last = event.end_mark.line, event.end_mark.column
        self._add(data, marks, None, values=marks.size)

    def _add(self, data: Any, marks: Marks, anchor: str | None, values: int = 1) -> None:
        """Put a value into the open container, or make it the root; `values` of it are new."""
        self.nodes += values
        if self.nodes > _MAX_NODES:
            message = (
                f"the file has more than {_MAX_NODES:,} values, counting every use of an alias"
            )
            place = marks.position(self.file)
            raise Mistake(Diagnostic("CNN004", message, place, help="use `repeat`"))
        if anchor:
            self.anchors[anchor] = (data, marks)
        if not self.stack:
            self.root = (data, marks)
            return
        parent, around, _ = self.stack[-1]
        around.size += marks.size
        if around.depth <= marks.depth:
            around.depth = marks.depth + 1
        if isinstance(parent, list):
            around.items[len(parent)] = marks
            parent.append(data)
        else:
            key = self.pending[-1]
            self.pending[-1] = _NO_KEY
            if key is not _TWICE:
                around.items[key] = marks
                parent[key] = data


_Open = tuple[Any, Marks, str | None]  # an open container, its marks, its anchor
_NO_KEY, _TWICE = object(), object()  # in `pending`: no key yet, a duplicate key
