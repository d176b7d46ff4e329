"""Unwanted findings: ignored by comments in the spec, or known from a baseline."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from itertools import chain
from typing import NamedTuple

from ..diagnostic import MOST, Diagnostic, Edit, Fix, Mistake, Position, first_of, misspelled
from ..rules import matching, rules
from ..text_file import read_text, reason
from .finding import Finding

_COMMENT = re.compile(
    r"(?:^|(?<=\s))#\s*cnncalc:\s*(?P<word>ignore(?:-file)?)\s*(?P<codes>\[[^\]]*\])?(?P<rest>.*)$"
)
_BETWEEN = r"[,\s]+"
_BARE = re.compile(rf"[:(\s]*(?P<codes>CNN\w*(?:{_BETWEEN}CNN\w*)*)\)?")
# A quote that nothing closes takes the rest of the line, so that no search starts twice.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*("?)|(?<![\w.])\'(?:\'\'|[^\'])*(\'?)')
_LONGEST = 1000  # characters of a line that count in a fingerprint


class _Ignore(NamedTuple):
    """An ignore comment."""

    line: int  # that it is about; 0: the whole file
    codes: dict[str, frozenset[str]]  # by how they are written; none: all codes
    place: Position
    gap: int = 0  # blanks before it

    def takes(self, diagnostic: Diagnostic) -> set[str]:
        """Which of its codes, as written, ignore a diagnostic of its line; "" if it has none."""
        if not self.codes:
            return {""}
        return {written for written, codes in self.codes.items() if diagnostic.code in codes}


def _ignore_comments(text: str, file: str) -> tuple[list[_Ignore], list[Diagnostic]]:
    """The ignore comments of a text; CNN113 for codes that do not exist."""
    found: list[_Ignore] = []
    faults: list[Diagnostic] = []
    if "cnncalc:" not in text:
        return found, faults
    lines = text.splitlines()
    below = _lines_below(lines)
    for number, line in enumerate(lines, 1):
        if "cnncalc:" not in line or len(faults) >= MOST:
            continue
        match = _COMMENT.search(_QUOTED.sub(_masked, line))
        if match is None:
            continue
        at = Position(file, number, match.start() + 1, len(line.rstrip()) - match.start())
        bare = _BARE.match(match["rest"]) if match["codes"] is None else None
        if bare:
            faults.append(_without_brackets(match, bare, at))
            continue
        codes, unknown = _codes_in(match, at)
        faults += first_of(unknown)
        before = line[: match.start()]
        about = 0
        if match["word"] != "ignore-file":
            about = number if before.strip() else below[number - 1]
        found.append(_Ignore(about, codes, at, len(before) - len(before.rstrip())))
    return found, faults


def _masked(quoted: re.Match[str]) -> str:
    """Dots instead of a quoted string, which may contain `#`."""
    is_closed = quoted[1] or quoted[2]
    return "·" * len(quoted[0]) if is_closed else quoted[0]


def _lines_below(lines: list[str]) -> list[int]:
    """For each line the next one that is neither blank nor a comment; without one, itself."""
    found: list[int] = []
    following: int | None = None
    for number in range(len(lines), 0, -1):
        found.append(following or number)
        start = lines[number - 1].lstrip()[:1]
        if start not in ("", "#"):
            following = number
    return found[::-1]


def _without_brackets(match: re.Match[str], bare: re.Match[str], at: Position) -> Diagnostic:
    """The fault of codes after `ignore` without brackets: the comment would ignore everything."""
    right = f"{match['word']}[{', '.join(re.split(_BETWEEN, bare['codes']))}]"
    start = match.start("word")
    place = at._replace(column=start + 1, length=match.start("rest") + bare.end() - start)
    return Diagnostic(
        "CNN113",
        "codes to ignore stand in brackets",
        place,
        help=f"write `{right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (Edit.over(place, right),), certain=True),
    )


def _codes_in(
    match: re.Match[str], at: Position
) -> tuple[dict[str, frozenset[str]], list[Diagnostic]]:
    """The codes of a comment, by how they are written, and the faults of unknown ones."""
    codes: dict[str, frozenset[str]] = {}
    faults: list[Diagnostic] = []
    for code in re.finditer(r"[^,\[\]\s]+", match["codes"] or ""):
        if len(faults) >= MOST:
            break
        try:
            codes[code[0]] = _matching(code[0])
        except Mistake as mistake:
            place = at._replace(column=match.start("codes") + code.start() + 1, length=len(code[0]))
            faults.append(_unknown_code(code[0], mistake.diagnostics[0].message, place))
            codes[code[0]] = frozenset()
    return codes, faults


@cache
def _matching(prefix: str) -> frozenset[str]:
    return matching((prefix,))


def _unknown_code(code: str, message: str, place: Position) -> Diagnostic:
    fault = Diagnostic("CNN113", message, place, severity="warning")
    fault = misspelled(fault, code.upper(), rules())
    if fault.fix is None:
        return fault
    right = fault.fix.edits[0].text  # replaces the code as written, whatever its case
    return fault._replace(fix=fault.fix._replace(edits=(Edit.over(place, right),)))


def without_ignored(
    findings: list[Finding], text: str, file: str, complete: bool = True
) -> tuple[list[Finding], int]:
    """Removes the findings that comments ignore, and counts them.

    If the findings are `complete`, adds CNN113 for each code of a comment that ignores nothing.
    """
    ignores, faults = _ignore_comments(text, file)
    if not ignores and not faults:
        return findings, 0
    faults = first_of(faults)
    used: list[set[str]] = [set() for _ in ignores]
    by_line: dict[int, list[int]] = {}
    for n, ignore in enumerate(ignores):
        by_line.setdefault(ignore.line, []).append(n)
    kept: list[Finding] = []
    for finding in findings:
        diagnostic, ignored = finding.diagnostic, False
        about = list(by_line.get(0, ()))
        if diagnostic.position:
            about += by_line.get(diagnostic.position.line, ())
        if diagnostic.code.startswith("CNN0"):
            about = []  # errors of a file that cannot be read cannot be ignored
        for n in about:
            taken = ignores[n].takes(diagnostic)
            used[n] |= taken
            ignored |= bool(taken)
        if not ignored:
            kept.append(finding)
    removed = len(findings) - len(kept)
    if complete:
        needless = map(_needless, ignores, used)
        faults += first_of(chain.from_iterable(needless))
    kept += map(Finding, faults)
    return sorted(kept, key=lambda finding: finding.place), removed


def _needless(ignore: _Ignore, used: set[str]) -> Iterator[Diagnostic]:
    """CNN113 for a comment, or for those of its codes, that ignore nothing."""
    needless = [written for written, codes in ignore.codes.items() if codes and written not in used]
    if not used and len(needless) == len(ignore.codes):
        yield Diagnostic(
            "CNN113",
            "this comment ignores nothing",
            ignore.place,
            help="remove it",
            severity="warning",
            fix=Fix("remove the comment", (_removal(ignore),)),
        )
    elif needless:
        yield Diagnostic(
            "CNN113",
            f"there is no {' or '.join(needless)} here to ignore",
            ignore.place,
            help="remove what is not needed",
            severity="warning",
        )


def _removal(ignore: _Ignore) -> Edit:
    """The edit that removes a comment, with the blanks before it if a layer is on its line."""
    place = ignore.place
    if ignore.line == place.line:
        place = place._replace(column=place.column - ignore.gap, length=place.length + ignore.gap)
    return Edit.over(place, "")


def fingerprints(findings: list[Finding], text: str, path: str) -> list[str]:
    """A mark of each finding that stays when lines move.

    It is a hash of code, file, the words of the line, and the number among equal findings.
    """
    lines, seen = text.splitlines(), Counter[str]()
    marks: list[str] = []
    for finding in findings:
        position, line = finding.diagnostic.position, ""
        if position and 0 < position.line <= len(lines):
            line = lines[position.line - 1][:_LONGEST].strip()
        key = "\0".join((finding.diagnostic.code, path, line))
        seen[key] += 1
        numbered = f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")
        marks.append(sha256(numbered).hexdigest()[:16])
    return marks


def read_baseline(file: str) -> frozenset[str]:
    """The fingerprints of a baseline.

    Errors: CNN002 if the file cannot be read, CNN111 if it is not a baseline.
    """
    how = "`cnncalc check --write-baseline FILE` makes one"
    try:
        data = json.loads(read_text(file))
        return frozenset(entry["fingerprint"] for entry in data["findings"])
    except OSError as error:
        message = f"cannot read {file}: {reason(error)}"
        raise Mistake(Diagnostic("CNN002", message, help=how)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(Diagnostic("CNN111", f"{file} is not a baseline file", help=how)) from None
