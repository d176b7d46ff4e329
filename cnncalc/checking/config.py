"""What is selected and how severe it is: `[tool.cnncalc]` of pyproject.toml, and the options over it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, Severity, misspelled
from ..rules import matching

LEVELS: tuple[Severity, ...] = ("note", "warning", "error")
FAILS = {"CNN302": "error"}  # `analyze` shows it as a warning
KEYS = {
    "select": list,
    "ignore": list,
    "exclude": list,
    "per-file-ignores": dict,
    "severity": dict,
    "fail-on": str,
    "baseline": str,
    "lock": str,
}


class Config(NamedTuple):
    """Codes that count (all, if none are selected), their severities, and what fails the run."""

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: Severity = "error"
    baseline: str | None = None
    lock: str | None = None
    root: str = "."  # the folder of pyproject.toml, from which paths and patterns count

    def judged(self, diagnostic: Diagnostic) -> Diagnostic | None:
        """The diagnostic with its severity here, or None where it does not count."""
        code = diagnostic.code
        selected = (
            not self.select or code in self.select or code.startswith("CNN0")
        )  # of what cannot be read, nothing else can be told
        if code in self.ignore or not selected:
            return None
        severity = dict(self.severity).get(code, FAILS.get(code, diagnostic.severity))
        return diagnostic._replace(severity=severity)  # type: ignore[arg-type]

    def fails(self, severity: Severity) -> bool:
        """Whether a finding of this severity fails the run."""
        return LEVELS.index(severity) >= LEVELS.index(self.fail_on)


def configured(folder: Path) -> Config:
    """The configuration in the nearest pyproject.toml above a folder that has one. CNN111 where it is wrong."""
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        if file.is_file():
            table = section(file)
            if table is not None:
                return config_of(table, str(file))
        if (place / ".git").exists():
            break
    return Config()


def section(file: Path) -> dict[str, Any] | None:
    """`[tool.cnncalc]` of a file, or None."""
    try:
        text = file.read_text("utf-8")
        if "cnncalc" not in text:
            return None  # reading TOML takes time
        if sys.version_info >= (3, 11):
            import tomllib
        else:
            import tomli as tomllib
        tool = tomllib.loads(text).get("tool")
        table = tool.get("cnncalc") if isinstance(tool, dict) else None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Mistake(Diagnostic("CNN111", f"{file}: {error}")) from None
    if table is not None and not isinstance(table, dict):
        raise Mistake(
            Diagnostic("CNN111", f"{file}: tool.cnncalc is a table", help="[tool.cnncalc]")
        )
    return table


def config_of(table: dict[str, Any], file: str) -> Config:
    """A table as Config; unknown keys, codes and values of another type are mistakes."""
    for key, value in table.items():
        if key not in KEYS:
            raise Mistake(
                misspelled(
                    Diagnostic("CNN111", f"{file}: [tool.cnncalc] has no key `{key}`"),
                    key,
                    KEYS,
                    f"it has {', '.join(KEYS)}",
                )
            )
        lists = (
            value.values()
            if key == "per-file-ignores" and isinstance(value, dict)
            else [value]
            if KEYS[key] is list
            else []
        )
        if not isinstance(value, KEYS[key]) or not all(
            isinstance(one, list) and all(isinstance(item, str) for item in one) for one in lists
        ):
            wanted = {
                list: "a list of strings",
                dict: "a table of lists of strings" if lists else "a table",
                str: "a string",
            }[KEYS[key]]
            raise Mistake(Diagnostic("CNN111", f"{file}: `{key}` in [tool.cnncalc] takes {wanted}"))
    try:
        per_file = tuple(
            (pattern, matching(tuple(codes)))
            for pattern, codes in table.get("per-file-ignores", {}).items()
        )
        severity = tuple(
            (code, level_of(level))
            for prefix, level in table.get("severity", {}).items()
            for code in sorted(matching((prefix,)))
        )
        beside = lambda key: str(Path(file).parent / table[key]) if key in table else None  # noqa: E731
        return Config(
            matching(tuple(table.get("select", ()))),
            matching(tuple(table.get("ignore", ()))),
            per_file,
            severity,
            tuple(table.get("exclude", ())),
            level_of(table.get("fail-on", "error")),
            beside("baseline"),
            beside("lock"),
            str(Path(file).parent),
        )
    except Mistake as mistake:
        raise Mistake(
            *(d._replace(message=f"{file}: {d.message}") for d in mistake.diagnostics)
        ) from None


def level_of(text: Any) -> Severity:
    """A severity by its name."""
    if text not in LEVELS:
        raise Mistake(Diagnostic("CNN111", f"a severity is note, warning or error, not `{text}`"))
    found: Severity = text
    return found


def codes_of(texts: list[str] | None) -> frozenset[str]:
    """``CNN501,CNN2`` → the codes that begin so."""
    return matching(
        tuple(part.strip() for text in texts or () for part in text.split(",") if part.strip())
    )
