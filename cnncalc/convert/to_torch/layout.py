"""Breaks long lines of Python as ruff and black do."""

from __future__ import annotations

from collections.abc import Iterator

from ...foreign import visible

WIDTH = 88
INDENT = "    "
_OPEN, _CLOSE = "([{", ")]}"
_KEYWORDS = ("return ", "in ")


def on_one_line(text: str) -> str:
    """Return a text that a docstring can hold on one line."""
    return visible(text).replace("\\", "/").replace('"', "'")


def wrapped(line: str, depth: int) -> list[str]:
    """Return a logical line at a depth of indentation, broken at brackets if it is too long.

    >>> print(*wrapped("layer = nn.Conv2d(" + "channels, " * 8 + "out)", 0), sep="\\n")
    layer = nn.Conv2d(
        channels, channels, channels, channels, channels, channels, channels, channels, out
    )
    """
    space = INDENT * depth
    if len(space) + len(line) <= WIDTH:
        return [space + line]
    start, end = _last_brackets(line)
    head, inside, tail = line[: start + 1], line[start + 1 : end], line[end:]
    is_whole = start >= 0 and inside.strip() and len(space) + len(head) <= WIDTH
    if not is_whole or _is_choice_or_list(line):
        return _in_parentheses(line, depth)
    return [space + head, *_inside(inside, depth + 1), space + tail]


def _is_choice_or_list(line: str) -> bool:
    """Return whether an assignment has a value that is a choice or a list without brackets."""
    _, is_assignment, value = line.partition(" = ")
    is_choice = len(list(_split_before(value, (" if ",)))) > 1
    return bool(is_assignment) and (is_choice or len(list(_split(value))) > 1)


def _inside(text: str, depth: int) -> list[str]:
    """Lay out what is between brackets: on one line if it fits, else one item a line."""
    items = list(_split(text))
    is_loop = len(items) == 1 and " for " in text
    if len(INDENT) * depth + len(text) <= WIDTH and not text.endswith(","):
        return [INDENT * depth + text]
    if is_loop or len(items) == 1 and not text.endswith(","):
        return _operands(text, depth)
    lines: list[str] = []
    for item in items:
        *before, last = wrapped(item, depth) if _fits_alone(item, depth) else _item(item, depth)
        lines += [*before, f"{last},"]
    return lines


def _fits_alone(item: str, depth: int) -> bool:
    return len(INDENT) * depth + len(item) + 1 <= WIDTH


def _item(item: str, depth: int) -> list[str]:
    """Lay out an item that is too long with its comma."""
    start, end = _last_brackets(item)
    if start < 0 or end != len(item) - 1:
        return _operands(item, depth)
    space = INDENT * depth
    return [
        space + item[: start + 1],
        *_inside(item[start + 1 : end], depth + 1),
        space + item[end:],
    ]


def _in_parentheses(line: str, depth: int) -> list[str]:
    """Put the value of a line that has no brackets to break in parentheses of its own."""
    space = INDENT * depth
    colon = ":" if line.endswith(":") else ""
    for mark in (" = ", " in ", "return ", "if "):
        before, found, value = line.removesuffix(":").partition(mark)
        if found:
            return [
                f"{space}{before}{found}(",
                *_operands(value, depth + 1),
                f"{space}){colon}",
            ]
    return [space + line]


def _operands(text: str, depth: int) -> list[str]:
    """Lay out an expression: on one line if it fits, else a line per operand."""
    space = INDENT * depth
    items = list(_split(text))
    if len(items) > 1:
        return [f"{space}{item}," for item in items]
    if len(space) + len(text) <= WIDTH:
        return [space + text]
    for words in ((" if ", " else "), (" for ",), (" or ",), (" and ",), (" + ", " - ")):
        parts = list(_split_before(text, words))
        if len(parts) > 1:
            lines: list[str] = []
            for part in parts:
                lines += wrapped(part, depth)
            return lines
    return wrapped(text, depth) if _last_brackets(text)[0] > 0 else [space + text]


def _brackets(line: str) -> Iterator[tuple[int, str, int]]:
    """Yield the place and character of each character outside texts, with its depth."""
    quote, depth = "", 0
    skip = False
    for place, character in enumerate(line):
        if skip:
            skip = False
        elif quote:
            skip = character == "\\"
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        else:
            depth -= character in _CLOSE
            yield place, character, depth
            depth += character in _OPEN


def _last_brackets(line: str) -> tuple[int, int]:
    """Return where the last outermost brackets begin and end; -1 if there are none."""
    start = end = -1
    for place, character, depth in _brackets(line):
        if depth == 0 and character in _OPEN:
            start = place
        elif depth == 0 and character in _CLOSE:
            end = place
    return start, end


def _split(text: str) -> Iterator[str]:
    """Yield the items between commas outside inner brackets."""
    begin = 0
    for place, character, depth in _brackets(text):
        if depth == 0 and character == ",":
            yield text[begin:place].strip()
            begin = place + 1
    if text[begin:].strip():
        yield text[begin:].strip()


def _split_before(text: str, words: tuple[str, ...]) -> Iterator[str]:
    """Yield the parts of a text that begin at these words, outside brackets."""
    begin = 0
    for place, _, depth in _brackets(text):
        if depth == 0 and place > begin and text.startswith(words, place):
            yield text[begin:place].strip()
            begin = place
    yield text[begin:].strip()
