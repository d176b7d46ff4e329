"""Reads, writes and checks the lock file: the agreed figures of every network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from ..analysis.figures import COMPARED, LATENCY, MAX_BATCH, OF_A_RUN, one_size
from ..analysis.result import Report
from ..at_least import AtLeast
from ..diagnostic import Diagnostic, Mistake, Position
from ..text_file import read_text, reason

LOCK_FILE = "cnncalc.lock"
_HOW = "run `cnncalc lock` to write the current figures"
_MAIN = ("params", "macs", "receptive_field", "outputs")  # named before the other figures

_OF_MEMORY = (*OF_A_RUN, MAX_BATCH, LATENCY)
_ABSENT = {"frozen_params": 0}  # figures that are left out where they have this value

Figures = dict[str, Any]  # by name, as JSON has them
Lock = dict[str, Figures]  # by `path` or `path#variant`, with the path from the lock's folder


def network_name(path: str, variant: str | None) -> str:
    """Return the name of a network in the lock."""
    return f"{path}#{variant}" if variant else path


def path_of(name: str) -> str:
    """Return the path in the name of a network in the lock."""
    return name.partition("#")[0]


def locked_figures(report: Report) -> Figures:
    """Return the figures of a network that the lock holds."""
    field = report.receptive_field and one_size(report.receptive_field[1])
    totals = {name: getattr(report.totals, name) for name in COMPARED}
    return {
        **{name: _held(n) for name, n in totals.items() if _ABSENT.get(name) != n},
        "receptive_field": list(field) if isinstance(field, tuple) else field,
        "outputs": {name: list(shape) for name, shape in report.outputs.items()},
        # Memory and time depend on how the network runs: they are locked where a budget says how.
        **{b.subject: _held(b.ours) for b in report.budgets if b.what in _OF_MEMORY},
    }


def _held(figure: Any) -> Any:
    """Return a figure as the lock has it; of one that is partly unknown, what it is at least."""
    return {"at_least": int(figure)} if isinstance(figure, AtLeast) else figure


def lock_text(lock: Lock) -> str:
    """Return the lock as text, with one line per network, so that diffs show which changed."""
    lines = [f"  {_json(name)}: {_json(lock[name])}" for name in sorted(lock)]
    return '{"schema_version": 1, "networks": {\n' + ",\n".join(lines) + "\n}}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_lock(file: str) -> Lock:
    """Return the lock that a file holds.

    Errors: CNN002 if the file cannot be read, CNN111 if it is not a lock file.
    """
    try:
        networks = json.loads(read_text(file))["networks"]
        if not isinstance(networks, dict):
            raise TypeError
        if not all(isinstance(figures, dict) for figures in networks.values()):
            raise TypeError
    except OSError as error:
        message = f"cannot read {file}: {reason(error)}"
        raise Mistake(
            Diagnostic("CNN002", message, help="run `cnncalc lock` to create it")
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(
            Diagnostic(
                "CNN111",
                f"{file} is not a lock file",
                help="resolve its merge conflict if it has one, "
                "or remove the file and run `cnncalc lock`",
            )
        ) from None
    return dict(networks)


def merged(before: Lock, now: Lock, declared: Set[str]) -> Lock:
    """Return the lock after some files were checked; entries of other files stay.

    `declared` has every network of the checked files, including those with errors. Entries of
    these files that are no longer declared are dropped.
    """
    files = {path_of(name) for name in declared}
    kept = {
        name: figures
        for name, figures in before.items()
        if name in declared or path_of(name) not in files
    }
    return kept | now


def changes_in_words(before: Lock, now: Lock) -> str:
    """Say how many entries are new, changed and removed: ``2 new, 1 changed``."""
    common = before.keys() & now.keys()
    counts = {
        "new": len(now.keys() - before.keys()),
        "changed": sum(before[name] != now[name] for name in common),
        "removed": len(before.keys() - now.keys()),
    }
    return ", ".join(f"{n} {word}" for word, n in counts.items() if n) or "nothing changed"


def lock_findings(lock: Lock, now: Lock, places: Mapping[str, Position]) -> Iterator[Diagnostic]:
    """Report each network whose figures changed or that has no entry, at its place in the spec."""
    for name, figures in now.items():
        place = places.get(name.partition("#")[2])
        if name not in lock:
            yield Diagnostic("CNN307", f"`{name}` is not in the lock", place, _HOW)
            continue
        before = {**_ABSENT, **lock[name]}
        after = {**_gone(lock[name]), **_ABSENT, **figures}
        changed = {
            what: _change_in_words(what, before.get(what), value)
            for what, value in after.items()
            if before.get(what) != value
        }
        if changed:
            main = [what for what in _MAIN if what in changed] or list(changed)
            others = [change for what, change in changed.items() if what not in main]
            message = f"`{name}` differs from the lock: {', '.join(changed[what] for what in main)}"
            yield Diagnostic(
                "CNN306",
                message,
                place,
                help=f"if this is intended, {_HOW}{_how_to_compare(place)}",
                equation=", ".join(others) or None,
            )


def _gone(before: Figures) -> dict[str, None]:
    """Return the figures of memory in a lock, which are gone if their budgets are."""
    return {what: None for what in before if what.startswith(_OF_MEMORY)}


def _how_to_compare(place: Position | None) -> str:
    """Return words that name `cnncalc diff`, for a place in a file."""
    if place is None or place.file == "<stdin>":
        return ""
    from shlex import quote  # only on the way to an error

    file = quote(place.file)
    return f"; to see which layers changed, run `cnncalc diff REVISION:{file} {file}`"


def _change_in_words(what: str, old: Any, new: Any) -> str:
    """Describe a change: ``params 10 → 12 (+20.0%)``."""
    return f"{what} {_figure_in_words(old)} → {_figure_in_words(new)}{_percentage(old, new)}"


def _figure_in_words(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, dict) and type(value.get("at_least")) is int:
        return str(AtLeast(value["at_least"]))
    return f"{value:,}" if isinstance(value, int) else json.dumps(value)


def _percentage(old: Any, new: Any) -> str:
    """Return `` (+3.1%)`` if both are numbers; small changes have more digits."""
    if not isinstance(old, int) or not isinstance(new, int) or not old:
        return ""
    digits = ".1%" if abs(new - old) * 1000 >= old else ".3%"
    return f" ({(new - old) / old:+{digits}})"


def stale_entries(lock: Lock, file: str, declared: Set[str]) -> Iterator[Diagnostic]:
    """Report each entry whose file is missing, or is checked and does not declare it."""
    checked = {path_of(name) for name in declared}
    lines = read_text(file).splitlines()
    for name in lock:
        if name in declared:
            continue
        if path_of(name) in checked or _is_gone(name, Path(file).parent):
            place = Position(file, _line_of(name, lines), 1)
            yield Diagnostic("CNN307", f"`{name}` is in the lock, but no spec has it", place, _HOW)


def _is_gone(name: str, folder: Path) -> bool:
    """Return whether an entry's file is missing; the path may itself hold a `#`."""
    paths = (path_of(name), name, name.rpartition("#")[0])
    return not any(os.path.isfile(folder / path) for path in paths)


def _line_of(name: str, lines: list[str]) -> int:
    """Return the line of an entry, or 1 if it is not found."""
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith(_json(name)):
            return number
    return 1
