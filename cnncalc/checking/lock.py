"""The lock: figures of every network as they were agreed on, in a file that is committed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..analysis.figures import one_size
from ..analysis.rows import Report
from ..diagnostic import Diagnostic, Mistake, Position

NAME = "cnncalc.lock"
TOTALS = ("params", "buffers", "macs", "flops", "activations", "activation_bytes", "param_bytes")
HOW = "`cnncalc lock` writes the figures as they are now"


def figures(report: Report) -> dict[str, Any]:
    """What is locked of a network."""
    field = report.receptive_field and one_size(report.receptive_field[1])
    shapes = {name: list(shape) for name, shape in report.outputs.items()}
    return {
        **{name: getattr(report.totals, name) for name in TOTALS},
        "receptive_field": list(field) if isinstance(field, tuple) else field,
        "outputs": shapes,
    }


def written(networks: dict[str, dict[str, Any]]) -> str:
    """The lock as text: a line for each network, so that a change of one is a change of one line."""
    lines = [
        f"  {json.dumps(name, ensure_ascii=False)}: {json.dumps(networks[name], ensure_ascii=False)}"
        for name in sorted(networks)
    ]
    return '{"schema_version": 1, "networks": {\n' + ",\n".join(lines) + "\n}}"


def read_lock(file: str) -> dict[str, dict[str, Any]]:
    """The locked figures by network. CNN002 where there is no such file, CNN111 where it is no lock."""
    try:
        networks = json.loads(Path(file).read_text("utf-8"))["networks"]
        if not isinstance(networks, dict) or not all(
            isinstance(entry, dict) for entry in networks.values()
        ):
            raise TypeError
    except OSError as error:
        raise Mistake(
            Diagnostic(
                "CNN002",
                f"cannot read {file}: {error.strerror or error}",
                help="`cnncalc lock` makes one",
            )
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Mistake(
            Diagnostic(
                "CNN111",
                f"{file} is not a lock file",
                help="resolve its merge conflict, if it has one; or remove it, and let `cnncalc lock` make one",
            )
        ) from None
    return dict(networks)


def compared(
    lock: dict[str, dict[str, Any]],
    networks: dict[str, dict[str, Any]],
    places: Mapping[str, Position],
) -> Iterator[Diagnostic]:
    """A finding for each network whose figures moved, or that has no entry, at its place."""
    for name, ours in networks.items():
        place = places.get(name.partition("#")[2])
        if name not in lock:
            yield Diagnostic("CNN307", f"`{name}` is not in the lock", place, HOW)
            continue
        theirs = lock[name]
        moved = [
            f"{what} {shown(theirs.get(what))} → {shown(value)}{change(theirs.get(what), value)}"
            for what, value in ours.items()
            if theirs.get(what) != value
        ]
        if moved:
            yield Diagnostic(
                "CNN306",
                f"`{name}` is not as locked: {', '.join(moved)}",
                place,
                f"if that is intended, {HOW}",
            )


def stale(lock: dict[str, dict[str, Any]], file: str, declared: set[str]) -> Iterator[Diagnostic]:
    """A finding for each entry of a checked file that declares no such network, and of each file that is gone."""
    checked = {name.partition("#")[0] for name in declared}
    lines = Path(file).read_text("utf-8").splitlines()
    for name in lock:
        path = name.partition("#")[0]
        gone = not any(
            (Path(file).parent / part).is_file() for part in (path, name, name.rpartition("#")[0])
        )
        if name not in declared and (path in checked or gone):
            line = next(
                (
                    n
                    for n, text in enumerate(lines, 1)
                    if text.lstrip().startswith(json.dumps(name, ensure_ascii=False))
                ),
                1,
            )
            yield Diagnostic(
                "CNN307",
                f"`{name}` is in the lock, but no spec has it",
                Position(file, line, 1),
                HOW,
            )


def shown(value: Any) -> str:
    """A locked figure for people."""
    return f"{value:,}" if isinstance(value, int) else json.dumps(value)


def change(old: Any, new: Any) -> str:
    """`` (+3.1%)``, where both are numbers."""
    return (
        f" ({(new - old) / old:+{'.1%' if abs(new - old) * 1000 >= old else '.3%'}})"
        if isinstance(old, int) and isinstance(new, int) and old
        else ""
    )
