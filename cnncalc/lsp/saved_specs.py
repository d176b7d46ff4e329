"""The names in the saved specs of a workspace; a file is read again only when it has changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from lsprotocol import types as lsp
from pygls.uris import from_fs_path

from ..checking.config import Config, configured
from ..checking.files import find_specs
from ..diagnostic import Mistake
from ..language.load import read
from .symbols import names_in
from .view import View

MOST_FILES = 2000  # of a folder, in which names are searched

_Stamp = tuple[int, int]


class SavedSpecs:
    """The saved specs of a workspace."""

    def __init__(self) -> None:
        self._crowded: dict[str, int] = {}  # folders of too many specs, and how many
        self._said: set[str] = set()
        self._known: dict[str, tuple[_Stamp, list[lsp.WorkspaceSymbol]]] = {}

    def names(self, folders: Iterable[str], but: Iterable[str]) -> Iterator[lsp.WorkspaceSymbol]:
        """Yield the names in the specs of folders, but not in those at some addresses."""
        left_out = {*but}
        for folder in folders:
            files = _specs_in(folder)
            if len(files) > MOST_FILES:
                self._crowded[folder] = len(files)
            for file in files[:MOST_FILES]:
                uri = from_fs_path(file)
                if uri is not None and uri not in left_out:
                    yield from self._names_in(file, uri)

    def remarks(self) -> Iterator[str]:
        """Yield, once for each folder that has too many specs, that some are left out."""
        for folder, number in [*self._crowded.items()]:
            if folder not in self._said:
                self._said.add(folder)
                yield f"Names are searched in {MOST_FILES:,} of the {number:,} specs in {folder}."

    def _names_in(self, file: str, uri: str) -> list[lsp.WorkspaceSymbol]:
        try:
            status = os.stat(file)
            stamp = status.st_mtime_ns, status.st_size
            known = self._known.get(file)
            if known is None or known[0] != stamp:
                known = self._known[file] = stamp, names_in(uri, View(read(Path(file)), file))
            return known[1]
        except (OSError, Mistake):
            return []


def _specs_in(folder: str) -> list[str]:
    try:
        config = configured(Path(folder))
    except Mistake:
        config = Config()
    try:
        return [name for name, _ in find_specs([folder], config.exclude, config.root)]
    except Mistake:
        return []
