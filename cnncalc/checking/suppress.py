"""Findings that are not wanted: by comments in the spec, or by a baseline of what was there before."""

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


class Ignore(NamedTuple):
    """An ignore comment: the line it speaks of (0: the whole file), its codes by how they are written (none: all of them), and where it stands."""

    line: int
    codes: dict[str, frozenset[str]]
    place: Position
    gap: int = 0  # blanks before it

    def takes(self, diagnostic: Diagnostic) -> set[str]:
        """What of it ignores a diagnostic of its line."""
        return (
            {written for written, codes in self.codes.items() if diagnostic.code in codes}
            if self.codes
            else {""}
        )


def comments(text: str, file: str) -> tuple[list[Ignore], list[Diagnostic]]:
    """The ignore comments of a text; CNN113 for codes that do not exist."""
    found: list[Ignore] = []
    faults: list[Diagnostic] = []
    if "cnncalc:" not in text:
        return found, faults
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = (
            _COMMENT.search(_QUOTED.sub(lambda quoted: "·" * len(quoted[0]), line))
            if "#" in line
            else None
        )
        if match is None:
            continue
        at = Position(file, number, match.start() + 1, len(line.rstrip()) - match.start())
        if match["codes"] is None and (bare := _BARE.match(match["rest"])):
            faults.append(without_brackets(match, bare, at))
            continue
        codes, unknown = codes_in(match, at)
        faults += unknown
        before = line[: match.start()]
        below = next(
            (
                n
                for n, other in enumerate(lines[number:], number + 1)
                if other.strip() and not other.lstrip().startswith("#")
            ),
            number,
        )
        found.append(
            Ignore(
                0 if match["word"] == "ignore-file" else number if before.strip() else below,
                codes,
                at,
                len(before) - len(before.rstrip()),
            )
        )
    return found, faults


def without_brackets(match: re.Match[str], bare: re.Match[str], at: Position) -> Diagnostic:
    """Codes that stand behind `ignore` without brackets, which would ignore everything."""
    right = f"{match['word']}[{', '.join(re.split(_BETWEEN, bare['codes']))}]"
    start = match.start("word")
    place = at._replace(column=start + 1, length=match.start("rest") + bare.end() - start)
    fix = Fix(f"write `{right}`", (Edit.over(place, right),), certain=True)
    return Diagnostic(
        "CNN113",
        "codes to ignore stand in brackets",
        place,
        f"write `{right}`",
        severity="warning",
        fix=fix,
    )


def codes_in(
    match: re.Match[str], at: Position
) -> tuple[dict[str, frozenset[str]], list[Diagnostic]]:
    """The codes of a comment, by how they are written, and what is wrong with those that do not exist."""
    codes: dict[str, frozenset[str]] = {}
    faults = []
    for code in re.finditer(r"[^,\[\]\s]+", match["codes"] or ""):
        try:
            codes[code[0]] = matching((code[0],))
        except Mistake as mistake:
            place = at._replace(column=match.start("codes") + code.start() + 1, length=len(code[0]))
            fault = misspelled(
                Diagnostic("CNN113", mistake.diagnostics[0].message, place, severity="warning"),
                code[0].upper(),
                rules(),
            )
            faults.append(
                fault._replace(
                    fix=fault.fix
                    and fault.fix._replace(edits=(Edit.over(place, fault.fix.edits[0].text),))
                )
            )
            codes[code[0]] = frozenset()
    return codes, faults


def without_ignored(
    findings: list[Finding], text: str, file: str, complete: bool = True
) -> tuple[list[Finding], int]:
    """The findings that no comment ignores and how many one does; CNN113 for each code of a comment that ignores nothing, if they are `complete`."""
    ignores, faults = comments(text, file)
    if not ignores and not faults:
        return findings, 0
    used: dict[int, set[str]] = {n: set() for n in range(len(ignores))}
    by_line: dict[int, list[int]] = {}
    for n, ignore in enumerate(ignores):
        by_line.setdefault(ignore.line, []).append(n)
    kept = []
    for finding in findings:
        place, ignored = finding.diagnostic.position, False
        if finding.diagnostic.code.startswith(
            "CNN0"
        ):  # of a file that cannot be read, nothing can be ignored
            kept.append(finding)
            continue
        for n in [*by_line.get(0, ()), *(by_line.get(place.line, ()) if place else ())]:
            taken = ignores[n].takes(finding.diagnostic)
            used[n] |= taken
            ignored |= bool(taken)
        if not ignored:
            kept.append(finding)
    notes = [
        *faults,
        *(fault for n, ignore in enumerate(ignores) if complete for fault in idle(ignore, used[n])),
    ]
    ordered = sorted([*kept, *map(Finding, notes)], key=lambda finding: finding.place)
    return ordered, len(findings) - len(kept)


def idle(ignore: Ignore, used: set[str]) -> Iterator[Diagnostic]:
    """What of a comment ignores nothing."""
    needless = [written for written, codes in ignore.codes.items() if codes and written not in used]
    if not used and len(needless) == len(ignore.codes):
        start = (
            ignore.place.column - ignore.gap
            if ignore.gap and ignore.line == ignore.place.line
            else ignore.place.column
        )
        edit = Edit(
            ignore.place.line,
            start,
            ignore.place.line,
            ignore.place.column + ignore.place.length,
            "",
        )
        yield Diagnostic(
            "CNN113",
            "this comment ignores nothing",
            ignore.place,
            "remove it",
            severity="warning",
            fix=Fix("remove the comment", (edit,)),
        )
    elif needless:
        yield Diagnostic(
            "CNN113",
            f"there is no {' or '.join(needless)} here to ignore",
            ignore.place,
            "remove what is not needed",
            severity="warning",
        )


def fingerprints(findings: list[Finding], text: str, path: str) -> list[str]:
    """For each finding a mark that stays when lines move: of code, file, the line's words, and its number among equals."""
    lines, seen, marks = text.splitlines(), Counter[str](), []
    for finding in findings:
        d = finding.diagnostic
        line = (
            lines[d.position.line - 1].strip()
            if d.position and 0 < d.position.line <= len(lines)
            else ""
        )
        key = "\0".join((d.code, path, line))
        seen[key] += 1
        marks.append(
            sha256(f"{key}\0{seen[key]}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
        )
    return marks


def read_baseline(file: str) -> frozenset[str]:
    """The fingerprints of a baseline."""
    try:
        data = json.loads(Path(file).read_text("utf-8"))
        return frozenset(entry["fingerprint"] for entry in data["findings"])
    except OSError as error:
        raise Mistake(
            Diagnostic(
                "CNN002",
                f"cannot read {file}: {error.strerror or error}",
                help="`cnncalc check --write-baseline FILE` makes one",
            )
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(
            Diagnostic(
                "CNN111",
                f"{file} is not a baseline file",
                help="`cnncalc check --write-baseline FILE` makes one",
            )
        ) from None
