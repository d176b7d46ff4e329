"""What libyaml complains of, in words that help: at the place that is best looked at, with the usual reason."""

from __future__ import annotations

import re
from typing import Any

import yaml

from ..diagnostic import Diagnostic, Position


def invalid(error: yaml.YAMLError, file: str, text: str) -> Diagnostic:
    """libyaml's complaint, where it is best looked at, and the usual reason for it."""
    if isinstance(error, yaml.reader.ReaderError):
        return _unprintable(error, file, text)
    mark, opened = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    problem, context = (
        getattr(error, "problem", None) or str(error).splitlines()[0],
        getattr(error, "context", None),
    )
    unclosed = opened is not None and ("expected ',' or" in problem or "end of stream" in problem)
    place = opened if unclosed else mark
    position = Position(file, place.line + 1, place.column + 1) if place else Position(file, 1, 1)
    lines = text.splitlines()
    near = lines[mark.line][:500] if mark and mark.line < len(lines) else ""
    if (
        mark
        and not unclosed
        and (missing := colon_missing(lines, [*([opened.line] if opened else []), mark.line], file))
    ):
        return missing
    found = re.search(_EXPRESSION, near)
    if unclosed and mark and found and '"' not in near:
        where = Position(file, mark.line + 1, found.start() + 1, len(found[0]))
        return Diagnostic(
            "CNN007",
            "an expression with brackets or commas must be quoted inside {…} or […]",
            where,
            help='quote it: {out: "depths[0]"}',
        )
    help = next((advice for sign, advice in _ADVICE if re.search(sign, problem)), None)
    if unclosed:
        help = (
            "close the quote opened here"
            if "scalar" in (context or "")
            else "close the bracket opened here, and put a comma between its entries"
        )
    return Diagnostic(
        "CNN001",
        f"not valid YAML: {problem}" + (f" {context}" if context else ""),
        position,
        help=help,
    )


_EXPRESSION = (
    r"(?<=: )\[[^\]]*\]\[[^\]]*\]|\$\{[^}]*\}?|\w+\[[^\]]*\]?|\bin \[[^\]]*\]?|\w+\([^)]*\)?"
)
_ADVICE = (
    (r"\btab\b|'\\t'", "indent with spaces"),
    (
        r"mapping values are not allowed",
        "a layer with words below it ends in a colon: `- relu:`; a key and its value are set apart by `: `",
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


def _unprintable(error: Any, file: str, text: str) -> Diagnostic:
    """A control character: libyaml counts bytes, so it is looked for here."""
    at = next(
        (
            n
            for n, c in enumerate(text)
            if ord(c) < 32
            and c not in "\t\n\r"
            or ord(c) == 127
            or 0x80 <= ord(c) < 0xA0
            and c != "\x85"
        ),
        0,
    )
    before = text[:at]
    return Diagnostic(
        "CNN001",
        f"the character U+{ord(text[at]):04X} cannot stand in YAML",
        Position(file, before.count("\n") + 1, at - before.rfind("\n")),
        help="remove it",
    )


_NO_COLON = re.compile(
    r"^\s*(?:- )?\s*([A-Za-z_]\w*)(?: (?=[\[{\w])|(:)(?=[^\s:]))[^:]*(?:$|[\[{:#])|^\s*([A-Za-z_]\w*)\s*$"
)


def colon_missing(lines: list[str], places: list[int], file: str) -> Diagnostic | None:
    """A key without its colon, or a colon without its space, on a line of a complaint or on the one before."""
    before = next(
        (
            n
            for n in range(places[-1] - 1, -1, -1)
            if n < len(lines) and lines[n].strip() and not lines[n].lstrip().startswith("#")
        ),
        None,
    )
    for n in [*places, *([before] if before is not None else [])]:
        match = _NO_COLON.match(lines[n].split(" #")[0].rstrip()) if n < len(lines) else None
        if match is None:
            continue
        group = 1 if match[1] else 3
        word = match[group]
        place = Position(file, n + 1, match.start(group) + 1, len(word))
        if match[2]:
            return Diagnostic(
                "CNN001",
                f"`{word}:` needs a space after its colon",
                place,
                help=f"write `{word}: …`",
            )
        return Diagnostic(
            "CNN001",
            f"`{word}` lacks its colon",
            place,
            help=f"write `{word}: …`, or `{word}:` if what belongs to it stands below",
        )
    return None
