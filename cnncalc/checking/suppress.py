"""Drops unwanted findings: those that comments in the spec ignore, or that a baseline has."""

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
# A quote that is not closed takes the rest of the line, so that the search stays linear.
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*("?)|(?<![\w.])\'(?:\'\'|[^\'])*(\'?)')
_LONGEST = 1000  # characters of a line that count in a fingerprint


class _Ignore(NamedTuple):
    """An ignore comment."""

    line: int  # the line that it applies to; 0: the whole file
    codes: dict[str, frozenset[str]]  # by their spelling; empty: all codes
    place: Position
    gap: int = 0  # number of blanks before it

    def takes(self, diagnostic: Diagnostic) -> set[str]:
        """Return its codes, as written, that ignore a diagnostic; "" if it has no codes."""
        if not self.codes:
            return {""}
        return {written for written, codes in self.codes.items() if diagnostic.code in codes}


def _ignore_comments(text: str, file: str) -> tuple[list[_Ignore], list[Diagnostic]]:
    """Return the ignore comments of a text, and CNN113 for each wrong one."""
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
    """Return dots in place of a quoted string, which may contain `#`."""
    is_closed = quoted[1] or quoted[2]
    return "·" * len(quoted[0]) if is_closed else quoted[0]


def _lines_below(lines: list[str]) -> list[int]:
    """Return, for each line, the next one that is not blank or a comment; if none, the line."""
    found: list[int] = []
    following: int | None = None
    for number in range(len(lines), 0, -1):
        found.append(following or number)
        start = lines[number - 1].lstrip()[:1]
        if start not in ("", "#"):
            following = number
    return found[::-1]


def _without_brackets(match: re.Match[str], bare: re.Match[str], at: Position) -> Diagnostic:
    """Report codes without brackets after `ignore`: the comment would ignore everything."""
    right = f"{match['word']}[{', '.join(re.split(_BETWEEN, bare['codes']))}]"
    start = match.start("word")
    place = at._replace(column=start + 1, length=match.start("rest") + bare.end() - start)
    return Diagnostic(
        "CNN113",
        "codes to ignore must be in brackets",
        place,
        help=f"write `{right}`",
        severity="warning",
        fix=Fix(f"write `{right}`", (Edit.over(place, right),), certain=True),
    )


def _codes_in(
    match: re.Match[str], at: Position
) -> tuple[dict[str, frozenset[str]], list[Diagnostic]]:
    """Return the codes of a comment, by their spelling, and CNN113 for unknown ones."""
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
    right = fault.fix.edits[0].text  # replaces the code as it is written, in upper or lower case
    return fault._replace(fix=fault.fix._replace(edits=(Edit.over(place, right),)))


def without_ignored(
    findings: list[Finding], text: str, file: str, complete: bool = True
) -> tuple[list[Finding], int]:
    """Remove the findings that comments ignore, and count them.

    If the findings are `complete`, add CNN113 for each code of a comment that ignores nothing.
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
            about = []  # errors that prevent the file from being read cannot be ignored
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
    """Report a comment, or those of its codes, that ignore nothing."""
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
            f"there is no {' or '.join(needless)} to ignore here",
            ignore.place,
            help="remove the codes that are not needed",
            severity="warning",
        )


def _removal(ignore: _Ignore) -> Edit:
    """Return the edit that removes a comment, with the blanks before it if it ends a line."""
    place = ignore.place
    if ignore.line == place.line:
        place = place._replace(column=place.column - ignore.gap, length=place.length + ignore.gap)
    return Edit.over(place, "")


def fingerprints(findings: list[Finding], text: str, path: str) -> list[str]:
    """Return a fingerprint of each finding, which stays the same when lines move.

    It is a hash of the code, the path, the text of the line, and the number among equal findings.
    """
    lines, seen = text.splitlines(), Counter[str]()
    marks: list[str] = []
    for finding in findings:
        position, line = finding.diagnostic.position, ""
        if position and 0 < position.line <= len(lines):
            line = lines[position.line - 1][:_LONGEST].strip()
        key = "\0".join((finding.diagnostic.code, path, line))
        seen[key] += 1
        numbered = f"{key}\0{seen[key]}".encode("utf-8", "surrogatepass")
        marks.append(sha256(numbered).hexdigest()[:16])
    return marks


def read_baseline(file: str) -> frozenset[str]:
    """Return the fingerprints of a baseline.

    Errors: CNN002 if the file cannot be read, CNN111 if it is not a baseline.
    """
    how = "run `cnncalc check --write-baseline FILE` to create one"
    try:
        data = json.loads(read_text(file))
        return frozenset(entry["fingerprint"] for entry in data["findings"])
    except OSError as error:
        message = f"cannot read {file}: {reason(error)}"
        raise Mistake(Diagnostic("CNN002", message, help=how)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(Diagnostic("CNN111", f"{file} is not a baseline file", help=how)) from None
