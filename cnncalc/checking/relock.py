"""Makes the lock that `cnncalc lock` writes: networks with errors keep the entry that they had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .files import relative_path
from .finding import Checked
from .lock import Lock, merged, network_name, path_of


class Relocked(NamedTuple):
    """A new lock.

    Attributes:
        lock: the figures of every network.
        refused: the networks whose figures are not taken, because they have errors, or have no
            figures because of errors in the baseline; of a file that cannot be read as a spec,
            its path.
    """

    lock: Lock
    refused: tuple[str, ...]


def relocked(before: Lock, checked: Iterable[Checked], folder: str, *, complete: bool) -> Relocked:
    """Return the lock of the checked files, with paths relative to the folder of the lock.

    If the check is `complete`, entries of other files are dropped; otherwise, they stay.
    """
    now: Lock = {}
    declared: set[str] = set()
    refused: list[str] = []
    unread: set[str] = set()
    for file in checked:
        path = relative_path(file.file, folder)
        declared |= file.declared
        names = {network_name(path, name): name for name in file.networks}
        wrong = {
            network
            for network, name in names.items()
            if network not in file.figures or _has_errors(file, name)
        }
        refused += sorted(wrong)
        if not file.networks and file.count("error"):
            refused.append(path)
            unread.add(path)
        now |= {name: figures for name, figures in file.figures.items() if name not in wrong}
    if complete:
        before = {
            name: figures
            for name, figures in before.items()
            if name in declared or path_of(name) in unread
        }
    return Relocked(lock=merged(before, now, declared), refused=tuple(refused))


def _has_errors(file: Checked, network: str | None) -> bool:
    return any(finding.diagnostic.severity == "error" for finding in file.findings_of(network))


def refused_in_words(refused: tuple[str, ...]) -> str:
    """Return ``not locked, because of its errors: a.yaml``; at most three names."""
    if not refused:
        return ""
    more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
    whose = "its" if len(refused) == 1 else "their"
    return f"not locked, because of {whose} errors: {', '.join(refused[:3])}{more}"
