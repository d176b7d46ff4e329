"""Reads which findings count, and how severe they are: `[tool.cnncalc]` in pyproject.toml."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..diagnostic import Diagnostic, Mistake, Position, Severity, misspelled
from ..rules import matching, rule
from ..text_file import read_text, reason

_MOST_BYTES = 1_000_000
_MOST_DOTS = 2000  # in a line: memory grows with the square of the number of parts of a key
_LEVELS: tuple[Severity, ...] = ("note", "warning", "error")
# Severities in `check`; `analyze` shows these as warnings.
_SEVERITIES: dict[str, Severity] = {"CNN302": "error", "CNN308": "error"}
_KEYS = {
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
    """The codes that count, their severities, and what fails the run.

    All codes count if none are selected.
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()
    severity: tuple[tuple[str, Severity], ...] = ()
    exclude: tuple[str, ...] = ()
    fail_on: Severity = "error"
    baseline: str | None = None
    lock: str | None = None
    root: str = "."  # the folder of pyproject.toml, to which paths and patterns are relative
    all_notes: bool = False  # also those after which nothing needs to change

    def judged(self, diagnostic: Diagnostic) -> Diagnostic | None:
        """Return the diagnostic with its configured severity, or None if it does not count."""
        code = diagnostic.code
        unreadable = code.startswith("CNN0")  # such a file has no other findings
        selected = not self.select or code in self.select or unreadable
        if code in self.ignore or not selected:
            return None
        default = _SEVERITIES.get(code, diagnostic.severity)
        return diagnostic._replace(severity=dict(self.severity).get(code, default))

    def hides(self, diagnostic: Diagnostic) -> bool:
        """Return whether nobody asked for a note after which nothing needs to change.

        People ask for it by its code, as selected or with a severity, or for all notes.
        """
        code = diagnostic.code
        if self.all_notes or diagnostic.severity != "note" or code in self.select:
            return False
        return rule(code).is_for_information and code not in dict(self.severity)

    def fails(self, severity: Severity) -> bool:
        """Return whether a finding of this severity fails the run."""
        return _LEVELS.index(severity) >= _LEVELS.index(self.fail_on)


def configured(folder: Path) -> Config:
    """Return the configuration in the nearest pyproject.toml in or above a folder.

    Files without `[tool.cnncalc]` are passed over.

    Errors: CNN111 if the configuration is wrong.
    """
    for place in (folder, *folder.parents):
        file = place / "pyproject.toml"
        if os.path.isfile(file):  # also False in a folder that cannot be read
            table = _table(file)
            if table is not None:
                return _config_of(table, str(file))
        if os.path.exists(place / ".git"):
            break
    return Config()


def _table(file: Path) -> dict[str, Any] | None:
    """Return `[tool.cnncalc]` of a file, or None."""
    try:
        text = read_text(file, _MOST_BYTES)
        if "cnncalc" not in text:
            return None  # parsing TOML takes time
        if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
            raise ValueError(f"a line has more than {_MOST_DOTS:,} dots")
        if sys.version_info >= (3, 11):
            import tomllib
        else:  # installed on Python 3.10 only
            import tomli as tomllib  # type: ignore[import-not-found, unused-ignore]
        tool = tomllib.loads(text).get("tool")
        table = tool.get("cnncalc") if isinstance(tool, dict) else None
    except OSError as error:
        raise Mistake(Diagnostic("CNN002", f"cannot read {file}: {reason(error)}")) from None
    except (ValueError, RecursionError) as error:
        raise Mistake(Diagnostic("CNN111", f"{file}: {error}")) from None
    if table is not None and not isinstance(table, dict):
        raise Mistake(
            Diagnostic(
                "CNN111",
                f"{file}: tool.cnncalc must be a table",
                help="start it with `[tool.cnncalc]`",
            )
        )
    return table


def _config_of(table: dict[str, Any], file: str) -> Config:
    """Return a table as Config.

    Errors: a Mistake for an unknown key or code, or a value of the wrong type.
    """
    for key, value in table.items():
        if key not in _KEYS:
            fault = Diagnostic("CNN111", f"{file}: [tool.cnncalc] has no key `{key}`")
            raise Mistake(misspelled(fault, key, _KEYS, f"it has {', '.join(_KEYS)}"))
        if not _has_type(key, value):
            wanted = _in_words(key, value)
            message = f"{file}: `{key}` in [tool.cnncalc] takes {wanted}"
            raise Mistake(Diagnostic("CNN111", message))
    baseline = _path_beside(file, "baseline", table.get("baseline"))
    lock = _path_beside(file, "lock", table.get("lock"))
    try:
        per_file = tuple(
            (pattern, matching(tuple(codes)))
            for pattern, codes in table.get("per-file-ignores", {}).items()
        )
        severity = tuple(_severities(table.get("severity", {})))
        return Config(
            select=matching(tuple(table.get("select", ()))),
            ignore=matching(tuple(table.get("ignore", ()))),
            per_file=per_file,
            severity=severity,
            exclude=tuple(table.get("exclude", ())),
            fail_on=level_of(table.get("fail-on", "error")),
            baseline=baseline,
            lock=lock,
            root=str(Path(file).parent),
        )
    except Mistake as mistake:
        found = [d._replace(message=f"{file}: {d.message}") for d in mistake.diagnostics]
        raise Mistake(*found) from None


def _has_type(key: str, value: Any) -> bool:
    """Return whether a value has the type of its key; lists must hold strings."""
    if not isinstance(value, _KEYS[key]):
        return False
    lists: list[Any] = []
    if key == "per-file-ignores":
        lists = list(value.values())
    elif _KEYS[key] is list:
        lists = [value]
    return all(_is_list_of_strings(one) for one in lists)


def _is_list_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _in_words(key: str, value: Any) -> str:
    """Return, in words, the type that a key takes, for a value that it does not take."""
    if _KEYS[key] is list:
        return "a list of strings"
    if _KEYS[key] is str:
        return "a string"
    has_parts = key == "per-file-ignores" and isinstance(value, dict)
    return "a table of lists of strings" if has_parts else "a table"


def _severities(table: dict[str, Any]) -> Iterator[tuple[str, Severity]]:
    """Yield each code with its severity; a table may give the first characters of several codes."""
    for prefix, level in table.items():
        for code in sorted(matching((prefix,))):
            yield code, level_of(level)


def _path_beside(file: str, key: str, path: str | None) -> str | None:
    """Return a path of the configuration, which is relative to the configuration file.

    Errors: CNN111 if it points outside the folder of that file, directly or through a link: a
    project that somebody else wrote must not choose what is read and written elsewhere.
    """
    if path is None:
        return None
    folder = Path(file).parent
    inside = Path(os.path.realpath(folder / path)).is_relative_to(os.path.realpath(folder))
    if inside and not Path(path).is_absolute():
        return str(folder / path)
    text = Path(file).read_text("utf-8")
    mistake = Mistake(
        Diagnostic(
            "CNN111",
            f"`{key}` in [tool.cnncalc] points outside the project: `{path}`",
            _place_of(key, text, file),
            help=f"name a file in the folder of pyproject.toml or below it, or use --{key}",
        )
    )
    mistake.sources[file] = text
    raise mistake


def _place_of(key: str, text: str, file: str) -> Position | None:
    """Return where a key of `[tool.cnncalc]` is, in any notation: parsed TOML has no positions."""
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[([^\[\]]*)\]", line):
            table = f"{header[1]}."
        written = line.partition("=")[0]
        if re.sub(r"[\s\"']", "", table + written) == f"tool.cnncalc.{key}":
            start = len(line) - len(line.lstrip())
            return Position(file, number, start + 1, len(line.strip()))
    return None


def level_of(text: Any) -> Severity:
    """Return the severity that has this name."""
    if text not in _LEVELS:
        raise Mistake(Diagnostic("CNN111", f"a severity is note, warning or error, not `{text}`"))
    found: Severity = text
    return found


def codes_of(texts: list[str] | None) -> frozenset[str]:
    """Return the codes that begin with one of these texts: ``["CNN501,CNN2"]``."""
    parts = [part.strip() for part in ",".join(texts or ()).split(",")]
    return matching(tuple(part for part in parts if part))
