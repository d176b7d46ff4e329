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
_NO_CHANGE = re.compile("nothing needs to change[.;]")  # so its fix begins
_EXAMPLE = re.compile(r"```yaml\n(.*?)```\n", re.S)


class Rule(NamedTuple):
    """One code of the catalogue."""

    code: str
    severity: str
    title: str
    why: str
    example: str | None  # a spec with this finding, if a spec can have it
    fix: str
    text: str  # the whole entry, as Markdown

    @property
    def is_for_information(self) -> bool:
        """Return whether it is a note after which nothing needs to change in the spec."""
        return self.severity == "note" and bool(_NO_CHANGE.match(self.fix))


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
    """Return the rule with this code.

    Errors: a Mistake for an unknown code; it names the most similar one.
    """
    known = rules()
    found = known.get(code.upper())
    if found is None:
        fault = Diagnostic("CNN111", f"unknown code `{code}`")
        listing = "`cnncalc rule` lists the codes"
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
