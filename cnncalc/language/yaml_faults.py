"""Explains errors of libyaml: at the most useful place, with the usual reason."""

from __future__ import annotations

import re

import yaml

from ..diagnostic import Diagnostic, Position

_LONGEST = 500  # most characters of a line that are searched for the reason


def invalid(error: yaml.YAMLError, file: str, text: str) -> Diagnostic:
    """Describe an error of libyaml at the most useful place, with the usual reason for it."""
    if isinstance(error, yaml.reader.ReaderError):
        return unprintable(file, text)
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or str(error).splitlines()[0])
    context = str(getattr(error, "context", None) or "")
    unclosed = opened is not None and ("expected ',' or" in problem or "end of stream" in problem)
    lines = text.splitlines()
    if mark and ("tab character" in problem or _is_tab(lines, mark.line, mark.column)):
        at = Position(file, mark.line + 1, mark.column + 1)
        message = "YAML does not allow tabs for indentation"
        return Diagnostic("CNN001", message, at, help="indent with spaces")
    if mark and not unclosed:
        places = [opened.line, mark.line] if opened else [mark.line]
        missing = _colon_missing(lines, places, file)
        if missing is not None:
            return missing
    if mark and unclosed and mark.line < len(lines):
        unquoted = _unquoted_expression(lines[mark.line][:_LONGEST], mark.line, file)
        if unquoted is not None:
            return unquoted
    place = opened if unclosed else mark
    return Diagnostic(
        "CNN001",
        f"not valid YAML: {problem}" + (f" {context}" if context else ""),
        Position(file, place.line + 1, place.column + 1) if place else Position(file, 1, 1),
        help=_advice_for_unclosed(context) if unclosed else _advice(problem),
    )


_EXPRESSION = (
    r"(?<=: )\[[^\]]*\]\[[^\]]*\]|\$\{[^}]*\}?|\w+\[[^\]]*\]?|\bin \[[^\]]*\]?|\w+\([^)]*\)?"
)


def _unquoted_expression(line: str, n: int, file: str) -> Diagnostic | None:
    """Report an expression on line n (from 0) whose brackets YAML read as YAML."""
    found = re.search(_EXPRESSION, line)
    if found is None or '"' in line:
        return None
    return Diagnostic(
        "CNN007",
        "an expression with brackets or commas must be quoted inside {…} or […]",
        Position(file, n + 1, found.start() + 1, len(found[0])),
        help='quote it: {out: "depths[0]"}',
    )


_ADVICE = (
    (
        r"mapping values are not allowed",
        "end a layer that has keys below it with a colon: `- relu:`; "
        "put `: ` between a key and its value",
    ),
    (r"expected node content", "give it a value, or close the open bracket"),
    (r"cannot start any token", "quote it; write a minimum as {min: 300}"),
    (r"comment or line break", "`>` starts a block of text in YAML: write {min: 300}, or quote it"),
    (
        r"expected <document start>",
        "indent entries of the same level equally, and end each key with `:`",
    ),
    (
        r"block (mapping|end|collection)|expected '-'|expected key",
        "indent entries of the same level equally",
    ),
)


def _advice(problem: str) -> str | None:
    return next((advice for sign, advice in _ADVICE if re.search(sign, problem)), None)


def _advice_for_unclosed(context: str) -> str:
    if "scalar" in context:
        return "close the quote opened here"
    return "close the bracket opened here, and put commas between its entries"


def _is_tab(lines: list[str], line: int, column: int) -> bool:
    return line < len(lines) and lines[line][column : column + 1] == "\t"


def unprintable(file: str, text: str) -> Diagnostic:
    """Report a character that YAML forbids; search for it, as libyaml's positions count bytes."""
    at = next((n for n, character in enumerate(text) if _is_forbidden(character)), 0)
    before = text[:at]
    return Diagnostic(
        "CNN001",
        f"the character U+{ord(text[at]):04X} is not allowed in YAML",
        Position(file, before.count("\n") + 1, at - before.rfind("\n")),
        help="remove it",
    )


def _is_forbidden(character: str) -> bool:
    """Return whether it is a control character, half a surrogate pair, or no character at all."""
    code = ord(character)
    if code < 32:
        return character not in "\t\n\r"
    if 0xD800 <= code < 0xE000 or code in (0xFFFE, 0xFFFF):
        return True
    return code == 127 or 0x80 <= code < 0xA0 and code != 0x85


_NO_COLON = re.compile(
    r"^\s*(?:- )?\s*([A-Za-z_]\w*)(?: (?=[\[{\w])|(:)(?=[^\s:]))[^:]*(?:$|[\[{:#])"
    r"|^\s*([A-Za-z_]\w*)\s*$"
)


def _colon_missing(lines: list[str], places: list[int], file: str) -> Diagnostic | None:
    """Report a key without its colon, or a colon without its space.

    Look on the lines of the error, and on the line before the last of them.
    """
    for n in [*places, *_line_before(lines, places[-1])]:
        line = lines[n][:_LONGEST] if n < len(lines) else ""
        match = _NO_COLON.match(line.split(" #")[0].rstrip())
        if match is None:
            continue
        group = 1 if match[1] else 3
        word = match[group]
        place = Position(file, n + 1, match.start(group) + 1, len(word))
        if match[2]:
            message = f"`{word}:` needs a space after its colon"
            return Diagnostic("CNN001", message, place, help=f"write `{word}: …`")
        message = f"the colon after `{word}` is missing"
        help = f"write `{word}: …`, or `{word}:` if its value is on the lines below"
        return Diagnostic("CNN001", message, place, help=help)
    return None


def _line_before(lines: list[str], end: int) -> list[int]:
    """Return the last line before `end` that is not empty or a comment, if there is one."""
    for n in range(min(end, len(lines)) - 1, -1, -1):
        if lines[n].strip() and not lines[n].lstrip().startswith("#"):
            return [n]
    return []
