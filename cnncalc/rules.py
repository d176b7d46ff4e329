"""The catalogue: every code with its severity, what it means, an example and the fix, as rules.md tells them."""

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
    """One code of the catalogue. `example` is a spec that gives it, where a spec can."""

    code: str
    severity: str
    title: str
    why: str
    example: str | None
    fix: str
    text: str


def page() -> str:
    """The whole catalogue, as Markdown."""
    return (Path(__file__).parent / "rules.md").read_text("utf-8")


@cache
def rules() -> dict[str, Rule]:
    """Every rule, by its code."""
    return {match[1]: _rule(match) for match in _ENTRY.finditer(page())}


def _rule(match: re.Match[str]) -> Rule:
    body = match[4]
    example = _EXAMPLE.search(body)
    before, _, fix = _EXAMPLE.sub("", body).partition("Fix: ")
    return Rule(
        match[1],
        match[2],
        match[3],
        before.strip(),
        example[1] if example else None,
        fix.strip(),
        match[0].strip(),
    )


def rule(code: str) -> Rule:
    """One rule, or a Mistake with the nearest code."""
    known = rules()
    if code.upper() not in known:
        raise Mistake(
            misspelled(
                Diagnostic("CNN111", f"no rule has the code `{code}`"),
                code.upper(),
                known,
                "`cnncalc rule --all` prints them all",
            )
        )
    return known[code.upper()]


def matching(prefixes: tuple[str, ...]) -> frozenset[str]:
    """The codes that begin with one of the prefixes, such as CNN5; a Mistake for one that begins none."""
    found: set[str] = set()
    for prefix in prefixes:
        codes = {code for code in rules() if code.startswith(prefix.upper())}
        found |= codes if prefix and codes else {rule(prefix).code}
    return frozenset(found)
