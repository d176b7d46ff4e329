"""Findings that are not wanted: by comments in the spec, or by a baseline of what was there before."""

from __future__ import annotations

import json
import re
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ..diagnostic import Diagnostic, Edit, Fix, Mistake, Position, misspelled
from ..rules import rules
from .examine import Finding

_COMMENT = re.compile(r"#\s*cnncalc:\s*(ignore(?:-file)?)\s*(\[[^\]]*\])?")


class Ignore(NamedTuple):
    """An ignore comment: the line it speaks of (0: the whole file), its codes (None: all), and where it stands."""

    line: int
    codes: frozenset[str] | None
    place: Position


def comments(text: str, file: str) -> tuple[list[Ignore], list[Diagnostic]]:
    """The ignore comments of a text; CNN113 for codes that do not exist."""
    found: list[Ignore] = []
    faults: list[Diagnostic] = []
    if "cnncalc:" not in text:
        return found, faults
    for number, line in enumerate(text.splitlines(), 1):
        match = _COMMENT.search(line)
        if match is None:
            continue
        place = Position(file, number, match.start() + 1, match.end() - match.start())
        codes = [code.strip().upper() for code in match[2][1:-1].split(",")] if match[2] else None
        for code in codes or ():
            if code not in rules():
                at = place._replace(column=match.start(2) + 1, length=len(match[2]))
                faults.append(misspelled(Diagnostic("CNN113", f"no rule has the code `{code}`", at, severity="warning"), code, rules()))
        alone = not line[: match.start()].strip()
        found.append(Ignore(0 if match[1] == "ignore-file" else number + alone, frozenset(codes) if codes is not None else None, place))
    return found, faults


def without_ignored(findings: list[Finding], text: str, file: str) -> tuple[list[Finding], int]:
    """The findings that no comment ignores and how many one does; CNN113 for each comment that ignores nothing."""
    ignores, faults = comments(text, file)
    if not ignores:
        return findings, 0
    used: set[Ignore] = set()
    kept = []
    for finding in findings:
        d = finding.diagnostic
        by = [i for i in ignores if (i.codes is None or d.code in i.codes) and i.line in (0, d.position.line if d.position else -1)]
        used.update(by)
        if not by:
            kept.append(finding)
    unknown = {fault.position and fault.position.line for fault in faults}
    idle = [i for i in ignores if i not in used and i.place.line not in unknown]
    notes = [*faults, *(Diagnostic("CNN113", "this comment ignores nothing", i.place, "remove it", severity="warning", fix=Fix("remove the comment", (Edit.over(i.place, ""),))) for i in idle)]
    ordered = sorted([*kept, *map(Finding, notes)], key=lambda finding: finding.diagnostic.position[1:3] if finding.diagnostic.position else (0, 0))
    return ordered, len(findings) - len(kept)


def fingerprints(findings: list[Finding], text: str, path: str) -> list[str]:
    """For each finding a mark that stays when lines move: of code, file, the line's words, and its number among equals."""
    lines, seen, marks = text.splitlines(), Counter[str](), []
    for finding in findings:
        d = finding.diagnostic
        line = lines[d.position.line - 1].strip() if d.position and 0 < d.position.line <= len(lines) else ""
        key = "\0".join((d.code, Path(path).as_posix(), line))
        seen[key] += 1
        marks.append(sha256(f"{key}\0{seen[key]}".encode()).hexdigest()[:16])
    return marks


def read_baseline(file: str) -> frozenset[str]:
    """The fingerprints of a baseline."""
    try:
        data = json.loads(Path(file).read_text("utf-8"))
        return frozenset(entry["fingerprint"] for entry in data["findings"])
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {error.strerror or error}", help="`cnncalc check --write-baseline FILE` makes one")) from None
    except (ValueError, KeyError, TypeError):
        raise Mistake(Diagnostic("CNN111", f"{file} is no baseline", help="`cnncalc check --write-baseline FILE` makes one")) from None
