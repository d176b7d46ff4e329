"""The catalogue of rules, read from rules.md: each code's severity, meaning, example and fix."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from .diagnostic import Diagnostic, Mistake, misspelled

_ENTRY = re.compile(
    r"^## (CNN\d{3}) (error|warning|note): ([^\n]+)\n\n(.*?)(?=^## |\Z)", re.M | re.S
)
_EXAMPLE = re.compile(r"```yaml\n(.*?)```\n", re.S)


class Rule(NamedTuple):
    """One code of the catalogue."""

    code: str
    severity: str
    title: str
    why: str
    example: str | None  # a spec with this finding, where a spec can have it
    fix: str
    text: str  # the whole entry, as Markdown


def page() -> str:
    """Return the whole catalogue, as Markdown."""
    return (Path(__file__).parent / "rules.md").read_text("utf-8")


@cache
def rules() -> dict[str, Rule]:
    """Return every rule, by its code."""
    return {match[1]: _rule(match) for match in _ENTRY.finditer(page())}


def _rule(match: re.Match[str]) -> Rule:
    code, severity, title, body = match.groups()
    example = _EXAMPLE.search(body)
    before, _, fix = _EXAMPLE.sub("", body).partition("Fix: ")
    return Rule(
        code=code,
        severity=severity,
        title=title,
        why=before.strip(),
        example=example[1] if example else None,
        fix=fix.strip(),
        text=match[0].strip(),
    )


def rule(code: str) -> Rule:
    """Return a rule.

    Errors: a Mistake with the nearest code for an unknown one.
    """
    known = rules()
    found = known.get(code.upper())
    if found is None:
        fault = Diagnostic("CNN111", f"no rule has the code `{code}`")
        listing = "`cnncalc rule --all` prints them all"
        raise Mistake(misspelled(fault, code.upper(), known, listing))
    return found


def matching(prefixes: tuple[str, ...]) -> frozenset[str]:
    """Return the codes that begin with one of the prefixes, such as CNN5.

    Errors: a Mistake for a prefix that no code begins with.
    """
    found: set[str] = set()
    for prefix in prefixes:
        codes = {code for code in rules() if code.startswith(prefix.upper())}
        if not prefix or not codes:
            codes = {rule(prefix).code}
        found |= codes
    return frozenset(found)
