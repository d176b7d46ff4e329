"""Unwanted findings: ignored by comments in the spec, or known from a baseline."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ..diagnostic import Diagnostic, Edit, Fix, Mistake, Position, misspelled
from ..rules import matching, rules
from .finding import Finding

_COMMENT = re.compile(
    r"(?:^|(?<=\s))#\s*cnncalc:\s*(?P<word>ignore(?:-file)?)\s*(?P<codes>\[[^\]]*\])?(?P<rest>.*)$"
)
_BETWEEN = r"[,\s]+"
_BARE = re.compile(rf"[:(\s]*(?P<codes>CNN\w*(?:{_BETWEEN}CNN\w*)*)\)?")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|(?<![\w.])\'(?:\'\'|[^\'])*\'')


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
    for number, line in enumerate(lines, 1):
        if "#" not in line:
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
        faults += unknown
        before = line[: match.start()]
        about = 0
        if match["word"] != "ignore-file":
            about = number if before.strip() else _next_line(lines, number)
        found.append(_Ignore(about, codes, at, len(before) - len(before.rstrip())))
    return found, faults


def _masked(quoted: re.Match[str]) -> str:
    """Dots instead of a quoted string, which may contain `#`."""
    return "·" * len(quoted[0])


def _next_line(lines: list[str], number: int) -> int:
    """The next line that is neither blank nor a comment; without one, the line itself."""
    for n, line in enumerate(lines[number:], number + 1):
        if line.strip() and not line.lstrip().startswith("#"):
            return n
    return number


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
        try:
            codes[code[0]] = matching((code[0],))
        except Mistake as mistake:
            place = at._replace(column=match.start("codes") + code.start() + 1, length=len(code[0]))
            faults.append(_unknown_code(code[0], mistake.diagnostics[0].message, place))
            codes[code[0]] = frozenset()
    return codes, faults


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
        for ignore, codes in zip(ignores, used):
            faults += _needless(ignore, codes)
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
            line = lines[position.line - 1].strip()
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
        data = json.loads(Path(file).read_text("utf-8"))
        return frozenset(entry["fingerprint"] for entry in data["findings"])
    except OSError as error:
        message = f"cannot read {file}: {error.strerror or error}"
        raise Mistake(Diagnostic("CNN002", message, help=how)) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(Diagnostic("CNN111", f"{file} is not a baseline file", help=how)) from None
