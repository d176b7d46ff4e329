"""What libyaml complains about, in words that help: at the best place, with the usual reason."""

from __future__ import annotations

import re

import yaml

from ..diagnostic import Diagnostic, Position

_LONGEST = 500  # characters of a line that are searched for the reason


def invalid(error: yaml.YAMLError, file: str, text: str) -> Diagnostic:
    """Describe an error of libyaml where it is best looked at, with the usual reason for it."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable(file, text)
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or str(error).splitlines()[0])
    context = str(getattr(error, "context", None) or "")
    unclosed = opened is not None and ("expected ',' or" in problem or "end of stream" in problem)
    lines = text.splitlines()
    if mark and ("tab character" in problem or _is_tab(lines, mark.line, mark.column)):
        at = Position(file, mark.line + 1, mark.column + 1)
        message = "YAML does not indent with tabs"
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
    """Report an expression on line n (from 0) whose brackets YAML read as its own."""
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
        "a layer with words below it ends in a colon: `- relu:`; "
        "a key and its value are set apart by `: `",
    ),
    (r"expected node content", "give it a value, or close what was opened"),
    (r"cannot start any token", "quote it; a least figure is written {min: 300}"),
    (r"comment or line break", "`>` begins a text in YAML: write {min: 300}, or quote it"),
    (r"expected <document start>", "indent what belongs together alike, and end a key with `:`"),
    (
        r"block (mapping|end|collection)|expected '-'|expected key",
        "indent what belongs together alike",
    ),
)


def _advice(problem: str) -> str | None:
    return next((advice for sign, advice in _ADVICE if re.search(sign, problem)), None)


def _advice_for_unclosed(context: str) -> str:
    if "scalar" in context:
        return "close the quote opened here"
    return "close the bracket opened here, and put a comma between its entries"


def _is_tab(lines: list[str], line: int, column: int) -> bool:
    return line < len(lines) and lines[line][column : column + 1] == "\t"


def _unprintable(file: str, text: str) -> Diagnostic:
    """Report a control character. libyaml's positions count bytes, so search for it."""
    at = next((n for n, character in enumerate(text) if _is_control(character)), 0)
    before = text[:at]
    return Diagnostic(
        "CNN001",
        f"the character U+{ord(text[at]):04X} cannot stand in YAML",
        Position(file, before.count("\n") + 1, at - before.rfind("\n")),
        help="remove it",
    )


def _is_control(character: str) -> bool:
    code = ord(character)
    if code < 32:
        return character not in "\t\n\r"
    return code == 127 or 0x80 <= code < 0xA0 and code != 0x85


_NO_COLON = re.compile(
    r"^\s*(?:- )?\s*([A-Za-z_]\w*)(?: (?=[\[{\w])|(:)(?=[^\s:]))[^:]*(?:$|[\[{:#])"
    r"|^\s*([A-Za-z_]\w*)\s*$"
)


def _colon_missing(lines: list[str], places: list[int], file: str) -> Diagnostic | None:
    """Report a key without its colon, or a colon without its space.

    It is on a line of the complaint, or on the one before the last of them.
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
        message = f"`{word}` lacks its colon"
        help = f"write `{word}: …`, or `{word}:` if what belongs to it stands below"
        return Diagnostic("CNN001", message, place, help=help)
    return None


def _line_before(lines: list[str], end: int) -> list[int]:
    """The last line before `end` that is neither empty nor a comment, if there is one."""
    for n in range(min(end, len(lines)) - 1, -1, -1):
        if lines[n].strip() and not lines[n].lstrip().startswith("#"):
            return [n]
    return []
