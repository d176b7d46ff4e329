"""Finds what the cursor is in, in a text that may be unfinished: keys around it, word before it.

The text is read once, line by line, without a YAML parser, which would refuse an unfinished text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_KEY = re.compile(
    r"(?P<quote>[\"']?)(?P<key>[^\s:#\[\]{},\"'][^:#\[\]{},\"']*?)(?P=quote)\s*:(?=\s|$)"
)
_WORD = re.compile(r"[\w.]*\Z")


class _Frame:
    """An open mapping or list; a key waits for its value."""

    def __init__(self, is_list: bool, indent: int, is_flow: bool = False):
        self.is_list, self.indent, self.is_flow = is_list, indent, is_flow
        self.key: str | None = None
        self.keys: list[str] = []


class Cursor(NamedTuple):
    """What is around the cursor.

    Attributes:
        path: the keys around it, the outermost first; None for an entry of a list.
        is_key: whether a key of a mapping is due, or an entry of a list, and not a value.
        beside: the keys that the mapping has already.
        word: what is typed of the word before the cursor.
        is_flow: whether it is inside braces or brackets.
        line: its line, from 0.
    """

    path: tuple[str | None, ...]
    is_key: bool
    beside: tuple[str, ...]
    word: str
    is_flow: bool
    line: int


def cursor_at(text: str, offset: int) -> Cursor:
    """Return what is around an offset.

    >>> cursor_at("layers:\\n  - conv: {out: 8, ke", 29)[:4]
    (('layers', None, 'conv'), True, ('out',), 'ke')
    """
    before = text[:offset]
    lines = before.split("\n")
    frames: list[_Frame] = []
    for line in lines[:-1]:
        _read(line.rstrip("\r"), frames, is_last=False)
    last = lines[-1]
    at_value = _read(last, frames, is_last=True)
    word = _WORD.search(last)
    path: list[str | None] = []
    for frame in frames[:-1]:
        path.append(None if frame.is_list else frame.key)
    is_key, is_flow = True, False
    beside: tuple[str, ...] = ()
    if frames:
        top = frames[-1]
        is_flow = top.is_flow
        if top.is_list:
            path.append(None)
        elif top.key is not None and at_value:
            path.append(top.key)
            is_key = False
        else:
            beside = tuple(top.keys)
    return Cursor(
        path=tuple(path),
        is_key=is_key,
        beside=beside,
        word=word[0] if word else "",
        is_flow=is_flow,
        line=len(lines) - 1,
    )


def _read(line: str, frames: list[_Frame], is_last: bool) -> bool:
    """Read a line into the open frames; return whether a value is due at its end."""
    in_flow = bool(frames) and frames[-1].is_flow
    at = 0
    if not in_flow:
        at = len(line) - len(line.lstrip(" "))
        is_blank = not line.strip() or line.lstrip().startswith("#")
        if is_blank and not is_last:
            return False
        _close(frames, at, line[at:])
        while line[at:].startswith("- ") or line[at:] == "-":
            if not frames or frames[-1].indent < at or not frames[-1].is_list:
                frames.append(_Frame(True, at))
            at += 1
            at += len(line[at:]) - len(line[at:].lstrip(" "))
        found = _KEY.match(line, at)
        if found is None:
            if is_last and frames and not frames[-1].is_list:
                if frames[-1].indent < at:
                    frames.append(_Frame(False, at))
                frames[-1].key = None
                return False
            return _read_flow(line, at, frames)
        if not frames or frames[-1].indent < at or frames[-1].is_list:
            frames.append(_Frame(False, at))
        frames[-1].key = found["key"]
        frames[-1].keys.append(found["key"])
        at = found.end()
        _read_flow(line, at, frames)
        return is_last and at < len(line)
    return _read_flow(line, at, frames)


def _close(frames: list[_Frame], indent: int, rest: str) -> None:
    """Close the frames that a line with this indentation ends."""
    is_item = rest.startswith("- ") or rest == "-"
    while frames and not frames[-1].is_flow:
        top = frames[-1]
        if top.indent > indent or (top.indent == indent and top.is_list and not is_item):
            frames.pop()
        else:
            break
    if is_item and frames and not frames[-1].is_list and frames[-1].indent == indent:
        frames.append(_Frame(True, indent))  # a list may be as far to the left as its key


def _read_flow(line: str, at: int, frames: list[_Frame]) -> bool:
    """Read the rest of a line, with its braces and brackets; return whether a value is due."""
    quote = ""
    start = at
    due = bool(frames) and not frames[-1].is_list and frames[-1].key is not None
    for n in range(at, len(line)):
        character = line[n]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and not line[start:n].strip():
            quote = character
        elif character == "#" and (n == 0 or line[n - 1] in " \t"):
            break
        elif character in "{[":
            frames.append(_Frame(character == "[", n, is_flow=True))
            start, due = n + 1, False
        elif character in "}]" and frames and frames[-1].is_flow:
            frames.pop()
            start, due = n + 1, False
        elif character == "," and frames and frames[-1].is_flow:
            frames[-1].key = None
            start, due = n + 1, False
        elif character == ":" and _ends_key(line, n, frames):
            key = line[start:n].strip().strip("\"'")
            frames[-1].key = key
            frames[-1].keys.append(key)
            start, due = n + 1, True
    return due


def _ends_key(line: str, n: int, frames: list[_Frame]) -> bool:
    """Return whether the colon at a place of a line ends a key in braces."""
    in_braces = bool(frames) and frames[-1].is_flow and not frames[-1].is_list
    return in_braces and line[n + 1 : n + 2] in ("", " ")
