"""The lock file: the agreed figures of every network, committed beside the specs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from ..analysis.figures import COMPARED, one_size
from ..analysis.result import Report
from ..diagnostic import Diagnostic, Mistake, Position
from ..text_file import read_text, reason

LOCK_FILE = "cnncalc.lock"
_HOW = "`cnncalc lock` writes the figures as they are now"

Figures = dict[str, Any]  # by name, as JSON has them
Lock = dict[str, Figures]  # by network: `path` or `path#variant`, the path from the lock's folder


def network_name(path: str, variant: str | None) -> str:
    """The name of a network in the lock."""
    return f"{path}#{variant}" if variant else path


def _path_of(name: str) -> str:
    return name.partition("#")[0]


def locked_figures(report: Report) -> Figures:
    """The figures of a network that are locked."""
    field = report.receptive_field and one_size(report.receptive_field[1])
    return {
        **{name: getattr(report.totals, name) for name in COMPARED},
        "receptive_field": list(field) if isinstance(field, tuple) else field,
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
    }


def lock_text(lock: Lock) -> str:
    """The lock as text: one line a network, so that a changed network is a changed line."""
    lines = [f"  {_json(name)}: {_json(lock[name])}" for name in sorted(lock)]
    return '{"schema_version": 1, "networks": {\n' + ",\n".join(lines) + "\n}}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_lock(file: str) -> Lock:
    """The locked figures.

    Errors: CNN002 if there is no such file, CNN111 if it is not a lock file.
    """
    try:
        networks = json.loads(read_text(file))["networks"]
        if not isinstance(networks, dict):
            raise TypeError
        if not all(isinstance(figures, dict) for figures in networks.values()):
            raise TypeError
    except OSError as error:
        message = f"cannot read {file}: {reason(error)}"
        raise Mistake(Diagnostic("CNN002", message, help="`cnncalc lock` makes one")) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(
            Diagnostic(
                "CNN111",
                f"{file} is not a lock file",
                help="resolve its merge conflict, if it has one; "
                "or remove it, and let `cnncalc lock` make one",
            )
        ) from None
    return dict(networks)


def merged(before: Lock, now: Lock, declared: Set[str]) -> Lock:
    """The lock after some files were checked: entries of other files stay.

    `declared` has every network of the checked files, those with errors included; entries of those
    files that are not declared any more are dropped.
    """
    files = {_path_of(name) for name in declared}
    kept = {
        name: figures
        for name, figures in before.items()
        if name in declared or _path_of(name) not in files
    }
    return kept | now


def changes_in_words(before: Lock, now: Lock) -> str:
    """How many entries are new, changed and removed: ``2 new, 1 changed``."""
    common = before.keys() & now.keys()
    counts = {
        "new": len(now.keys() - before.keys()),
        "changed": sum(before[name] != now[name] for name in common),
        "removed": len(before.keys() - now.keys()),
    }
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n) or "nothing changed"


def lock_findings(lock: Lock, now: Lock, places: Mapping[str, Position]) -> Iterator[Diagnostic]:
    """A finding for each network whose figures changed or that has no entry, at its place."""
    for name, figures in now.items():
        place = places.get(name.partition("#")[2])
        if name not in lock:
            yield Diagnostic("CNN307", f"`{name}` is not in the lock", place, _HOW)
            continue
        changed = [
            _change_in_words(what, lock[name].get(what), value)
            for what, value in figures.items()
            if lock[name].get(what) != value
        ]
        if changed:
            message = f"`{name}` is not as locked: {', '.join(changed)}"
            yield Diagnostic("CNN306", message, place, f"if that is intended, {_HOW}")


def _change_in_words(what: str, old: Any, new: Any) -> str:
    """``params 10 → 12 (+20.0%)``."""
    return f"{what} {_figure_in_words(old)} → {_figure_in_words(new)}{_percentage(old, new)}"


def _figure_in_words(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else json.dumps(value)


def _percentage(old: Any, new: Any) -> str:
    """`` (+3.1%)`` if both are numbers; small changes have more digits."""
    if not isinstance(old, int) or not isinstance(new, int) or not old:
        return ""
    digits = ".1%" if abs(new - old) * 1000 >= old else ".3%"
    return f" ({(new - old) / old:+{digits}})"


def stale_entries(lock: Lock, file: str, declared: Set[str]) -> Iterator[Diagnostic]:
    """A finding for each entry of a checked file that does not declare it, or of a missing file."""
    checked = {_path_of(name) for name in declared}
    lines = read_text(file).splitlines()
    for name in lock:
        if name in declared:
            continue
        if _path_of(name) in checked or _is_gone(name, Path(file).parent):
            place = Position(file, _line_of(name, lines), 1)
            yield Diagnostic("CNN307", f"`{name}` is in the lock, but no spec has it", place, _HOW)


def _is_gone(name: str, folder: Path) -> bool:
    """Whether an entry's file is missing; its path may hold a `#` itself."""
    paths = (_path_of(name), name, name.rpartition("#")[0])
    return not any(os.path.isfile(folder / path) for path in paths)


def _line_of(name: str, lines: list[str]) -> int:
    """The line of an entry, or 1."""
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(_json(name)):
            return number
    return 1
